"""Forgetting somebody: a tombstone at once, and then the texts, packet by packet, also after a crash."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from entente_chassis.store import Aggregates, Change, Outcome, Request
from entente_messaging.application.stores import Stores
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.conversations import Conversation, Message
from entente_messaging.domain.deliveries import ERASED, Delivery, DeliveryState, Leave, left_out
from entente_messaging.domain.erasures import Erasure, PersonErased
from entente_messaging.domain.mailboxes import Mailbox
from entente_messaging.domain.names import contact_name, erasure_name, mailbox_name, preferences_name
from entente_messaging.domain.notifications import Notification
from entente_messaging.domain.preferences import Preferences
from entente_messaging.domain.webhooks import Webhook

S = TypeVar("S")

_AT_ONCE = 100


async def erase(stores: Stores, person: str, reason: str, *, request: Request | None) -> Outcome[Erasure]:
    """Put up the tombstone: from now on nothing of the person is taken in, told or sent. The texts follow."""
    now = stores.clock.now()

    def decide(erasure: Erasure | None) -> Change[Erasure] | None:
        if erasure is not None:
            return None
        return Change(Erasure(person, reason, now, work_at=now), [PersonErased(person, now)])

    return await stores.erasures.change(erasure_name(person), decide, request=request)


async def take_out(stores: Stores, name: str) -> None:
    """Take out what is personal, a packet of each kind at a time; again until nothing is left."""
    person = (await stores.erasures.require(name, what="Erasure")).state.person
    await _each(stores.contacts, [contact_name(person)], _blank_contact)
    await _each(stores.preferences, [preferences_name(person)], lambda p: Preferences())
    await _each(stores.mailboxes, [mailbox_name(person)], lambda m: Mailbox(person))
    side = "brand" if person.startswith("brands/") else "creator"
    left = 0
    for aggregates, where, blank in _texts(person, side):
        kept: Aggregates[Any] = getattr(stores, aggregates)
        found = await kept.find(where, limit=_AT_ONCE)
        await _each(kept, [outcome.id for outcome in found], blank)
        left += len(found)
    if not left:
        await stores.erasures.change(name, lambda e: Change(replace(e, work_at=None)) if e else None)


def _texts(person: str, side: str) -> list[tuple[str, dict[str, Any], Callable[[Any], Any]]]:
    def delivery(state: Delivery) -> Delivery:
        return left_out(state, state.created_at, Leave(ERASED))[0]

    shown = f"{side}_display_name"
    return [
        ("webhooks", {"owner": person, "deleted": False}, _blank_webhook),
        ("deliveries", {"recipient": person, "state": DeliveryState.PENDING.value}, delivery),
        ("notifications", {"recipient": person, "erased": False}, _blank_notification),
        ("notifications", {side: person, "erased": False}, _blank_notification),
        ("messages", {side: person, "sender": side.upper(), "erased": False}, _blank_message),
        # What Entente wrote for a brand names the creator.
        ("messages", {side: person, "automatic": True, "erased": False}, _blank_message),
        (
            "conversations",
            {f"about.{side}": person, f"about.{shown}": {"$ne": ""}},
            lambda c: _blank_conversation(c, shown),
        ),
    ]


async def _each(aggregates: Aggregates[S], names: list[str], blank: Callable[[S], S]) -> None:
    for name in names:
        if await aggregates.get(name):
            await aggregates.change(name, lambda state: Change(blank(state)) if state is not None else None)


def _blank_contact(contact: Contact) -> Contact:
    return replace(contact, email="", time_zone="", email_enabled=False, email_problem="")


def _blank_webhook(webhook: Webhook) -> Webhook:
    return replace(webhook, deleted=True, enabled=False, url="", secret="", old_secret="")


def _blank_notification(notification: Notification) -> Notification:
    return replace(notification, title="", text="", values={}, unread=False, erased=True)


def _blank_message(message: Message) -> Message:
    return replace(message, text="", attachments=(), words=(), erased=True)


def _blank_conversation(conversation: Conversation, shown: str) -> Conversation:
    return replace(conversation, about=replace(conversation.about, **{shown: ""}), arriving=conversation.arriving)
