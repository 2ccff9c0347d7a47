"""The service as its own process, on a real broker and database: what was agreed survives whatever happens to it."""

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

import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from google.protobuf.message import Message

from entente.campaign.v1 import events_pb2
from entente.campaign.v1 import service_pb2 as pb
from entente.campaign.v1.service_pb2_grpc import CampaignServiceStub
from entente.review.v1 import events_pb2 as review_events
from entente.type.v1 import type_pb2
from entente_chassis import topics
from entente_chassis.auth import Role, Signer, make_keys
from entente_chassis.bus import Bus, make_broker
from entente_chassis.clock import FileClock
from entente_chassis.envelope import read_envelope
from entente_chassis.relay import Relay
from entente_chassis.rpc import open_channel
from entente_chassis.store import Outgoing

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
PROGRAM = Path(__file__).with_name("campaign_process.py")

Publish = Callable[..., Awaitable[None]]


async def eventually(holds: Callable[[], Awaitable[bool]], within: float = 60.0) -> None:
    async with asyncio.timeout(within):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """A campaign process, which can be killed and started again where it was. Matching is away all the time."""

    def __init__(self, folder: Path, kafka: str, mongo: str, database: str) -> None:
        self.folder = folder
        self.kafka = kafka
        self.ports = {name: free_port() for name in ("grpc", "metrics")}
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
            "ENTENTE_AUTH_SIGNING_KEY": str(folder / "signing.pem"),
            "ENTENTE_MATCHING_ADDRESS": f"127.0.0.1:{free_port()}",
            "ENTENTE_CLOCK_FILE": str(folder / "clock"),
            "ENTENTE_INSTANCE": "test",
            "ENTENTE_TOPIC_REPLICATION": "1",
            "ENTENTE_TOPIC_PARTITIONS": "6",
            "TEST_SERVICE": f"campaign-{uuid.uuid4().hex[:12]}",
        }
        self.process: asyncio.subprocess.Process | None = None
        self.channels: list[Any] = []

    def move_clock(self, to: timedelta) -> None:
        FileClock.write(self.folder / "clock", START + to)

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
        while self.channels:  # Else new ones would share the back-off of those that find nobody.
            await self.channels.pop().close()
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)
            await self.process.wait()

    def stub(self, role: Role, *creators: str) -> CampaignServiceStub:
        token = self.signer.issue(f"accounts/{role.lower()}", [role], brands=[self.brand], creators=creators)
        channel = open_channel(f"127.0.0.1:{self.ports['grpc']}", token=lambda: token)
        self.channels.append(channel)
        return CampaignServiceStub(channel)

    async def open_campaign(self, *, places: int) -> pb.Campaign:
        stub = self.stub(Role.BRAND)
        await stub.RegisterBrand(
            pb.RegisterBrandRequest(brand_id=self.brand.rpartition("/")[2], brand=pb.Brand(display_name="Maison Lune"))
        )
        campaign = pb.Campaign(
            brand=self.brand,
            title="Rituel du soir",
            mechanic=type_pb2.MECHANIC_PRODUCT_TEST,
            objective=pb.Objective(metric=type_pb2.OBJECTIVE_METRIC_CLICKS, target=500),
            target_audience=type_pb2.TargetAudience(
                countries=["FR"], ages=["25-34"], genders=["FEMALE"], languages=["fr"], interests=["beauty"]
            ),
            persona=pb.Persona(purchases=["soins bio"]),
            brief=pb.Brief(
                product_name="Sérum Aurore",
                mandatory_elements=[pb.MandatoryElement(id="routine", description="Montrer la routine")],
                deliverables=[pb.Deliverable(kind=type_pb2.DELIVERABLE_KIND_REEL)],
            ),
            markets=["FR"],
            compensation=pb.Compensation(
                model=type_pb2.COMPENSATION_MODEL_GIFTED,
                gift_value=type_pb2.Money(currency_code="EUR", minor_units=4000),
            ),
            budget=type_pb2.Money(currency_code="EUR", minor_units=100_000),
            places=places,
        )
        campaign.objective.deadline_time.FromDatetime(START + 90 * DAY)
        campaign.start_time.FromDatetime(START + DAY)
        campaign.end_time.FromDatetime(START + 90 * DAY)
        draft = await stub.CreateCampaign(pb.CreateCampaignRequest(campaign=campaign, request_id="create"))
        return await stub.PublishCampaign(pb.PublishCampaignRequest(name=draft.name, request_id="publish"))

    async def apply(self, campaign: pb.Campaign, creator: str) -> str:
        request = pb.ApplyToCampaignRequest(campaign=campaign.name, creator=creator, request_id="apply")
        return (await self.stub(Role.CREATOR, creator).ApplyToCampaign(request)).name

    async def state(self, name: str) -> str:
        found = await self.stub(Role.BRAND).GetCollaboration(pb.GetCollaborationRequest(name=name))
        return pb.CollaborationState.Name(found.state).removeprefix("COLLABORATION_STATE_")

    async def events(self, subject: str, last: str) -> list[Message]:
        """The first occurrence of each event of a subject on the bus, in order, up to the first of type ``last``."""
        consumer = AIOKafkaConsumer(
            topics.events("campaign"), bootstrap_servers=self.kafka, auto_offset_reset="earliest", group_id=None
        )
        await consumer.start()
        found: dict[str, Message] = {}
        try:
            async with asyncio.timeout(60):
                while True:
                    record = await consumer.getone()
                    envelope = read_envelope(record.topic, record.headers)
                    if envelope.cause.subject != subject:
                        continue
                    kind = envelope.type.rpartition(".")[2]
                    found.setdefault(envelope.id, getattr(events_pb2, kind).FromString(record.value))
                    if kind == last:
                        return list(found.values())
        finally:
            await consumer.stop()


