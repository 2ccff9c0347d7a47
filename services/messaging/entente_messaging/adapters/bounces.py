"""Bounces: what a mail server sends back when it could not deliver after all (RFC 3464)."""

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from typing import Any

_OURS = re.compile(r"<([a-z2-7]{32})@")
_STATUS = re.compile(r"^\s*([245])\.(\d{1,3})\.(\d{1,3})")


@dataclass(frozen=True)
class Bounce:
    """A bounce.

    Args:
        notification: id of the notification that came back.
        status: such as "5.1.1".
        permanent: whether the address is of no use any more.
    """

    notification: str
    status: str
    permanent: bool


def read_bounce(raw: bytes) -> Bounce | None:
    """The bounce in a mail; None when it is none, or of none of our mails."""
    mail = message_from_bytes(raw, policy=policy.default)
    if mail.get_content_type() != "multipart/report":
        return None
    fields = _fields(mail)
    ours = _message_id(mail)
    if fields is None or ours is None:
        return None
    status, action = fields
    # A full mailbox (5.2.2) or a message that is too large says nothing of the address.
    of_address = status.startswith(("5.1.", "5.4.")) or status in ("5.0.0", "5.2.1", "5.7.1")
    return Bounce(ours, status, permanent=action == "failed" and of_address)


def _fields(mail: Message) -> tuple[str, str] | None:
    for part in mail.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        blocks: Any = part.get_payload()
        for block in blocks if isinstance(blocks, list) else []:
            status = _STATUS.match(str(block.get("Status", "")))
            if status:
                action = str(block.get("Action", "")).strip().lower()
                return ".".join(status.groups()), action
    return None


def _message_id(mail: Message) -> str | None:
    """The id of the mail that came back, from its headers, which the bounce carries, or from what it answers to."""
    for part in mail.walk():
        if part.get_content_type() in ("message/rfc822", "text/rfc822-headers"):
            inner: Any = part.get_payload()
            text = inner[0].as_string() if isinstance(inner, list) else str(inner)
            found = re.search(r"^message-id:\s*(\S+)", text, re.IGNORECASE | re.MULTILINE)
            ours = _OURS.match(found.group(1)) if found else None
            if ours:
                return ours.group(1)
    answered = _OURS.search(f"{mail.get('In-Reply-To', '')} {mail.get('References', '')}")
    return answered.group(1) if answered else None
