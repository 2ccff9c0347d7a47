"""Imports, feedback and searches over aggregates in memory."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from entente_chassis.clock import ManualClock
from entente_chassis.refusal import Invalid, NotFound
from entente_chassis.store import Aggregates, Cause, MemoryAggregates, Request
from entente_matching.adapters.kinds import CREATORS, FEEDBACK, IMPORTS, SHORTLISTS
from entente_matching.application.commands import Commands, ImportResult
from entente_matching.application.index import Query, SearchIndex
from entente_matching.application.indexing import Indexer
from entente_matching.application.queries import Queries
from entente_matching.domain.creators import Creator, Observation
from entente_matching.domain.feedback import Feedback
from entente_matching.domain.filters import CreatorFilter
from entente_matching.domain.fit import Brief, Target
from entente_matching.domain.imports import Import
from entente_matching.domain.reference import Reference
from entente_matching.domain.rows import RowReader
from entente_matching.domain.shortlists import Shortlist
from entente_matching.domain.words import FitFactor, Platform

NOW = datetime(2026, 3, 1, tzinfo=UTC)
COLUMNS = ["creator", "platform", "snapshot", "category_1", "followers", "audience_country", "engagement_avg"]
ROWS = [
    (2, ["c1", "instagram", "2022-03", "Beauty", "1000000", "France", "20000"]),
    (3, ["c1", "instagram", "2022-06", "Beauty", "1100000", "France", "33000"]),
    (4, ["c2", "instagram", "2022-06", "Music", "2000000", "0", "10000"]),
    (5, ["c3", "instagram", "2022-06", "Music", "3000000", "India", "10000"]),
    (6, ["c3", "instagram", "2022-09", "Music", "many", "India", "10000"]),
]


class World:
    """Matching with nothing outside it."""

    def __init__(self, reference: Reference) -> None:
        self.clock = ManualClock(NOW)
        self.machine = ManualClock(NOW)
        self.reference = reference
        self.creators: Aggregates[Creator] = MemoryAggregates(CREATORS, self.clock)
        self.feedback: Aggregates[Feedback] = MemoryAggregates(FEEDBACK, self.clock)
        self.imports: Aggregates[Import] = MemoryAggregates(IMPORTS, self.clock)
        self.shortlists: Aggregates[Shortlist] = MemoryAggregates(SHORTLISTS, self.clock)
        self.index = SearchIndex()
        self.indexer = Indexer(self.creators, self.feedback, self.index, reference, self.machine, every=1)
        self.commands = self._commands(self.indexer, self.machine)
        self.queries = Queries(self.creators, self.feedback, self.shortlists, self.indexer, reference)

    def replica(self, machine: ManualClock) -> Commands:
        """The commands of another replica, whose writes this one has to find."""
        elsewhere = Indexer(self.creators, self.feedback, SearchIndex(), self.reference, machine, every=1)
        return self._commands(elsewhere, machine)

    def _commands(self, indexer: Indexer, machine: ManualClock) -> Commands:
        stores = (self.creators, self.feedback, self.imports, self.shortlists)
        return Commands(*stores, indexer, self.reference, self.clock, machine)

    async def import_rows(self, rows: list[tuple[int, list[str]]]) -> ImportResult:
        """Import rows of the 2022 file's shape."""
        reader = RowReader(
            self.reference, COLUMNS, default_platform=None, default_snapshot="", not_after=self.clock.now()
        )
        running = self.commands.import_creators(reader, "imports/i", "accounts/operator")
        for row in rows:
            await running.add([row])
        return await running.finish()

    async def search(self, **given: Any) -> list[str]:
        """The names that a search finds."""
        found = await self.queries.search(Query(**given), "", "test")
        return [match.profile.creator for match in found.matches]


@pytest.fixture
def world(reference: Reference) -> World:
    return World(reference)


