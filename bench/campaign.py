"""Campaign: commands against a bare driver loop, latency as collaborations grow, and many timers due at once.

``python -m bench.campaign`` runs on ENTENTE_MONGO_URI, or on a database of its own. It exits with 1 when an answer is
wrong, and not when a goal is missed.
"""

import argparse
import asyncio
import contextlib
import copy
import os
import statistics
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pymongo import UpdateMany, UpdateOne, monitoring

from bench.figures import Figure, interleaved, write
from entente_campaign.adapters.kinds import BANK_ACCOUNTS, BRANDS, CAMPAIGNS, COLLABORATIONS, CONTRACTS, EXPORTS, METERS
from entente_campaign.application.commands.steps import take_step
from entente_campaign.application.stores import Stores
from entente_campaign.domain import collaborations as steps
from entente_campaign.domain.campaigns import Brief, Campaign, CampaignState, Compensation, Deliverable
from entente_campaign.domain.collaborations import Collaboration, Proposal
from entente_campaign.domain.words import (
    Actor,
    CompensationModel,
    CreatorSummary,
    DeliverableKind,
    FitReason,
    Party,
    Platform,
    Timeline,
)
from entente_campaign.entrypoints import timers
from entente_chassis.auth import Caller, Role
from entente_chassis.clock import ManualClock
from entente_chassis.money import Money
from entente_chassis.relay import Relay
from entente_chassis.store import Aggregates, Change
from entente_chassis.store.documents import Documents
from entente_chassis.store.model import Outgoing
from entente_chassis.store.mongo import MongoDocuments, open_client
from entente_chassis.timers import Timers
from entente_stack import mongo, ports
from entente_stack.processes import stop

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
BRAND = "brands/lune"
CALLER = Caller("accounts/lune", frozenset({Role.BRAND}), brands=frozenset({BRAND}))
AT_ONCE = 16
CLEAN_UP_EVERY = 0.05


class Wire(monitoring.CommandListener):
    """What goes to the database."""

    def __init__(self) -> None:
        self.commands: Counter[str] = Counter()
        self.updates: list[Any] = []

    def started(self, event: Any) -> None:
        # The sweep for what a crash left behind is the process's, and no command's.
        sweep = event.command_name == "find" and "_id" not in event.command["filter"]
        self.commands["sweep" if sweep else event.command_name] += 1
        if event.command_name == "update":
            self.updates.append(copy.deepcopy(event.command["updates"]))

    def succeeded(self, event: Any) -> None:
        """Nothing to note."""

    def failed(self, event: Any) -> None:
        """Nothing to note: the call raises."""


class NoScorer:
    """Matching is not part of it."""

    async def score(self, campaign: Campaign, creator: str, platform: Platform | None) -> CreatorSummary | None:
        return None


