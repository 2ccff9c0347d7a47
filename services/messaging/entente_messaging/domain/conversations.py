"""Conversations between a brand and a creator, and their messages."""

from dataclasses import dataclass, replace
from datetime import datetime

from entente_messaging.domain.occasions import Occasion, Party


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
class Conversation:
    """A conversation.

    Args:
        about: the collaboration that it is about.
        created_at: when it was begun.
        last_message_at: when the latest message was written; ``created_at`` before the first.
        brand_read_until, creator_read_until: position of the last message that the side has read.
        brand_waits_since: when the brand's first message was written that the creator has not answered.
    """

    about: Collaboration
    created_at: datetime
    last_message_at: datetime
    brand_read_until: int = 0
    creator_read_until: int = 0
    brand_read_message: str = ""
    creator_read_message: str = ""
    brand_waits_since: datetime | None = None
    messages: int = 0

    def read_until(self, party: Party) -> int:
        """Position of the last message that a side has read."""
        return self.brand_read_until if party is Party.BRAND else self.creator_read_until


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
        position: orders the messages of a conversation.
        created_at: when it was written.
        automatic: whether it was made of a template, on the brand's behalf.
        noted: whether the conversation knows of it; until then a timer sees to it.
    """

    conversation: str
    sender: Party
    text: str
    position: int
    created_at: datetime
    attachments: tuple[Attachment, ...] = ()
    automatic: bool = False
    occasion: Occasion | None = None
    noted: bool = False


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


def note(name: str, conversation: Conversation, message: Message) -> tuple[Conversation, list[object]]:
    """Take a message in: the latest moment, and whether it answers the brand."""
    events: list[object] = []
    waits_since = conversation.brand_waits_since
    if message.sender is Party.BRAND and not message.automatic and waits_since is None:
        waits_since = message.created_at
    elif message.sender is Party.CREATOR and waits_since is not None:
        about = conversation.about
        seconds = max(0, round((message.created_at - waits_since).total_seconds()))
        events.append(ReplyTimeMeasured(name, about.collaboration, about.campaign, about.brand, about.creator, seconds))
        waits_since = None
    noted = replace(
        conversation,
        last_message_at=max(conversation.last_message_at, message.created_at),
        brand_waits_since=waits_since,
        messages=conversation.messages + 1,
    )
    return noted, events


def read(conversation: Conversation, party: Party, message: str, position: int) -> Conversation | None:
    """Say how far a side has read; nothing changes when it has read further already."""
    if position <= conversation.read_until(party):
        return None
    if party is Party.BRAND:
        return replace(conversation, brand_read_until=position, brand_read_message=message)
    return replace(conversation, creator_read_until=position, creator_read_message=message)
