"""A step of one collaboration, asked for by one of its sides."""

from datetime import datetime
from typing import Protocol

from entente_campaign import metrics
from entente_campaign.application.access import not_found, own_collaboration, side_of
from entente_campaign.application.stores import Stores
from entente_campaign.domain.collaborations import Collaboration, Decision
from entente_campaign.domain.words import Actor, Party
from entente_chassis.auth import Caller
from entente_chassis.refusal import Aborted
from entente_chassis.store import Change, Outcome, Request


class Step(Protocol):
    """A step of the domain, with what it is done with filled in."""

    def __call__(self, collaboration: Collaboration, /, *, actor: Actor, now: datetime) -> Decision | None:
        """The collaboration after the step, or None when there is nothing to do."""
        ...


async def take_step(
    stores: Stores,
    caller: Caller,
    name: str,
    side: Party | None,
    step: Step,
    *,
    request: Request | None,
    etag: str | None,
) -> Outcome[Collaboration]:
    """Move a collaboration that the caller has a side in: one read, and one write.

    Args:
        side: whose step it is; None: either's.
    """

    def decide(state: Collaboration | None) -> Change[Collaboration] | None:
        if state is None:
            raise not_found("collaboration", name)
        decision = step(state, actor=side_of(caller, state, side), now=stores.clock.now())
        return Change(*decision) if decision else None

    try:
        outcome = await stores.collaborations.change(name, decide, request=request, etag=etag)
    except Aborted:
        # An etag is looked at before the decision: whoever has no side in it must not learn of it by that.
        await own_collaboration(stores, caller, name, side)
        raise
    side_of(caller, outcome.state, side)  # A repeated request's outcome is shown without a decision.
    return counted(outcome)


def counted(outcome: Outcome[Collaboration]) -> Outcome[Collaboration]:
    """The outcome; its step is counted if there was one."""
    if outcome.applied and outcome.state.history:
        metrics.collaboration_steps.labels(outcome.state.history[-1].action).inc()
    return outcome
