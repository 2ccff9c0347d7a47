"""The service as its callers meet it: who may do what, what is answered, and what is told to others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from entente.campaign.v1 import events_pb2 as campaign_events
from entente.campaign.v1 import service_pb2 as campaign_pb
from entente.review.v1 import events_pb2, service_pb2_grpc
from entente.review.v1 import service_pb2 as pb
from entente.type.v1 import type_pb2
from entente_chassis.auth import Caller
from entente_chassis.clock import ManualClock
from entente_chassis.rpc import Role, to_refusal
from entente_chassis.store import MemoryAggregates
from entente_chassis.testing import TestServer, incoming, serving
from entente_review.adapters.kinds import CAMPAIGNS, COLLABORATIONS, REVIEWS
from entente_review.adapters.rules import load_rules
from entente_review.application.commands import ToSubmit, submit
from entente_review.application.stores import Desk
from entente_review.domain.content import Content
from entente_review.domain.review import Terms
from entente_review.entrypoints.events import routes
from entente_review.entrypoints.grpc import ACCESS, ReviewServicer
from entente_review.entrypoints.timers import on_due

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
CAMPAIGN = "campaigns/rituel"
COLLABORATION = f"{CAMPAIGN}/collaborations/ana"
GOOD = "Publicité | Le Sérum Aurore est dans ma routine et je suis ravie avec ce soin de @maisonlune #RituelLune"


def campaign(**changes: Any) -> campaign_events.CampaignSnapshot:
    message = campaign_events.CampaignSnapshot(
        campaign=CAMPAIGN,
        brand="brands/lune",
        brand_display_name="Maison Lune",
        title="Rituel du soir",
        state=campaign_pb.CAMPAIGN_STATE_RUNNING,
        brief=campaign_pb.Brief(
            product_name="Sérum Aurore", hashtags=["RituelLune"], mentions=["maisonlune"], languages=["fr"]
        ),
        brief_revision=2,
        markets=["FR"],
        compensation=campaign_pb.Compensation(model=type_pb2.COMPENSATION_MODEL_GIFTED),
        **changes,
    )
    message.publish_time.FromDatetime(START)
    return message


def collaboration(
    state: campaign_pb.CollaborationState.ValueType = campaign_pb.COLLABORATION_STATE_CONTENT_DUE,
) -> campaign_events.CollaborationSnapshot:
    return campaign_events.CollaborationSnapshot(
        ref=campaign_events.CollaborationRef(
            collaboration=COLLABORATION,
            campaign=CAMPAIGN,
            brand="brands/lune",
            creator="creators/ana",
            campaign_title="Rituel du soir",
            brand_display_name="Maison Lune",
            creator_display_name="Ana",
        ),
        state=state,
        platform=type_pb2.PLATFORM_INSTAGRAM,
        terms=campaign_pb.Terms(
            deliverables=[
                campaign_pb.AgreedDeliverable(id="reel-1", kind=type_pb2.DELIVERABLE_KIND_REEL),
                campaign_pb.AgreedDeliverable(id="post-1", kind=type_pb2.DELIVERABLE_KIND_POST),
            ]
        ),
    )


class World:
    """The service over memory, with its clock."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.desk = Desk(
            reviews=MemoryAggregates(REVIEWS, self.clock),
            campaigns=MemoryAggregates(CAMPAIGNS, self.clock),
            collaborations=MemoryAggregates(COLLABORATIONS, self.clock),
            rules=load_rules(),
            terms=Terms(),
            clock=self.clock,
            wait_seconds=0,
        )
        self.server: TestServer
        self._n = 0

    async def hears(self, message: Message) -> None:
        self._n += 1
        await routes(self.desk)[type(message)](incoming(message, CAMPAIGN, n=self._n))

    async def clock_moves(self, by: timedelta) -> None:
        now = self.clock.advance(by)
        for review, _ in await self.desk.reviews.due(now, 100):
            await on_due(self.desk)(review)

    def creator(self, name: str = "ana") -> service_pb2_grpc.ReviewServiceStub:
        return self.server.client_as(service_pb2_grpc.ReviewServiceStub, Role.CREATOR, creators=[f"creators/{name}"])

    def brand(self, name: str = "lune") -> service_pb2_grpc.ReviewServiceStub:
        return self.server.client_as(service_pb2_grpc.ReviewServiceStub, Role.BRAND, brands=[f"brands/{name}"])

    async def submit(self, caption: str = GOOD, *, deliverable: str = "reel-1", request_id: str = "") -> pb.Submission:
        request = submission_request(caption, deliverable=deliverable, request_id=request_id)
        return await self.creator().SubmitContent(request)

    async def told(self) -> list[Message]:
        """The events so far, as they are on the bus."""
        found = []
        for review in await self.desk.reviews.find():
            raw = await self.desk.reviews.documents.load(review.id)
            assert raw is not None
            found += [
                getattr(events_pb2, entry["type"].rsplit(".", 1)[1]).FromString(entry["data"])
                for entry in raw["outbox"]
            ]
        return found


