"""How a collaboration ends."""

from dataclasses import replace
from datetime import datetime

from entente_campaign.domain import events
from entente_campaign.domain.collaborations.model import Collaboration, Decision
from entente_campaign.domain.collaborations.states import Action, State
from entente_campaign.domain.collaborations.table import step
from entente_campaign.domain.events import Ratings
from entente_campaign.domain.words import Actor


def withdraw(collaboration: Collaboration, *, reason: str, actor: Actor, now: datetime) -> Decision:
    """The creator takes an application back or leaves, or the brand takes an invitation back.

    Raises:
        Denied: it is the other side's to do.
        Precondition: it stands elsewhere.
    """
    moved = step(collaboration, Action.WITHDRAW, State.WITHDRAWN, actor, now, reason)
    return moved, (events.CollaborationWithdrawn(moved.ref, actor.party, reason, collaboration.was_accepted),)


def expire(collaboration: Collaboration, *, actor: Actor, now: datetime, reason: str) -> Decision:
    """Time is up."""
    moved = step(collaboration, Action.EXPIRE, State.EXPIRED, actor, now, reason)
    return moved, (events.CollaborationExpired(moved.ref, collaboration.state, collaboration.was_accepted),)


def cancel(collaboration: Collaboration, *, reason: str, actor: Actor, now: datetime) -> Decision:
    """It ends with its campaign, or because its content was refused for good."""
    moved = step(collaboration, Action.CANCEL, State.CANCELLED, actor, now, reason)
    return moved, (events.CollaborationCancelled(moved.ref, reason, collaboration.was_accepted),)


def go_on(collaboration: Collaboration, *, reason: str, now: datetime) -> Decision | None:
    """Its campaign was cancelled, and it goes on to its end; told once."""
    if collaboration.continued:
        return None
    told = events.CollaborationContinued(collaboration.ref, reason)
    return replace(collaboration, continued=True, update_time=now), (told,)


def complete(collaboration: Collaboration, *, actor: Actor, now: datetime) -> Decision:
    """The brand closes a collaboration whose content is published."""
    moved = step(collaboration, Action.COMPLETE, State.COMPLETED, actor, now)
    return moved, (completion(moved),)


def completion(collaboration: Collaboration) -> events.CollaborationCompleted:
    """What is told when it is completed."""
    return events.CollaborationCompleted(
        collaboration.ref,
        collaboration.platform,
        collaboration.on_time,
        collaboration.publication_due_time,
        collaboration.publish_time,
        collaboration.compliance_percent,
    )


def rate(
    collaboration: Collaboration,
    *,
    ratings: Ratings,
    comment: str,
    actor: Actor,
    now: datetime,
    work_again: bool | None = None,
) -> Decision:
    """The brand rates a completed collaboration."""
    moved = step(collaboration, Action.RATE, State.RATED, actor, now)
    moved = replace(moved, ratings=ratings, rating_comment=comment, work_again=work_again)
    return moved, (events.CollaborationRated(moved.ref, ratings, comment, work_again),)
