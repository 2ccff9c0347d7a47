"""What is owed for a collaboration, and when it is paid."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from entente_campaign.domain.collaborations.model import Collaboration, Decision
from entente_campaign.domain.collaborations.states import State
from entente_campaign.domain.events import Payable, PayablePaid
from entente_campaign.domain.words import FeeStep, deadlines
from entente_chassis.money import Money
from entente_chassis.refusal import Precondition


def fee_percent(compliance_percent: int, steps: Iterable[FeeStep]) -> int:
    """The share of a fee that is owed for a compliance, in percent.

    The published rule: without steps percent for percent; with steps the share of the highest step that is reached, and
    nothing below all of them.
    """
    ordered = sorted(steps, key=lambda step: step.compliance_percent)
    if not ordered:
        return compliance_percent
    reached = [step.fee_percent for step in ordered if step.compliance_percent <= compliance_percent]
    return reached[-1] if reached else 0


def payable_of(collaboration: Collaboration, now: datetime) -> Payable | None:
    """What is owed for content that was published: the fee as compliance scales it, and travel costs."""
    terms = collaboration.terms
    fee = terms.fee or Money.zero(collaboration.currency_code)
    if fee.minor_units <= 0 and terms.travel_costs is None:
        return None
    compliance = collaboration.compliance_percent
    percent = 100 if compliance is None else compliance
    share = fee_percent(percent, terms.fee_steps) if terms.scale_fee_with_compliance else 100
    amount = fee.scaled(share, 100) + (terms.travel_costs or Money.zero(fee.currency_code))
    days = terms.payment_days or deadlines(collaboration.timeline, collaboration.platform).payment
    return Payable(
        collaboration=collaboration.name,
        campaign=collaboration.campaign,
        brand=collaboration.brand,
        creator=collaboration.creator,
        amount=amount,
        agreed_fee=fee,
        compliance_percent=percent,
        due_time=now + timedelta(days=days),
        create_time=now,
        fee_percent=share,
        travel_costs=terms.travel_costs,
    )


def settled(collaboration: Collaboration, amount: Money, now: datetime) -> Payable | None:
    """What is owed once an operator has decided a dispute: that amount in all, due when it was or would be.

    Raises:
        Precondition: it was paid, or is in an export.
    """
    require_not_exported(collaboration)
    if amount.minor_units == 0:
        return None
    if collaboration.payable is not None:
        return replace(collaboration.payable, amount=amount)
    payable = payable_of(collaboration, now)
    return replace(payable, amount=amount) if payable else None


def require_not_exported(collaboration: Collaboration) -> None:
    """Refuse to change what is owed once it is on its way to the bank.

    Raises:
        Precondition: it was paid, or is in an export.
    """
    payable = collaboration.payable
    if payable is not None and payable.pay_time is not None:
        raise Precondition(
            "PAYABLE_PAID", f"The fee of {collaboration.name} was paid: settle the rest outside Entente."
        )
    if payable is not None and payable.export:
        raise Precondition(
            "PAYABLE_EXPORTED",
            f"The fee of {collaboration.name} is in {payable.export}: void that with VoidPayableExport first.",
            export=payable.export,
        )


# -- exports ----------------------------------------------------------------------------------------------------------


def is_exportable(collaboration: Collaboration) -> bool:
    """Whether what is owed can be claimed by an export: it is in none, and nobody disputes it."""
    payable = collaboration.payable
    return (
        payable is not None
        and not payable.export
        and payable.amount.minor_units > 0
        and collaboration.state is not State.DISPUTED
    )


def claim(collaboration: Collaboration, export: str, now: datetime) -> Collaboration | None:
    """The collaboration whose payable is in an export; None when it cannot be, or is already."""
    if collaboration.payable is None or not is_exportable(collaboration):
        return None
    return replace(collaboration, payable=replace(collaboration.payable, export=export), update_time=now)


def unclaim(collaboration: Collaboration, export: str, now: datetime) -> Collaboration | None:
    """The export was given up; None when the payable is not in it."""
    payable = collaboration.payable
    if payable is None or payable.export != export or payable.pay_time is not None:
        return None
    return replace(collaboration, payable=replace(payable, export=""), update_time=now)


def pay(collaboration: Collaboration, export: str, now: datetime) -> Decision | None:
    """The export was paid; None when the payable is not in it, or was marked already."""
    payable = collaboration.payable
    if payable is None or payable.export != export or payable.pay_time is not None:
        return None
    paid = replace(payable, pay_time=now)
    return replace(collaboration, payable=paid, update_time=now), (PayablePaid(collaboration.ref, paid),)
