"""Puts a service together and runs it: what starts after what, and what ends before what."""

import asyncio
import logging
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import uvloop
from aiokafka.errors import KafkaError
from google.protobuf.message import Message
from starlette.applications import Starlette

from entente_chassis import telemetry, topics
from entente_chassis.auth import ServiceToken, Signer
from entente_chassis.bus import Bus, make_broker
from entente_chassis.clock import Clock, FileClock, ScaledClock, SystemClock
from entente_chassis.consumer import EventConsumer, Handler, Routes
from entente_chassis.deadletters import LETTERS, PARKS, DeadLetters
from entente_chassis.faults import describe, is_told_to_end
from entente_chassis.feeds import Feed, FeedReader, Keys
from entente_chassis.http import HttpServer, operations_app
from entente_chassis.ops import DeadLetterServicer, add_dead_letters
from entente_chassis.refusal import Unavailable
from entente_chassis.relay import Relay
from entente_chassis.rpc import Access, Channels, RpcServer
from entente_chassis.settings import ServiceSettings, SettingsError, load
from entente_chassis.store.aggregates import Aggregates
from entente_chassis.store.model import Kind, Outgoing
from entente_chassis.store.mongo import MongoDocuments, open_client
from entente_chassis.timers import Fire, Timers

log = logging.getLogger(__name__)

S = TypeVar("S")
Stub = TypeVar("Stub")
Settings = TypeVar("Settings", bound=ServiceSettings)
Loop = Callable[[], Awaitable[None]]

_RESTART_FROM = 0.5
_RESTART_TO = 30.0
_BROKER_STOPS_WITHIN = 5.0


