"""What the broker holds: topics, and how far they are written."""

from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from entente_cli.errors import CommandError

PREFIX = "entente."


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Args:
        name: its name.
        partitions: how many it has.
        written: records ever written: the sum of its end offsets.
    """

    name: str
    partitions: int
    written: int


async def topics(bootstrap: str) -> list[Topic]:
    """The topics of Entente, by name.

    Raises:
        CommandError: no broker answers.
    """
    consumer, admin = AIOKafkaConsumer(bootstrap_servers=bootstrap), AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await consumer.start()
        await admin.start()
        ends = await end_offsets(consumer, admin)
        by_name: dict[str, list[int]] = {}
        for partition, end in ends.items():
            by_name.setdefault(partition.topic, []).append(end)
        return [Topic(name, len(offsets), sum(offsets)) for name, offsets in sorted(by_name.items())]
    except KafkaError as error:
        raise CommandError(
            f"Kafka at {bootstrap} does not answer ({error}). `entente status` says what runs."
        ) from error
    finally:
        await admin.close()
        await consumer.stop()


async def end_offsets(consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> dict[TopicPartition, int]:
    """How far every partition of Entente's topics is written."""
    names = [name for name in await admin.list_topics() if name.startswith(PREFIX)]
    partitions = [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in await admin.describe_topics(names)
        for partition in topic["partitions"]
    ]
    return dict(await consumer.end_offsets(partitions)) if partitions else {}