def submission_request(
    caption: str = GOOD, *, deliverable: str = "reel-1", request_id: str = ""
) -> pb.SubmitContentRequest:
    return pb.SubmitContentRequest(
        collaboration=COLLABORATION,
        deliverable=deliverable,
        content=pb.Content(caption=caption, language="fr", media=[pb.Media(url="https://files.example/reel.mp4")]),
        request_id=request_id,
    )


@asynccontextmanager
async def refused(code: grpc.StatusCode, reason: str) -> AsyncIterator[None]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        yield
    assert caught.value.code() is code, caught.value
    assert to_refusal(caught.value).reason == reason


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World()
    service = (service_pb2_grpc.add_ReviewServiceServicer_to_server, ReviewServicer(world.desk), ACCESS)
    async with serving(tmp_path, service) as world.server:
        await world.hears(campaign())
        await world.hears(collaboration())
        yield world


async def test_a_submission_is_checked_at_once_against_the_pinned_brief(world: World) -> None:
    submission = await world.submit()
    assert submission.state == pb.SUBMISSION_STATE_IN_REVIEW
    assert submission.compliance_percent == 100, submission.criteria
    assert submission.brief_revision == 2
    assert submission.rules_version == world.desk.rules.version
    assert (submission.deliverable_kind, submission.platform) == (
        type_pb2.DELIVERABLE_KIND_REEL,
        type_pb2.PLATFORM_INSTAGRAM,
    )
    assert list(submission.content.hashtags) == ["rituellune"]
    disclosure = submission.criteria[0]
    assert (disclosure.market, disclosure.result) == ("FR", pb.CRITERION_RESULT_PASS)
    evidence = disclosure.evidence[0]
    assert GOOD[evidence.start : evidence.end] == "Publicité"
    (event,) = await world.told()
    assert isinstance(event, events_pb2.SubmissionReceived)
    assert event.ref.creator_display_name == "Ana"
    assert event.ref.submission == submission.name


async def test_a_brief_that_changes_after_publication_does_not_move_the_goal(world: World) -> None:
    changed = campaign()
    changed.brief.hashtags.append("Nouveau")
    changed.brief_revision = 3
    await world.hears(changed)
    assert (await world.submit()).brief_revision == 2


async def test_before_the_copies_arrive_a_submission_is_refused_and_not_checked_against_nothing(
    tmp_path: Path,
) -> None:
    world = World()
    service = (service_pb2_grpc.add_ReviewServiceServicer_to_server, ReviewServicer(world.desk), ACCESS)
    async with serving(tmp_path, service) as world.server:
        async with refused(grpc.StatusCode.UNAVAILABLE, "COLLABORATION_NOT_YET_KNOWN"):
            await world.submit()
        await world.hears(collaboration())
        async with refused(grpc.StatusCode.UNAVAILABLE, "BRIEF_NOT_YET_KNOWN"):
            await world.submit()
        draft = campaign()
        draft.ClearField("publish_time")
        await world.hears(draft)
        async with refused(grpc.StatusCode.UNAVAILABLE, "BRIEF_NOT_YET_KNOWN"):
            await world.submit()
        await world.hears(campaign())
        assert (await world.submit()).version == 1


