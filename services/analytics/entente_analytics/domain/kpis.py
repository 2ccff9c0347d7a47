"""Key figures of a campaign: facts added up per collaboration and per day, then divided. Undefined is None, never 0."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from entente_analytics.domain.audience import Assumption, Audience, Target, in_target
from entente_analytics.domain.campaigns import Campaign, Collaboration, Metric
from entente_analytics.domain.clicks import ClickDay
from entente_analytics.domain.content import Figures, Post
from entente_analytics.domain.orders import Order, Rule
from entente_chassis.money import Money

_BASIS_POINTS = 10_000


@dataclass
class Sales:
    """Attributed orders of one collaboration on one day, added up."""

    orders: int = 0
    orders_by_click: int = 0
    new_customers: int | None = None
    revenue: dict[str, int] = field(default_factory=dict)

    def add(self, order: Order) -> None:
        """Count an order: one refunded in full counts no more."""
        net = order.net
        self.revenue[net.currency_code] = self.revenue.get(net.currency_code, 0) + net.minor_units
        if net.minor_units == 0:
            return
        self.orders += 1
        self.orders_by_click += order.attribution is not None and order.attribution.rule is Rule.LAST_CLICK
        if order.new_customer is not None:
            self.new_customers = (self.new_customers or 0) + order.new_customer


SalesByDay = dict[tuple[str, str], Sales]


def add_sale(sales: SalesByDay, order: Order) -> None:
    """Count an order where it belongs: its collaboration, and the day on which it was placed, refunds too."""
    if order.attribution is not None:
        key = (order.attribution.owner.collaboration, order.ordered_at.date().isoformat())
        sales.setdefault(key, Sales()).add(order)


@dataclass(frozen=True)
class Facts:
    """All that the figures of a campaign are made of.

    Args:
        tracked: the collaborations with a link, which can have clicks and conversions.
        coded: the collaborations with a promo code, which can have conversions.
    """

    campaign: Campaign | None
    collaborations: Sequence[Collaboration]
    posts: Sequence[Post]
    click_days: Sequence[ClickDay]
    sales: Mapping[tuple[str, str], Sales]
    tracked: frozenset[str]
    coded: frozenset[str]


@dataclass(frozen=True)
class Tally:
    """Facts added up; None is not measured, and adds nothing."""

    reach: int | None = None
    reach_in_target: int | None = None
    impressions: int | None = None
    views: int | None = None
    engagements: int | None = None
    rated_engagements: int | None = None
    rated_reach: int | None = None
    clicks: int | None = None
    bots: int | None = None
    repeats: int | None = None
    rated_clicks: int | None = None
    rated_impressions: int | None = None
    conversions: int | None = None
    conversions_by_click: int | None = None
    new_customers: int | None = None
    measured_posts: int = 0
    published_posts: int = 0
    revenue: dict[str, int] = field(default_factory=dict)
    costs: dict[str, int] = field(default_factory=dict)
    assumptions: frozenset[Assumption] = frozenset()


@dataclass(frozen=True)
class Kpis:
    """Key figures; rates in basis points."""

    reach: int | None = None
    reach_in_target: int | None = None
    reach_in_target_estimated: bool = False
    impressions: int | None = None
    views: int | None = None
    engagements: int | None = None
    engagement_rate_basis_points: int | None = None
    clicks: int | None = None
    bot_clicks: int | None = None
    repeat_clicks: int | None = None
    click_through_rate_basis_points: int | None = None
    conversions: int | None = None
    conversion_rate_basis_points: int | None = None
    revenue: Money | None = None
    unconverted_revenue: tuple[Money, ...] = ()
    average_order_value: Money | None = None
    new_customers: int | None = None
    cost: Money | None = None
    cpm: Money | None = None
    cpc: Money | None = None
    cpe: Money | None = None
    cpa: Money | None = None
    roi_basis_points: int | None = None
    measured_posts: int = 0
    published_posts: int = 0
    assumptions: tuple[Assumption, ...] = ()


@dataclass(frozen=True)
class CampaignKpis:
    """The key figures of a campaign and of its parts."""

    total: Kpis
    creators: dict[str, Kpis]
    platforms: dict[str, Kpis]
    days: dict[str, Kpis]


def campaign_kpis(facts: Facts, until: datetime | None = None) -> CampaignKpis:
    """The figures in total, per collaboration, per platform and per day; ``until`` leaves out what came later.

    Clicks and readings count by whole days (UTC).
    """
    currency = facts.campaign.currency if facts.campaign else ""
    target = facts.campaign.target if facts.campaign else None
    platforms = {collaboration.name: collaboration.platform for collaboration in facts.collaborations}
    creators = _creators(facts, target, until)
    by_platform: dict[str, Tally] = {}
    for name, tally in creators.items():
        platform = platforms.get(name, "")
        by_platform[platform] = _plus(by_platform.get(platform, Tally()), tally)
    return CampaignKpis(
        total=_kpis(_sum(creators.values()), currency),
        creators={name: _kpis(tally, currency) for name, tally in sorted(creators.items())},
        platforms={name: _kpis(tally, currency) for name, tally in sorted(by_platform.items()) if name},
        days={day: _kpis(tally, currency) for day, tally in sorted(_days(facts, target, until).items())},
    )


def objective_value(metric: Metric, total: Kpis) -> int | None:
    """The value of an objective's metric; None while it is not defined."""
    return {
        Metric.REACH_IN_TARGET: total.reach_in_target,
        Metric.REACH: total.reach,
        Metric.ENGAGEMENT_RATE: total.engagement_rate_basis_points,
        Metric.CLICKS: total.clicks,
        Metric.CONVERSIONS: total.conversions,
        Metric.REVENUE: total.revenue.minor_units if total.revenue else None,
        Metric.ROI: total.roi_basis_points,
        # A published post of the campaign is a mention; those elsewhere are not watched.
        Metric.MENTIONS: total.published_posts,
        Metric.VIEWS: total.views,
    }[metric]


