"""A reminder and the event that makes it needless race on the real database, with two processes that fire timers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from entente.campaign.v1 import events_pb2 as campaign
from entente_chassis.clock import ManualClock
from entente_chassis.refusal import Aborted
from entente_chassis.store import Aggregates, Change
from entente_chassis.store.mongo import MongoDocuments, open_client
from entente_chassis.testing import incoming
from entente_messaging.adapters import kinds
from entente_messaging.adapters.languages import ModelLanguages
from entente_messaging.adapters.mail import MemoryMailer
from entente_messaging.adapters.webhooks import HttpPoster
from entente_messaging.application.commands import delivering
from entente_messaging.application.stores import Stores
from entente_messaging.application.ways_out import WaysOut
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.deliveries import DeliveryState
from entente_messaging.entrypoints.events import routes

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
KEPT = (
    "contacts", "preferences", "conversations", "messages", "notifications", "deliveries", "mailboxes", "templates",
    "template_versions", "webhooks", "bulks", "packets", "erasures",
)  # fmt: skip
ROUNDS = 12


class WatchedMailer(MemoryMailer):
    """Notes whether what it is sending was already needless when it was begun."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = 0.0

    async def send(self, mail: Any) -> str:
        await asyncio.sleep(self.slow)
        return await super().send(mail)


@pytest.fixture
async def stores(mongo_uri: str, database_name: str) -> AsyncIterator[Stores]:
    client = open_client(mongo_uri)
    clock = ManualClock(NOW)
    aggregates: dict[str, Any] = {}
    for name in KEPT:
        kind = getattr(kinds, name.upper())
        aggregates[name] = Aggregates(kind, MongoDocuments(client[database_name], kind.collection), clock)
        await aggregates[name].prepare()
    yield Stores(
        **aggregates,
        mailer=WatchedMailer(),
        poster=HttpPoster(allow_private=False),
        recipients=None,  # type: ignore[arg-type]  # Nobody writes to many here.
        languages=ModelLanguages(),
        ways_out=WaysOut(),
        clock=clock,
    )
    client.close()


def ref(number: int) -> campaign.CollaborationRef:
    return campaign.CollaborationRef(
        collaboration=f"campaigns/c{number}/collaborations/ann",
        campaign=f"campaigns/c{number}",
        brand="brands/zoe",
        creator=f"creators/ann{number}",
        campaign_title=f"n {number}",
    )


async def test_a_reminder_is_sent_once_or_not_at_all_and_never_after_what_ended_it(stores: Stores) -> None:
    replica = replace(stores, mailer=WatchedMailer())
    handle = routes(stores)
    outcomes: set[tuple[bool, str]] = set()
    delay = 0.01
    for number in range(ROUNDS):
        about = ref(number)
        await stores.contacts.change(
            f"{about.creator}/contact",
            lambda c: Change(Contact(f"a{number}@example.org", "fr")),  # noqa: B023
        )
        reminder = campaign.ReminderDue(ref=about, kind=campaign.REMINDER_KIND_RECEIPT_CONFIRMATION)
        await handle[campaign.ReminderDue](incoming(reminder, about.collaboration, n=1))
        (told,) = await stores.deliveries.find({"recipient": about.creator})
        name = told.id
        conversation = f"conversations/c{number}~ann"
        ended = incoming(campaign.ShipmentReceived(ref=about), about.collaboration, n=2)

        async def end() -> None:
            await asyncio.sleep(delay)  # noqa: B023
            await handle[campaign.ShipmentReceived](ended)  # noqa: B023

        async def fire(of: Stores) -> None:
            with suppress(Aborted):
                await delivering.deliver(of, name)  # noqa: B023

        await asyncio.gather(fire(stores), fire(replica), end())
        delivery = (await stores.deliveries.require(name, what="Delivery")).state
        talk = (await stores.conversations.require(conversation, what="Conversation")).state
        mails = [
            mail
            for mailer in (stores.mailer, replica.mailer)
            for mail in mailer.sent  # type: ignore[attr-defined]
            if mail.to == f"a{number}@example.org"
        ]
        assert len(mails) == talk.reminders == (delivery.state is DeliveryState.SENT)
        outcomes.add((bool(mails), delivery.reason))
        delay = delay / 1.5 if mails else delay * 1.5  # Both sides are to win some.
        # From here on it is needless, whatever fires.
        late = incoming(reminder, about.collaboration, n=1)
        await handle[campaign.ReminderDue](late)
        await fire(stores)
        assert (await stores.conversations.require(conversation, what="Conversation")).state.reminders == len(mails)
    assert outcomes <= {(True, ""), (False, "MOVED_ON")}
    assert len(outcomes) == 2, "the race was always won by the same side: it proves nothing"


async def test_of_two_replicas_one_sends_each_email(stores: Stores) -> None:
    replica = replace(stores, mailer=WatchedMailer())
    stores.mailer.slow = replica.mailer.slow = 0.02  # type: ignore[attr-defined]
    handle = routes(stores)
    for number in range(5):
        about = ref(number)
        await stores.contacts.change(f"{about.creator}/contact", lambda c: Change(Contact("a@example.org", "fr")))
        await handle[campaign.CollaborationCompleted](
            incoming(campaign.CollaborationCompleted(ref=about), about.collaboration)
        )
    due = [name for name, _ in await stores.deliveries.due(stores.clock.now(), 100)]
    await asyncio.gather(*(delivering.deliver(of, name) for name in due for of in (stores, replica)))
    sent = [mail.id for mailer in (stores.mailer, replica.mailer) for mail in mailer.sent]  # type: ignore[attr-defined]
    assert len(due) == len(sent) == len(set(sent)) == 5
