"""What a report says beside its figures: the way to a sale, who returned how much, and how the figures are meant."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import isqrt

from entente_analytics.domain.audience import IN_WORDS
from entente_analytics.domain.campaigns import Collaboration
from entente_analytics.domain.kpis import Facts, Kpis, Piece, Tally, added, kpis_of
from entente_chassis.money import Money


@dataclass(frozen=True)
class FunnelStep:
    """One step, and how many came at least so far; None when it was not measured."""

    step: str
    count: int | None


_SUBMITTED = frozenset({"SUBMITTED", "CHANGES_REQUESTED", "APPROVED", "PUBLISHED", "COMPLETED", "RATED"})
_APPROVED = _SUBMITTED - {"SUBMITTED", "CHANGES_REQUESTED"}
_PUBLISHED = _APPROVED - {"APPROVED"}
_COMPLETED = _PUBLISHED - {"PUBLISHED"}

_DEFINITIONS = """\
Days are UTC. A figure that was not measured, or would be divided by zero, is left out; it is not 0.
Engagements are likes, comments, shares and saves; the engagement rate is engagements / reach of the posts with both.
Clicks are the first of a visitor on a link and a day; bots, previews and repeats are counted apart.
A sale belongs to the promo code that was used, else to the last click within its link's window; never to two creators.
The conversion rate counts the sales that came by a click.
Revenue is net of refunds and counts on the day of the order. Sales that were refunded in full are no conversions.
Cost is the fees, the value of gifts and their shipping of the collaborations that were accepted.
ROI = (revenue - cost) / cost.
Earned media value is what the attention might have cost as advertising, by a table of assumptions; it is no revenue.
""".splitlines()


def funnel(collaborations: Sequence[Collaboration], total: Kpis) -> list[FunnelStep]:
    """The steps from the first contact to the sale, each with those who came at least so far."""

    def come(reached: Callable[[Collaboration], bool]) -> int:
        return sum(reached(collaboration) for collaboration in collaborations)

    parcels = any(each.sent or each.gift_value for each in collaborations)
    return [
        FunnelStep("CONTACTED", len(collaborations)),
        FunnelStep("ACCEPTED", come(lambda each: each.accepted)),
        FunnelStep("SHIPPED", come(lambda each: each.sent) if parcels else None),
        FunnelStep("RECEIVED", come(lambda each: each.received) if parcels else None),
        FunnelStep("SUBMITTED", come(lambda each: each.state in _SUBMITTED)),
        FunnelStep("APPROVED", come(lambda each: each.state in _APPROVED)),
        FunnelStep("PUBLISHED", come(lambda each: each.state in _PUBLISHED)),
        FunnelStep("COMPLETED", come(lambda each: each.state in _COMPLETED)),
        FunnelStep("CLICKS", total.clicks),
        FunnelStep("CONVERSIONS", total.conversions),
    ]


def notes(total: Kpis) -> list[str]:
    """What the report prints below its tables: definitions, and what had to be assumed."""
    assumed = [IN_WORDS[assumption] for assumption in total.assumptions]
    unconverted = [
        f"Revenue of {amount.minor_units} minor units of {amount.currency_code} is in no other figure: "
        "no dated rate converts it."
        for amount in total.unconverted_revenue
    ]
    rates = [
        f"Amounts in {rate.source} count at {rate.value} {rate.target} ({rate.provider}, {rate.day.isoformat()})."
        for rate in total.rates
    ]
    return [*_DEFINITIONS, *assumed, *rates, *unconverted]


class Dimension(StrEnum):
    """What figures are compared by."""

    TIER = "TIER"
    COMPENSATION = "COMPENSATION"
    PLATFORM = "PLATFORM"
    MECHANIC = "MECHANIC"
    CREATOR = "CREATOR"
    CAMPAIGN = "CAMPAIGN"


@dataclass(frozen=True)
class Comparison:
    """The figures of all who have something in common; ``code`` is "" for what is not known."""

    dimension: Dimension
    code: str
    collaboration_count: int
    kpis: Kpis


Tiers = Sequence[tuple[str, int]]


def compared(many: Sequence[Facts], dimension: Dimension, tiers: Tiers, currency: str = "") -> list[Comparison]:
    """The figures of campaigns, added up by a dimension.

    Args:
        many: the facts of each campaign, all of them in one currency.
        dimension: what to add up by.
        tiers: names of tiers and from how many followers they begin, the smallest first.
        currency: of all of them, when they are several.
    """
    codes: dict[str, dict[str, Tally]] = {}
    members: dict[str, set[str]] = {}
    for facts in many:
        of = _coder(facts, dimension, tiers)
        pieces = [piece for piece in facts.pieces if piece.in_total]
        for code, tally in added(pieces, of).items():
            codes.setdefault(code, {})[facts.campaign.name if facts.campaign else ""] = tally
        for piece in pieces:
            members.setdefault(of(piece), set()).add(piece.collaboration)
    pseudo = many[0] if many else None
    result = []
    for code in sorted(codes):
        total = added([Piece(campaign, "", "", "", tally) for campaign, tally in codes[code].items()], lambda _: "")[""]
        assert pseudo is not None
        result.append(Comparison(dimension, code, len(members[code]), kpis_of(total, pseudo)))
    return result


def _coder(facts: Facts, dimension: Dimension, tiers: Tiers) -> Callable[[Piece], str]:
    known = {collaboration.name: collaboration for collaboration in facts.collaborations}
    campaign = facts.campaign

    def code(piece: Piece) -> str:
        collaboration = known.get(piece.collaboration)
        if dimension is Dimension.PLATFORM:
            return piece.platform
        if dimension is Dimension.CAMPAIGN:
            return campaign.name if campaign else ""
        if dimension is Dimension.MECHANIC:
            return campaign.mechanic if campaign else ""
        if collaboration is None:
            return ""
        if dimension is Dimension.CREATOR:
            return collaboration.creator
        if dimension is Dimension.COMPENSATION:
            return collaboration.compensation
        return tier_of(collaboration.followers, tiers)

    return code


def tier_of(followers: int | None, tiers: Tiers) -> str:
    """The tier of an account; "" when its followers are not known."""
    if followers is None:
        return ""
    return next((name for name, least in reversed(tiers) if followers >= least), "")


@dataclass(frozen=True)
class Rank:
    """A creator in the order of what they returned."""

    rank: int
    collaboration: str
    creator_display_name: str
    revenue: Money
    revenue_low: Money
    revenue_high: Money
    return_low: Money


RANKING_METHOD = (
    "Orders are taken for a compound Poisson process, so the variance of a creator's revenue is the sum of the squares "
    "of the orders. The rank is by the lower end of the 90 % interval (1.645 standard deviations, never below 0) less "
    "the creator's cost: one large order counts for less than many small ones of the same sum."
)
# The square of 1.645, in thousandths.
_Z_SQUARED = 2706


def ranking(facts: Facts) -> list[Rank]:
    """The creators by what they returned, the best first; without those who could not have sales."""
    currency = facts.campaign.currency if facts.campaign else ""
    if not currency:
        return []
    names = {collaboration.name: collaboration.creator_display_name for collaboration in facts.collaborations}
    tallies = added([p for p in facts.pieces if p.in_total], lambda piece: piece.collaboration)
    ranked = []
    for name, tally in tallies.items():
        if tally.conversions is None or tally.foreign_revenue or tally.foreign_costs:
            continue
        spread = isqrt(_Z_SQUARED * tally.revenue_squares // 1000)
        low = max(0, tally.revenue - spread)
        ranked.append((low - (tally.cost or 0), tally.revenue, name, low, tally.revenue + spread))
    ranked.sort(key=lambda each: (-each[0], -each[1], each[2]))
    return [
        Rank(
            rank,
            name,
            names.get(name, ""),
            Money(currency, revenue),
            Money(currency, low),
            Money(currency, high),
            Money(currency, returned),
        )
        for rank, (returned, revenue, name, low, high) in enumerate(ranked, start=1)
    ]


@dataclass(frozen=True)
class FigureRow:
    """The figures of one day of a collaboration's platform and deliverable; no day for what belongs to none."""

    day: str
    campaign: str
    collaboration: str
    creator: str
    platform: str
    deliverable: str
    currency: str
    kpis: Kpis


