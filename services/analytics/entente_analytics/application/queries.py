"""What answers questions: facts are read, folded in the domain, and given back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from entente_analytics.application.stores import Stores, every
from entente_analytics.domain import objectives
from entente_analytics.domain.campaigns import Campaign
from entente_analytics.domain.clicks import ClickDay
from entente_analytics.domain.kpis import (
    CampaignKpis,
    Facts,
    SalesByDay,
    add_sale,
    campaign_kpis,
    objective_value,
)
from entente_analytics.domain.links import TrackedLink
from entente_analytics.domain.objectives import Progress
from entente_chassis.refusal import Precondition
from entente_chassis.store.model import Outcome


@dataclass(frozen=True)
class Clicks:
    """The clicks of one link over all its days."""

    counted: int = 0
    bots: int = 0
    repeats: int = 0


async def clicks_of(stores: Stores, links: Sequence[TrackedLink]) -> dict[str, Clicks]:
    """The clicks of some links, by name of the link."""
    totals = {link.name: Clicks() for link in links}
    if totals:
        async for day in every(stores.click_days, {"link": {"$in": sorted(totals)}}):
            total = totals[day.link]
            totals[day.link] = Clicks(total.counted + day.counted, total.bots + day.bots, total.repeats + day.repeats)
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
    """All that the figures of a campaign are made of."""
    copied = await stores.campaigns.get(campaign)
    sales: SalesByDay = {}
    async for order in every(stores.orders, {"attribution.owner.campaign": campaign}):
        add_sale(sales, order)
    return Facts(
        campaign=copied.state if copied else None,
        collaborations=[state async for state in every(stores.collaborations, {"campaign": campaign})],
        posts=[state async for state in every(stores.posts, {"campaign": campaign})],
        click_days=[_without_marks(day) async for day in every(stores.click_days, {"owner.campaign": campaign})],
        sales=sales,
        tracked=frozenset(
            [link.owner.collaboration async for link in every(stores.links, {"owner.campaign": campaign})]
        ),
        coded=frozenset(
            [promo.owner.collaboration async for promo in every(stores.promo_codes, {"owner.campaign": campaign})]
        ),
    )


@dataclass(frozen=True)
class Report:
    """All that the report of a campaign shows."""

    campaign: Campaign
    facts: Facts
    kpis: CampaignKpis
    progress: Progress | None


async def campaign_report(stores: Stores, campaign: Campaign, now: datetime) -> Report:
    """The figures of a campaign with what they were made of."""
    facts = await load_facts(stores, campaign.name)
    return Report(campaign, facts, campaign_kpis(facts), _progress(campaign, facts, now))


async def objective_progress(stores: Stores, campaign: Campaign, now: datetime) -> tuple[Progress, bool]:
    """How far the objective of a campaign is, and whether that rests on an assumption.

    Raises:
        Precondition: it has none.
    """
    facts = await load_facts(stores, campaign.name)
    progress = _progress(campaign, facts, now)
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
    if campaign.objective is None:
        return None
    total = campaign_kpis(facts, until=campaign.objective.deadline).total
    value = objective_value(campaign.objective.metric, total)
    return objectives.progress_of(campaign.objective, campaign.start, value, now)


def _without_marks(day: ClickDay) -> ClickDay:
    return ClickDay(day.link, day.owner, day.day, day.counted, day.bots, day.repeats, {})
