"""The guarantees between two services, against the real broker and database: nothing lost, nothing twice, in order."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from google.protobuf.wrappers_pb2 import BoolValue, Int64Value, StringValue
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from entente_chassis import topics
from entente_chassis.bus import Bus, make_broker
from entente_chassis.clock import ManualClock, SystemClock
from entente_chassis.consumer import EventConsumer, Incoming, Routes
from entente_chassis.deadletters import LETTERS, PARKS, DeadLetters, LetterState
from entente_chassis.feeds import Feed, FeedReader
from entente_chassis.refusal import Precondition, Unavailable
from entente_chassis.relay import Relay
from entente_chassis.store import Aggregates, Change, Kind
from entente_chassis.store.mongo import Database, MongoDocuments, open_client
from entente_chassis.timers import Timers


@dataclass(frozen=True)
class Source:
    """What tells of itself: each change is an event with the next value."""

    value: int = 0


@dataclass(frozen=True)
class Said:
    value: int


@dataclass(frozen=True)
class Effect:
    """What another service makes of it: the values in the order in which they were applied."""

    values: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Reminder:
    due_at: datetime | None
    fired: int = 0


def say(source: Source | None) -> Change[Source]:
    value = (source.value if source else 0) + 1
    return Change(Source(value), [Said(value)])


async def eventually(holds: Callable[[], Awaitable[bool]], within: float = 20.0) -> None:
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110 - what is waited for lives in another service's database
            await asyncio.sleep(0.05)


@dataclass
class World:
    """A producer's and a consumer's side, on a topic and in a database of their own."""

    bootstrap: str
    database: Database
    topic: str
    group: str

    def __post_init__(self) -> None:
        kind = Kind[Source]("sources", Source, topic=self.topic, to_message=lambda said: Int64Value(value=said.value))
        self.source_documents = MongoDocuments(self.database, "sources")
        self.sources = Aggregates(kind, self.source_documents, SystemClock())
        self.effect_documents = MongoDocuments(self.database, "effects")
        self.effects = Aggregates(Kind[Effect]("effects", Effect), self.effect_documents, SystemClock())

    async def apply(self, event: Incoming[Int64Value]) -> None:
        """The usual handler: one document for each subject, the effect and the mark in one write."""

        def decide(effect: Effect | None) -> Change[Effect]:
            return Change(Effect([*(effect.values if effect else []), event.message.value]))

        await self.effects.change(event.subject.replace("sources", "effects"), decide, cause=event.cause)

    async def values(self, id: str) -> list[int]:
        effect = await self.effects.get(id.replace("sources", "effects"))
        return effect.state.values if effect else []

    def letters(self) -> DeadLetters:
        clock = SystemClock()
        return DeadLetters(
            Aggregates(LETTERS, MongoDocuments(self.database, "dead_letters"), clock),
            Aggregates(PARKS, MongoDocuments(self.database, "parked_subjects"), clock),
        )

    @asynccontextmanager
    async def relay(self, *, grace: float = 0.0) -> AsyncIterator[Relay]:
        broker = make_broker(self.bootstrap, "relay")
        await broker.connect()
        relay = Relay("test", Bus(broker).send, sweep_every=0.1, grace=grace)
        relay.watch(self.source_documents)
        await relay.start()
        try:
            yield relay
        finally:
            await relay.stop()
            await broker.stop()

    @asynccontextmanager
    async def consumer(
        self, routes: Routes | None = None, *, instance: str = "one", drain: float = 10.0, root_limit: int = 100
    ) -> AsyncIterator[EventConsumer]:
        broker = make_broker(self.bootstrap, instance)
        consumer = EventConsumer(
            broker,
            group=self.group,
            topics=[self.topic],
            routes=routes or {Int64Value: self.apply},
            letters=self.letters(),
            instance=instance,
            attempts=2,
            drain_seconds=drain,
            root_limit=root_limit,
            session_seconds=6,
        )
        await consumer.start()
        await broker.start()
        try:
            yield consumer
        finally:
            await consumer.drain()
            await broker.stop()

    async def send(
        self, id: str, n: int, message: Any, *, type_name: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Publish by hand what a relay would never publish: repeats, poison, unknown types."""
        broker = make_broker(self.bootstrap, "by-hand")
        await broker.connect()
        standard = {
            "ce_id": f"{id}:0:{n}",
            "ce_type": type_name or (Int64Value if isinstance(message, bytes) else message).DESCRIPTOR.full_name,
            "ce_source": "test",
            "ce_subject": id,
            "ce_time": datetime.now(UTC).isoformat(),
            "ce_sequence": f"0:{n}",
        }
        value = message if isinstance(message, bytes) else message.SerializeToString()
        await Bus(broker).send(self.topic, id.encode(), value, standard if headers is None else headers)
        await broker.stop()

    async def committed_all(self) -> bool:
        """Whether the group's offsets stand at the topic's end."""
        from aiokafka import AIOKafkaConsumer, TopicPartition

        probe = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=self.group, enable_auto_commit=False)
        await probe.start()
        try:
            partitions = [TopicPartition(self.topic, p) for p in range(4)]
            ends = await probe.end_offsets(partitions)
            return bool({p: await probe.committed(p) or 0 for p in partitions} == ends)
        finally:
            await probe.stop()