def _creators(facts: Facts, target: Target | None, until: datetime | None) -> dict[str, Tally]:
    audiences = _audiences(facts)
    tallies = {collaboration.name: Tally() for collaboration in facts.collaborations}

    def put(name: str, tally: Tally) -> None:
        tallies[name] = _plus(tallies.get(name, Tally()), tally)

    for post in facts.posts:
        put(post.collaboration, _of_figures(post.latest(until), audiences.get(post.collaboration), target))
    for day in facts.click_days:
        if _within(day.day, until):
            put(day.owner.collaboration, _of_clicks(day))
    for (name, sold), sales in facts.sales.items():
        if _within(sold, until):
            put(name, _of_sales(sales))
    tallies = {name: _with_ratio_pair(_with_zeros(tally, facts, name)) for name, tally in tallies.items()}

    measured = {post.url for post in facts.posts}
    for collaboration in facts.collaborations:
        cost = collaboration.cost
        unmeasured = len(set(collaboration.posts) - measured)
        put(
            collaboration.name,
            Tally(costs={cost.currency_code: cost.minor_units} if cost else {}, published_posts=unmeasured),
        )
    return tallies


def _days(facts: Facts, target: Target | None, until: datetime | None) -> dict[str, Tally]:
    audiences = _audiences(facts)
    days: dict[str, Tally] = {}

    def put(day: str, tally: Tally) -> None:
        days[day] = _plus(days.get(day, Tally()), tally)

    for post in facts.posts:
        before = Tally()
        for day, figures in post.totals_by_day(until):
            total = _of_figures(figures, audiences.get(post.collaboration), target)
            put(day, _minus(total, before))
            before = total
    for clicked in facts.click_days:
        if _within(clicked.day, until):
            put(clicked.day, _of_clicks(clicked))
    for (_, day), made in facts.sales.items():
        if _within(day, until):
            put(day, _of_sales(made))
    return {day: _with_ratio_pair(tally) for day, tally in days.items()}


def _audiences(facts: Facts) -> dict[str, Audience]:
    # A reported audience is fresher than the one the collaboration started with.
    started = {collaboration.name: collaboration.audience for collaboration in facts.collaborations}
    reported = sorted(
        ((post.audience_at, post) for post in facts.posts if post.audience_at),
        key=lambda entry: (entry[0], entry[1].url),
    )
    return started | {post.collaboration: post.audience for _, post in reported if post.audience}


def _of_figures(figures: Figures, audience: Audience | None, target: Target | None) -> Tally:
    reach, engagements = figures.reach, figures.engagements
    both = reach is not None and engagements is not None
    inside: int | None = None
    assumptions: frozenset[Assumption] = frozenset()
    if reach is not None and target is not None:
        part = in_target(audience or Audience(), target)
        inside = None if part.share is None else round(reach * part.share)
        assumptions = part.assumptions
    return Tally(
        reach=reach,
        reach_in_target=inside,
        impressions=figures.impressions,
        views=figures.views,
        engagements=engagements,
        rated_engagements=engagements if both else None,
        rated_reach=reach if both else None,
        measured_posts=1 if figures != Figures() else 0,
        published_posts=1,
        assumptions=assumptions,
    )


def _of_clicks(day: ClickDay) -> Tally:
    return Tally(clicks=day.counted, bots=day.bots, repeats=day.repeats)


def _of_sales(sales: Sales) -> Tally:
    return Tally(
        conversions=sales.orders,
        conversions_by_click=sales.orders_by_click,
        new_customers=sales.new_customers,
        revenue=dict(sales.revenue),
    )


