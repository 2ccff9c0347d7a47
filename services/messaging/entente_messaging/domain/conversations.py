"""Conversations between a brand and a creator, and their messages."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from entente_chassis.refusal import Unavailable
from entente_messaging.domain.names import message_name
from entente_messaging.domain.occasions import Occasion, Party

ARRIVING_AT_ONCE = 32
_LOOK_AFTER = timedelta(seconds=5)
WORDS_KEPT = 400
_WORD = re.compile(r"\w+")
_FOR_GOOD = (2**31, 2**31)


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
    """A file that lies elsewhere.

    Args:
        media_type: what kind of file.
        size_bytes: as the sender says; 0 when it is not known.
    """

    url: str
    title: str = ""
    media_type: str = ""
    size_bytes: int = 0


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
        brand, creator: whose conversation it is, to search.
        words: its words without case and accents, to search.
        language: what it seems to be in; "" when it cannot be told.
        erased: the text is gone with the person who wrote it.
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
    brand: str = ""
    creator: str = ""
    words: tuple[str, ...] = ()
    language: str = ""
    erased: bool = False


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
        brand_unread, creator_unread: messages that each side has not read.
        brand_language, creator_language: what each side wrote in last.
        stopped: reminders that are needless: "occasion subject" and up to which event of the subject; a subject of
            another topic ends them for good.
        reminders: how many were begun to be sent.
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
    brand_unread: int = 0
    creator_unread: int = 0
    brand_language: str = ""
    creator_language: str = ""
    stopped: dict[str, tuple[int, int]] = field(default_factory=dict)
    reminders: int = 0

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
    spoken_by_brand = by_brand and not message.automatic
    message = replace(
        message,
        position=conversation.messages + 1,
        from_brand=from_brand,
        brand=about.brand,
        creator=about.creator,
        words=words_of(message.text),
    )
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
        brand_language=(message.language or conversation.brand_language)
        if spoken_by_brand
        else conversation.brand_language,
        creator_language=conversation.creator_language
        if by_brand
        else message.language or conversation.creator_language,
    )
    return _counted(taken), events


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
        if message.position <= conversation.brand_read.position:
            return None
        return _counted(replace(conversation, brand_read=ReadMark(name, message.position, from_creator)))
    if message.position <= conversation.creator_read.position:
        return None
    return _counted(replace(conversation, creator_read=ReadMark(name, message.position, message.from_brand)))


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text without case and accents, each once: "Crème d’été" has creme, d, ete."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    return tuple(dict.fromkeys(_WORD.findall(plain)))[:WORDS_KEPT]


def stop_reminders(
    conversation: Conversation, occasions: Iterable[Occasion], subject: str, order: tuple[int, int] | None
) -> Conversation | None:
    """The state has moved on: reminders of what is done are needless.

    Args:
        conversation: of the collaboration.
        occasions: which reminders.
        subject: of the event that moved it on; with "*" reminders of any subject are needless, for good.
        order: where that event stands; reminders after it are new ones. None: for good.
    """
    stopped = dict(conversation.stopped)
    for occasion in occasions:
        key = f"{occasion.value} {subject}"
        stopped[key] = max(stopped.get(key, (-1, -1)), order or _FOR_GOOD)
    return replace(conversation, stopped=stopped) if stopped != conversation.stopped else None


def may_remind(conversation: Conversation, occasion: Occasion, subject: str, order: tuple[int, int]) -> bool:
    """Whether a reminder is still of use."""
    ended = (f"{occasion.value} {subject}", f"{occasion.value} *")
    return all(conversation.stopped.get(key, (-1, -1)) < order for key in ended)


def _counted(conversation: Conversation) -> Conversation:
    return replace(
        conversation,
        brand_unread=conversation.unread(Party.BRAND),
        creator_unread=conversation.unread(Party.CREATOR),
    )
