"""Reading a topic in batches, with a consumer group of its own: for what is many small facts and not commands.

The chassis' consumer settles events one by one. Here whole batches are settled: who handles them must know a fact that
comes again, since after a crash the batch comes again, in other company.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from entente_chassis.consumer import consumer_lag
from entente_chassis.refusal import Aborted, Unavailable

log = logging.getLogger(__name__)

Record = Any  # aiokafka's ConsumerRecord; the library is not typed.
Handle = Callable[[Sequence[Record]], Awaitable[None]]

_POLL_MS = 500
_STOPS_WITHIN = 5.0
_BACK_OFF_FROM, _BACK_OFF_TO = 0.2, 10.0


def new_consumer(bootstrap: str, group: str, instance: str, topics: Sequence[str], **more: Any) -> AIOKafkaConsumer:
    """A consumer that commits only when told, and is known by a lasting name."""
    return AIOKafkaConsumer(
        *topics,
        bootstrap_servers=bootstrap.split(","),
        group_id=group,
        group_instance_id=f"{group}-{instance}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=30_000,
        heartbeat_interval_ms=3_000,
        max_poll_interval_ms=300_000,
        **more,
    )


async def read_batches(consumer: AIOKafkaConsumer, handle: Handle, *, max_records: int) -> None:
    """Hand over what a topic brings, batch by batch, until cancelled; commit what was handled.

    Args:
        consumer: not started yet; it is stopped at the end.
        handle: returns when the batch is settled for good. ``Unavailable`` and ``Aborted`` make it wait and try again.
        max_records: of one batch.

    Raises:
        KafkaError: the broker is away at the start, or refuses.
    """
    try:
        await consumer.start()
        while True:
            batches = await consumer.getmany(timeout_ms=_POLL_MS, max_records=max_records)
            records = [record for batch in batches.values() for record in batch]
            if records:
                await until_possible(lambda records=records: handle(records))  # type: ignore[misc]
                try:
                    await consumer.commit({p: batch[-1].offset + 1 for p, batch in batches.items() if batch})
                except KafkaError as error:
                    # Another member has the partition now and reads the batch again, which changes nothing.
                    log.warning("offsets were not committed: %s", type(error).__name__)
            await _measure(consumer)
    finally:
        await stop(consumer)


async def until_possible(action: Callable[[], Awaitable[None]]) -> None:
    """Do it, waiting ever longer while the database is away."""
    wait = _BACK_OFF_FROM
    while True:
        try:
            return await action()
        except (Unavailable, Aborted) as refusal:
            log.warning("a batch waits", extra={"reason": refusal.reason})
        await asyncio.sleep(wait * random.uniform(0.5, 1.0))
        wait = min(wait * 2, _BACK_OFF_TO)


async def stop(consumer: AIOKafkaConsumer) -> None:
    """Leave the group, without waiting for a broker that is away."""
    try:
        async with asyncio.timeout(_STOPS_WITHIN):
            await consumer.stop()
    except (KafkaError, TimeoutError) as error:
        log.warning("the consumer did not end as it should: %s", type(error).__name__)


async def _measure(consumer: AIOKafkaConsumer) -> None:
    lag: dict[str, int] = {}
    for partition in consumer.assignment():
        high = consumer.highwater(partition)
        if high is not None:
            behind = max(0, high - await consumer.position(partition))
            lag[partition.topic] = lag.get(partition.topic, 0) + behind
    for topic, records in lag.items():
        consumer_lag.labels(topic).set(records)