class Runtime:
    """One service's process. ``bootstrap.build`` tells it what there is; ``run`` starts, waits and drains.

    Args:
        service: its name: the consumer group, the source of its events, its database.
        settings: from the environment.
        clock: the domain's clock; from the settings without one.
    """

    def __init__(self, service: str, settings: ServiceSettings, *, clock: Clock | None = None) -> None:
        self.service = service
        self.settings = settings
        self.clock = clock or clock_of(settings)
        self._client = open_client(settings.mongo_uri)
        self._database = self._client[settings.database_name(service)]
        self._broker = make_broker(settings.kafka_bootstrap, f"entente-{service}")
        self._bus = Bus(self._broker)
        self._relay = Relay(service, self._bus.send, sweep_every=settings.sweep_seconds)
        technical = SystemClock()
        self._letters = DeadLetters(
            Aggregates(LETTERS, MongoDocuments(self._database, LETTERS.collection), technical),
            Aggregates(PARKS, MongoDocuments(self._database, PARKS.collection), technical),
        )
        self._rpc = RpcServer(settings)
        self._channels = Channels(settings, _own_token(service, settings))
        self._aggregates: list[Aggregates[Any]] = []
        self._topics: set[str] = set()
        self._topics_heard: set[str] = set()
        self._consumed: list[str] = []
        self._routes: dict[type[Message], Handler] = {}
        self._consumer: EventConsumer | None = None
        self._loops: list[tuple[str, Loop]] = []
        self._on_start: list[Loop] = []
        self._http: list[HttpServer] = []
        self._ready = False
        self._port = 0
        self._stop = asyncio.Event()

    # -- what there is ------------------------------------------------------------------------------------------------

    def aggregates(self, kind: Kind[S]) -> Aggregates[S]:
        """The aggregates of a kind, in this service's database, with their events published."""
        documents = MongoDocuments(self._database, kind.collection)
        aggregates = Aggregates(kind, documents, self.clock, self._relay)
        self._aggregates.append(aggregates)
        if kind.topic or kind.snapshot_topic:
            self._relay.watch(documents)
        self._topics |= {topic for topic in (kind.topic, kind.snapshot_topic) if topic}
        return aggregates

    def consume(self, names: Sequence[str], routes: Routes) -> None:
        """Consume topics. All of a service's topics are consumed by one consumer group."""
        twice = self._routes.keys() & routes.keys()
        if twice:
            raise ValueError(f"two handlers for {sorted(message.DESCRIPTOR.full_name for message in twice)}")
        self._consumed += [name for name in names if name not in self._consumed]
        self._routes |= routes

    def feed(self, names: Sequence[str], routes: Mapping[type[Message], Keys]) -> Feed:
        """Hear all of some topics from now on, in every replica, for the streams that are open here.

        Args:
            names: the topics.
            routes: what kinds of event are of interest, and whom each concerns.
        """
        feed = Feed(routes)
        self._topics_heard |= set(names)
        reader = FeedReader(self.settings.kafka_bootstrap, f"entente-{self.service}-feed", names, feed)
        self.background("feed", reader.run)
        return feed

    @property
    def consumed_topics(self) -> frozenset[str]:
        """The topics that it reads."""
        return frozenset(self._consumed)

    @property
    def heard_topics(self) -> frozenset[str]:
        """The topics that each of its replicas hears all of."""
        return frozenset(self._topics_heard)

    @property
    def published_topics(self) -> frozenset[str]:
        """The topics that it writes."""
        return frozenset(self._topics)

    @property
    def routes(self) -> Routes:
        """What handles each type of event."""
        return dict(self._routes)

    def timer(self, aggregates: Aggregates[Any], fire: Fire) -> None:
        """Call ``fire(id)`` for each aggregate whose ``due_at`` has come."""
        timers = Timers(aggregates, fire, self.clock, every=self.settings.timer_seconds)
        self.background(f"timers {aggregates.kind.collection}", timers.run)

    def serve(self, add: Callable[[Any, Any], None], servicer: object, access: Access) -> None:
        """Answer a gRPC service; ``access`` names the roles that may call each of its methods."""
        self._rpc.add(add, servicer, access)

    def client(self, stub: Callable[[Any], Stub], address: str) -> Stub:
        """A stub for another service, with deadlines, this service's token, traces and retries of safe calls."""
        return self._channels.client(stub, address)

    def http(self, app: Starlette, bind: str) -> None:
        """Answer HTTP at an address."""
        self._http.append(HttpServer(app, bind))

    def background(self, name: str, loop: Loop) -> None:
        """Run a loop until the service stops; it is started again, ever later, when it raises."""
        self._loops.append((name, loop))

    def on_start(self, hook: Loop) -> None:
        """Await this once, after the database and broker are there and before anything is served."""
        self._on_start.append(hook)

    def topic(self, name: str) -> str:
        """Make sure that a topic exists which is written by ``publish`` alone."""
        self._topics.add(name)
        return name

    async def publish(
        self, topic: str, message: Message, *, subject: str, epoch: int, n: int, event_time: datetime
    ) -> None:
        """Publish a fact that is no aggregate's event, such as a click. Returns when the broker has it.

        Raises:
            Unavailable: the broker did not acknowledge it; publish it again under the same identity.
        """
        event = Outgoing.of(message, topic=topic, subject=subject, epoch=epoch, n=n, time=event_time)
        await self._relay.publish(event)

    # -- running it ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Start everything, wait for SIGTERM or SIGINT, and stop everything in order."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        began = loop.time()
        probes = {"consumer": self._consumer_problem}
        operations = operations_app(live=probes, ready={"service": self._not_ready, **probes})
        observation = HttpServer(operations, self.settings.metrics_bind)
        await observation.start()
        starting = asyncio.create_task(self._start())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        loops: list[asyncio.Task[None]] = []
        try:
            if not self._stop.is_set():
                await starting  # Raises what went wrong.
                loops = [asyncio.create_task(self._keep_running(name, fn), name=name) for name, fn in self._loops]
                self._ready = True
                await self._rpc.set_serving(True)
                log.info("ready", extra={"after_seconds": round(loop.time() - began, 2), "grpc_port": self._port})
                await self._stop.wait()
        finally:
            starting.cancel()
            await self._shut_down(loops)
            await observation.stop()

    async def _start(self) -> None:
        await asyncio.gather(
            self._until_available("the database", self._prepare_database),
            self._until_available("the broker", self._prepare_broker),
        )
        await self._relay.start()
        for hook in self._on_start:
            await hook()
        self._rpc.add(add_dead_letters, DeadLetterServicer(self._letters, self.service), DeadLetterServicer.ACCESS)
        self._port = await self._rpc.start()
        for server in self._http:
            await server.start()
        if self._consumed:
            self._consumer = EventConsumer(
                self._broker,
                group=f"entente-{self.service}",
                topics=self._consumed,
                routes=self._routes,
                letters=self._letters,
                instance=self.settings.instance,
                attempts=self.settings.consumer_attempts,
                root_limit=self.settings.dead_letter_limit,
                drain_seconds=self.settings.drain_seconds,
            )
            await self._until_available("the database", self._consumer.start)
            await self._broker.start()

    async def _prepare_database(self) -> None:
        for aggregates in self._aggregates:
            await aggregates.prepare()

    async def _prepare_broker(self) -> None:
        await topics.ensure_topics(
            self.settings.kafka_bootstrap,
            {*self._topics, *self._topics_heard, *self._consumed},
            partitions=self.settings.topic_partitions,
            replication=self.settings.topic_replication,
        )
        await self._broker.connect()

    async def _until_available(self, what: str, prepare: Loop) -> None:
        wait = _RESTART_FROM
        while True:
            try:
                return await prepare()
            except (Unavailable, KafkaError) as error:
                log.warning("%s is not there yet: %s", what, type(error).__name__)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)

    async def _keep_running(self, name: str, loop: Loop) -> None:
        wait = _RESTART_FROM
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await loop()
            except (Exception, asyncio.CancelledError) as error:
                if is_told_to_end(error):
                    raise
                # A loop that ends must not end the service in silence: it is loud, and runs again.
                log.exception("a background loop failed", extra={"loop": name})
            else:
                return
            if asyncio.get_running_loop().time() - started > _RESTART_TO:
                wait = _RESTART_FROM
            await asyncio.sleep(wait)
            wait = min(wait * 2, _RESTART_TO)

    async def _shut_down(self, loops: Sequence[asyncio.Task[None]]) -> None:
        log.info("stopping")
        self._ready = False
        await self._rpc.set_serving(False)
        # Nothing new comes in ...
        await asyncio.gather(
            _ended("calls", self._rpc.stop(self.settings.drain_seconds)),
            *(_ended("HTTP", server.stop()) for server in self._http),
            *([_ended("consumer", self._consumer.drain())] if self._consumer else []),
        )
        for task in loops:
            task.cancel()
        await asyncio.gather(*loops, return_exceptions=True)
        # ... and what was decided goes out, before the ways out are closed.
        await _ended("relay", self._relay.stop())
        await _ended("channels", self._channels.close())
        # A broker that is away would be waited for without end, to bring it what the documents keep in any case.
        await _ended("broker", self._broker.stop(), within=_BROKER_STOPS_WITHIN)
        self._client.close()
        log.info("stopped")

    def _not_ready(self) -> str:
        return "" if self._ready else "starting or stopping"

    def _consumer_problem(self) -> str:
        if self._consumer is None:
            return ""
        return "" if self._consumer.is_alive() else "a handler has been at one event for two minutes"


