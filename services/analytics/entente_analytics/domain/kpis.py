"""Key figures of a campaign: facts added up by whatever is asked for, then divided. Undefined is None, never 0."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from entente_analytics.domain.audience import Assumption, Audience, Target, in_target
from entente_analytics.domain.campaigns import Campaign, Collaboration, Metric
from entente_analytics.domain.content import Figures, Post
from entente_analytics.domain.currencies import NoRates, Rate, Rates
from entente_analytics.domain.emv import Band, EmvTable
from entente_analytics.domain.links import Owner
from entente_analytics.domain.rollups import Bucket, Clicks, Sales
from entente_analytics.domain.sentiment import PostComments
from entente_chassis.money import Money

_BASIS_POINTS = 10_000


@dataclass(frozen=True)
class Facts:
    """All that the figures of a campaign are made of.

    Args:
        tracked: whose links there are: who can have clicks and conversions.
        coded: whose promo codes there are: who can have conversions.
        emv: what attention is taken to be worth; None for no EMV.
    """

    campaign: Campaign | None
    collaborations: Sequence[Collaboration]
    posts: Sequence[Post]
    buckets: Sequence[Bucket]
    tracked: frozenset[Owner] = frozenset()
    coded: frozenset[Owner] = frozenset()
    rates: Rates = field(default_factory=NoRates)
    emv: EmvTable | None = None
    comments: Sequence[PostComments] = ()

    @cached_property
    def pieces(self) -> "list[Piece]":
        """The facts piece by piece: several figures are made of the same ones."""
        return pieces_of(self)


@dataclass(frozen=True)
class Tally:
    """Facts added up; None is not measured, and adds nothing. Money is in the campaign's currency.

    Args:
        revenue_squares: of the net amounts of orders: how far the revenue hangs on few of them.
        foreign_revenue: what no rate converts, by currency; it is in no other figure.
        rates: what other currencies were converted with.
    """

    reach: int | None = None
    reach_in_target: int | None = None
    reach_in_target_low: int | None = None
    reach_in_target_high: int | None = None
    impressions: int | None = None
    views: int | None = None
    engagements: int | None = None
    rated_engagements: int | None = None
    rated_reach: int | None = None
    targeted_reach: int | None = None
    clicks: int | None = None
    bots: int | None = None
    repeats: int | None = None
    rated_clicks: int | None = None
    rated_impressions: int | None = None
    conversions: int | None = None
    conversions_by_click: int | None = None
    new_customers: int | None = None
    emv_low: int | None = None
    emv: int | None = None
    emv_high: int | None = None
    cost: int | None = None
    measured_posts: int = 0
    published_posts: int = 0
    revenue: int = 0
    revenue_squares: int = 0
    filtered: Mapping[str, int] = field(default_factory=dict)
    foreign_revenue: Mapping[str, int] = field(default_factory=dict)
    foreign_costs: Mapping[str, int] = field(default_factory=dict)
    assumptions: frozenset[Assumption] = frozenset()
    rates: frozenset[Rate] = frozenset()


@dataclass(frozen=True)
class Emv:
    """Earned media value, and between what it lies."""

    table_version: str
    low: Money
    value: Money
    high: Money


@dataclass(frozen=True)
class Kpis:
    """Key figures; rates in basis points."""

    reach: int | None = None
    reach_in_target: int | None = None
    reach_in_target_low: int | None = None
    reach_in_target_high: int | None = None
    reach_in_target_estimated: bool = False
    in_target_share_basis_points: int | None = None
    impressions: int | None = None
    views: int | None = None
    engagements: int | None = None
    engagement_rate_basis_points: int | None = None
    clicks: int | None = None
    bot_clicks: int | None = None
    repeat_clicks: int | None = None
    filtered_clicks: Mapping[str, int] = field(default_factory=dict)
    click_through_rate_basis_points: int | None = None
    conversions: int | None = None
    conversion_rate_basis_points: int | None = None
    revenue: Money | None = None
    unconverted_revenue: tuple[Money, ...] = ()
    average_order_value: Money | None = None
    new_customers: int | None = None
    cost: Money | None = None
    unconverted_cost: tuple[Money, ...] = ()
    cpm: Money | None = None
    cpc: Money | None = None
    cpe: Money | None = None
    cpa: Money | None = None
    roi_basis_points: int | None = None
    emv: Emv | None = None
    measured_posts: int = 0
    published_posts: int = 0
    assumptions: tuple[Assumption, ...] = ()
    rates: tuple[Rate, ...] = ()


@dataclass(frozen=True)
class Piece:
    """Facts of one collaboration, added up.

    Args:
        platform: where; "" when not known.
        deliverable: which one; "" when bound to none, None for what belongs to the whole collaboration, as costs do.
        day: when; "" for what belongs to no day.
        in_total: counts for totals; a post's readings count day by day, but its latest totals count in total.
    """

    collaboration: str
    platform: str
    deliverable: str | None
    day: str
    tally: Tally
    in_total: bool = True


@dataclass(frozen=True)
class CampaignKpis:
    """The key figures of a campaign and of its parts."""

    total: Kpis
    creators: dict[str, Kpis]
    platforms: dict[str, Kpis]
    deliverables: dict[tuple[str, str], Kpis]
    days: dict[str, Kpis]


def campaign_kpis(facts: Facts, until: datetime | None = None) -> CampaignKpis:
    """The figures in total, per collaboration, platform, deliverable and day; ``until`` leaves out what came later.

    Clicks and readings count by whole days (UTC).
    """
    pieces = facts.pieces if until is None else pieces_of(facts, until)
    whole = [piece for piece in pieces if piece.in_total]
    platforms = added(whole, lambda piece: piece.platform or None)
    deliverables = added(whole, lambda p: (p.collaboration, p.deliverable) if p.deliverable else None)
    days = added(pieces, lambda piece: piece.day or None)
    return CampaignKpis(
        total=kpis_of(added(whole, lambda _: "").get("", Tally()), facts),
        creators=_told(added(whole, lambda piece: piece.collaboration), facts),
        platforms=_told(platforms, facts),
        deliverables=_told(deliverables, facts),
        days=_told(days, facts),
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


def pieces_of(facts: Facts, until: datetime | None = None) -> list[Piece]:
    """The facts piece by piece, to be added up by whatever they are asked for."""
    collaborations = {each.name: each for each in facts.collaborations}

    def platform_of(name: str, said: str) -> str:
        return said or (collaborations[name].platform if name in collaborations else "")

    pieces: list[Piece] = []
    audiences = _audiences(facts)
    for post in facts.posts:
        platform = platform_of(post.collaboration, post.platform)
        before = Tally()
        for day, figures in post.totals_by_day(until):
            total = _of_figures(figures, post.collaboration, platform, audiences, facts)
            pieces.append(
                Piece(post.collaboration, platform, post.deliverable, day, _minus(total, before), in_total=False)
            )
            before = total
        latest = _of_figures(post.latest(until), post.collaboration, platform, audiences, facts)
        pieces.append(Piece(post.collaboration, platform, post.deliverable, "", latest))
    for bucket in facts.buckets:
        if not _within(bucket.day, until):
            continue
        platform = platform_of(bucket.collaboration, bucket.platform)
        if bucket.clicks:
            tally = _of_clicks(bucket.all_clicks)
            pieces.append(Piece(bucket.collaboration, platform, bucket.deliverable, bucket.day, tally))
        if bucket.sales != Sales():
            tally = _of_sales(bucket.sales, date.fromisoformat(bucket.day), facts)
            pieces.append(Piece(bucket.collaboration, platform, bucket.deliverable, bucket.day, tally))
    pieces += [
        # Where clicks or sales could have been counted, none is 0; elsewhere it is not defined.
        Piece(owner.collaboration, platform_of(owner.collaboration, owner.platform), owner.deliverable, "", zero)
        for owners, zero in ((facts.tracked, _NO_CLICKS), (facts.coded, Tally(conversions=0)))
        for owner in sorted(owners, key=lambda each: (each.collaboration, each.platform, each.deliverable))
    ]
    measured = {post.url for post in facts.posts}
    for each in facts.collaborations:
        unmeasured = len({post.url for post in each.posts} - measured)
        tally = replace(_of_cost(each.cost, facts), published_posts=unmeasured)
        pieces.append(Piece(each.name, each.platform, None, "", tally))
    return pieces


_NO_CLICKS = Tally(clicks=0, bots=0, repeats=0, conversions=0, conversions_by_click=0)


def added(pieces: Iterable[Piece], key: Callable[[Piece], Any]) -> dict[Any, Tally]:
    """Pieces added up by a key, without those whose key is None.

    Rates over several collaborations compare like with like: only those that have both terms.
    """
    parts: dict[tuple[Any, str], _Sum] = {}
    for piece in pieces:
        of = key(piece)
        if of is not None:
            parts.setdefault((of, piece.collaboration), _Sum()).add(piece.tally)
    result: dict[Any, _Sum] = {}
    for (of, _), part in parts.items():
        tally = part.tally()
        both = tally.clicks is not None and tally.impressions is not None
        rated = replace(tally, rated_clicks=tally.clicks, rated_impressions=tally.impressions) if both else tally
        result.setdefault(of, _Sum()).add(rated)
    return {of: total.tally() for of, total in result.items()}


def kpis_of(tally: Tally, facts: Facts) -> Kpis:
    """What was added up, divided."""
    currency = facts.campaign.currency if facts.campaign else ""
    revenue = Money(currency, tally.revenue) if tally.conversions is not None and currency else None
    cost = Money(currency, tally.cost) if tally.cost is not None and currency and not tally.foreign_costs else None
    roi = None
    if revenue is not None and cost is not None and not tally.foreign_revenue:
        roi = _ratio((revenue - cost).minor_units, cost.minor_units)
    assumptions = set(tally.assumptions)
    if tally.reach is not None and tally.measured_posts > 1:
        assumptions.add(Assumption.REACH_ADDED_UP)
    return Kpis(
        reach=tally.reach,
        reach_in_target=tally.reach_in_target,
        reach_in_target_low=tally.reach_in_target_low,
        reach_in_target_high=tally.reach_in_target_high,
        reach_in_target_estimated=tally.reach_in_target is not None and bool(tally.assumptions),
        in_target_share_basis_points=_ratio(tally.reach_in_target, tally.targeted_reach),
        impressions=tally.impressions,
        views=tally.views,
        engagements=tally.engagements,
        engagement_rate_basis_points=_ratio(tally.rated_engagements, tally.rated_reach),
        clicks=tally.clicks,
        bot_clicks=tally.bots,
        repeat_clicks=tally.repeats,
        filtered_clicks=dict(sorted(tally.filtered.items())),
        click_through_rate_basis_points=_ratio(tally.rated_clicks, tally.rated_impressions),
        conversions=tally.conversions,
        conversion_rate_basis_points=_ratio(tally.conversions_by_click, tally.clicks),
        revenue=revenue,
        unconverted_revenue=_amounts(tally.foreign_revenue),
        average_order_value=_per(revenue, tally.conversions) if not tally.foreign_revenue else None,
        new_customers=tally.new_customers,
        cost=cost,
        unconverted_cost=_amounts(tally.foreign_costs),
        cpm=_per(cost, tally.impressions, 1000),
        cpc=_per(cost, tally.clicks),
        cpe=_per(cost, tally.engagements),
        cpa=_per(cost, tally.conversions),
        roi_basis_points=roi,
        emv=_emv(tally, facts, currency),
        measured_posts=tally.measured_posts,
        published_posts=tally.published_posts,
        assumptions=tuple(sorted(assumptions)),
        rates=tuple(sorted(tally.rates)),
    )


def _told(tallies: Mapping[Any, Tally], facts: Facts) -> dict[Any, Kpis]:
    return {key: kpis_of(tallies[key], facts) for key in sorted(tallies)}


def _audiences(facts: Facts) -> dict[str, Audience]:
    # A reported audience is fresher than the one the collaboration started with.
    started = {collaboration.name: collaboration.audience for collaboration in facts.collaborations}
    reported = sorted(
        ((post.audience_at, post) for post in facts.posts if post.audience_at),
        key=lambda entry: (entry[0], entry[1].url),
    )
    return started | {post.collaboration: post.audience for _, post in reported if post.audience}


def _of_figures(
    figures: Figures, collaboration: str, platform: str, audiences: Mapping[str, Audience], facts: Facts
) -> Tally:
    reach, engagements = figures.reach, figures.engagements
    both = reach is not None and engagements is not None
    target = facts.campaign.target if facts.campaign else None
    emv = _in_currency(facts.emv.value(platform, figures), facts) if facts.emv else None
    tally = Tally(
        reach=reach,
        impressions=figures.impressions,
        views=figures.views,
        engagements=engagements,
        rated_engagements=engagements if both else None,
        rated_reach=reach if both else None,
        measured_posts=1 if figures != Figures() else 0,
        published_posts=1,
        emv_low=emv[0] if emv else None,
        emv=emv[1] if emv else None,
        emv_high=emv[2] if emv else None,
    )
    return tally if reach is None or target is None else _targeted(tally, reach, audiences.get(collaboration), target)


def _targeted(tally: Tally, reach: int, audience: Audience | None, target: Target) -> Tally:
    part = in_target(audience or Audience(), target)
    if part.share is None:
        return replace(tally, assumptions=part.assumptions)
    return replace(
        tally,
        targeted_reach=reach,
        reach_in_target=round(reach * part.share),
        reach_in_target_low=round(reach * part.low),
        reach_in_target_high=round(reach * part.high),
        assumptions=part.assumptions,
    )


def _in_currency(value: Band | None, facts: Facts) -> Band | None:
    if value is None or facts.emv is None or facts.campaign is None:
        return None
    if facts.emv.currency == facts.campaign.currency:
        return value
    rate = facts.rates.rate(facts.emv.currency, facts.campaign.currency, facts.emv.day)
    return (rate.convert(value[0]), rate.convert(value[1]), rate.convert(value[2])) if rate else None


def _of_clicks(clicks: Clicks) -> Tally:
    return Tally(clicks=clicks.counted, bots=clicks.automatic, repeats=clicks.repeats, filtered=clicks.filtered)


def _of_sales(sales: Sales, day: date, facts: Facts) -> Tally:
    currency = facts.campaign.currency if facts.campaign else ""
    revenue = squares = 0
    foreign: dict[str, int] = {}
    rates = set()
    for code, units in sales.revenue.items():
        if code == currency:
            revenue += units
            squares += int(sales.squares.get(code, "0"))
            continue
        rate = facts.rates.rate(code, currency, day) if currency else None
        if rate is None:
            foreign[code] = units
            continue
        rates.add(rate)
        revenue += rate.convert(units)
        squares += round(int(sales.squares.get(code, "0")) * rate.exact**2)
    return Tally(
        conversions=sales.orders,
        conversions_by_click=sales.orders_by_click,
        new_customers=sales.new_customers,
        revenue=revenue,
        revenue_squares=squares,
        foreign_revenue=foreign,
        rates=frozenset(rates),
    )


def _of_cost(cost: Money | None, facts: Facts) -> Tally:
    if cost is None:
        return Tally()
    campaign = facts.campaign
    if campaign is None or cost.currency_code == campaign.currency:
        return Tally(cost=cost.minor_units)
    # A fee is agreed for the whole campaign: it is converted once, at the rate of its start.
    day = (campaign.start or datetime.fromtimestamp(0, UTC)).date()
    rate = facts.rates.rate(cost.currency_code, campaign.currency, day)
    if rate is None:
        return Tally(foreign_costs={cost.currency_code: cost.minor_units})
    return Tally(cost=rate.convert(cost.minor_units), rates=frozenset({rate}))


def _emv(tally: Tally, facts: Facts, currency: str) -> Emv | None:
    if facts.emv is None or tally.emv is None or tally.emv_low is None or tally.emv_high is None or not currency:
        return None
    return Emv(
        facts.emv.version, Money(currency, tally.emv_low), Money(currency, tally.emv), Money(currency, tally.emv_high)
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


def _amounts(units: Mapping[str, int]) -> tuple[Money, ...]:
    return tuple(Money(code, units[code]) for code in sorted(units))


# Counts that may be undefined, counts that are always there, and counts by name.
_OPTIONAL = (
    "reach",
    "reach_in_target",
    "reach_in_target_low",
    "reach_in_target_high",
    "impressions",
    "views",
    "engagements",
    "rated_engagements",
    "rated_reach",
    "targeted_reach",
    "clicks",
    "bots",
    "repeats",
    "rated_clicks",
    "rated_impressions",
    "conversions",
    "conversions_by_click",
    "new_customers",
    "emv_low",
    "emv",
    "emv_high",
    "cost",
)
_OPTIONAL_NAMES = frozenset(_OPTIONAL)
_ALWAYS = ("measured_posts", "published_posts", "revenue", "revenue_squares")
_NAMED = ("filtered", "foreign_revenue", "foreign_costs")


class _Sum:
    """Adds tallies up in place: most fields of most tallies are empty, and a campaign has many of them."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def add(self, tally: Tally) -> None:
        values = self._values
        for name, value in vars(tally).items():
            if value is None or (not value and name not in _OPTIONAL_NAMES):
                continue
            known = values.get(name)
            if known is None:
                values[name] = value
            elif name in _NAMED:
                values[name] = _added_up(known, value)
            elif isinstance(value, frozenset):
                values[name] = known | value
            else:
                values[name] = known + value

    def tally(self) -> Tally:
        return Tally(**self._values)


def _minus(one: Tally, other: Tally) -> Tally:
    # Of posts only: they have no revenue, clicks or costs.
    values: dict[str, Any] = {
        name: None if getattr(one, name) is None else getattr(one, name) - (getattr(other, name) or 0)
        for name in _OPTIONAL
    }
    values |= {name: getattr(one, name) - getattr(other, name) for name in _ALWAYS}
    return Tally(**values, assumptions=one.assumptions, rates=one.rates)


def _added_up(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {code: one.get(code, 0) + other.get(code, 0) for code in sorted({*one, *other})}


def _within(day: str, until: datetime | None) -> bool:
    return until is None or day <= until.date().isoformat()
