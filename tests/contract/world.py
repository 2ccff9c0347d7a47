"""The five services in one process: their real code, put together by their own bootstrap, over a store in memory.

Calls go over real gRPC, through the real interceptor. Events go from each producer's documents to each consumer's
handlers, encoded and decoded as on the bus, when ``settle`` is called: there is no broker, nothing happens by itself.
"""

import asyncio
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from starlette.applications import Starlette

from entente_chassis.auth import Role, ServiceToken, Signer
from entente_chassis.clock import ManualClock
from entente_chassis.consumer import Handler, Incoming, Routes
from entente_chassis.envelope import headers_of, read_envelope
from entente_chassis.feeds import Feed, Keys
from entente_chassis.refusal import Refusal, Unavailable
from entente_chassis.rpc import Access, Channels
from entente_chassis.settings import ServiceSettings
from entente_chassis.store import Aggregates, Kind, MemoryAggregates, Outgoing
from entente_chassis.store.aggregates import CONVERTER
from entente_chassis.store.documents import Documents
from entente_chassis.testing import TestServer, make_settings, serving
from entente_chassis.timers import Fire, Timers
from entente_matching.adapters.creators_topic import MemoryTopic
from entente_messaging.adapters.mail import MemoryMailer
from entente_messaging.application.ports import Post, PostFailed

# Moments of the machine's own clock, and ids of reservations and of what a process counted.
NEW_EACH_TIME = {"asked_at", "secret", "changed_at", "marks", "position", "reservation", "voided"}


class GonePoster:
    """A way to webhooks that are all gone."""

    def check(self, url: str) -> None:
        """Any address will do."""

    async def post(self, post: Post) -> str:
        raise PostFailed("410", gone=True)


States = dict[str, dict[str, dict[str, Any]]]
"""service -> collection -> id -> state"""

S = TypeVar("S")
Stub = TypeVar("Stub")

# Those that others call by RPC come first.
SERVICES = ("matching", "campaign", "messaging", "review", "analytics")
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


@dataclass
class Bus:
    """What was published, once each, in order."""

    published: list[Outgoing] = field(default_factory=list)
    _seen: set[tuple[str, str, tuple[int, int]]] = field(default_factory=set)

    def offer(self, documents: Documents, id: str, outbox: Sequence[Outgoing]) -> None:
        """Take a document's outbox, as the relay does."""
        for event in outbox:
            identity = (event.topic, event.subject, event.order)
            if identity not in self._seen:
                self._seen.add(identity)
                self.published.append(event)


