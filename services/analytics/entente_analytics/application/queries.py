"""What answers questions: facts are read, folded in the domain, and given back."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from entente_analytics.application.commands.rollups import refresh
from entente_analytics.application.stores import Stores, every
from entente_analytics.domain import objectives
from entente_analytics.domain.campaigns import Campaign
from entente_analytics.domain.kpis import CampaignKpis, Facts, campaign_kpis, objective_value
from entente_analytics.domain.links import TrackedLink
from entente_analytics.domain.objectives import Progress
from entente_analytics.domain.reports import Comparison, Dimension, Rank, compared, ranking
from entente_analytics.domain.rollups import Bucket, Clicks
from entente_chassis.refusal import Precondition
from entente_chassis.store.model import Outcome


async def clicks_of(stores: Stores, links: Sequence[TrackedLink]) -> dict[str, Clicks]:
    """The clicks of some links, by name of the link."""
    totals = {link.name: Clicks() for link in links}
    for collaboration in sorted({link.owner.collaboration for link in links}):
        async for bucket in every(stores.buckets, {"collaboration": collaboration}):
            for name, clicks in bucket.links.items():
                if name in totals:
                    totals[name] += clicks
    return totals


async def list_links(
    stores: Stores, parent: str, *, page_size: int, page_token: str
) -> tuple[list[Outcome[TrackedLink]], str]:
    """A page of the links of a campaign or a collaboration."""
    field = "owner.collaboration" if "/collaborations/" in parent else "owner.campaign"
    return await stores.links.page(
        {field: parent}, page_size=page_size, page_token=page_token, scope=f"links of {parent}"
    )


async def load_facts(stores: Stores, campaign: str) -> Facts:
    """All that the figures of a campaign are made of. Roll-ups that are behind their orders are brought up to date."""
    copied = await stores.campaigns.get(campaign)
    start = copied.state.start if copied else None
    reference = stores.reference
    return Facts(
        campaign=copied.state if copied else None,
        collaborations=[state async for state in every(stores.collaborations, {"campaign": campaign})],
        posts=[state async for state in every(stores.posts, {"campaign": campaign})],
        buckets=[await _fresh(stores, bucket) async for bucket in every(stores.buckets, {"campaign": campaign})],
        tracked=frozenset([link.owner async for link in every(stores.links, {"owner.campaign": campaign})]),
        coded=frozenset([promo.owner async for promo in every(stores.promo_codes, {"owner.campaign": campaign})]),
        comments=[state async for state in every(stores.comments, {"campaign": campaign})],
        rates=reference.rates,
        emv=reference.emv_table(start.date()) if start else None,
    )


async def _fresh(stores: Stores, bucket: Bucket) -> Bucket:
    return await refresh(stores, bucket.name) if bucket.stale_at else bucket


@dataclass(frozen=True)
class Report:
    """All that the report of a campaign shows."""

    campaign: Campaign
    facts: Facts
    kpis: CampaignKpis
    progress: Progress | None
    comparisons: list[Comparison]
    ranking: list[Rank]


async def campaign_report(stores: Stores, campaign: Campaign, now: datetime) -> Report:
    """The figures of a campaign with what they were made of."""
    facts = await load_facts(stores, campaign.name)
    # In a thread: a large campaign takes a while, and the redirect of links shares this loop.
    return await asyncio.to_thread(_report_of, campaign, facts, stores.reference.tiers(), now)


def _report_of(campaign: Campaign, facts: Facts, tiers: Sequence[tuple[str, int]], now: datetime) -> Report:
    by = (Dimension.TIER, Dimension.COMPENSATION, Dimension.PLATFORM, Dimension.MECHANIC)
    return Report(
        campaign,
        facts,
        campaign_kpis(facts),
        _progress(campaign, facts, now),
        [each for dimension in by for each in compared([facts], dimension, tiers)],
        ranking(facts),
    )


async def compare_campaigns(
    stores: Stores, brand: str, dimension: Dimension, currency: str
) -> tuple[list[Comparison], int]:
    """The figures of all campaigns of a brand side by side, in one currency, and how many campaigns there are."""
    many = []
    async for campaign in every(stores.campaigns, {"brand": brand}):
        facts = await load_facts(stores, campaign.name)
        many.append(replace(facts, campaign=replace(campaign, currency=currency)))
    return await asyncio.to_thread(compared, many, dimension, stores.reference.tiers()), len(many)


async def objective_progress(stores: Stores, campaign: Campaign, now: datetime) -> tuple[Progress, bool]:
    """How far the objective of a campaign is, and whether that rests on an assumption.

    Raises:
        Precondition: it has none.
    """
    facts = await load_facts(stores, campaign.name)
    progress = await asyncio.to_thread(_progress, campaign, facts, now)
    if progress is None:
        raise Precondition(
            "NO_OBJECTIVE", "The campaign has no objective yet: set one and publish it.", resource=campaign.name
        )
    return progress, is_estimated(facts, progress)


def is_estimated(facts: Facts, progress: Progress) -> bool:
    """Whether the value of an objective rests on an assumption."""
    if progress.objective.metric.value != "REACH_IN_TARGET":
        return False
    return campaign_kpis(facts, until=progress.objective.deadline).total.reach_in_target_estimated


def _progress(campaign: Campaign, facts: Facts, now: datetime) -> Progress | None:
    objective = campaign.objective
    if objective is None:
        return None
    kpis = campaign_kpis(facts, until=objective.deadline)
    value = objective_value(objective.metric, kpis.total)
    progress = objectives.progress_of(objective, campaign.start, value, now)
    days = {day: objective_value(objective.metric, figures) or 0 for day, figures in kpis.days.items()}
    return replace(progress, projection=objectives.projected(objective, progress.start, value, days, now))
