"""What moves a collaboration from where to where, and the one way to move it.

Every step goes through ``step``: it refuses what the table does not allow, and records who, when and why.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from entente_campaign.domain import events
from entente_campaign.domain.collaborations import contracts
from entente_campaign.domain.collaborations.model import STEPS_KEPT, Collaboration, Step
from entente_campaign.domain.collaborations.states import Action, State
from entente_campaign.domain.words import Actor, Party
from entente_chassis.refusal import Denied, Precondition


@dataclass(frozen=True)
class Who:
    """Who may take a step."""

    label: str
    parties: frozenset[Party]


@dataclass(frozen=True)
class Guard:
    """What must hold besides.

    Args:
        words: for the table in the docs, and for who is refused.
        reason: of the refusal.
        holds: None where it is checked in another document (the campaign's places), which the words name.
    """

    words: str
    reason: str = ""
    holds: Callable[[Collaboration], bool] | None = None


@dataclass(frozen=True)
class Row:
    """One row: from any of these states, by this command of these people, into one of those states.

    Args:
        command: the RPC, or what rings or happens.
        tells: the event that tells of it.
    """

    action: Action
    origins: tuple[State, ...]
    command: str
    who: Who
    to: tuple[State, ...]
    tells: tuple[type, ...] = ()
    guards: tuple[Guard, ...] = ()


# An operator may do in a side's stead whatever that side may.
BRAND = Who("brand", frozenset({Party.BRAND, Party.OPERATOR}))
CREATOR = Who("creator", frozenset({Party.CREATOR, Party.OPERATOR}))
EITHER = Who("brand or creator", frozenset({Party.BRAND, Party.CREATOR, Party.OPERATOR}))
OPERATOR = Who("operator", frozenset({Party.OPERATOR}))
CLOCK = Who("clock", frozenset({Party.SYSTEM}))
REVIEW = Who("review", frozenset({Party.SYSTEM}))
CAMPAIGN = Who("campaign or review", frozenset({Party.SYSTEM}))

PLACE_HELD = Guard("a place and its part of the budget are held for the creator (`domain/places.py`)")
ALL_APPROVED = Guard(
    "every deliverable is approved, and no other is open",
    "CONTENT_NOT_APPROVED",
    lambda collaboration: collaboration.is_approved,
)

_S, _A = State, Action
_BY_BRAND = (_S.APPLIED, _S.PRESELECTED, _S.WAITLISTED)
_BY_CREATOR = (_S.INVITED, _S.OFFERED)
_AT_WORK = (_S.CONTENT_DUE, _S.CHANGES_REQUESTED, _S.APPROVED)
_UNDER_WAY = (_S.SHIPMENT_PENDING, _S.SHIPMENT_SENT, *_AT_WORK, _S.SUBMITTED, _S.OVERDUE)
_AGREED = (_S.SHIPMENT_PENDING, _S.CONTENT_DUE)
_REVIEWABLE = (_S.SHIPMENT_SENT, *_AT_WORK, _S.SUBMITTED, _S.OVERDUE)
_DISPUTABLE = (*_UNDER_WAY, _S.PUBLISHED, _S.COMPLETED)

NOT_SETTLED = Guard(
    "no dispute was settled before: that decision is final",
    "DISPUTE_SETTLED",
    lambda collaboration: not collaboration.was_settled,
)
IN_REVIEW = Guard(
    "the dispute was opened while content was due or in review",
    "NOT_IN_REVIEW",
    lambda collaboration: collaboration.dispute is not None and collaboration.dispute.previous_state in _REVIEWABLE,
)

TABLE: tuple[Row, ...] = (
    # How it begins.
    Row(_A.APPLY, (), "ApplyToCampaign", CREATOR, (_S.APPLIED,), (events.ApplicationReceived,)),
    Row(_A.INVITE, (), "InviteCreators", BRAND, (_S.INVITED,), (events.CreatorInvited,)),
    # The answer.
    Row(
        _A.PRESELECT,
        (_S.APPLIED, _S.WAITLISTED),
        "PreselectApplication",
        BRAND,
        (_S.PRESELECTED,),
        (events.CollaborationPreselected,),
    ),
    Row(
        _A.WAITLIST,
        (_S.APPLIED, _S.PRESELECTED),
        "WaitlistApplication",
        BRAND,
        (_S.WAITLISTED,),
        (events.CollaborationWaitlisted,),
    ),
    Row(
        _A.OFFER,
        (_S.WAITLISTED,),
        "a place becomes free",
        CLOCK,
        (_S.OFFERED,),
        (events.PlaceOffered,),
        (PLACE_HELD,),
    ),
    Row(
        _A.ACCEPT,
        _BY_BRAND,
        "AcceptApplication",
        BRAND,
        (_S.CONTRACT_PENDING, *_AGREED),
        (events.CollaborationAccepted,),
        (PLACE_HELD,),
    ),
    Row(
        _A.ACCEPT,
        _BY_CREATOR,
        "RespondToInvitation",
        CREATOR,
        (_S.CONTRACT_PENDING, *_AGREED),
        (events.CollaborationAccepted,),
        (PLACE_HELD,),
    ),
    Row(
        _A.DECLINE,
        _BY_BRAND,
        "DeclineApplication",
        BRAND,
        (_S.DECLINED,),
        (events.CollaborationDeclined,),
    ),
    Row(
        _A.DECLINE,
        _BY_CREATOR,
        "RespondToInvitation",
        CREATOR,
        (_S.DECLINED,),
        (events.CollaborationDeclined,),
    ),
    # Someone leaves, or time is up.
    Row(
        _A.WITHDRAW,
        (*_BY_BRAND, _S.CONTRACT_PENDING, *_UNDER_WAY),
        "WithdrawCollaboration",
        CREATOR,
        (_S.WITHDRAWN,),
        (events.CollaborationWithdrawn,),
    ),
    Row(
        _A.WITHDRAW,
        (_S.INVITED,),
        "WithdrawCollaboration",
        BRAND,
        (_S.WITHDRAWN,),
        (events.CollaborationWithdrawn,),
    ),
    Row(
        _A.CANCEL,
        (*_BY_BRAND, *_BY_CREATOR, _S.CONTRACT_PENDING, *_UNDER_WAY),
        "the campaign is cancelled, or content is refused for good",
        CAMPAIGN,
        (_S.CANCELLED,),
        (events.CollaborationCancelled,),
    ),
    Row(
        _A.EXPIRE,
        (*_BY_BRAND, *_BY_CREATOR, _S.CONTRACT_PENDING, *_AT_WORK, _S.OVERDUE),
        "a deadline passes",
        CLOCK,
        (_S.EXPIRED,),
        (events.CollaborationExpired,),
    ),
    Row(
        _A.FALL_OVERDUE,
        _AT_WORK,
        "the day to publish passes",
        CLOCK,
        (_S.OVERDUE,),
        (events.CollaborationOverdue,),
    ),
    # The contract and the parcel.
    Row(
        _A.SIGN,
        (_S.CONTRACT_PENDING,),
        "AcceptContract",
        EITHER,
        _AGREED,
        (),
        (Guard("both sides have accepted the same version (`domain/collaborations/contracts.py`)"),),
    ),
    Row(_A.SHIP, (_S.SHIPMENT_PENDING,), "ShipParcel", BRAND, (_S.SHIPMENT_SENT,), (events.ShipmentSent,)),
    Row(_A.RECEIVE, (_S.SHIPMENT_SENT,), "ConfirmReceipt", CREATOR, (_S.CONTENT_DUE,), (events.ShipmentReceived,)),
    Row(_A.LOSE, (_S.SHIPMENT_SENT,), "ReportLoss", CREATOR, (_S.SHIPMENT_PENDING,), (events.ShipmentLost,)),
    # The content: where it leads first, and elsewhere while other deliverables stand elsewhere. What is submitted shows
    # that the parcel came, whether or not its receipt was confirmed.
    Row(
        _A.SUBMIT,
        _REVIEWABLE,
        "SubmissionReceived",
        REVIEW,
        (_S.SUBMITTED, _S.CHANGES_REQUESTED),
    ),
    Row(
        _A.REQUEST_CHANGES,
        _REVIEWABLE,
        "ChangesRequested",
        REVIEW,
        (_S.CHANGES_REQUESTED,),
    ),
    Row(
        _A.APPROVE,
        _REVIEWABLE,
        "SubmissionApproved",
        REVIEW,
        (_S.APPROVED, _S.CONTENT_DUE, _S.SUBMITTED, _S.CHANGES_REQUESTED),
    ),
    # A dispute does not stop the review, but what it comes to waits for the decision.
    Row(_A.SUBMIT, (_S.DISPUTED,), "SubmissionReceived", REVIEW, (_S.DISPUTED,), (), (IN_REVIEW,)),
    Row(_A.REQUEST_CHANGES, (_S.DISPUTED,), "ChangesRequested", REVIEW, (_S.DISPUTED,), (), (IN_REVIEW,)),
    Row(_A.APPROVE, (_S.DISPUTED,), "SubmissionApproved", REVIEW, (_S.DISPUTED,), (), (IN_REVIEW,)),
    Row(
        _A.PUBLISH,
        (_S.APPROVED, _S.OVERDUE),
        "ReportPublication",
        CREATOR,
        (_S.APPROVED, _S.PUBLISHED),
        (events.ContentPublished, events.PayableCreated),
        (ALL_APPROVED,),
    ),
    # The end.
    Row(
        _A.COMPLETE,
        (_S.PUBLISHED,),
        "CompleteCollaboration",
        BRAND,
        (_S.COMPLETED,),
        (events.CollaborationCompleted,),
    ),
    Row(_A.RATE, (_S.COMPLETED,), "RateCollaboration", BRAND, (_S.RATED,), (events.CollaborationRated,)),
    # The dispute.
    Row(_A.DISPUTE, _DISPUTABLE, "OpenDispute", EITHER, (_S.DISPUTED,), (events.DisputeOpened,), (NOT_SETTLED,)),
    Row(
        _A.RESOLVE,
        (_S.DISPUTED,),
        "ResolveDispute",
        OPERATOR,
        (*_DISPUTABLE, _S.CANCELLED),
        (events.DisputeResolved,),
    ),
)
"""From a state, by a command, into one of these states; nothing else happens."""

_GOES_ON = frozenset({_A.SHIP, _A.RECEIVE, _A.LOSE, _A.SUBMIT, _A.APPROVE, _A.PUBLISH})

CANCELLABLE = frozenset(state for row in TABLE if row.action is Action.CANCEL for state in row.origins)


def rows_from(state: State) -> list[Row]:
    """What can happen in a state."""
    return [row for row in TABLE if state in row.origins]


def commands_of(collaboration: Collaboration, *parties: Party) -> list[str]:
    """What these parties can command as it stands."""
    rows = rows_from(collaboration.state)
    return list(dict.fromkeys(row.command for row in rows if row.who.parties.intersection(parties)))


def require_allowed(collaboration: Collaboration, action: Action, party: Party) -> Row:
    """The row by which this may happen now.

    Raises:
        Precondition: it stands elsewhere, or a guard does not hold; what is allowed now is said.
        Denied: it is for others to do.
    """
    rows = [row for row in rows_from(collaboration.state) if row.action is action]
    if not rows:
        if collaboration.state is State.CONTRACT_PENDING and action in _GOES_ON:
            raise contracts.missing(collaboration, f"it is {action}")
        raise not_allowed(collaboration, action, party)
    mine = [row for row in rows if party in row.who.parties]
    if not mine:
        whose = " or ".join(row.who.label for row in rows)
        raise Denied(
            "OTHER_SIDE",
            f"{collaboration.name} is {collaboration.state}: {rows[0].command} is for the {whose} to do. "
            + _now(collaboration, party),
            state=collaboration.state,
            action=action,
            allowed=",".join(commands_of(collaboration, party)),
        )
    for guard in mine[0].guards:
        if guard.holds is not None and not guard.holds(collaboration):
            raise Precondition(
                guard.reason,
                f"{collaboration.name} is {collaboration.state}: {mine[0].command} needs that {guard.words}.",
                state=collaboration.state,
                action=action,
                allowed=",".join(commands_of(collaboration, party)),
            )
    return mine[0]


def step(
    collaboration: Collaboration, action: Action, to: State, actor: Actor, now: datetime, reason: str = ""
) -> Collaboration:
    """The collaboration after a step, which its history remembers.

    Raises:
        Precondition: it stands elsewhere, or a guard does not hold.
        Denied: it is for others to do.
    """
    row = require_allowed(collaboration, action, actor.party)
    assert to in row.to, f"{action} leads to none but {row.to}"
    done = Step(now, action, to, actor.subject, actor.party, reason)
    return replace(collaboration, state=to, update_time=now, history=(*collaboration.history, done)[-STEPS_KEPT:])


def not_allowed(collaboration: Collaboration, action: Action, party: Party) -> Precondition:
    """The refusal of what cannot happen in this state, with what can."""
    origins = dict.fromkeys(state for row in TABLE if row.action is action for state in row.origins)
    return Precondition(
        "COLLABORATION_STEP_NOT_ALLOWED",
        f"{collaboration.name} is {collaboration.state}: it can be {action} only from {', '.join(origins)}. "
        + _now(collaboration, party),
        state=collaboration.state,
        action=action,
        allowed=",".join(commands_of(collaboration, party)),
    )


def _now(collaboration: Collaboration, party: Party) -> str:
    allowed = ", ".join(commands_of(collaboration, party)) or "nothing"
    return f"Allowed to the {party.lower()} now: {allowed}."
