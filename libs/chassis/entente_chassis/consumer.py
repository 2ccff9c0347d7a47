"""The one way to consume events: in order for each partition, with offsets committed only for what is settled.

FastStream polls; its batches are split into lanes, one for each partition. A lane settles one event after the other,
and what it has settled is committed by explicit offset. FastStream's own acknowledgements are never used: a batch
merges partitions, and acknowledging it would commit what no lane has settled.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from faststream.middlewares import AckPolicy
from google.protobuf.message import DecodeError, Message
from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Gauge, Histogram

from entente_chassis.deadletters import (
    DeadLetters,
    Letter,
    headers_of_letter,
    park_of,
    read_headers,
)
from entente_chassis.envelope import Envelope, NotAnEvent, read_envelope, subject_of
from entente_chassis.faults import Poison, describe, is_told_to_end
from entente_chassis.refusal import Aborted, Exhausted, Refusal, Unavailable
from entente_chassis.store.model import Cause
from entente_chassis.tracing import span

log = logging.getLogger(__name__)

M = TypeVar("M", bound=Message)

events_consumed = Counter("entente_consumer_events_total", "Events settled, by how", ["topic", "outcome"])
consumer_lag = Gauge("entente_consumer_lag_records", "Records not settled yet", ["topic"])
event_delay = Histogram(
    "entente_consumer_delay_seconds",
    "From an event's publication to its settlement",
    ["topic"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600, 3600),
)
partitions_waiting = Gauge(
    "entente_consumer_partitions_backing_off", "Partitions whose next event cannot be handled now"
)
consumer_halted = Gauge("entente_consumer_halted", "1 when too many events have failed and none is handled any more")

_COMMIT_EVERY = 0.2
_COMMIT_WITHIN = 5.0
_MEASURE_EVERY = 5.0
_LANE_FULL = 500
_LANE_LOW = 100
_AT_ONCE = 32
_BACK_OFF_FROM = 0.2
_BACK_OFF_TO = 10.0
_STUCK_AFTER = 120.0

Record = Any  # aiokafka's ConsumerRecord; the library is not typed.


@dataclass(frozen=True)
class Incoming(Generic[M]):
    """An event as a handler gets it: the message, and the identity that makes its effect happen once."""

    message: M
    subject: str
    cause: Cause
    time: datetime
    id: str
    type: str
    topic: str

    @classmethod
    def of(cls, message: M, envelope: Envelope, topic: str) -> "Incoming[M]":
        """A message as it came."""
        return cls(
            message=message,
            subject=envelope.cause.subject,
            cause=envelope.cause,
            time=envelope.time.astimezone(UTC),
            id=envelope.id,
            type=envelope.type,
            topic=topic,
        )


Handler = Callable[[Incoming[Any]], Awaitable[None]]
Routes = Mapping[type[Message], Handler]


@dataclass(slots=True)
class _Lane:
    """The events of one partition that were polled and are not settled."""

    partition: TopicPartition
    queue: deque[Record] = field(default_factory=deque)
    task: asyncio.Task[None] | None = None
    settled: int | None = None
    committed: int | None = None
    closing: bool = False
    handling: bool = False
    paused: bool = False
    moved_at: float = field(default_factory=time.monotonic)


class EventConsumer:
    """Consumes topics for one consumer group.

    Args:
        broker: FastStream's broker, not started yet.
        group: the consumer group: the service's name.
        topics: what to consume.
        routes: what handles each type of message; other types are skipped and counted.
        letters: where events go that cannot be handled.
        instance: this member's lasting name: a restart within the session's time causes no rebalance.
        attempts: how often a handler with a bug is tried.
        root_limit: so many failed events (not those parked behind them) stop the consumer: then it is not the events.
        drain_seconds: how long a handler in flight may finish when its partition is taken away or the process ends.
    """

    def __init__(
        self,
        broker: KafkaBroker,
        *,
        group: str,
        topics: Sequence[str],
        routes: Routes,
        letters: DeadLetters,
        instance: str,
        attempts: int = 5,
        root_limit: int = 100,
        drain_seconds: float = 20.0,
        session_seconds: float = 30.0,
    ) -> None:
        self._group = group
        self._topics = tuple(topics)
        self._routes = {message.DESCRIPTOR.full_name: (message, handler) for message, handler in routes.items()}
        self._letters = letters
        self._attempts = attempts
        self._root_limit = root_limit
        self._drain_seconds = drain_seconds
        self._lanes: dict[TopicPartition, _Lane] = {}
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._stopping = False
        self._halted = ""
        self._parks_known = False
        self._loops: list[asyncio.Task[None]] = []
        letters.rehandle = self._rehandle
        self._subscriber = broker.subscriber(
            *topics,
            batch=True,
            group_id=group,
            group_instance_id=f"{group}-{instance}",
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            session_timeout_ms=round(session_seconds * 1000),
            heartbeat_interval_ms=round(session_seconds * 100),
            max_poll_interval_ms=300_000,
            batch_timeout_ms=50,
            max_records=_LANE_FULL,
            listener=_Listener(self),
            parser=_leave_unread,
            decoder=_decode_nothing,
        )
        self._subscriber(self._take)

    @property
    def halted(self) -> str:
        """Why it has stopped by itself, or ""."""
        return self._halted

    def is_alive(self) -> bool:
        """Whether it makes progress, or has a reason not to: nothing to do, or backing off."""
        now = time.monotonic()
        return not any(lane.handling and now - lane.moved_at > _STUCK_AFTER for lane in self._lanes.values())

    async def start(self) -> None:
        """Begin to commit and to measure. The broker's start begins the polling."""
        await self._letters.prepare()
        await self._check_root_limit()
        self._loops = [
            asyncio.create_task(self._commit_loop(), name="commit"),
            asyncio.create_task(self._measure_loop(), name="measure"),
        ]

    async def drain(self) -> None:
        """Let the handlers in flight finish, settle nothing more, and commit."""
        self._stopping = True
        await self._close_lanes(list(self._lanes.values()))
        for task in self._loops:
            task.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)

    # -- polling ------------------------------------------------------------------------------------------------------

    async def _take(self, message: KafkaMessage) -> None:
        raw = message.raw_message
        for record in raw if isinstance(raw, tuple) else (raw,):
            partition = TopicPartition(record.topic, record.partition)
            if self._stopping or self._halted:
                return  # Not settled, so not committed: the next member reads it again.
            lane = self._lanes.setdefault(partition, _Lane(partition))
            if lane.closing:
                continue
            lane.queue.append(record)
            if len(lane.queue) >= _LANE_FULL:
                self._pause(lane)
            if lane.task is None:
                lane.moved_at = time.monotonic()
                lane.task = asyncio.create_task(self._run(lane), name=f"lane {partition.topic}/{partition.partition}")

    @property
    def _kafka(self) -> AIOKafkaConsumer | None:
        return self._subscriber.consumer

    def _pause(self, lane: _Lane) -> None:
        if not lane.paused and self._kafka and lane.partition in self._kafka.assignment():
            self._kafka.pause(lane.partition)
            lane.paused = True

    def _resume(self, lane: _Lane) -> None:
        if lane.paused and self._kafka and lane.partition in self._kafka.assignment():
            self._kafka.resume(lane.partition)
        lane.paused = False

    # -- lanes --------------------------------------------------------------------------------------------------------

    async def _run(self, lane: _Lane) -> None:
        while lane.queue and not lane.closing and not self._halted:
            record = lane.queue[0]
            await self._settle_when_possible(lane, record)
            if lane.settled is None or lane.settled <= record.offset:
                return  # Closed while it waited: not settled.
            lane.queue.popleft()
            if lane.paused and len(lane.queue) <= _LANE_LOW:
                self._resume(lane)
        lane.task = None

    async def _settle_when_possible(self, lane: _Lane, record: Record) -> None:
        wait = _BACK_OFF_FROM
        waiting = False
        try:
            while not lane.closing and not self._halted:
                try:
                    async with self._at_once:
                        if lane.closing:
                            return
                        lane.handling, lane.moved_at = True, time.monotonic()
                        outcome = await self._settle(record)
                except (Exception, asyncio.CancelledError) as error:
                    if is_told_to_end(error):
                        raise
                    # Handlers' own failures were settled below: this is the ground under them, and it may come back.
                    if not waiting:
                        reason = error.reason if isinstance(error, Refusal) else describe(error)
                        log.warning("backing off", extra={"topic": record.topic, "reason": reason})
                        waiting = True
                        partitions_waiting.inc()
                    self._pause(lane)
                    lane.handling = False
                    await asyncio.sleep(wait * random.uniform(0.5, 1.0))
                    wait = min(wait * 2, _BACK_OFF_TO)
                    continue
                finally:
                    lane.handling = False
                lane.settled = record.offset + 1
                events_consumed.labels(record.topic, outcome).inc()
                event_delay.labels(record.topic).observe(max(0.0, time.time() - record.timestamp / 1000))
                return
        finally:
            if waiting:
                partitions_waiting.dec()
                if len(lane.queue) <= _LANE_LOW:
                    self._resume(lane)

    async def _settle(self, record: Record) -> str:
        """Bring one event to an end, and say which.

        Raises:
            Unavailable: it has no end now.
        """
        if record.value is None:
            return "tombstone"
        if not self._parks_known:
            await self._letters.refresh()
            self._parks_known = True
        subject = subject_of(record.key, record.headers)
        park = park_of(record.topic, subject)
        try:
            envelope = read_envelope(record.topic, record.headers)
        except NotAnEvent as error:
            await self._fail(f"{record.topic}/{record.partition}/{record.offset}", record, subject, "", str(error))
            return "dead"
        letter_id = f"{record.topic}|{envelope.id}"
        if park and self._letters.may_be_parked(park):
            blocked = _letter(record, subject, envelope.type, "waits behind an earlier dead letter")
            if await self._letters.keep_if_parked(letter_id, blocked):
                return "parked"
        route = self._routes.get(envelope.type)
        if route is None:
            return "unknown"
        for attempt in range(1, self._attempts + 1):
            try:
                await self._handle(record.topic, record.value, envelope)
                return "handled"
            except Aborted as refusal:
                raise Unavailable(refusal.reason, refusal.message) from refusal
            except Unavailable:
                raise
            except (Poison, Exhausted) as error:
                # A limit, such as an event that grows too large, is no answer of the domain: a person has to see it.
                await self._fail(letter_id, record, subject, envelope.type, str(error))
                return "dead"
            except Refusal as refusal:
                log.info("the domain refused an event", extra={"type": envelope.type, "reason": refusal.reason})
                return "refused"
            except Exception as error:  # A bug: it is tried again, and then kept for a person with its place named.
                log.exception("a handler failed", extra={"type": envelope.type, "attempt": attempt})
                if attempt == self._attempts:
                    await self._fail(letter_id, record, subject, envelope.type, describe(error))
                    return "dead"
                await asyncio.sleep(0.05 * 2**attempt)
        raise AssertionError("unreachable: the last attempt returns")

    async def _handle(self, topic: str, value: bytes, envelope: Envelope) -> None:
        message_type, handler = self._routes[envelope.type]
        try:
            message = message_type.FromString(value)
        except DecodeError as error:
            raise Poison(f"the payload is not a {envelope.type}") from error
        attributes = {
            "messaging.system": "kafka",
            "messaging.destination.name": topic,
            "messaging.operation.type": "process",
        }
        with span(f"process {envelope.type}", attributes, kind=SpanKind.CONSUMER, parent=envelope.traceparent):
            await handler(Incoming.of(message, envelope, topic))

    async def _rehandle(self, letter: Letter) -> None:
        """Handle a letter's event once more; a refusal by the domain ends it, too."""
        envelope = read_envelope(letter.topic, read_headers(letter.headers))
        if envelope.type not in self._routes:
            return
        with contextlib.suppress(_DomainRefusal):
            try:
                await self._handle(letter.topic, letter.value, envelope)
            except (Aborted, Unavailable, Exhausted):
                raise
            except Refusal as refusal:
                raise _DomainRefusal from refusal

    async def _fail(self, id: str, record: Record, subject: str, type_name: str, reason: str) -> None:
        await self._letters.keep(id, _letter(record, subject, type_name, reason))
        await self._check_root_limit()

    async def _check_root_limit(self) -> None:
        if await self._letters.roots_pending() >= self._root_limit:
            self._halted = f"{self._root_limit} events have failed: replay or discard them, then restart"
            consumer_halted.set(1)
            log.critical("the consumer has stopped: %s", self._halted)

    # -- offsets ------------------------------------------------------------------------------------------------------

    async def _commit_loop(self) -> None:
        while True:
            await asyncio.sleep(_COMMIT_EVERY)
            try:
                await self._commit(self._lanes.values())
            except Exception as error:
                # The events are settled; if another member reads them again, their marks make that harmless.
                log.warning("offsets were not committed: %s", describe(error))

    async def _commit(self, lanes: Any) -> None:
        moved = [lane for lane in lanes if lane.settled is not None and lane.settled != lane.committed]
        offsets = {lane.partition: lane.settled for lane in moved}
        if not offsets or self._kafka is None:
            return
        assignment = self._kafka.assignment()
        await self._kafka.commit({p: offset for p, offset in offsets.items() if p in assignment})
        for lane in moved:
            lane.committed = offsets[lane.partition]

    async def _close_lanes(self, lanes: Sequence[_Lane]) -> None:
        """End lanes: the handler in flight finishes, what waits is left to the next owner, the settled is committed."""
        running = []
        for lane in lanes:
            lane.closing = True
            if lane.task and not lane.task.done():
                if not lane.handling:
                    lane.task.cancel()
                running.append(lane.task)
        if running:
            _, late = await asyncio.wait(running, timeout=self._drain_seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        try:
            # While the broker is away a commit waits for it without end, and a shutdown would, too.
            async with asyncio.timeout(_COMMIT_WITHIN):
                await self._commit(lanes)
        except (KafkaError, TimeoutError) as error:
            log.warning("offsets were not committed: %s", type(error).__name__)
        for lane in lanes:
            if self._lanes.get(lane.partition) is lane:
                del self._lanes[lane.partition]

    async def revoked(self, partitions: set[TopicPartition]) -> None:
        """Partitions go to another member."""
        await self._close_lanes([lane for p, lane in self._lanes.items() if p in partitions])

    def assigned(self) -> None:
        """Partitions came, perhaps with subjects that another member parked: ask before the next event is handled."""
        self._parks_known = False

    # -- measures -----------------------------------------------------------------------------------------------------

    async def _measure_loop(self) -> None:
        while True:
            await asyncio.sleep(_MEASURE_EVERY)
            try:
                await self._letters.measure()
            except Unavailable:
                pass
            except Exception as error:  # A measure that fails must not end the others.
                log.error("dead letters were not counted: %s", describe(error))
            if self._kafka is None:
                continue
            # A topic whose last partition went to another member has no lag here.
            lag = dict.fromkeys(self._topics, 0)
            for partition in self._kafka.assignment():
                high = self._kafka.highwater(partition)
                lane = self._lanes.get(partition)
                waiting = len(lane.queue) if lane else 0
                if high is not None and lane and lane.settled is not None:
                    waiting = max(0, high - lane.settled)
                lag[partition.topic] = lag.get(partition.topic, 0) + waiting
            for topic, records in lag.items():
                consumer_lag.labels(topic).set(records)


class _DomainRefusal(Exception):
    """The domain refused a replayed event: it is done with."""


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, consumer: EventConsumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await self._consumer.revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        if assigned:
            self._consumer.assigned()


async def _leave_unread(message: Any) -> Any:
    """Parse nothing: a header that is not text would otherwise lose the whole batch before a lane sees it."""
    return KafkaMessage(raw_message=message, body=b"", consumer=None)  # type: ignore[arg-type]


async def _decode_nothing(message: Any) -> Any:
    return message.body


def _letter(record: Record, subject: str, type_name: str, reason: str) -> Letter:
    return Letter(
        park=park_of(record.topic, subject),
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        subject=subject,
        type=type_name,
        headers=headers_of_letter(record.headers),
        value=record.value or b"",
        reason=reason,
        arrived_at=datetime.now(UTC),
    )
