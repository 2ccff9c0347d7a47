"""Attachments: files that lie elsewhere. Entente keeps their address and never opens them."""

import ipaddress
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from entente_chassis.refusal import Invalid, Violation
from entente_messaging.domain.conversations import Attachment

MOST_BYTES = 200 * 1024 * 1024
"""Of all attachments of a message together."""
_FAMILIES = ("image/", "video/", "audio/")
_OTHERS = {"application/pdf", "text/plain", "text/html", "text/csv"}
_ENDINGS = {
    "jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp",
    "heic": "image/heic", "mp4": "video/mp4", "mov": "video/quicktime", "webm": "video/webm", "mp3": "audio/mpeg",
    "wav": "audio/wav", "m4a": "audio/mp4", "pdf": "application/pdf", "txt": "text/plain", "csv": "text/csv",
    "htm": "text/html", "html": "text/html",
}  # fmt: skip
# What runs when it is opened.
_REFUSED = {
    "exe",
    "msi",
    "bat",
    "cmd",
    "com",
    "scr",
    "ps1",
    "vbs",
    "js",
    "jar",
    "apk",
    "dmg",
    "iso",
    "sh",
    "svg",
    "lnk",
}


def checked(attachments: Sequence[Attachment]) -> tuple[Attachment, ...]:
    """The attachments with their types, if each may be passed on.

    Raises:
        Invalid: names all that is wrong with each.
    """
    violations: list[Violation] = []
    result = []
    seen = set()
    for number, attachment in enumerate(attachments):
        path = f"attachments[{number}]"
        violations += [Violation(f"{path}.{field}", what) for field, what in _problems(attachment)]
        if attachment.url in seen:
            violations.append(Violation(f"{path}.url", "is attached twice"))
        seen.add(attachment.url)
        ending = _ending(attachment.url)
        result.append(
            replace(attachment, media_type=attachment.media_type.lower() or _ENDINGS.get(ending, "text/html"))
        )
    if sum(attachment.size_bytes for attachment in attachments) > MOST_BYTES:
        violations.append(Violation("attachments", f"are more than {MOST_BYTES // 1024 // 1024} MiB together"))
    if violations:
        raise Invalid("ATTACHMENT_INVALID", "The attachments cannot be taken as they are.", violations=violations)
    return tuple(result)


def _problems(attachment: Attachment) -> list[tuple[str, str]]:
    try:
        parts = urlsplit(attachment.url)
        host = parts.hostname or ""
    except ValueError:
        return [("url", "is no address")]
    found = []
    if parts.scheme != "https":
        found.append(("url", "must begin with https://"))
    if not host or parts.username or parts.password:
        found.append(("url", "must name a host, and no user or password"))
    elif _is_internal(host):
        found.append(("url", "is of a private network: nobody else could open it"))
    ending = _ending(attachment.url)
    if ending in _REFUSED:
        found.append(("url", f"ends in .{ending}, which runs when it is opened"))
    type_ = attachment.media_type.lower()
    if type_ and not type_.startswith(_FAMILIES) and type_ not in _OTHERS:
        found.append(("media_type", "must be an image, video, sound, PDF or plain text"))
    if type_ == "image/svg+xml":
        found.append(("media_type", "can hold code: send a picture"))
    known = _ENDINGS.get(ending, "")
    if type_ and known and type_.split("/")[0] != known.split("/")[0]:
        found.append(("media_type", f"does not fit an address that ends in .{ending}"))
    return found


def _ending(url: str) -> str:
    last = url.partition("?")[0].partition("#")[0].rpartition("/")[2]
    return last.rpartition(".")[2].lower() if "." in last and url.count("/") > 2 else ""


def _is_internal(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
