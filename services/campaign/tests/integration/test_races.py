"""Races and counts on a real database: several replicas, one campaign."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import monitoring

from entente_campaign.adapters.kinds import BANK_ACCOUNTS, BRANDS, CAMPAIGNS, COLLABORATIONS, CONTRACTS, EXPORTS, METERS
from entente_campaign.application import acceptance, effects
from entente_campaign.application.commands.steps import take_step
from entente_campaign.application.stores import Stores
from entente_campaign.domain import collaborations as steps
from entente_campaign.domain import places
from entente_campaign.domain.campaigns import Brief, Campaign, CampaignState, Compensation, Deliverable
from entente_campaign.domain.collaborations import Proposal, State
from entente_campaign.domain.events import ReminderDue
from entente_campaign.domain.names import id_of
from entente_campaign.domain.words import Actor, CompensationModel, CreatorSummary, DeliverableKind, Party, Platform
from entente_campaign.entrypoints import timers
from entente_chassis.auth import Caller, Role
from entente_chassis.clock import ManualClock
from entente_chassis.money import Money
from entente_chassis.refusal import Refusal
from entente_chassis.store import Aggregates, Change
from entente_chassis.store.aggregates import outgoing_of
from entente_chassis.store.mongo import MongoDocuments, open_client
from entente_chassis.timers import Timers

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
BRAND = Actor("accounts/lune", Party.BRAND)
CREATOR = Actor("accounts/creator", Party.CREATOR)


class NoScorer:
    """Matching is away."""

    async def score(self, campaign: Campaign, creator: str, platform: Platform | None) -> CreatorSummary | None:
        return None


class Replicas(NamedTuple):
    """Processes of the service, and the domain's clock."""

    stores: list[Stores]
    clock: ManualClock


@asynccontextmanager
async def replicas(uri: str, database: str, count: int = 2) -> AsyncIterator[Replicas]:
    """Processes of the service, as far as the database is concerned."""
    clients = [open_client(uri) for _ in range(count)]
    clock = ManualClock(NOW)

    def stores_of(client: Any) -> Stores:
        def kept(kind: Any) -> Aggregates[Any]:
            return Aggregates(kind, MongoDocuments(client[database], kind.collection), clock)

        return Stores(
            brands=kept(BRANDS),
            campaigns=kept(CAMPAIGNS),
            collaborations=kept(COLLABORATIONS),
            contracts=kept(CONTRACTS),
            meters=kept(METERS),
            bank_accounts=kept(BANK_ACCOUNTS),
            exports=kept(EXPORTS),
            clock=clock,
            scorer=NoScorer(),
            reservation_hold=timedelta(seconds=30),
        )

    made = [stores_of(client) for client in clients]
    await made[0].campaigns.prepare()
    await made[0].collaborations.prepare()
    try:
        yield Replicas(made, clock)
    finally:
        await clients[0].drop_database(database)
        for client in clients:
            client.close()


async def open_campaign(stores: Stores, *, room: int, budget: int, fee: int) -> Campaign:
    campaign = Campaign(
        f"campaigns/c{uuid.uuid4().hex[:8]}",
        "brands/lune",
        "Maison Lune",
        "Rituel",
        NOW,
        NOW,
        state=CampaignState.RUNNING,
        brief=Brief(deliverables=(Deliverable(DeliverableKind.REEL, 1),)),
        compensation=Compensation(CompensationModel.FIXED_FEE, fee=Money("EUR", fee)),
        budget=Money("EUR", budget),
        places=room,
        end_time=NOW + 90 * DAY,
        publish_time=NOW,
    )
    await stores.campaigns.create_many([(campaign.name, Change(campaign))])
    return campaign


async def apply(stores: Stores, campaign: Campaign, count: int, **fees: int) -> list[str]:
    made = []
    for number in range(count):
        fee = Money("EUR", fees[f"c{number}"]) if f"c{number}" in fees else None
        proposal = Proposal(f"creators/c{number}", Platform.INSTAGRAM, fee=fee)
        state, told = steps.apply(campaign, proposal, None, actor=CREATOR, now=NOW)
        made.append((state.name, Change(state, told)))
    await stores.collaborations.create_many(made)
    return [name for name, _ in made]


ORDINARY = {"NO_PLACES_LEFT", "BUDGET_EXCEEDED", "TOO_MANY_WRITERS", "COLLABORATION_STEP_NOT_ALLOWED"}


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(st.integers(1, 6), st.integers(0, 60), st.lists(st.integers(1, 25), min_size=8, max_size=8), st.integers())
def test_acceptances_that_race_over_replicas_keep_places_and_budget(
    mongo_uri: str, room: int, budget: int, fees: list[int], seed: int
) -> None:
    asyncio.run(_race(mongo_uri, room, budget, fees, random.Random(seed)))