@pytest.fixture
async def world(kafka_bootstrap: str, mongo_uri: str) -> AsyncIterator[World]:
    tag = uuid.uuid4().hex[:10]
    topic = topics.events(f"test-{tag}")
    await topics.ensure_topics(kafka_bootstrap, [topic], partitions=4, replication=1)
    client = open_client(mongo_uri)
    world = World(kafka_bootstrap, client[f"guarantees_{tag}"], topic, f"group-{tag}")
    await world.sources.prepare()
    await world.effects.prepare()
    yield world
    await client.drop_database(f"guarantees_{tag}")
    client.close()


async def test_an_event_left_by_a_crash_between_write_and_publication_is_published_by_the_sweeper(world: World) -> None:
    for _ in range(3):
        await world.sources.change("sources/a", say)  # No relay: as if the process had died after the write.
    async with world.consumer(), world.relay():
        await eventually(lambda: _is(world.values("sources/a"), [1, 2, 3]))

        async def outbox_is_empty() -> bool:
            raw = await world.source_documents.load("sources/a")
            return raw is not None and raw["outbox"] == [] and raw["version"] == 3

        await eventually(outbox_is_empty)


async def test_a_redelivered_event_has_its_effect_once(world: World) -> None:
    async with world.consumer():
        for n in (1, 1, 2, 1, 2, 3):
            await world.send("sources/a", n, Int64Value(value=n))
        await eventually(lambda: _is(world.values("sources/a"), [1, 2, 3]))
        await eventually(world.committed_all)
        assert await world.values("sources/a") == [1, 2, 3]


async def test_two_relays_that_repeat_each_other_cause_each_effect_once_and_in_order(world: World) -> None:
    ids = [f"sources/{letter}" for letter in "abcdef"]
    async with world.consumer(), world.relay(), world.relay():
        for _ in range(10):
            await asyncio.gather(*(world.sources.change(id, say) for id in ids))
        for id in ids:
            await eventually(lambda id=id: _is(world.values(id), list(range(1, 11))))  # type: ignore[misc]


async def test_what_follows_a_poison_event_is_parked_and_replayed_in_order(world: World) -> None:
    fixed = False

    async def handler(event: Incoming[Int64Value]) -> None:
        if event.message.value == 2 and not fixed:
            raise ZeroDivisionError
        await world.apply(event)

    async with world.consumer({Int64Value: handler}):
        for n in (1, 2, 3, 4):
            await world.send("sources/a", n, Int64Value(value=n))
        await world.send("sources/b", 1, Int64Value(value=1))
        await eventually(lambda: _is(world.values("sources/b"), [1]))
        await eventually(world.committed_all)
        assert await world.values("sources/a") == [1]

    # A restart: what is parked stays parked, also for another member, and the replay is asked of that one.
    async with world.consumer({Int64Value: handler}, instance="two") as consumer:
        letters = consumer._letters
        await world.send("sources/a", 5, Int64Value(value=5))
        await eventually(lambda: _is(letters.letters.count({"state": LetterState.PENDING}), 4))
        waiting = await letters.letters.find({"state": LetterState.PENDING}, order_by="offset")
        root = waiting[0]
        assert [letter.state.blocked_by for letter in waiting] == ["", root.id, root.id, root.id]
        assert "ZeroDivisionError" in root.state.reason

        again = await letters.replay(root.id, by="ann")
        assert (again.replayed, again.remaining, again.stopped_by) == (0, 4, root.id)
        fixed = True
        assert (await letters.replay(waiting[2].id, by="ann")).replayed == 4
        await world.send("sources/a", 6, Int64Value(value=6))
        await eventually(lambda: _is(world.values("sources/a"), [1, 2, 3, 4, 5, 6]))
        with pytest.raises(Precondition, match="LETTER_CLOSED"):
            await letters.replay(root.id, by="ann")


