"""What the service hears of campaigns and collaborations is copied."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from entente.campaign.v1 import events_pb2 as campaign_events
from entente.campaign.v1 import service_pb2 as campaign_pb
from entente.type.v1 import type_pb2
from entente_analytics.application.stores import Stores
from entente_analytics.domain.campaigns import Metric, Objective
from entente_analytics.entrypoints.events import routes
from entente_chassis.clock import ManualClock
from entente_chassis.money import Money
from entente_chassis.testing import incoming

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
ANNA = "campaigns/spring/collaborations/anna"


def campaign(**given: Any) -> campaign_events.CampaignSnapshot:
    snapshot = campaign_events.CampaignSnapshot(
        campaign="campaigns/spring",
        brand="brands/maison",
        title="Spring",
        state=campaign_pb.CAMPAIGN_STATE_RUNNING,
        objective=campaign_pb.Objective(metric=type_pb2.OBJECTIVE_METRIC_CLICKS, target=100),
        target_audience=type_pb2.TargetAudience(countries=["FR"]),
        budget=type_pb2.Money(currency_code="EUR", minor_units=100_000),
        **given,
    )
    snapshot.objective.deadline_time.FromDatetime(START + timedelta(days=40))
    snapshot.start_time.FromDatetime(START)
    return snapshot


def collaboration(**given: Any) -> campaign_events.CollaborationSnapshot:
    snapshot = campaign_events.CollaborationSnapshot(
        ref=campaign_events.CollaborationRef(
            collaboration=ANNA, campaign="campaigns/spring", brand="brands/maison", creator="creators/anna"
        ),
        state=campaign_pb.COLLABORATION_STATE_SHIPMENT_SENT,
        platform=type_pb2.PLATFORM_TIKTOK,
        audience=type_pb2.Audience(countries=[type_pb2.WeightedCode(code="FR")]),
        cost=type_pb2.Money(currency_code="EUR", minor_units=2_500),
        **given,
    )
    snapshot.accept_time.FromDatetime(START)
    return snapshot


@pytest.fixture
def hear(stores: Stores, clock: ManualClock) -> Any:
    handlers = routes(stores, clock)

    async def deliver(message: Any, subject: str, n: int = 1) -> None:
        await handlers[type(message)](incoming(message, subject, n=n))

    return deliver


async def test_a_collaboration_that_comes_before_its_campaign_is_kept_and_the_figures_are_there(
    hear: Any, stores: Stores
) -> None:
    await hear(collaboration(), ANNA)
    await hear(campaign(), "campaigns/spring")

    copied = (await stores.collaborations.require(ANNA, what="Collaboration")).state
    assert (copied.state, copied.platform, copied.cost) == ("SHIPMENT_SENT", "TIKTOK", Money("EUR", 2_500))
    assert (copied.accepted, copied.sent, copied.followers) == (True, False, None)
    assert copied.audience.countries[0].weight is None
    known = (await stores.campaigns.require("campaigns/spring", what="Campaign")).state
    assert known.objective == Objective(Metric.CLICKS, 100, START + timedelta(days=40))
    assert (known.start, known.currency, known.target.countries) == (START, "EUR", ("FR",))


async def test_an_older_snapshot_that_comes_again_does_not_bring_the_past_back(hear: Any, stores: Stores) -> None:
    await hear(campaign(brand_display_name="old"), "campaigns/spring", n=1)
    await hear(campaign(brand_display_name="new"), "campaigns/spring", n=3)
    await hear(campaign(brand_display_name="old"), "campaigns/spring", n=1)

    assert (await stores.campaigns.require("campaigns/spring", what="Campaign")).state.brand_display_name == "new"


async def test_words_of_a_newer_campaign_service_are_no_poison(hear: Any, stores: Stores) -> None:
    snapshot = campaign()
    snapshot.state = 99  # type: ignore[assignment]
    snapshot.objective.metric = 99  # type: ignore[assignment]

    await hear(snapshot, "campaigns/spring")

    known = (await stores.campaigns.require("campaigns/spring", what="Campaign")).state
    assert (known.state, known.objective) == ("", None)