def _with_zeros(tally: Tally, facts: Facts, name: str) -> Tally:
    # Where clicks or sales could have been counted, none is 0; elsewhere it is not defined.
    zero = Tally()
    if name in facts.tracked:
        zero = Tally(clicks=0, bots=0, repeats=0, conversions=0, conversions_by_click=0)
    elif name in facts.coded:
        zero = Tally(conversions=0)
    return _plus(tally, zero)


def _with_ratio_pair(tally: Tally) -> Tally:
    # A rate over a campaign compares like with like: only those parts that have both of its terms.
    if tally.clicks is None or tally.impressions is None:
        return tally
    return _plus(tally, Tally(rated_clicks=tally.clicks, rated_impressions=tally.impressions))


def _kpis(tally: Tally, currency: str) -> Kpis:
    revenue = None
    if tally.conversions is not None and currency:
        revenue = Money(currency, tally.revenue.get(currency, 0))
    unconverted = tuple(Money(code, units) for code, units in sorted(tally.revenue.items()) if code != currency)
    cost = None
    if tally.costs and set(tally.costs) == {currency}:
        cost = Money(currency, tally.costs[currency])
    roi = None
    if revenue is not None and cost is not None and not unconverted:
        roi = _ratio((revenue - cost).minor_units, cost.minor_units)
    assumptions = set(tally.assumptions)
    if tally.reach is not None and tally.measured_posts > 1:
        assumptions.add(Assumption.REACH_ADDED_UP)
    return Kpis(
        reach=tally.reach,
        reach_in_target=tally.reach_in_target,
        reach_in_target_estimated=tally.reach_in_target is not None and bool(tally.assumptions),
        impressions=tally.impressions,
        views=tally.views,
        engagements=tally.engagements,
        engagement_rate_basis_points=_ratio(tally.rated_engagements, tally.rated_reach),
        clicks=tally.clicks,
        bot_clicks=tally.bots,
        repeat_clicks=tally.repeats,
        click_through_rate_basis_points=_ratio(tally.rated_clicks, tally.rated_impressions),
        conversions=tally.conversions,
        conversion_rate_basis_points=_ratio(tally.conversions_by_click, tally.clicks),
        revenue=revenue,
        unconverted_revenue=unconverted,
        average_order_value=_per(revenue, tally.conversions),
        new_customers=tally.new_customers,
        cost=cost,
        cpm=_per(cost, tally.impressions, 1000),
        cpc=_per(cost, tally.clicks),
        cpe=_per(cost, tally.engagements),
        cpa=_per(cost, tally.conversions),
        roi_basis_points=roi,
        measured_posts=tally.measured_posts,
        published_posts=tally.published_posts,
        assumptions=tuple(sorted(assumptions)),
    )


def _ratio(numerator: int | None, denominator: int | None) -> int | None:
    """Basis points, rounded half to even; None when it is not defined."""
    if numerator is None or denominator is None or denominator <= 0:
        return None
    return Money("", numerator).scaled(_BASIS_POINTS, denominator).minor_units


def _per(amount: Money | None, count: int | None, times: int = 1) -> Money | None:
    if amount is None or count is None or count <= 0:
        return None
    return amount.scaled(times, count)


def _sum(tallies: Iterable[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total = _plus(total, tally)
    return total


_COUNTS = (
    "reach",
    "reach_in_target",
    "impressions",
    "views",
    "engagements",
    "rated_engagements",
    "rated_reach",
    "clicks",
    "bots",
    "repeats",
    "rated_clicks",
    "rated_impressions",
    "conversions",
    "conversions_by_click",
    "new_customers",
)


def _plus(one: Tally, other: Tally) -> Tally:
    counts: dict[str, Any] = {name: _added(getattr(one, name), getattr(other, name)) for name in _COUNTS}
    return Tally(
        **counts,
        measured_posts=one.measured_posts + other.measured_posts,
        published_posts=one.published_posts + other.published_posts,
        revenue=_added_up(one.revenue, other.revenue),
        costs=_added_up(one.costs, other.costs),
        assumptions=one.assumptions | other.assumptions,
    )


def _minus(one: Tally, other: Tally) -> Tally:
    counts: dict[str, Any] = {
        name: None if getattr(one, name) is None else getattr(one, name) - (getattr(other, name) or 0)
        for name in _COUNTS
    }
    return Tally(
        **counts,
        measured_posts=one.measured_posts - other.measured_posts,
        published_posts=one.published_posts - other.published_posts,
        assumptions=one.assumptions,
    )


def _added(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return one if other is None else other
    return one + other


def _added_up(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {code: one.get(code, 0) + other.get(code, 0) for code in sorted({*one, *other})}


def _within(day: str, until: datetime | None) -> bool:
    return until is None or day <= until.date().isoformat()
