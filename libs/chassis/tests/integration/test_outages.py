"""A whole service as a process: told to stop in mid-handler, killed, and with its database away in mid-stream."""

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from google.protobuf.wrappers_pb2 import Int64Value

from entente_chassis import topics
from entente_chassis.auth import make_keys
from entente_chassis.bus import Bus, make_broker
from entente_chassis.store.mongo import open_client
from entente_stack import mongo, ports, processes

SAMPLE = Path(__file__).with_name("sample_service.py")


@dataclass
class Sample:
    """A running sample service."""

    process: asyncio.subprocess.Process
    operations: str

    async def until_it_hears(self, value: int) -> None:
        """Wait until its handler has begun on a value."""
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            while (await self.process.stdout.readline()).decode().strip() != f"hearing {value}":
                pass

    async def status(self, probe: str) -> int:
        """The HTTP status of a health probe."""
        async with httpx.AsyncClient() as client:
            return (await client.get(f"http://{self.operations}/healthz/{probe}")).status_code


@dataclass
class World:
    bootstrap: str
    mongo_uri: str
    folder: Path
    name: str
    topic: str

    @asynccontextmanager
    async def sample(self, *, seconds: float) -> AsyncIterator[Sample]:
        """Start it, wait until it is ready, and make sure that it is gone at the end."""
        operations = f"127.0.0.1:{ports.pick()}"
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ENTENTE_")},
            "ENTENTE_KAFKA_BOOTSTRAP": self.bootstrap,
            "ENTENTE_MONGO_URI": self.mongo_uri,
            "ENTENTE_METRICS_BIND": operations,
            "ENTENTE_AUTH_JWKS": str(self.folder / "jwks.json"),
            "ENTENTE_INSTANCE": "sample",
            "ENTENTE_TOPIC_PARTITIONS": "2",
            "ENTENTE_TOPIC_REPLICATION": "1",
            "SAMPLE_NAME": self.name,
            "SAMPLE_TOPIC": self.topic,
            "SAMPLE_SECONDS": str(seconds),
        }
        log = (self.folder / "sample.log").open("ab")
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(SAMPLE), env=environment, stdout=asyncio.subprocess.PIPE, stderr=log
        )
        log.close()
        sample = Sample(process, operations)
        try:
            await eventually(lambda: self._answers(sample, 200))
            yield sample
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def _answers(self, sample: Sample, status: int) -> bool:
        assert sample.process.returncode is None, (self.folder / "sample.log").read_text()
        try:
            return await sample.status("ready") == status
        except httpx.TransportError:
            return False

    async def send(self, *values: int) -> None:
        """Publish events of one subject."""
        broker = make_broker(self.bootstrap, "by-hand")
        await broker.connect()
        for n in values:
            headers = {
                "ce_id": f"things/a:0:{n}",
                "ce_type": "google.protobuf.Int64Value",
                "ce_source": "test",
                "ce_subject": "things/a",
                "ce_time": datetime.now(UTC).isoformat(),
                "ce_sequence": f"0:{n}",
            }
            await Bus(broker).send(self.topic, b"things/a", Int64Value(value=n).SerializeToString(), headers)
        await broker.stop()

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


async def eventually(holds: Callable[[], Awaitable[bool]], within: float = 40.0) -> None:
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110 - what is waited for lives in another process
            await asyncio.sleep(0.1)


@pytest.fixture
async def world(kafka_bootstrap: str, mongo_uri: str, tmp_path: Path) -> AsyncIterator[World]:
    name = f"sample-{uuid.uuid4().hex[:8]}"
    make_keys(tmp_path / "key.pem", tmp_path / "jwks.json")
    yield World(kafka_bootstrap, mongo_uri, tmp_path, name, topics.events(name))
    client = open_client(mongo_uri)
    await client.drop_database(f"entente_{name}")
    client.close()


async def test_sigterm_lets_the_handler_in_flight_finish_and_leaves_the_rest_to_the_next_process(world: World) -> None:
    async with world.sample(seconds=1.5) as sample:
        await world.send(1, 2)
        await sample.until_it_hears(1)
        sample.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            assert await sample.process.wait() == 0
        assert await world.heard() == [1]
        assert await world.committed() == 1
    async with world.sample(seconds=0):
        await eventually(lambda: _is(world.heard(), [1, 2]))


async def test_a_kill_in_mid_handler_loses_nothing_and_repeats_no_effect(world: World) -> None:
    async with world.sample(seconds=1) as sample:
        await world.send(1, 2, 3)
        await sample.until_it_hears(2)
        sample.process.kill()
        await sample.process.wait()
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
            assert sample.process.returncode is None
            assert await sample.status("live") == 200
            database = mongo.start(data, log, port=port)
            mongo.wait(database)
            await away.send(*range(41, 61))
            await eventually(lambda: _is(away.heard(), list(range(1, 61))))
    finally:
        processes.kill(database)


async def _is(value: Awaitable[Any], wanted: object) -> bool:
    return bool(await value == wanted)
