"""The YouTube Data API v3: figures of videos by ``videos.list`` with ``part=statistics``.

https://developers.google.com/youtube/v3/docs/videos/list: at most 50 ids for one unit of quota; counts are strings; a
video that is private or gone is left out, and a count that its owner hides is not there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from entente_analytics.domain.content import Figures
from entente_analytics.domain.metric_files import video_id
from entente_chassis.refusal import Precondition, Unavailable

_AT_ONCE = 50
_WITHIN_SECONDS = 10.0
_COUNTS = {"views": "viewCount", "likes": "likeCount", "comments": "commentCount"}
_OUT_OF_QUOTA = {"quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded"}


class YouTube:
    """Reads figures of videos.

    Args:
        key: of the API.
        url: where the API is.
    """

    platform = "YOUTUBE"

    def __init__(self, key: str, url: str) -> None:
        self._key = key
        self._url = url.rstrip("/")

    async def read(self, urls: Sequence[str]) -> Mapping[str, Figures]:
        """The figures of those videos that are public, by address."""
        ids = {url: found for url in urls if (found := video_id(url))}
        wanted = sorted(set(ids.values()))
        figures: dict[str, Figures] = {}
        async with httpx.AsyncClient(timeout=_WITHIN_SECONDS) as http:
            for start in range(0, len(wanted), _AT_ONCE):
                for item in await self._items(http, wanted[start : start + _AT_ONCE]):
                    figures[item["id"]] = _figures(item.get("statistics", {}))
        return {url: figures[found] for url, found in ids.items() if found in figures}

    async def _items(self, http: httpx.AsyncClient, ids: Sequence[str]) -> list[dict[str, Any]]:
        # The key goes into a header, since addresses end up in logs.
        try:
            answer = await http.get(
                f"{self._url}/youtube/v3/videos",
                params={"part": "statistics", "id": ",".join(ids), "maxResults": _AT_ONCE},
                headers={"X-Goog-Api-Key": self._key},
            )
            content = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable("YOUTUBE_UNAVAILABLE", "YouTube does not answer: try again later.") from error
        if answer.is_success and isinstance(content, dict):
            items = content.get("items", [])
            return [item for item in items if isinstance(item, dict) and isinstance(item.get("id"), str)]
        reason = _reason(content)
        if answer.status_code >= 500 or answer.status_code == 429 or reason in _OUT_OF_QUOTA:
            raise Unavailable("YOUTUBE_UNAVAILABLE", f"YouTube does not answer now ({reason}): try again later.")
        raise Precondition("YOUTUBE_REFUSES", f"YouTube refuses the request ({reason}): check the key of its API.")


def _reason(content: Any) -> str:
    try:
        return str(content["error"]["errors"][0]["reason"])
    except (KeyError, IndexError, TypeError):
        return "no reason given"


def _figures(statistics: Mapping[str, Any]) -> Figures:
    counts = {name: str(statistics[key]) for name, key in _COUNTS.items() if key in statistics}
    return Figures(**{name: int(text) for name, text in counts.items() if text.isdecimal()})
