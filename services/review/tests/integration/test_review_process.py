"""The service as its own process, on a real broker and database: what it decides survives whatever happens to it."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from google.protobuf.message import Message

from entente.campaign.v1 import events_pb2 as campaign_events
from entente.campaign.v1 import service_pb2 as campaign_pb
from entente.review.v1 import events_pb2, service_pb2_grpc
from entente.review.v1 import service_pb2 as pb
from entente.type.v1 import type_pb2
from entente_chassis import topics
from entente_chassis.auth import Role, Signer, make_keys
from entente_chassis.bus import Bus, make_broker
from entente_chassis.clock import FileClock
from entente_chassis.envelope import read_envelope
from entente_chassis.relay import Relay
from entente_chassis.rpc import open_channel, to_refusal
from entente_chassis.store import Outgoing

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
PROGRAM = Path(__file__).with_name("review_process.py")
CAPTION = "Publicité | Le Sérum Aurore est dans ma routine et je suis ravie avec ce soin"

Publish = Callable[..., Awaitable[None]]


async def eventually(holds: Callable[[], Awaitable[bool]], within: float = 30.0) -> None:
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110 - what is waited for lives in another process
            await asyncio.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """One review process, which can be killed and started again where it was."""

    def __init__(self, folder: Path, kafka: str, mongo: str, database: str) -> None:
        self.ports = {name: free_port() for name in ("grpc", "metrics")}
        self.folder = folder
        self.kafka = kafka
        self.campaign = f"campaigns/c-{uuid.uuid4().hex[:12]}"
        self.collaboration = f"{self.campaign}/collaborations/ana"
        self.brand = f"brands/b-{uuid.uuid4().hex[:12]}"
        make_keys(folder / "signing.pem", folder / "jwks.json")
        self.move_clock(timedelta())
        self.signer = Signer(folder / "signing.pem", "entente", "entente")
        self.environment = {
            "ENTENTE_KAFKA_BOOTSTRAP": kafka,
            "ENTENTE_MONGO_URI": mongo,
            "ENTENTE_DATABASE": database,
            "ENTENTE_GRPC_BIND": f"127.0.0.1:{self.ports['grpc']}",
            "ENTENTE_METRICS_BIND": f"127.0.0.1:{self.ports['metrics']}",
            "ENTENTE_AUTH_JWKS": str(folder / "jwks.json"),
            "ENTENTE_CLOCK_FILE": str(folder / "clock"),
            "ENTENTE_INSTANCE": "test",
            "ENTENTE_TOPIC_REPLICATION": "1",
            "ENTENTE_TOPIC_PARTITIONS": "6",
            "TEST_SERVICE": f"review-{uuid.uuid4().hex[:12]}",
        }
        self.process: asyncio.subprocess.Process | None = None

    def move_clock(self, by: timedelta) -> None:
        FileClock.write(self.folder / "clock", START + by)

    async def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            inherited = {name: value for name, value in os.environ.items() if not name.startswith("ENTENTE_")}
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, str(PROGRAM), stdout=log, stderr=log, env=inherited | self.environment
            )
        await eventually(self.is_ready)

    async def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, (self.folder / "log").read_text()[-2000:]
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"http://127.0.0.1:{self.ports['metrics']}/healthz/ready")
                return answer.status_code == 200
        return False

    async def stop(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)
            await self.process.wait()

    @contextlib.asynccontextmanager
    async def stub(self, role: Role) -> AsyncIterator[service_pb2_grpc.ReviewServiceStub]:
        token = self.signer.issue("accounts/test", [role], brands=[self.brand], creators=["creators/ana"])
        channel = open_channel(f"127.0.0.1:{self.ports['grpc']}", token=lambda: token)
        try:
            yield service_pb2_grpc.ReviewServiceStub(channel)
        finally:
            await channel.close()

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
    broker = make_broker(kafka_bootstrap, "test")
    await broker.connect()
    relay = Relay("test", Bus(broker).send)

    async def send(topic: str, message: Message, subject: str, *, n: int = 1, data: bytes | None = None) -> None:
        await relay.publish(
            Outgoing(
                topic=topic,
                subject=subject,
                epoch=0,
                n=n,
                id=f"{subject}:0:{n}",
                type=message.DESCRIPTOR.full_name,
                data=message.SerializeToString() if data is None else data,
                time=START,
                traceparent="",
            )
        )

    yield send
    await broker.stop()


@pytest.fixture
async def service(
    tmp_path: Path, kafka_bootstrap: str, mongo_uri: str, database_name: str, publish: Publish
) -> AsyncIterator[Service]:
    """A running service that hears of a collaboration and then, later, of its campaign."""
    service = Service(tmp_path, kafka_bootstrap, mongo_uri, database_name)
    await service.start()
    try:
        await publish(topics.snapshots("campaign", "collaborations"), collaboration(service), service.collaboration)
        await publish(topics.snapshots("campaign", "campaigns"), campaign(service), service.campaign)
        yield service
    finally:
        await service.stop(signal.SIGKILL)


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
    await service.stop(signal.SIGKILL)
    service.move_clock(timedelta(days=21))
    await service.start()

    async def is_approved() -> bool:
        return (await service.get(submission.name)).state == pb.SUBMISSION_STATE_APPROVED

    await eventually(is_approved)
    assert (await service.get(submission.name)).automatic
    await service.stop(signal.SIGTERM)
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
    await service.stop(signal.SIGKILL)
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
