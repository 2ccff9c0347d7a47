"""Messages to many: their recipients are collected and packed, and each packet is written to by itself.

Every step is repeated without harm: a packet's name is its number, a notification's name is made of the bulk message
and its reader. When a process dies in the middle of a packet, the e-mails of that packet go out again under the same
Message-IDs, and no others.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from entente_chassis.refusal import Invalid, Refusal, Unavailable, Violation
from entente_chassis.store import Change, Outcome, Request
from entente_messaging.application.commands.conversations import open_conversation, write
from entente_messaging.application.commands.delivering import mail_of
from entente_messaging.application.commands.telling import own_words, say
from entente_messaging.application.ports import MailDeferred, MailRefused, Recipient
from entente_messaging.application.stores import Stores
from entente_messaging.application.words import Source
from entente_messaging.domain import bulks, deliveries
from entente_messaging.domain.bulks import Audience, Bulk, BulkOutcome, BulkState, Entry, Packet
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.conversations import Collaboration, Message
from entente_messaging.domain.deliveries import Delivery, Go, Leave, mail_plan
from entente_messaging.domain.names import (
    contact_name,
    delivery_name,
    derived_id,
    erasure_name,
    preferences_name,
)
from entente_messaging.domain.notifications import Notification, Said, Telling
from entente_messaging.domain.occasions import Category, Channel, Mode, Occasion, Party
from entente_messaging.domain.preferences import Preferences

_PAGE = 1000
_ABANDONED_AFTER = timedelta(minutes=10)


async def create_bulk(
    stores: Stores, name: str, wanted: Bulk, creators: Sequence[str], *, request: Request | None
) -> Outcome[Bulk]:
    """Begin a bulk message. With creators it goes to them; else they are collected later.

    Raises:
        Invalid: there are no words, or they use what is not there.
    """
    await check_words(stores, wanted)
    now = stores.clock.now()
    named = list(dict.fromkeys(creators))
    begun = replace(wanted, look_at=None if named else now, asked_at=stores.technical.now())
    outcome = await stores.bulks.change(name, lambda kept: Change(begun) if kept is None else None, request=request)
    if not named or outcome.state.state is not BulkState.PREPARING:
        return outcome
    packets = bulks.packed(name, [Entry(creator) for creator in named], 0, now)
    for start in range(0, len(packets), 100):
        await stores.packets.create_many(_named(packets[start : start + 100]))

    def ready(bulk: Bulk | None) -> Change[Bulk] | None:
        after = bulks.collected(bulk, "", "", len(packets), len(named), now) if bulk else None
        return Change(replace(after, look_at=None)) if after else None

    return replace(await stores.bulks.change(name, ready), applied=outcome.applied)


async def check_words(stores: Stores, bulk: Bulk) -> None:
    """Refuse a bulk message that has nothing to say.

    Raises:
        Invalid: names what is missing or wrong.
    """
    if bulk.subject or bulk.body:
        stores.words.check(bulk.occasion, bulk.subject, bulk.body)
        missing = [part for part in ("subject", "body") if not getattr(bulk, part).strip()]
        if missing:
            violations = [
                Violation(f"bulk.{part}", "is required when the other is given", "REQUIRED") for part in missing
            ]
            raise Invalid("BULK_INVALID", "The words are not complete.", violations=violations)
    elif (
        bulk.occasion is Occasion.BROADCAST
        and await own_words(stores, bulk.brand, bulk.occasion, stores.default_locale) is None
    ):
        what = "is required: a broadcast says what the brand wants to say. Or keep a template for it"
        raise Invalid("BULK_INVALID", "There are no words.", violations=[Violation("bulk.body", what, "REQUIRED")])


async def collect(stores: Stores, name: str) -> None:
    """Pack the next recipients of a bulk message.

    Raises:
        Unavailable: the service that knows them does not answer.
    """
    bulk = (await stores.bulks.require(name, what="Bulk")).state
    if bulk.state is not BulkState.PREPARING or bulk.look_at is None:
        return
    try:
        found, token = await stores.recipients.page(bulk.brand, bulk.audience, bulk.page_token, _PAGE)
    except Unavailable:
        raise
    except Refusal as refusal:
        problem = refusal.reason
        await stores.bulks.change(name, lambda b: Change(_failed(b, problem, stores)) if b else None)
        return
    now = stores.clock.now()
    packets = bulks.packed(name, [_entry(recipient) for recipient in found], bulk.packets, now)
    await stores.packets.create_many(_named(packets))

    def decide(state: Bulk | None) -> Change[Bulk] | None:
        if state is None:
            return None
        total = bulk.packets + len(packets)
        after = bulks.collected(state, bulk.page_token, token, total, len(found), now)
        if after is None:
            return None
        if token:
            return Change(after)
        running = replace(after, look_at=None)
        return Change(*bulks.ended(running, name, now)) if bulks.is_whole(running) else Change(running)

    await stores.bulks.change(name, decide)


async def cancel_bulk(stores: Stores, name: str, *, request: Request | None) -> Outcome[Bulk]:
    """End a bulk message."""

    def decide(bulk: Bulk | None) -> Change[Bulk] | None:
        after = bulks.cancelled(bulk, name, stores.clock.now()) if bulk else None
        return Change(*after) if after else None

    return await stores.bulks.change(name, decide, request=request)


async def send_packet(stores: Stores, name: str) -> None:
    """Write to the recipients of a packet, and count what came of them.

    Raises:
        Unavailable: the mail server takes nothing now.
    """
    packet = (await stores.packets.require(name, what="Packet")).state
    bulk = (await stores.bulks.require(packet.bulk, what="Bulk")).state
    if packet.due_at is None or (packet.claimed_until and packet.claimed_until > stores.technical.now()):
        return
    if bulk.state is BulkState.PREPARING and bulk.audience == Audience() and not _abandoned(stores, bulk):
        return  # The request that hands the recipients over is not at its end.
    if not packet.done:
        if not await _claim(stores, name):
            return
        if bulk.state in (BulkState.RUNNING, BulkState.PREPARING) and not _abandoned(stores, bulk):
            entries = await _Sending(stores, packet.bulk, bulk).send(name, packet)
        else:
            entries = [replace(e, outcome=BulkOutcome.LEFT_OUT, reason=bulk.state.value) for e in packet.entries]
        done = await stores.packets.change(
            name, lambda p: Change(replace(p, entries=tuple(entries), done=True, claimed_until=None)) if p else None
        )
        packet = done.state
    finished = packet

    def count(state: Bulk | None) -> Change[Bulk] | None:
        after = bulks.counted(state, packet.bulk, finished, stores.clock.now()) if state else None
        return Change(*after) if after else None

    await stores.bulks.change(packet.bulk, count)
    await stores.packets.change(name, lambda p: Change(replace(p, due_at=None)) if p else None)


@dataclass
class _Reader:
    """A recipient, with what is known of it."""

    entry: Entry
    contact: Contact | None
    preferences: Preferences
    erased: bool


class _Sending:
    """One packet on its way."""

    def __init__(self, stores: Stores, bulk_name: str, bulk: Bulk) -> None:
        self._stores = stores
        self._name = bulk_name
        self._bulk = bulk
        own = bulk.subject or bulk.body
        self._words = Source(bulk.subject, bulk.body, bulk_name) if own else None

    async def send(self, name: str, packet: Packet) -> list[Entry]:
        stores = self._stores
        readers = await self._readers(packet.entries)
        at_once = asyncio.Semaphore(8)

        async def one(reader: _Reader) -> tuple[Entry, Notification | None, Delivery | None]:
            async with at_once:
                return await self._one(reader)

        sent = await asyncio.gather(*(one(reader) for reader in readers), return_exceptions=True)
        failed = next((outcome for outcome in sent if isinstance(outcome, BaseException)), None)
        if failed is not None:
            await stores.packets.change(name, lambda p: Change(replace(p, claimed_until=None)) if p else None)
            raise failed
        whole = [outcome for outcome in sent if not isinstance(outcome, BaseException)]
        await stores.notifications.create_many(
            [(entry.notification, Change(notification)) for entry, notification, _ in whole if notification]
        )
        await stores.deliveries.create_many([(delivery_name(d.notification), Change(d)) for _, _, d in whole if d])
        for entry, notification, _ in whole:
            if notification and entry.collaboration:
                await self._write(entry, notification)
        return [entry for entry, _, _ in whole]

    async def _readers(self, entries: Sequence[Entry]) -> list[_Reader]:
        stores = self._stores
        people = [entry.creator for entry in entries]
        contacts = {f.id: f.state for f in await stores.contacts.find(_ids(contact_name(p) for p in people))}
        preferences = {f.id: f.state for f in await stores.preferences.find(_ids(preferences_name(p) for p in people))}
        erased = {f.id for f in await stores.erasures.find(_ids(erasure_name(p) for p in people))}
        return [
            _Reader(
                entry,
                contacts.get(contact_name(entry.creator)),
                preferences.get(preferences_name(entry.creator), Preferences()),
                erasure_name(entry.creator) in erased,
            )
            for entry in entries
        ]

    async def _one(self, reader: _Reader) -> tuple[Entry, Notification | None, Delivery | None]:
        entry, stores, now = reader.entry, self._stores, self._stores.clock.now()
        if reader.erased:
            return replace(entry, outcome=BulkOutcome.LEFT_OUT, reason=deliveries.ERASED), None, None
        name = f"notifications/{derived_id('bulk', self._name, entry.creator)}"
        telling = self._telling(entry)
        said = await say(stores, telling, reader.contact, self._words)
        notification = self._notification(telling, said, reader.preferences)
        entry = replace(entry, notification=name)
        delivery = Delivery(
            notification=name,
            recipient=entry.creator,
            channel=Channel.EMAIL,
            occasion=telling.occasion,
            category=telling.category,
            campaign=telling.campaign,
            conversation="",
            created_at=now,
            next_at=now,
        )
        plan = mail_plan(delivery, reader.contact, reader.preferences, now, stores.patience)
        if isinstance(plan, Leave):
            left, _ = deliveries.left_out(delivery, now, plan)
            return replace(entry, outcome=BulkOutcome.INBOX_ONLY, reason=plan.reason), notification, left
        contact = reader.contact
        if not isinstance(plan, Go) or contact is None or stores.rates.take(contact.email):
            # Quiet hours, a digest, an address still to come, a provider with its share: its own timer sees to it.
            return replace(entry, outcome=BulkOutcome.LATER), notification, delivery
        try:
            code = await stores.mailer.send(mail_of(stores, name, entry.creator, contact, telling.category, said))
        except MailDeferred as error:
            later, _ = deliveries.put_off(delivery, now, str(error), stores.patience)
            return replace(entry, outcome=BulkOutcome.LATER), notification, later
        except MailRefused as error:
            lost, _ = deliveries.failed(delivery, now, deliveries.REFUSED, str(error))
            return replace(entry, outcome=BulkOutcome.FAILED, reason=deliveries.REFUSED), notification, lost
        done, _ = deliveries.sent(delivery, now, code)
        return replace(entry, outcome=BulkOutcome.SENT), notification, done

    def _telling(self, entry: Entry) -> Telling:
        return Telling(
            party=Party.CREATOR,
            occasion=self._bulk.occasion,
            category=Category.BROADCAST,
            brand=self._bulk.brand,
            recipient=entry.creator,
            campaign=entry.campaign,
            collaboration=entry.collaboration,
            creator=entry.creator,
            values={"brand_name": self._bulk.brand_name, "creator_name": entry.display_name},
        )

    def _notification(self, telling: Telling, said: Said, preferences: Preferences) -> Notification:
        now = self._stores.clock.now()
        shown = preferences.mode(telling.category, Channel.IN_APP) is not Mode.OFF
        return Notification(
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

    async def _write(self, entry: Entry, notification: Notification) -> None:
        """Into the conversation as well, where there is one, so that the creator can answer."""
        about = Collaboration(
            collaboration=entry.collaboration,
            campaign=entry.campaign,
            brand=self._bulk.brand,
            creator=entry.creator,
            campaign_title=entry.campaign_title,
            brand_display_name=self._bulk.brand_name,
            creator_display_name=entry.display_name,
        )
        message = Message(
            conversation=await open_conversation(self._stores, about),
            sender=Party.BRAND,
            text=notification.text,
            created_at=notification.created_at,
            automatic=True,
            occasion=notification.occasion,
            language=notification.locale.partition("-")[0],
        )
        await write(self._stores, message, derived_id("bulk", self._name, entry.creator))


def packet_name(bulk: str, number: int) -> str:
    """The name of a packet."""
    return f"{bulk}/packets/{number:05}"


def _named(packets: Sequence[Packet]) -> list[tuple[str, Change[Packet]]]:
    return [(packet_name(packet.bulk, packet.number), Change(packet)) for packet in packets]


def _entry(recipient: Recipient) -> Entry:
    return Entry(
        recipient.creator,
        recipient.display_name,
        recipient.collaboration,
        recipient.campaign,
        recipient.campaign_title,
    )


def _failed(bulk: Bulk, problem: str, stores: Stores) -> Bulk:
    return replace(bulk, state=BulkState.FAILED, problem=problem, look_at=None, ended_at=stores.clock.now())


def _abandoned(stores: Stores, bulk: Bulk) -> bool:
    """Whether the request that was to hand the recipients over never came to its end."""
    waits = bulk.audience == Audience() and bulk.state is BulkState.PREPARING
    return waits and bulk.asked_at is not None and stores.technical.now() - bulk.asked_at > _ABANDONED_AFTER


async def _claim(stores: Stores, name: str) -> bool:
    def decide(packet: Packet | None) -> Change[Packet] | None:
        technical = stores.technical.now()
        if packet is None or packet.done or (packet.claimed_until and packet.claimed_until > technical):
            return None
        return Change(replace(packet, claimed_until=technical + stores.claim_for))

    return (await stores.packets.change(name, decide)).applied


def _ids(names: Iterable[str]) -> dict[str, object]:
    return {"_id": {"$in": list(names)}}
