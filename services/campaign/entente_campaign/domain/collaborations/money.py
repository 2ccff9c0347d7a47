"""What is owed for a collaboration."""

from dataclasses import replace
from datetime import datetime, timedelta

from entente_campaign.domain.collaborations.model import Collaboration
from entente_campaign.domain.events import Payable
from entente_campaign.domain.words import deadlines
from entente_chassis.money import Money


def payable_of(collaboration: Collaboration, now: datetime) -> Payable | None:
    fee = collaboration.terms.fee
    if fee is None or fee.minor_units <= 0:
        return None
    compliance = collaboration.compliance_percent
    percent = 100 if compliance is None else compliance
    amount = fee.scaled(percent, 100) if collaboration.terms.scale_fee_with_compliance else fee
    days = deadlines(collaboration.timeline, collaboration.platform).payment
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
    )


def settled(collaboration: Collaboration, amount: Money, now: datetime) -> Payable | None:
    """What is owed once an operator has decided a dispute: that amount in all, due when it was or would be."""
    if amount.minor_units == 0:
        return None
    if collaboration.payable is not None:
        return replace(collaboration.payable, amount=amount)
    payable = payable_of(collaboration, now)
    return replace(payable, amount=amount) if payable else None