async def test_good_rows_are_imported_and_bad_ones_named(world: World) -> None:
    result = await world.import_rows(ROWS)
    assert (result.rows, result.accepted_rows, result.rejected_rows) == (5, 3, 2)
    assert (result.created, result.rejected_creators) == (2, 1)
    assert [(reject.row, reject.column) for reject in result.rejects] == [(4, "audience_country"), (6, "followers")]
    stored = await world.creators.require("creators/c1", what="creator")
    assert [snapshot.figures["followers"] for snapshot in stored.state.accounts[0].history] == [1_000_000, 1_100_000]


async def test_importing_the_same_file_again_leaves_the_same_state(world: World) -> None:
    await world.import_rows(ROWS)
    before = await world.creators.find()
    world.clock.advance(timedelta(days=1))
    world.machine.advance(timedelta(days=1))
    result = await world.import_rows(ROWS)
    assert (result.created, result.updated, result.unchanged) == (0, 0, 2)
    assert await world.creators.find() == before


async def test_an_import_is_told_of_once_and_kept(world: World) -> None:
    await world.import_rows(ROWS)
    kept = await world.imports.require("imports/i", what="import")
    assert (kept.state.by, kept.state.rows, kept.state.created) == ("accounts/operator", 5, 2)


async def test_a_later_file_adds_to_the_history(world: World) -> None:
    await world.import_rows(ROWS)
    result = await world.import_rows([(2, ["c1", "instagram", "2022-12", "", "1200000", "", ""])])
    assert (result.created, result.updated) == (0, 1)
    stored = await world.creators.require("creators/c1", what="creator")
    assert len(stored.state.accounts[0].history) == 3
    assert stored.state.categories == ("beauty",)


async def test_a_search_sees_what_was_there_at_the_start_and_what_came_later(world: World) -> None:
    await world.import_rows(ROWS)
    await world.indexer.load()
    assert await world.search() == ["creators/c3", "creators/c1"]
    world.machine.advance(timedelta(seconds=10))
    replica = world.replica(world.machine)
    await replica.take_observations({"creators/c9": [Observation(NOW, Platform.TIKTOK, {"followers": 9e6})]})
    assert await world.search() == ["creators/c3", "creators/c1"]
    await world.indexer.refresh()
    assert await world.search() == ["creators/c9", "creators/c3", "creators/c1"]
    found = await world.queries.search(Query(), "", "test")
    assert found.found.seen_until == world.machine.now()


async def test_a_search_sees_at_once_what_this_process_has_written(world: World) -> None:
    await world.indexer.load()
    await world.import_rows(ROWS)
    assert await world.search() == ["creators/c3", "creators/c1"]
    await world.commands.record_metrics("creators/c1", Observation(NOW, Platform.INSTAGRAM, {"followers": 9e6}), None)
    assert await world.search() == ["creators/c1", "creators/c3"]


async def test_a_write_that_took_long_is_seen_by_the_look_that_reaches_far_back(world: World) -> None:
    await world.indexer.load()
    replica = world.replica(ManualClock(world.machine.now()))
    world.machine.advance(timedelta(seconds=40))
    await world.indexer.refresh()
    await replica.take_observations({"creators/late": [Observation(NOW, Platform.TIKTOK, {"followers": 5.0})]})
    await world.indexer.refresh()
    assert await world.search() == []
    world.machine.advance(timedelta(seconds=100))
    await world.indexer.refresh()
    assert await world.search() == ["creators/late"]


async def test_feedback_counts_in_the_score_and_in_the_search_once(world: World) -> None:
    await world.import_rows(ROWS)
    await world.indexer.load()
    cause = Cause("entente.campaign.events.v1", "campaigns/x/collaborations/c1", 0, 7)
    brief = Brief(Target(countries=("FR",)))
    _, before = await world.queries.score("creators/c1", brief)
    world.machine.advance(timedelta(seconds=3))
    for _ in range(2):
        await world.commands.collaboration_rated(cause.subject, "creators/c1", cause, {"CONTENT_QUALITY": 5})
    _, after = await world.queries.score("creators/c1", brief)
    assert after.score_hundredths > before.score_hundredths
    assert FitFactor.PAST_PERFORMANCE not in {missing.factor for missing in after.missing}
    assert (await world.queries.creator("creators/c1"))[1].rated == 1  # type: ignore[union-attr]
    await world.indexer.refresh()
    page = await world.queries.search(Query(brief=brief, order="fit"), "", "test")
    assert page.found.hits[0].score_hundredths == after.score_hundredths
    assert page.matches[0].fit == after


