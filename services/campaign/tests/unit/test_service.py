"""The use cases through gRPC and the event routes, on documents in memory."""

import asyncio
import dataclasses
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import grpc
import pytest

from entente.campaign.v1 import events_pb2
from entente.campaign.v1 import service_pb2 as pb
from entente.review.v1 import events_pb2 as review_events
from entente.type.v1 import type_pb2
from entente_campaign.adapters.events import PUBLISHES
from entente_campaign.application import acceptance, effects
from entente_campaign.application.stores import Stores
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.events import CollaborationEvent
from entente_chassis.refusal import Unavailable
from entente_chassis.rpc import to_refusal
from entente_chassis.store import Outcome
from services.campaign.tests.unit.suite import BRAND, DAY, EUR, HOLD, NOW, Suite, refused, stamp

# -- campaigns --------------------------------------------------------------------------------------------------------


async def test_publishing_without_an_objective_names_it_and_everything_else_that_is_missing(suite: Suite) -> None:
    draft = await suite.draft(objective=None, markets=None, persona=None)
    code, refusal = await refused(suite.brand().PublishCampaign(pb.PublishCampaignRequest(name=draft.name)))
    assert (code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CAMPAIGN_NOT_READY")
    assert [violation.field for violation in refusal.violations] == ["objective", "persona.purchases", "markets"]


async def test_the_same_request_makes_one_campaign(suite: Suite) -> None:
    request = pb.CreateCampaignRequest(campaign=pb.Campaign(brand=BRAND, title="A"), request_id="once")
    first, again = await suite.brand().CreateCampaign(request), await suite.brand().CreateCampaign(request)
    assert first == again
    request.campaign.title = "B"
    _, refusal = await refused(suite.brand().CreateCampaign(request))
    assert refusal.reason == "REQUEST_ID_REUSED"


async def test_an_update_changes_what_the_mask_names_and_nothing_else(suite: Suite) -> None:
    draft = await suite.draft()
    update = pb.UpdateCampaignRequest(campaign=pb.Campaign(name=draft.name, title="Rituel du matin", places=9))
    update.update_mask.paths.append("title")
    changed = await suite.brand().UpdateCampaign(update)
    assert (changed.title, changed.places, changed.brief_revision) == ("Rituel du matin", 3, 1)
    update.update_mask.paths.append("state")
    _, refusal = await refused(suite.brand().UpdateCampaign(update))
    assert refusal.reason == "UPDATE_MASK_INVALID"
    stale = pb.UpdateCampaignRequest(campaign=pb.Campaign(name=draft.name, etag=draft.etag, title="Else"))
    code, _ = await refused(suite.brand().UpdateCampaign(stale))
    assert code is grpc.StatusCode.ABORTED


async def test_another_brands_campaign_and_collaborations_do_not_exist(suite: Suite) -> None:
    campaign = await suite.open()
    (name,) = await suite.apply(campaign, "ana")
    stranger, other = suite.brand("brands/other"), suite.creator("bea")
    calls: list[Awaitable[Any]] = [
        stranger.GetCampaign(pb.GetCampaignRequest(name=campaign.name)),
        stranger.CancelCampaign(pb.CancelCampaignRequest(name=campaign.name, reason="x")),
        stranger.InviteCreators(
            pb.InviteCreatorsRequest(campaign=campaign.name, invitations=[pb.Invitation(creator="creators/bea")])
        ),
        stranger.GetCollaboration(pb.GetCollaborationRequest(name=name)),
        stranger.AcceptApplication(pb.AcceptApplicationRequest(name=name)),
        stranger.ListCollaborations(pb.ListCollaborationsRequest(parent=campaign.name)),
        stranger.ListCollaborations(pb.ListCollaborationsRequest(parent="campaigns/-", brand=BRAND)),
        stranger.ListCampaigns(pb.ListCampaignsRequest(brand=BRAND)),
        stranger.ListPayables(pb.ListPayablesRequest(parent=BRAND)),
        other.GetCollaboration(pb.GetCollaborationRequest(name=name)),
        other.WithdrawCollaboration(pb.WithdrawCollaborationRequest(name=name)),
        other.ListCollaborations(pb.ListCollaborationsRequest(parent="campaigns/-", creator="creators/ana")),
        other.ApplyToCampaign(pb.ApplyToCampaignRequest(campaign=campaign.name, creator="creators/ana")),
        other.GetCampaign(pb.GetCampaignRequest(name=(await suite.draft()).name)),
    ]
    for call in calls:
        assert (await refused(call))[0] is grpc.StatusCode.NOT_FOUND
    code, _ = await refused(suite.creator().AcceptApplication(pb.AcceptApplicationRequest(name=name)))
    assert code is grpc.StatusCode.PERMISSION_DENIED


async def test_creators_see_open_campaigns_without_what_is_the_brands(suite: Suite) -> None:
    await suite.draft()
    campaign = await suite.open()
    (name,) = await suite.apply(campaign, "ana")
    seen = await suite.creator().ListCampaigns(pb.ListCampaignsRequest())
    assert [each.name for each in seen.campaigns] == [campaign.name]
    assert not seen.campaigns[0].HasField("budget")
    assert not seen.campaigns[0].HasField("budget_summary")
    assert len((await suite.brand().ListCampaigns(pb.ListCampaignsRequest())).campaigns) == 2
    own = await suite.creator().GetCollaboration(pb.GetCollaborationRequest(name=name))
    theirs = await suite.brand().GetCollaboration(pb.GetCollaborationRequest(name=name))
    assert (own.HasField("fit"), theirs.fit.score_hundredths) == (False, 8000)


async def test_lists_are_paged_filtered_and_restricted_to_the_own_side(suite: Suite) -> None:
    campaign = await suite.open()
    names = await suite.apply(campaign, "ana", "bea", "cleo")
    await suite.brand().AcceptApplication(pb.AcceptApplicationRequest(name=names[0]))
    request = pb.ListCollaborationsRequest(parent=campaign.name, states=[pb.COLLABORATION_STATE_APPLIED], page_size=1)
    first = await suite.brand().ListCollaborations(request)
    request.page_token = first.next_page_token
    second = await suite.brand().ListCollaborations(request)
    assert [each.name for page in (first, second) for each in page.collaborations] == names[1:]
    assert second.next_page_token == ""
    mine = await suite.creator("bea").ListCollaborations(pb.ListCollaborationsRequest(parent=campaign.name))
    assert [each.name for each in mine.collaborations] == [names[1]]
    _, refusal = await refused(suite.creator().ListCollaborations(pb.ListCollaborationsRequest(parent="campaigns/-")))
    assert refusal.reason == "CREATOR_OR_BRAND_REQUIRED"


# -- matching away ----------------------------------------------------------------------------------------------------


async def test_an_application_succeeds_while_matching_is_away_and_learns_the_fit_later(suite: Suite) -> None:
    suite.scorer.away = True
    (name,) = await suite.apply(await suite.open(), "ana")
    waiting = await suite.brand().GetCollaboration(pb.GetCollaborationRequest(name=name))
    assert (waiting.HasField("fit"), waiting.creator_display_name) == (False, "ana")
    suite.clock.advance(timedelta(minutes=1))
    await effects.ring_collaboration(suite.stores, name)
    suite.scorer.away = False
    suite.clock.advance(timedelta(minutes=2))
    await effects.ring_collaboration(suite.stores, name)
    known = await suite.brand().GetCollaboration(pb.GetCollaborationRequest(name=name))
    assert (known.fit.score_hundredths, known.creator_display_name) == (8000, "CREATORS/ANA")
    assert len(suite.scorer.asked) == 3


async def test_each_invitation_has_a_result_of_its_own_and_repeating_them_changes_nothing(suite: Suite) -> None:
    suite.scorer.unknown.add("creators/nobody")
    campaign = await suite.open()
    request = pb.InviteCreatorsRequest(
        campaign=campaign.name,
        invitations=[pb.Invitation(creator=f"creators/{id}") for id in ("ana", "nobody", "bea")],
        request_id="invite",
    )
    first, again = await suite.brand().InviteCreators(request), await suite.brand().InviteCreators(request)
    assert first == again
    assert [each.creator for each in first.results] == [
        "creators/ana",
        "creators/nobody",
        "creators/bea",
    ]
    assert [each.HasField("error") for each in first.results] == [False, True, False]
    assert first.results[1].error.code == grpc.StatusCode.NOT_FOUND.value[0]


# -- places and budget ------------------------------------------------------------------------------------------------


async def test_acceptances_that_race_never_take_more_than_there_is(suite: Suite) -> None:
    ids = [f"creator-{number}" for number in range(8)]
    campaign = await suite.open()  # 3 places, and a budget for 3
    names = await suite.apply(campaign, *ids)
    stub = suite.brand()
    outcomes = await asyncio.gather(
        *(stub.AcceptApplication(pb.AcceptApplicationRequest(name=name)) for name in names), return_exceptions=True
    )
    accepted = [outcome for outcome in outcomes if isinstance(outcome, pb.Collaboration)]
    refusals = [to_refusal(outcome) for outcome in outcomes if isinstance(outcome, grpc.aio.AioRpcError)]
    reasons = {refusal.reason for refusal in refusals}
    assert reasons <= {"NO_PLACES_LEFT", "TOO_MANY_WRITERS"}
    assert len(accepted) == 3 or (len(accepted) < 3 and "TOO_MANY_WRITERS" in reasons)
    after = await suite.campaign(campaign.name)
    assert after.places_taken == len(accepted)
    assert after.budget_summary.committed.minor_units == 4000 * len(accepted)


async def test_an_acceptance_repeated_by_its_request_id_is_one(suite: Suite) -> None:
    campaign = await suite.open()
    (name,) = await suite.apply(campaign, "ana")
    request = pb.AcceptApplicationRequest(name=name, request_id="accept")
    first, again = await suite.brand().AcceptApplication(request), await suite.brand().AcceptApplication(request)
    assert first == again
    assert (await suite.campaign(campaign.name)).places_taken == 1
    _, refusal = await refused(suite.brand().AcceptApplication(pb.AcceptApplicationRequest(name=name)))
    assert refusal.reason == "COLLABORATION_STEP_NOT_ALLOWED"


async def test_several_are_accepted_in_their_order_until_no_place_is_left(suite: Suite) -> None:
    campaign = await suite.open(places=2)
    await suite.apply(campaign, "ana", "bea", "cleo")
    request = pb.AcceptApplicationsRequest(
        campaign=campaign.name, creators=["creators/cleo", "creators/ana", "creators/bea"], request_id="all"
    )
    for _ in range(2):
        results = (await suite.brand().AcceptApplications(request)).results
        assert [result.HasField("error") for result in results] == [False, False, True]


async def test_a_reservation_that_no_acceptance_followed_is_given_back_by_the_clock(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await suite.open(places=1)
    ana, bea = await suite.apply(campaign, "ana", "bea")

    async def broken_off(*_: Any, **__: Any) -> Outcome[Any]:
        raise Unavailable("DATABASE_UNAVAILABLE", "gone")

    with monkeypatch.context() as patch:
        patch.setattr(suite.stores.collaborations, "change", broken_off)
        code, _ = await refused(suite.brand().AcceptApplication(pb.AcceptApplicationRequest(name=ana)))
    assert code is grpc.StatusCode.UNAVAILABLE
    assert (await suite.campaign(campaign.name)).places_taken == 1
    await effects.ring_campaign(suite.stores, campaign.name)
    assert (await suite.campaign(campaign.name)).places_taken == 1, "it may still follow"
    suite.clock.advance(HOLD)
    await effects.ring_campaign(suite.stores, campaign.name)
    assert (await suite.campaign(campaign.name)).places_taken == 0
    await suite.brand().AcceptApplication(pb.AcceptApplicationRequest(name=bea))


async def test_a_reservation_whose_acceptance_followed_is_confirmed_by_the_clock(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await suite.open(places=1)
    (ana,) = await suite.apply(campaign, "ana")

    async def broken_off(*_: Any) -> None:
        raise Unavailable("DATABASE_UNAVAILABLE", "gone")

    with monkeypatch.context() as patch:
        patch.setattr(acceptance, "_confirm", broken_off)
        await refused(suite.brand().AcceptApplication(pb.AcceptApplicationRequest(name=ana)))
    suite.clock.advance(HOLD)
    await effects.ring_campaign(suite.stores, campaign.name)
    held = (await suite.stores.campaigns.require(campaign.name, what="campaign")).state.held["ana"]
    assert (held.occupied, held.pending_until) == (True, None)


async def test_a_reservation_that_lapsed_in_mid_acceptance_is_taken_anew(
    suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = await suite.open(places=1)
    (ana,) = await suite.apply(campaign, "ana")
    reserve = acceptance._reserve
    lapsed: list[str] = []

    async def reserve_and_lapse(stores: Stores, collaboration: Any) -> Campaign:
        reserved = await reserve(stores, collaboration)
        if not lapsed:
            key = reserved.held["ana"].reservation
            lapsed.append(key)
            await acceptance.conclude(stores, campaign.name, "ana", key)
        return reserved

    monkeypatch.setattr(acceptance, "_reserve", reserve_and_lapse)
    accepted = await suite.brand().AcceptApplication(pb.AcceptApplicationRequest(name=ana))
    assert accepted.state == pb.COLLABORATION_STATE_SHIPMENT_PENDING
    held = (await suite.stores.campaigns.require(campaign.name, what="campaign")).state.held["ana"]
    assert held.reservation != lapsed[0]


async def test_who_leaves_gives_the_place_back_however_often_the_event_is_heard(suite: Suite) -> None:
    campaign = await suite.open(places=1)
    (ana,) = await suite.apply(campaign, "ana")
    await suite.brand().AcceptApplication(pb.AcceptApplicationRequest(name=ana))
    await suite.brand().ShipParcel(pb.ShipParcelRequest(name=ana, carrier="Colissimo"))
    await suite.creator().WithdrawCollaboration(pb.WithdrawCollaborationRequest(name=ana, reason="ill"))
    left = events_pb2.CollaborationWithdrawn(
        ref=events_pb2.CollaborationRef(collaboration=ana, campaign=campaign.name), was_accepted=True
    )
    for _ in range(2):
        await suite.hear(left)
        after = await suite.campaign(campaign.name)
        money = after.budget_summary
        assert (after.places_taken, money.committed.minor_units, money.spent.minor_units) == (0, 0, 4000)


async def test_a_cancelled_campaign_takes_its_collaborations_along_but_not_what_is_published(suite: Suite) -> None:
    campaign = await suite.open()
    ana, bea = await suite.apply(campaign, "ana", "bea")
    await _publish(suite, ana)
    cancelled = await suite.brand().CancelCampaign(pb.CancelCampaignRequest(name=campaign.name, reason="stock"))
    assert cancelled.state == pb.CAMPAIGN_STATE_CANCELLED
    event = events_pb2.CampaignCancelled(campaign=campaign.name, reason="stock")
    for _ in range(2):
        await suite.hear(event)
    states = {
        each.name: each.state
        for each in (
            await suite.brand().ListCollaborations(pb.ListCollaborationsRequest(parent=campaign.name))
        ).collaborations
    }
    assert states == {ana: pb.COLLABORATION_STATE_PUBLISHED, bea: pb.COLLABORATION_STATE_CANCELLED}


# -- reviews and payables ---------------------------------------------------------------------------------------------


async def _publish(suite: Suite, name: str) -> pb.Collaboration:
    await suite.brand().AcceptApplication(pb.AcceptApplicationRequest(name=name))
    await suite.brand().ShipParcel(pb.ShipParcelRequest(name=name, carrier="Colissimo"))
    creator = suite.creator(name.rpartition("/")[2])
    await creator.ConfirmReceipt(pb.ConfirmReceiptRequest(name=name))
    ref = review_events.SubmissionRef(collaboration=name, deliverable="reel-1", version=1)
    await suite.hear(review_events.SubmissionReceived(ref=ref), n=1)
    await suite.hear(review_events.SubmissionApproved(ref=ref, compliance_percent=80), n=2)
    await suite.hear(review_events.SubmissionApproved(ref=ref, compliance_percent=80), n=2)
    return await creator.ReportPublication(
        pb.ReportPublicationRequest(name=name, url=f"https://instagram.com/p/{name.rpartition('/')[2]}")
    )


async def test_a_paid_campaign_owes_the_fee_that_compliance_left_and_frees_the_rest(suite: Suite) -> None:
    money = type_pb2.Money
    campaign = await suite.open(
        mechanic=type_pb2.MECHANIC_SPONSORED_POST,
        compensation=pb.Compensation(
            model=type_pb2.COMPENSATION_MODEL_FIXED_FEE,
            fee=money(currency_code=EUR, minor_units=10_000),
            gift_value=money(currency_code=EUR, minor_units=2000),
            scale_fee_with_compliance=True,
        ),
    )
    (ana,) = await suite.apply(campaign, "ana")
    published = await _publish(suite, ana)
    assert published.payable.amount.minor_units == 8000
    for _ in range(2):
        await suite.hear(events_pb2.PayableCreated(ref=events_pb2.CollaborationRef(collaboration=ana)))
    summary = (await suite.campaign(campaign.name)).budget_summary
    assert (summary.committed.minor_units, summary.payable.minor_units, summary.available.minor_units) == (
        8000,
        8000,
        2000,
    )
    assert (summary.spent.minor_units, summary.released.minor_units) == (2000, 2000), "the parcel, and what scaled off"
    for parent in (campaign.name, BRAND):
        owed = await suite.brand().ListPayables(pb.ListPayablesRequest(parent=parent))
        assert [each.amount.minor_units for each in owed.payables] == [8000]
    due = pb.ListPayablesRequest(parent=BRAND, due_before_time=stamp(NOW + 29 * DAY))
    assert not (await suite.brand().ListPayables(due)).payables


async def test_a_deliverable_that_is_refused_for_good_ends_the_collaboration(suite: Suite) -> None:
    campaign = await suite.open()
    (ana,) = await suite.apply(campaign, "ana")
    await suite.brand().AcceptApplication(pb.AcceptApplicationRequest(name=ana))
    await suite.brand().ShipParcel(pb.ShipParcelRequest(name=ana, carrier="Colissimo"))
    ref = review_events.SubmissionRef(collaboration=ana, deliverable="reel-1", version=1)
    await suite.hear(review_events.SubmissionReceived(ref=ref), n=1)
    await suite.hear(review_events.SubmissionRejected(ref=ref, reason="competitor"), n=2)
    ended = await suite.brand().GetCollaboration(pb.GetCollaborationRequest(name=ana))
    assert ended.state == pb.COLLABORATION_STATE_CANCELLED
    assert ended.history[-1].reason == "reel-1 was refused: competitor"


# -- what is told -----------------------------------------------------------------------------------------------------


def test_every_event_of_a_collaboration_has_a_message_of_its_name() -> None:
    assert set(CollaborationEvent.__args__) <= set(PUBLISHES)
    assert all(event.__name__ == message.DESCRIPTOR.name for event, message in PUBLISHES.items())


def test_every_field_of_an_events_message_is_filled_by_the_domain() -> None:
    for event, message in PUBLISHES.items():
        named = {each.name for each in dataclasses.fields(event)}
        assert {each.name for each in message.DESCRIPTOR.fields} == named, event.__name__
