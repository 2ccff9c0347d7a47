"""What a report says beside its figures: the way from a contact to a sale, and how the figures are meant."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from entente_analytics.domain.audience import IN_WORDS
from entente_analytics.domain.campaigns import Collaboration
from entente_analytics.domain.kpis import Kpis


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
    return [*_DEFINITIONS, *assumed, *unconverted]
