"""Following a tracked link: the visitor is sent on, and the click is safe before they leave."""

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from entente_analytics.application.stores import Secret, Stores
from entente_analytics.domain.clicks import Click, ClickIds, DayVisitors, Verdict, automatic, visitor_mark
from entente_analytics.domain.links import TrackedLink
from entente_analytics.domain.names import link_name
from entente_analytics.metrics import clicks_lost, clicks_taken
from entente_chassis.clock import Clock
from entente_chassis.refusal import Unavailable
from entente_chassis.store.model import Change

log = logging.getLogger(__name__)

_LINKS_KEPT = 10_000
_CLICK_KEY = "secrets/click-key"
_VISITOR_SALT = "secrets/visitor-salt"


@dataclass(frozen=True)
class Visit:
    """What a request says of itself. None of it is kept."""

    method: str
    address: str
    user_agent: str
    purpose: str


@dataclass(frozen=True)
class TakenClick:
    """A click as the journal keeps it; ``mark`` finds repeats after a restart on the same day, and goes no further."""

    click: Click
    campaign: str
    collaboration: str
    mark: bytes


class LinkBook:
    """Tracked links by code. They never change, so one that was read stays good."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._known: OrderedDict[str, TrackedLink] = OrderedDict()

    async def find(self, code: str) -> TrackedLink | None:
        """The link, or nothing."""
        link = self._known.get(code)
        if link is None:
            outcome = await self._stores.links.get(link_name(code))
            if outcome is None:
                return None
            link = outcome.state
            self._known[code] = link
            if len(self._known) > _LINKS_KEPT:
                self._known.popitem(last=False)
        return link


async def click_ids(stores: Stores) -> ClickIds:
    """What makes and reads click ids; the first process that asks makes the key that all share."""
    made = Secret(secrets.token_hex(32))
    outcome = await stores.secrets.change(_CLICK_KEY, lambda existing: None if existing else Change(made))
    return ClickIds(bytes.fromhex(outcome.state.value))


class DailySalt:
    """The salt of today's visitor marks. All replicas share it; the next day's takes its place, and it is gone."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._lock = asyncio.Lock()
        self._day = ""
        self._salt = b""

    async def of(self, day: str) -> bytes:
        """The salt of a day."""
        if day == self._day:
            return self._salt
        async with self._lock:
            if day != self._day:
                self._salt = await self._shared(day)
                self._day = day
        return self._salt

    async def _shared(self, day: str) -> bytes:
        made = Secret(secrets.token_hex(32), day)

        def decide(existing: Secret | None) -> Change[Secret] | None:
            # A replica whose clock is a moment behind must not bring yesterday back: it uses the new day's.
            return None if existing and existing.day >= day else Change(made)

        try:
            outcome = await self._stores.secrets.change(_VISITOR_SALT, decide)
        except Unavailable:
            # Sending visitors on matters more: until the next day repeats are found within this process only.
            log.warning("the database is away: a visitor salt of this process alone is used for the day")
            return bytes.fromhex(made.value)
        return bytes.fromhex(outcome.state.value)


class Redirect:
    """Takes clicks.

    Args:
        book: the links.
        ids: makes click ids.
        salt: the day's salt of visitor marks.
        visitors: who clicked today.
        incarnation: names this process, never used before.
        keep: returns when the click is safe on disk; raises OSError when it cannot be.
        clock: the domain's clock.
    """

    def __init__(
        self,
        book: LinkBook,
        ids: Callable[[], ClickIds],
        salt: DailySalt,
        visitors: DayVisitors,
        incarnation: str,
        keep: Callable[[TakenClick], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._book = book
        self._ids = ids
        self._salt = salt
        self._visitors = visitors
        self._incarnation = incarnation
        self._keep = keep
        self._clock = clock
        self._numbers: dict[str, int] = {}

    async def follow(self, code: str, visit: Visit) -> str | None:
        """Where to send the visitor; None when there is no such link."""
        link = await self._book.find(code)
        if link is None:
            return None
        salt = await self._salt.of(self._clock.now().date().isoformat())

        # From here to keep() nothing is awaited: clicks are numbered and written in one order.
        now = self._clock.now()
        mark = visitor_mark(salt, link.name, visit.address, visit.user_agent)
        verdict = automatic(visit.method, visit.user_agent, visit.purpose)
        if verdict is None:
            new = self._visitors.is_new(now.date().isoformat(), mark)
            verdict = Verdict.COUNTED if new else Verdict.REPEAT
        n = self._numbers[link.name] = self._numbers.get(link.name, 0) + 1
        click = Click(link.name, self._incarnation, n, now, verdict)
        try:
            await self._keep(TakenClick(click, link.owner.campaign, link.owner.collaboration, mark))
        except OSError:
            # The disk is full or broken. The visitor goes on: the brand's sale matters more than the count of it.
            log.exception("a click could not be kept")
            clicks_lost.inc()
        else:
            clicks_taken.labels(verdict.value.lower()).inc()
        click_id = self._ids().make(code, now, f"{self._incarnation}{n:x}")
        return link.landing_url(click_id, visit.user_agent)