async def test_a_discarded_event_is_given_up_for_good_and_its_followers_go_on(world: World) -> None:
    async with world.consumer() as consumer:
        letters = consumer._letters
        await world.send("sources/a", 1, b"\xff\xff\xff")
        await world.send("sources/a", 2, Int64Value(value=2))
        await eventually(lambda: _is(letters.letters.count({"state": LetterState.PENDING}), 2))
        root, follower = await letters.letters.find({"state": LetterState.PENDING}, order_by="offset")
        await letters.discard(root.id, by="ann", because="sent by a broken tool")
        assert (await letters.replay(follower.id, by="ann")).replayed == 1
        await world.send("sources/a", 1, b"\xff\xff\xff")
        await world.send("sources/a", 3, Int64Value(value=3))
        await eventually(lambda: _is(world.values("sources/a"), [2, 3]))


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (b"\xff\xff\xff", None),
        (b"anything", {}),
        (b"anything", {"ce_type": "google.protobuf.Int64Value", "ce_subject": "sources/z", "ce_sequence": "first"}),
    ],
    ids=["not the message it says", "no headers", "a sequence that is no number"],
)
async def test_an_event_that_does_not_decode_is_kept_and_the_next_one_is_handled(
    world: World, value: bytes, headers: dict[str, str] | None
) -> None:
    async with world.consumer() as consumer:
        await world.send("sources/z", 1, value, type_name="google.protobuf.Int64Value", headers=headers)
        for letter in "abcdefgh":
            await world.send(f"sources/{letter}", 1, Int64Value(value=1))
        for letter in "abcdefgh":
            await eventually(lambda letter=letter: _is(world.values(f"sources/{letter}"), [1]))  # type: ignore[misc]
        await eventually(world.committed_all)
        (kept,) = await consumer._letters.letters.find({"state": LetterState.PENDING})
        assert kept.state.value == value


async def test_a_header_that_is_not_text_does_not_take_its_batch_with_it(world: World) -> None:
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=world.bootstrap)
    await producer.start()
    await producer.send_and_wait(world.topic, b"x", key=b"sources/a", headers=[("ce_id", b"\xff\xfe"), ("other", None)])
    await producer.stop()
    await world.send("sources/b", 1, Int64Value(value=1))
    async with world.consumer() as consumer:
        await eventually(lambda: _is(world.values("sources/b"), [1]))
        await eventually(lambda: _is(consumer._letters.roots_pending(), 1))


async def test_headers_that_no_field_can_be_called_do_not_hold_their_partition_up(world: World) -> None:
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(bootstrap_servers=world.bootstrap)
    await producer.start()
    headers = [("a\0b", b"1"), ("$set", b"2"), ("a.b", b"3"), ("", b"4"), ("ce_id", None)]
    await producer.send_and_wait(world.topic, b"x", key=b"sources/a", partition=0, headers=headers)
    await producer.send_and_wait(world.topic, None, key=b"sources/a", partition=0)
    await producer.stop()
    async with world.consumer() as consumer:
        await eventually(world.committed_all)
        (kept,) = await consumer._letters.letters.find({"state": LetterState.PENDING})
        assert sorted(kept.state.headers.values()) == [b"", b"2", b"3", b"4"]


