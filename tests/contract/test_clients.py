"""The one client between services, campaign's of matching, against the server's own code."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from entente.matching.v1 import service_pb2 as matching_pb
from entente_chassis.auth import Role
from entente_chassis.rpc import to_refusal
from entente_chassis.testing import serving
from tests.contract.story import BRAND, CAMPAIGN, Story
from tests.contract.world import World, running


async def apply(world: World, creator: str = "anna") -> Any:
    """A creator applies to a campaign that was just published; returns the collaboration as the brand sees it."""
    story = Story(world)
    await story.brand_publishes()
    about = {"campaign": story.campaign, "creator": f"creators/{creator}"}
    await story.as_creator(creator, "campaign", "ApplyToCampaign", **about)
    return await look_at(world, story.collaboration(creator))


async def look_at(world: World, collaboration: str) -> Any:
    return await world.call("campaign", "GetCollaboration", {"name": collaboration}, Role.BRAND, brands=[BRAND])


async def test_an_application_carries_what_matching_says_of_the_creator(tmp_path: Path) -> None:
    async with running(tmp_path, "matching", "campaign") as world:
        await Story(world).creators_register()
        collaboration = await apply(world)
        brief = {"targetAudience": CAMPAIGN["targetAudience"], "platforms": CAMPAIGN["platforms"]}
        question = {"creator": "creators/anna", "brief": brief}
        said = await world.call("matching", "ScoreCreator", question, Role.OPERATOR)

    assert said.fit.score_hundredths > 0
    assert collaboration.fit.score_hundredths == said.fit.score_hundredths
    assert collaboration.fit.formula_version == said.fit.formula_version
    parts = {reason.factor: reason.points_hundredths for reason in collaboration.fit.reasons}
    names = matching_pb.FitFactor
    assert parts == {
        names.Name(part.factor).removeprefix("FIT_FACTOR_"): part.points_hundredths for part in said.fit.contributions
    }
    assert sum(parts.values()) == collaboration.fit.score_hundredths
    assert collaboration.creator_display_name == said.display_name == "Anna"
    assert collaboration.followers == said.followers == 20_000
    assert collaboration.platform == said.platform
    assert collaboration.audience == said.audience


async def test_a_creator_whom_matching_does_not_know_cannot_apply(tmp_path: Path) -> None:
    async with running(tmp_path, "matching", "campaign") as world:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await apply(world, "nobody")
    refusal = to_refusal(refused.value)
    assert (refused.value.code(), refusal.reason) == (grpc.StatusCode.NOT_FOUND, "CREATOR_UNKNOWN")


async def test_an_application_is_taken_while_matching_is_away_and_scored_when_it_is_back(tmp_path: Path) -> None:
    async with running(tmp_path, "matching", "campaign") as world:
        await Story(world).creators_register()
        server = world.servers["matching"]
        port = server.address.rpartition(":")[2]
        await server.server.stop(0)
        collaboration = await apply(world)
        assert not collaboration.HasField("fit")

        servicers = world.runtimes["matching"].servicers
        async with serving(tmp_path, *servicers, grpc_bind=f"127.0.0.1:{port}"):
            scored = collaboration
            async with asyncio.timeout(30):  # The connection takes its time to come back.
                while not scored.HasField("fit"):
                    await asyncio.sleep(0.1)
                    await world.advance(timedelta(minutes=10))
                    scored = await look_at(world, collaboration.name)
    assert scored.fit.score_hundredths > 0
    assert scored.creator_display_name == "Anna"


async def test_a_message_to_many_goes_to_whom_matching_and_campaign_name(tmp_path: Path) -> None:
    async with running(tmp_path, "matching", "campaign", "messaging") as world:
        story = Story(world)
        await story.creators_register()
        await apply(world)
        creators = ["creators/bea", "creators/carl"]
        shortlist = await story.as_brand(
            "matching", "CreateShortlist", parent=BRAND, shortlist={"displayName": "Two", "creators": creators}
        )
        campaign = (
            await world.call("campaign", "ListCampaigns", {"brand": BRAND}, Role.BRAND, brands=[BRAND])
        ).campaigns

        async def recipients(audience: dict[str, Any], brand: str = BRAND) -> list[str]:
            bulk = {"audience": audience, "occasion": "OCCASION_REACTIVATION"}
            asked = {"parent": brand, "bulk": bulk}
            return list((await world.call("messaging", "PreviewBulk", asked, Role.BRAND, brands=[brand])).recipients)

        stage = {"campaign": campaign[0].name}
        assert await recipients({"shortlist": shortlist.name}) == creators
        assert await recipients({"stage": {**stage, "states": ["APPLIED"]}}) == ["creators/anna"]
        assert await recipients({"stage": {**stage, "states": ["COMPLETED"]}}) == []
        assert await recipients({"stage": {**stage, "minFollowers": 20_001}}) == []
        for others in ({"shortlist": shortlist.name}, {"stage": stage}):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await recipients(others, "brands/other")
            assert to_refusal(refused.value).reason == "AUDIENCE_NOT_FOUND"
