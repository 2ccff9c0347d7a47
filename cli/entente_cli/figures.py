"""What the whole suite holds, read from where it is held: metrics, topics, consumer groups, mails, spans."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client.parser import text_string_to_metric_families

from entente_cli.kafka import end_offsets
from entente_cli.patience import observed
from entente_stack.services import SERVICES, Suite

# What a service reads in batches, beside its events.
_FURTHER_GROUPS = {"analytics": ("entente-analytics-clicks",)}


def total(metrics: str, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(metrics)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def suite_total(suite: Suite, name: str, **labels: str) -> int:
    """The sum of a metric over all services."""
    return round(sum(total(suite.metrics(service), name, **labels) for service in SERVICES))


class Broker:
    """Looks at Kafka from outside. Use it as an async context manager.

    Args:
        bootstrap: its address.
    """

    def __init__(self, bootstrap: str) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
        self._admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)

    async def __aenter__(self) -> "Broker":
        await self._consumer.start()
        await self._admin.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._admin.close()
        await self._consumer.stop()

    async def ends(self) -> dict[TopicPartition, int]:
        """How far every partition of Entente's topics is written."""
        return await end_offsets(self._consumer, self._admin)

    async def unread(self, services: Iterable[str] = SERVICES) -> dict[str, int]:
        """Records that a service consumes and has not settled yet, by service; only those that have some."""
        ends = await self.ends()
        waiting: dict[str, int] = {}
        for service in services:
            committed: dict[TopicPartition, Any] = {}
            for group in (f"entente-{service}", *_FURTHER_GROUPS.get(service, ())):
                committed |= await self._admin.list_consumer_group_offsets(group)
            topics = {partition.topic for partition in committed}
            lag = sum(
                end - max(committed[partition].offset if partition in committed else 0, 0)
                for partition, end in ends.items()
                if partition.topic in topics
            )
            if lag:
                waiting[service] = lag
        return waiting

    async def settled(self, suite: Suite, *, seconds: float = 60) -> None:
        """Wait until nothing is unread, nothing unpublished, and both stay so for a moment."""
        seen: list[Mapping[TopicPartition, int]] = []

        async def busy() -> str:
            ends = await self.ends()
            unread = await self.unread()
            unpublished = [
                service
                for service in SERVICES
                if total(await asyncio.to_thread(suite.metrics, service), "entente_outbox_oldest_pending_seconds") > 0
            ]
            seen.append(ends)
            if unread or unpublished:
                return f"unread {unread}, unpublished at {unpublished}"
            return "" if len(seen) > 3 and seen[-1] == seen[-4] else "it has just become quiet"

        await observed("everything to be published and read", busy, lambda reason: not reason, seconds=seconds)
