"""Copies of what the campaign service tells, and the objectives that are watched."""

import asyncio
from datetime import datetime, timedelta

from entente_analytics.application.queries import load_facts
from entente_analytics.application.stores import Stores
from entente_analytics.domain import objectives
from entente_analytics.domain.campaigns import Campaign, Collaboration
from entente_analytics.domain.kpis import campaign_kpis, objective_value
from entente_analytics.domain.names import objective_name
from entente_analytics.metrics import objectives_changed
from entente_chassis.store.model import Cause, Change


async def copy_campaign(stores: Stores, campaign: Campaign, cause: Cause, now: datetime) -> None:
    """Keep what the campaign service tells of a campaign, and look at its objective."""
    await stores.campaigns.change(campaign.name, lambda _: Change(campaign), cause=cause)
    if objectives.is_watched(campaign):
        await look_at_objective(stores, campaign.name, now)


async def copy_collaboration(stores: Stores, collaboration: Collaboration, cause: Cause, now: datetime) -> None:
    """Keep what the campaign service tells of a collaboration: its cost and its audience weigh in the objective."""
    await stores.collaborations.change(collaboration.name, lambda _: Change(collaboration), cause=cause)
    await look_at_objective(stores, collaboration.campaign, now)


async def look_at_objective(stores: Stores, campaign: str, at: datetime) -> None:
    """See to it that the campaign's objective is looked at by then."""

    def decide(state: objectives.Watch | None) -> Change[objectives.Watch] | None:
        watch = objectives.look_again(state, campaign, at)
        return Change(watch) if watch else None

    await stores.watches.change(objective_name(campaign), decide)


async def evaluate_objective(
    stores: Stores, name: str, *, now: datetime, again_after: timedelta, in_target_threshold: int
) -> None:
    """Look at an objective: tell of it when it stands otherwise than before, and say when to look again.

    Tells also when less of the reach is in the target than the campaign asks for, or ``in_target_threshold`` where it
    asks for nothing, in basis points.
    """

    def begin(state: objectives.Watch | None) -> Change[objectives.Watch] | None:
        watch = objectives.begun(state) if state else None
        return Change(watch) if watch else None

    watch = (await stores.watches.change(name, begin)).state
    copied = await stores.campaigns.get(watch.campaign)
    campaign = copied.state if copied else None
    progress = audience = None
    if campaign is not None and campaign.objective is not None and objectives.is_watched(campaign):
        facts = await load_facts(stores, campaign.name)
        kpis = await asyncio.to_thread(campaign_kpis, facts, campaign.objective.deadline)
        value = objective_value(campaign.objective.metric, kpis.total)
        progress = objectives.progress_of(campaign.objective, campaign.start, value, now)
        share = kpis.total.in_target_share_basis_points
        if share is not None:
            asked = campaign.target.min_share
            threshold = in_target_threshold if asked is None else round(asked * 10_000)
            audience = objectives.InTargetShare(share, threshold, kpis.total.reach_in_target_estimated)

    def decide(state: objectives.Watch | None) -> Change[objectives.Watch] | None:
        if state is None or state.evaluate_at is None or state.evaluate_at > now:
            return None  # Another process has looked.
        return Change(*objectives.evaluated(state, campaign, progress, now, again_after, audience))

    outcome = await stores.watches.change(name, decide)
    if outcome.applied and outcome.state.status and outcome.state.status is not watch.status:
        objectives_changed.labels(outcome.state.status.value.lower()).inc()