class Relays:
    """A relay for each stretch of work, whose end is the end of its clean-up; the broker acknowledges at once."""

    def __init__(self) -> None:
        self.sent: Counter[str] = Counter()
        self._watched: list[MongoDocuments] = []
        self._now: Relay | None = None

    def watch(self, documents: MongoDocuments) -> None:
        self._watched.append(documents)

    def offer(self, documents: Documents, id: str, outbox: Sequence[Outgoing]) -> None:
        if self._now:
            self._now.offer(documents, id, outbox)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Publish and clean up meanwhile; at the end everything is cleaned up."""
        self._now = Relay("campaign", self._send, sweep_every=600)
        for documents in self._watched:
            self._now.watch(documents)
        await self._now.start()
        try:
            yield
        finally:
            await self._now.stop()
            self._now = None

    async def _send(self, topic: str, key: bytes, value: bytes, headers: dict[str, str]) -> None:
        self.sent[f"{key.decode()} {headers.get('ce_type', '').rpartition('.')[2]}"] += 1


@dataclass
class Bench:
    """The application layer on a database."""

    database: Any
    stores: Stores
    relays: Relays
    clock: ManualClock
    wire: Wire

    async def seed(self, campaign: str, numbers: range, *, created: datetime = NOW) -> list[str]:
        """Applications with what matching says of their creators."""
        of = replace(_campaign(campaign), application_deadline_time=NOW + timedelta(days=900))
        names: list[str] = []
        # Without a topic: what was told of those who were seeded is no part of what is measured.
        silent = replace(COLLABORATIONS, snapshot_topic=None)
        seeding = Aggregates(silent, self.stores.collaborations.documents, self.clock)
        print(f"making {len(numbers):,} collaborations", flush=True)
        for begin in range(numbers.start, numbers.stop, 1000):
            made = [_application(of, number, created) for number in range(begin, min(begin + 1000, numbers.stop))]
            await seeding.create_many([(each.name, Change(each)) for each in made])
            names += [each.name for each in made]
        return names

    async def command(self, name: str) -> None:
        """The brand preselects an application."""
        done = await take_step(self.stores, CALLER, name, Party.BRAND, steps.preselect, request=None, etag=None)
        assert done.applied, name


@contextlib.asynccontextmanager
async def bench(uri: str, *, keep_clean: bool) -> AsyncIterator[Bench]:
    """A database of its own, and what works on it."""
    wire = Wire()
    monitoring.register(wire)
    client = open_client(uri, timeout=timedelta(seconds=60))
    name = f"bench_{uuid.uuid4().hex[:12]}"
    relays = Relays()
    clock = ManualClock(NOW)

    def kept(kind: Any) -> Aggregates[Any]:
        documents = MongoDocuments(client[name], kind.collection)
        relays.watch(documents)
        return Aggregates(kind, documents, clock, relays)

    stores = Stores(
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
    await stores.collaborations.prepare()
    try:
        yield Bench(client[name], stores, relays, clock, wire)
    finally:
        # A database of ours goes with its server: this one takes minutes to drop so much.
        if keep_clean:
            await client.drop_database(name)
        client.close()


# -- throughput -------------------------------------------------------------------------------------------------------


async def throughput(of: Bench, size: int, rounds: int) -> list[Figure]:
    """Commands a second of the application layer, and of a loop that sends the same operations."""
    waiting = iter(await of.seed("ours", range(size * rounds + 1)))
    template = await _recorded(of, next(waiting))
    peer_waiting = iter(await _peer_documents(of, size * rounds))
    counted: list[Counter[str]] = []

    async def ours() -> float:
        names = [next(waiting) for _ in range(size)]
        of.wire.commands.clear()
        begun = time.perf_counter()
        async with of.relays.running():
            await _timed(names, of.command)
        seconds = time.perf_counter() - begun
        counted.append(Counter(of.wire.commands))
        return size / seconds

    async def peer() -> float:
        names = [next(peer_waiting) for _ in range(size)]
        return size / await _bare(of, names, template)

    own, other, ratio = await interleaved(ours, peer, rounds)
    reads = statistics.median(counts["find"] / size for counts in counted)
    writes = statistics.median((counts["update"]) / size for counts in counted)
    left = await of.stores.collaborations.documents.oldest_pending()
    assert left is None, "the relay's clean-up has left something"
    assert reads == 1, reads
    return [
        Figure("reads of a command", reads, "reads", "", None, None, "1", reads == 1, rounds),
        Figure(
            "writes of a command, the relay's clean-up shared between commands included",
            writes,
            "writes",
            "",
            None,
            None,
            "1, and the shared clean-up",
            writes < 1.2,
            rounds,
        ),
        Figure(
            "commands through the application layer",
            own,
            "commands/s",
            "bare motor loop with the same operations",
            other,
            ratio,
            ">= 0.8 of the bare loop",
            ratio >= 0.8,
            rounds,
        ),
    ]


async def _recorded(of: Bench, name: str) -> dict[str, Any]:
    """The update that a command sends, as the driver sent it."""
    of.wire.updates.clear()
    async with of.relays.running():
        await of.command(name)
        (update,) = of.wire.updates[0]
    changes: dict[str, Any] = dict(update["u"])
    return changes


async def _peer_documents(of: Bench, count: int) -> list[str]:
    """Copies of ours in a collection of their own, with the same indexes."""
    collection = of.database["peer"]
    await MongoDocuments(of.database, "peer").prepare([[f"state.{path}" for path in i] for i in COLLABORATIONS.indexes])
    names: list[str] = []
    async for document in of.database[COLLABORATIONS.collection].find({"version": 1}).limit(count):
        names.append(document["_id"])
        await collection.insert_one(document)
    return names


async def _bare(of: Bench, names: Sequence[str], changes: dict[str, Any]) -> float:
    """The same reads and writes, and the same clean-up in batches; nothing else."""
    collection = of.database["peer"]
    done: list[str] = []
    pull = {"$pull": {"outbox": {"epoch": 0, "n": {"$lte": 4}}}}

    async def one(name: str) -> None:
        document = await collection.find_one({"_id": name})
        result = await collection.update_one({"_id": name, "version": document["version"]}, changes)
        assert result.matched_count == 1
        done.append(name)

    async def clean_up() -> None:
        batch, done[:] = done[:], []
        if batch:
            many = UpdateMany({"_id": {"$in": batch}}, pull) if len(batch) > 1 else UpdateOne({"_id": batch[0]}, pull)
            await collection.bulk_write([many], ordered=False)

    async def cleaner() -> None:
        while True:
            await asyncio.sleep(CLEAN_UP_EVERY)
            await clean_up()

    cleaning = asyncio.create_task(cleaner())
    begun = time.perf_counter()
    try:
        await _timed(names, one)
    finally:
        cleaning.cancel()
        await asyncio.gather(cleaning, return_exceptions=True)
    await clean_up()
    return time.perf_counter() - begun


async def _timed(names: Sequence[str], work: Callable[[str], Awaitable[None]]) -> None:
    """All of them, some at a time."""
    queue = iter(names)

    async def worker() -> None:
        for name in queue:
            await work(name)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


# -- latency ----------------------------------------------------------------------------------------------------------


async def latency(of: Bench, few: int, many: int, calls: int, rounds: int) -> list[Figure]:
    """How long a command takes among few collaborations, and among many."""
    names = iter(await of.seed("latency", range(few)))
    small = [await _one_by_one(of, names, calls) for _ in range(rounds)]
    names = iter(await of.seed("crowd", range(many - few)))
    large = [await _one_by_one(of, names, calls) for _ in range(rounds)]
    figures = []
    for label, at in (("median", 0), ("95th percentile", 1)):
        own, other = statistics.median(each[at] for each in large), statistics.median(each[at] for each in small)
        ratio = own / other
        figures.append(
            Figure(
                f"latency of a command among {many:,} collaborations, {label}",
                own * 1000,
                "ms",
                f"among {few:,}",
                other * 1000,
                ratio,
                "<= 1.25 times that among few",
                ratio <= 1.25,
                rounds,
            )
        )
    return figures


async def _one_by_one(of: Bench, names: Any, calls: int) -> tuple[float, float]:
    took = []
    for _ in range(calls):
        name = next(names)
        begun = time.perf_counter()
        await of.command(name)
        took.append(time.perf_counter() - begun)
    return statistics.median(took), statistics.quantiles(took, n=20)[-1]


# -- timers -----------------------------------------------------------------------------------------------------------


async def many_timers(of: Bench, count: int) -> list[Figure]:
    """Reminders that are all due at once; the integration tests have the replicas that race for them."""
    names = await of.seed("due", range(count))
    of.clock.advance(timedelta(days=3))
    loop = Timers(of.stores.collaborations, timers.collaboration_clock(of.stores), of.clock)
    async with of.relays.running():
        begun = time.perf_counter()
        while await loop.fire_due():
            pass
        seconds = time.perf_counter() - begun
    wrong = [name for name in names if of.relays.sent[f"{name} ReminderDue"] != 1]
    assert not wrong, f"{len(wrong)} of {count} were not reminded exactly once"
    goal = "all within 60 s, once each"
    return [Figure(f"{count:,} timers due at once", seconds, "s", "", None, None, goal, seconds <= 60, 1)]


# -- what is measured with --------------------------------------------------------------------------------------------


def _campaign(id: str) -> Campaign:
    return Campaign(
        f"campaigns/{id}",
        BRAND,
        "Maison Lune",
        "Rituel du soir",
        NOW,
        NOW,
        state=CampaignState.RUNNING,
        brief=Brief(deliverables=(Deliverable(DeliverableKind.REEL, 1),)),
        compensation=Compensation(CompensationModel.FIXED_FEE, fee=Money("EUR", 20_000)),
        budget=Money("EUR", 100_000_000),
        places=1000,
        end_time=NOW + timedelta(days=1000),
        publish_time=NOW,
        markets=("FR",),
        timeline=Timeline(any_day_reminders=True),
    )


def _application(campaign: Campaign, number: int, now: datetime) -> Collaboration:
    proposal = Proposal(f"creators/c{number}", Platform.INSTAGRAM, message="Bonjour, j'aimerais beaucoup participer !")
    reasons = tuple(
        FitReason(factor, 1500, 2000, f"{factor.lower()}: as the figures say")
        for factor in ("AUDIENCE_COUNTRY", "AUDIENCE_AGE", "ENGAGEMENT", "CONTENT_AFFINITY", "PAST_PERFORMANCE")
    )
    summary = CreatorSummary(f"Creator {number}", Platform.INSTAGRAM, 12_000, None, 7500, reasons, "fit-1")
    creator = Actor(f"accounts/c{number}", Party.CREATOR)
    return steps.apply(campaign, proposal, summary, actor=creator, now=now)[0]


async def run(uri: str, size: int, few: int, many: int, due: int, rounds: int, *, keep_clean: bool) -> None:
    """All of it."""
    async with bench(uri, keep_clean=keep_clean) as of:
        figures = await throughput(of, size, rounds)
    async with bench(uri, keep_clean=keep_clean) as of:
        figures += await many_timers(of, due)
    async with bench(uri, keep_clean=keep_clean) as of:
        figures += await latency(of, few, many, min(100, few // rounds), rounds)
    print(f"written to {write('campaign', figures)}")


def main() -> None:
    """Read the sizes and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1500, help="commands in a round")
    parser.add_argument("--few", type=int, default=1000, help="collaborations at first")
    parser.add_argument("--many", type=int, default=200_000, help="collaborations in the end")
    parser.add_argument("--due", type=int, default=10_000, help="timers that are due at once")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        uri = os.environ.get("ENTENTE_MONGO_URI", "")
        own = not uri
        if own:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="entente-bench-")))
            port = ports.pick()
            server = mongo.start(folder / "data", folder / "mongo.log", port=port)
            stack.callback(stop, server)
            mongo.wait(server)
            uri = mongo.uri(port)
        sizes = (given.size, given.few, given.many, given.due, given.rounds)
        asyncio.run(run(uri, *sizes, keep_clean=not own))


if __name__ == "__main__":
    main()