async def test_a_submission_waits_a_moment_for_a_copy_that_is_on_its_way(world: World) -> None:
    await world.hears(collaboration(campaign_pb.COLLABORATION_STATE_SHIPMENT_PENDING))
    async with refused(grpc.StatusCode.FAILED_PRECONDITION, "COLLABORATION_NOT_READY"):
        await world.submit()
    patient = replace(world.desk, wait_seconds=5)
    sent = ToSubmit(COLLABORATION, "reel-1", None, None, Content(GOOD))
    ana = Caller("ana", frozenset({Role.CREATOR}), creators=frozenset({"creators/ana"}))
    submitting = asyncio.create_task(submit(patient, ana, sent, None))
    await asyncio.sleep(0.15)
    await world.hears(collaboration())
    assert (await submitting).number == 1


async def test_a_collaboration_that_is_over_takes_no_content(world: World) -> None:
    await world.hears(collaboration(campaign_pb.COLLABORATION_STATE_WITHDRAWN))
    async with refused(grpc.StatusCode.FAILED_PRECONDITION, "COLLABORATION_OVER"):
        await world.submit()


async def test_only_what_was_agreed_on_is_taken(world: World) -> None:
    for deliverable in ("", "reel-2"):
        async with refused(grpc.StatusCode.INVALID_ARGUMENT, "UNKNOWN_DELIVERABLE"):
            await world.submit(deliverable=deliverable)
    request = submission_request()
    request.deliverable_kind = type_pb2.DELIVERABLE_KIND_STORY
    async with refused(grpc.StatusCode.INVALID_ARGUMENT, "NOT_AS_AGREED"):
        await world.creator().SubmitContent(request)


async def test_others_do_not_learn_that_a_submission_exists(world: World) -> None:
    name = (await world.submit()).name
    async with refused(grpc.StatusCode.NOT_FOUND, "COLLABORATION_NOT_FOUND"):
        await world.creator("eve").SubmitContent(submission_request())
    for stranger in (world.creator("eve"), world.brand("soleil")):
        async with refused(grpc.StatusCode.NOT_FOUND, "SUBMISSION_NOT_FOUND"):
            await stranger.GetSubmission(pb.GetSubmissionRequest(name=name))
        async with refused(grpc.StatusCode.NOT_FOUND, "SUBMISSION_NOT_FOUND"):
            await stranger.ListDecisions(pb.ListDecisionsRequest(submission=name))
        assert not (await stranger.ListSubmissions(pb.ListSubmissionsRequest(campaign=CAMPAIGN))).submissions
    async with refused(grpc.StatusCode.NOT_FOUND, "SUBMISSION_NOT_FOUND"):
        await world.brand("soleil").ApproveSubmission(pb.ApproveSubmissionRequest(name=name))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.creator().ApproveSubmission(pb.ApproveSubmissionRequest(name=name))
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_changes_are_requested_and_the_next_version_approved(world: World) -> None:
    first = await world.submit("Mon Sérum Aurore, je suis ravie avec ce soin et dans ma routine @maisonlune #pub")
    assert first.compliance_percent < 100
    sent_back = await world.brand().RequestChanges(pb.RequestChangesRequest(name=first.name, comment="Presque !"))
    assert sent_back.state == pb.SUBMISSION_STATE_CHANGES_REQUESTED
    assert {entry.criterion for entry in sent_back.feedback} == {"disclosure-fr", "hashtags"}
    second = await world.submit()
    assert (second.version, second.name.rsplit("-", 1)[0]) == (2, first.name.rsplit("-", 1)[0])
    approved = await world.brand().ApproveSubmission(pb.ApproveSubmissionRequest(name=second.name, etag=second.etag))
    assert (approved.state, approved.granted_compliance_percent, approved.automatic) == (
        pb.SUBMISSION_STATE_APPROVED,
        100,
        False,
    )
    assert [type(event).__name__ for event in await world.told()] == [
        "SubmissionReceived",
        "ChangesRequested",
        "SubmissionReceived",
        "SubmissionApproved",
    ]
    log = await world.brand().ListDecisions(pb.ListDecisionsRequest(submission=second.name, page_size=1))
    assert [entry.action for entry in log.decisions] == [pb.DECISION_ACTION_CHECKED]
    rest = await world.brand().ListDecisions(
        pb.ListDecisionsRequest(submission=second.name, page_token=log.next_page_token)
    )
    (entry,) = rest.decisions
    assert (entry.action, entry.actor, entry.rules_version) == (
        pb.DECISION_ACTION_APPROVED,
        "accounts/test",
        world.desk.rules.version,
    )
    assert not rest.next_page_token


