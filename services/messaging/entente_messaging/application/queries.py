"""What only looks."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from entente_chassis.refusal import Invalid, Violation
from entente_chassis.store import Outcome
from entente_messaging.application.stores import Stores
from entente_messaging.domain.bulks import PACKET, Bulk, Entry
from entente_messaging.domain.conversations import Conversation, Message, words_of
from entente_messaging.domain.deliveries import Delivery, DeliveryState
from entente_messaging.domain.names import delivery_name
from entente_messaging.domain.notifications import Notification
from entente_messaging.domain.templates import Template, TemplateVersion
from entente_messaging.domain.webhooks import Webhook

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


async def search(
    stores: Stores, participant: str, query: str, conversation: str, *, page_size: int, page_token: str
) -> tuple[list[Outcome[Message]], str]:
    """Messages of somebody's conversations that hold all these words, the latest first.

    Raises:
        Invalid: there is no word in the query.
    """
    words = words_of(query)
    if not words:
        violation = Violation("query", "holds no word to look for")
        raise Invalid("QUERY_INVALID", "There is nothing to look for.", violations=[violation])
    where: dict[str, Any] = {"$and": [{"words": word} for word in words], _side(participant): participant}
    if conversation:
        where["conversation"] = conversation
    return await stores.messages.page(
        where,
        order_by="-created_at",
        page_size=page_size,
        page_token=page_token,
        scope=f"search {participant} {conversation} {' '.join(words)}",
    )


async def unread_of(stores: Stores, participant: str) -> tuple[int, int, int]:
    """Unread conversations, the messages in them, and unread notifications; conversations beyond 1,000 do not count."""
    unread = f"{_side(participant)}_unread"
    found = await stores.conversations.find({_side_of(participant): participant, unread: {"$gt": 0}})
    notifications = await stores.notifications.count({"recipient": participant, "unread": True})
    return len(found), sum(getattr(conversation.state, unread) for conversation in found), notifications


async def versions_of(
    stores: Stores, template: str, *, page_size: int, page_token: str
) -> tuple[list[Outcome[TemplateVersion]], str]:
    """The words of a template as they were, the latest first."""
    return await stores.template_versions.page(
        {"template": template},
        order_by="-version",
        page_size=page_size,
        page_token=page_token,
        scope=f"versions {template}",
    )


async def webhooks_of(
    stores: Stores, owner: str, *, page_size: int, page_token: str
) -> tuple[list[Outcome[Webhook]], str]:
    """Somebody's webhooks."""
    where = {"owner": owner, "deleted": False}
    return await stores.webhooks.page(where, page_size=page_size, page_token=page_token, scope=f"webhooks {owner}")


async def deliveries_of(
    stores: Stores, recipient: str, state: DeliveryState | None, *, page_size: int, page_token: str
) -> tuple[list[Outcome[Delivery]], str]:
    """What was sent or is to be sent to somebody, the latest first."""
    where: dict[str, Any] = {"recipient": recipient}
    if state:
        where["state"] = state.value
    return await stores.deliveries.page(
        where,
        order_by="-created_at",
        page_size=page_size,
        page_token=page_token,
        scope=f"deliveries {recipient} {state}",
    )


async def mails_of(stores: Stores, notifications: Sequence[Outcome[Notification]]) -> dict[str, Delivery]:
    """How far the e-mails of notifications have come, by notification."""
    names = [delivery_name(notification.id) for notification in notifications]
    if not names:
        return {}
    return {found.state.notification: found.state for found in await stores.deliveries.find({"_id": {"$in": names}})}


async def bulks_of(stores: Stores, brand: str, *, page_size: int, page_token: str) -> tuple[list[Outcome[Bulk]], str]:
    """A brand's bulk messages, the latest first."""
    return await stores.bulks.page(
        {"brand": brand},
        order_by="-created_at",
        page_size=page_size,
        page_token=page_token,
        scope=f"bulks {brand}",
    )


async def results_of(stores: Stores, bulk: str, *, page_size: int, page_token: str) -> tuple[list[Entry], str]:
    """What came of each recipient, in order, in whole packets."""
    packets, token = await stores.packets.page(
        {"bulk": bulk},
        order_by="number",
        page_size=max(1, (page_size or 100) // PACKET),
        page_token=page_token,
        scope=f"results {bulk}",
    )
    return [entry for packet in packets for entry in packet.state.entries], token


async def personal_data(
    stores: Stores, person: str, page_token: str
) -> tuple[list[Outcome[Notification]], list[Outcome[Message]], str]:
    """What somebody was told, and then what they wrote, page by page."""
    kind, _, inner = page_token.partition(":") if page_token else ("notifications", "", "")
    if kind == "notifications":
        told, token = await stores.notifications.page(
            {"recipient": person}, page_size=200, page_token=inner, scope=f"export notifications {person}"
        )
        return told, [], f"notifications:{token}" if token else "messages:"
    if kind != "messages":
        raise Invalid("PAGE_TOKEN_INVALID", "page_token is of no such export: give back the last one.")
    side = _side(person)
    written, token = await stores.messages.page(
        {side: person, "sender": side.upper()}, page_size=200, page_token=inner, scope=f"export messages {person}"
    )
    return [], written, f"messages:{token}" if token else ""


async def templates_of(
    stores: Stores, brand: str, *, page_size: int, page_token: str
) -> tuple[list[Outcome[Template]], str]:
    """A brand's own templates."""
    return await stores.templates.page(
        {"brand": brand, "deleted": False}, page_size=page_size, page_token=page_token, scope=f"templates {brand}"
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


def _side(participant: str) -> str:
    return "brand" if participant.startswith("brands/") else "creator"


def _side_of(participant: str) -> str:
    return f"about.{_side(participant)}"


def _flat(where: Mapping[str, Any]) -> str:
    return " ".join(f"{path}={value}" for path, value in sorted(where.items()))
