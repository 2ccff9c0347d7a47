"""Conversations between a brand and a creator, and their messages."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from entente_chassis.refusal import Unavailable
from entente_messaging.domain.names import message_name
from entente_messaging.domain.occasions import Occasion, Party

ARRIVING_AT_ONCE = 32
_LOOK_AFTER = timedelta(seconds=5)


@dataclass(frozen=True)
class Collaboration:
    """Which collaboration something is about, with the names that people read."""

    collaboration: str
    campaign: str
    brand: str
    creator: str
    campaign_title: str = ""
    brand_display_name: str = ""
    creator_display_name: str = ""


@dataclass(frozen=True)
class Attachment:
    """A file that lies elsewhere."""

    url: str
    title: str = ""


@dataclass(frozen=True)
class Message:
    """A message.

    Args:
        conversation: where it was written.
        sender: whose it is.
        text: what it says.
        created_at: when it was written.
        automatic: whether it was made of a template, on the brand's behalf.
        fingerprint: of the request that it was written by, so that a repeat of it is told from another one.
        position: 1 for the first message of the conversation, then 2, 3, …
        from_brand: how many of the messages up to this one are the brand's.
    """

    conversation: str
    sender: Party
    text: str
    created_at: datetime
    attachments: tuple[Attachment, ...] = ()
    automatic: bool = False
    occasion: Occasion | None = None
    fingerprint: str = ""
    position: int = 0
    from_brand: int = 0


@dataclass(frozen=True)
class ReadMark:
    """How far a side has read: up to which message, and how many of the other side's that makes."""

    message: str = ""
    position: int = 0
    of_others: int = 0


@dataclass(frozen=True)
class Conversation:
    """A conversation.

    Args:
        about: the collaboration that it is about.
        created_at: when it was begun.
        last_message_at: when the latest message was written; ``created_at`` before the first.
        from_brand, from_creator: how many messages each side wrote.
        brand_read, creator_read: how far each side has read.
        brand_waits_since: when the brand's first message was written that the creator has not answered.
        arriving: messages that were taken and numbered, and are not documents of their own yet.
    """

    about: Collaboration
    created_at: datetime
    last_message_at: datetime
    from_brand: int = 0
    from_creator: int = 0
    brand_read: ReadMark = ReadMark()
    creator_read: ReadMark = ReadMark()
    brand_waits_since: datetime | None = None
    arriving: dict[str, Message] = field(default_factory=dict)

    @property
    def messages(self) -> int:
        """How many messages were written."""
        return self.from_brand + self.from_creator

    def unread(self, party: Party) -> int:
        """How many messages of the other side a side has not read."""
        if party is Party.BRAND:
            return self.from_creator - self.brand_read.of_others
        return self.from_brand - self.creator_read.of_others


@dataclass(frozen=True)
class MessageSent:
    """Somebody wrote."""

    message: str
    conversation: str
    campaign: str
    brand: str
    creator: str
    sender: Party
    automatic: bool
    send_time: datetime


@dataclass(frozen=True)
class ReplyTimeMeasured:
    """A creator answered a brand."""

    conversation: str
    collaboration: str
    campaign: str
    brand: str
    creator: str
    seconds: int


def opened(about: Collaboration, now: datetime) -> Conversation:
    """A conversation that begins."""
    return Conversation(about, created_at=now, last_message_at=now)


def take(name: str, conversation: Conversation, id: str, message: Message) -> tuple[Conversation, list[object]]:
    """Take a message in: its number, and whether it answers the brand.

    Args:
        name: the conversation's.
        id: the message's.

    Raises:
        Unavailable: too many messages are on their way.
    """
    if len(conversation.arriving) >= ARRIVING_AT_ONCE:
        raise Unavailable("CONVERSATION_BUSY", f"Too many messages arrive in {name} at once: send it again shortly.")
    about, by_brand = conversation.about, message.sender is Party.BRAND
    from_brand = conversation.from_brand + by_brand
    message = replace(message, position=conversation.messages + 1, from_brand=from_brand)
    events: list[object] = [
        MessageSent(
            message=message_name(name, id),
            conversation=name,
            campaign=about.campaign,
            brand=about.brand,
            creator=about.creator,
            sender=message.sender,
            automatic=message.automatic,
            send_time=message.created_at,
        )
    ]
    waits_since = conversation.brand_waits_since
    if by_brand and not message.automatic and waits_since is None:
        waits_since = message.created_at
    elif not by_brand and waits_since is not None:
        seconds = max(0, round((message.created_at - waits_since).total_seconds()))
        events.append(ReplyTimeMeasured(name, about.collaboration, about.campaign, about.brand, about.creator, seconds))
        waits_since = None
    taken = replace(
        conversation,
        last_message_at=max(conversation.last_message_at, message.created_at),
        from_brand=from_brand,
        from_creator=conversation.from_creator + (not by_brand),
        brand_waits_since=waits_since,
        arriving=conversation.arriving | {id: message},
    )
    return taken, events


def arrived(conversation: Conversation, id: str) -> Conversation | None:
    """A message is a document of its own now; nothing changes when that is known already."""
    if id not in conversation.arriving:
        return None
    return replace(conversation, arriving={key: kept for key, kept in conversation.arriving.items() if key != id})


def look_after_at(conversation: Conversation) -> datetime | None:
    """When to look after messages that have not become documents of their own: whoever wrote them is at it before."""
    oldest = min((message.created_at for message in conversation.arriving.values()), default=None)
    return oldest + _LOOK_AFTER if oldest else None


def read(conversation: Conversation, party: Party, name: str, message: Message) -> Conversation | None:
    """Say up to which message a side has read; nothing changes when it has read further already."""
    from_creator = message.position - message.from_brand
    if party is Party.BRAND:
        mark = ReadMark(name, message.position, from_creator)
        return replace(conversation, brand_read=mark) if mark.position > conversation.brand_read.position else None
    mark = ReadMark(name, message.position, message.from_brand)
    return replace(conversation, creator_read=mark) if mark.position > conversation.creator_read.position else None
