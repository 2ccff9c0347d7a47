"""Messaging: a bulk message against a bare aiosmtplib loop, inbox latency at half load, and a stream of 500.

``python -m bench.messaging`` runs on ENTENTE_MONGO_URI and ENTENTE_KAFKA_BOOTSTRAP, or on servers of its own. It exits
with 1 when an answer is wrong, and not when a goal is missed.
"""

import argparse
import asyncio
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
from aiosmtpd.smtp import SMTP

from bench.figures import Figure, interleaved, write
from entente.campaign.v1 import events_pb2 as campaign
from entente.messaging.v1 import service_pb2 as pb
from entente.messaging.v1 import service_pb2_grpc
from entente_chassis import topics
from entente_chassis.auth import Role
from entente_chassis.clock import ManualClock
from entente_chassis.relay import Relay
from entente_chassis.store import Aggregates, Change
from entente_chassis.store.mongo import MongoDocuments, open_client
from entente_chassis.testing.process import ServiceProcess, publisher
from entente_chassis.timers import Timers
from entente_messaging.adapters import kinds
from entente_messaging.adapters.languages import ModelLanguages
from entente_messaging.adapters.mail import SmtpMailer
from entente_messaging.adapters.webhooks import HttpPoster
from entente_messaging.application.commands import bulks
from entente_messaging.application.html import page
from entente_messaging.application.stores import Stores
from entente_messaging.application.ways_out import WaysOut
from entente_messaging.domain.bulks import Audience, Bulk, BulkState
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.names import derived_id
from entente_messaging.domain.occasions import Occasion
from entente_messaging.entrypoints import timers
from entente_stack import ports
from entente_stack.paths import Paths
from entente_stack.stack import Stack

# The topic may be shared with others, whose creators are told, too.
RUN = uuid.uuid4().hex[:10]
CREATOR = f"creators/ana-{RUN}"
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
BRAND = "brands/lune"
TEXT = "Bonjour,\n\nMaison Lune prépare une nouvelle campagne et aimerait vous en parler.\n\nÀ très vite !"
KEPT = (
    "contacts", "preferences", "conversations", "messages", "notifications", "deliveries", "mailboxes", "templates",
    "template_versions", "webhooks", "bulks", "packets", "erasures",
)  # fmt: skip


# -- the mail server --------------------------------------------------------------------------------------------------


