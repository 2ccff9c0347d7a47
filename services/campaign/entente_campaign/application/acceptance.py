"""Accepting takes a place of one document, the campaign, and moves another, the collaboration.

First the place is reserved, then the collaboration is accepted under that reservation, then the place is confirmed.
Each is one conditional write. Whatever breaks off in between, a clock of the campaign finds the reservation, makes sure
on the collaboration that it will never be accepted with, unless it was, and gives the place back or confirms it.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from entente_campaign import metrics
from entente_campaign.application import metering
from entente_campaign.application.stores import Stores
from entente_campaign.domain import campaigns, collaborations, places
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.collaborations import Collaboration, State
from entente_campaign.domain.events import Terms
from entente_campaign.domain.meter import ContractNeed
from entente_campaign.domain.names import collaboration_name, id_of
from entente_campaign.domain.places import Held, Place
from entente_campaign.domain.words import Actor
from entente_chassis.money import Money
from entente_chassis.refusal import Aborted, Refusal, Unavailable
from entente_chassis.rpc import new_id
from entente_chassis.store import Change, Outcome, Request

_ATTEMPTS = 5


async def accept(
    stores: Stores,
    name: str,
    *,
    comment: str,
    actor: Actor,
    request: Request | None,
    etag: str | None,
    option: str = "",
) -> Outcome[Collaboration]:
    """Accept an application or invitation, if places and budget allow it.

    Args:
        option: which of the kinds of collaboration that an invitation offers.

    Raises:
        Invalid: the option is missing, or is not offered.
        Precondition: it stands elsewhere, the other side is to answer, or the campaign is not open or full.
        Aborted: somebody else was faster, again and again.
    """
    for _ in range(_ATTEMPTS):
        current = (await stores.collaborations.require(name, what="collaboration")).state
        try:
            collaborations.require_allowed(current, collaborations.Action.ACCEPT, actor.party)
            chosen = collaborations.choose(current, option)
        except Refusal as refusal:
            return await _repeated_or_refused(stores, name, refusal, request, etag)
        campaign = await _reserve(stores, chosen)
        reservation = campaign.held[id_of(current.creator)].reservation
        try:
            need = await metering.count(stores, campaign, chosen, reservation)
            accepting = _accepting(stores, reservation, comment, actor, option, need)
            accepted = await stores.collaborations.change(name, accepting, request=request, etag=etag)
        except Unavailable:
            raise  # It may have been written: the clock finds out.
        except Refusal as refusal:
            await conclude(stores, current.campaign, id_of(current.creator), reservation)
            if refusal.reason != "RESERVATION_LAPSED":
                raise
            continue
        await _confirm(stores, accepted.state, reservation)
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

    found = (await stores.collaborations.change(name, void)).state
    if found.reservation == reservation:
        await _confirm(stores, found, reservation)
        metrics.reservations_lapsed.labels("confirmed").inc()
    else:
        place = (await stores.campaigns.require(campaign, what="campaign")).state.held.get(creator_id)
        if place is not None and place.reservation == reservation:
            await metering.take_back(stores, place.meter, campaign, reservation)
        await _hold(stores, campaign, lambda held: places.give_back(held, creator_id, reservation))
        metrics.reservations_lapsed.labels("given_back").inc()


async def release(stores: Stores, collaboration: Collaboration) -> None:
    """A creator left after the acceptance: give the place back, but for costs that cannot be taken back."""
    creator_id = id_of(collaboration.creator)
    await _hold(
        stores,
        collaboration.campaign,
        lambda held: places.release(held, creator_id, kept=collaboration.sunk),
        frees=True,
    )
    await metering.keep(stores, collaboration)


async def settle(stores: Stores, collaboration: Collaboration) -> None:
    """A fee is owed, or nothing ever will be: what it takes of the budget is known now."""
    cost, payable = collaboration.cost, collaboration.payable
    done = collaboration.was_settled or collaboration.state in (State.COMPLETED, State.RATED)
    if cost is None or (payable is None and not done):
        return
    owed = payable.amount if payable else Money.zero(collaboration.currency_code)
    creator_id = id_of(collaboration.creator)
    await _hold(
        stores,
        collaboration.campaign,
        lambda held: places.settle(held, creator_id, amount=cost, owed=owed),
        frees=True,
    )


async def pay(stores: Stores, collaboration: Collaboration) -> None:
    """What is owed was paid: it is spent."""
    creator_id = id_of(collaboration.creator)
    await _hold(stores, collaboration.campaign, lambda held: places.pay(held, creator_id))


async def hold_more(stores: Stores, collaboration: Collaboration, terms: Terms, parcels: int) -> ContractNeed:
    """Hold what is about to be promised beyond what was: another parcel, or a contract for more.

    If what it is for never comes, it stays held until the collaboration ends: never too little is held.

    Raises:
        Precondition: the budget does not suffice.
    """
    creator_id, amount = id_of(collaboration.creator), collaboration.promised_under(terms, parcels)

    def decide(campaign: Campaign | None) -> Change[Campaign] | None:
        assert campaign is not None
        assert campaign.budget is not None
        held = places.raise_to(campaign.held, creator_id, amount, parcels=parcels, budget=campaign.budget)
        return None if held == campaign.held else Change(replace(campaign, held=held))

    campaign = (await stores.campaigns.change(collaboration.campaign, decide)).state
    counted = replace(collaboration, terms=terms, parcels_sent=parcels)
    return await metering.count(stores, campaign, counted, collaboration.reservation)


async def fit(stores: Stores, collaboration: Collaboration) -> None:
    """What is promised is known: give back what was held beyond it."""
    creator_id = id_of(collaboration.creator)
    await _hold(
        stores,
        collaboration.campaign,
        lambda held: places.fit(held, creator_id, partial(_promised, collaboration)),
        frees=True,
    )


def _promised(collaboration: Collaboration, parcels: int) -> Money:
    return collaboration.promised_under(collaboration.terms, max(parcels, collaboration.parcels_sent))


async def _reserve(stores: Stores, collaboration: Collaboration) -> Campaign:
    creator_id = id_of(collaboration.creator)
    fresh = new_id(None)
    until = stores.clock.now() + stores.reservation_hold

    def reserve(campaign: Campaign | None) -> Change[Campaign] | None:
        assert campaign is not None
        meter = metering.name_for(campaign, collaboration.creator, stores.clock.now())
        return Change(
            campaigns.reserve(campaign, creator_id, collaboration.promised, reservation=fresh, until=until, meter=meter)
        )

    try:
        reserved = await stores.campaigns.change(collaboration.campaign, reserve)
    except Refusal as refusal:
        metrics.acceptances_refused.labels(refusal.reason).inc()
        raise
    return reserved.state


def _accepting(
    stores: Stores, reservation: str, comment: str, actor: Actor, option: str, need: ContractNeed
) -> Callable[[Collaboration | None], Change[Collaboration]]:
    def decide(collaboration: Collaboration | None) -> Change[Collaboration]:
        assert collaboration is not None
        return Change(
            *collaborations.accept(
                collaboration,
                reservation=reservation,
                comment=comment,
                actor=actor,
                now=stores.clock.now(),
                option=option,
                need=need,
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


async def _confirm(stores: Stores, accepted: Collaboration, reservation: str) -> None:
    creator_id = id_of(accepted.creator)
    await _hold(
        stores,
        accepted.campaign,
        lambda held: places.confirm(held, creator_id, reservation, partial(_promised, accepted)),
    )


async def _hold(
    stores: Stores, campaign: str, change_held: Callable[[Held], dict[str, Place]], *, frees: bool = False
) -> None:
    """Change what is held. ``frees``: what is held less from then on was promised before, and is told as released."""

    def decide(state: Campaign | None) -> Change[Campaign] | None:
        assert state is not None
        held = change_held(state.held)
        if held == state.held:
            return None
        changed = replace(state, held=held)
        if frees and state.budget is not None:
            currency = state.budget.currency_code
            freed = places.committed(state.held, currency) - places.committed(held, currency)
            changed = replace(changed, released=(state.released or Money.zero(currency)) + freed)
        return Change(changed)

    await stores.campaigns.change(campaign, decide)
