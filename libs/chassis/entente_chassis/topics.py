"""Names and settings of topics. A topic's name says whose it is and what it holds, so both ends derive it."""

from collections.abc import Iterable

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

_EVENTS_RETENTION_MS = 14 * 24 * 3600 * 1000
_TOMBSTONE_RETENTION_MS = 7 * 24 * 3600 * 1000


def events(service: str) -> str:
    """The topic of a service's domain events."""
    return f"entente.{service}.events.v1"


def snapshots(service: str, states: str) -> str:
    """The compacted topic of a state that other services copy."""
    return f"entente.{service}.{states}.v1"


def stream(service: str, facts: str) -> str:
    """The topic of a flow of facts that are no aggregate's events, such as clicks."""
    return f"entente.{service}.{facts}.stream.v1"


def is_compacted(topic: str) -> bool:
    """Whether a topic keeps the last record of each key rather than a span of time."""
    return not topic.endswith((".events.v1", ".stream.v1"))


def topic_settings(topic: str, replication: int) -> dict[str, str]:
    """The broker's settings of a topic."""
    common = {"min.insync.replicas": "2" if replication > 2 else "1"}
    if is_compacted(topic):
        return common | {"cleanup.policy": "compact", "delete.retention.ms": str(_TOMBSTONE_RETENTION_MS)}
    return common | {"cleanup.policy": "delete", "retention.ms": str(_EVENTS_RETENTION_MS)}


async def ensure_topics(bootstrap: str, names: Iterable[str], *, partitions: int, replication: int) -> None:
    """Create the topics that are missing. Existing ones are left alone: growing a topic moves keys between partitions.

    Raises:
        KafkaError: the broker refused a topic for another reason than that it exists.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        missing = sorted(set(names) - set(await admin.list_topics()))
        if not missing:
            return
        response = await admin.create_topics(
            [
                NewTopic(
                    name=name,
                    num_partitions=partitions,
                    replication_factor=replication,
                    topic_configs=topic_settings(name, replication),
                )
                for name in missing
            ]
        )
        for name, code, *message in response.topic_errors:
            error = for_code(code)
            if code and not issubclass(error, TopicAlreadyExistsError):
                raise error(f"topic {name}: {message}")
    finally:
        await admin.close()
