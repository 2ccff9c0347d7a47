"""The answer to an application or an invitation."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from entente_campaign.domain import events
from entente_campaign.domain.collaborations.clocks import start_clock
from entente_campaign.domain.collaborations.model import VOIDED_KEPT, Collaboration, Decision
from entente_campaign.domain.collaborations.states import Action, State
from entente_campaign.domain.collaborations.table import TABLE, not_allowed, step
from entente_campaign.domain.words import Actor, DeclineReason, Party
from entente_chassis.refusal import Aborted, Precondition


def preselect(collaboration: Collaboration, *, actor: Actor, now: datetime) -> Decision:
    """The brand marks an application as one to choose from."""
    moved = step(collaboration, Action.PRESELECT, State.PRESELECTED, actor, now)
    return moved, (events.CollaborationPreselected(moved.ref),)


def answerer(collaboration: Collaboration) -> Party:
    """Whose answer is awaited."""
    return Party.CREATOR if collaboration.initiator is Party.BRAND else Party.BRAND


def require_acceptable(collaboration: Collaboration, *, by: Party) -> None:
    """Refuse unless ``by`` may accept it as it stands.

    Raises:
        Precondition: it stands elsewhere, or the other side is to answer.
    """
    if Action.ACCEPT not in TABLE[collaboration.state]:
        raise not_allowed(collaboration, Action.ACCEPT)
    require_answered_by(collaboration, by)


def accept(collaboration: Collaboration, *, reservation: str, comment: str, actor: Actor, now: datetime) -> Decision:
    """The side that was asked agrees. Its place was reserved under ``reservation``.

    Raises:
        Aborted: the reservation lapsed meanwhile: reserve anew.
        Precondition: it stands elsewhere, or the other side is to answer.
    """
    require_acceptable(collaboration, by=actor.party)
    if reservation in collaboration.voided:
        raise Aborted("RESERVATION_LAPSED", "The reserved place was given back meanwhile: repeat the request.")
    needs_parcel = collaboration.terms.gift_value is not None
    to = State.SHIPMENT_PENDING if needs_parcel else State.CONTENT_DUE
    moved = step(collaboration, Action.ACCEPT, to, actor, now, comment)
    moved = replace(moved, accept_time=now, reservation=reservation)
    if not needs_parcel:
        moved = start_clock(moved, now)
    event = events.CollaborationAccepted(
        moved.ref,
        on_behalf(actor, answerer(collaboration)),
        comment,
        moved.platform,
        moved.terms,
        needs_parcel,
        moved.publication_due_time,
    )
    return moved, (event,)


def void(collaboration: Collaboration, reservation: str) -> Collaboration:
    """Make sure that this reservation is never accepted with, unless it was."""
    if collaboration.reservation == reservation or reservation in collaboration.voided:
        return collaboration
    return replace(collaboration, voided=(*collaboration.voided, reservation)[-VOIDED_KEPT:])


def decline(
    collaboration: Collaboration, *, reasons: Sequence[DeclineReason], comment: str, actor: Actor, now: datetime
) -> Decision:
    """The side that was asked says no."""
    if Action.DECLINE in TABLE[collaboration.state]:
        require_answered_by(collaboration, actor.party)
    why = "; ".join(filter(None, (", ".join(reasons), comment)))
    moved = step(collaboration, Action.DECLINE, State.DECLINED, actor, now, why)
    moved = replace(moved, decline_reasons=tuple(reasons))
    by = on_behalf(actor, answerer(collaboration))
    return moved, (events.CollaborationDeclined(moved.ref, by, tuple(reasons), comment),)


def require_answered_by(collaboration: Collaboration, by: Party) -> None:
    """Refuse the answer of the side that asked. Operators and services may answer for either.

    Raises:
        Precondition: the other side is to answer.
    """
    expected = answerer(collaboration)
    if by in (Party.BRAND, Party.CREATOR) and by is not expected:
        raise Precondition(
            "OTHER_SIDE_ANSWERS",
            f"{collaboration.name}: the {expected.lower()} is to answer.",
            state=collaboration.state,
        )


def on_behalf(actor: Actor, side: Party) -> Party:
    """For which side an answer counts: an operator answers in the stead of the side that was asked."""
    return actor.party if actor.party in (Party.BRAND, Party.CREATOR) else side
