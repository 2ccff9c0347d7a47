"""The parcel: sent, received, lost."""

from dataclasses import replace
from datetime import datetime

from entente_campaign.domain import events
from entente_campaign.domain.collaborations import contracts
from entente_campaign.domain.collaborations.clocks import remind_anew, start_clock
from entente_campaign.domain.collaborations.model import Collaboration, Decision
from entente_campaign.domain.collaborations.states import Action, State
from entente_campaign.domain.collaborations.table import require_allowed, step
from entente_campaign.domain.events import ReminderKind, Shipment
from entente_campaign.domain.meter import ContractNeed
from entente_campaign.domain.words import Actor
from entente_chassis.refusal import Aborted

NOT_HELD = "PARCEL_NOT_HELD"


def ship(
    collaboration: Collaboration,
    *,
    carrier: str,
    tracking_number: str,
    tracking_url: str,
    actor: Actor,
    now: datetime,
    held: int = 1,
    need: ContractNeed | None = None,
) -> Decision:
    """The brand sent the parcel. Each one counts, also one that replaces a lost one.

    Args:
        held: for how many parcels the budget has been held.
        need: whether a written contract is needed with this parcel; None: as it was.

    Raises:
        Aborted: PARCEL_NOT_HELD: it is one more than the budget has been held for.
        Precondition: it stands elsewhere, or a written contract is needed first.
    """
    require_allowed(collaboration, Action.SHIP, actor.party)
    if collaboration.parcels_sent + 1 > held:
        raise Aborted(NOT_HELD, "The budget for another parcel is not held yet.")
    collaboration = replace(collaboration, contract_need=need) if need else collaboration
    require_contract(collaboration, "another parcel is sent")
    moved = step(collaboration, Action.SHIP, State.SHIPMENT_SENT, actor, now, f"{carrier} {tracking_number}".strip())
    parcel = Shipment(carrier, tracking_number, tracking_url, send_time=now)
    moved = replace(moved, shipment=parcel, parcels_sent=collaboration.parcels_sent + 1)
    # Each parcel has reminders of its own.
    moved = remind_anew(moved, ReminderKind.RECEIPT_CONFIRMATION, ReminderKind.PARCEL_UNSENT)
    return moved, (events.ShipmentSent(moved.ref, parcel),)


def receive(collaboration: Collaboration, *, actor: Actor, now: datetime) -> Decision:
    """The parcel came: the time to publish starts."""
    moved = step(collaboration, Action.RECEIVE, State.CONTENT_DUE, actor, now)
    return received(moved, now)


def lose(collaboration: Collaboration, *, reason: str, actor: Actor, now: datetime) -> Decision:
    """The parcel was lost or is damaged: the brand is to send another one."""
    moved = step(collaboration, Action.LOSE, State.SHIPMENT_PENDING, actor, now, reason)
    assert moved.shipment is not None
    parcel = replace(moved.shipment, loss_time=now, loss_reason=reason)
    moved = replace(moved, shipment=parcel)
    return moved, (events.ShipmentLost(moved.ref, parcel),)


def received(collaboration: Collaboration, now: datetime) -> Decision:
    assert collaboration.shipment is not None
    parcel = replace(collaboration.shipment, receive_time=now)
    moved = start_clock(replace(collaboration, shipment=parcel), now)
    assert moved.publication_due_time is not None
    return moved, (events.ShipmentReceived(moved.ref, now, moved.publication_due_time),)


def require_contract(collaboration: Collaboration, step: str) -> None:
    """Refuse to go on without a contract that is mandatory.

    Raises:
        Precondition: CONTRACT_REQUIRED, with what was counted and the remedy.
    """
    if contracts.is_required(collaboration):
        raise contracts.missing(collaboration, step)
