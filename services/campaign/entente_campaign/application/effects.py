"""What events and clocks bring about. Whatever is here may happen again without another effect."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from entente_campaign import metrics
from entente_campaign.application import acceptance, waiting
from entente_campaign.application.stores import Stores
from entente_campaign.domain import campaigns, cancelling, collaborations, places
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.collaborations import Action, Collaboration, State
from entente_campaign.domain.events import CollaborationContinued, ReminderDue
from entente_campaign.domain.names import collaboration_name
from entente_campaign.domain.words import Actor, Party
from entente_chassis.refusal import NotFound
from entente_chassis.store import Cause, Change, Outcome

CLOCK = Actor("services/campaign", Party.SYSTEM)
REVIEW = Actor("services/review", Party.SYSTEM)

_AT_ONCE = 200
Step = Callable[[Collaboration, datetime], collaborations.Decision | None]


# -- our own events ----------------------------------------------------------------------------------------------------


async def release_place(stores: Stores, collaboration: str) -> None:
    """A creator left after the acceptance: the place and the budget are free for others."""
    await acceptance.release(stores, (await stores.collaborations.require(collaboration, what="collaboration")).state)


async def settle_budget(stores: Stores, collaboration: str) -> None:
    """A fee is owed: the budget knows what it takes."""
    await acceptance.settle(stores, (await stores.collaborations.require(collaboration, what="collaboration")).state)


async def end_with_campaign(stores: Stores, campaign: str, reason: str) -> None:
    """The campaign was cancelled: ``domain/cancelling.py`` says what becomes of each collaboration."""

    def cancel(state: Collaboration, now: datetime) -> collaborations.Decision | None:
        if state.state not in cancelling.CANCELLED:
            return None
        return collaborations.cancel(state, reason=reason, actor=CLOCK, now=now)

    def go_on(state: Collaboration, now: datetime) -> collaborations.Decision | None:
        if state.state not in cancelling.CONTINUED:
            return None
        return collaborations.go_on(state, reason=reason, now=now)

    await _every(stores, campaign, {"state": {"$in": sorted(cancelling.CANCELLED)}}, cancel)
    told = {"state": {"$in": sorted(cancelling.CONTINUED)}, "continued": {"$ne": True}}
    await _every(stores, campaign, told, go_on)


async def close_answers(stores: Stores, campaign: str) -> None:
    """The campaign was completed: what was not answered expires."""

    def expire(state: Collaboration, now: datetime) -> collaborations.Decision | None:
        if state.state not in collaborations.UNANSWERED:
            return None
        return collaborations.expire(state, actor=CLOCK, now=now, reason="the campaign was completed")

    await _every(stores, campaign, {"state": {"$in": sorted(collaborations.UNANSWERED)}}, expire)


async def _every(stores: Stores, campaign: str, where: Mapping[str, Any], step: Step) -> None:
    """Take the step with every collaboration of a campaign that is such; after it, none is any more."""
    while found := await stores.collaborations.find({"campaign": campaign, **where}, limit=_AT_ONCE):
        for outcome in found:
            await _move(stores, outcome.id, step)


async def spend(stores: Stores, collaboration: str) -> None:
    """What was owed was paid: the campaign's money knows."""
    found = (await stores.collaborations.require(collaboration, what="collaboration")).state
    await acceptance.settle(stores, found)
    await acceptance.pay(stores, found)


async def settle_dispute(stores: Stores, collaboration: str) -> None:
    """A dispute was decided: the budget knows what that takes."""
    await acceptance.settle(stores, (await stores.collaborations.require(collaboration, what="collaboration")).state)


# -- the review --------------------------------------------------------------------------------------------------------


async def take_submission(stores: Stores, collaboration: str, *, deliverable: str, version: int, cause: Cause) -> None:
    """A version of a deliverable waits for the brand."""
    await _move(
        stores,
        collaboration,
        lambda state, now: collaborations.submitted(
            state, deliverable=deliverable, version=version, actor=REVIEW, now=now
        ),
        cause,
    )