class MemoryRuntime:
    """What a bootstrap tells a runtime, kept; with aggregates in memory."""

    def __init__(self, service: str, settings: ServiceSettings, *, clock: ManualClock, bus: Bus) -> None:
        self.service = service
        self.settings = settings
        self.clock = clock
        self.bus = bus
        self.consumed_topics: set[str] = set()
        self.routes: dict[type[Message], Handler] = {}
        self.kept: dict[str, Aggregates[Any]] = {}
        self.timers: list[Timers] = []
        self.feeds: list[tuple[Sequence[str], Feed]] = []
        self.servicers: list[tuple[Callable[[Any, Any], None], object, Access]] = []
        self.apps: list[Starlette] = []
        self.loops: list[Callable[[], Awaitable[None]]] = []
        self.hooks: list[Callable[[], Awaitable[None]]] = []
        signer = Signer(settings.auth_signing_key or Path(), settings.auth_issuer, settings.auth_audience)
        self.channels = Channels(settings, ServiceToken(signer, service))

    def aggregates(self, kind: Kind[S]) -> Aggregates[S]:
        aggregates = MemoryAggregates(kind, self.clock, self.bus)
        self.kept[kind.collection] = aggregates
        return aggregates

    def consume(self, names: Sequence[str], routes: Routes) -> None:
        self.consumed_topics |= set(names)
        self.routes |= routes

    def feed(self, topics: Sequence[str], routes: Mapping[type[Message], Keys]) -> Feed:
        feed = Feed(routes)
        feed.listening.set()
        self.feeds.append((topics, feed))
        return feed

    def timer(self, aggregates: Aggregates[Any], fire: Fire) -> None:
        self.timers.append(Timers(aggregates, fire, self.clock))

    def serve(self, add: Callable[[Any, Any], None], servicer: object, access: Access) -> None:
        self.servicers.append((add, servicer, access))

    def client(self, stub: Callable[[Any], Stub], address: str) -> Stub:
        return self.channels.client(stub, address)

    def http(self, app: Starlette, bind: str) -> None:
        self.apps.append(app)

    def background(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        self.loops.append(loop)

    def on_start(self, hook: Callable[[], Awaitable[None]]) -> None:
        self.hooks.append(hook)

    def topic(self, name: str) -> str:
        return name

    async def publish(
        self, topic: str, message: Message, *, subject: str, epoch: int, n: int, event_time: datetime
    ) -> None:
        self.bus.published.append(Outgoing.of(message, topic=topic, subject=subject, epoch=epoch, n=n, time=event_time))


@dataclass
class World:
    """The services, what connects them, and the time they share."""

    clock: ManualClock
    bus: Bus
    runtimes: dict[str, MemoryRuntime] = field(default_factory=dict)
    servers: dict[str, TestServer] = field(default_factory=dict)
    change: Callable[[str, Message], None] = lambda service, message: None
    copies: int = 1
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    _stubs: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    _delivered: int = 0

    async def call(
        self,
        service: str,
        method: str,
        fields: Mapping[str, Any],
        role: Role,
        request_id: str = "",
        *,
        brands: Sequence[str] = (),
        creators: Sequence[str] = (),
    ) -> Any:
        """Call a method of a service, as JSON would name its fields, for a caller of a role."""
        messages = importlib.import_module(f"entente.{service}.v1.service_pb2")
        stubs = importlib.import_module(f"entente.{service}.v1.service_pb2_grpc")
        request = ParseDict(dict(fields), getattr(messages, f"{method}Request")())
        if "request_id" in request.DESCRIPTOR.fields_by_name:
            request.request_id = request_id
        caller = (service, role, tuple(brands), tuple(creators))
        if caller not in self._stubs:
            subject = next(iter([*brands, *creators]), "operators/test")
            server = self.servers[service]
            stub = getattr(stubs, f"{service.capitalize()}ServiceStub")
            self._stubs[caller] = server.client_as(stub, role, subject=subject, brands=brands, creators=creators)
        streamed = request.DESCRIPTOR.file.services_by_name[f"{service.capitalize()}Service"].methods_by_name[method]
        return await getattr(self._stubs[caller], method)(iter([request]) if streamed.client_streaming else request)

    async def settle(self) -> None:
        """Deliver what was published, and what that causes, until nothing is left."""
        while self._delivered < len(self.bus.published):
            event = self.bus.published[self._delivered]
            self._delivered += 1
            headers = [(name, value.encode()) for name, value in headers_of(event, "", "").items()]
            for runtime in self.runtimes.values():
                for topics, feed in runtime.feeds:
                    if event.topic in topics:
                        feed.offer(event.topic, headers, event.data)
                for _ in range(self.copies if event.topic in runtime.consumed_topics else 0):
                    await self.deliver(runtime, event)

    async def deliver(self, runtime: MemoryRuntime, event: Outgoing) -> bool:
        """Deliver one event to one service, as the bus carries it; false when the service does not handle its type."""
        message_type = next((known for known in runtime.routes if known.DESCRIPTOR.full_name == event.type), None)
        if message_type is None:
            return False
        headers = [(name, value.encode()) for name, value in headers_of(event, runtime.service, "").items()]
        envelope = read_envelope(event.topic, headers)
        message = message_type.FromString(event.data)
        self.change(runtime.service, message)
        try:
            await runtime.routes[message_type](Incoming.of(message, envelope, event.topic))
        except Unavailable:
            raise  # A handler never waits for another event.
        except Refusal as refusal:
            self.refused.append((runtime.service, event.type, refusal.reason))
        return True

    async def advance(self, by: timedelta, step: timedelta = timedelta(hours=12)) -> None:
        """Let time pass: timers fire, and their events are delivered."""
        end = self.clock.now() + by
        while self.clock.now() < end:
            self.clock.advance(min(step, end - self.clock.now()))
            for runtime in self.runtimes.values():
                for timers in runtime.timers:
                    while await timers.fire_due():
                        pass
            await self.settle()

    async def until_published(self, name: str, seconds: float = 10.0) -> None:
        """Wait for a background loop to publish an event of this name, and deliver it."""
        async with asyncio.timeout(seconds):
            while not any(event.type.endswith(f".{name}") for event in self.bus.published):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await self.settle()

    async def states(self) -> States:
        """What each service holds, as plain data, but for keys and salts, which are new each time."""
        return {
            service: {
                collection: {found.id: told_again(found.state) for found in await aggregates.find(limit=10_000)}
                for collection, aggregates in runtime.kept.items()
                if collection != "secrets"
            }
            for service, runtime in self.runtimes.items()
        }

    async def start(
        self,
        service: str,
        folder: Path,
        stack: AsyncExitStack,
        given: Mapping[str, Any],
        overrides: Mapping[str, Any],
    ) -> None:
        """Put a service together by its own bootstrap, and serve it."""
        settings_type = importlib.import_module(f"entente_{service}.settings").Settings
        bootstrap = importlib.import_module(f"entente_{service}.bootstrap")
        settings = make_settings(folder, settings_type, **given)

        def make(name: str, settings: ServiceSettings, *, clock: object = None) -> MemoryRuntime:
            return MemoryRuntime(name, settings, clock=self.clock, bus=self.bus)

        with patch.object(bootstrap, "Runtime", make):
            runtime: MemoryRuntime = bootstrap.build(settings, **overrides)
        for hook in runtime.hooks:
            await hook()
        self.runtimes[service] = runtime
        self.servers[service] = await stack.enter_async_context(serving(folder, *runtime.servicers))
        stack.push_async_callback(runtime.channels.close)
        for loop in runtime.loops:
            task = asyncio.ensure_future(loop())
            stack.callback(task.cancel)


def told_again(state: Any) -> Any:
    """A state as plain data, without what is new each time the same is told."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in value.items() if name not in NEW_EACH_TIME}
        return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value

    return plain(CONVERTER.unstructure(state))


@asynccontextmanager
async def running(
    folder: Path,
    *services: str,
    change: Callable[[str, Message], None] = lambda service, message: None,
    copies: int = 1,
) -> AsyncIterator[World]:
    """A world in which services run.

    Args:
        folder: for keys and files.
        services: which; all of them by default.
        change: changes an event on its way to a service.
        copies: how often each event is delivered.
    """
    world = World(ManualClock(START), Bus(), change=change, copies=copies)
    async with AsyncExitStack() as stack:
        for service in services or SERVICES:
            given: dict[str, Any] = {}
            if service == "analytics":
                given["journal_dir"] = folder / "clicks"
            if service == "campaign":
                matching = world.servers.get("matching")
                given["matching_address"] = matching.address if matching else "127.0.0.1:1"
                given["score_deadline_seconds"] = 30.0  # A slow machine changes nothing of the story.
            overrides: dict[str, Any] = {}
            if service == "messaging":
                for other in ("matching", "campaign"):
                    server = world.servers.get(other)
                    given[f"{other}_address"] = server.address if server else "127.0.0.1:1"
                overrides = {"mailer": MemoryMailer(), "poster": GonePoster()}
            if service == "matching":
                overrides = {"states": MemoryTopic}
            await world.start(service, folder, stack, given, overrides)
        yield world
