"""One notification on its way to one address: e-mail or webhook, with every attempt, until it is taken or given up."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from entente_chassis.refusal import Precondition
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.occasions import Category, Channel, Mode, Occasion
from entente_messaging.domain.preferences import Preferences, next_digest, quiet_until

ATTEMPTS_KEPT = 20
# When a webhook is tried again: the schedule that Standard Webhooks recommends.
WEBHOOK_WAITS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)

NO_CONTACT = "NO_CONTACT"
REFUSED = "REFUSED_BY_MAIL_SERVER"
BOUNCED = "BOUNCED"
UNWANTED = "UNWANTED"
MOVED_ON = "MOVED_ON"
ERASED = "ERASED"
WEBHOOK_GONE = "WEBHOOK_GONE"
WEBHOOK_DISABLED = "WEBHOOK_DISABLED"


class DeliveryState(StrEnum):
    """How far a delivery has come."""

    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True)
class Attempt:
    """One attempt: when, what came of it ("SENT", "RETRY" or "FAILED"), and the other side's code."""

    time: datetime
    outcome: str
    detail: str


@dataclass(frozen=True)
class Mark:
    """Where an event stands among those of its subject."""

    subject: str
    epoch: int
    n: int

    @property
    def order(self) -> tuple[int, int]:
        """The position within the subject."""
        return (self.epoch, self.n)


@dataclass(frozen=True)
class Delivery:
    """A delivery.

    Args:
        webhook: for that channel.
        next_at: when to try (again); None when that is done with, or when a digest will take it along.
        tries: since it was made or replayed.
        attempts: the last of them all.
        claimed_until: a process sends it just now; by the machine's clock, since a process may die.
        event: what it tells of, for a reminder.
        in_digest: a digest takes it along.
    """

    notification: str
    recipient: str
    channel: Channel
    occasion: Occasion
    category: Category
    campaign: str
    conversation: str
    created_at: datetime
    webhook: str = ""
    state: DeliveryState = DeliveryState.PENDING
    reason: str = ""
    next_at: datetime | None = None
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()
    claimed_until: datetime | None = None
    event: Mark | None = None
    in_digest: bool = False
    tried_since: datetime | None = None


@dataclass(frozen=True)
class NotificationDelivered:
    """The mail server or webhook took it."""

    notification: str
    recipient: str
    occasion: Occasion
    campaign: str
    channel: Channel


@dataclass(frozen=True)
class NotificationFailed:
    """It could not be sent."""

    notification: str
    recipient: str
    occasion: Occasion
    campaign: str
    reason: str
    channel: Channel


@dataclass(frozen=True)
class Patience:
    """How long an e-mail waits.

    Args:
        wait, look_every: for an address to become known, and how often it looks.
        give_up: for a mail server that puts this e-mail off, for example since the mailbox is full.
        again_from, again_to: until the next attempt then; twice as long each time.
    """

    wait: timedelta = timedelta(days=3)
    look_every: timedelta = timedelta(hours=6)
    give_up: timedelta = timedelta(days=4)
    again_from: timedelta = timedelta(minutes=15)
    again_to: timedelta = timedelta(hours=12)


@dataclass(frozen=True)
class Go:
    """Send it now."""


@dataclass(frozen=True)
class Wait:
    """Look at it again then."""

    until: datetime


@dataclass(frozen=True)
class Leave:
    """Leave it out, or give it up."""

    reason: str
    failed: bool = False


@dataclass(frozen=True)
class Collect:
    """Let the next digest take it along."""

    at: datetime


Plan = Go | Wait | Leave | Collect
Settled = tuple[Delivery, list[object]]
Settle = Callable[[Delivery], Settled]


def mail_plan(
    delivery: Delivery, contact: Contact | None, preferences: Preferences, now: datetime, patience: Patience
) -> Plan:
    """What is to be done with an e-mail now."""
    if contact is None or not contact.email:
        if now < (delivery.tried_since or delivery.created_at) + patience.wait:
            return Wait(now + patience.look_every)
        return Leave(NO_CONTACT, failed=True)
    mode = preferences.mode(delivery.category, Channel.EMAIL)
    if not contact.email_enabled or mode is Mode.OFF:
        return Leave(UNWANTED)
    if contact.email_problem:
        return Leave(contact.email_problem, failed=True)
    if mode is Mode.DIGEST:
        return Collect(next_digest(preferences, contact.zone, now))
    quiet = quiet_until(preferences, contact.zone, now)
    return Wait(quiet) if quiet else Go()


