"""What moves a collaboration from where to where, and the one way to move it.

Every step goes through ``step``: it refuses what the table does not allow, and records who, when and why.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from entente_campaign.domain.collaborations.model import STEPS_KEPT, Collaboration, Step
from entente_campaign.domain.collaborations.states import Action, State
from entente_campaign.domain.words import Actor
from entente_chassis.refusal import Precondition

_S, _A = State, Action
_ACCEPTED_INTO = frozenset({_S.SHIPMENT_PENDING, _S.CONTENT_DUE})
_REVIEWED = frozenset({_S.CONTENT_DUE, _S.SUBMITTED, _S.CHANGES_REQUESTED, _S.APPROVED})
_LEAVING = {_A.WITHDRAW: frozenset({_S.WITHDRAWN}), _A.CANCEL: frozenset({_S.CANCELLED})}
_ANSWERABLE = _LEAVING | {
    _A.ACCEPT: _ACCEPTED_INTO,
    _A.DECLINE: frozenset({_S.DECLINED}),
    _A.EXPIRE: frozenset({_S.EXPIRED}),
}
_IN_REVIEW = {_A.SUBMIT: _REVIEWED, _A.REQUEST_CHANGES: _REVIEWED, _A.APPROVE: _REVIEWED}
_LATE = {_A.FALL_OVERDUE: frozenset({_S.OVERDUE}), _A.EXPIRE: frozenset({_S.EXPIRED})}
_TO_PUBLISH = {_A.PUBLISH: frozenset({_S.APPROVED, _S.PUBLISHED})}

TABLE: Mapping[State, Mapping[Action, frozenset[State]]] = {
    _S.APPLIED: _ANSWERABLE | {_A.PRESELECT: frozenset({_S.PRESELECTED})},
    _S.INVITED: _ANSWERABLE,
    _S.PRESELECTED: _ANSWERABLE,
    _S.SHIPMENT_PENDING: _LEAVING | {_A.SHIP: frozenset({_S.SHIPMENT_SENT})},
    # Content that is submitted shows that the parcel came, whether or not its receipt was confirmed.
    _S.SHIPMENT_SENT: _LEAVING
    | _IN_REVIEW
    | {_A.RECEIVE: frozenset({_S.CONTENT_DUE}), _A.LOSE: frozenset({_S.SHIPMENT_PENDING})},
    _S.CONTENT_DUE: _LEAVING | _IN_REVIEW | _LATE,
    _S.SUBMITTED: _LEAVING | _IN_REVIEW,
    _S.CHANGES_REQUESTED: _LEAVING | _IN_REVIEW | _LATE,
    _S.APPROVED: _LEAVING | _IN_REVIEW | _LATE | _TO_PUBLISH,
    _S.OVERDUE: _LEAVING | _IN_REVIEW | _TO_PUBLISH | {_A.EXPIRE: frozenset({_S.EXPIRED})},
    _S.PUBLISHED: {_A.COMPLETE: frozenset({_S.COMPLETED})},
    _S.COMPLETED: {_A.RATE: frozenset({_S.RATED})},
    _S.RATED: {},
    _S.DECLINED: {},
    _S.WITHDRAWN: {},
    _S.EXPIRED: {},
    _S.CANCELLED: {},
}


CANCELLABLE = frozenset(state for state, actions in TABLE.items() if Action.CANCEL in actions)


def step(
    collaboration: Collaboration, action: Action, to: State, actor: Actor, now: datetime, reason: str = ""
) -> Collaboration:
    if to not in TABLE[collaboration.state].get(action, frozenset()):
        raise not_allowed(collaboration, action)
    step = Step(now, action, to, actor.subject, actor.party, reason)
    return replace(collaboration, state=to, update_time=now, history=(*collaboration.history, step)[-STEPS_KEPT:])


def not_allowed(collaboration: Collaboration, action: Action) -> Precondition:
    origins = ", ".join(sorted(state for state, actions in TABLE.items() if action in actions))
    return Precondition(
        "COLLABORATION_STEP_NOT_ALLOWED",
        f"{collaboration.name} is {collaboration.state}: it can be {action} only from {origins}.",
        state=collaboration.state,
        action=action,
    )