async def test_a_record_that_the_broker_refuses_leaves_the_others_of_its_partition_alone(world: World) -> None:
    name = f"{world.topic}-small"
    admin = AIOKafkaAdminClient(bootstrap_servers=world.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name, 1, 1, topic_configs={"max.message.bytes": "2000"})])
    await admin.close()
    broker = make_broker(world.bootstrap, "small")
    await broker.connect()
    bus = Bus(broker)
    await bus.send(name, b"k", b"x", {})
    with pytest.raises(Unavailable):
        await bus.send(name, b"k", b"x" * 5000, {})
    await bus.send(name, b"k", b"x", {})
    await broker.stop()


async def test_an_unknown_event_type_is_skipped_and_the_next_event_of_its_subject_is_handled(world: World) -> None:
    async with world.consumer() as consumer:
        await world.send("sources/a", 1, StringValue(value="from a newer version"), type_name="entente.NewEvent")
        await world.send("sources/a", 2, Int64Value(value=2))
        await eventually(lambda: _is(world.values("sources/a"), [2]))
        assert await consumer._letters.roots_pending() == 0


async def test_an_effect_may_come_before_the_event_it_refers_to(world: World) -> None:
    parents = Aggregates(Kind[Effect]("parents", Effect), MongoDocuments(world.database, "parents"), SystemClock())

    async def child(event: Incoming[Int64Value]) -> None:
        await parents.change(
            "parents/p", lambda p: Change(Effect([*(p.values if p else []), event.message.value])), cause=event.cause
        )

    async def parent(event: Incoming[BoolValue]) -> None:
        await parents.change("parents/p", lambda p: Change(Effect([0, *(p.values if p else [])])), cause=event.cause)

    async with world.consumer({Int64Value: child, BoolValue: parent}):
        await world.send("sources/child", 1, Int64Value(value=7))
        await eventually(lambda: _is(_state(parents, "parents/p"), [7]))
        await world.send("sources/parent", 1, BoolValue(value=True))
        await eventually(lambda: _is(_state(parents, "parents/p"), [0, 7]))


async def test_a_refusal_by_the_domain_is_recorded_and_keeps_nothing_waiting(world: World) -> None:
    async def handler(event: Incoming[Int64Value]) -> None:
        if event.message.value == 1:
            raise Precondition("TOO_LATE", "another one was first")
        await world.apply(event)

    async with world.consumer({Int64Value: handler}) as consumer:
        for n in (1, 2):
            await world.send("sources/a", n, Int64Value(value=n))
        await eventually(lambda: _is(world.values("sources/a"), [2]))
        assert await consumer._letters.roots_pending() == 0


async def test_a_partition_that_cannot_go_on_now_waits_while_the_others_go_on(world: World) -> None:
    away = True

    async def handler(event: Incoming[Int64Value]) -> None:
        if away and event.subject == "sources/a":
            raise Unavailable("AWAY", "not now")
        await world.apply(event)

    async with world.consumer({Int64Value: handler}) as consumer:
        for n in (1, 2):
            await world.send("sources/a", n, Int64Value(value=n))
        others = [f"sources/{letter}" for letter in "bcdefghi"]
        for id in others:
            await world.send(id, 1, Int64Value(value=1))

        async def most_others_went_on() -> bool:
            return sum([await world.values(id) == [1] for id in others]) >= 3

        await eventually(most_others_went_on)
        assert await world.values("sources/a") == []
        away = False
        await eventually(lambda: _is(world.values("sources/a"), [1, 2]))
        for id in others:
            await eventually(lambda id=id: _is(world.values(id), [1]))  # type: ignore[misc]
        assert await consumer._letters.roots_pending() == 0


async def test_too_many_failed_events_stop_the_consumer_instead_of_emptying_the_topic_into_dead_letters(
    world: World,
) -> None:
    async def handler(event: Incoming[Int64Value]) -> None:
        raise ZeroDivisionError

    async with world.consumer({Int64Value: handler}, root_limit=3) as consumer:
        for number in range(12):
            await world.send(f"sources/{number}", 1, Int64Value(value=1))

        async def halted() -> bool:
            return bool(consumer.halted)

        await eventually(halted)
        assert await consumer._letters.roots_pending() < 12
    assert not await world.committed_all()


