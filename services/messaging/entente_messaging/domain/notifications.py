"""What people are told: the inbox."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from entente_messaging.domain.occasions import Category, Occasion, Party


@dataclass(frozen=True)
class Notification:
    """What somebody was told.

    Args:
        recipient: "brands/{brand}" or "creators/{creator}".
        occasion: what of.
        brand: whose words are used where it has its own.
        values: the merge fields, so that it can be said again in another language.
        locale, title, text: how it was said.
        template: whose words they are.
        creator: whose name is in it.
        erased: the words are gone with the person.
    """

    recipient: str
    party: Party
    occasion: Occasion
    category: Category
    brand: str
    campaign: str
    collaboration: str
    values: dict[str, str]
    locale: str
    title: str
    text: str
    created_at: datetime
    template: str = ""
    read_at: datetime | None = None
    unread: bool = True
    creator: str = ""
    erased: bool = False


@dataclass(frozen=True)
class Telling:
    """Somebody is to be told something: what an event comes to for one side.

    Args:
        one_of_many: the event is told to several of the same side.
    """

    party: Party
    occasion: Occasion
    category: Category
    brand: str
    recipient: str
    campaign: str
    collaboration: str = ""
    creator: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    one_of_many: bool = False


def telling_of(notification: Notification) -> Telling:
    """What it was that was told, to say it again."""
    return Telling(
        party=notification.party,
        occasion=notification.occasion,
        category=notification.category,
        brand=notification.brand,
        recipient=notification.recipient,
        campaign=notification.campaign,
        collaboration=notification.collaboration,
        creator=notification.creator,
        values=notification.values,
    )


def read(notification: Notification, now: datetime) -> Notification | None:
    """Mark as read; nothing changes when it was read before."""
    return replace(notification, read_at=now, unread=False) if notification.unread else None


@dataclass(frozen=True)
class Said:
    """An occasion put into words, and whose words they are."""

    locale: str
    title: str
    text: str
    source: str = ""
