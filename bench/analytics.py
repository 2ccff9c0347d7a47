"""Analytics: clicks into figures, the redirect, and reports as clicks grow.

``python -m bench.analytics`` runs on ENTENTE_KAFKA_BOOTSTRAP and ENTENTE_MONGO_URI, or on a stack of its own. It exits
with 1 when an answer is wrong, and not when a goal is missed. Its databases, ``bench_…``, are left behind: dropping one
can take the embedded server longer than what is measured.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from pymongo import UpdateOne

from bench.figures import Figure, interleaved, write
from entente.analytics.v1 import events_pb2, service_pb2_grpc
from entente.analytics.v1 import service_pb2 as pb
from entente.campaign.v1 import events_pb2 as campaign_events
from entente_analytics.adapters import kinds
from entente_analytics.adapters.batches import Handle
from entente_analytics.adapters.events import link_clicked
from entente_analytics.adapters.reference import Tables
from entente_analytics.application.queries import campaign_report
from entente_analytics.application.redirect import LinkBook, TakenClick
from entente_analytics.application.stores import Stores
from entente_analytics.domain.audience import Target
from entente_analytics.domain.campaigns import Campaign, Collaboration, Metric, Objective
from entente_analytics.domain.clicks import Click, Verdict
from entente_analytics.domain.links import Destination, Owner, TrackedLink, Utm
from entente_analytics.domain.rollups import new_bucket
from entente_analytics.entrypoints.streams import count_clicks
from entente_chassis import topics
from entente_chassis.auth import Role
from entente_chassis.clock import ManualClock
from entente_chassis.deadletters import LETTERS, PARKS, DeadLetters
from entente_chassis.envelope import headers_of
from entente_chassis.money import Money
from entente_chassis.store import Aggregates, Change, Kind
from entente_chassis.store.model import Outgoing
from entente_chassis.store.mongo import MongoDocuments, open_client
from entente_chassis.testing.process import HOST, ServiceProcess, eventually, free_port, publisher
from entente_stack.paths import Paths, default_paths
from entente_stack.stack import KAFKA_VARIABLE, MONGO_VARIABLE, Addresses, Stack

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
BUCKETS = 1_000
BATCH = 20_000
CONNECTIONS = 16
CAMPAIGN = "campaigns/bench"


class Wrong(Exception):
    """An answer that is not right: the bench fails."""


# -- clicks into figures ----------------------------------------------------------------------------------------------


def stores_on(database: Any, clock: ManualClock) -> Stores:
    """The service's aggregates in a database."""

    def of(kind: Kind[Any]) -> Aggregates[Any]:
        return Aggregates(kind, MongoDocuments(database, kind.collection), clock)

    return Stores(
        links=of(kinds.LINKS),
        promo_codes=of(kinds.PROMO_CODES),
        code_shapes=of(kinds.CODE_SHAPES),
        shops=of(kinds.SHOPS),
        comments=of(kinds.COMMENTS),
        buckets=of(kinds.BUCKETS),
        orders=of(kinds.ORDERS),
        posts=of(kinds.POSTS),
        campaigns=of(kinds.CAMPAIGNS),
        collaborations=of(kinds.COLLABORATIONS),
        watches=of(kinds.WATCHES),
        secrets=of(kinds.SECRETS),
        reference=Tables(),
    )


async def prepared(client: Any) -> tuple[Any, Stores, Handle, ManualClock]:
    """A database with a thousand links, and what counts their clicks."""
    clock = ManualClock(NOW)
    database = client[f"bench_{uuid.uuid4().hex[:12]}"]
    stores = stores_on(database, clock)
    await stores.buckets.prepare()
    links = [_link(number) for number in range(BUCKETS)]
    await stores.links.create_many([(link.name, Change(link)) for link in links])
    # Fixed: what is measured is bringing them up to date, ours and the peer's.
    buckets = [new_bucket(link.owner, NOW.date().isoformat()) for link in links]
    await stores.buckets.create_many([(bucket.name, Change(bucket)) for bucket in buckets])
    letters = DeadLetters(
        Aggregates(LETTERS, MongoDocuments(database, LETTERS.collection), clock),
        Aggregates(PARKS, MongoDocuments(database, PARKS.collection), clock),
    )
    book = LinkBook(stores)
    for link in links:
        await book.find(link.code)
    return database, stores, count_clicks(stores, book, letters, clock), clock


