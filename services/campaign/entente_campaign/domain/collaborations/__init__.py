"""Collaborations: one creator in one campaign, step by step.

A step is a function of the collaboration as it stands, and returns the collaboration as it will be with the events that
tell of it. Each topic has a module; what the use cases need of them is here.
"""

from entente_campaign.domain.collaborations.answers import (
    accept,
    answerer,
    choose,
    decline,
    offer,
    offer_deadline,
    preselect,
    proceed,
    sign,
    void,
    waitlist,
)
from entente_campaign.domain.collaborations.beginning import Proposal, agreed_deliverables, apply, invite
from entente_campaign.domain.collaborations.clocks import DEADLINES, REMINDERS, next_due, reminders, ring
from entente_campaign.domain.collaborations.disputes import open_dispute, resolve_dispute
from entente_campaign.domain.collaborations.ending import cancel, complete, expire, go_on, rate, withdraw
from entente_campaign.domain.collaborations.fit import ask_later, learn, weak_points
from entente_campaign.domain.collaborations.model import (
    FIT_ASKS,
    STEPS_KEPT,
    Collaboration,
    Decision,
    Dispute,
    Fit,
    Offer,
    Resolution,
    Review,
    ReviewState,
    Step,
)
from entente_campaign.domain.collaborations.money import claim, fee_percent, is_exportable, pay, unclaim
from entente_campaign.domain.collaborations.publication import report_post
from entente_campaign.domain.collaborations.reviews import approved, changes_requested, submitted
from entente_campaign.domain.collaborations.shipments import NOT_HELD, lose, receive, ship
from entente_campaign.domain.collaborations.states import (
    CREATOR_AT_WORK,
    ENDED_EARLY,
    UNANSWERED,
    Action,
    State,
)
from entente_campaign.domain.collaborations.table import CANCELLABLE, TABLE, commands_of, require_allowed, rows_from

__all__ = [
    "CANCELLABLE",
    "CREATOR_AT_WORK",
    "DEADLINES",
    "ENDED_EARLY",
    "FIT_ASKS",
    "NOT_HELD",
    "REMINDERS",
    "STEPS_KEPT",
    "TABLE",
    "UNANSWERED",
    "Action",
    "Collaboration",
    "Decision",
    "Dispute",
    "Fit",
    "Offer",
    "Proposal",
    "Resolution",
    "Review",
    "ReviewState",
    "State",
    "Step",
    "accept",
    "agreed_deliverables",
    "answerer",
    "apply",
    "approved",
    "ask_later",
    "cancel",
    "changes_requested",
    "choose",
    "claim",
    "commands_of",
    "complete",
    "decline",
    "expire",
    "fee_percent",
    "go_on",
    "invite",
    "is_exportable",
    "learn",
    "lose",
    "next_due",
    "offer",
    "offer_deadline",
    "open_dispute",
    "pay",
    "preselect",
    "proceed",
    "rate",
    "receive",
    "reminders",
    "report_post",
    "require_allowed",
    "resolve_dispute",
    "ring",
    "rows_from",
    "ship",
    "sign",
    "submitted",
    "unclaim",
    "void",
    "waitlist",
    "weak_points",
    "withdraw",
]
