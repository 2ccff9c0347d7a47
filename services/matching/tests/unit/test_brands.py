"""A brand's own side of creators, and plans, through a real gRPC server."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest

from entente.matching.v1 import service_pb2 as pb
from entente.matching.v1 import service_pb2_grpc
from entente.type.v1 import type_pb2
from entente_chassis.clock import ManualClock
from entente_chassis.rpc import Role, to_refusal
from entente_chassis.store import Cause, MemoryAggregates
from entente_chassis.testing import TestServer, serving
from entente_matching.adapters.kinds import CREATORS, FEEDBACK, IMPORTS, RELATIONS, SHORTLISTS
from entente_matching.adapters.solver import RosterSolver
from entente_matching.application import brands
from entente_matching.application.benchmarking import measure_now
from entente_matching.application.commands import Commands
from entente_matching.application.indexing import Indexer
from entente_matching.application.queries import Queries
from entente_matching.application.searching import Searching
from entente_matching.application.stores import Stores
from entente_matching.domain.reference import Reference
from entente_matching.domain.rows import RowReader
from entente_matching.entrypoints.brands import Given
from entente_matching.entrypoints.grpc import ACCESS, MatchingServicer

NOW = datetime(2026, 3, 2, tzinfo=UTC)
BRAND, OTHER = "brands/lysandre", "brands/other"
COLUMNS = ["creator", "platform", "snapshot", "category_1", "followers", "audience_countries", "engagement_avg"]
INSTAGRAM = type_pb2.PLATFORM_INSTAGRAM


class World:
    def __init__(self, reference: Reference) -> None:
        self.clock = ManualClock(NOW)
        creators, feedback = MemoryAggregates(CREATORS, self.clock), MemoryAggregates(FEEDBACK, self.clock)
        imports, shortlists = MemoryAggregates(IMPORTS, self.clock), MemoryAggregates(SHORTLISTS, self.clock)
        relations = MemoryAggregates(RELATIONS, self.clock)
        self.reference = reference
        self.indexer = Indexer(creators, feedback, reference, self.clock, every=1)
        self.stores = Stores(creators, feedback, shortlists, relations, self.clock)
        self.commands = Commands(
            creators, feedback, imports, shortlists, self.indexer, reference, self.clock, self.clock
        )
        searching = Searching(creators, feedback, self.indexer, partial(brands.banned, self.stores))
        self.solver = RosterSolver()
        people = {"FR": 66_549_000, "BE": 11_738_000}
        given = Given(self.stores, self.commands, searching, self.indexer, self.solver, people)
        self.servicer = MatchingServicer(self.commands, Queries(creators, feedback, shortlists), given, self.clock)

    async def fill(self, count: int) -> None:
        reader = RowReader(self.reference, COLUMNS, default_platform=None, default_snapshot="", not_after=NOW)
        running = self.commands.import_creators(reader, "imports/i", "accounts/operator")
        for n in range(count):
            followers = 20_000 + 1_000 * n
            shares = "FR:0.6|BE:0.2" if n % 2 else "FR:0.3|US:0.5"
            row = [f"c{n:03}", "instagram", "2026-02", "Beauty", str(followers), shares, str(followers * 3 // 100)]
            await running.add([(n, row)])
        await running.finish()
        await self.indexer.load()


@pytest.fixture
async def world(reference: Reference) -> AsyncIterator[World]:
    made = World(reference)
    await made.fill(40)
    yield made
    await made.solver.close()


@pytest.fixture
async def server(world: World, tmp_path: Path) -> AsyncIterator[TestServer]:
    add = service_pb2_grpc.add_MatchingServiceServicer_to_server
    async with serving(tmp_path, (add, world.servicer, ACCESS)) as running:
        yield running


def client(server: TestServer, brand: str = BRAND, role: Role = Role.BRAND) -> Any:
    return server.client_as(service_pb2_grpc.MatchingServiceStub, role, brands=[brand])


async def refused(call: Any) -> tuple[str, list[str]]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    refusal = to_refusal(error.value)
    return refusal.reason, [violation.field for violation in refusal.violations]


async def test_a_banned_creator_is_not_found_by_this_brand_and_by_all_others(server: TestServer) -> None:
    ours, theirs = client(server), client(server, OTHER)
    name = f"{BRAND}/relations/c001"
    banned = await ours.SetBan(pb.SetBanRequest(name=name, banned=True, reason="Sold our samples."))
    assert banned.ban.reason == "Sold our samples."

    async def found(stub: Any, brand: str) -> set[str]:
        page = await stub.SearchCreators(pb.SearchCreatorsRequest(brand=brand, page_size=100))
        return {match.creator for match in page.matches}

    assert "creators/c001" not in await found(ours, BRAND)
    assert "creators/c001" in await found(theirs, OTHER)
    why = await ours.ExplainExclusion(
        pb.ExplainExclusionRequest(creator="creators/c001", brand=BRAND, filter=pb.CreatorFilter(tiers=["micro"]))
    )
    assert [(each.field, each.actual) for each in why.exclusions] == [("brand", "banned")]
    listed = await ours.ListRelations(pb.ListRelationsRequest(parent=BRAND, filter="banned = true"))
    assert [each.creator for each in listed.relations] == ["creators/c001"]
    await ours.SetBan(pb.SetBanRequest(name=name, banned=False))
    assert "creators/c001" in await found(ours, BRAND)


async def test_what_a_brand_keeps_about_a_creator_does_not_exist_for_another(server: TestServer) -> None:
    ours, theirs = client(server), client(server, OTHER)
    name = f"{BRAND}/relations/c002"
    await ours.SetFavourite(pb.SetFavouriteRequest(name=name, favourite=True))
    noted = await ours.AddNote(pb.AddNoteRequest(name=name, text="Répond le jour même.", request_id="n1"))
    again = await ours.AddNote(pb.AddNoteRequest(name=name, text="Répond le jour même.", request_id="n1"))
    assert again == noted
    kept = await ours.GetRelation(pb.GetRelationRequest(name=name))
    assert (kept.favourite, [note.text for note in kept.notes]) == (True, ["Répond le jour même."])
    for call in (
        theirs.GetRelation(pb.GetRelationRequest(name=name)),
        theirs.ListRelations(pb.ListRelationsRequest(parent=BRAND)),
        theirs.SetFavourite(pb.SetFavouriteRequest(name=name, favourite=False)),
        theirs.SetBan(pb.SetBanRequest(name=name, banned=True, reason="x")),
        theirs.AddNote(pb.AddNoteRequest(name=name, text="x")),
        theirs.DeleteNote(pb.DeleteNoteRequest(name=name, note_id=kept.notes[0].note_id)),
        theirs.ListWorkAgain(pb.ListWorkAgainRequest(parent=BRAND)),
    ):
        assert (await refused(call))[0] == "NOT_FOUND"
    left = await ours.DeleteNote(pb.DeleteNoteRequest(name=name, note_id=kept.notes[0].note_id))
    assert not left.notes
    nobody = ours.SetFavourite(pb.SetFavouriteRequest(name=f"{BRAND}/relations/nobody", favourite=True))
    assert (await refused(nobody))[0] == "NOT_FOUND"


async def test_creators_are_added_to_a_shortlist_one_by_one(server: TestServer) -> None:
    ours = client(server)
    made = await ours.CreateShortlist(
        pb.CreateShortlistRequest(parent=BRAND, shortlist=pb.Shortlist(display_name="Aube", creators=["creators/c003"]))
    )
    await ours.SetBan(pb.SetBanRequest(name=f"{BRAND}/relations/c004", banned=True, reason="No."))
    wanted = ["creators/c003", "creators/c004", "creators/c005", "creators/nobody"]
    request = pb.AddToShortlistRequest(name=made.name, creators=wanted, request_id="r1")
    added = await ours.AddToShortlist(request)
    assert list(added.shortlist.creators) == ["creators/c003", "creators/c005"]
    assert [(each.creator, each.addition) for each in added.results] == [
        ("creators/c003", pb.SHORTLIST_ADDITION_ALREADY_THERE),
        ("creators/c004", pb.SHORTLIST_ADDITION_BANNED),
        ("creators/c005", pb.SHORTLIST_ADDITION_ADDED),
        ("creators/nobody", pb.SHORTLIST_ADDITION_NOT_FOUND),
    ]
    assert (await ours.AddToShortlist(request)).shortlist == added.shortlist


async def test_whom_to_work_with_again_comes_from_this_brands_collaborations(world: World, server: TestServer) -> None:
    worked = [("c001", 5, BRAND), ("c002", 2, BRAND), ("c003", 5, OTHER), ("c004", 5, BRAND)]
    for number, (id, stars, brand) in enumerate(worked):
        creator = f"creators/{id}"
        name = f"campaigns/x/collaborations/{number}"
        cause = Cause("entente.campaign.events.v1", name, 0, 1)
        await world.commands.collaboration_completed(name, creator, cause, brand=brand, on_time=True, compliance=1.0)
        cause = Cause("entente.campaign.events.v1", name, 0, 2)
        await world.commands.collaboration_rated(name, creator, cause, {"CONTENT_QUALITY": stars}, brand=brand)
    await client(server).SetBan(
        pb.SetBanRequest(name=f"{BRAND}/relations/c004", banned=True, reason="Works for a competitor now.")
    )
    found = await client(server).ListWorkAgain(pb.ListWorkAgainRequest(parent=BRAND))
    assert [each.creator for each in found.suggestions] == ["creators/c001"]
    assert list(found.suggestions[0].reasons) == [
        "1 collaboration completed", "rated 5.0 of 5, best for content quality", "100% of the brief met", "on time"
    ]  # fmt: skip


async def test_an_operator_overrides_a_score_with_a_reason_and_takes_it_back(server: TestServer) -> None:
    operator = client(server, role=Role.OPERATOR)
    request = pb.OverrideAuthenticityRequest(
        creator="creators/c001", platform=INSTAGRAM, score=20, reason="Bought followers in January."
    )
    told = (await operator.OverrideAuthenticity(request)).accounts[0].authenticity
    assert (told.score, told.override.reason) == (20, "Bought followers in January.")
    assert told.computed_score > 20
    assert len(told.evidence) == 10
    found = await operator.SearchCreators(
        pb.SearchCreatorsRequest(filter=pb.CreatorFilter(min_authenticity=21), page_size=100)
    )
    assert "creators/c001" not in {match.creator for match in found.matches}
    request.ClearField("score")
    back = (await operator.OverrideAuthenticity(request)).accounts[0].authenticity
    assert (back.score, back.HasField("override")) == (back.computed_score, False)
    assert (await refused(client(server).OverrideAuthenticity(request)))[0] == "ROLE_NOT_ALLOWED"
    request.platform = type_pb2.PLATFORM_TWITCH
    assert await refused(operator.OverrideAuthenticity(request)) == ("OVERRIDE_INVALID", ["platform"])


async def test_benchmarks_are_those_of_the_creators_held_once_there_are_enough(
    world: World, server: TestServer
) -> None:
    before = await client(server).ListBenchmarks(pb.ListBenchmarksRequest(platform=INSTAGRAM))
    assert {each.source for each in before.benchmarks} == {"kim2019", "kaggle2022"}
    await world.fill(260)
    await measure_now(world.indexer, world.reference)
    after = await client(server).ListBenchmarks(pb.ListBenchmarksRequest(platform=INSTAGRAM))
    held = [each for each in after.benchmarks if each.source == "held"]
    assert held
    assert all(each.creators >= 200 for each in held)
    shown = await client(server).GetCreator(pb.GetCreatorRequest(name="creators/c100"))
    populations = {each.metric: each.population for each in shown.accounts[0].benchmarks}
    assert "held here" in populations["engagement_rate_by_followers"]
    scored = await client(server).SearchCreators(pb.SearchCreatorsRequest(page_size=1, brief=brief()))
    direct = await client(server).ScoreCreator(pb.ScoreCreatorRequest(creator=scored.matches[0].creator, brief=brief()))
    assert scored.matches[0].fit.score_hundredths == direct.fit.score_hundredths


async def test_platforms_are_advised(server: TestServer) -> None:
    advised = await client(server).GetPlatformAdvice(
        pb.GetPlatformAdviceRequest(kinds=[pb.PRODUCT_KIND_TUTORIAL], ages=["25-34"])
    )
    assert [each.platform for each in advised.platforms] == [type_pb2.PLATFORM_YOUTUBE]


def brief() -> pb.MatchBrief:
    return pb.MatchBrief(target_audience=type_pb2.TargetAudience(countries=["FR", "BE"], genders=["FEMALE"]))


def wish(**changes: Any) -> pb.PlanRosterRequest:
    given: dict[str, Any] = {
        "brand": BRAND,
        "brief": brief(),
        "budget": type_pb2.Money(currency_code="EUR", minor_units=60_000),
        "max_creators": 5,
        "assumed_price_per_thousand": 2_000,
    }
    return pb.PlanRosterRequest(**(given | changes))


async def test_a_roster_keeps_to_its_limits_and_says_what_each_adds_and_more_would_buy(server: TestServer) -> None:
    required = "creators/c000"
    prices = [pb.CreatorPrice(creator="creators/c039", minor_units=100)]
    roster = await client(server).PlanRoster(wish(required_creators=[required], prices=prices))
    assert roster.cost.minor_units <= 60_000
    assert roster.cost.minor_units == sum(pick.price_minor_units for pick in roster.picks)
    assert len(roster.picks) <= 5
    names = [pick.creator for pick in roster.picks]
    assert required in names
    assert "creators/c039" in names, "it costs next to nothing"
    assert {pick.creator: pick.price_assumed for pick in roster.picks}["creators/c039"] is False
    assert roster.optimal
    assert 0 <= roster.gap <= 1e-4
    assert roster.reach_in_target <= roster.reach_bound
    assert roster.reach_in_target < roster.reach_with_overlap
    gains = [pick.marginal_reach for pick in roster.picks]
    assert gains == sorted(gains, reverse=True)
    assert sum(gains) <= roster.reach_in_target
    less, more, much = roster.alternatives
    assert less.difference <= 0 <= more.difference <= much.difference
    assert much.budget.minor_units == 75_000
    assert any("overlap" in assumption for assumption in roster.assumptions)


async def test_a_roster_that_cannot_be_is_refused_with_what_would_help(server: TestServer) -> None:
    ours = client(server)
    tiers = [pb.RosterTier(tier="mega", min_creators=1)]
    assert await refused(ours.PlanRoster(wish(tiers=tiers))) == ("ROSTER_IMPOSSIBLE", ["tiers[0].min_creators"])
    tiers = [pb.RosterTier(tier="giant")]
    assert await refused(ours.PlanRoster(wish(tiers=tiers))) == ("ROSTER_INVALID", ["tiers[0].tier"])
    without = wish()
    without.ClearField("assumed_price_per_thousand")
    assert await refused(ours.PlanRoster(without)) == ("ROSTER_IMPOSSIBLE", ["filter"])
    nowhere = wish(brief=pb.MatchBrief())
    assert await refused(ours.PlanRoster(nowhere)) == ("ROSTER_IMPOSSIBLE", ["brief.target_audience.countries"])
    nothing = wish(budget=type_pb2.Money(currency_code="EUR", minor_units=0))
    assert (await refused(ours.PlanRoster(nothing)))[1] == ["budget.minor_units"]
    assert (await refused(client(server, OTHER).PlanRoster(wish())))[0] == "NOT_FOUND"
