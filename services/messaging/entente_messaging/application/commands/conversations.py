"""Conversations and what is written in them."""

from contextlib import suppress
from dataclasses import replace

from entente_chassis.refusal import Aborted, Invalid, Violation
from entente_chassis.store import Cause, Change, Outcome, Request
from entente_messaging.application.stores import Stores
from entente_messaging.domain import conversations
from entente_messaging.domain.attachments import checked
from entente_messaging.domain.conversations import Attachment, Collaboration, Conversation, Message
from entente_messaging.domain.names import conversation_name, erasure_name, message_name
from entente_messaging.domain.occasions import Party


async def open_conversation(stores: Stores, about: Collaboration) -> str:
    """Make sure that the conversation of a collaboration is there, and return its name."""
    name = conversation_name(about.collaboration)

    def decide(conversation: Conversation | None) -> Change[Conversation] | None:
        if conversation is None:
            return Change(conversations.opened(about, stores.clock.now()))
        return None if conversation.about == about else Change(replace(conversation, about=about))

    await stores.conversations.change(name, decide)
    return name


async def without_erased(stores: Stores, about: Collaboration) -> Collaboration:
    """The collaboration without the names of those who are to be forgotten: an old event must not bring them back."""
    if await stores.erasures.get(erasure_name(about.creator)):
        about = replace(about, creator_display_name="")
    if await stores.erasures.get(erasure_name(about.brand)):
        about = replace(about, brand_display_name="")
    return about


async def send_message(
    stores: Stores,
    conversation: str,
    sender: Party,
    text: str,
    attachments: tuple[Attachment, ...],
    *,
    id: str,
    request: Request | None,
) -> Outcome[Message]:
    """Write a message.

    Raises:
        Invalid: the request id was used for another one, or an attachment cannot be passed on.
        Unavailable: too many are being written in this conversation.
    """
    message = Message(
        conversation=conversation,
        sender=sender,
        text=text,
        created_at=stores.clock.now(),
        attachments=checked(attachments),
        language=await stores.languages.detect(text),
        fingerprint=request.fingerprint if request else "",
    )
    return await write(stores, message, id)


async def file_messages(stores: Stores, conversation: str) -> None:
    """Make documents of the messages that a crash left in their conversation."""
    found = await stores.conversations.require(conversation, what="Conversation")
    for id, message in found.state.arriving.items():
        await _file(stores, id, message)


async def mark_read(
    stores: Stores, conversation: str, party: Party, message: str, *, request: Request | None
) -> Outcome[Conversation]:
    """Say how far a side has read.

    Raises:
        Invalid: the message is not of this conversation.
    """
    found = await stores.messages.get(message)
    if found is None or found.state.conversation != conversation:
        violation = Violation("message", "is no message of this conversation", "UNKNOWN_MESSAGE")
        raise Invalid("MESSAGE_UNKNOWN", f"{conversation} has no such message.", violations=[violation])

    def decide(state: Conversation | None) -> Change[Conversation] | None:
        read = conversations.read(state, party, message, found.state) if state else None
        return Change(read) if read else None

    return await stores.conversations.change(conversation, decide, request=request)


async def write(stores: Stores, message: Message, id: str, *, cause: Cause | None = None) -> Outcome[Message]:
    """Write a message, once for each id.

    The conversation takes it first: that one write numbers it and holds its events, and from then on it is never lost.
    A document of its own follows at once, or by a timer when this process ends in between.
    """
    name = message_name(message.conversation, id)
    applied = False
    written = await stores.messages.get(name)
    if written is None:

        def take(conversation: Conversation | None) -> Change[Conversation] | None:
            if conversation is None or id in conversation.arriving:
                return None
            return Change(*conversations.take(message.conversation, conversation, id, message))

        # Somebody with the same id may finish between the two looks: the conversation remembers ids for a while.
        mark = Request(f"message {id}", message.fingerprint)
        taken = await stores.conversations.change(message.conversation, take, request=mark)
        applied = taken.applied
        if id in taken.state.arriving:
            written = await _file(stores, id, taken.state.arriving[id], cause=cause)
        else:
            written = await stores.messages.require(name, what="Message")
    if written.state.fingerprint != message.fingerprint:
        raise Invalid("REQUEST_ID_REUSED", "This request_id was used for another message: take a new one.")
    return replace(written, applied=applied)


async def _file(stores: Stores, id: str, message: Message, *, cause: Cause | None = None) -> Outcome[Message]:
    name = message_name(message.conversation, id)
    filed = await stores.messages.change(name, lambda kept: Change(message) if kept is None else None, cause=cause)

    def known(conversation: Conversation | None) -> Change[Conversation] | None:
        without = conversations.arrived(conversation, id) if conversation else None
        return Change(without) if without else None

    # The message is written. When many write at once, the note of it may be left to the timer.
    with suppress(Aborted):
        await stores.conversations.change(message.conversation, known)
    return filed
