"""The relay's order: whatever fails and whoever else relays, first appearances come in order and none is missing."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf.wrappers_pb2 import Int64Value
from hypothesis import given, settings
from hypothesis import strategies as st

from entente_chassis.clock import ManualClock
from entente_chassis.refusal import Unavailable
from entente_chassis.relay import Relay
from entente_chassis.store import Aggregates, Change, Kind
from entente_chassis.store.documents import Raw
from entente_chassis.store.memory import MemoryDocuments


@dataclass(frozen=True)
class Counter:
    value: int = 0


KIND = Kind[Counter](
    "counters", Counter, topic="entente.test.events.v1", to_message=lambda event: Int64Value(value=int(str(event)))
)


def _count(counter: Counter | None) -> Change[Counter]:
    value = (counter.value if counter else 0) + 1
    return Change(Counter(value), [value])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), failures=st.integers(0, 60), relays=st.integers(1, 3))
async def test_first_appearances_are_in_order_and_complete_whatever_fails(
    seed: int, failures: int, relays: int
) -> None:
    dice = random.Random(seed)
    seen: dict[str, list[int]] = {}

    async def send(_topic: str, key: bytes, value: bytes, _headers: dict[str, str]) -> None:
        await asyncio.sleep(0)
        if dice.randrange(100) < failures:
            raise Unavailable("BROKER_UNAVAILABLE", "away")
        number, values = Int64Value.FromString(value).value, seen.setdefault(key.decode(), [])
        if number not in values:
            values.append(number)

    documents = MemoryDocuments("counters")
    fleet = [Relay("test", send, sweep_every=0.001, grace=0.0) for _ in range(relays)]
    for relay in fleet:
        relay.watch(documents)
        await relay.start()
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    writers = [Aggregates(KIND, documents, clock, dice.choice(fleet)) for _ in range(3)]
    ids = ["counters/a", "counters/b"]
    await asyncio.gather(*(writer.change(id, _count) for writer in writers for id in ids for _ in range(2)))
    async with asyncio.timeout(20):
        while any([(await documents.load(id) or {})["outbox"] for id in ids]):  # noqa: ASYNC110 - another task empties it
            await asyncio.sleep(0.002)
    for relay in fleet:
        await relay.stop()
    assert seen == {id: [1, 2, 3, 4, 5, 6] for id in ids}


async def test_stopping_publishes_what_was_offered() -> None:
    seen: list[int] = []

    async def send(_topic: str, _key: bytes, value: bytes, _headers: dict[str, str]) -> None:
        await asyncio.sleep(0.01)
        seen.append(Int64Value.FromString(value).value)

    documents = MemoryDocuments("counters")
    relay = Relay("test", send, sweep_every=60)
    relay.watch(documents)
    await relay.start()
    counters = Aggregates(KIND, documents, ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), relay)
    for _ in range(5):
        await counters.change("counters/a", _count)
    await relay.stop()
    assert seen == [1, 2, 3, 4, 5]
    assert (await documents.load("counters/a") or {})["outbox"] == []


async def test_an_error_that_nobody_expected_ends_neither_the_sending_nor_the_forgetting() -> None:
    broken = {"send": 1, "forget": 1, "pending": 1}

    def perhaps_break(what: str) -> None:
        if broken[what]:
            broken[what] -= 1
            raise ZeroDivisionError(what)

    class Breaking(MemoryDocuments):
        async def forget(self, published: Mapping[str, tuple[int, int]]) -> None:
            perhaps_break("forget")
            await super().forget(published)

        async def pending(self, before: datetime, limit: int) -> list[Raw]:
            perhaps_break("pending")
            return await super().pending(before, limit)

    seen: list[int] = []

    async def send(_topic: str, _key: bytes, value: bytes, _headers: dict[str, str]) -> None:
        perhaps_break("send")
        seen.append(Int64Value.FromString(value).value)

    documents = Breaking("counters")
    relay = Relay("test", send, sweep_every=0.01, grace=0.0)
    relay.watch(documents)
    await relay.start()
    counters = Aggregates(KIND, documents, ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), relay)
    for _ in range(3):
        await counters.change("counters/a", _count)
    async with asyncio.timeout(10):
        while (await documents.load("counters/a") or {})["outbox"]:  # noqa: ASYNC110 - another task empties it
            await asyncio.sleep(0.01)
    await relay.stop()
    assert list(dict.fromkeys(seen)) == [1, 2, 3]
    assert not any(broken.values())