async def _ended(what: str, end: Awaitable[None], *, within: float | None = None) -> None:
    """One step of the end; the others follow, whatever becomes of it."""
    try:
        async with asyncio.timeout(within):
            await end
    except Exception as error:
        log.error("the %s did not end as it should: %s", what, describe(error))


def _own_token(service: str, settings: ServiceSettings) -> Callable[[], str] | None:
    if settings.auth_signing_key is None:
        return None
    signer = Signer(settings.auth_signing_key, settings.auth_issuer, settings.auth_audience)
    return ServiceToken(signer, service)


def clock_of(settings: ServiceSettings) -> Clock:
    """The domain's clock that the settings ask for."""
    if settings.clock_file:
        return FileClock(settings.clock_file)
    if settings.clock_scale != 1:
        return ScaledClock(settings.clock_scale, settings.clock_anchor or datetime.now(UTC))
    return SystemClock()


def main(build: Callable[[Settings], Runtime], settings_type: type[Settings]) -> None:
    """Run a service: read the environment, build, run until told to stop. A wrong environment ends it at once."""
    try:
        settings = load(settings_type)
    except SettingsError as error:
        sys.exit(f"{error}")

    async def run() -> None:
        runtime = build(settings)
        observed = telemetry.start(runtime.service, settings)
        try:
            await runtime.run()
        finally:
            await asyncio.to_thread(observed.stop)

    uvloop.run(run())
