"""What only looks."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from entente_chassis.refusal import Invalid
from entente_chassis.store import Outcome
from entente_messaging.application.stores import Stores
from entente_messaging.domain.conversations import Conversation, Message
from entente_messaging.domain.notifications import Notification
from entente_messaging.domain.templates import Template

_BATCH = 200


async def conversations_of(
    stores: Stores, participant: str, campaign: str, *, page_size: int, page_token: str
) -> tuple[list[Outcome[Conversation]], str]:
    """The conversations of a brand or creator, the one with the latest message first."""
    where: dict[str, Any] = {_side_of(participant): participant}
    if campaign:
        where["about.campaign"] = campaign
    scope = f"conversations {participant} {campaign}"
    return await stores.conversations.page(
        where, order_by="-last_message_at", page_size=page_size, page_token=page_token, scope=scope
    )


async def messages_of(
    stores: Stores, conversation: str, *, page_size: int, page_token: str
) -> tuple[list[Outcome[Message]], str]:
    """The messages of a conversation in order."""
    return await stores.messages.page(
        {"conversation": conversation},
        order_by="position",
        page_size=page_size,
        page_token=page_token,
        scope=f"messages {conversation}",
    )


async def messages_after(stores: Stores, conversation: str, position: int) -> list[Outcome[Message]]:
    """The next messages after a position. It stops before one that was numbered and cannot be read yet, so that whoever
    goes on after the last one misses none."""
    found = await stores.messages.find(
        {"conversation": conversation, "position": {"$gt": position, "$lte": position + _BATCH}},
        order_by="position",
        limit=_BATCH,
    )
    return [message for next_one, message in enumerate(found, position + 1) if message.state.position == next_one]


async def templates_of(
    stores: Stores, brand: str, *, page_size: int, page_token: str
) -> tuple[list[Outcome[Template]], str]:
    """A brand's own templates."""
    return await stores.templates.page(
        {"brand": brand}, page_size=page_size, page_token=page_token, scope=f"templates {brand}"
    )


async def notifications_of(
    stores: Stores, recipient: str, *, unread_only: bool, campaign: str, page_size: int, page_token: str
) -> tuple[list[Outcome[Notification]], str, int, int]:
    """What a brand or creator was told, the latest first; the next token, how many match, how many are unread."""
    where: dict[str, Any] = {"recipient": recipient}
    if campaign:
        where["campaign"] = campaign
    if unread_only:
        where["unread"] = True
    page, token = await stores.notifications.page(
        where,
        order_by="-created_at",
        page_size=page_size,
        page_token=page_token,
        scope=f"notifications {_flat(where)}",
    )
    total = await stores.notifications.count(where)
    unread_total = await stores.notifications.count({"recipient": recipient, "unread": True})
    return page, token, total, unread_total


def resume_token(message: Outcome[Message]) -> str:
    """Where a stream goes on after a message."""
    return base64.urlsafe_b64encode(f"{message.state.conversation}|{message.state.position}".encode()).decode()


def read_resume_token(token: str, conversation: str) -> int:
    """The position that a token stands for; the beginning for "".

    Raises:
        Invalid: it is no token of a stream of this conversation.
    """
    if not token:
        return 0
    try:
        of, _, position = base64.urlsafe_b64decode(token.encode()).decode().partition("|")
        if of != conversation:
            raise ValueError("of another conversation")
        return int(position)
    except (binascii.Error, ValueError) as error:
        raise Invalid(
            "RESUME_TOKEN_INVALID",
            "resume_token is of no stream of this conversation: give back the last one, or leave it out.",
        ) from error


def _side_of(participant: str) -> str:
    return "about.brand" if participant.startswith("brands/") else "about.creator"


def _flat(where: Mapping[str, Any]) -> str:
    return " ".join(f"{path}={value}" for path, value in sorted(where.items()))