async def _race(uri: str, room: int, budget: int, fees: list[int], chance: random.Random) -> None:
    async with replicas(uri, f"test_{uuid.uuid4().hex[:16]}") as (made, clock):
        campaign = await open_campaign(made[0], room=room, budget=budget, fee=10)
        names = await apply(made[0], campaign, len(fees), **{f"c{n}": fee for n, fee in enumerate(fees)})

        refused: set[str] = set()

        async def act(name: str) -> None:
            stores = chance.choice(made)
            try:
                await acceptance.accept(stores, name, comment="", actor=BRAND, request=None, etag=None)
                if chance.random() < 0.3:
                    await left(stores, name)
            except Refusal as refusal:
                refused.add(refusal.reason)

        async def left(stores: Stores, name: str) -> None:
            own = frozenset({f"creators/{id_of(name)}"})
            caller = Caller("accounts/creator", frozenset({Role.CREATOR}), creators=own)
            step = partial(steps.withdraw, reason="ill")
            gone = await take_step(stores, caller, name, Party.CREATOR, step, request=None, etag=None)
            for _ in range(2):
                await acceptance.release(chance.choice(made), gone.state)

        await asyncio.gather(*(act(name) for name in names for _ in range(2)))
        clock.advance(timedelta(minutes=5))
        await asyncio.gather(*(effects.ring_campaign(stores, campaign.name) for stores in made))

        held = (await made[0].campaigns.require(campaign.name, what="campaign")).state.held
        found = await made[0].collaborations.find({"campaign": campaign.name})
        inside = {
            id_of(each.id): each.state
            for each in found
            if each.state.was_accepted and each.state.state is State.CONTENT_DUE
        }
        assert places.taken(held) <= room
        assert places.committed(held, "EUR").minor_units <= budget
        assert set(held) == set(inside)
        assert all(place.pending_until is None for place in held.values())
        assert {id: place.amount for id, place in held.items()} == {id: one.promised for id, one in inside.items()}


async def test_timers_of_two_replicas_that_race_with_commands_remind_once_and_nobody_who_moved_on(
    mongo_uri: str, database_name: str
) -> None:
    async with replicas(mongo_uri, database_name) as (made, clock):
        campaign = await open_campaign(made[0], room=50, budget=10_000, fee=10)
        names = await apply(made[0], campaign, 40)
        clock.advance(3 * DAY)
        brand = Caller("accounts/lune", frozenset({Role.BRAND}), brands=frozenset({"brands/lune"}))

        async def preselected(name: str) -> None:
            await take_step(made[0], brand, name, Party.BRAND, steps.preselect, request=None, etag=None)

        async def declined(name: str) -> None:
            step = partial(steps.decline, reasons=[], comment="")
            await take_step(made[1], brand, name, Party.BRAND, step, request=None, etag=None)

        loops = [Timers(each.collaborations, timers.collaboration_clock(each), each.clock) for each in made]
        await asyncio.gather(
            *(loop.fire_due() for loop in loops for _ in range(2)),
            *(preselected(name) for name in names[:10]),
            *(declined(name) for name in names[10:20]),
        )
        for loop in loops:
            await loop.fire_due()
        documents = made[0].collaborations.documents
        for name in names:
            raw = await documents.load(name)
            assert raw is not None
            told = [event.type.rpartition(".")[2] for event in outgoing_of(raw)]
            reminders, ends = told.count(ReminderDue.__name__), told.count("CollaborationDeclined")
            assert reminders <= 1
            assert ends == (name in names[10:20])
            if ends:
                assert "ReminderDue" not in told[told.index("CollaborationDeclined") :]
            else:
                assert reminders == 1


class Wire(monitoring.CommandListener):
    """What goes to the database, by name of the command."""

    def __init__(self) -> None:
        self.commands: Counter[str] = Counter()

    def started(self, event: Any) -> None:
        self.commands[event.command_name] += 1

    def succeeded(self, event: Any) -> None:
        """Nothing to count."""

    def failed(self, event: Any) -> None:
        """Nothing to count."""


async def test_a_command_is_one_read_and_one_write(mongo_uri: str, database_name: str) -> None:
    wire = Wire()
    monitoring.register(wire)
    async with replicas(mongo_uri, database_name, count=1) as ((stores,), _):
        campaign = await open_campaign(stores, room=5, budget=1_000, fee=10)
        (name,) = await apply(stores, campaign, 1)
        brand = Caller("accounts/lune", frozenset({Role.BRAND}), brands=frozenset({"brands/lune"}))
        wire.commands.clear()
        await take_step(stores, brand, name, Party.BRAND, steps.preselect, request=None, etag=None)
        assert wire.commands == {"find": 1, "update": 1}
        # A place and a collaboration are two documents: reserve, accept, confirm, after a look at what is promised.
        wire.commands.clear()
        await acceptance.accept(stores, name, comment="", actor=BRAND, request=None, etag=None)
        assert wire.commands == {"find": 4, "update": 3}
