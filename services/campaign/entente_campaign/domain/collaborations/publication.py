"""Approved content is published."""

from dataclasses import replace
from datetime import datetime

from entente_campaign.domain import events
from entente_campaign.domain.collaborations.model import Collaboration, Decision
from entente_campaign.domain.collaborations.money import payable_of
from entente_campaign.domain.collaborations.states import Action, State
from entente_campaign.domain.collaborations.table import require_allowed, step
from entente_campaign.domain.events import CollaborationEvent, Post
from entente_campaign.domain.words import Actor, Platform
from entente_chassis.refusal import Invalid, Violation


def report_post(
    collaboration: Collaboration,
    *,
    url: str,
    platform: Platform | None,
    deliverable: str,
    publish_time: datetime | None,
    actor: Actor,
    now: datetime,
) -> Decision | None:
    """The creator says where content was published; nothing to do for an address that is known.

    Raises:
        Precondition: the content is not approved.
        Invalid: it was published in the future.
    """
    if any(post.url == url for post in collaboration.posts):
        return None
    if publish_time is not None and publish_time > now:
        raise Invalid(
            "PUBLISHED_IN_FUTURE",
            "publish_time is in the future: report content once it is published.",
            violations=[Violation("publish_time", "must not be in the future", "FUTURE")],
        )
    require_allowed(collaboration, Action.PUBLISH, actor.party)
    post = Post(url, platform or collaboration.platform, deliverable, publish_time or now)
    posts = (*collaboration.posts, post)
    last = len(posts) >= max(1, len(collaboration.terms.deliverables))
    to = State.PUBLISHED if last else State.APPROVED
    moved = replace(step(collaboration, Action.PUBLISH, to, actor, now, url), posts=posts)
    told: list[CollaborationEvent] = []
    if last:
        moved = replace(moved, publish_time=max(each.publish_time for each in posts))
    in_time = moved.publication_due_time is None or post.publish_time <= moved.publication_due_time
    told.append(events.ContentPublished(moved.ref, post, last, in_time))
    if last and (payable := payable_of(moved, now)):
        moved = replace(moved, payable=payable)
        told.append(events.PayableCreated(moved.ref, payable))
    return moved, tuple(told)
