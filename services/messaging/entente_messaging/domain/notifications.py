"""What people are told, and how far its e-mail has come."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.occasions import Occasion, Party

REFUSED = "REFUSED_BY_MAIL_SERVER"


class MailState(StrEnum):
    """How far an e-mail has come."""

    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"


@dataclass(frozen=True)
class Notification:
    """What somebody was told.

    Args:
        recipient: "brands/{brand}" or "creators/{creator}".
        occasion: what of.
        values: the merge fields, so that it can be said again in another language.
        locale, title, text: how it was said.
        brand: whose words are used where it has its own.
        mail_at: when to try to send the e-mail; None when that is done with.
    """

    recipient: str
    party: Party
    occasion: Occasion
    brand: str
    campaign: str
    collaboration: str
    values: dict[str, str]
    locale: str
    title: str
    text: str
    created_at: datetime
    read_at: datetime | None = None
    unread: bool = True
    mail_state: MailState = MailState.PENDING
    mail_at: datetime | None = None
    mail_reason: str = ""
    mail_attempts: int = 0


@dataclass(frozen=True)
class NotificationDelivered:
    """The mail server took it."""

    notification: str
    recipient: str
    occasion: Occasion
    campaign: str


@dataclass(frozen=True)
class NotificationFailed:
    """It could not be sent by e-mail."""

    notification: str
    recipient: str
    occasion: Occasion
    campaign: str
    reason: str


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
class Telling:
    """Somebody is to be told something: what an event comes to for one side."""

    party: Party
    occasion: Occasion
    brand: str
    recipient: str
    campaign: str
    collaboration: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


def without_address(
    notification: Notification, name: str, now: datetime, patience: Patience
) -> tuple[Notification, list[object]]:
    """No contact is known: look again later, or give up. It stays in the inbox either way."""
    if now < notification.created_at + patience.wait:
        return replace(notification, mail_at=now + patience.look_every), []
    return failed(notification, name, "NO_CONTACT")


def deferred(
    notification: Notification, name: str, now: datetime, patience: Patience
) -> tuple[Notification, list[object]]:
    """The mail server puts it off: try again later and later, or give up."""
    if now >= notification.created_at + patience.give_up:
        return failed(notification, name, REFUSED)
    # In the document, not in a process: a few of them must not keep the others from being looked at.
    wait = min(patience.again_from * 2 ** min(notification.mail_attempts, 30), patience.again_to)
    return replace(notification, mail_attempts=notification.mail_attempts + 1, mail_at=now + wait), []


def failed(notification: Notification, name: str, reason: str) -> tuple[Notification, list[object]]:
    """It cannot be sent."""
    event = NotificationFailed(name, notification.recipient, notification.occasion, notification.campaign, reason)
    return replace(notification, mail_state=MailState.FAILED, mail_at=None, mail_reason=reason), [event]


def sent(notification: Notification, name: str, said: "Said") -> tuple[Notification, list[object]]:
    """The mail server took it, in these words."""
    event = NotificationDelivered(name, notification.recipient, notification.occasion, notification.campaign)
    after = replace(
        notification,
        mail_state=MailState.SENT,
        mail_at=None,
        locale=said.locale,
        title=said.title,
        text=said.text,
    )
    return after, [event]


def skipped(notification: Notification) -> Notification:
    """The recipient wants no e-mail."""
    return replace(notification, mail_state=MailState.SKIPPED, mail_at=None)


def read(notification: Notification, now: datetime) -> Notification | None:
    """Mark as read; nothing changes when it was read before."""
    return replace(notification, read_at=now, unread=False) if notification.unread else None


Settle = Callable[[Notification], tuple[Notification, list[object]]]
"""What an attempt to send an e-mail comes to."""


@dataclass(frozen=True)
class Said:
    """An occasion put into words."""

    locale: str
    title: str
    text: str


def wants_mail(contact: Contact) -> bool:
    """Whether to send an e-mail to this contact."""
    return contact.email_enabled
