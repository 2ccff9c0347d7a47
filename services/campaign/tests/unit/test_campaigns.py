from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from entente_campaign.domain import campaigns
from entente_campaign.domain.campaigns import (
    Brief,
    Campaign,
    CampaignPublished,
    CampaignResumed,
    CampaignStarted,
    CampaignState,
    Compensation,
    Deliverable,
    MandatoryElement,
    Objective,
    Persona,
)
from entente_campaign.domain.places import Place
from entente_campaign.domain.words import CompensationModel, DeliverableKind, Mechanic, Metric, TargetAudience
from entente_chassis.money import Money
from entente_chassis.refusal import Invalid, Precondition

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
COMPLETE: dict[str, Any] = {
    "mechanic": Mechanic.PRODUCT_TEST,
    "objective": Objective(Metric.CLICKS, 500, NOW + 60 * DAY),
    "target_audience": TargetAudience(("FR",), ("25-34",), ("FEMALE",), ("fr",), ("beauty",)),
    "persona": Persona("Léa, 29", ("soins bio",)),
    "brief": Brief(
        product_name="Sérum Aurore",
        mandatory_elements=(MandatoryElement("routine", "Montrer la routine"),),
        deliverables=(Deliverable(DeliverableKind.REEL),),
    ),
    "markets": ("FR",),
    "compensation": Compensation(CompensationModel.GIFTED, gift_value=Money("EUR", 4000)),
    "budget": Money("EUR", 100_000),
    "places": 10,
    "start_time": NOW + 2 * DAY,
    "end_time": NOW + 60 * DAY,
}


def drafted(**values: Any) -> Campaign:
    given = {name: value for name, value in (COMPLETE | values).items() if value is not None}
    return campaigns.draft("campaigns/c", "brands/b", "Maison Lune", "Rituel du soir", given, NOW)


def published(**values: Any) -> Campaign:
    return campaigns.publish(drafted(**values), NOW)[0]


def test_publishing_an_empty_draft_names_everything_that_is_missing_at_once() -> None:
    empty = campaigns.draft("campaigns/c", "brands/b", "Maison Lune", "Rituel du soir", {}, NOW)
    with pytest.raises(Precondition) as refused:
        campaigns.publish(empty, NOW)
    assert refused.value.reason == "CAMPAIGN_NOT_READY"
    assert {violation.field for violation in refused.value.violations} == {
        "objective",
        "target_audience.countries",
        "target_audience.ages",
        "target_audience.genders",
        "target_audience.languages",
        "target_audience.interests",
        "persona.purchases",
        "brief",
        "mechanic",
        "markets",
        "start_time",
        "end_time",
        "places",
        "budget",
        "compensation.model",
    }


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"objective": None}, {"objective"}),
        ({"objective": Objective()}, {"objective.metric", "objective.target", "objective.deadline_time"}),
        ({"objective": Objective(Metric.CLICKS, 5, NOW)}, {"objective.deadline_time"}),
        ({"brief": Brief()}, {"brief.product_name", "brief.mandatory_elements", "brief.deliverables"}),
        ({"compensation": Compensation(CompensationModel.GIFTED)}, {"compensation.gift_value"}),
        (
            {"compensation": Compensation(CompensationModel.HYBRID), "mechanic": Mechanic.AFFILIATION},
            {"compensation.fee", "compensation.commission_basis_points"},
        ),
        ({"budget": Money("EUR", 3999)}, {"budget"}),
        ({"application_deadline_time": NOW}, {"application_deadline_time"}),
    ],
)
def test_a_campaign_is_not_published_without(values: dict[str, Any], fields: set[str]) -> None:
    with pytest.raises(Precondition) as refused:
        campaigns.publish(drafted(**values), NOW)
    assert {violation.field for violation in refused.value.violations} == fields
    assert all(violation.description for violation in refused.value.violations)