async def test_feedback_of_a_creator_that_is_not_known_yet_waits_for_it(world: World) -> None:
    cause = Cause("entente.campaign.events.v1", "campaigns/x/collaborations/c1", 0, 1)
    await world.commands.collaboration_completed(cause.subject, "creators/c1", cause, on_time=True, compliance=0.9)
    await world.indexer.load()
    await world.import_rows(ROWS)
    _, past = await world.queries.creator("creators/c1")
    assert past is not None
    assert past.completed == 1


async def test_interests_and_categories_are_brought_to_the_same_words(world: World) -> None:
    await world.import_rows(ROWS)
    await world.indexer.load()
    brief = Brief(Target(interests=("Cosmetics",)))
    page = await world.queries.search(Query(brief=brief, order="fit"), "", "test")
    assert page.matches[0].profile.creator == "creators/c1"
    assert await world.search(wanted=CreatorFilter(categories=("BEAUTY",))) == ["creators/c1"]


async def test_a_creator_without_an_account_on_the_platform_is_scored_and_it_shows(world: World) -> None:
    await world.import_rows(ROWS)
    profile, fit = await world.queries.score("creators/c1", Brief(platforms=(Platform.TWITCH,)))
    assert (profile.platform, profile.followers) == (None, None)
    assert FitFactor.ENGAGEMENT in {missing.factor for missing in fit.missing}


async def test_a_page_token_of_another_search_is_refused(world: World) -> None:
    await world.import_rows(ROWS)
    await world.indexer.load()
    page = await world.queries.search(Query(limit=1), "", "one")
    assert (await world.queries.search(Query(limit=1), page.next_page_token, "one")).matches
    for token, scope in ((page.next_page_token, "other"), ("nonsense", "one"), ("🎈", "one")):
        with pytest.raises(Invalid) as refusal:
            await world.queries.search(Query(limit=1), token, scope)
        assert refusal.value.reason == "PAGE_TOKEN_INVALID"


async def test_an_unknown_tier_is_refused_and_the_known_ones_named(world: World) -> None:
    with pytest.raises(Invalid, match="nano, micro, macro, mega"):
        await world.queries.search(Query(wanted=CreatorFilter(tiers=("huge",))), "", "test")


async def test_a_shortlist_holds_only_creators_that_exist(world: World) -> None:
    await world.import_rows(ROWS)
    given = Shortlist("brands/b", "Spring", NOW, NOW, creators=("creators/c1", "creators/nobody"))
    with pytest.raises(Invalid) as refusal:
        await world.commands.create_shortlist("brands/b/shortlists/s", "brands/b", given, None)
    assert [violation.field for violation in refusal.value.violations] == ["shortlist.creators[1]"]


async def test_the_same_request_twice_makes_one_shortlist(world: World) -> None:
    given = Shortlist("brands/b", "Spring", NOW, NOW)
    request = Request("accounts/x|1", "f")
    first = await world.commands.create_shortlist("brands/b/shortlists/s", "brands/b", given, request)
    again = await world.commands.create_shortlist("brands/b/shortlists/s", "brands/b", given, request)
    assert (first.applied, again.applied) == (True, False)
    assert again.state == first.state


async def test_metrics_of_a_creator_that_does_not_exist_are_refused(world: World) -> None:
    with pytest.raises(NotFound):
        await world.commands.record_metrics("creators/nobody", Observation(NOW, Platform.TIKTOK, {}), None)
