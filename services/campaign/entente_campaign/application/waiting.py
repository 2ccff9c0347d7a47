"""The waiting list: a place that becomes free is offered to the first who fits the budget, with a deadline.

The collaboration says that it waits, and the campaign holds the list. Whatever breaks off in between, the event that
the collaboration told brings it onto the list, and a reservation that no offer followed lapses like any other.
"""

from dataclasses import replace

from entente_campaign import metrics
from entente_campaign.application import acceptance
from entente_campaign.application.stores import Stores
from entente_campaign.domain import campaigns, collaborations
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.collaborations import Collaboration, State
from entente_campaign.domain.names import collaboration_name, id_of
from entente_campaign.domain.waiting import MOST, Waiting, without
from entente_campaign.domain.words import Actor, Party
from entente_chassis.refusal import Exhausted, Refusal, Unavailable
from entente_chassis.rpc import new_id
from entente_chassis.store import Change

_CLOCK = Actor("services/campaign", Party.SYSTEM)


async def require_room(stores: Stores, campaign: str) -> None:
    """Refuse when nobody more can wait.

    Raises:
        Exhausted: the list is full.
    """
    found = (await stores.campaigns.require(campaign, what="campaign")).state
    if len(found.waiting) >= MOST:
        raise Exhausted("WAITING_LIST_FULL", f"{MOST} creators wait for {campaign} already: decline some first.")


async def join(stores: Stores, collaboration: str) -> None:
    """A collaboration waits: the campaign's list knows it. Again: nothing more."""
    state = (await stores.collaborations.require(collaboration, what="collaboration")).state
    if state.state is not State.WAITLISTED or state.waitlist_time is None:
        return
    entry = Waiting(state.promised, state.waitlist_time)
    creator_id = id_of(state.creator)

    def add(campaign: Campaign | None) -> Change[Campaign] | None:
        assert campaign is not None
        if campaign.waiting.get(creator_id) == entry or creator_id in campaign.held:
            return None
        return Change(replace(campaign, waiting={**campaign.waiting, creator_id: entry}))

    await stores.campaigns.change(state.campaign, add)


async def leave(stores: Stores, collaboration: str) -> None:
    """A collaboration waits no longer: the campaign's list forgets it. Nothing to do for one that never waited."""
    state = (await stores.collaborations.require(collaboration, what="collaboration")).state
    if state.waitlist_time is not None and state.state is not State.WAITLISTED:
        await _drop(stores, state.campaign, id_of(state.creator))


async def offer_places(stores: Stores, name: str) -> None:
    """Offer every place that is free to who waits for it."""
    while True:
        campaign = (await stores.campaigns.require(name, what="campaign")).state
        creator_id = campaigns.first_waiting(campaign)
        if creator_id is None:
            return
        if campaign.answer_deadline_time <= stores.clock.now():
            await _drop(stores, name, None)  # Who waits still expires by the collaboration's own clock.
            return
        found = await stores.collaborations.get(collaboration_name(name, creator_id))
        if found is None or found.state.state is not State.WAITLISTED:
            await _drop(stores, name, creator_id)
            continue
        await _offer(stores, found.state)


async def give_up_offer(stores: Stores, collaboration: Collaboration) -> None:
    """An offered place was not taken: it is free for the next."""
    if collaboration.offer is not None and not collaboration.was_accepted:
        await acceptance.conclude(
            stores, collaboration.campaign, id_of(collaboration.creator), collaboration.offer.reservation
        )


async def _offer(stores: Stores, waiting: Collaboration) -> None:
    creator_id, reservation = id_of(waiting.creator), new_id(None)
    # The offer's own deadline goes first; the reservation outlives it a little, and then lapses as every other does.
    until = collaborations.offer_deadline(waiting, stores.clock.now()) + stores.reservation_hold

    def hold(campaign: Campaign | None) -> Change[Campaign] | None:
        assert campaign is not None
        if campaigns.first_waiting(campaign) != creator_id:
            return None
        return Change(campaigns.reserve(campaign, creator_id, waiting.promised, reservation=reservation, until=until))

    held = await stores.campaigns.change(waiting.campaign, hold)
    if not held.applied:
        return

    def offer(state: Collaboration | None) -> Change[Collaboration]:
        assert state is not None
        return Change(*collaborations.offer(state, reservation=reservation, actor=_CLOCK, now=stores.clock.now()))

    try:
        await stores.collaborations.change(waiting.name, offer)
    except Unavailable:
        raise  # It may have been written: the reservation's own clock finds out.
    except Refusal:
        await acceptance.conclude(stores, waiting.campaign, creator_id, reservation)
    else:
        metrics.collaboration_steps.labels(collaborations.Action.OFFER).inc()


async def _drop(stores: Stores, name: str, creator_id: str | None) -> None:
    def drop(campaign: Campaign | None) -> Change[Campaign] | None:
        assert campaign is not None
        left = without(campaign.waiting, creator_id) if creator_id else {}
        return Change(replace(campaign, waiting=left)) if left != campaign.waiting else None

    await stores.campaigns.change(name, drop)
