"""The states that a campaign goes through."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from entente_campaign.domain import places as places_rules
from entente_campaign.domain import waiting as waiting_rules
from entente_campaign.domain.campaigns.events import (
    CampaignArchived,
    CampaignCancelled,
    CampaignCompleted,
    CampaignPaused,
    CampaignPublished,
    CampaignResumed,
    CampaignStarted,
    Decision,
)
from entente_campaign.domain.campaigns.model import OPEN, Campaign, CampaignState
from entente_campaign.domain.campaigns.readiness import missing
from entente_chassis.money import Money
from entente_chassis.refusal import Precondition

_S = CampaignState
STEPS: Mapping[CampaignState, frozenset[CampaignState]] = {
    _S.DRAFT: frozenset({_S.PUBLISHED, _S.CANCELLED}),
    _S.PUBLISHED: frozenset({_S.RUNNING, _S.PAUSED, _S.CANCELLED, _S.COMPLETED}),
    _S.RUNNING: frozenset({_S.PAUSED, _S.CANCELLED, _S.COMPLETED}),
    _S.PAUSED: frozenset({_S.PUBLISHED, _S.RUNNING, _S.CANCELLED, _S.COMPLETED}),
    _S.COMPLETED: frozenset({_S.ARCHIVED}),
    _S.CANCELLED: frozenset({_S.ARCHIVED}),
    _S.ARCHIVED: frozenset(),
}


def publish(campaign: Campaign, now: datetime) -> Decision:
    """Open a campaign to creators; its brief is pinned.

    Raises:
        Precondition: it is no draft, or something is missing: all of it is named.
    """
    published = _move(campaign, CampaignState.PUBLISHED, now)
    if problems := missing(campaign, now):
        raise Precondition(
            "CAMPAIGN_NOT_READY",
            f"{campaign.name} cannot be published yet: {', '.join(problem.field for problem in problems)}.",
            violations=problems,
        )
    assert campaign.objective is not None
    assert campaign.start_time is not None
    assert campaign.end_time is not None
    event = CampaignPublished(
        campaign.name,
        campaign.brand,
        campaign.brand_display_name,
        campaign.title,
        campaign.objective,
        campaign.brief_revision,
        campaign.start_time,
        campaign.end_time,
    )
    return replace(published, publish_time=now), (event,)


def start(campaign: Campaign, now: datetime) -> Decision | None:
    """The start has come. Nothing to do unless it is published and due."""
    if campaign.state is not CampaignState.PUBLISHED or campaign.start_time is None or campaign.start_time > now:
        return None
    started = replace(_move(campaign, CampaignState.RUNNING, now), started=True)
    return started, (CampaignStarted(campaign.name, campaign.brand, campaign.title),)


def pause(campaign: Campaign, reason: str, now: datetime) -> Decision:
    """Take nobody new for a while."""
    paused = _move(campaign, CampaignState.PAUSED, now)
    return paused, (CampaignPaused(campaign.name, campaign.brand, campaign.title, reason),)


def resume(campaign: Campaign, now: datetime) -> Decision:
    """End a pause. A campaign whose start has come meanwhile is started by its clock."""
    to = CampaignState.RUNNING if campaign.started else CampaignState.PUBLISHED
    if campaign.state is not CampaignState.PAUSED:
        raise _not_allowed(campaign, to)
    resumed = _move(campaign, to, now)
    return resumed, (CampaignResumed(campaign.name, campaign.brand, campaign.title),)


def cancel(campaign: Campaign, reason: str, now: datetime) -> Decision:
    """End it before its time."""
    cancelled = _move(campaign, CampaignState.CANCELLED, now)
    return cancelled, (CampaignCancelled(campaign.name, campaign.brand, campaign.title, reason),)


def complete(campaign: Campaign, now: datetime) -> Decision:
    """End it."""
    completed = _move(campaign, CampaignState.COMPLETED, now)
    return completed, (CampaignCompleted(campaign.name, campaign.brand, campaign.title),)


def archive(campaign: Campaign, now: datetime) -> Decision:
    """Put it away."""
    archived = _move(campaign, CampaignState.ARCHIVED, now)
    return archived, (CampaignArchived(campaign.name, campaign.brand, campaign.title),)


def require_open(campaign: Campaign, now: datetime) -> None:
    """Refuse unless creators can be taken.

    Raises:
        Precondition: it is not open, or the time to apply and answer is over.
    """
    if campaign.state not in OPEN:
        raise Precondition(
            "CAMPAIGN_NOT_OPEN", f"{campaign.name} is {campaign.state}: it takes nobody now.", state=campaign.state
        )
    if campaign.answer_deadline_time <= now:
        raise Precondition("CAMPAIGN_CLOSED", f"The time to apply to {campaign.name} and to answer is over.")


def reserve(
    campaign: Campaign, creator: str, amount: Money, *, reservation: str, until: datetime, meter: str = ""
) -> Campaign:
    """Take a place and a part of the budget for a creator.

    Raises:
        Precondition: the campaign is not open, or places or budget do not suffice.
    """
    if campaign.state not in OPEN:
        raise Precondition(
            "CAMPAIGN_NOT_OPEN", f"{campaign.name} is {campaign.state}: it takes nobody now.", state=campaign.state
        )
    assert campaign.budget is not None
    held = places_rules.reserve(
        campaign.held,
        creator,
        amount,
        places=campaign.places,
        budget=campaign.budget,
        reservation=reservation,
        until=until,
        meter=meter,
    )
    return replace(campaign, held=held, waiting=waiting_rules.without(campaign.waiting, creator))


def first_waiting(campaign: Campaign) -> str | None:
    """Who of the waiting list is offered a place now; None when nobody can be."""
    if campaign.state not in OPEN or campaign.budget is None:
        return None
    return waiting_rules.first(campaign.waiting, campaign.held, places_in_all=campaign.places, budget=campaign.budget)


def next_due(campaign: Campaign) -> datetime | None:
    """When the campaign's clocks ring next: its start, a reservation that lapses, a free place for who waits."""
    start_time = campaign.start_time if campaign.state is CampaignState.PUBLISHED else None
    waits = first_waiting(campaign)
    since = campaign.waiting[waits].since if waits else None
    lapses = places_rules.next_overdue(campaign.held)
    return min((due for due in (start_time, lapses, since) if due), default=None)


def _move(campaign: Campaign, to: CampaignState, now: datetime) -> Campaign:
    if to not in STEPS[campaign.state]:
        raise _not_allowed(campaign, to)
    return replace(campaign, state=to, update_time=now)


def _not_allowed(campaign: Campaign, to: CampaignState) -> Precondition:
    possible = ", ".join(sorted(STEPS[campaign.state])) or "nothing else"
    return Precondition(
        "CAMPAIGN_STEP_NOT_ALLOWED",
        f"{campaign.name} is {campaign.state} and cannot become {to}: it can become {possible}.",
        state=campaign.state,
    )