def test_publishing_pins_the_brief_and_tells_the_objective() -> None:
    campaign, (event,) = campaigns.publish(drafted(), NOW)
    assert isinstance(event, CampaignPublished)
    assert (event.objective.target, event.brief_revision) == (500, 1)
    with pytest.raises(Precondition) as refused:
        campaigns.edit(campaign, {"brief": Brief(product_name="Other")}, NOW)
    assert [violation.field for violation in refused.value.violations] == ["brief"]


def test_the_revision_of_the_brief_grows_only_when_the_brief_changes() -> None:
    campaign = drafted()
    assert campaigns.edit(campaign, {"title": "Another"}, NOW)[0].brief_revision == 1
    assert campaigns.edit(campaign, {"brief": Brief(product_name="Other")}, NOW)[0].brief_revision == 2


def test_budget_and_places_cannot_fall_below_what_is_taken() -> None:
    held = {"ana": Place(Money("EUR", 50_000), "r"), "bea": Place(Money("EUR", 20_000), "r")}
    campaign = replace(published(), held=held)
    with pytest.raises(Invalid) as refused:
        campaigns.edit(campaign, {"budget": Money("EUR", 69_999), "places": 1}, NOW)
    assert {(v.field, v.reason) for v in refused.value.violations} == {
        ("budget", "BELOW_COMMITTED"),
        ("places", "BELOW_TAKEN"),
    }
    assert campaigns.edit(campaign, {"budget": Money("EUR", 70_000), "places": 2}, NOW)[0].places == 2


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"end_time": NOW + DAY}, "end_time"),
        ({"application_deadline_time": NOW + 61 * DAY}, "application_deadline_time"),
        ({"budget": Money("USD", 100_000)}, "compensation.gift_value"),
    ],
)
def test_a_draft_that_contradicts_itself_is_refused(values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        drafted(**values)
    assert [violation.field for violation in refused.value.violations] == [field]


def test_a_published_campaign_starts_at_its_start_and_only_once() -> None:
    campaign = published()
    assert campaigns.next_due(campaign) == NOW + 2 * DAY
    assert campaigns.start(campaign, NOW + DAY) is None
    decision = campaigns.start(campaign, NOW + 2 * DAY)
    assert decision is not None
    assert (decision[0].state, decision[1][0]) == (
        CampaignState.RUNNING,
        CampaignStarted("campaigns/c", "brands/b", "Rituel du soir"),
    )
    assert campaigns.start(decision[0], NOW + 3 * DAY) is None
    assert campaigns.next_due(decision[0]) is None


def test_a_pause_ends_where_it_began() -> None:
    running = campaigns.start(published(), NOW + 2 * DAY)
    assert running is not None
    paused, _ = campaigns.pause(running[0], "stock", NOW + 3 * DAY)
    with pytest.raises(Precondition) as refused:
        campaigns.require_open(paused, NOW + 3 * DAY)
    assert refused.value.reason == "CAMPAIGN_NOT_OPEN"
    resumed, (event,) = campaigns.resume(paused, NOW + 4 * DAY)
    assert (resumed.state, type(event)) == (CampaignState.RUNNING, CampaignResumed)
    early, _ = campaigns.pause(published(), "stock", NOW)
    assert campaigns.resume(early, NOW)[0].state is CampaignState.PUBLISHED


def test_nobody_is_taken_after_the_deadline_or_the_end() -> None:
    campaign = published(application_deadline_time=NOW + 10 * DAY)
    campaigns.require_open(campaign, NOW + 9 * DAY)
    with pytest.raises(Precondition) as refused:
        campaigns.require_open(campaign, NOW + 10 * DAY)
    assert refused.value.reason == "CAMPAIGN_CLOSED"
    done, _ = campaigns.complete(campaign, NOW)
    for step in (campaigns.publish, campaigns.resume, campaigns.complete):
        with pytest.raises(Precondition, match="CAMPAIGN_STEP_NOT_ALLOWED"):
            step(done, NOW)