def _link(number: int) -> TrackedLink:
    owner = Owner("brands/b", CAMPAIGN, f"{CAMPAIGN}/collaborations/c{number}", f"creators/c{number}", "TIKTOK")
    destination = Destination("https://shop.example")
    return TrackedLink(f"code{number}", owner, destination, Utm(), timedelta(days=30), NOW)


async def fill(kafka: str, topic: str, count: int) -> None:
    """Publish click events, one click each, spread over the links."""
    await topics.ensure_topics(kafka, [topic], partitions=6, replication=1)
    producer = AIOKafkaProducer(bootstrap_servers=kafka, linger_ms=20, max_batch_size=256 * 1024)
    await producer.start()
    try:
        for number in range(count):
            link = _link(number % BUCKETS)
            n = number // BUCKETS + 1
            click = Click(link.name, "1a", n, NOW, Verdict.COUNTED)
            message = link_clicked([TakenClick(click, CAMPAIGN, link.owner.collaboration, b"")])
            event = Outgoing.of(message, topic=topic, subject=link.name, epoch=26, n=n, time=NOW)
            headers = [(name, text.encode()) for name, text in headers_of(event, "analytics", "").items()]
            await producer.send(topic, event.data, key=link.name.encode(), headers=headers)
        await producer.flush()
    finally:
        await producer.stop()


