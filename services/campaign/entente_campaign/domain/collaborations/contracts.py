"""Where the contract meets its collaboration: what waits for it, and what goes on with it."""

from entente_campaign.domain.collaborations.model import Collaboration
from entente_campaign.domain.collaborations.states import State
from entente_chassis.refusal import Precondition

SIGNABLE = (
    State.CONTRACT_PENDING,
    State.SHIPMENT_PENDING,
    State.SHIPMENT_SENT,
    State.CONTENT_DUE,
    State.SUBMITTED,
    State.CHANGES_REQUESTED,
    State.APPROVED,
    State.OVERDUE,
)
"""Where a contract can be agreed on: once it was accepted, until it is published."""


def is_required(collaboration: Collaboration) -> bool:
    """Whether nothing goes on before both sides have accepted a contract."""
    need = collaboration.contract_need
    return need is not None and need.required and collaboration.contract_time is None


def missing(collaboration: Collaboration, step: str) -> Precondition:
    """The refusal of a step that needs the contract first: what was counted, and the remedy."""
    need = collaboration.contract_need
    counted = need.counted if need else None
    threshold = need.threshold if need else None
    if counted is not None and threshold is not None and counted >= threshold:
        why = (
            f"fees and gifts of this brand to this creator reach {counted.minor_units} in {need.year if need else 0}, "
            f"and from {threshold.minor_units} on (minor units of {threshold.currency_code}) French law asks for one"
        )
    elif need and "BRAND" in need.reasons:
        why = "the campaign asks for one"
    else:
        why = "the amounts cannot be counted in EUR, and French law asks for one from 1,000 EUR on"
    return Precondition(
        "CONTRACT_REQUIRED",
        f"{collaboration.name} needs a written contract before {step}: {why}. "
        "Offer one with OfferContract, and let the other side accept it with AcceptContract.",
        state=collaboration.state,
        counted=str(counted.minor_units) if counted else "",
        threshold=str(threshold.minor_units) if threshold else "",
    )
