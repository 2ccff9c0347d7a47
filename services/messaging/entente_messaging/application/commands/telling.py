"""People are told something: in the inbox, on the channels they want, and in the conversation."""

import asyncio
from dataclasses import replace

from entente_chassis.store import Cause, Change, Outcome, Request
from entente_messaging.application.commands.conversations import open_conversation, write
from entente_messaging.application.stores import Stores
from entente_messaging.application.table import table
from entente_messaging.application.words import Source
from entente_messaging.domain import conversations, notifications
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.conversations import Collaboration, Conversation, Message
from entente_messaging.domain.deliveries import Delivery, Mark
from entente_messaging.domain.names import (
    contact_name,
    conversation_name,
    delivery_name,
    derived_id,
    erasure_name,
    preferences_name,
    template_name,
    version_name,
)
from entente_messaging.domain.notifications import Notification, Said, Telling
from entente_messaging.domain.occasions import Category, Channel, Mode, Occasion, Party
from entente_messaging.domain.preferences import Preferences


async def tell(stores: Stores, telling: Telling, about: Collaboration | None, cause: Cause) -> bool:
    """Tell somebody something, once for each event and side. Returns whether it is new."""
    if await is_erased(stores, telling.recipient):
        return False
    whom = (telling.party.value, telling.recipient) if telling.one_of_many else (telling.party.value,)
    id = derived_id(cause.stream, cause.subject, str(cause.epoch), str(cause.n), *whom)
    name = f"notifications/{id}"
    contact, preferences = await asyncio.gather(
        contact_of(stores, telling.recipient), preferences_of(stores, telling.recipient)
    )
    said = await say(stores, telling, contact)
    now = stores.clock.now()
    shown = preferences.mode(telling.category, Channel.IN_APP) is not Mode.OFF
    notification = Notification(
        recipient=telling.recipient,
        party=telling.party,
        occasion=telling.occasion,
        category=telling.category,
        brand=telling.brand,
        campaign=telling.campaign,
        collaboration=telling.collaboration,
        creator=telling.creator,
        values=dict(telling.values),
        locale=said.locale,
        title=said.title,
        text=said.text,
        template=said.source,
        created_at=now,
        unread=shown,
        read_at=None if shown else now,
    )
    told = await stores.notifications.change(
        name, lambda kept: Change(notification) if kept is None else None, cause=cause
    )
    await _send(stores, name, notification, preferences, cause)
    if about and telling.party is Party.CREATOR and table().of(telling.occasion).in_conversation:
        message = Message(
            conversation=await open_conversation(stores, about),
            sender=Party.BRAND,
            text=said.text,
            created_at=now,
            automatic=True,
            occasion=telling.occasion,
            language=said.locale.partition("-")[0],
        )
        await write(stores, message, id, cause=cause)
    return told.applied


async def _send(stores: Stores, name: str, notification: Notification, preferences: Preferences, cause: Cause) -> None:
    """Put it on the ways that its reader wants. Their names are made of its own, so that a repeat makes no others."""
    channels = table().of(notification.occasion).channels
    reminder = notification.category is Category.REMINDER
    delivery = Delivery(
        notification=name,
        recipient=notification.recipient,
        channel=Channel.EMAIL,
        occasion=notification.occasion,
        category=notification.category,
        campaign=notification.campaign,
        conversation=conversation_name(notification.collaboration) if notification.collaboration else "",
        created_at=notification.created_at,
        next_at=notification.created_at,
        event=Mark(cause.subject, cause.epoch, cause.n) if reminder else None,
    )
    made = [(delivery_name(name), Change(delivery))] if Channel.EMAIL in channels else []
    if Channel.WEBHOOK in channels and preferences.mode(notification.category, Channel.WEBHOOK) is not Mode.OFF:
        for webhook in await stores.webhooks.find({"owner": notification.recipient, "enabled": True}):
            if webhook.state.wants(notification.occasion):
                posted = replace(delivery, channel=Channel.WEBHOOK, webhook=webhook.id)
                made.append((delivery_name(name, webhook.id), Change(posted)))
    if made:
        await stores.deliveries.create_many(made)


async def stop_reminders(stores: Stores, about: Collaboration, event: str, cause: Cause) -> None:
    """The state has moved on: reminders of what is done now are not sent any more, whenever their time comes."""
    from_here: dict[bool, list[Occasion]] = {True: [], False: []}
    for moment in table().stops(event):
        from_here[_topic(moment.event) == _topic(event)].append(moment.occasion)
    name = await open_conversation(stores, about)

    def decide(conversation: Conversation | None) -> Change[Conversation] | None:
        if conversation is None:
            return None
        after = conversations.stop_reminders(conversation, from_here[True], cause.subject, cause.order)
        after = conversations.stop_reminders(after or conversation, from_here[False], "*", None) or after
        return Change(after) if after else None

    await stores.conversations.change(name, decide)


async def mark_notification_read(stores: Stores, name: str, *, request: Request | None) -> Outcome[Notification]:
    """Mark a notification as read."""

    def decide(notification: Notification | None) -> Change[Notification] | None:
        read = notifications.read(notification, stores.clock.now()) if notification else None
        return Change(read) if read else None

    return await stores.notifications.change(name, decide, request=request)


async def contact_of(stores: Stores, party: str) -> Contact | None:
    """How somebody is reached, if that is known."""
    found = await stores.contacts.get(contact_name(party))
    return found.state if found else None


async def preferences_of(stores: Stores, party: str) -> Preferences:
    """What somebody prefers."""
    found = await stores.preferences.get(preferences_name(party))
    return found.state if found else Preferences()


async def is_erased(stores: Stores, person: str) -> bool:
    """Whether somebody is to be forgotten."""
    return await stores.erasures.get(erasure_name(person)) is not None


async def own_words(stores: Stores, brand: str, occasion: Occasion, locale: str) -> tuple[Source, str] | None:
    """A brand's own words for a reader, and their language: those of the reader's locale, else of the language."""
    language = locale.partition("-")[0]
    for wanted in dict.fromkeys((locale, language)):
        name = template_name(brand, occasion, wanted)
        found = await stores.templates.get(name) if brand else None
        if found and not found.state.deleted:
            own = found.state
            return Source(own.subject, own.body, version_name(name, own.version)), wanted
    return None


async def say(stores: Stores, telling: Telling, contact: Contact | None, words: Source | None = None) -> Said:
    """Put it into words: the brand's own in the reader's language, else the built-in ones, else the default language's.

    Args:
        stores: where the brand's words are.
        telling: what is told.
        contact: the reader's.
        words: instead of all these.
    """
    locale = (contact.locale if contact else "") or stores.default_locale
    zone = contact.time_zone if contact else ""
    if words is not None:
        return stores.words.say(telling.occasion, locale, telling.values, own=words, zone=zone)
    own = await own_words(stores, telling.brand, telling.occasion, locale)
    language = stores.words.language(locale, stores.default_locale)
    if own is None and language != locale.partition("-")[0]:
        own = await own_words(stores, telling.brand, telling.occasion, stores.default_locale)
    if own is None:
        return stores.words.say(telling.occasion, language, telling.values, zone=zone)
    return stores.words.say(telling.occasion, own[1], telling.values, own=own[0], zone=zone)


def _topic(event: str) -> str:
    """Events of one service are of the same subjects, and so can be put in order."""
    return event.rpartition(".")[0]