async def test_a_rebalance_with_work_in_flight_loses_nothing_and_repeats_no_effect(world: World) -> None:
    started = asyncio.Event()

    async def slow(event: Incoming[Int64Value]) -> None:
        started.set()
        await asyncio.sleep(0.15)
        await world.apply(event)

    ids = [f"sources/{number}" for number in range(8)]
    for id in ids:
        for _ in range(5):
            await world.sources.change(id, say)
    async with world.relay(), world.consumer({Int64Value: slow}, instance="one"):
        await started.wait()
        async with world.consumer({Int64Value: slow}, instance="two"):
            await asyncio.sleep(1)
        for id in ids:
            await eventually(lambda id=id: _is(world.values(id), [1, 2, 3, 4, 5]), within=40)  # type: ignore[misc]


async def test_a_drain_lets_the_handler_in_flight_finish_and_commits_it(world: World) -> None:
    started, finished = asyncio.Event(), []

    async def slow(event: Incoming[Int64Value]) -> None:
        started.set()
        await asyncio.sleep(1)
        await world.apply(event)
        finished.append(event.message.value)

    await world.send("sources/a", 1, Int64Value(value=1))
    await world.send("sources/a", 2, Int64Value(value=2))
    async with world.consumer({Int64Value: slow}):
        await started.wait()
    assert finished == [1]
    async with world.consumer(instance="two"):
        await eventually(lambda: _is(world.values("sources/a"), [1, 2]))


async def test_a_timer_that_fell_due_while_everything_was_down_fires_once(world: World) -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    kind = Kind[Reminder]("reminders", Reminder, due_at=lambda state: state.due_at)
    reminders = Aggregates(kind, MongoDocuments(world.database, "reminders"), clock)
    await reminders.prepare()
    await reminders.change("reminders/r", lambda _: Change(Reminder(clock.now() + timedelta(days=1))))
    clock.advance(timedelta(days=400))

    async def fire(id: str) -> None:
        def decide(reminder: Reminder | None) -> Change[Reminder] | None:
            if reminder is None or reminder.due_at is None or reminder.due_at > clock.now():
                return None  # Another process was first.
            return Change(replace(reminder, due_at=None, fired=reminder.fired + 1))

        await reminders.change(id, decide)

    loops = [asyncio.create_task(Timers(reminders, fire, clock, every=0.01).run()) for _ in range(3)]

    async def fired() -> bool:
        return (await reminders.require("reminders/r", what="reminder")).state.fired > 0

    await eventually(fired)
    await asyncio.sleep(0.2)
    for loop in loops:
        loop.cancel()
    assert (await reminders.require("reminders/r", what="reminder")).state.fired == 1


async def test_an_event_is_handled_in_the_trace_of_the_command_that_caused_it(world: World) -> None:
    trace.set_tracer_provider(TracerProvider())
    seen: list[int] = []

    async def handler(event: Incoming[Int64Value]) -> None:
        seen.append(trace.get_current_span().get_span_context().trace_id)
        await world.apply(event)

    with trace.get_tracer("test").start_as_current_span("command") as command:
        await world.sources.change("sources/a", say)
    async with world.consumer({Int64Value: handler}), world.relay():
        await eventually(lambda: _is(world.values("sources/a"), [1]))
    assert seen == [command.get_span_context().trace_id]


async def _is(value: Awaitable[Any], wanted: object) -> bool:
    return bool(await value == wanted)


async def _state(aggregates: Aggregates[Effect], id: str) -> list[int]:
    found = await aggregates.get(id)
    return found.state.values if found else []


async def test_every_replica_hears_an_event_for_its_open_streams(world: World) -> None:
    feeds = [Feed({Int64Value: lambda event: [event.subject]}) for _ in range(2)]
    readers = [
        asyncio.create_task(FeedReader(world.bootstrap, f"replica-{number}", [world.topic], feed).run())
        for number, feed in enumerate(feeds)
    ]
    try:
        async with asyncio.timeout(30), AsyncExitStack() as stack:
            heard = [await stack.enter_async_context(feed.subscribe("sources/a")) for feed in feeds]
            await world.send("sources/b", 1, Int64Value(value=1))
            await world.send("sources/a", 1, Int64Value(value=2))
            for subscription in heard:
                event = await subscription.next()
                assert event is not None
                assert event.message.value == 2
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
