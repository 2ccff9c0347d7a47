"""How many reminders somebody got of late, and what the next digest takes along."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

DIGEST_MOST = 100
_DAY = timedelta(hours=24)


@dataclass(frozen=True)
class Reminded:
    """One reminder that was sent, or is about to be."""

    delivery: str
    time: datetime


@dataclass(frozen=True)
class Mailbox:
    """What is kept of somebody's e-mails.

    Args:
        reminders: those of the last 24 hours.
        waiting: deliveries for the next digest.
        digest_at: when it is sent; None when nothing waits.
        digests: how many were sent.
        claimed_until: a process sends the digest just now; by the machine's clock.
    """

    owner: str
    reminders: tuple[Reminded, ...] = ()
    waiting: tuple[str, ...] = ()
    digest_at: datetime | None = None
    digests: int = 0
    claimed_until: datetime | None = None


def reminding(mailbox: Mailbox, delivery: str, now: datetime, most: int) -> Mailbox | None:
    """Count a reminder in, once for each delivery; None when there were as many already."""
    recent = tuple(entry for entry in mailbox.reminders if entry.time > now - _DAY)
    if any(entry.delivery == delivery for entry in recent):
        return mailbox
    return replace(mailbox, reminders=(*recent, Reminded(delivery, now))) if len(recent) < most else None


def collecting(mailbox: Mailbox, delivery: str, at: datetime) -> Mailbox:
    """Put a delivery into the next digest; a full one is sent at once."""
    if delivery in mailbox.waiting:
        return mailbox
    waiting = (*mailbox.waiting, delivery)
    digest_at = min(mailbox.digest_at or at, at)
    return replace(mailbox, waiting=waiting, digest_at=digest_at)


def digested(mailbox: Mailbox, taken: tuple[str, ...], again_at: datetime | None) -> Mailbox:
    """A digest was sent with these; what came meanwhile waits for the next one."""
    waiting = tuple(name for name in mailbox.waiting if name not in taken)
    return replace(
        mailbox,
        waiting=waiting,
        digest_at=again_at if waiting else None,
        digests=mailbox.digests + 1,
        claimed_until=None,
    )
