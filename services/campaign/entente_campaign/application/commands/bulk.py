"""Many applications, one answer: by name or by rule. Each row has a result of its own; a bad one stops no other."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from entente_campaign.application.access import own_campaign, side_of
from entente_campaign.application.commands import applications
from entente_campaign.application.stores import Stores
from entente_campaign.domain import collaborations
from entente_campaign.domain.collaborations import UNANSWERED, Collaboration, State
from entente_campaign.domain.names import collaboration_name
from entente_campaign.domain.words import DeclineReason, Party
from entente_chassis.auth import Caller
from entente_chassis.refusal import Exhausted, Invalid, NotFound, Refusal, Unavailable, Violation
from entente_chassis.store import Request

MOST = 5_000
_CREATOR = re.compile(r"creators/[a-z0-9][a-z0-9-]{0,62}")
_WAITING = sorted(UNANSWERED - {State.INVITED})


class Kind(StrEnum):
    """What is answered."""

    ACCEPT = "ACCEPT"
    DECLINE = "DECLINE"
    PRESELECT = "PRESELECT"
    WAITLIST = "WAITLIST"


@dataclass(frozen=True)
class Bulk:
    """The answer that many are given.

    Args:
        reasons: with DECLINE; empty: those that each one's fit score says.
        validate_only: only say what would come of it.
    """

    campaign: str
    answer: Kind
    reasons: tuple[DeclineReason, ...] = ()
    comment: str = ""
    validate_only: bool = False


@dataclass(frozen=True)
class RowResult:
    """What came of one."""

    creator: str
    state: State | None = None
    reasons: tuple[DeclineReason, ...] = ()
    refusal: Refusal | None = None


async def count_rows(
    stores: Stores, caller: Caller, *, campaign: str, creators: Sequence[str], asked: Mapping[str, Any]
) -> tuple[str, int]:
    """The brand whose campaign it is, and how many rows there are.

    Raises:
        NotFound: it is no campaign of the caller's.
        Exhausted: a filter names more than can be answered at once.
    """
    found, _ = await own_campaign(stores, caller, campaign)
    if creators:
        return found.state.brand, len(creators)
    total = await stores.collaborations.count(_matching(campaign, asked))
    if total > MOST:
        raise Exhausted("TOO_MANY_MATCH", f"{total} applications match; {MOST} at most: narrow the filter.")
    return found.state.brand, total


async def matching(stores: Stores, *, campaign: str, asked: Mapping[str, Any]) -> list[str]:
    """The creators whose applications match and wait for an answer, by name."""
    found = await stores.collaborations.find(_matching(campaign, asked), limit=MOST)
    return [each.state.creator for each in found]


async def answer_row(
    stores: Stores, caller: Caller, bulk: Bulk, creators: Sequence[str], at: int, request: Request
) -> RowResult:
    """Answer one row of a list of creators."""
    creator = creators[at]
    if not _CREATOR.fullmatch(creator):
        problem = f"{creator!r} is no name of a creator: write creators/ and its id"
        return _refused(creator, Invalid("CREATOR_INVALID", f"Row {at + 1}: {problem}.", violations=[_at(at, problem)]))
    first = creators.index(creator)
    if first < at:
        problem = f"{creator} is in row {first + 1} already"
        return _refused(creator, Invalid("ROW_REPEATED", f"Row {at + 1}: {problem}.", violations=[_at(at, problem)]))
    return await _answer_one(stores, caller, bulk, creator, request)


async def _answer_one(stores: Stores, caller: Caller, bulk: Bulk, creator: str, request: Request) -> RowResult:
    """Answer one application, or say what would come of it; a refusal is its result.

    Raises:
        Unavailable: the database does not answer: the work goes on later.
    """
    name = collaboration_name(bulk.campaign, creator)
    reasons, comment = bulk.reasons, bulk.comment
    try:
        if bulk.validate_only or (bulk.answer is Kind.DECLINE and not reasons):
            found = await stores.collaborations.get(name)
            if found is None:
                raise NotFound("NOT_APPLIED", f"{creator} has not applied to {bulk.campaign}.", resource=name)
            if bulk.answer is Kind.DECLINE and not reasons:
                reasons, evidence = collaborations.weak_points(found.state)
                comment = "; ".join(filter(None, (comment, evidence)))
            if bulk.validate_only:
                return RowResult(creator, _foreseen(stores, caller, found.state, bulk, reasons), reasons)
        give = _answer(bulk.answer, reasons, comment)
        done = await give(stores, caller, name, Party.BRAND, request=request, etag=None)
    except Unavailable:
        raise
    except Refusal as refusal:
        return _refused(creator, refusal)
    return RowResult(creator, done.state.state, done.state.decline_reasons if bulk.answer is Kind.DECLINE else ())


def _answer(kind: Kind, reasons: Sequence[DeclineReason], comment: str) -> applications.Answer:
    if kind is Kind.ACCEPT:
        return applications.accepting(comment)
    if kind is Kind.DECLINE:
        return applications.declining(reasons, comment)
    return applications.waitlisting(comment) if kind is Kind.WAITLIST else applications.preselecting()


def _foreseen(
    stores: Stores, caller: Caller, state: Collaboration, bulk: Bulk, reasons: Sequence[DeclineReason]
) -> State:
    """Where it would stand. Places and budget are looked at only when it is done."""
    actor, now = side_of(caller, state, Party.BRAND), stores.clock.now()
    if bulk.answer is Kind.ACCEPT:
        return collaborations.accept(state, reservation="foreseen", comment="", actor=actor, now=now)[0].state
    if bulk.answer is Kind.DECLINE:
        return collaborations.decline(state, reasons=reasons, comment="", actor=actor, now=now)[0].state
    if bulk.answer is Kind.WAITLIST:
        return collaborations.waitlist(state, comment="", actor=actor, now=now)[0].state
    return collaborations.preselect(state, actor=actor, now=now)[0].state


def _matching(campaign: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {"campaign": campaign, "state": {"$in": _WAITING}, "$and": [asked]}


def _refused(creator: str, refusal: Refusal) -> RowResult:
    return RowResult(creator, refusal=refusal)


def _at(row: int, problem: str) -> Violation:
    return Violation(f"creators[{row}]", problem)
