"""The consumer's lanes, without a broker: what must not stop one, and what must not be settled."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from faststream.kafka.annotations import KafkaMessage
from google.protobuf.wrappers_pb2 import Int64Value

from entente_chassis import consumer as module
from entente_chassis.bus import make_broker
from entente_chassis.clock import SystemClock
from entente_chassis.consumer import EventConsumer, Incoming
from entente_chassis.deadletters import LETTERS, PARKS, DeadLetters
from entente_chassis.refusal import Exhausted, Unavailable
from entente_chassis.store.memory import MemoryAggregates

TOPIC = "entente.test.events.v1"
Handle = Callable[[int], Awaitable[None]]


@dataclass
class Lanes:
    """A consumer that is given records by hand."""

    consumer: EventConsumer
    letters: DeadLetters
    handled: list[int] = field(default_factory=list)

    async def take(self, *values: int, headers: tuple[tuple[str, bytes | None], ...] = ()) -> None:
        records = tuple(
            SimpleNamespace(
                topic=TOPIC,
                partition=0,
                offset=value,
                timestamp=0,
                key=b"things/a",
                value=Int64Value(value=value).SerializeToString(),
                headers=(
                    ("ce_id", f"things/a:0:{value}".encode()),
                    ("ce_type", b"google.protobuf.Int64Value"),
                    ("ce_subject", b"things/a"),
                    ("ce_time", b"2026-01-01T00:00:00+00:00"),
                    ("ce_sequence", f"0:{value}".encode()),
                    *headers,
                ),
            )
            for value in values
        )
        await self.consumer._take(KafkaMessage(raw_message=records, body=b"", consumer=None))  # type: ignore[arg-type]

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():  # noqa: ASYNC110 - what is waited for is done by another task
                await asyncio.sleep(0.01)


def _lanes(handle: Handle) -> Lanes:
    clock = SystemClock()
    letters = DeadLetters(MemoryAggregates(LETTERS, clock), MemoryAggregates(PARKS, clock))

    async def handler(event: Incoming[Int64Value]) -> None:
        await handle(event.message.value)
        lanes.handled.append(event.message.value)

    consumer = EventConsumer(
        make_broker("127.0.0.1:1", "test"),
        group="test",
        topics=[TOPIC],
        routes={Int64Value: handler},
        letters=letters,
        instance="test",
        attempts=1,
    )
    lanes = Lanes(consumer, letters)
    return lanes


async def _well(_: int) -> None:
    await asyncio.sleep(0)


async def test_a_call_that_another_cancelled_does_not_end_the_lane() -> None:
    cancelled = [2]

    async def handle(value: int) -> None:
        if value in cancelled:
            cancelled.remove(value)
            call = asyncio.get_running_loop().create_future()
            call.cancel()
            await call

    lanes = _lanes(handle)
    await lanes.take(1, 2, 3)
    await lanes.until(lambda: lanes.handled == [1, 2, 3])
    await lanes.take(4)
    await lanes.until(lambda: lanes.handled == [1, 2, 3, 4])
    await lanes.consumer.drain()


async def test_a_header_without_a_value_holds_nothing_up() -> None:
    lanes = _lanes(_well)
    await lanes.take(1, headers=(("traceparent", None),))
    await lanes.take(2)
    await lanes.until(lambda: lanes.handled == [1, 2])
    await lanes.take(3, headers=(("ce_id", None),))
    await lanes.until(lambda: lanes.consumer._lanes[TopicPartition(TOPIC, 0)].settled == 4)
    assert await lanes.letters.roots_pending() == 1
    await lanes.consumer.drain()


@pytest.mark.parametrize("sequence", ["0:" + "9" * 5000, "0:9223372036854775808", "0:²"])
async def test_a_sequence_that_no_database_keeps_becomes_a_dead_letter(sequence: str) -> None:
    lanes = _lanes(_well)
    await lanes.take(1, headers=(("ce_sequence", sequence.encode()),))
    await lanes.until(lambda: lanes.consumer._lanes[TopicPartition(TOPIC, 0)].settled == 2)
    assert await lanes.letters.roots_pending() == 1
    await lanes.consumer.drain()


async def test_a_subject_whose_letters_are_all_closed_is_not_held_back_by_a_replay_that_broke_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = True

    async def handle(_: int) -> None:
        if broken:
            raise ZeroDivisionError

    lanes = _lanes(handle)
    await lanes.take(1)
    await lanes.until(lambda: lanes.consumer._lanes[TopicPartition(TOPIC, 0)].settled == 2)
    broken = False
    (letter,) = await lanes.letters.letters.find()

    async def away(*_: object, **__: object) -> None:
        raise Unavailable("DATABASE_UNAVAILABLE", "between the last letter and the unparking")

    with monkeypatch.context() as patch:
        patch.setattr(lanes.letters.parks, "change", away)
        with pytest.raises(Unavailable):
            await lanes.letters.replay(letter.id, by="ann")
    await lanes.take(2)
    await lanes.until(lambda: lanes.handled == [1, 2])
    await lanes.consumer.drain()


async def test_a_limit_that_is_reached_is_a_dead_letter_and_no_answer_of_the_domain() -> None:
    full = True

    async def handle(_: int) -> None:
        if full:
            raise Exhausted("EVENT_TOO_LARGE", "an event of 2000000 bytes")

    lanes = _lanes(handle)
    await lanes.take(1, 2)
    await lanes.until(lambda: lanes.consumer._lanes[TopicPartition(TOPIC, 0)].settled == 3)
    root, follower = await lanes.letters.letters.find(order_by="offset")
    assert (root.state.blocked_by, follower.state.blocked_by) == ("", root.id)
    assert (await lanes.letters.replay(root.id, by="ann")).stopped_by == root.id
    full = False
    assert (await lanes.letters.replay(root.id, by="ann")).replayed == 2
    await lanes.consumer.drain()


async def test_a_drain_ends_also_when_the_broker_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def assignment(self) -> set[TopicPartition]:
            return {TopicPartition(TOPIC, 0)}

        async def commit(self, _: dict[TopicPartition, int]) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr(module, "_COMMIT_WITHIN", 0.05)
    lanes = _lanes(_well)
    away: Any = Away()
    lanes.consumer._subscriber.consumer = away
    await lanes.take(1)
    await lanes.until(lambda: lanes.handled == [1])
    async with asyncio.timeout(5):
        await lanes.consumer.drain()
