"""Figures as people read them; "—" where one is not defined."""

from typing import Any

from entente.analytics.v1 import service_pb2 as pb
from entente.type.v1 import type_pb2
from entente_analytics.domain.currencies import decimals

NOTHING = "—"
_RATES = {type_pb2.OBJECTIVE_METRIC_ENGAGEMENT_RATE, type_pb2.OBJECTIVE_METRIC_ROI}


def word(enum: Any, value: int) -> str:
    """The name of an enum's value without the enum's own name: OBJECTIVE_STATUS_ON_TRACK is "on track"."""
    zero: str = enum.Name(0)
    text: str = enum.Name(value)
    return "" if not value else text.removeprefix(zero.removesuffix("UNSPECIFIED")).replace("_", " ").lower()


def amount(value: type_pb2.Money) -> str:
    """An amount with its currency."""
    places = decimals(value.currency_code)
    return f"{value.minor_units / 10**places:,.{places}f} {value.currency_code}"


def count(message: Any, field: str) -> str:
    """A count."""
    return f"{getattr(message, field):,}" if message.HasField(field) else NOTHING


def rate(message: Any, field: str) -> str:
    """Basis points as percent."""
    return f"{getattr(message, field) / 100:,.2f} %" if message.HasField(field) else NOTHING


def money(message: Any, field: str) -> str:
    """An amount, if it is set."""
    return amount(getattr(message, field)) if message.HasField(field) else NOTHING


def figures(kpis: pb.Kpis) -> list[tuple[str, str]]:
    """Key figures by name."""
    return [
        ("reach", count(kpis, "reach")),
        ("reach in target", _in_target(kpis)),
        ("share in target", rate(kpis, "in_target_share_basis_points")),
        ("impressions", count(kpis, "impressions")),
        ("views", count(kpis, "views")),
        ("engagements", count(kpis, "engagements")),
        ("engagement rate", rate(kpis, "engagement_rate_basis_points")),
        ("clicks", count(kpis, "clicks")),
        ("click-through rate", rate(kpis, "click_through_rate_basis_points")),
        ("conversions", count(kpis, "conversions")),
        ("conversion rate", rate(kpis, "conversion_rate_basis_points")),
        ("revenue", money(kpis, "revenue")),
        ("average order", money(kpis, "average_order_value")),
        ("new customers", count(kpis, "new_customers")),
        ("cost", money(kpis, "cost")),
        ("CPM", money(kpis, "cpm")),
        ("CPC", money(kpis, "cpc")),
        ("CPE", money(kpis, "cpe")),
        ("CPA", money(kpis, "cpa")),
        ("ROI", rate(kpis, "roi_basis_points")),
        ("earned media value", _emv(kpis)),
    ]


def objective_sentence(objective: pb.ObjectiveProgress) -> str:
    """How an objective stands, in words."""
    metric = word(type_pb2.ObjectiveMetric, objective.metric)
    value = of_objective(objective, objective.value) if objective.HasField("value") else "not measured"
    share = ""
    if objective.HasField("progress_basis_points"):
        share = f" ({objective.progress_basis_points / 100:.0f} %)"
    estimated = ", an estimate" if objective.estimated else ""
    return f"{metric}: {value} of {of_objective(objective, objective.target)}{share}{estimated}"


def projection_sentence(objective: pb.ObjectiveProgress) -> str:
    """Where an objective is heading, in words; "" when that cannot be said."""
    if not objective.HasField("projection"):
        return ""
    ahead = objective.projection
    low, high = of_objective(objective, ahead.low), of_objective(objective, ahead.high)
    return (
        f"Heading for {of_objective(objective, ahead.value)} by the deadline, with "
        f"{ahead.confidence_basis_points / 100:.0f} % confidence between {low} and {high}: "
        f"the chance of reaching the target is {ahead.chance_basis_points / 100:.0f} %."
    )


def of_objective(objective: pb.ObjectiveProgress, value: int) -> str:
    """A value in the unit of an objective."""
    if objective.currency_code:
        return amount(type_pb2.Money(currency_code=objective.currency_code, minor_units=value))
    return f"{value / 100:.2f} %" if objective.metric in _RATES else f"{value:,}"


def _in_target(kpis: pb.Kpis) -> str:
    text = count(kpis, "reach_in_target")
    if not kpis.HasField("reach_in_target") or kpis.reach_in_target_low == kpis.reach_in_target_high:
        return text
    return f"≈ {text} ({kpis.reach_in_target_low:,} to {kpis.reach_in_target_high:,})"


def _emv(kpis: pb.Kpis) -> str:
    if not kpis.HasField("earned_media_value"):
        return NOTHING
    value = kpis.earned_media_value
    return f"{amount(value.value)} ({amount(value.low)} to {amount(value.high)})"
