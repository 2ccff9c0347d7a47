"""A stack of one's own, for real: started, killed, healed, stopped, started again with its data."""

from pathlib import Path

import pymongo
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from entente_stack import processes
from entente_stack.paths import Paths, default_paths
from entente_stack.stack import KAFKA_VARIABLE, MONGO_VARIABLE, Stack


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.delenv(KAFKA_VARIABLE, raising=False)
    monkeypatch.delenv(MONGO_VARIABLE, raising=False)
    return Stack(Paths(tmp_path, shared_jars=default_paths().jars))


async def test_data_outlives_a_kill_and_a_stop(stack: Stack) -> None:
    try:
        first = stack.up(parts=())
        admin = AIOKafkaAdminClient(bootstrap_servers=first.kafka)
        await admin.start()
        await admin.create_topics([NewTopic("kept", 1, 1)])
        await admin.close()
        producer = AIOKafkaProducer(bootstrap_servers=first.kafka)
        await producer.start()
        await producer.send_and_wait("kept", b"value")
        await producer.stop()
        with pymongo.MongoClient[dict[str, object]](first.mongo) as client:
            client["kept"]["documents"].insert_one({"_id": "one"})

        processes.kill(stack.process("kafka"))
        processes.kill(stack.process("mongo"))
        assert stack.up(parts=()) == first, "they come back where they were"
        assert set(stack.down()) == {"kafka", "mongo"}
        assert stack.processes() == []

        again = stack.up(parts=())
        consumer = AIOKafkaConsumer("kept", bootstrap_servers=again.kafka, auto_offset_reset="earliest")
        await consumer.start()
        assert (await consumer.getone()).value == b"value"
        await consumer.stop()
        with pymongo.MongoClient[dict[str, object]](again.mongo) as client:
            assert client["kept"]["documents"].count_documents({}) == 1
    finally:
        stack.down()
