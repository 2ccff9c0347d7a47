"""The service as its own process, on a real broker and database and on real figures: what it knows survives."""

import asyncio
import contextlib
import csv
import gzip
import os
import signal
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from entente.campaign.v1 import events_pb2 as campaign
from entente.campaign.v1 import service_pb2 as campaign_pb
from entente.matching.v1 import service_pb2 as pb
from entente.matching.v1 import service_pb2_grpc
from entente.type.v1 import type_pb2
from entente_chassis import topics
from entente_chassis.auth import Role, Signer, make_keys
from entente_chassis.bus import Bus, make_broker
from entente_chassis.relay import Relay
from entente_chassis.rpc import open_channel
from entente_chassis.store import Outgoing

PROGRAM = Path(__file__).with_name("matching_process.py")
FIGURES = Path(__file__).parents[4] / "data" / "creators_2022_snapshots.csv.gz"
ROWS = 44
"""So many rows hold some twenty creators, and one row whose columns have slipped."""
BRIEF = pb.MatchBrief(target_audience=type_pb2.TargetAudience(countries=["BR"], interests=["music"]))


async def eventually(holds: Callable[[], Awaitable[bool]], within: float = 60.0) -> None:
    async with asyncio.timeout(within):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Replica:
    """One matching process, which can be killed and started again where it was."""

    def __init__(self, folder: Path, kafka: str, mongo: str, database: str, group: str, instance: str) -> None:
        self.ports = {name: free_port() for name in ("grpc", "metrics")}
        self.log = folder / f"{instance}.log"
        if not (folder / "jwks.json").exists():
            make_keys(folder / "signing.pem", folder / "jwks.json")
        self.signer = Signer(folder / "signing.pem", "entente", "entente")
        self.environment = {
            "ENTENTE_KAFKA_BOOTSTRAP": kafka,
            "ENTENTE_MONGO_URI": mongo,
            "ENTENTE_DATABASE": database,
            "ENTENTE_GRPC_BIND": f"127.0.0.1:{self.ports['grpc']}",
            "ENTENTE_METRICS_BIND": f"127.0.0.1:{self.ports['metrics']}",
            "ENTENTE_AUTH_JWKS": str(folder / "jwks.json"),
            "ENTENTE_INSTANCE": instance,
            "ENTENTE_TOPIC_REPLICATION": "1",
            "ENTENTE_TOPIC_PARTITIONS": "6",
            "ENTENTE_INDEX_REFRESH_SECONDS": "0.2",
            "TEST_SERVICE": group,
        }
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            inherited = {name: value for name, value in os.environ.items() if not name.startswith("ENTENTE_")}
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, str(PROGRAM), stdout=log, stderr=log, env=inherited | self.environment
            )
        await eventually(self.is_ready)

    async def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, self.log.read_text()[-2000:]
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"http://127.0.0.1:{self.ports['metrics']}/healthz/ready")
                return answer.status_code == 200
        return False

    async def stop(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)
            await self.process.wait()

    @contextlib.asynccontextmanager
    async def stub(self) -> AsyncIterator[service_pb2_grpc.MatchingServiceStub]:
        token = self.signer.issue("accounts/test", [Role.OPERATOR])
        channel = open_channel(f"127.0.0.1:{self.ports['grpc']}", token=lambda: token)
        try:
            yield service_pb2_grpc.MatchingServiceStub(channel)
        finally:
            await channel.close()

    async def search(self) -> pb.SearchCreatorsResponse:
        async with self.stub() as stub:
            return await stub.SearchCreators(pb.SearchCreatorsRequest(brief=BRIEF, page_size=100))

    async def import_figures(self) -> pb.ImportCreatorsResponse:
        async with self.stub() as stub:
            return await stub.ImportCreators(figures())


def figures() -> Iterator[pb.ImportCreatorsRequest]:
    """The first rows of the real figures."""
    with gzip.open(FIGURES, "rt", encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        yield pb.ImportCreatorsRequest(columns=next(rows))
        for number, values in zip(range(2, ROWS + 2), rows, strict=False):
            yield pb.ImportCreatorsRequest(rows=[pb.ImportRow(row=number, values=values)])


def known(found: pb.SearchCreatorsResponse) -> set[tuple[str, int, str]]:
    # Not the scores: on a broker that other tests have used, there are ratings of these creators.
    return {(match.creator, match.followers, match.main_audience_country) for match in found.matches}


@pytest.fixture
async def replicas(
    tmp_path: Path, kafka_bootstrap: str, mongo_uri: str, database_name: str
) -> AsyncIterator[Callable[[str], Replica]]:
    """Makes replicas of one service; they are killed at the end."""
    made: list[Replica] = []
    group = f"matching-{uuid.uuid4().hex[:12]}"

    def make(instance: str) -> Replica:
        made.append(Replica(tmp_path, kafka_bootstrap, mongo_uri, database_name, group, instance))
        return made[-1]

    yield make
    for replica in made:
        await replica.stop(signal.SIGKILL)


async def test_an_import_survives_a_kill_and_is_found_by_every_replica(replicas: Callable[[str], Replica]) -> None:
    one, other = replicas("one"), replicas("other")
    await asyncio.gather(one.start(), other.start())
    result = await one.import_figures()
    assert (result.rows, result.accepted_rows, result.rejected_rows) == (ROWS, ROWS - 1, 1)
    assert [(reject.row, reject.column, reject.value) for reject in result.rejects] == [(24, "audience_country", "0")]
    before = known(await one.search())
    assert len(before) == result.created > 15

    async def other_has_found_them() -> bool:
        return known(await other.search()) == before

    await eventually(other_has_found_them)

    await one.stop(signal.SIGKILL)
    await one.start()
    assert known(await one.search()) == before
    again = await one.import_figures()
    assert (again.created, again.updated, again.unchanged) == (0, 0, result.created)


async def test_a_rating_that_is_delivered_twice_counts_once_and_reaches_the_search(
    replicas: Callable[[str], Replica], kafka_bootstrap: str
) -> None:
    replica = replicas("one")
    await replica.start()
    id = uuid.uuid4().hex
    async with replica.stub() as stub:
        await stub.RegisterCreator(pb.RegisterCreatorRequest(creator_id=id, display_name="Ānna", categories=["music"]))
    first = (await replica.search()).matches[0]
    reference = campaign.CollaborationRef(
        collaboration=f"campaigns/{uuid.uuid4().hex}/collaborations/{id}", creator=f"creators/{id}"
    )
    ratings = campaign_pb.Ratings(
        audience_relevance=1, content_quality=1, engagement=1, professionalism=1, deadlines=1, transparency=1
    )
    broker = make_broker(kafka_bootstrap, "test")
    await broker.connect()
    relay = Relay("test", Bus(broker).send)
    message = campaign.CollaborationRated(ref=reference, ratings=ratings)
    event = Outgoing(
        topic=topics.events("campaign"),
        subject=reference.collaboration,
        epoch=0,
        n=4,
        id=f"{reference.collaboration}:0:4",
        type=message.DESCRIPTOR.full_name,
        data=message.SerializeToString(),
        time=datetime(2026, 3, 1, tzinfo=UTC),
        traceparent="",
    )
    try:
        await relay.publish(event)
        await relay.publish(event)
    finally:
        await broker.stop()

    async def has_fallen() -> bool:
        return (await replica.search()).matches[0].fit.score_hundredths < first.fit.score_hundredths

    await eventually(has_fallen)
    async with replica.stub() as stub:
        creator = await stub.GetCreator(pb.GetCreatorRequest(name=first.creator))
    assert (creator.past_performance.rated, creator.past_performance.rating) == (1, 1.0)
