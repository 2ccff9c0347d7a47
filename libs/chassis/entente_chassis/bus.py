"""The way to the broker: one FastStream broker for all that a service sends and receives."""

import asyncio
import logging

from aiokafka.errors import KafkaError
from faststream.kafka import KafkaBroker

from entente_chassis.refusal import Unavailable

_ACKNOWLEDGED_WITHIN = 10.0


def make_broker(bootstrap: str, client_id: str) -> KafkaBroker:
    """A broker whose producer waits for all replicas.

    Kafka's idempotent producer is left off: in aiokafka one record that the broker refuses leaves a gap in the numbers
    of its partition, and every later record of that partition is refused until the process ends. Nothing here needs it:
    an event is sent when the one before it is acknowledged, and whoever consumes it knows a repetition.
    """
    return KafkaBroker(
        bootstrap.split(","),
        client_id=client_id,
        acks="all",
        linger_ms=0,
        logger=logging.getLogger("faststream.entente"),
        log_level=logging.DEBUG,
        graceful_timeout=None,
    )


class Bus:
    """Sends records and waits for the broker's acknowledgement."""

    def __init__(self, broker: KafkaBroker) -> None:
        self._broker = broker

    async def send(self, topic: str, key: bytes, value: bytes, headers: dict[str, str]) -> None:
        """Send one record.

        Raises:
            Unavailable: the broker did not acknowledge it in time. It may arrive all the same.
        """
        try:
            async with asyncio.timeout(_ACKNOWLEDGED_WITHIN):
                await self._broker.publish(value, topic=topic, key=key, headers=headers)
        except (KafkaError, TimeoutError) as error:
            raise Unavailable("BROKER_UNAVAILABLE", "The broker does not acknowledge: try again shortly.") from error