def figure_rows(facts: Facts) -> list[FigureRow]:
    """The figures row by row: what counts adds up to the totals of the campaign."""
    campaign = facts.campaign
    daily = [piece for piece in facts.pieces if piece.day or (piece.in_total and _is_dayless(piece))]
    tallies = added(daily, lambda p: (p.day, p.collaboration, p.platform, p.deliverable or ""))
    return [
        FigureRow(
            day=day,
            campaign=campaign.name if campaign else "",
            collaboration=collaboration,
            creator=f"creators/{collaboration.rpartition('/')[2]}",
            platform=platform,
            deliverable=deliverable,
            currency=campaign.currency if campaign else "",
            kpis=kpis_of(tallies[day, collaboration, platform, deliverable], facts),
        )
        for day, collaboration, platform, deliverable in sorted(tallies)
    ]


def _is_dayless(piece: Piece) -> bool:
    # Latest totals of posts are in their days; costs, and what could have been counted but was not, are in none.
    return not piece.tally.measured_posts


def mentions(facts: Facts) -> dict[str, int]:
    """Published posts by day (UTC), for those whose day is known."""
    days: dict[str, int] = {}
    for collaboration in facts.collaborations:
        for post in collaboration.posts:
            if post.published_at is not None:
                day = post.published_at.date().isoformat()
                days[day] = days.get(day, 0) + 1
    return dict(sorted(days.items()))
