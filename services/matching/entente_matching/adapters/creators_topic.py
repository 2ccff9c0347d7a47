"""The compacted topic of creators: what each replica's index is built from and kept fresh by."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from google.protobuf.message import DecodeError, Message

from entente.matching.v1.events_pb2 import CreatorState
from entente_chassis import topics
from entente_chassis.refusal import Unavailable
from entente_matching import metrics
from entente_matching.application.ports import Heard

TOPIC = topics.snapshots("matching", "creators")
_AT_ONCE = 2000
_PUBLISHED_AT_ONCE = 200
_POLL_MILLIS = 200

Publish = Callable[..., Awaitable[None]]


async def publish_states(topic: str, states: Sequence[Message], publish: Publish) -> None:
    """Publish creators, many at a time."""
    for start in range(0, len(states), _PUBLISHED_AT_ONCE):
        group = [state for state in states[start : start + _PUBLISHED_AT_ONCE] if isinstance(state, CreatorState)]
        await asyncio.gather(
            *(
                publish(
                    topic,
                    state,
                    subject=state.creator,
                    epoch=0,
                    n=state.version,
                    event_time=datetime.fromtimestamp(state.change_millis / 1000, UTC),
                )
                for state in group
            )
        )


class MemoryTopic:
    """The topic in this process, for tests and where there is no broker."""

    def __init__(self, topic: str, publish: Publish) -> None:
        self._topic = topic
        self._publish = publish
        self._records: list[Message] = []
        self._more = asyncio.Event()

    async def publish(self, states: Sequence[Message]) -> None:
        """Keep creators, and publish them as the broker's topic would."""
        await publish_states(self._topic, states, self._publish)
        self._records += states
        self._more.set()

    async def follow(self, since: Mapping[int, int]) -> AsyncIterator[Heard]:
        """All that was kept, from an offset on, and what comes."""
        offset = since.get(0, 0)
        while True:
            self._more.clear()
            states = self._records[offset:]
            offset += len(states)
            yield Heard(states, (), {0: offset}, caught_up=True)
            await self._more.wait()


class CreatorsTopic:
    """Reads all partitions, without a group: every replica hears everything.

    Args:
        bootstrap: the broker's address.
        topic: its name.
        publish: publishes a message (topic, message, subject, epoch, n, event_time).
    """

    def __init__(self, bootstrap: str, topic: str, publish: Publish) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._publish = publish

    async def publish(self, states: Sequence[Message]) -> None:
        """Publish creators; returns when the broker has them all.

        Raises:
            Unavailable: it did not acknowledge one; publish them again.
        """
        await publish_states(self._topic, states, self._publish)

    async def follow(self, since: Mapping[int, int]) -> AsyncIterator[Heard]:
        """All records from the given offsets on, without end; from the beginning where no offset is given.

        Raises:
            Unavailable: the broker is away.
        """
        # Without a group a consumer has all partitions of its topic.
        consumer = AIOKafkaConsumer(
            self._topic,
            bootstrap_servers=self._bootstrap.split(","),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=_AT_ONCE,
            fetch_max_bytes=16 * 1024 * 1024,
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )
        try:
            await consumer.start()
            async for heard in self._heard(consumer, since):
                yield heard
        except KafkaError as error:
            raise Unavailable("BROKER_UNAVAILABLE", "The broker is away: try again shortly.") from error
        finally:
            await consumer.stop()

    async def _heard(self, consumer: AIOKafkaConsumer, since: Mapping[int, int]) -> AsyncIterator[Heard]:
        partitions = sorted(consumer.assignment())
        ends = await consumer.end_offsets(partitions)
        positions = {}
        for partition in partitions:
            start = since.get(partition.partition, 0)
            # An offset beyond the end is one of another topic of that name.
            positions[partition.partition] = start if start <= ends[partition] else 0
            consumer.seek(partition, positions[partition.partition])
        behind = {p.partition for p in partitions if positions[p.partition] < ends[p]}
        wanted_ends = {partition.partition: end for partition, end in ends.items()}
        while True:
            polled = await consumer.getmany(timeout_ms=_POLL_MILLIS, max_records=_AT_ONCE)
            states: list[CreatorState] = []
            gone: list[str] = []
            for records in polled.values():
                for record in records:
                    _read(record.key, record.value, states, gone)
            for partition in polled or ():
                positions[partition.partition] = await consumer.position(partition)
            if behind and not polled:
                # Compaction may have taken the last records: then nothing comes, and the position moves on.
                for partition in partitions:
                    positions[partition.partition] = await consumer.position(partition)
            behind = {number for number in behind if positions[number] < wanted_ends[number]}
            yield Heard(states, gone, dict(positions), caught_up=not behind)


def _read(key: bytes | None, value: bytes | None, states: list[CreatorState], gone: list[str]) -> None:
    if value is None:
        gone.append((key or b"").decode(errors="replace"))
        return
    try:
        states.append(CreatorState.FromString(value))
    except DecodeError:
        # The next state of that creator mends it; the sweep over the database finds it meanwhile.
        metrics.unreadable_states.inc()