async def take_changes_request(
    stores: Stores, collaboration: str, *, deliverable: str, version: int, cause: Cause
) -> None:
    """A version of a deliverable was sent back."""
    await _move(
        stores,
        collaboration,
        lambda state, now: collaborations.changes_requested(
            state, deliverable=deliverable, version=version, actor=REVIEW, now=now
        ),
        cause,
    )


async def take_approval(
    stores: Stores, collaboration: str, *, deliverable: str, version: int, compliance_percent: int, cause: Cause
) -> None:
    """A deliverable was approved."""
    await _move(
        stores,
        collaboration,
        lambda state, now: collaborations.approved(
            state,
            deliverable=deliverable,
            version=version,
            compliance_percent=compliance_percent,
            actor=REVIEW,
            now=now,
        ),
        cause,
    )


async def take_rejection(stores: Stores, collaboration: str, *, deliverable: str, reason: str, cause: Cause) -> None:
    """A deliverable was refused for good: the collaboration ends."""
    why = f"{deliverable} was refused: {reason}" if reason else f"{deliverable} was refused"
    await _move(
        stores,
        collaboration,
        lambda state, now: collaborations.cancel(state, reason=why, actor=REVIEW, now=now),
        cause,
    )


# -- clocks ------------------------------------------------------------------------------------------------------------


async def ring_campaign(stores: Stores, name: str) -> None:
    """A campaign's clock rang: it starts, or a reservation is brought to its end."""

    def begin(campaign: Campaign | None) -> Change[Campaign] | None:
        decision = campaigns.start(campaign, stores.clock.now()) if campaign else None
        return Change(*decision) if decision else None

    campaign = await stores.campaigns.change(name, begin)
    if campaign.applied:
        metrics.campaigns_changed.labels(campaign.state.state).inc()
    for creator_id, place in places.overdue(campaign.state.held, stores.clock.now()):
        await acceptance.conclude(stores, name, creator_id, place.reservation)
        await waiting.join(stores, collaboration_name(name, creator_id))  # An offer that broke off is made anew.
    await waiting.offer_places(stores, name)


async def ring_collaboration(stores: Stores, name: str) -> None:
    """A collaboration's clock rang: a reminder, an end, or another question to matching."""
    found = await _move(stores, name, lambda state, now: collaborations.ring(state, actor=CLOCK, now=now))
    if found.state.state is State.EXPIRED:
        await waiting.give_up_offer(stores, found.state)
    asked_at = found.state.fit_ask_time
    if asked_at is not None and asked_at <= stores.clock.now():
        await _ask_again(stores, found.state)


async def _ask_again(stores: Stores, collaboration: Collaboration) -> None:
    campaign = (await stores.campaigns.require(collaboration.campaign, what="campaign")).state
    try:
        summary = await stores.scorer.score(campaign, collaboration.creator, collaboration.platform)
    except NotFound:
        summary = None

    def learn(state: Collaboration | None) -> Change[Collaboration] | None:
        if state is None or state.fit_ask_time is None:
            return None
        now = stores.clock.now()
        return Change(collaborations.learn(state, summary, now) if summary else collaborations.ask_later(state, now))

    await stores.collaborations.change(collaboration.name, learn)


async def _move(stores: Stores, name: str, step: Step, cause: Cause | None = None) -> Outcome[Collaboration]:
    told: list[object] = []

    def decide(state: Collaboration | None) -> Change[Collaboration] | None:
        told.clear()
        decision = step(state, stores.clock.now()) if state else None
        if decision is None:
            return None
        told.extend(decision[1])
        return Change(*decision)

    outcome = await stores.collaborations.change(name, decide, cause=cause)
    if not outcome.applied:
        return outcome
    reminders = [event.kind for event in told if isinstance(event, ReminderDue)]
    for kind in reminders:
        metrics.reminders_sent.labels(kind).inc()
    stepped = any(not isinstance(event, ReminderDue | CollaborationContinued) for event in told) or not told
    if stepped:
        metrics.collaboration_steps.labels(Action(outcome.state.history[-1].action)).inc()
    return outcome
