"""What becomes of each open collaboration when its campaign is cancelled: one table, which the docs are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from entente_campaign.domain.collaborations.states import State


class Fate(StrEnum):
    """What becomes of it."""

    CANCEL = "cancelled"
    CONTINUE = "goes on"


@dataclass(frozen=True)
class Row:
    """What becomes of a collaboration in a state, and what that means for the two sides."""

    fate: Fate
    means: str


_NOTHING_DONE = Row(Fate.CANCEL, "nothing was agreed: nobody owes anything")
_PLACE_FREE = Row(Fate.CANCEL, "the place and its part of the budget are given back")
_KEEPS_PARCEL = Row(Fate.CANCEL, "no fee is owed; the creator keeps what was sent, which stays spent")
_WORK_DONE = Row(Fate.CONTINUE, "the work is approved: it is published, and paid as agreed")

TABLE: Mapping[State, Row] = {
    State.APPLIED: _NOTHING_DONE,
    State.INVITED: _NOTHING_DONE,
    State.PRESELECTED: _NOTHING_DONE,
    State.WAITLISTED: _NOTHING_DONE,
    State.OFFERED: _NOTHING_DONE,
    State.CONTRACT_PENDING: _PLACE_FREE,
    State.SHIPMENT_PENDING: _PLACE_FREE,
    State.SHIPMENT_SENT: _KEEPS_PARCEL,
    State.CONTENT_DUE: _KEEPS_PARCEL,
    State.SUBMITTED: _KEEPS_PARCEL,
    State.CHANGES_REQUESTED: _KEEPS_PARCEL,
    State.OVERDUE: _KEEPS_PARCEL,
    State.APPROVED: _WORK_DONE,
    State.PUBLISHED: Row(Fate.CONTINUE, "it is closed and paid as agreed"),
    State.DISPUTED: Row(Fate.CONTINUE, "the operator decides"),
}
"""By the state in which the cancellation finds it. States that are not here have ended already."""

CANCELLED = frozenset(state for state, row in TABLE.items() if row.fate is Fate.CANCEL)
CONTINUED = frozenset(state for state, row in TABLE.items() if row.fate is Fate.CONTINUE)