class Sink:
    """Takes every mail and keeps none."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        return "250 OK"


async def serve_sink(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(Sink(), enable_SMTPUTF8=True, hostname="localhost"), ports.HOST, port
    )
    async with server:
        await server.serve_forever()


@contextlib.contextmanager
def sink() -> Any:
    """The same mail server for ours and the peer, as a process of its own."""
    port = ports.pick()
    process = subprocess.Popen([sys.executable, "-m", "bench.messaging", "--sink", str(port)])
    try:
        deadline = time.monotonic() + 20
        while not ports.accepts(port):
            if time.monotonic() > deadline:
                raise RuntimeError("the mail server did not start")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(10)


# -- bulk -------------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def application(uri: str, port: int) -> AsyncIterator[Stores]:
    """The application layer on a database of its own, with its events published to nowhere."""
    client = open_client(uri, timeout=timedelta(seconds=60))
    database = client[f"bench_{uuid.uuid4().hex[:12]}"]
    clock = ManualClock(NOW)

    async def nowhere(topic: str, key: bytes, value: bytes, headers: dict[str, str]) -> None:
        """A broker costs the same whatever is measured here."""

    relay = Relay("messaging", nowhere, sweep_every=600)
    kept: dict[str, Any] = {}
    for name in KEPT:
        kind = getattr(kinds, name.upper())
        documents = MongoDocuments(database, kind.collection)
        if kind.topic:
            relay.watch(documents)
        kept[name] = Aggregates(kind, documents, clock, relay)
        await kept[name].prepare()
    mailer = SmtpMailer(
        (ports.HOST, port), sender="no-reply@entente.example", display_name="Entente", starttls=False, login=None
    )
    await relay.start()
    try:
        yield Stores(
            **kept,
            mailer=mailer,
            poster=HttpPoster(allow_private=False),
            recipients=None,  # type: ignore[arg-type]  # Everybody is named.
            languages=ModelLanguages(),
            ways_out=WaysOut("https://mail.example", b"k" * 32),
            clock=clock,
        )
    finally:
        await relay.stop()
        await mailer.close()
        await client.drop_database(database.name)
        client.close()


async def prepare(stores: Stores, size: int, prefix: str) -> list[str]:
    people = [f"creators/{prefix}{number}" for number in range(size)]
    for start in range(0, size, 1000):
        contacts = [
            (f"{person}/contact", Change(Contact(f"{person.removeprefix('creators/')}@example.org", "fr")))
            for person in people[start : start + 1000]
        ]
        await stores.contacts.create_many(contacts)
    return people


async def send_bulk(stores: Stores, people: list[str]) -> float:
    """E-mails a second, from the request to the last result."""
    name = f"{BRAND}/bulks/{uuid.uuid4().hex[:20]}"
    bulk = Bulk(BRAND, "Maison Lune", Audience(), Occasion.BROADCAST, "Une nouvelle", TEXT, "fr", NOW)
    fire = Timers(stores.packets, timers.send_packet(stores), stores.clock)
    began = time.perf_counter()
    await bulks.create_bulk(stores, name, bulk, people, request=None)
    while await fire.fire_due():
        pass
    took = time.perf_counter() - began
    done = (await stores.bulks.require(name, what="Bulk")).state
    if done.state is not BulkState.DONE or done.counts != {"SENT": len(people)}:
        raise AssertionError(f"not everybody was written to: {done.state} {done.counts}")
    return len(people) / took


async def send_bare(port: int, size: int) -> float:
    """The same e-mails in a loop over one connection, with nothing kept."""
    html = page("Une nouvelle", TEXT, "fr", "Entente", [("Stop", "https://mail.example/u/x")])
    began = time.perf_counter()
    async with aiosmtplib.SMTP(hostname=ports.HOST, port=port, start_tls=False) as smtp:
        for number in range(size):
            message = EmailMessage()
            message.set_content(TEXT)
            message.add_alternative(html, subtype="html")
            message["From"], message["To"] = "no-reply@entente.example", f"c{number}@example.org"
            message["Subject"], message["Message-ID"] = "Une nouvelle", f"<{number}@entente.example>"
            await smtp.send_message(message)
    return size / (time.perf_counter() - began)


async def bulk_figures(uri: str, size: int, whole: int, rounds: int) -> list[Figure]:
    with sink() as port:
        async with application(uri, port) as stores:
            people = await prepare(stores, size, "r")
            ours, bare, ratio = await interleaved(
                lambda: send_bulk(stores, people), lambda: send_bare(port, size), rounds
            )
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        async with application(uri, port) as stores:
            rate = await send_bulk(stores, await prepare(stores, whole, "w"))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return [
        Figure(
            f"bulk message, {size} recipients", ours, "e-mails/s", "bare aiosmtplib loop, same sink", bare, ratio,
            "ratio ≥ 0.5", ratio >= 0.5, rounds,
        ),
        Figure(
            f"bulk message, {whole} recipients", rate, "e-mails/s", "", None, None, "every one has a result", True, 1
        ),
        Figure(
            f"peak memory of that process ({before:.0f} MB before)", peak, "MB", "", None, None, "≤ 200 MB",
            peak <= 200, 1,
        ),
    ]  # fmt: skip


# -- the service as a process -----------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def service(kafka: str, mongo: str, folder: Path) -> AsyncIterator[tuple[ServiceProcess[Any], str]]:
    """A messaging process, and the name of its database."""
    database = f"bench_{uuid.uuid4().hex[:12]}"
    process = ServiceProcess(
        "entente_messaging",
        folder,
        kafka=kafka,
        mongo=mongo,
        database=database,
        stub=service_pb2_grpc.MessagingServiceStub,
        brands=[BRAND],
        creators=[CREATOR],
        clock_start=NOW,
        environment={"ENTENTE_SMTP_ADDRESS": "127.0.0.1:1", "ENTENTE_GRPC_MAX_CONCURRENT_CALLS": "2000"},
    )
    async with process:
        yield process, database


def event(run: str, number: int) -> tuple[campaign.ApplicationReceived, str]:
    about = campaign.CollaborationRef(
        collaboration=f"campaigns/{run}/collaborations/c{number}",
        campaign=f"campaigns/{run}",
        brand=f"brands/{run}",
        creator=f"creators/c{number}",
        campaign_title="Rituel",
        brand_display_name="Lune",
        creator_display_name="Ana",
    )
    return campaign.ApplicationReceived(ref=about), about.collaboration


async def visible(mongo: str, kafka: str, database: str, count: int, rate: float | None) -> tuple[float, list[float]]:
    """Events a second until all are in the inbox, and how long each took from its publication to be there.

    Args:
        mongo, kafka: the servers.
        database: the service's.
        count: how many events.
        rate: events a second; None for all at once.
    """
    run = f"b{uuid.uuid4().hex[:10]}"
    topic = topics.events("campaign")
    client = open_client(mongo)
    found = client[database]["notifications"]
    published: dict[str, float] = {}
    took: list[float] = []
    async with publisher(kafka, time=NOW) as publish:
        began = time.perf_counter()

        async def publish_all() -> None:
            for number in range(count):
                message, subject = event(run, number)
                if rate:
                    await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
                name = f"notifications/{derived_id(topic, subject, '0', '1', 'BRAND')}"
                published[name] = time.perf_counter()
                await publish(topic, message, subject, n=1)

        async def look() -> None:
            deadline = time.perf_counter() + 120
            while len(took) < count:
                if time.perf_counter() > deadline:
                    raise AssertionError(f"{count - len(took)} of {count} events were never told")
                names = list(published)
                there = [d["_id"] async for d in found.find({"_id": {"$in": names}}, {"_id": 1})] if names else []
                now = time.perf_counter()
                took.extend(now - published.pop(name) for name in there)
                await asyncio.sleep(0.005)

        await asyncio.gather(publish_all(), look())
        whole = time.perf_counter() - began
    client.close()
    return count / whole, sorted(took)


async def latency_figures(kafka: str, mongo: str, folder: Path, count: int, rounds: int) -> list[Figure]:
    async with service(kafka, mongo, folder) as (_, database):
        await visible(mongo, kafka, database, 20, None)  # Warm.
        full, _ = await visible(mongo, kafka, database, count, None)
        p99s = []
        for _ in range(rounds):
            _, took = await visible(mongo, kafka, database, count, full / 2)
            p99s.append(took[int(len(took) * 0.99) - 1] * 1000)
    p99 = sorted(p99s)[len(p99s) // 2]
    name = f"event to inbox, p99 at {full / 2:.0f} events/s, half of what it can"
    return [Figure(name, p99, "ms", "", None, None, "≤ 250 ms", p99 <= 250, rounds)]


async def stream_figures(kafka: str, mongo: str, folder: Path, subscribers: int, count: int) -> list[Figure]:
    about = campaign.CollaborationRef(
        collaboration=f"campaigns/s-{RUN}/collaborations/ana-{RUN}",
        campaign=f"campaigns/s-{RUN}",
        brand=BRAND,
        creator=CREATOR,
    )
    conversation = f"conversations/s-{RUN}~ana-{RUN}"
    async with service(kafka, mongo, folder) as (process, _), contextlib.AsyncExitStack() as stack:
        async with publisher(kafka, time=NOW) as publish:
            await publish(topics.events("campaign"), campaign.ApplicationReceived(ref=about), about.collaboration, n=1)
        stubs = [await stack.enter_async_context(process.stub(Role.CREATOR)) for _ in range(max(1, subscribers // 50))]
        writer = await stack.enter_async_context(process.stub(Role.BRAND))
        deadline = time.monotonic() + 120
        asked = pb.ListConversationsRequest(participant=CREATOR)
        while not (await stubs[0].ListConversations(asked)).conversations:
            if time.monotonic() > deadline:
                raise AssertionError("the conversation never began")
            await asyncio.sleep(0.1)
        sent: dict[int, float] = {}
        lags: list[float] = []
        ready = asyncio.Semaphore(0)

        async def subscribe(stub: Any) -> list[int]:
            seen = []
            async for answer in stub.StreamMessages(pb.StreamMessagesRequest(parent=conversation)):
                seen.append(answer.message.position)
                if answer.message.position == 1:
                    ready.release()
                elif answer.message.position in sent:
                    lags.append(time.perf_counter() - sent[answer.message.position])
                if len(seen) == count + 1:
                    return seen
            return seen

        await writer.SendMessage(pb.SendMessageRequest(parent=conversation, text="first"))
        tasks = [asyncio.create_task(subscribe(stubs[n % len(stubs)])) for n in range(subscribers)]
        for _ in range(subscribers):
            await asyncio.wait_for(ready.acquire(), 60)
        for number in range(count):
            sent[number + 2] = time.perf_counter()
            await writer.SendMessage(pb.SendMessageRequest(parent=conversation, text=f"n {number}"))
            await asyncio.sleep(0.3)
        seen = await asyncio.wait_for(asyncio.gather(*tasks), 60)
    if any(positions != list(range(1, count + 2)) for positions in seen):
        raise AssertionError("a subscriber missed a message, or got one twice")
    lag = sorted(lags)[int(len(lags) * 0.99) - 1] * 1000
    name = f"{count} messages to {subscribers} open streams, p99 to each"
    return [Figure(name, lag, "ms", "", None, None, "every message to every one", True, 1)]


async def run(given: argparse.Namespace, kafka: str, mongo: str, folder: Path) -> None:
    figures = await bulk_figures(mongo, given.size, given.whole, given.rounds)
    figures += await latency_figures(kafka, mongo, folder / "latency", given.events, given.rounds)
    figures += await stream_figures(kafka, mongo, folder / "stream", given.subscribers, given.messages)
    write("messaging", figures)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sink", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, default=2_000, help="recipients of each round")
    parser.add_argument("--whole", type=int, default=50_000, help="recipients of the large one")
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--subscribers", type=int, default=500)
    parser.add_argument("--messages", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    if given.sink:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve_sink(given.sink))
        return
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kafka, mongo = os.environ.get("ENTENTE_KAFKA_BOOTSTRAP", ""), os.environ.get("ENTENTE_MONGO_URI", "")
        if not kafka or not mongo:
            local = Stack(Paths(folder / "stack"))
            addresses = local.up()
            stack.callback(local.down)
            kafka, mongo = addresses.kafka, addresses.mongo
        # The services refuse what is not meant for them.
        for name in ("latency", "stream"):
            (folder / name).mkdir()
        asyncio.run(run(given, kafka, mongo, folder))


if __name__ == "__main__":
    main()
