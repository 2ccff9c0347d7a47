"""Figures of posts from a platform's CSV export: Instagram's (Meta Business Suite), TikTok's and YouTube Studio's."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from entente_analytics.domain.content import Figures
from entente_analytics.domain.files import Line, SetAside, header_of, lines_of

_COLUMNS = {
    "INSTAGRAM": {
        "post": ["Permalink", "Post link"],
        "views": ["Views", "Plays", "Video views"],
        "reach": ["Reach"],
        "impressions": ["Impressions"],
        "likes": ["Likes"],
        "comments": ["Comments"],
        "shares": ["Shares"],
        "saves": ["Saves"],
    },
    "TIKTOK": {
        "post": ["Video link", "Video Link", "Link"],
        "views": ["Total views", "Video views", "Views"],
        "reach": ["Reached audience", "Reach"],
        "likes": ["Total likes", "Likes"],
        "comments": ["Total comments", "Comments"],
        "shares": ["Total shares", "Shares"],
        "saves": ["Total favorites", "Favorites", "Saves"],
    },
    "YOUTUBE": {
        "post": ["Content", "Video"],
        "views": ["Views"],
        "reach": ["Unique viewers"],
        "impressions": ["Impressions"],
        "likes": ["Likes"],
        "comments": ["Comments added", "Comments"],
        "shares": ["Shares"],
    },
}
_NUMBER = re.compile(r"\d{1,3}([ ,.\u00a0\u202f]\d{3})+|\d+")
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")


@dataclass(frozen=True)
class ImportedReading:
    """The figures of one post of a file; ``post`` is what addresses of the same post have in common."""

    row: int
    post: str
    figures: Figures


def told_platform(text: str) -> str:
    """Which platform wrote a file, by its columns; "" when it is none that is known."""
    header = {name.strip().lower() for name in header_of(text)}
    for platform, columns in _COLUMNS.items():
        if any(alias.lower() in header for alias in columns["post"]) and "likes" in " ".join(header):
            return platform
    return "YOUTUBE" if "content" in header and "views" in header else ""


def read_figures(text: str, platform: str) -> tuple[list[ImportedReading], list[SetAside]]:
    """The figures of a file, and the rows that have none, each with the reason."""
    readings: list[ImportedReading] = []
    aside: list[SetAside] = []
    seen: dict[str, int] = {}
    for line in lines_of(text, _COLUMNS[platform]):
        address = line.get("post")
        if address.lower() == "total":
            continue  # YouTube's first row adds up the others.
        post = post_key(address)
        made = _figures(line, address)
        if not post:
            aside.append(line.aside("post", address[:100], "POST_MISSING", "The row names no post."))
        elif post in seen:
            message = f"The post stands in row {seen[post]} already: this row was left out."
            aside.append(line.aside("post", address[:100], "ROW_REPEATED", message))
        elif isinstance(made, SetAside):
            aside.append(made)
        else:
            readings.append(ImportedReading(line.row, post, made))
        seen.setdefault(post, line.row)
    return readings, aside


def post_key(address: str) -> str:
    """What addresses of one post have in common: a video's id, else host and path."""
    if _VIDEO_ID.fullmatch(address):
        return f"youtube/{address}"
    video = video_id(address)
    if video:
        return f"youtube/{video}"
    parts = urlsplit(address if "//" in address else f"//{address}")
    host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    return f"{host}{parts.path.rstrip('/')}" if host else ""


def video_id(address: str) -> str:
    """The id of a YouTube video or short; "" for another address."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    except ValueError:
        return ""
    found = ""
    if host == "youtu.be":
        found = parts.path.strip("/").partition("/")[0]
    elif host == "youtube.com":
        kind, _, rest = parts.path.strip("/").partition("/")
        found = rest if kind in ("shorts", "live", "embed") else parse_qs(parts.query).get("v", [""])[0]
    return found if _VIDEO_ID.fullmatch(found) else ""


def _figures(line: Line, address: str) -> Figures | SetAside:
    counts: dict[str, int | None] = {}
    for name in ("views", "reach", "impressions", "likes", "comments", "shares", "saves"):
        text = line.get(name)
        if text in ("", "-", "--", "N/A"):
            continue
        if not _NUMBER.fullmatch(text):
            return line.aside(name, address[:100], "COUNT_MALFORMED", f"{text[:40]!r} is no count.")
        counts[name] = int(re.sub(r"\D", "", text))
    if not counts:
        return line.aside("post", address[:100], "NOTHING_MEASURED", "The row has no figures.")
    return Figures(**counts)
