"""A whole service as a process: told to stop in mid-handler, killed, and with its database away in mid-stream."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from google.protobuf.wrappers_pb2 import Int64Value

from entente_chassis import topics
from entente_chassis.store.mongo import open_client
from entente_chassis.testing.process import ServiceProcess, eventually, publisher
from entente_stack import mongo, ports, processes

SAMPLE = Path(__file__).with_name("sample_service.py")


class Sample(ServiceProcess[None]):
    """The sample service as a process; nobody calls it."""

    async def until_it_hears(self, value: int) -> None:
        """Wait until its handler has begun on a value."""
        line = f"hearing {value}"

        async def it_hears() -> bool:
            return line in self.log.read_text().splitlines()

        await eventually(it_hears, 30)


@dataclass
class World:
    bootstrap: str
    mongo_uri: str
    folder: Path
    name: str
    topic: str

    def sample(self, *, seconds: float) -> Sample:
        """A sample service that takes so long for each event."""
        return Sample(
            SAMPLE,
            self.folder,
            kafka=self.bootstrap,
            mongo=self.mongo_uri,
            database=f"entente_{self.name}",
            stub=lambda _: None,
            group=self.name,
            environment={
                "ENTENTE_TOPIC_PARTITIONS": "2",
                "SAMPLE_TOPIC": self.topic,
                "SAMPLE_SECONDS": str(seconds),
            },
        )

    async def send(self, *values: int) -> None:
        """Publish events of one subject."""
        async with publisher(self.bootstrap) as publish:
            for n in values:
                await publish(self.topic, Int64Value(value=n), "things/a", n=n)

    async def heard(self) -> list[int]:
        """What the service has in its database."""
        client = open_client(self.mongo_uri)
        try:
            document = await client[f"entente_{self.name}"]["heard"].find_one({"_id": "things/a"})
            return document["state"]["values"] if document else []
        finally:
            client.close()

    async def committed(self) -> int:
        """How many events the group has put behind it."""
        probe: Any = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, group_id=f"entente-{self.name}", enable_auto_commit=False
        )
        await probe.start()
        try:
            return sum([await probe.committed(TopicPartition(self.topic, p)) or 0 for p in range(2)])
        finally:
            await probe.stop()


@pytest.fixture
async def world(kafka_bootstrap: str, mongo_uri: str, tmp_path: Path) -> AsyncIterator[World]:
    name = f"sample-{uuid.uuid4().hex[:8]}"
    yield World(kafka_bootstrap, mongo_uri, tmp_path, name, topics.events(name))
    client = open_client(mongo_uri)
    await client.drop_database(f"entente_{name}")
    client.close()


async def test_sigterm_lets_the_handler_in_flight_finish_and_leaves_the_rest_to_the_next_process(world: World) -> None:
    async with world.sample(seconds=1.5) as sample:
        await world.send(1, 2)
        await sample.until_it_hears(1)
        async with asyncio.timeout(20):
            assert await sample.terminate() == 0
        assert await world.heard() == [1]
        assert await world.committed() == 1
    async with world.sample(seconds=0):
        await eventually(lambda: _is(world.heard(), [1, 2]))


async def test_a_kill_in_mid_handler_loses_nothing_and_repeats_no_effect(world: World) -> None:
    async with world.sample(seconds=1) as sample:
        await world.send(1, 2, 3)
        await sample.until_it_hears(2)
        await sample.kill()
    async with world.sample(seconds=0):
        await eventually(lambda: _is(world.heard(), [1, 2, 3]))


async def test_a_database_that_is_away_for_20_seconds_in_mid_stream_costs_no_event(
    world: World, tmp_path: Path
) -> None:
    port = ports.pick()
    data, log = tmp_path / "mongo", tmp_path / "mongo.log"
    database = mongo.start(data, log, port=port)
    mongo.wait(database)
    away = World(world.bootstrap, mongo.uri(port), world.folder, world.name, world.topic)
    try:
        async with away.sample(seconds=0.05) as sample:
            await away.send(*range(1, 41))
            await sample.until_it_hears(5)
            processes.kill(database)
            await asyncio.sleep(20)
            assert await sample.health("live") == 200
            database = mongo.start(data, log, port=port)
            mongo.wait(database)
            await away.send(*range(41, 61))
            await eventually(lambda: _is(away.heard(), list(range(1, 61))))
    finally:
        processes.kill(database)


async def _is(value: Awaitable[Any], wanted: object) -> bool:
    return bool(await value == wanted)
