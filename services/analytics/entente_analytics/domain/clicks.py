"""Clicks: their signed ids, which of them count, and how a link's day is counted without counting one twice."""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

_EPOCH = datetime.fromtimestamp(0, UTC)
_PREVIEWS = re.compile(
    r"preview|facebookexternalhit|facebookcatalog|^whatsapp|telegrambot|twitterbot|slackbot|discordbot|linkedinbot|"
    r"pinterestbot|skypeuripreview|embedly|vkshare|redditbot|viber",
    re.IGNORECASE,
)
_ROBOTS = re.compile(
    r"(?<!cu)bot\b|(?<!cu)bot[/_-]|crawl|spider|slurp|headless|phantomjs|lighthouse|monitor|uptime|pingdom|curl/|wget/|"
    r"python-|httpx|aiohttp|okhttp|go-http-client|java/|libwww|scrapy",
    re.IGNORECASE,
)


class Verdict(StrEnum):
    """How a click counts, and why it does not."""

    COUNTED = "COUNTED"
    BOT = "BOT"
    REPEAT = "REPEAT"
    PREFETCH = "PREFETCH"
    PREVIEW = "PREVIEW"
    PROBE = "PROBE"


AUTOMATIC = (Verdict.BOT, Verdict.PREFETCH, Verdict.PREVIEW, Verdict.PROBE)
"""What no visitor did."""


@dataclass(frozen=True)
class Click:
    """One click, as its link's stream tells it.

    Args:
        incarnation: the process that redirected; a new one at each start.
        n: its number among the clicks of this link in that process, from 1.
    """

    link: str
    incarnation: str
    n: int
    at: datetime
    verdict: Verdict

    @property
    def day(self) -> str:
        """The day (UTC) on which it counts."""
        return self.at.date().isoformat()


def automatic(method: str, user_agent: str, purpose: str) -> Verdict | None:
    """Why a request is no visitor's; None for one that may be."""
    if "prefetch" in purpose.lower() or "preview" in purpose.lower() or "prerender" in purpose.lower():
        return Verdict.PREFETCH
    if method == "HEAD" or not user_agent.strip():
        return Verdict.PROBE
    if _PREVIEWS.search(user_agent):
        return Verdict.PREVIEW
    return Verdict.BOT if _ROBOTS.search(user_agent) else None


def visitor_mark(salt: bytes, link: str, address: str, user_agent: str) -> bytes:
    """What is remembered of a visitor until the day ends: eight bytes that mean nothing without the day's salt."""
    return hashlib.blake2b(f"{link}\n{address}\n{user_agent}".encode(), digest_size=8, key=salt).digest()


class DayVisitors:
    """Who has clicked today, so that a visitor's further clicks on a link are repeats.

    Args:
        limit: at most this many are remembered; beyond it a repeat may count again.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._day = ""
        self._seen: dict[bytes, None] = {}

    def is_new(self, day: str, mark: bytes) -> bool:
        """Whether this is the visitor's first click of the day; remembers it."""
        if day != self._day:
            self._day, self._seen = day, {}
        if mark in self._seen:
            return False
        self._seen[mark] = None
        if len(self._seen) > self._limit:
            del self._seen[next(iter(self._seen))]
        return True


class ClickIds:
    """Makes and reads click ids: they say which link was clicked and when, and cannot be made by anybody else.

    So a sale can be attributed however long its click still takes through the stream, and no click has to be kept.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make(self, code: str, at: datetime, serial: str) -> str:
        """The id of a click on the link with this code; ``serial`` tells it from others of the same moment."""
        said = f"{code}.{(at - _EPOCH) // timedelta(milliseconds=1):x}.{serial}"
        return f"{said}.{self._seal(said)}"

    def read(self, click_id: str) -> tuple[str, datetime] | None:
        """The code of the link and the time of the click; None for an id that was not made here."""
        said, _, seal = click_id.rpartition(".")
        if not hmac.compare_digest(seal.encode(), self._seal(said).encode()):
            return None
        code, milliseconds, _ = said.split(".")
        return code, _EPOCH + timedelta(milliseconds=int(milliseconds, 16))

    def _seal(self, said: str) -> str:
        # BLAKE2 with a key is a MAC of its own, and quicker than HMAC for so few bytes.
        return base64.b32encode(hashlib.blake2b(said.encode(), digest_size=10, key=self._key).digest()).decode().lower()