@pytest.fixture
async def publish(kafka_bootstrap: str) -> AsyncIterator[Publish]:
    """Publishes as review does; the same identity may be given again."""
    broker = make_broker(kafka_bootstrap, "test")
    await broker.connect()
    relay = Relay("test", Bus(broker).send)

    async def send(message: Message, subject: str, n: int) -> None:
        await relay.publish(
            Outgoing(
                topic=topics.events("review"),
                subject=subject,
                epoch=0,
                n=n,
                id=f"{subject}:0:{n}",
                type=message.DESCRIPTOR.full_name,
                data=message.SerializeToString(),
                time=START,
                traceparent="",
            )
        )

    yield send
    await broker.stop()


@pytest.fixture
async def service(tmp_path: Path, kafka_bootstrap: str, mongo_uri: str, database_name: str) -> AsyncIterator[Service]:
    """A running service."""
    service = Service(tmp_path, kafka_bootstrap, mongo_uri, database_name)
    await service.start()
    try:
        yield service
    finally:
        await service.stop(signal.SIGKILL)


def names(events: list[Message]) -> list[str]:
    return [event.DESCRIPTOR.name for event in events]


async def test_a_collaboration_goes_its_way_across_kills_and_is_reminded_once(
    service: Service, publish: Publish
) -> None:
    campaign = await service.open_campaign(places=1)
    name = await service.apply(campaign, "creators/ana")
    accept = pb.AcceptApplicationRequest(name=name, request_id="accept")
    first = await service.stub(Role.BRAND).AcceptApplication(accept)
    await service.stop(signal.SIGKILL)
    await service.start()
    assert (await service.stub(Role.BRAND).AcceptApplication(accept)).accept_time == first.accept_time

    creator = service.stub(Role.CREATOR, "creators/ana")
    await service.stub(Role.BRAND).ShipParcel(pb.ShipParcelRequest(name=name, carrier="Colissimo"))
    await creator.ConfirmReceipt(pb.ConfirmReceiptRequest(name=name))
    await service.stop(signal.SIGKILL)
    # Half of the time and four fifths of it pass while the service is down: one reminder, the latest.
    service.move_clock(25 * DAY)
    await service.start()
    reminded = await service.events(name, "ReminderDue")
    assert reminded[-1].kind == events_pb2.REMINDER_KIND_PUBLICATION_CLOSE  # type: ignore[attr-defined]

    ref = review_events.SubmissionRef(collaboration=name, deliverable="reel-1", version=1)
    subject = f"reviews/{uuid.uuid4().hex[:20]}"
    for n in (1, 1, 2, 1, 2):  # As two relays that repeat each other send them.
        kind = review_events.SubmissionReceived if n == 1 else review_events.SubmissionApproved
        event = kind(ref=ref)
        if n == 2:
            event.compliance_percent = 90
        await publish(event, subject, n)

    async def approved() -> bool:
        return await service.state(name) == "APPROVED"

    await eventually(approved)
    creator = service.stub(Role.CREATOR, "creators/ana")
    await creator.ReportPublication(pb.ReportPublicationRequest(name=name, url="https://instagram.com/p/1"))
    brand = service.stub(Role.BRAND)
    await brand.CompleteCollaboration(pb.CompleteCollaborationRequest(name=name))
    told = await service.events(name, "CollaborationCompleted")
    assert names(told) == [
        "ApplicationReceived",
        "CollaborationAccepted",
        "ShipmentSent",
        "ShipmentReceived",
        "ReminderDue",
        "ContentPublished",
        "CollaborationCompleted",
    ]
    assert told[-1].compliance_percent == 90  # type: ignore[attr-defined]
    assert names(await service.events(campaign.name, "CampaignStarted")) == ["CampaignPublished", "CampaignStarted"]


async def test_a_place_that_a_creator_leaves_is_free_for_another(service: Service) -> None:
    campaign = await service.open_campaign(places=1)
    ana, bea = [await service.apply(campaign, creator) for creator in ("creators/ana", "creators/bea")]
    brand = service.stub(Role.BRAND)
    results = await brand.AcceptApplications(
        pb.AcceptApplicationsRequest(campaign=campaign.name, creators=["creators/ana", "creators/bea"])
    )
    assert [result.HasField("error") for result in results.results] == [False, True]
    creator = service.stub(Role.CREATOR, "creators/ana")
    await creator.WithdrawCollaboration(pb.WithdrawCollaborationRequest(name=ana, reason="ill"))

    async def is_free() -> bool:
        return (await brand.GetCampaign(pb.GetCampaignRequest(name=campaign.name))).places_taken == 0

    await eventually(is_free)
    await brand.AcceptApplication(pb.AcceptApplicationRequest(name=bea))
    assert await service.state(bea) == "SHIPMENT_PENDING"
