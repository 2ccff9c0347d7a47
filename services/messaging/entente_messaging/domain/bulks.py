"""Messages to many: a bulk message and its packets of recipients."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from entente_messaging.domain.occasions import Occasion

PACKET = 50
"""Recipients of one packet: as many are written to again when a process dies in the middle of one."""


class BulkState(StrEnum):
    """How far a bulk message has come."""

    PREPARING = "PREPARING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class BulkOutcome(StrEnum):
    """What came of one recipient."""

    PENDING = "PENDING"
    SENT = "SENT"
    LATER = "LATER"
    INBOX_ONLY = "INBOX_ONLY"
    FAILED = "FAILED"
    LEFT_OUT = "LEFT_OUT"


@dataclass(frozen=True)
class Audience:
    """Whom it goes to: a shortlist, a stage of a campaign, or those who were named.

    Args:
        min_followers, max_followers: 0 for any.
        min_fit: in hundredths of a point; 0 for any.
    """

    shortlist: str = ""
    campaign: str = ""
    states: tuple[str, ...] = ()
    platform: str = ""
    min_followers: int = 0
    max_followers: int = 0
    min_fit: int = 0


@dataclass(frozen=True)
class Bulk:
    """A bulk message.

    Args:
        subject, body, locale: words for all; empty: those of the brand's template.
        page_token: where the collecting of recipients goes on.
        packets: how many were made.
        marks: which of them have a result, a bit for each, as a hexadecimal number.
        counts: recipients by outcome.
        asked_at: when it was asked for, by the machine's clock.
    """

    brand: str
    brand_name: str
    audience: Audience
    occasion: Occasion
    subject: str
    body: str
    locale: str
    created_at: datetime
    state: BulkState = BulkState.PREPARING
    page_token: str = ""
    packets: int = 0
    recipients: int = 0
    marks: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    problem: str = ""
    look_at: datetime | None = None
    ended_at: datetime | None = None
    asked_at: datetime | None = None


@dataclass(frozen=True)
class Entry:
    """One recipient of a packet, and what came of it."""

    creator: str
    display_name: str = ""
    collaboration: str = ""
    campaign: str = ""
    campaign_title: str = ""
    outcome: BulkOutcome = BulkOutcome.PENDING
    reason: str = ""
    notification: str = ""


@dataclass(frozen=True)
class Packet:
    """Some of the recipients, written to together.

    Args:
        bulk: whose.
        number: its place among the packets.
        entries: the recipients.
        claimed_until: a process works on it just now; by the machine's clock.
    """

    bulk: str
    number: int
    entries: tuple[Entry, ...]
    due_at: datetime | None
    done: bool = False
    claimed_until: datetime | None = None


@dataclass(frozen=True)
class BulkCompleted:
    """Every recipient has a result."""

    bulk: str
    brand: str
    recipient_count: int
    sent_count: int
    cancelled: bool


def packed(bulk: str, entries: Sequence[Entry], first: int, now: datetime) -> list[Packet]:
    """Packets of recipients, numbered on."""
    return [
        Packet(bulk, first + place, tuple(entries[start : start + PACKET]), now)
        for place, start in enumerate(range(0, len(entries), PACKET))
    ]


def collected(bulk: Bulk, before: str, page_token: str, packets: int, recipients: int, now: datetime) -> Bulk | None:
    """A page of recipients was packed; nothing changes when another process has packed it already."""
    if bulk.state is not BulkState.PREPARING or bulk.page_token != before:
        return None
    more = replace(bulk, page_token=page_token, packets=packets, recipients=bulk.recipients + recipients)
    return more if page_token else replace(more, state=BulkState.RUNNING, look_at=now)


def counted(bulk: Bulk, name: str, packet: Packet, now: datetime) -> tuple[Bulk, list[object]] | None:
    """Count a packet in that is done, once; the bulk message ends with the last of them."""
    marks = int(bulk.marks or "0", 16)
    if marks >> packet.number & 1:
        return None
    marks |= 1 << packet.number
    counts = dict(Counter(bulk.counts) + Counter(entry.outcome.value for entry in packet.entries))
    after = replace(bulk, counts=counts, marks=f"{marks:x}")
    if bulk.state is BulkState.PREPARING or not is_whole(after):
        return after, []
    return ended(after, name, now)


def is_whole(bulk: Bulk) -> bool:
    """Whether every packet has a result."""
    return int(bulk.marks or "0", 16).bit_count() >= bulk.packets


def ended(bulk: Bulk, name: str, now: datetime) -> tuple[Bulk, list[object]]:
    """Every recipient has a result."""
    cancelled = bulk.state is BulkState.CANCELLED
    sent = bulk.counts.get(BulkOutcome.SENT.value, 0)
    after = replace(bulk, state=bulk.state if cancelled else BulkState.DONE, look_at=None, ended_at=now)
    return after, [BulkCompleted(name, bulk.brand, bulk.recipients, sent, cancelled)]


def cancelled(bulk: Bulk, name: str, now: datetime) -> tuple[Bulk, list[object]] | None:
    """End it: who was not written to yet is not written to. Nothing changes when it has ended."""
    if bulk.state not in (BulkState.PREPARING, BulkState.RUNNING):
        return None
    after = replace(bulk, state=BulkState.CANCELLED, look_at=None)
    if is_whole(bulk):
        return ended(after, name, now)
    return after, []
