"""The service as its own process, on a real broker and database and on real figures: what it knows survives."""

import asyncio
import csv
import gzip
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClient

from entente.campaign.v1 import events_pb2 as campaign
from entente.campaign.v1 import service_pb2 as campaign_pb
from entente.matching.v1 import service_pb2 as pb
from entente.matching.v1 import service_pb2_grpc
from entente.type.v1 import type_pb2
from entente_chassis import topics
from entente_chassis.auth import Role
from entente_chassis.testing.process import ServiceProcess, eventually, publisher
from entente_matching.adapters.creators_topic import CreatorsTopic

FIGURES = Path(__file__).parents[4] / "data" / "creators_2022_snapshots.csv.gz"
ROWS = 44
"""So many rows hold some twenty creators, and one row whose columns have slipped."""
BRIEF = pb.MatchBrief(target_audience=type_pb2.TargetAudience(countries=["BR"], interests=["music"]))


class Replica(ServiceProcess[service_pb2_grpc.MatchingServiceStub]):
    """One matching process."""

    def __init__(self, folder: Path, kafka: str, mongo: str, database: str, group: str, instance: str) -> None:
        self.snapshot = folder / f"{instance}.npz"
        super().__init__(
            "entente_matching",
            folder,
            kafka=kafka,
            mongo=mongo,
            database=database,
            stub=service_pb2_grpc.MatchingServiceStub,
            group=group,
            instance=instance,
            environment={
                "ENTENTE_INDEX_REFRESH_SECONDS": "0.2",
                # Others' creators are not this test's, on a broker that all tests use.
                "ENTENTE_CREATORS_TOPIC": f"{database}.creators.v1",
                "ENTENTE_INDEX_SNAPSHOT_FILE": str(self.snapshot),
                "ENTENTE_INDEX_SNAPSHOT_SECONDS": "0.5",
            },
        )

    async def search(self) -> pb.SearchCreatorsResponse:
        async with self.stub(Role.OPERATOR) as stub:
            return await stub.SearchCreators(pb.SearchCreatorsRequest(brief=BRIEF, page_size=100))

    async def import_figures(self) -> pb.ImportCreatorsResponse:
        async with self.stub(Role.OPERATOR) as stub:
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
        await replica.kill()


async def test_an_import_survives_a_kill_and_is_found_by_every_replica(replicas: Callable[[str], Replica]) -> None:
    one, other = replicas("one"), replicas("other")
    await asyncio.gather(one.start(), other.start())
    result = await one.import_figures()
    assert (result.rows, result.accepted_rows, result.set_aside_values) == (ROWS, ROWS, 1)
    assert [(reject.row, reject.column, reject.value) for reject in result.rejects] == [(24, "audience_country", "0")]
    before = known(await one.search())
    assert len(before) == result.created > 15

    async def other_has_found_them() -> bool:
        return known(await other.search()) == before

    await eventually(other_has_found_them)

    await one.restart()
    assert known(await one.search()) == before
    again = await one.import_figures()
    assert (again.created, again.updated, again.unchanged) == (0, 0, result.created)


async def test_a_rating_that_is_delivered_twice_counts_once_and_reaches_the_search(
    replicas: Callable[[str], Replica], kafka_bootstrap: str
) -> None:
    replica = replicas("one")
    await replica.start()
    id = uuid.uuid4().hex
    async with replica.stub(Role.OPERATOR) as stub:
        await stub.RegisterCreator(pb.RegisterCreatorRequest(creator_id=id, display_name="Ānna", categories=["music"]))
    first = (await replica.search()).matches[0]
    reference = campaign.CollaborationRef(
        collaboration=f"campaigns/{uuid.uuid4().hex}/collaborations/{id}", creator=f"creators/{id}"
    )
    ratings = campaign_pb.Ratings(
        audience_relevance=1, content_quality=1, engagement=1, professionalism=1, deadlines=1, transparency=1
    )
    message = campaign.CollaborationRated(ref=reference, ratings=ratings)
    async with publisher(kafka_bootstrap, time=datetime(2026, 3, 1, tzinfo=UTC)) as publish:
        for _ in range(2):
            await publish(topics.events("campaign"), message, reference.collaboration, n=4)

    async def has_fallen() -> bool:
        return (await replica.search()).matches[0].fit.score_hundredths < first.fit.score_hundredths

    await eventually(has_fallen)
    async with replica.stub(Role.OPERATOR) as stub:
        creator = await stub.GetCreator(pb.GetCreatorRequest(name=first.creator))
    assert (creator.past_performance.rated, creator.past_performance.rating) == (1, 1.0)


async def test_a_change_whose_publication_a_kill_prevented_reaches_the_topic_and_every_index(
    replicas: Callable[[str], Replica], kafka_bootstrap: str, mongo_uri: str, database_name: str
) -> None:
    one = replicas("one")
    await one.start()
    await one.import_figures()
    before = known(await one.search())
    await eventually(lambda: _exists(one.snapshot))
    await one.kill()
    # What a process leaves that died between the document and the topic: a document that the topic knows nothing of.
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(mongo_uri)
    try:
        collection = client[database_name]["creators"]
        some = await collection.find_one({})
        assert some is not None
        lost = "creators/lost"
        await collection.insert_one(some | {"_id": lost, "state": some["state"] | {"changed_at": datetime.now(UTC)}})
    finally:
        client.close()
    await one.restart()

    async def is_found() -> bool:
        return lost in {name for name, _, _ in known(await one.search())}

    await eventually(is_found)
    assert {name for name, _, _ in known(await one.search())} == {name for name, _, _ in before} | {lost}

    async def is_on_topic() -> bool:
        topic = CreatorsTopic(kafka_bootstrap, f"{database_name}.creators.v1", no_publication)
        names = set()
        async for heard in topic.follow({}):
            names |= {state.creator for state in heard.states}
            if heard.caught_up:
                break
        return lost in names

    await eventually(is_on_topic)


async def test_what_one_replica_writes_the_other_finds_within_a_second(replicas: Callable[[str], Replica]) -> None:
    one, other = replicas("one"), replicas("other")
    await asyncio.gather(one.start(), other.start())
    # Loaded, both of them.
    await asyncio.gather(one.search(), other.search())
    delays = []
    request = pb.SearchCreatorsRequest(skip_facets=True, page_size=100)
    for number in range(5):
        async with one.stub(Role.OPERATOR) as stub:
            await stub.RegisterCreator(pb.RegisterCreatorRequest(creator_id=f"new{number}", display_name="Ānna"))
        began = time.monotonic()
        async with other.stub(Role.OPERATOR) as stub:
            while f"creators/new{number}" not in {m.creator for m in (await stub.SearchCreators(request)).matches}:
                assert time.monotonic() - began < 10
        delays.append(time.monotonic() - began)
    assert sorted(delays)[2] <= 1.0


async def no_publication(*given: object, **named: object) -> None:
    """Nothing is published by who only reads."""
    raise AssertionError("a reader publishes nothing")


async def _exists(path: Path) -> bool:
    return path.exists()
