"""Accepting takes a place of one document, the campaign, and moves another, the collaboration.

First the place is reserved, then the collaboration is accepted under that reservation, then the place is confirmed.
Each is one conditional write. Whatever breaks off in between, a clock of the campaign finds the reservation, makes sure
on the collaboration that it will never be accepted with, unless it was, and gives the place back or confirms it.
"""

from collections.abc import Callable
from dataclasses import replace

from entente_campaign import metrics
from entente_campaign.application.stores import Stores
from entente_campaign.domain import campaigns, collaborations, places
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.collaborations import Collaboration
from entente_campaign.domain.names import collaboration_name, id_of
from entente_campaign.domain.places import Held, Place
from entente_campaign.domain.words import Actor
from entente_chassis.money import Money
from entente_chassis.refusal import Aborted, Refusal, Unavailable
from entente_chassis.rpc import new_id
from entente_chassis.store import Change, Outcome, Request

_ATTEMPTS = 5


async def accept(
    stores: Stores, name: str, *, comment: str, actor: Actor, request: Request | None, etag: str | None
) -> Outcome[Collaboration]:
    """Accept an application or invitation, if places and budget allow it.

    Raises:
        Precondition: it stands elsewhere, the other side is to answer, or the campaign is not open or full.
        Aborted: somebody else was faster, again and again.
    """
    for _ in range(_ATTEMPTS):
        current = (await stores.collaborations.require(name, what="collaboration")).state
        try:
            collaborations.require_allowed(current, collaborations.Action.ACCEPT, actor.party)
        except Refusal as refusal:
            return await _repeated_or_refused(stores, name, refusal, request, etag)
        reservation = await _reserve(stores, current)
        try:
            accepted = await stores.collaborations.change(
                name, _accepting(stores, reservation, comment, actor), request=request, etag=etag
            )
        except Unavailable:
            raise  # It may have been written: the clock finds out.
        except Refusal as refusal:
            await conclude(stores, current.campaign, id_of(current.creator), reservation)
            if refusal.reason != "RESERVATION_LAPSED":
                raise
            continue
        await _confirm(stores, current.campaign, id_of(current.creator), reservation)
        if accepted.applied:
            metrics.collaboration_steps.labels(collaborations.Action.ACCEPT).inc()
        return accepted
    raise Aborted("TOO_MANY_WRITERS", f"{name} is being changed by many at once: repeat the request.", resource=name)


async def conclude(stores: Stores, campaign: str, creator_id: str, reservation: str) -> None:
    """Bring a reservation to its end: confirmed if the collaboration was accepted with it, else given back for ever."""
    name = collaboration_name(campaign, creator_id)

    def void(collaboration: Collaboration | None) -> Change[Collaboration] | None:
        if collaboration is None:
            return None
        voided = collaborations.void(collaboration, reservation)
        return None if voided is collaboration else Change(voided)

    if (await stores.collaborations.change(name, void)).state.reservation == reservation:
        await _confirm(stores, campaign, creator_id, reservation)
        metrics.reservations_lapsed.labels("confirmed").inc()
    else:
        await _hold(stores, campaign, lambda held: places.give_back(held, creator_id, reservation))
        metrics.reservations_lapsed.labels("given_back").inc()


async def release(stores: Stores, collaboration: Collaboration) -> None:
    """A creator left after the acceptance: give the place back, but for costs that cannot be taken back."""
    creator_id = id_of(collaboration.creator)
    await _hold(stores, collaboration.campaign, lambda held: places.release(held, creator_id, kept=collaboration.sunk))


async def settle(stores: Stores, collaboration: Collaboration) -> None:
    """A fee is owed: what it takes of the budget is known now."""
    cost, payable = collaboration.cost, collaboration.payable
    if cost is None or (payable is None and not collaboration.was_settled):
        return
    owed = payable.amount if payable else Money.zero(collaboration.currency_code)
    creator_id = id_of(collaboration.creator)
    await _hold(
        stores,
        collaboration.campaign,
        lambda held: places.settle(held, creator_id, amount=cost, owed=owed),
    )


async def _reserve(stores: Stores, collaboration: Collaboration) -> str:
    creator_id = id_of(collaboration.creator)
    fresh = new_id(None)
    until = stores.clock.now() + stores.reservation_hold

    def reserve(campaign: Campaign | None) -> Change[Campaign] | None:
        assert campaign is not None
        return Change(campaigns.reserve(campaign, creator_id, collaboration.promised, reservation=fresh, until=until))

    try:
        reserved = await stores.campaigns.change(collaboration.campaign, reserve)
    except Refusal as refusal:
        metrics.acceptances_refused.labels(refusal.reason).inc()
        raise
    return reserved.state.held[creator_id].reservation


def _accepting(
    stores: Stores, reservation: str, comment: str, actor: Actor
) -> Callable[[Collaboration | None], Change[Collaboration]]:
    def decide(collaboration: Collaboration | None) -> Change[Collaboration]:
        assert collaboration is not None
        return Change(
            *collaborations.accept(
                collaboration, reservation=reservation, comment=comment, actor=actor, now=stores.clock.now()
            )
        )

    return decide


async def _repeated_or_refused(
    stores: Stores, name: str, refusal: Refusal, request: Request | None, etag: str | None
) -> Outcome[Collaboration]:
    """A request that comes again finds the acceptance that it brought about; any other is refused."""

    def refuse(_: Collaboration | None) -> None:
        raise refusal

    return await stores.collaborations.change(name, refuse, request=request, etag=etag)


async def _confirm(stores: Stores, campaign: str, creator_id: str, reservation: str) -> None:
    await _hold(stores, campaign, lambda held: places.confirm(held, creator_id, reservation))


async def _hold(stores: Stores, campaign: str, change_held: Callable[[Held], dict[str, Place]]) -> None:
    def decide(state: Campaign | None) -> Change[Campaign] | None:
        assert state is not None
        held = change_held(state.held)
        return None if held == state.held else Change(replace(state, held=held))

    await stores.campaigns.change(campaign, decide)