def is_due(delivery: Delivery, now: datetime, technical_now: datetime) -> bool:
    """Whether it is to be tried now, and nobody else does."""
    due = delivery.state is DeliveryState.PENDING and delivery.next_at is not None and delivery.next_at <= now
    return due and (delivery.claimed_until is None or delivery.claimed_until <= technical_now)


def claimed(delivery: Delivery, until: datetime) -> Delivery:
    """A process is about to send it: the others leave it alone until then, by the machine's clock."""
    return replace(delivery, claimed_until=until)


def waiting(delivery: Delivery, until: datetime) -> Settled:
    """Look at it again later."""
    return replace(delivery, next_at=until, claimed_until=None), []


def collected(delivery: Delivery) -> Settled:
    """The next digest takes it along."""
    return replace(delivery, next_at=None, claimed_until=None, in_digest=True), []


def sent(delivery: Delivery, now: datetime, detail: str) -> Settled:
    """The other side took it."""
    event = NotificationDelivered(
        delivery.notification, delivery.recipient, delivery.occasion, delivery.campaign, delivery.channel
    )
    after = _tried(delivery, Attempt(now, "SENT", detail))
    return replace(after, state=DeliveryState.SENT, next_at=None, in_digest=False), [event]


def put_off(delivery: Delivery, now: datetime, detail: str, patience: Patience) -> Settled:
    """The mail server does not take this one now: try again, ever more rarely, or give up."""
    if now >= (delivery.tried_since or delivery.created_at) + patience.give_up:
        return failed(delivery, now, REFUSED, detail)
    # In the document, not in a process: a few of them must not keep the others from being looked at.
    wait = min(patience.again_from * 2 ** min(delivery.tries, 30), patience.again_to)
    return replace(_tried(delivery, Attempt(now, "RETRY", detail)), next_at=now + wait), []


def not_answered(delivery: Delivery, now: datetime, detail: str) -> Settled:
    """A webhook failed: try again by the schedule, or give up."""
    if delivery.tries >= len(WEBHOOK_WAITS):
        return failed(delivery, now, "WEBHOOK_FAILED", detail)
    wait = WEBHOOK_WAITS[delivery.tries]
    return replace(_tried(delivery, Attempt(now, "RETRY", detail)), next_at=now + wait), []


def failed(delivery: Delivery, now: datetime, reason: str, detail: str) -> Settled:
    """It cannot be sent: a dead letter."""
    event = NotificationFailed(
        delivery.notification, delivery.recipient, delivery.occasion, delivery.campaign, reason, delivery.channel
    )
    after = _tried(delivery, Attempt(now, "FAILED", detail))
    return replace(after, state=DeliveryState.FAILED, next_at=None, reason=reason, in_digest=False), [event]


def left_out(delivery: Delivery, now: datetime, leave: Leave) -> Settled:
    """It is not sent, on purpose or for want of an address."""
    if leave.failed:
        return failed(delivery, now, leave.reason, "")
    after = replace(delivery, state=DeliveryState.SKIPPED, next_at=None, claimed_until=None, in_digest=False)
    return replace(after, reason=leave.reason), []


def bounced(delivery: Delivery, now: datetime, status: str) -> Settled:
    """The e-mail came back, after the mail server had taken it."""
    return failed(delivery, now, BOUNCED, status)


def replayed(delivery: Delivery, name: str, now: datetime) -> Delivery:
    """Send a dead letter again.

    Raises:
        Precondition: it did not fail.
    """
    if delivery.state is not DeliveryState.FAILED:
        raise Precondition(
            "DELIVERY_NOT_FAILED", f"{name} is {delivery.state}: only what failed is sent again.", resource=name
        )
    return replace(delivery, state=DeliveryState.PENDING, reason="", next_at=now, tries=0, tried_since=now)


def _tried(delivery: Delivery, attempt: Attempt) -> Delivery:
    kept = (*delivery.attempts, attempt)[-ATTEMPTS_KEPT:]
    return replace(delivery, tries=delivery.tries + 1, attempts=kept, claimed_until=None)
