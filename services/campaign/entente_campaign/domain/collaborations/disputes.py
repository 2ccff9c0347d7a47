"""A dispute: a side does not agree with how it goes, and an operator decides who gets what. All of it is on record."""

from dataclasses import replace
from datetime import datetime

from entente_campaign.domain import events
from entente_campaign.domain.collaborations.clocks import pass_over_reminders, remind_anew
from entente_campaign.domain.collaborations.ending import completion
from entente_campaign.domain.collaborations.model import Collaboration, Decision, Dispute, Resolution
from entente_campaign.domain.collaborations.money import require_not_exported, settled
from entente_campaign.domain.collaborations.states import Action, State
from entente_campaign.domain.collaborations.table import require_allowed, step
from entente_campaign.domain.events import CollaborationEvent, DisputeOutcome, ReminderKind
from entente_campaign.domain.words import Actor
from entente_chassis.money import Money
from entente_chassis.refusal import Invalid, Violation

DISPUTES_KEPT = 16


def open_dispute(collaboration: Collaboration, *, reason: str, actor: Actor, now: datetime) -> Decision:
    """Either side calls for a decision. Its clocks stand still until there is one."""
    moved = step(collaboration, Action.DISPUTE, State.DISPUTED, actor, now, reason)
    dispute = Dispute(actor.party, actor.subject, reason, now, collaboration.state)
    if moved.dispute is not None:
        moved = replace(moved, earlier_disputes=(*moved.earlier_disputes, moved.dispute)[-DISPUTES_KEPT:])
    moved = remind_anew(replace(moved, dispute=dispute), ReminderKind.DISPUTE_OPEN)
    return moved, (events.DisputeOpened(moved.ref, actor.party, reason, collaboration.state),)


def resolve_dispute(
    collaboration: Collaboration,
    *,
    outcome: DisputeOutcome,
    creator_amount: Money | None,
    reason: str,
    actor: Actor,
    now: datetime,
) -> Decision:
    """The operator decides.

    Args:
        outcome: RESUME goes on where it stood, SETTLE closes it with ``creator_amount`` for the creator, CANCEL ends it
            without any payment.
        creator_amount: what the creator is paid in all, from nothing to the agreed fee; with SETTLE only.

    Raises:
        Invalid: the amount is missing, superfluous, or not between nothing and the agreed fee.
        Precondition: there is no dispute.
        Denied: an operator is to decide.
    """
    require_allowed(collaboration, Action.RESOLVE, actor.party)
    dispute = collaboration.dispute
    assert dispute is not None
    _require_amount(collaboration, outcome, creator_amount)
    resolution = Resolution(outcome, reason, creator_amount, actor.subject, now)
    decided = replace(collaboration, dispute=replace(dispute, resolution=resolution))
    told: list[CollaborationEvent] = []
    if outcome is DisputeOutcome.RESUME:
        moved = _resume(step(decided, Action.RESOLVE, dispute.previous_state, actor, now, reason), dispute, now)
    elif outcome is DisputeOutcome.SETTLE:
        assert creator_amount is not None
        moved = step(decided, Action.RESOLVE, State.COMPLETED, actor, now, reason)
        had = moved.payable
        moved = replace(moved, payable=settled(moved, creator_amount, now))
        if moved.payable is not None and had is None:
            told.append(events.PayableCreated(moved.ref, moved.payable))
        told.append(completion(moved))
    else:
        require_not_exported(collaboration)
        moved = replace(step(decided, Action.RESOLVE, State.CANCELLED, actor, now, reason), payable=None)
        told.append(events.CollaborationCancelled(moved.ref, reason, moved.was_accepted))
    resolved = events.DisputeResolved(moved.ref, outcome, reason, creator_amount, moved.state)
    return moved, (resolved, *told)


def _require_amount(collaboration: Collaboration, outcome: DisputeOutcome, amount: Money | None) -> None:
    fee = collaboration.terms.fee or Money.zero(collaboration.currency_code)
    problem = None
    if outcome is not DisputeOutcome.SETTLE:
        problem = "must be left out unless the outcome is SETTLE" if amount is not None else None
    elif amount is None:
        problem = "is required with SETTLE: say what the creator is paid in all, 0 for nothing"
    elif amount.currency_code != fee.currency_code:
        problem = f"must be in {fee.currency_code}"
    elif not 0 <= amount.minor_units <= fee.minor_units:
        problem = f"must be from 0 to the agreed fee, {fee.minor_units} (minor units)"
    if problem:
        raise Invalid("AMOUNT_INVALID", f"creator_amount {problem}.", violations=[Violation("creator_amount", problem)])


def _resume(collaboration: Collaboration, dispute: Dispute, now: datetime) -> Collaboration:
    """The time that the dispute took is nobody's."""

    def shifted(moment: datetime | None) -> datetime | None:
        return moment + pause if moment is not None else None

    began = collaboration.publication_start_time
    pause = now - max(dispute.open_time, began or dispute.open_time)
    later = replace(
        collaboration,
        publication_start_time=shifted(began),
        publication_due_time=shifted(collaboration.publication_due_time),
        grace_end_time=shifted(collaboration.grace_end_time),
    )
    return pass_over_reminders(later, now)
