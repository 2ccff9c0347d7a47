"""What creators, brands and the clock do."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from entente_chassis.auth import Caller
from entente_chassis.refusal import NotFound
from entente_chassis.store import Cause, Change, Outcome, Request
from entente_review.application.stores import Desk
from entente_review.domain import review as rules
from entente_review.domain.brief import Brief, markets_of
from entente_review.domain.checks import check
from entente_review.domain.content import Content
from entente_review.domain.copies import CampaignCopy, CollaborationCopy, agreed_deliverable, why_no_brief, why_not_open
from entente_review.domain.criteria import Result
from entente_review.domain.events import CriterionFeedback
from entente_review.domain.names import campaign_of, creator_of, no_submission, parse_submission, review_name
from entente_review.domain.review import Checked, Events, Review

_LOOK_EVERY = 0.1
"""Real seconds between two looks for what is on its way."""


@dataclass(frozen=True)
class ToSubmit:
    """What a creator sends."""

    collaboration: str
    deliverable: str
    deliverable_kind: str | None
    platform: str | None
    content: Content


@dataclass(frozen=True)
class Version:
    """One version of a review, after a command."""

    review: Outcome[Review]
    number: int


async def submit(desk: Desk, caller: Caller, sent: ToSubmit, request: Request | None) -> Version:
    """Check content against the brief and the rules, and put it up for decision.

    Raises:
        NotFound: the caller does not speak for the creator of the collaboration.
        Unavailable: the collaboration or its brief is not known here yet.
        Precondition: the collaboration is not open, or the version before is not sent back.
        Invalid: the deliverable is not one that was agreed on.
    """
    if not caller.acts_for_creator(creator_of(sent.collaboration)):
        raise NotFound(
            "COLLABORATION_NOT_FOUND", f"There is no collaboration {sent.collaboration}.", resource=sent.collaboration
        )
    collaboration, brief = await _known_terms(desk, sent.collaboration)
    deliverable = agreed_deliverable(collaboration, sent.deliverable, sent.deliverable_kind, sent.platform)
    checked = Checked(
        content=sent.content,
        criteria=check(
            sent.content,
            brief=brief,
            markets=markets_of(brief, sent.content.audience_markets, collaboration.audience, desk.rules.audience_share),
            platform=deliverable.platform or "",
            kind=deliverable.kind or "",
            rules=desk.rules,
        ),
        brief_revision=brief.revision,
        rules_version=desk.rules.version,
        deliverable_kind=deliverable.kind,
        platform=deliverable.platform,
    )
    digest = hashlib.sha256(request.key.encode()).hexdigest() if request else ""

    def decide(review: Review | None) -> Change[Review]:
        return Change(
            *rules.submit(
                review,
                collaboration.subject,
                deliverable.id,
                checked,
                terms=desk.terms,
                now=desk.clock.now(),
                actor=caller.subject,
                request=digest,
            )
        )

    outcome = await desk.reviews.change(review_name(sent.collaboration, deliverable.id), decide, request=request)
    # A request that is repeated after its version was decided, even after the next one came, gets its own version back.
    made = [entry.version for entry in outcome.state.submissions if digest and entry.request == digest]
    return Version(outcome, made[-1] if made else outcome.state.latest.version)


async def _known_terms(desk: Desk, name: str) -> tuple[CollaborationCopy, Brief]:
    """The collaboration and its pinned brief. What another service did a moment ago arrives within a moment, so this
    waits a little for it before it refuses.
    """
    give_up = time.monotonic() + desk.wait_seconds
    while True:
        known = await desk.collaborations.get(name)
        campaign = await desk.campaigns.get(campaign_of(name))
        collaboration, copy = known.state if known else None, campaign.state if campaign else None
        refusal = why_not_open(name, collaboration) or why_no_brief(campaign_of(name), copy)
        if refusal is None and collaboration is not None and copy is not None:
            return collaboration, copy.brief
        if refusal is not None and (time.monotonic() >= give_up or "retry_after_seconds" not in refusal.metadata):
            raise refusal
        await asyncio.sleep(_LOOK_EVERY)


Decide = Callable[[Review, int], tuple[Review, Events]]


async def decide(
    desk: Desk, caller: Caller, submission: str, act: Decide, *, request: Request | None, etag: str
) -> Version:
    """Let the brand act on a version, in one conditional write: whoever is first, a person or the clock, has decided.

    Raises:
        NotFound: there is no such submission, or the caller does not speak for its brand.
        Precondition: it was decided already.
        Aborted: the etag is not the current one.
    """
    name, version = parse_submission(submission)
    known = await desk.reviews.get(name)
    if known is None or not caller.acts_for_brand(known.state.subject.brand):
        raise no_submission(submission)

    def change(review: Review | None) -> Change[Review]:
        if review is None:
            raise no_submission(submission)
        return Change(*act(review, version))

    return Version(await desk.reviews.change(name, change, request=request, etag=etag or None), version)


def approval(desk: Desk, caller: Caller, comment: str) -> Decide:
    """Accept it for publication."""
    return lambda review, version: rules.approve(
        review, version, now=desk.clock.now(), actor=caller.subject, comment=comment
    )


def changes(desk: Desk, caller: Caller, feedback: tuple[CriterionFeedback, ...], comment: str) -> Decide:
    """Send it back."""
    return lambda review, version: rules.request_changes(
        review, version, feedback=feedback, comment=comment, now=desk.clock.now(), actor=caller.subject
    )


def rejection(desk: Desk, caller: Caller, reason: str) -> Decide:
    """Refuse it for good."""
    return lambda review, version: rules.reject(
        review, version, reason=reason, now=desk.clock.now(), actor=caller.subject
    )


def overriding(desk: Desk, caller: Caller, criterion: str, result: Result, reason: str) -> Decide:
    """Set a criterion's result by hand."""
    return lambda review, version: rules.override(
        review,
        version,
        criterion=criterion,
        result=result,
        reason=reason,
        now=desk.clock.now(),
        actor=caller.subject,
    )


async def tick(desk: Desk, review: str) -> Outcome[Review]:
    """Do what has come due on a review: remind, or approve; or close it when the collaboration is over."""
    known = await desk.reviews.require(review, what="review")
    collaboration = await desk.collaborations.get(known.state.subject.collaboration)
    is_over = collaboration is not None and collaboration.state.is_over

    def change(state: Review | None) -> Change[Review] | None:
        if state is None:
            return None
        now = desk.clock.now()
        ticked = rules.close(state, now) if is_over else rules.tick(state, now)
        return Change(*ticked) if ticked else None

    return await desk.reviews.change(review, change)


async def keep_brief(desk: Desk, campaign: str, brief: Brief, cause: Cause) -> None:
    """Keep the brief that a campaign pinned. Once kept it stays: what is pinned does not change."""
    await desk.campaigns.change(campaign, lambda copy: Change(copy or CampaignCopy(brief)), cause=cause)


async def keep_collaboration(desk: Desk, name: str, copy: CollaborationCopy, cause: Cause) -> None:
    """Keep a collaboration as it stands now."""
    await desk.collaborations.change(name, lambda _: Change(copy), cause=cause)