@contextlib.asynccontextmanager
async def reading(kafka: str, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer at the beginning of the topic."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka,
        group_id=f"bench-{uuid.uuid4().hex[:8]}",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_bytes=64 * 1024 * 1024,
        max_partition_fetch_bytes=8 * 1024 * 1024,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def batches_of(consumer: AIOKafkaConsumer, count: int) -> AsyncIterator[list[Any]]:
    """The records of a topic in batches as large as may be, and the moment to begin with them."""
    waiting: list[Any] = []
    seen = 0
    while seen < count:
        for records in (await consumer.getmany(timeout_ms=500, max_records=BATCH)).values():
            waiting += records
            seen += len(records)
        while len(waiting) >= BATCH or (seen >= count and waiting):
            yield waiting[:BATCH]
            del waiting[:BATCH]


async def events_per_second(client: Any, kafka: str, topic: str, count: int) -> float:
    """Ours: the handler of the service on batches, on an empty database."""
    _, stores, handle, _ = await prepared(client)
    async with reading(kafka, topic) as consumer:
        began = time.perf_counter()
        async for batch in batches_of(consumer, count):
            await handle(batch)
            await consumer.commit()
        took = time.perf_counter() - began
    counted = sum([b.state.all_clicks.counted for b in await stores.buckets.find(limit=BUCKETS + 1)])
    if counted != count:
        raise Wrong(f"{counted} of {count} clicks are in the figures")
    return count / took


async def bare_events_per_second(client: Any, kafka: str, topic: str, count: int) -> float:
    """The peer: getmany, parse, add up, and one write for each bucket of the batch."""
    database = client[f"bench_{uuid.uuid4().hex[:12]}"]
    collection = database["buckets"]
    await collection.insert_many([{"_id": _link(number).name, "clicks": 0} for number in range(BUCKETS)])
    async with reading(kafka, topic) as consumer:
        began = time.perf_counter()
        async for batch in batches_of(consumer, count):
            counts: dict[str, int] = {}
            for record in batch:
                message = events_pb2.LinkClicked.FromString(record.value)
                counts[message.link] = counts.get(message.link, 0) + len(message.clicks)
            writes = [UpdateOne({"_id": link}, {"$inc": {"clicks": n}}) for link, n in counts.items()]
            await collection.bulk_write(writes, ordered=False)
            await consumer.commit()
        took = time.perf_counter() - began
    counted = sum([document["clicks"] async for document in collection.find()])
    if counted != count:
        raise Wrong(f"the peer counted {counted} of {count} clicks")
    return count / took


async def single_events_per_second(client: Any, kafka: str, topic: str, count: int) -> float:
    """The same handler under FastStream, one message at a time."""
    _, _, handle, _ = await prepared(client)
    broker = KafkaBroker(kafka.split(","))
    done = asyncio.Event()
    seen = [0]
    began = [0.0]

    @broker.subscriber(
        topic,
        group_id=f"bench-{uuid.uuid4().hex[:8]}",
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.ACK,
        decoder=_undecoded,
        parser=None,
    )
    async def take(message: Any) -> None:
        began[0] = began[0] or time.perf_counter()
        await handle([message.raw_message])
        seen[0] += 1
        if seen[0] >= count:
            done.set()

    await broker.start()
    try:
        async with asyncio.timeout(120):
            await done.wait()
        took = time.perf_counter() - began[0]
    finally:
        await broker.stop()
    return count / took


async def _undecoded(message: Any) -> Any:
    return message


# -- the redirect -----------------------------------------------------------------------------------------------------

_EMPTY = """
import asyncio, sys
import uvloop
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from entente_chassis.http import HttpServer

async def empty(request):
    return Response(status_code=204)

async def main():
    server = HttpServer(Starlette(routes=[Route("/r/{code:str}", empty, methods=["GET", "HEAD"])]), sys.argv[1])
    await server.start()
    await asyncio.Event().wait()

uvloop.run(main())
"""


async def requests(address: str, path: str, count: int, visitor: str) -> tuple[float, float]:
    """Requests per second over some connections, and the 99th percentile of their times in milliseconds."""
    host, _, port = address.partition(":")
    left = iter(range(count))
    times: list[float] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for number in left:
            agent = f"Mozilla/5.0 (Linux; Android 14) Chrome/126.0 visitor {visitor}-{number}"
            began = time.perf_counter()
            writer.write(f"GET {path} HTTP/1.1\r\nHost: go\r\nUser-Agent: {agent}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            times.append(time.perf_counter() - began)
            if not head.startswith((b"HTTP/1.1 302", b"HTTP/1.1 204")):
                raise Wrong(head[:80].decode(errors="replace"))
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    took = time.perf_counter() - began
    return count / took, statistics.quantiles(times, n=100)[98] * 1000


@contextlib.asynccontextmanager
async def service(addresses: Addresses, folder: Path) -> AsyncIterator[tuple[Any, str, str]]:
    """The service as a process with one link: the process, its HTTP address and the link's name."""
    http = f"{HOST}:{free_port()}"
    process = ServiceProcess(
        "entente_analytics",
        folder,
        kafka=addresses.kafka,
        mongo=addresses.mongo,
        database=f"bench_{uuid.uuid4().hex[:12]}",
        stub=service_pb2_grpc.AnalyticsServiceStub,
        brands=["brands/b"],
        environment={
            "ENTENTE_HTTP_BIND": http,
            "ENTENTE_JOURNAL_DIR": str(folder / "journal"),
            "ENTENTE_VISITORS_REMEMBERED": "1000000",
        },
    )
    collaboration = f"campaigns/c-{uuid.uuid4().hex[:8]}/collaborations/anna"
    async with process, publisher(addresses.kafka) as publish:
        ref = campaign_events.CollaborationRef(
            collaboration=collaboration,
            campaign=collaboration.partition("/collaborations/")[0],
            brand="brands/b",
            creator="creators/anna",
        )
        snapshot = campaign_events.CollaborationSnapshot(ref=ref)
        await publish(topics.snapshots("campaign", "collaborations"), snapshot, collaboration)
        made: list[str] = []

        async def has_link() -> bool:
            link = pb.TrackedLink(collaboration=collaboration, destination_url="https://shop.example/")
            async with process.stub(Role.BRAND) as stub:
                with contextlib.suppress(Exception):
                    asked = pb.CreateTrackedLinkRequest(tracked_link=link, request_id="r")
                    made.append((await stub.CreateTrackedLink(asked)).name)
            return bool(made)

        await eventually(has_link)
        yield process, http, made[-1]


async def redirect_figures(addresses: Addresses, folder: Path, count: int, rounds: int) -> list[Figure]:
    """The redirect beside an empty route on the same server, and every click in the figures afterwards."""
    empty = f"{HOST}:{free_port()}"
    peer = await asyncio.create_subprocess_exec(sys.executable, "-c", _EMPTY, empty)
    ours_p99: list[float] = []
    peer_p99: list[float] = []
    sent = [0]
    try:
        async with service(addresses, folder) as (process, http, link):
            path = f"/r/{link.removeprefix('trackedLinks/')}"

            async def reached() -> bool:
                with contextlib.suppress(OSError):
                    await requests(empty, path, CONNECTIONS, "warm")
                    return True
                return False

            await eventually(reached)

            async def counted() -> bool:
                async with process.stub(Role.BRAND) as stub:
                    found = await stub.GetTrackedLink(pb.GetTrackedLinkRequest(name=link))
                return bool(found.clicks >= sent[0])

            async def ours() -> float:
                rate, p99 = await requests(http, path, count, f"r{len(ours_p99)}")
                ours_p99.append(p99)
                sent[0] += count
                # The peer's turn begins when ours has nothing left to do.
                await eventually(counted)
                return rate

            async def theirs() -> float:
                rate, p99 = await requests(empty, path, count, f"r{len(peer_p99)}")
                peer_p99.append(p99)
                return rate

            rate, other, ratio = await interleaved(ours, theirs, rounds)
            async with process.stub(Role.BRAND) as stub:
                found = await stub.GetTrackedLink(pb.GetTrackedLinkRequest(name=link))
            if found.clicks != sent[0]:
                raise Wrong(f"{found.clicks} of {sent[0]} clicks are in the figures")
    finally:
        peer.kill()
        await peer.wait()
    late, base = statistics.median(ours_p99), statistics.median(peer_p99)
    goal = "at least 60 % of an empty ASGI route, every click found in the figures"
    return [
        Figure("redirect", rate, "requests/s", "empty ASGI route", other, ratio, goal, ratio >= 0.6, rounds),
        Figure(
            "redirect, 99th percentile",
            late,
            "ms",
            "empty ASGI route",
            base,
            late / base,
            "at most 3 times its",
            late <= 3 * base,
            rounds,
        ),
    ]


# -- reports ----------------------------------------------------------------------------------------------------------


async def report_seconds(client: Any, clicks: int, creators: int, days: int) -> float:
    """How long the report of a campaign with so many clicks takes."""
    clock = ManualClock(NOW + timedelta(days=days))
    database = client[f"bench_{uuid.uuid4().hex[:12]}"]
    stores = stores_on(database, clock)
    for aggregates in (stores.buckets, stores.links, stores.collaborations, stores.orders):
        await aggregates.prepare()
    campaign = Campaign(
        CAMPAIGN,
        "brands/b",
        "B",
        "Bench",
        "RUNNING",
        "EUR",
        Objective(Metric.CLICKS, clicks, NOW + timedelta(days=2 * days)),
        Target(countries=("FR",)),
        NOW,
        None,
    )
    await stores.campaigns.change(CAMPAIGN, lambda _: Change(campaign))
    made = []
    for number in range(creators):
        owner = _link(number).owner
        collaboration = Collaboration(
            owner.collaboration,
            CAMPAIGN,
            "brands/b",
            owner.creator,
            "",
            "PUBLISHED",
            "TIKTOK",
            followers=number * 1_000,
            cost=Money("EUR", 10_000),
            accepted=True,
        )
        await stores.collaborations.change(owner.collaboration, lambda _, c=collaboration: Change(c))  # type: ignore[misc]
        made += [new_bucket(owner, (NOW + timedelta(days=day)).date().isoformat()) for day in range(days)]
    each, more = divmod(clicks, len(made))
    filled = [
        (
            bucket.name,
            Change(
                type(bucket)(
                    **{
                        **vars(bucket),
                        "clicks": {"code": {"1a": [each + (n < more), each + (n < more), 0, 0, 0, 0, 0]}},
                    }
                )
            ),
        )
        for n, bucket in enumerate(made)
    ]
    await stores.buckets.create_many(filled)
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        report = await campaign_report(stores, campaign, clock.now())
        taken.append(time.perf_counter() - began)
        if report.kpis.total.clicks != clicks:
            raise Wrong(f"the report says {report.kpis.total.clicks} clicks and not {clicks}")
    return statistics.median(taken)


# -- all of it --------------------------------------------------------------------------------------------------------


async def run(addresses: Addresses, folder: Path, *, events: int, single: int, requests_: int, rounds: int) -> None:
    """Measure everything and write the figures."""
    client = open_client(addresses.mongo)
    topic = f"bench.{uuid.uuid4().hex[:8]}.stream.v1"
    await fill(addresses.kafka, topic, events)
    rate, other, ratio = await interleaved(
        lambda: events_per_second(client, addresses.kafka, topic, events),
        lambda: bare_events_per_second(client, addresses.kafka, topic, events),
        rounds,
    )
    alone = statistics.median(
        [await single_events_per_second(client, addresses.kafka, topic, single) for _ in range(rounds)]
    )
    goal = "at least 50 % of a bare getmany loop with the same writes"
    figures = [
        Figure("events into figures", rate, "events/s", "bare getmany loop", other, ratio, goal, ratio >= 0.5, rounds),
        Figure(
            "events into figures",
            rate,
            "events/s",
            "the same handler under FastStream, one by one",
            alone,
            rate / alone,
            "at least 5 times",
            rate >= 5 * alone,
            rounds,
        ),
    ]
    figures += await redirect_figures(addresses, folder, requests_, rounds)
    many, few, grown = await interleaved(
        lambda: report_seconds(client, 10_000_000, 40, 30), lambda: report_seconds(client, 10_000, 40, 30), rounds
    )
    figures.append(
        Figure(
            "report of a campaign with 10 M clicks",
            many * 1000,
            "ms",
            "the same with 10 k",
            few * 1000,
            grown,
            "as fast, within 50 %",
            0.5 <= grown <= 1.5,
            rounds,
        )
    )
    client.close()
    write("analytics", figures)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=60_000)
    parser.add_argument("--single", type=int, default=1_000)
    parser.add_argument("--requests", type=int, default=6_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    with contextlib.ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="entente-bench-")))
        kafka, mongo = os.environ.get(KAFKA_VARIABLE), os.environ.get(MONGO_VARIABLE)
        if kafka and mongo:
            addresses = Addresses(kafka, mongo)
        else:
            stack = Stack(Paths(folder / "stack", shared_jars=default_paths().jars), report=print)
            cleanup.callback(stack.down)
            addresses = stack.up(parts=())
        try:
            asyncio.run(
                run(
                    addresses,
                    folder,
                    events=given.events,
                    single=given.single,
                    requests_=given.requests,
                    rounds=given.rounds,
                )
            )
        except Wrong as error:
            sys.exit(f"wrong answer: {error}")


if __name__ == "__main__":
    main()
