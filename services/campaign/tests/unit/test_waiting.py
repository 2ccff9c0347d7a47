"""The waiting list through gRPC, on documents in memory."""

import asyncio
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from entente.campaign.v1 import events_pb2
from entente.campaign.v1 import service_pb2 as pb
from entente_campaign.application import effects
from entente_campaign.domain import waiting
from entente_campaign.domain.places import Place
from entente_campaign.domain.waiting import Waiting
from entente_chassis.money import Money
from services.campaign.tests.unit.suite import DAY, NOW, Suite, refused

TAKE, LEAVE = pb.INVITATION_ANSWER_ACCEPT, pb.INVITATION_ANSWER_DECLINE


async def waitlist(suite: Suite, *names: str) -> None:
    for name in names:
        await suite.brand().WaitlistApplication(pb.WaitlistApplicationRequest(name=name))
        event = events_pb2.CollaborationWaitlisted(ref=events_pb2.CollaborationRef(collaboration=name))
        for _ in range(2):
            await suite.hear(event)
        suite.clock.advance(timedelta(minutes=1))


async def leave(suite: Suite, id: str, name: str) -> None:
    await suite.creator(id).WithdrawCollaboration(pb.WithdrawCollaborationRequest(name=name))
    gone = events_pb2.CollaborationWithdrawn(ref=events_pb2.CollaborationRef(collaboration=name), was_accepted=True)
    await suite.hear(gone)


async def state(suite: Suite, name: str) -> str:
    return pb.CollaborationState.Name((await suite.collaboration(name)).state).removeprefix("COLLABORATION_STATE_")


async def test_a_place_that_becomes_free_is_offered_to_who_waits_longest_and_then_to_the_next(suite: Suite) -> None:
    campaign = await suite.open(places=1)
    ana, bea, cleo = await suite.apply(campaign, "ana", "bea", "cleo")
    await suite.brand().AcceptApplication(pb.AcceptApplicationRequest(name=ana))
    await waitlist(suite, cleo, bea)
    await effects.ring_campaign(suite.stores, campaign.name)
    assert ((await suite.campaign(campaign.name)).waiting, await state(suite, cleo)) == (2, "WAITLISTED")
    await leave(suite, "ana", ana)
    for _ in range(2):
        await effects.ring_campaign(suite.stores, campaign.name)
    assert [await state(suite, name) for name in (cleo, bea)] == ["OFFERED", "WAITLISTED"]
    assert (await suite.campaign(campaign.name)).places_taken == 1  # Held while the creator thinks.
    await suite.creator("cleo").RespondToInvitation(pb.RespondToInvitationRequest(name=cleo, answer=LEAVE))
    await effects.ring_campaign(suite.stores, campaign.name)
    assert await state(suite, bea) == "OFFERED"
    taken = await suite.creator("bea").RespondToInvitation(pb.RespondToInvitationRequest(name=bea, answer=TAKE))
    assert taken.state == pb.COLLABORATION_STATE_SHIPMENT_PENDING
    assert (await suite.campaign(campaign.name)).places_taken == 1


async def test_who_waits_no_longer_leaves_the_list(suite: Suite) -> None:
    campaign = await suite.open(places=1)
    ana, bea, cleo = await suite.apply(campaign, "ana", "bea", "cleo")
    await suite.brand().AcceptApplication(pb.AcceptApplicationRequest(name=ana))
    await waitlist(suite, bea, cleo)
    await suite.brand().DeclineApplication(pb.DeclineApplicationRequest(name=bea, reasons=[pb.DECLINE_REASON_FULL]))
    for message in (events_pb2.CollaborationDeclined, events_pb2.CollaborationDeclined):
        await suite.hear(message(ref=events_pb2.CollaborationRef(collaboration=bea)))
    assert (await suite.campaign(campaign.name)).waiting == 1


async def test_an_offer_that_nobody_takes_ends_at_its_deadline_and_frees_the_place(suite: Suite) -> None:
    campaign = await suite.open(places=1)
    ana, bea = await suite.apply(campaign, "ana", "bea")
    await waitlist(suite, ana, bea)
    await effects.ring_campaign(suite.stores, campaign.name)
    offered = await suite.collaboration(ana)
    assert offered.offer_deadline_time.ToDatetime() == (suite.clock.now() + 3 * DAY).replace(tzinfo=None)
    suite.clock.advance(3 * DAY)
    await effects.ring_collaboration(suite.stores, ana)
    await effects.ring_campaign(suite.stores, campaign.name)
    assert [await state(suite, name) for name in (ana, bea)] == ["EXPIRED", "OFFERED"]


async def test_an_offer_that_broke_off_is_made_anew_and_two_clocks_offer_one_place_once(suite: Suite) -> None:
    campaign = await suite.open(places=1)
    (ana, bea) = await suite.apply(campaign, "ana", "bea")
    await waitlist(suite, ana, bea)
    await asyncio.gather(*(effects.ring_campaign(suite.stores, campaign.name) for _ in range(4)))
    assert sorted([await state(suite, name) for name in (ana, bea)]) == ["OFFERED", "WAITLISTED"]
    _, refusal = await refused(suite.brand().AcceptApplication(pb.AcceptApplicationRequest(name=bea)))
    assert refusal.reason == "NO_PLACES_LEFT"


async def test_more_places_are_offered_at_once_when_the_brand_makes_room(suite: Suite) -> None:
    campaign = await suite.open(places=1)
    ana, bea, cleo = await suite.apply(campaign, "ana", "bea", "cleo")
    await suite.brand().AcceptApplication(pb.AcceptApplicationRequest(name=ana))
    await waitlist(suite, bea, cleo)
    update = pb.UpdateCampaignRequest(campaign=pb.Campaign(name=campaign.name, places=3))
    update.update_mask.paths.append("places")
    await suite.brand().UpdateCampaign(update)
    due = await suite.stores.campaigns.due(suite.clock.now(), 10)
    assert [name for name, _ in due] == [campaign.name]
    await effects.ring_campaign(suite.stores, campaign.name)
    assert [await state(suite, name) for name in (bea, cleo)] == ["OFFERED", "OFFERED"]


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.integers(0, 80), st.integers(0, 9))),
    st.dictionaries(st.sampled_from("uvw"), st.integers(0, 60)),
    st.integers(0, 4),
)
def test_who_is_first_fits_the_budget_and_nobody_who_fits_waited_longer(
    waits: dict[str, tuple[int, int]], holds: dict[str, int], room: int
) -> None:
    listed = {name: Waiting(Money("EUR", amount), NOW + timedelta(hours=h)) for name, (amount, h) in waits.items()}
    held = {name: Place(Money("EUR", amount), "r") for name, amount in holds.items()}
    free = 100 - sum(holds.values())
    chosen = waiting.first(listed, held, places_in_all=room, budget=Money("EUR", 100))
    fitting = [name for name, (amount, _) in waits.items() if amount <= free]
    if len(held) >= room or not fitting:
        assert chosen is None
    else:
        assert chosen in fitting
        assert waits[chosen][1] == min(waits[name][1] for name in fitting)
