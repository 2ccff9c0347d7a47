"""Collaborations: one creator in one campaign, step by step.

A step is a function of the collaboration as it stands, and returns the collaboration as it will be with the events that
tell of it. Each topic has a module; what the use cases need of them is here.
"""

from entente_campaign.domain.collaborations.answers import (
    accept,
    answerer,
    decline,
    preselect,
    require_acceptable,
    require_answered_by,
    void,
)
from entente_campaign.domain.collaborations.beginning import Proposal, apply, invite
from entente_campaign.domain.collaborations.clocks import next_due, reminders, ring
from entente_campaign.domain.collaborations.ending import cancel, complete, expire, rate, withdraw
from entente_campaign.domain.collaborations.fit import ask_later, learn
from entente_campaign.domain.collaborations.model import (
    FIT_ASKS,
    STEPS_KEPT,
    Collaboration,
    Decision,
    Fit,
    Review,
    ReviewState,
    Step,
)
from entente_campaign.domain.collaborations.publication import report_post
from entente_campaign.domain.collaborations.reviews import approved, changes_requested, submitted
from entente_campaign.domain.collaborations.shipments import lose, receive, ship
from entente_campaign.domain.collaborations.states import (
    CREATOR_AT_WORK,
    ENDED_EARLY,
    UNANSWERED,
    Action,
    State,
)
from entente_campaign.domain.collaborations.table import CANCELLABLE, TABLE

__all__ = [
    "CANCELLABLE",
    "CREATOR_AT_WORK",
    "ENDED_EARLY",
    "FIT_ASKS",
    "STEPS_KEPT",
    "TABLE",
    "UNANSWERED",
    "Action",
    "Collaboration",
    "Decision",
    "Fit",
    "Proposal",
    "Review",
    "ReviewState",
    "State",
    "Step",
    "accept",
    "answerer",
    "apply",
    "approved",
    "ask_later",
    "cancel",
    "changes_requested",
    "complete",
    "decline",
    "expire",
    "invite",
    "learn",
    "lose",
    "next_due",
    "preselect",
    "rate",
    "receive",
    "reminders",
    "report_post",
    "require_acceptable",
    "require_answered_by",
    "ring",
    "ship",
    "submitted",
    "void",
    "withdraw",
]
