"""Matching over aggregates in memory: imports, feedback, searches, events, and calls through a real gRPC server."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from entente.campaign.v1 import events_pb2 as campaign
from entente.campaign.v1 import service_pb2 as campaign_pb
from entente.matching.v1 import events_pb2, service_pb2_grpc
from entente.matching.v1 import service_pb2 as pb
from entente.messaging.v1 import events_pb2 as messaging
from entente.type.v1 import type_pb2
from entente_chassis.clock import ManualClock
from entente_chassis.refusal import Invalid, NotFound
from entente_chassis.rpc import Role, to_refusal
from entente_chassis.store import Aggregates, Cause, MemoryAggregates, Request
from entente_chassis.testing import TestServer, incoming, serving
from entente_matching.adapters.events import PUBLISHES, to_message
from entente_matching.adapters.kinds import CREATORS, FEEDBACK, IMPORTS, RELATIONS, SHORTLISTS
from entente_matching.adapters.solver import RosterSolver
from entente_matching.application import brands
from entente_matching.application.commands import Commands, ImportResult
from entente_matching.application.indexing import Indexer
from entente_matching.application.queries import Queries
from entente_matching.application.search import Order, Query
from entente_matching.application.searching import Searching
from entente_matching.application.stores import Stores
from entente_matching.domain.creators import Creator, CreatorMetricsUpdated, CreatorRegistered, Observation
from entente_matching.domain.feedback import Feedback
from entente_matching.domain.filters import CreatorFilter
from entente_matching.domain.fit import Brief, Target
from entente_matching.domain.imports import CreatorsImported, Import
from entente_matching.domain.reference import Reference
from entente_matching.domain.relations import Relation
from entente_matching.domain.rows import RowReader
from entente_matching.domain.shortlists import Shortlist, ShortlistUpdated
from entente_matching.domain.words import FitFactor, Platform
from entente_matching.entrypoints.brands import Given
from entente_matching.entrypoints.events import routes
from entente_matching.entrypoints.grpc import ACCESS, MatchingServicer

NOW = datetime(2026, 3, 1, tzinfo=UTC)
COLUMNS = ["creator", "platform", "snapshot", "category_1", "followers", "audience_country", "engagement_avg"]
ROWS = [
    (2, ["c1", "instagram", "2022-03", "Beauty", "1000000", "France", "20000"]),
    (3, ["c1", "instagram", "2022-06", "Beauty", "1100000", "France", "33000"]),
    (4, ["c2", "instagram", "2022-06", "Music", "2.0M", "0", "10000"]),
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
        self.indexer = Indexer(self.creators, self.feedback, reference, self.machine, every=1)
        self.commands = self._commands(self.indexer, self.machine)
        self.queries = Queries(self.creators, self.feedback, self.shortlists)
        relations: Aggregates[Relation] = MemoryAggregates(RELATIONS, self.clock)
        self.stores = Stores(self.creators, self.feedback, self.shortlists, relations, self.clock)
        self.searching = Searching(self.creators, self.feedback, self.indexer, partial(brands.banned, self.stores))

    def replica(self, machine: ManualClock) -> Commands:
        """The commands of another replica, whose writes this one has to find."""
        elsewhere = Indexer(self.creators, self.feedback, self.reference, machine, every=1)
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
        found = await self.searching.search(Query(**given), "", "test")
        return [match.profile.creator for match in found.matches]


@pytest.fixture
def world(reference: Reference) -> World:
    return World(reference)


async def test_good_rows_are_imported_and_bad_ones_named(world: World) -> None:
    result = await world.import_rows(ROWS)
    assert (result.rows, result.accepted_rows, result.rejected_rows) == (5, 3, 2)
    assert (result.created, result.rejected_creators) == (2, 1)
    assert [(reject.row, reject.column) for reject in result.rejects] == [
        (4, "followers"),
        (4, "audience_country"),
        (6, "followers"),
    ]
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


async def test_an_import_is_told_of_once_and_kept_also_when_it_is_repeated(world: World) -> None:
    await world.import_rows(ROWS)
    await world.import_rows(ROWS)
    kept = await world.imports.require("imports/i", what="import")
    assert (kept.state.by, kept.state.rows, kept.state.created) == ("accounts/operator", 5, 2)
    assert kept.version == 1


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
    found = await world.searching.search(Query(), "", "test")
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
    _, before = await world.searching.score("creators/c1", brief)
    world.machine.advance(timedelta(seconds=3))
    for _ in range(2):
        await world.commands.collaboration_rated(
            cause.subject, "creators/c1", cause, {"CONTENT_QUALITY": 5}, brand="brands/lysandre"
        )
    _, after = await world.searching.score("creators/c1", brief)
    assert after.score_hundredths > before.score_hundredths
    assert FitFactor.PAST_PERFORMANCE not in {missing.factor for missing in after.missing}
    assert (await world.queries.creator("creators/c1"))[1].rated == 1  # type: ignore[union-attr]
    await world.indexer.refresh()
    page = await world.searching.search(Query(brief=brief, order=Order.FIT), "", "test")
    assert page.found.hits[0].score_hundredths == after.score_hundredths
    assert page.matches[0].fit == after


async def test_feedback_of_a_creator_that_is_not_known_yet_waits_for_it(world: World) -> None:
    cause = Cause("entente.campaign.events.v1", "campaigns/x/collaborations/c1", 0, 1)
    await world.commands.collaboration_completed(
        cause.subject, "creators/c1", cause, brand="brands/lysandre", on_time=True, compliance=0.9
    )
    await world.indexer.load()
    await world.import_rows(ROWS)
    _, past = await world.queries.creator("creators/c1")
    assert past is not None
    assert past.completed == 1


async def test_interests_and_categories_are_brought_to_the_same_words(world: World) -> None:
    await world.import_rows(ROWS)
    await world.indexer.load()
    brief = Brief(Target(interests=("Cosmetics",)))
    page = await world.searching.search(Query(brief=brief, order=Order.FIT), "", "test")
    assert page.matches[0].profile.creator == "creators/c1"
    assert await world.search(wanted=CreatorFilter(categories=("BEAUTY",))) == ["creators/c1"]


async def test_a_creator_without_an_account_on_the_platform_is_scored_and_it_shows(world: World) -> None:
    await world.import_rows(ROWS)
    profile, fit = await world.searching.score("creators/c1", Brief(platforms=(Platform.TWITCH,)))
    assert (profile.platform, profile.followers) == (None, None)
    assert FitFactor.ENGAGEMENT in {missing.factor for missing in fit.missing}


async def test_a_page_token_of_another_search_is_refused(world: World) -> None:
    await world.import_rows(ROWS)
    await world.indexer.load()
    page = await world.searching.search(Query(limit=1), "", "one")
    assert (await world.searching.search(Query(limit=1), page.next_page_token, "one")).matches
    for token, scope in ((page.next_page_token, "other"), ("nonsense", "one"), ("🎈", "one")):
        with pytest.raises(Invalid) as refusal:
            await world.searching.search(Query(limit=1), token, scope)
        assert refusal.value.reason == "PAGE_TOKEN_INVALID"


async def test_an_unknown_tier_is_refused_and_the_known_ones_named(world: World) -> None:
    with pytest.raises(Invalid, match="nano, micro, macro, mega"):
        await world.searching.search(Query(wanted=CreatorFilter(tiers=("huge",))), "", "test")


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


# -- events -----------------------------------------------------------------------------------------------------------

COLLABORATION = "campaigns/spring/collaborations/c1"
REF = campaign.CollaborationRef(collaboration=COLLABORATION, creator="creators/c1")
RATINGS = campaign_pb.Ratings(
    audience_relevance=4, content_quality=5, engagement=3, professionalism=5, deadlines=4, transparency=3
)


async def take(world: World, message: Message, n: int) -> None:
    event = incoming(message, COLLABORATION, n=n)
    await routes(world.commands)[type(message)](event)


async def test_what_comes_back_from_a_collaboration_is_kept_once_in_any_order(world: World) -> None:
    await world.import_rows(ROWS)
    due = campaign.CollaborationCompleted(ref=REF, on_time=True, compliance_percent=90)
    due.publication_due_time.FromDatetime(NOW)
    reply = messaging.ReplyTimeMeasured(collaboration=COLLABORATION, creator="creators/c1", seconds=7200)
    for message, n in ((campaign.CollaborationRated(ref=REF, ratings=RATINGS), 9), (reply, 10), (due, 11), (due, 11)):
        await take(world, message, n)
    _, past = await world.queries.creator("creators/c1")
    assert past is not None
    assert (past.completed, past.rated, past.rating, past.compliance) == (1, 1, 4.0, 0.9)
    assert (past.on_time_share, past.reply_seconds) == (1.0, 7200)
    assert past.ratings["AUDIENCE_RELEVANCE"] == 4


async def test_what_a_completion_does_not_say_stays_unknown(world: World) -> None:
    await world.import_rows(ROWS)
    await take(world, campaign.CollaborationCompleted(ref=REF), 1)
    _, past = await world.queries.creator("creators/c1")
    assert past is not None
    assert (past.completed, past.on_time_share, past.compliance) == (1, None, None)


@pytest.mark.parametrize(
    "event",
    [
        CreatorRegistered("creators/a", "FR", (Platform.TIKTOK,)),
        CreatorMetricsUpdated("creators/a", Platform.X, NOW, None, None, ""),
        CreatorsImported("imports/i", 5, 3, 2, 2, 0),
        ShortlistUpdated("brands/b/shortlists/s", "brands/b", ("creators/a",), ("creators/a",), ()),
    ],
)
def test_every_domain_event_has_its_message(event: object) -> None:
    message = to_message(event)
    assert type(message) is PUBLISHES[type(event)]
    assert message.ByteSize() > 0


def test_what_is_not_known_is_absent_from_the_message() -> None:
    message = to_message(CreatorMetricsUpdated("creators/a", Platform.X, NOW, None, None, ""))
    assert isinstance(message, events_pb2.CreatorMetricsUpdated)
    assert not message.HasField("followers")
    assert not message.HasField("engagement_rate")


# -- calls ------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def server(world: World, tmp_path: Path) -> AsyncIterator[TestServer]:
    await world.import_rows(ROWS)
    await world.indexer.load()
    given = Given(
        world.stores,
        world.commands,
        world.searching,
        world.indexer,
        RosterSolver(),
        {"FR": 66_549_000, "IN": 1_450_936_000},
    )
    servicer = MatchingServicer(world.commands, world.queries, given, world.clock)
    async with serving(tmp_path, (service_pb2_grpc.add_MatchingServiceServicer_to_server, servicer, ACCESS)) as running:
        yield running


def as_brand(server: TestServer, brand: str = "brands/b") -> service_pb2_grpc.MatchingServiceStub:
    return server.client_as(
        service_pb2_grpc.MatchingServiceStub, Role.BRAND, subject=f"accounts/{brand}", brands=[brand]
    )


def as_creator(server: TestServer, creator: str) -> service_pb2_grpc.MatchingServiceStub:
    return server.client_as(service_pb2_grpc.MatchingServiceStub, Role.CREATOR, creators=[creator])


def as_operator(server: TestServer) -> service_pb2_grpc.MatchingServiceStub:
    return server.client_as(service_pb2_grpc.MatchingServiceStub, Role.OPERATOR)


async def refused(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return to_refusal(error.value).reason


async def test_a_file_is_imported_by_a_stream_of_its_rows(server: TestServer) -> None:
    def file() -> Iterator[pb.ImportCreatorsRequest]:
        rows = [pb.ImportRow(row=number, values=values) for number, values in ROWS]
        yield pb.ImportCreatorsRequest(columns=COLUMNS, rows=rows[:2])
        yield pb.ImportCreatorsRequest(rows=rows[2:])
        yield pb.ImportCreatorsRequest(
            columns=["creator", "platform", "snapshot"],
            rows=[pb.ImportRow(row=7, values=["c7", "twitch", "2022-01"])],
        )

    result = await as_operator(server).ImportCreators(file())
    assert (result.rows, result.accepted_rows, result.created, result.unchanged) == (6, 4, 1, 2)
    assert [(reject.row, reject.column, reject.value) for reject in result.rejects] == [
        (4, "followers", "2.0M"),
        (4, "audience_country", "0"),
        (6, "followers", "many"),
    ]


async def test_columns_of_a_single_record_that_are_not_known_cost_that_record_and_not_the_file(
    server: TestServer,
) -> None:
    columns = ["creator", "platform", "snapshot"]

    def file() -> Iterator[pb.ImportCreatorsRequest]:
        yield pb.ImportCreatorsRequest(columns=columns)
        odd = pb.ImportRow(row=1, values=["c21", "42"])
        yield pb.ImportCreatorsRequest(columns=["creator", "shoe_size"], rows=[odd])
        good = pb.ImportRow(row=2, values=["c22", "twitch", "2022-01"])
        yield pb.ImportCreatorsRequest(columns=columns, rows=[good])

    result = await as_operator(server).ImportCreators(file())
    assert (result.rows, result.accepted_rows, result.rejected_rows) == (2, 1, 1)
    assert {reject.row for reject in result.rejects} == {1}
    assert "'shoe_size' is not known" in result.rejects[0].reason


async def test_an_import_without_rows_or_with_unknown_columns_is_refused(server: TestServer) -> None:
    client = as_operator(server)
    assert await refused(client.ImportCreators(iter([]))) == "FILE_EMPTY"
    unknown = [pb.ImportCreatorsRequest(columns=["creator", "shoe_size"])]
    assert await refused(client.ImportCreators(iter(unknown))) == "COLUMNS_INVALID"


async def test_only_operators_import(server: TestServer) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await as_brand(server).ImportCreators(iter([pb.ImportCreatorsRequest(columns=COLUMNS)]))
    assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_search_explains_each_score_to_the_last_hundredth(server: TestServer) -> None:
    brief = pb.MatchBrief(target_audience=type_pb2.TargetAudience(countries=["FR"], interests=["beauty"]))
    found = await as_brand(server).SearchCreators(pb.SearchCreatorsRequest(brief=brief))
    assert [match.creator for match in found.matches] == ["creators/c1", "creators/c3"]
    for match in found.matches:
        assert sum(each.points_hundredths for each in match.fit.contributions) == match.fit.score_hundredths
    assert {facet.field for facet in found.facets} >= {"platform", "main_audience_country", "tier"}
    scored = await as_brand(server).ScoreCreator(pb.ScoreCreatorRequest(creator="creators/c1", brief=brief))
    assert scored.fit == found.matches[0].fit
    assert (scored.platform, scored.followers, scored.tier) == (type_pb2.PLATFORM_INSTAGRAM, 1_100_000, "mega")
    assert [(share.code, share.HasField("weight")) for share in scored.audience.countries] == [("FR", False)]


async def test_a_search_goes_on_from_its_token_and_only_its_own(server: TestServer) -> None:
    client = as_brand(server)
    first = await client.SearchCreators(pb.SearchCreatorsRequest(page_size=1))
    second = await client.SearchCreators(pb.SearchCreatorsRequest(page_size=1, page_token=first.next_page_token))
    assert [first.matches[0].creator, second.matches[0].creator] == ["creators/c3", "creators/c1"]
    assert second.next_page_token == ""
    other = pb.SearchCreatorsRequest(order_by="name", page_token=first.next_page_token)
    assert await refused(client.SearchCreators(other)) == "PAGE_TOKEN_INVALID"


async def test_an_order_by_fit_needs_a_brief(server: TestServer) -> None:
    search = pb.SearchCreatorsRequest(order_by="fit desc")
    assert await refused(as_brand(server).SearchCreators(search)) == "ORDER_NEEDS_BRIEF"


async def test_why_not_names_the_filter_and_by_how_much(server: TestServer) -> None:
    wanted = pb.CreatorFilter(min_followers=2_000_000, main_audience_countries=["FR"])
    request = pb.ExplainExclusionRequest(creator="creators/c1", filter=wanted)
    answer = await as_brand(server).ExplainExclusion(request)
    assert not answer.matches
    assert [(each.field, each.shortfall) for each in answer.exclusions] == [("min_followers", 900_000)]


async def test_a_creator_is_shown_with_its_history_and_among_its_peers(server: TestServer) -> None:
    creator = await as_brand(server).GetCreator(pb.GetCreatorRequest(name="creators/c1"))
    account = creator.accounts[0]
    assert [snapshot.followers for snapshot in account.history] == [1_000_000, 1_100_000]
    assert account.metrics.engagement_basis == pb.ENGAGEMENT_BASIS_FOLLOWERS
    assert account.metrics.engagement_rate == pytest.approx(0.03)
    assert account.benchmarks[0].metric == "engagement_rate_by_followers"
    assert creator.country == ""


async def test_a_creator_registers_itself_and_no_other(server: TestServer) -> None:
    client = as_creator(server, "creators/anna")
    request = pb.RegisterCreatorRequest(
        creator_id="anna",
        display_name="Ānna Bērziņa 🎨",
        country="LV",
        categories=["Cosmetics"],
        accounts=[pb.PlatformAccount(platform=type_pb2.PLATFORM_TIKTOK, handle="@anna")],
        request_id="one",
    )
    created = await client.RegisterCreator(request)
    assert (created.display_name, list(created.categories), created.accounts[0].handle) == (
        "Ānna Bērziņa 🎨", ["beauty"], "anna"
    )  # fmt: skip
    assert await client.RegisterCreator(request) == created
    assert await refused(client.RegisterCreator(pb.RegisterCreatorRequest(creator_id="anna", display_name="A"))) == (
        "CREATOR_EXISTS"
    )
    other = pb.RegisterCreatorRequest(creator_id="boris", display_name="B")
    assert await refused(client.RegisterCreator(other)) == "CREATOR_NOT_YOURS"
    vain = pb.RegisterCreatorRequest(creator_id="anna", display_name="A", verified=True)
    assert await refused(client.RegisterCreator(vain)) == "VERIFICATION_BY_OPERATOR"


async def test_a_creator_measures_itself_and_no_other(server: TestServer) -> None:
    metrics = pb.MetricSnapshot(followers=5)
    metrics.measure_time.FromDatetime(NOW - timedelta(days=1))
    request = pb.RecordMetricsRequest(creator="creators/c1", platform=type_pb2.PLATFORM_INSTAGRAM, metrics=metrics)
    assert (await as_creator(server, "creators/c1").RecordMetrics(request)).accounts[0].metrics.followers == 5
    assert await refused(as_creator(server, "creators/c3").RecordMetrics(request)) == "NOT_FOUND"
    assert await refused(as_creator(server, "creators/c3").GetCreator(pb.GetCreatorRequest(name="creators/c1"))) == (
        "NOT_FOUND"
    )


async def test_a_brands_shortlists_do_not_exist_for_another(server: TestServer) -> None:
    ours, theirs = as_brand(server), as_brand(server, "brands/other")
    shortlist = pb.Shortlist(display_name="Spring", creators=["creators/c1"])
    create = pb.CreateShortlistRequest(parent="brands/b", shortlist=shortlist, request_id="one")
    created = await ours.CreateShortlist(create)
    assert await ours.CreateShortlist(create) == created
    assert list((await ours.ListShortlists(pb.ListShortlistsRequest(parent="brands/b"))).shortlists) == [created]
    calls = [
        theirs.GetShortlist(pb.GetShortlistRequest(name=created.name)),
        theirs.ListShortlists(pb.ListShortlistsRequest(parent="brands/b")),
        theirs.CreateShortlist(pb.CreateShortlistRequest(parent="brands/b", shortlist=shortlist)),
        theirs.UpdateShortlist(pb.UpdateShortlistRequest(shortlist=created)),
    ]
    assert [await refused(call) for call in calls] == ["NOT_FOUND"] * 4


async def test_a_shortlist_changes_by_its_mask_and_not_behind_ones_back(server: TestServer) -> None:
    client = as_brand(server)
    created = await client.CreateShortlist(
        pb.CreateShortlistRequest(parent="brands/b", shortlist=pb.Shortlist(display_name="Spring"))
    )
    update = pb.UpdateShortlistRequest(shortlist=created, request_id="two")
    update.shortlist.creators.append("creators/c3")
    update.shortlist.display_name = "not this"
    update.update_mask.paths.append("creators")
    changed = await client.UpdateShortlist(update)
    assert (changed.display_name, list(changed.creators)) == ("Spring", ["creators/c3"])
    assert await client.UpdateShortlist(update) == changed
    stale = pb.UpdateShortlistRequest(shortlist=created)
    assert await refused(client.UpdateShortlist(stale)) == "ETAG_MISMATCH"


@pytest.mark.parametrize(
    "message",
    [
        pb.SearchCreatorsRequest(page_size=5000),
        pb.SearchCreatorsRequest(order_by="beauty"),
        pb.SearchCreatorsRequest(filter=pb.CreatorFilter(countries=["France"])),
        pb.SearchCreatorsRequest(
            filter=pb.CreatorFilter(
                audience=[pb.AudienceShareFilter(dimension=pb.AUDIENCE_DIMENSION_COUNTRY, codes=["FR"], min_share=60)]
            )
        ),
    ],
)
async def test_a_request_that_breaks_a_rule_is_refused(server: TestServer, message: pb.SearchCreatorsRequest) -> None:
    assert await refused(as_brand(server).SearchCreators(message)) == "FIELDS_INVALID"


async def test_what_a_creator_offers_is_found_by_price_day_and_words(server: TestServer) -> None:
    operator = server.client_as(service_pb2_grpc.MatchingServiceStub, Role.OPERATOR, subject="operators/o")
    creator = server.client_as(
        service_pb2_grpc.MatchingServiceStub, Role.CREATOR, subject="creators/new", creators=["creators/new"]
    )
    account = pb.PlatformAccount(platform=type_pb2.PLATFORM_INSTAGRAM, handle="new")
    await creator.RegisterCreator(pb.RegisterCreatorRequest(creator_id="new", display_name="New", accounts=[account]))
    price = pb.OfferedPrice(
        platform=type_pb2.PLATFORM_INSTAGRAM, price=type_pb2.Money(currency_code="EUR", minor_units=50_000)
    )
    offer = pb.Offer(bio="Élégance à Liège", available_from="2026-03-01", available_until="2026-03-31", prices=[price])
    changed = await creator.SetOffer(pb.SetOfferRequest(creator="creators/new", offer=offer))
    assert changed.offer == offer

    async def found(**given: Any) -> bool:
        answer = await operator.SearchCreators(pb.SearchCreatorsRequest(filter=pb.CreatorFilter(**given)))
        return "creators/new" in {match.creator for match in answer.matches}

    def euros(amount: int) -> type_pb2.Money:
        return type_pb2.Money(currency_code="EUR", minor_units=amount)

    assert await found(max_price=euros(50_000), available_on="2026-03-31", text="elegance lie")
    assert not await found(max_price=euros(49_999))
    assert not await found(available_on="2026-04-01")
    offer.available_until = "2026-02-01"
    assert await refused(creator.SetOffer(pb.SetOfferRequest(creator="creators/new", offer=offer))) == "OFFER_INVALID"
