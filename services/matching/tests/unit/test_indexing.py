"""The index's ways in: a creator is the same from the database, from the topic and from the index's own file."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from entente.matching.v1.events_pb2 import CreatorState
from entente_chassis.clock import ManualClock
from entente_chassis.refusal import Unavailable
from entente_chassis.store import Change, MemoryAggregates, Outcome
from entente_chassis.testing.process import eventually
from entente_matching.adapters.creators_topic import MemoryTopic
from entente_matching.adapters.kinds import CREATORS, FEEDBACK
from entente_matching.adapters.reference import load_reference
from entente_matching.adapters.states import profiles_of_state, state_message
from entente_matching.application.indexing import Indexer
from entente_matching.application.ports import Heard
from entente_matching.application.search import Query, SearchIndex, snapshot
from entente_matching.domain.creators import Account, Audience, Creator, Share, Snapshot
from entente_matching.domain.filters import CreatorFilter
from entente_matching.domain.fit import Brief, Target, score
from entente_matching.domain.profiles import profiles_of
from entente_matching.domain.reference import Reference
from entente_matching.domain.words import Platform


def _percent(number: int) -> float:
    return number / 100


NOW = datetime(2026, 3, 1, tzinfo=UTC)
BRIEF = Brief(Target(countries=("FR",), ages=("18-24",)), categories=("beauty",))
shares = st.lists(st.sampled_from(["FR", "IT", "LV"]), unique=True, max_size=3).flatmap(
    lambda codes: st.tuples(
        *(st.builds(Share, st.just(code), st.integers(0, 30).map(lambda n: n / 100)) for code in codes)
    )
)
accounts = st.builds(
    Account,
    platform=st.sampled_from([Platform.INSTAGRAM, Platform.YOUTUBE]),
    handle=st.sampled_from(["", "anna", "Ānna.o"]),
    audience=st.builds(Audience, countries=shares, ages=st.just((Share("18-24"),))),
    history=st.lists(
        st.builds(
            Snapshot,
            at=st.just(NOW),
            figures=st.fixed_dictionaries(
                {"followers": st.integers(0, 10**7).map(float), "average_likes": st.integers(0, 10**5).map(float)},
                optional={"average_comments": st.just(10.0), "average_views": st.just(1e6)},
            ),
        ),
        max_size=1,
    ).map(tuple),
)
creators = st.builds(
    Creator,
    display_name=st.sampled_from(["Ānna", "Łukasz"]),
    created_at=st.just(NOW),
    updated_at=st.just(NOW),
    changed_at=st.just(NOW),
    country=st.sampled_from(["", "FR"]),
    categories=st.sampled_from([(), ("beauty",), ("art", "beauty")]),
    verified=st.booleans(),
    accounts=st.lists(accounts, unique_by=lambda account: account.platform, max_size=2).map(tuple),
)


@settings(max_examples=60)
@given(creators)
def test_a_creator_is_the_same_through_the_topic(creator: Creator) -> None:
    reference = load_reference()
    found = Outcome("creators/a", creator, 3)
    state = CreatorState.FromString(state_message(found, reference).SerializeToString())
    ours, theirs = profiles_of_state(state, None, reference), profiles_of("creators/a", creator, None, reference)
    assert [score(profile, BRIEF) for profile in ours] == [score(profile, BRIEF) for profile in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert (one.followers, one.engagement_rate, one.tier, one.texts) == (
            other.followers,
            other.engagement_rate,
            other.tier,
            other.texts,
        )


class FailingTopic(MemoryTopic):
    """A topic whose broker is away now and then."""

    away = False

    async def publish(self, states: Sequence[Message]) -> None:
        if self.away:
            raise Unavailable("BROKER_UNAVAILABLE", "away")
        await super().publish(states)


class Setting:
    """Creators in memory, and indexers that follow them."""

    def __init__(self, reference: Reference, folder: Path) -> None:
        self.machine = ManualClock(NOW)
        self.creators = MemoryAggregates(CREATORS, self.machine)
        self.feedback = MemoryAggregates(FEEDBACK, self.machine)
        self.reference = reference
        self.published: list[tuple[str, int]] = []
        self.topic = FailingTopic("creators", self._publish)
        self.file = folder / "index.npz"

    async def _publish(self, topic: str, message: CreatorState, **named: object) -> None:
        self.published.append((message.creator, message.version))

    def indexer(self, *, file: bool = False) -> Indexer:
        return Indexer(
            self.creators,
            self.feedback,
            self.reference,
            self.machine,
            every=0.01,
            states=self.topic,
            state_of=state_message,
            profiles_of_state=profiles_of_state,
            snapshot=self.file if file else None,
        )

    async def write(self, name: str, country: str = "FR") -> Outcome[Creator]:
        creator = Creator(name, NOW, NOW, self.machine.now(), country=country)
        return await self.creators.change(f"creators/{name}", lambda existing: Change(creator))


@pytest.fixture
def setting(reference: Reference, tmp_path: Path) -> Setting:
    return Setting(reference, tmp_path)


def names(index: SearchIndex) -> set[str]:
    return {hit.creator.removeprefix("creators/") for hit in index.search(Query(limit=1000)).hits}


async def until(condition: Callable[[], object]) -> None:
    async def holds() -> bool:
        return bool(condition())

    await eventually(holds)


async def test_what_the_topic_lacks_is_published_when_the_index_starts(setting: Setting) -> None:
    await setting.write("a")
    await setting.write("b")
    indexer = setting.indexer()
    running = asyncio.create_task(indexer.run())
    await indexer.until_loaded()
    assert names(indexer.index) == {"a", "b"}
    await until(lambda: set(setting.published) == {("creators/a", 1), ("creators/b", 1)})
    running.cancel()


async def test_a_write_made_while_the_broker_is_away_is_found_here_at_once_and_there_when_it_is_back(
    setting: Setting,
) -> None:
    one, other = setting.indexer(), setting.indexer()
    tasks = [asyncio.create_task(each.run()) for each in (one, other)]
    await asyncio.gather(one.until_loaded(), other.until_loaded())
    setting.topic.away = True
    await one.take([await setting.write("a")])
    assert names(one.index) == {"a"}
    assert not setting.published
    setting.topic.away = False
    await until(lambda: names(other.index) == {"a"} and setting.published)
    for task in tasks:
        task.cancel()


async def test_an_index_from_its_file_hears_only_what_came_since(setting: Setting) -> None:
    one = setting.indexer(file=True)
    running = asyncio.create_task(one.run())
    await one.until_loaded()
    await one.take([await setting.write(name) for name in ("a", "b")])
    await until(lambda: len(setting.published) == 2 and not one._ahead)
    await one.save()
    running.cancel()
    await setting.topic.publish([state_message(await setting.write("c"), setting.reference)])
    heard: list[Mapping[int, int]] = []
    follow = setting.topic.follow

    def follow_and_tell(since: Mapping[int, int]) -> AsyncIterator[Heard]:
        heard.append(dict(since))
        return follow(since)

    setting.topic.follow = follow_and_tell  # type: ignore[method-assign]
    again = setting.indexer(file=True)
    running = asyncio.create_task(again.run())
    await again.until_loaded()
    await until(lambda: names(again.index) == {"a", "b", "c"})
    assert heard == [{0: 2}]
    running.cancel()


async def test_an_older_state_that_comes_late_is_put_right_on_the_topic(setting: Setting) -> None:
    old = state_message(await setting.write("a", "FR"), setting.reference)
    new = state_message(await setting.write("a", "IT"), setting.reference)
    indexer = setting.indexer()
    running = asyncio.create_task(indexer.run())
    await indexer.until_loaded()
    await setting.topic.publish([new, old])
    await until(lambda: setting.published[-1] == ("creators/a", 2) and len(setting.published) >= 3)
    assert indexer.index.search(Query(CreatorFilter(countries=("IT",)))).total == 1
    running.cancel()


def test_a_snapshot_of_another_layout_or_too_old_or_cut_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, path = SearchIndex(), tmp_path / "index.npz"
    index.seen_until = NOW
    snapshot.save(index, path, {0: 7})
    found = snapshot.load(path, NOW)
    assert found is not None
    assert found[1].offsets == {0: 7}
    assert snapshot.load(path, NOW + snapshot.MAX_AGE + timedelta(seconds=1)) is None
    monkeypatch.setattr(snapshot, "VERSION", snapshot.VERSION + 1)
    assert snapshot.load(path, NOW) is None
    monkeypatch.undo()
    path.write_bytes(path.read_bytes()[:-100])
    assert snapshot.load(path, NOW) is None
