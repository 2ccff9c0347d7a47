"""What a campaign needs before it can be published."""

from collections.abc import Iterator
from datetime import datetime

from entente_campaign.domain.campaigns.model import (
    Brief,
    Campaign,
    Compensation,
    Objective,
)
from entente_campaign.domain.campaigns.writing import contradicting_pay
from entente_campaign.domain.words import CompensationModel, Mechanic, TargetAudience
from entente_chassis.money import Money
from entente_chassis.refusal import Violation


def missing(campaign: Campaign, now: datetime) -> list[Violation]:
    """Everything that keeps a campaign from being published, field by field."""
    return [
        *_missing_objective(campaign.objective, now),
        *_missing_target(campaign),
        *_missing_brief(campaign.brief),
        *_missing_frame(campaign, now),
        *_missing_compensation(campaign),
    ]


def _needed(field: str, description: str) -> Violation:
    return Violation(field, description, "REQUIRED")


def _missing_objective(objective: Objective | None, now: datetime) -> Iterator[Violation]:
    if objective is None:
        yield _needed("objective", "say what is measured, the value to reach and by when")
        return
    if objective.metric is None:
        yield _needed("objective.metric", "say what is measured")
    if objective.target <= 0:
        yield _needed("objective.target", "say the value to reach, above 0")
    if objective.deadline_time is None:
        yield _needed("objective.deadline_time", "say by when")
    elif objective.deadline_time <= now:
        yield Violation("objective.deadline_time", "must be in the future", "PAST")


def _missing_target(campaign: Campaign) -> Iterator[Violation]:
    target = campaign.target_audience or TargetAudience()
    for name, values, meaning in (
        ("countries", target.countries, "where the people live whom it wants to reach"),
        ("ages", target.ages, "how old they are"),
        ("genders", target.genders, "their genders; all three if it does not matter"),
        ("languages", target.languages, "the languages they understand"),
        ("interests", target.interests, "what they are interested in"),
    ):
        if not values:
            yield _needed(f"target_audience.{name}", f"say {meaning}")
    if campaign.persona is None or not campaign.persona.purchases:
        yield _needed("persona.purchases", "say what the person it has in mind buys")


def _missing_brief(brief: Brief | None) -> Iterator[Violation]:
    if brief is None:
        yield _needed("brief", "say what is wanted: the product, the mandatory elements, the deliverables")
        return
    if not brief.product_name:
        yield _needed("brief.product_name", "name the product as content has to name it")
    if not brief.mandatory_elements:
        yield _needed("brief.mandatory_elements", "say what content must show or say")
    if not brief.deliverables:
        yield _needed("brief.deliverables", "say what each creator delivers")


def _missing_frame(campaign: Campaign, now: datetime) -> Iterator[Violation]:
    if campaign.mechanic is None:
        yield _needed("mechanic", "say what creators take part in")
    if not campaign.markets:
        yield _needed("markets", "say whose disclosure rules hold")
    if campaign.start_time is None:
        yield _needed("start_time", "say when it starts")
    if campaign.end_time is None:
        yield _needed("end_time", "say when it ends")
    elif campaign.end_time <= now:
        yield Violation("end_time", "must be in the future", "PAST")
    if campaign.application_deadline_time is not None and campaign.application_deadline_time <= now:
        yield Violation("application_deadline_time", "must be in the future", "PAST")
    if campaign.places <= 0:
        yield _needed("places", "say how many creators can be accepted")


def _missing_compensation(campaign: Campaign) -> Iterator[Violation]:
    pay = campaign.compensation or Compensation()
    if campaign.budget is None:
        yield _needed("budget", "say what can be spent at most")
    gives = pay.model is CompensationModel.GIFTED or campaign.mechanic is Mechanic.PRODUCT_TEST
    yield from _missing_pay(pay, campaign.budget, "compensation", gives=gives)


def _missing_pay(pay: Compensation, budget: Money | None, where: str, *, gives: bool) -> Iterator[Violation]:
    if pay.model is None:
        yield _needed(f"{where}.model", "say how creators are rewarded")
    if pay.model in (CompensationModel.FIXED_FEE, CompensationModel.HYBRID) and not _is_positive(pay.fee):
        yield _needed(f"{where}.fee", "say the fee")
    if pay.model in (CompensationModel.COMMISSION, CompensationModel.HYBRID) and not pay.commission_basis_points:
        yield _needed(f"{where}.commission_basis_points", "say the share of the revenue")
    if pay.model is CompensationModel.GIFTED and pay.fee is not None:
        yield Violation(f"{where}.fee", "a gifted collaboration has no fee: leave it out, or take HYBRID", "EXTRA")
    if gives and not _is_positive(pay.gift_value):
        yield _needed(f"{where}.gift_value", "say what the product that is given is worth")
    if budget is not None and pay.amounts:
        one = Money.sum(budget.currency_code, pay.amounts.values())
        if budget < one:
            yield Violation("budget", f"does not suffice for one creator, who costs {one.minor_units}", "TOO_LOW")


def _is_positive(amount: Money | None) -> bool:
    return amount is not None and amount.minor_units > 0


def compensation_problems(pay: Compensation, budget: Money, where: str) -> list[Violation]:
    """Everything that keeps a reward from being offered."""
    problems = [*contradicting_pay(pay, budget, where)]
    return problems or [*_missing_pay(pay, budget, where, gives=pay.model is CompensationModel.GIFTED)]
