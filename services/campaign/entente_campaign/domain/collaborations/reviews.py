"""What becomes of the content, as the review service tells it."""

from dataclasses import replace
from datetime import datetime

from entente_campaign.domain.calendars import plus_days
from entente_campaign.domain.collaborations.clocks import pass_over_reminders
from entente_campaign.domain.collaborations.model import Collaboration, Decision, Review, ReviewState
from entente_campaign.domain.collaborations.shipments import received
from entente_campaign.domain.collaborations.states import CREATOR_AT_WORK, Action, State
from entente_campaign.domain.collaborations.table import step
from entente_campaign.domain.events import CollaborationEvent
from entente_campaign.domain.words import Actor, deadlines


def submitted(collaboration: Collaboration, *, deliverable: str, version: int, actor: Actor, now: datetime) -> Decision:
    """A version of a deliverable waits for the brand."""
    return _reviewed(collaboration, Action.SUBMIT, deliverable, Review(ReviewState.SUBMITTED, version), actor, now)


def changes_requested(
    collaboration: Collaboration, *, deliverable: str, version: int, actor: Actor, now: datetime
) -> Decision:
    """A version of a deliverable was sent back."""
    review = Review(ReviewState.CHANGES_REQUESTED, version)
    return _reviewed(collaboration, Action.REQUEST_CHANGES, deliverable, review, actor, now)


def approved(
    collaboration: Collaboration,
    *,
    deliverable: str,
    version: int,
    compliance_percent: int,
    actor: Actor,
    now: datetime,
) -> Decision:
    """A deliverable was approved, with the compliance that was granted."""
    review = Review(ReviewState.APPROVED, version, compliance_percent)
    return _reviewed(collaboration, Action.APPROVE, deliverable, review, actor, now)


def _reviewed(
    collaboration: Collaboration, action: Action, deliverable: str, review: Review, actor: Actor, now: datetime
) -> Decision:
    changed = replace(collaboration, reviews={**collaboration.reviews, deliverable: review})
    why = f"{deliverable}, version {review.version}"
    if changed.state is State.DISPUTED:
        return _reviewed_in_dispute(changed, action, actor, now, why)
    moved = step(changed, action, _state_of_reviews(changed), actor, now, why)
    told: tuple[CollaborationEvent, ...] = ()
    if collaboration.state is State.SHIPMENT_SENT:
        moved, told = received(moved, now)
    if moved.state in CREATOR_AT_WORK:
        moved = pass_over_reminders(moved, now)
        if moved.grace_end_time is not None:
            # The days of grace are the creator's: those in which the brand reviewed do not count.
            grace = plus_days(now, deadlines(moved.timeline, moved.platform).grace, moved.calendar)
            moved = replace(moved, grace_end_time=max(moved.grace_end_time, grace))
    return moved, told


def _reviewed_in_dispute(
    collaboration: Collaboration, action: Action, actor: Actor, now: datetime, why: str
) -> Decision:
    """The dispute stands; where it goes on after it may be elsewhere now."""
    moved = step(collaboration, action, State.DISPUTED, actor, now, why)
    dispute = moved.dispute
    assert dispute is not None
    told: tuple[CollaborationEvent, ...] = ()
    if dispute.previous_state is State.SHIPMENT_SENT:
        moved, told = received(moved, now)
    return replace(moved, dispute=replace(dispute, previous_state=_state_of_reviews(moved))), told


def _state_of_reviews(collaboration: Collaboration) -> State:
    states = {review.state for review in collaboration.reviews.values()}
    if ReviewState.CHANGES_REQUESTED in states:
        return State.CHANGES_REQUESTED
    if ReviewState.SUBMITTED in states:
        return State.SUBMITTED
    return State.APPROVED if collaboration.is_approved else State.CONTENT_DUE