async def test_an_override_with_its_reason_changes_the_compliance(world: World) -> None:
    first = await world.submit(GOOD.replace("#RituelLune", ""))
    request = pb.OverrideCriterionRequest(
        name=first.name, criterion="hashtags", result=pb.CRITERION_RESULT_PASS, reason="It is in the video."
    )
    changed = await world.brand().OverrideCriterion(request)
    assert first.compliance_percent < changed.compliance_percent == 100
    (criterion,) = [entry for entry in changed.criteria if entry.id == "hashtags"]
    assert criterion.automatic_result == pb.CRITERION_RESULT_FAIL
    assert criterion.override_reason == "It is in the video."


async def test_the_same_request_twice_is_one_submission_even_after_the_next_version(world: World) -> None:
    first = await world.submit(request_id="one")
    assert (await world.submit(request_id="one")).name == first.name
    await world.brand().RequestChanges(pb.RequestChangesRequest(name=first.name, comment="Encore", request_id="two"))
    await world.submit(request_id="three")
    assert (await world.submit(request_id="one")).name == first.name
    again = pb.RequestChangesRequest(name=first.name, comment="Encore", request_id="two")
    assert (await world.brand().RequestChanges(again)).state == pb.SUBMISSION_STATE_CHANGES_REQUESTED
    async with refused(grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED"):
        await world.submit(GOOD + "!", request_id="one")
    assert len(await world.told()) == 3


async def test_a_decision_on_an_old_etag_is_refused(world: World) -> None:
    first = await world.submit()
    override = pb.OverrideCriterionRequest(
        name=first.name, criterion="media", result=pb.CRITERION_RESULT_FAIL, reason="Wrong file."
    )
    await world.brand().OverrideCriterion(override)
    async with refused(grpc.StatusCode.ABORTED, "ETAG_MISMATCH"):
        await world.brand().ApproveSubmission(pb.ApproveSubmissionRequest(name=first.name, etag=first.etag))


async def test_the_clock_reminds_and_then_approves(world: World) -> None:
    name = (await world.submit(GOOD.replace("#RituelLune", ""))).name
    for _ in range(11):
        await world.clock_moves(timedelta(days=1))
    submission = await world.brand().GetSubmission(pb.GetSubmissionRequest(name=name))
    assert submission.automatic
    assert submission.granted_compliance_percent == 100
    assert submission.compliance_percent < 100
    events = await world.told()
    assert [type(event).__name__ for event in events] == [
        "SubmissionReceived",
        "ReviewReminderDue",
        "ReviewReminderDue",
        "SubmissionApproved",
    ]
    approved = events[-1]
    assert isinstance(approved, events_pb2.SubmissionApproved)
    assert (approved.automatic, approved.compliance_percent) == (True, 100)
    assert approved.measured_compliance_percent == submission.compliance_percent
    async with refused(grpc.StatusCode.FAILED_PRECONDITION, "ALREADY_DECIDED"):
        await world.brand().RejectSubmission(pb.RejectSubmissionRequest(name=name, reason="Too late."))


async def test_a_decision_that_races_the_clock_wins_or_loses_and_never_both(world: World) -> None:
    names = {deliverable: (await world.submit(deliverable=deliverable)).name for deliverable in ("reel-1", "post-1")}
    now = world.clock.advance(timedelta(days=10))
    due = [review for review, _ in await world.desk.reviews.due(now, 10)]
    assert len(due) == 2

    async def reject(name: str) -> bool:
        try:
            await world.brand().RejectSubmission(pb.RejectSubmissionRequest(name=name, reason="Off brief."))
        except grpc.aio.AioRpcError as error:
            if to_refusal(error).reason != "ALREADY_DECIDED":
                raise
            return False
        return True

    fire = on_due(world.desk)
    won = await asyncio.gather(*map(reject, names.values()), *map(fire, due), *map(fire, due))
    for name, rejected in zip(names.values(), won, strict=False):
        submission = await world.brand().GetSubmission(pb.GetSubmissionRequest(name=name))
        expected = pb.SUBMISSION_STATE_REJECTED if rejected else pb.SUBMISSION_STATE_APPROVED
        assert submission.state == expected
    final = [
        event for event in await world.told() if type(event).__name__ in ("SubmissionApproved", "SubmissionRejected")
    ]
    assert len(final) == 2


async def test_what_ended_before_a_decision_is_closed_and_not_approved(world: World) -> None:
    name = (await world.submit()).name
    await world.hears(collaboration(campaign_pb.COLLABORATION_STATE_CANCELLED))
    await world.clock_moves(timedelta(days=10))
    submission = await world.brand().GetSubmission(pb.GetSubmissionRequest(name=name))
    assert submission.state == pb.SUBMISSION_STATE_CLOSED
    assert [type(event).__name__ for event in await world.told()] == ["SubmissionReceived"]


async def test_lists_hold_every_version_page_by_page_and_filter_by_state(world: World) -> None:
    for deliverable in ("reel-1", "post-1"):
        for _ in range(3):
            name = (await world.submit(deliverable=deliverable)).name
            await world.brand().RequestChanges(pb.RequestChangesRequest(name=name, comment="Encore"))
        await world.submit(deliverable=deliverable)

    async def pages(**fields: Any) -> list[list[str]]:
        found, token = [], ""
        while True:
            page = await world.brand().ListSubmissions(
                pb.ListSubmissionsRequest(campaign=CAMPAIGN, page_token=token, **fields)
            )
            found.append([entry.name for entry in page.submissions])
            token = page.next_page_token
            if not token:
                return found

    (everything,) = await pages()
    assert len(everything) == len(set(everything)) == 8
    assert [name for page in await pages(page_size=3) for name in page] == everything
    assert [len(page) for page in await pages(page_size=3)] == [3, 3, 2]
    assert [len(page) for page in await pages(page_size=4)] == [4, 4]
    assert len((await pages(state=pb.SUBMISSION_STATE_CHANGES_REQUESTED))[0]) == 6
    assert len((await pages(state=pb.SUBMISSION_STATE_IN_REVIEW))[0]) == 2
    assert len((await pages(latest_only=True))[0]) == 2
    mine = await world.creator().ListSubmissions(pb.ListSubmissionsRequest(collaboration=COLLABORATION))
    assert len(mine.submissions) == 8
    async with refused(grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID"):
        await world.brand().ListSubmissions(pb.ListSubmissionsRequest(page_token="bm9uc2Vuc2U="))


async def test_fields_that_break_their_rules_are_refused_before_anything_is_done(world: World) -> None:
    request = submission_request()
    request.collaboration = "campaigns/rituel"
    request.content.media.add(url="ftp://files.example/x")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await world.creator().SubmitContent(request)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    fields = {violation.field for violation in to_refusal(caught.value).violations}
    assert fields == {"collaboration", "content.media[1].url"}
