"""Delivers every event twice: reads each topic and writes each record into it once more, with a mark.

Run as a process of its own: python duplicator.py BOOTSTRAP COUNT_FILE
"""

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

MARK = "test-duplicate"


async def duplicate(bootstrap: str, say: Callable[[int], object]) -> None:
    """Duplicate until SIGTERM, and say how many records were written again."""
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    # Topics come into being while it runs: it looks for new ones often.
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id="duplicator",
        auto_offset_reset="earliest",
        metadata_max_age_ms=500,
        enable_auto_commit=False,
    )
    consumer.subscribe(pattern=r"^entente\..*")
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)
    await producer.start()
    await consumer.start()
    count = 0
    say(count)
    try:
        while not stopping.is_set():
            sent = []
            for partition, records in (await consumer.getmany(timeout_ms=100)).items():
                for record in records:
                    if any(name == MARK for name, _ in record.headers):
                        continue
                    headers = [*record.headers, (MARK, b"1")]
                    sent.append(
                        await producer.send(
                            partition.topic,
                            record.value,
                            key=record.key,
                            partition=partition.partition,
                            headers=headers,
                        )
                    )
            if sent:
                await asyncio.gather(*sent)
                count += len(sent)
                say(count)
    finally:
        await consumer.stop()
        await producer.stop()


if __name__ == "__main__":
    count_file = Path(sys.argv[2])
    asyncio.run(duplicate(sys.argv[1], lambda count: count_file.write_text(str(count))))
