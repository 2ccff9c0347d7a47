"""The service as its own process, on a real broker and database: what it decides survives whatever happens to it."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from aiokafka import AIOKafkaConsumer

from entente.campaign.v1 import events_pb2 as campaign_events
from entente.campaign.v1 import service_pb2 as campaign_pb
from entente.review.v1 import events_pb2, service_pb2_grpc
from entente.review.v1 import service_pb2 as pb
from entente.type.v1 import type_pb2
from entente_chassis import topics
from entente_chassis.auth import Role
from entente_chassis.envelope import read_envelope
from entente_chassis.rpc import to_refusal
from entente_chassis.testing.process import Publish, ServiceProcess, eventually, publisher

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
CAPTION = "Publicité | Le Sérum Aurore est dans ma routine et je suis ravie avec ce soin"


class Service(ServiceProcess[service_pb2_grpc.ReviewServiceStub]):
    """One review process, and a collaboration of its own."""

    def __init__(self, folder: Path, kafka: str, mongo: str, database: str) -> None:
        self.campaign = f"campaigns/c-{uuid.uuid4().hex[:12]}"
        self.collaboration = f"{self.campaign}/collaborations/ana"
        self.brand = f"brands/b-{uuid.uuid4().hex[:12]}"
        super().__init__(
            "entente_review",
            folder,
            kafka=kafka,
            mongo=mongo,
            database=database,
            stub=service_pb2_grpc.ReviewServiceStub,
            brands=[self.brand],
            creators=["creators/ana"],
            clock_start=START,
        )

    async def submit(self, deliverable: str) -> pb.Submission:
        request = pb.SubmitContentRequest(
            collaboration=self.collaboration,
            deliverable=deliverable,
            content=pb.Content(caption=CAPTION, media=[pb.Media(url="https://files.example/reel.mp4")]),
            request_id=f"submit-{deliverable}",
        )
        async with self.stub(Role.CREATOR) as stub:
            while True:
                try:
                    return await stub.SubmitContent(request)
                except grpc.aio.AioRpcError as error:
                    # The first events of a new consumer group take longer to arrive than a submission waits.
                    if error.code() is not grpc.StatusCode.UNAVAILABLE:
                        raise

    async def get(self, name: str) -> pb.Submission:
        async with self.stub(Role.BRAND) as stub:
            return await stub.GetSubmission(pb.GetSubmissionRequest(name=name))

    async def events(self, count: int) -> list[tuple[str, str]]:
        """(type, identity) of the first events on the bus about this collaboration, repeats left out."""
        consumer = AIOKafkaConsumer(
            topics.events("review"), bootstrap_servers=self.kafka, auto_offset_reset="earliest", group_id=None
        )
        await consumer.start()
        found: dict[str, str] = {}
        try:
            async with asyncio.timeout(30):
                while len(found) < count:
                    record = await consumer.getone()
                    envelope = read_envelope(record.topic, record.headers)
                    kind = envelope.type.rsplit(".", 1)[1]
                    message: Any = getattr(events_pb2, kind).FromString(record.value)
                    if message.ref.collaboration == self.collaboration:
                        found.setdefault(envelope.id, kind)
        finally:
            await consumer.stop()
        return [(kind, id) for id, kind in found.items()]


@pytest.fixture
async def publish(kafka_bootstrap: str) -> AsyncIterator[Publish]:
    """Publishes as campaign does; the same identity may be given again."""
    async with publisher(kafka_bootstrap, time=START) as publish:
        yield publish


@pytest.fixture
async def service(
    tmp_path: Path, kafka_bootstrap: str, mongo_uri: str, database_name: str, publish: Publish
) -> AsyncIterator[Service]:
    """A running service that hears of a collaboration and then, later, of its campaign."""
    async with Service(tmp_path, kafka_bootstrap, mongo_uri, database_name) as service:
        await publish(topics.snapshots("campaign", "collaborations"), collaboration(service), service.collaboration)
        await publish(topics.snapshots("campaign", "campaigns"), campaign(service), service.campaign)
        yield service


def campaign(service: Service) -> campaign_events.CampaignSnapshot:
    snapshot = campaign_events.CampaignSnapshot(
        campaign=service.campaign,
        brand=service.brand,
        brand_display_name="Maison Lune",
        title="Rituel du soir",
        state=campaign_pb.CAMPAIGN_STATE_RUNNING,
        brief=campaign_pb.Brief(product_name="Sérum Aurore", languages=["fr"]),
        brief_revision=1,
        markets=["FR"],
        compensation=campaign_pb.Compensation(model=type_pb2.COMPENSATION_MODEL_GIFTED),
    )
    snapshot.publish_time.FromDatetime(START)
    return snapshot


def collaboration(service: Service) -> campaign_events.CollaborationSnapshot:
    return campaign_events.CollaborationSnapshot(
        ref=campaign_events.CollaborationRef(
            collaboration=service.collaboration,
            campaign=service.campaign,
            brand=service.brand,
            creator="creators/ana",
            creator_display_name="Ana",
        ),
        state=campaign_pb.COLLABORATION_STATE_CONTENT_DUE,
        platform=type_pb2.PLATFORM_INSTAGRAM,
        terms=campaign_pb.Terms(
            deliverables=[
                campaign_pb.AgreedDeliverable(id=name, kind=type_pb2.DELIVERABLE_KIND_REEL)
                for name in ("reel-1", "reel-2")
            ]
        ),
    )


async def test_a_service_that_was_down_for_weeks_reminds_and_approves_once_when_it_is_back(service: Service) -> None:
    submission = await service.submit("reel-1")
    assert submission.compliance_percent == 100
    await service.kill()
    service.move_clock(timedelta(days=21))
    await service.start()

    async def is_approved() -> bool:
        return (await service.get(submission.name)).state == pb.SUBMISSION_STATE_APPROVED

    await eventually(is_approved)
    assert (await service.get(submission.name)).automatic
    await service.terminate()
    await service.start()
    events = await service.events(4)
    assert [kind for kind, _ in events] == [
        "SubmissionReceived",
        "ReviewReminderDue",
        "ReviewReminderDue",
        "SubmissionApproved",
    ]
    (subject,) = {id.rsplit(":", 2)[0] for _, id in events}
    assert [id for _, id in events] == [f"{subject}:0:{n}" for n in (1, 2, 3, 4)]


async def test_a_decision_by_the_brand_survives_a_kill_and_stops_the_clock(service: Service) -> None:
    submission = await service.submit("reel-1")
    request = pb.ApproveSubmissionRequest(name=submission.name, etag=submission.etag, request_id="approve")
    async with service.stub(Role.BRAND) as stub:
        await stub.ApproveSubmission(request)
    await service.kill()
    service.move_clock(timedelta(days=21))
    await service.start()
    async with service.stub(Role.BRAND) as stub:
        again = await stub.ApproveSubmission(request)
    assert (again.state, again.automatic) == (pb.SUBMISSION_STATE_APPROVED, False)
    assert [kind for kind, _ in await service.events(2)] == ["SubmissionReceived", "SubmissionApproved"]


async def test_a_snapshot_that_cannot_be_read_does_not_hold_up_others(service: Service, publish: Publish) -> None:
    collaborations = topics.snapshots("campaign", "collaborations")
    await service.submit("reel-1")
    ended = collaboration(service)
    ended.state = campaign_pb.COLLABORATION_STATE_WITHDRAWN
    await publish(collaborations, ended, f"{service.campaign}/collaborations/broken", data=b"\xff\xff")
    await publish(collaborations, ended, service.collaboration, n=2)

    async def is_over() -> bool:
        try:
            await service.submit("reel-2")
        except grpc.aio.AioRpcError as error:
            return to_refusal(error).reason == "COLLABORATION_OVER"
        return False

    await eventually(is_over)
