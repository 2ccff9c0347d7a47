"""The answer to an application or an invitation, and the waiting list in between."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from entente_campaign.domain import events
from entente_campaign.domain.calendars import plus_days
from entente_campaign.domain.collaborations.clocks import start_clock
from entente_campaign.domain.collaborations.contracts import SIGNABLE, is_required
from entente_campaign.domain.collaborations.model import VOIDED_KEPT, Collaboration, Decision, Offer
from entente_campaign.domain.collaborations.states import Action, State
from entente_campaign.domain.collaborations.table import require_allowed, step
from entente_campaign.domain.events import Terms
from entente_campaign.domain.meter import ContractNeed
from entente_campaign.domain.words import Actor, DeclineReason, Party, deadlines
from entente_chassis.refusal import Aborted, Invalid, Violation


def preselect(collaboration: Collaboration, *, actor: Actor, now: datetime) -> Decision:
    """The brand marks an application as one to choose from."""
    moved = step(collaboration, Action.PRESELECT, State.PRESELECTED, actor, now)
    return moved, (events.CollaborationPreselected(moved.ref),)


def waitlist(collaboration: Collaboration, *, comment: str, actor: Actor, now: datetime) -> Decision:
    """The brand would take the creator if a place were free."""
    moved = step(collaboration, Action.WAITLIST, State.WAITLISTED, actor, now, comment)
    return replace(moved, waitlist_time=now), (events.CollaborationWaitlisted(moved.ref, comment),)


def offer(collaboration: Collaboration, *, reservation: str, actor: Actor, now: datetime) -> Decision:
    """A place became free, and is held under ``reservation`` until the creator has answered.

    Raises:
        Aborted: the reservation lapsed meanwhile.
    """
    require_allowed(collaboration, Action.OFFER, actor.party)
    _require_not_voided(collaboration, reservation)
    deadline = offer_deadline(collaboration, now)
    moved = step(collaboration, Action.OFFER, State.OFFERED, actor, now)
    moved = replace(moved, offer=Offer(reservation, deadline))
    return moved, (events.PlaceOffered(moved.ref, deadline),)


def offer_deadline(collaboration: Collaboration, now: datetime) -> datetime:
    """By when a place that is offered now has to be taken."""
    days = deadlines(collaboration.timeline, collaboration.platform).offer
    return plus_days(now, days, collaboration.calendar)


def answerer(collaboration: Collaboration) -> Party:
    """Whose answer is awaited."""
    if collaboration.state is State.OFFERED or collaboration.initiator is Party.BRAND:
        return Party.CREATOR
    return Party.BRAND


def accept(
    collaboration: Collaboration,
    *,
    reservation: str,
    comment: str,
    actor: Actor,
    now: datetime,
    option: str = "",
    need: ContractNeed | None = None,
) -> Decision:
    """The side that was asked agrees. Its place was reserved under ``reservation``.

    Args:
        option: which of the offered kinds of collaboration; needed where there are several.
        need: whether a written contract is needed, as the meter says; None: none is.

    Raises:
        Invalid: the option is missing, or is not offered.
        Aborted: the reservation lapsed meanwhile: reserve anew.
        Precondition: it stands elsewhere.
        Denied: the other side is to answer.
    """
    require_allowed(collaboration, Action.ACCEPT, actor.party)
    _require_not_voided(collaboration, reservation)
    collaboration = choose(collaboration, option)
    agreed = replace(
        collaboration, contract_need=need, accept_time=now, reservation=reservation, waitlist_time=None, offer=None
    )
    if is_required(agreed):
        moved = step(agreed, Action.ACCEPT, State.CONTRACT_PENDING, actor, now, comment)
    else:
        moved = proceed(agreed, Action.ACCEPT, actor, now, comment)
    event = events.CollaborationAccepted(
        moved.ref,
        _by(actor, answerer(collaboration)),
        comment,
        moved.platform,
        moved.terms,
        moved.terms.gift_value is not None,
        moved.publication_due_time,
        moved.state is State.CONTRACT_PENDING,
    )
    return moved, (event,)


def choose(collaboration: Collaboration, option: str) -> Collaboration:
    """The collaboration under the terms of the option that is chosen. Where one is offered, it need not be named.

    Raises:
        Invalid: the option is missing, or is not offered.
    """
    offered = {each.id: each for each in collaboration.options}
    if not offered and not option:
        return collaboration
    chosen = offered.get(option) if option or len(offered) > 1 else next(iter(offered.values()))
    if chosen is None:
        names = ", ".join(offered) or "none: leave it out"
        raise Invalid(
            "OPTION_REQUIRED" if not option else "OPTION_UNKNOWN",
            f"{collaboration.name} offers {names}.",
            violations=[Violation("option", f"must be one of {names}")],
        )
    return replace(collaboration, option=chosen.id, terms=chosen.terms)


def proceed(
    collaboration: Collaboration, action: Action, actor: Actor, now: datetime, reason: str = ""
) -> Collaboration:
    """Where it goes once everything is agreed: to the parcel, or else the creator's time starts."""
    if collaboration.terms.gift_value is not None:
        return step(collaboration, action, State.SHIPMENT_PENDING, actor, now, reason)
    return start_clock(step(collaboration, action, State.CONTENT_DUE, actor, now, reason), now)


def sign(
    collaboration: Collaboration, *, version: int, sha256: str, terms: Terms, actor: Actor, now: datetime
) -> Collaboration | None:
    """Both sides accepted a contract: it goes on under its terms. None when it has it, or has ended meanwhile."""
    if collaboration.contract_version == version or collaboration.state not in SIGNABLE:
        return None
    signed = replace(
        collaboration,
        terms=terms,
        contract_version=version,
        contract_sha256=sha256,
        contract_time=now,
        update_time=now,
    )
    if signed.state is not State.CONTRACT_PENDING:
        return signed
    return proceed(signed, Action.SIGN, actor, now, f"version {version}")


def void(collaboration: Collaboration, reservation: str) -> Collaboration:
    """Make sure that this reservation is never accepted with, unless it was."""
    if collaboration.reservation == reservation or reservation in collaboration.voided:
        return collaboration
    return replace(collaboration, voided=(*collaboration.voided, reservation)[-VOIDED_KEPT:])


def decline(
    collaboration: Collaboration, *, reasons: Sequence[DeclineReason], comment: str, actor: Actor, now: datetime
) -> Decision:
    """The side that was asked says no."""
    why = "; ".join(filter(None, (", ".join(reasons), comment)))
    moved = step(collaboration, Action.DECLINE, State.DECLINED, actor, now, why)
    moved = replace(moved, decline_reasons=tuple(reasons))
    by = _by(actor, answerer(collaboration))
    return moved, (events.CollaborationDeclined(moved.ref, by, tuple(reasons), comment),)


def _require_not_voided(collaboration: Collaboration, reservation: str) -> None:
    if reservation in collaboration.voided:
        raise Aborted("RESERVATION_LAPSED", "The reserved place was given back meanwhile: repeat the request.")


def _by(actor: Actor, side: Party) -> Party:
    """For which side an answer counts: an operator answers in the stead of the side that was asked."""
    return actor.party if actor.party in (Party.BRAND, Party.CREATOR) else side
