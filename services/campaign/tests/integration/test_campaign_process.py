"""The service as its own process, on a real broker and database: what was agreed survives whatever happens to it."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from aiokafka import AIOKafkaConsumer
from google.protobuf.message import Message

from entente.campaign.v1 import events_pb2
from entente.campaign.v1 import service_pb2 as pb
from entente.campaign.v1.service_pb2_grpc import CampaignServiceStub
from entente.ops.v1 import ops_pb2
from entente.ops.v1.ops_pb2_grpc import OperationServiceStub
from entente.review.v1 import events_pb2 as review_events
from entente.type.v1 import type_pb2
from entente_chassis import topics
from entente_chassis.auth import Role
from entente_chassis.envelope import read_envelope
from entente_chassis.rpc import open_channel, to_refusal
from entente_chassis.testing.process import HOST, ServiceProcess, eventually, free_port, publisher

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)

Publish = Callable[..., Awaitable[None]]


class Service(ServiceProcess[CampaignServiceStub]):
    """A campaign process. Matching is away all the time."""

    def __init__(self, folder: Path, kafka: str, mongo: str, database: str) -> None:
        self.brand = f"brands/b-{uuid.uuid4().hex[:12]}"
        super().__init__(
            "entente_campaign",
            folder,
            kafka=kafka,
            mongo=mongo,
            database=database,
            stub=CampaignServiceStub,
            brands=[self.brand],
            clock_start=START,
            environment={
                "ENTENTE_AUTH_SIGNING_KEY": str(folder / "signing.pem"),
                "ENTENTE_MATCHING_ADDRESS": f"{HOST}:{free_port()}",
            },
        )

    def as_brand(self) -> AbstractAsyncContextManager[CampaignServiceStub]:
        return self.stub(Role.BRAND, subject="accounts/brand")

    def as_creator(self, creator: str) -> AbstractAsyncContextManager[CampaignServiceStub]:
        return self.stub(Role.CREATOR, creators=[creator], subject="accounts/creator")

    async def open_campaign(self, *, places: int) -> pb.Campaign:
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
        brand = pb.Brand(display_name="Maison Lune")
        async with self.as_brand() as stub:
            await stub.RegisterBrand(pb.RegisterBrandRequest(brand_id=self.brand.rpartition("/")[2], brand=brand))
            draft = await stub.CreateCampaign(pb.CreateCampaignRequest(campaign=campaign, request_id="create"))
            return await stub.PublishCampaign(pb.PublishCampaignRequest(name=draft.name, request_id="publish"))

    async def operation(self, name: str) -> ops_pb2.Operation:
        """Long work of the brand's, as it stands."""
        token = self._signer.issue("accounts/brand", [Role.BRAND], brands=[self.brand], creators=[])
        async with open_channel(f"{HOST}:{self._grpc}", token=lambda: token) as channel:
            return await OperationServiceStub(channel).GetOperation(ops_pb2.GetOperationRequest(name=name))

    async def apply(self, campaign: pb.Campaign, creator: str) -> str:
        request = pb.ApplyToCampaignRequest(campaign=campaign.name, creator=creator, request_id="apply")
        async with self.as_creator(creator) as stub:
            return (await stub.ApplyToCampaign(request)).name

    async def state(self, name: str) -> str:
        async with self.as_brand() as stub:
            found = await stub.GetCollaboration(pb.GetCollaborationRequest(name=name))
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
    async with publisher(kafka_bootstrap, time=START) as publish:
        yield partial(publish, topics.events("review"))


@pytest.fixture
async def service(tmp_path: Path, kafka_bootstrap: str, mongo_uri: str, database_name: str) -> AsyncIterator[Service]:
    """A running service."""
    async with Service(tmp_path, kafka_bootstrap, mongo_uri, database_name) as service:
        yield service


def names(events: list[Message]) -> list[str]:
    return [event.DESCRIPTOR.name for event in events]


async def test_a_collaboration_goes_its_way_across_kills_and_is_reminded_once(
    service: Service, publish: Publish
) -> None:
    campaign = await service.open_campaign(places=1)
    name = await service.apply(campaign, "creators/ana")
    accept = pb.AcceptApplicationRequest(name=name, request_id="accept")
    async with service.as_brand() as brand:
        first = await brand.AcceptApplication(accept)
    await service.restart()
    async with service.as_brand() as brand, service.as_creator("creators/ana") as creator:
        assert (await brand.AcceptApplication(accept)).accept_time == first.accept_time
        await brand.ShipParcel(pb.ShipParcelRequest(name=name, carrier="Colissimo"))
        await creator.ConfirmReceipt(pb.ConfirmReceiptRequest(name=name))
    await service.kill()
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
        await publish(event, subject, n=n)

    async def approved() -> bool:
        return await service.state(name) == "APPROVED"

    await eventually(approved)
    async with service.as_brand() as brand, service.as_creator("creators/ana") as creator:
        await creator.ReportPublication(pb.ReportPublicationRequest(name=name, url="https://instagram.com/p/1"))
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
    async with service.as_brand() as brand, service.as_creator("creators/ana") as creator:
        results = await brand.AcceptApplications(
            pb.AcceptApplicationsRequest(campaign=campaign.name, creators=["creators/ana", "creators/bea"])
        )
        assert [result.HasField("error") for result in results.results] == [False, True]
        await creator.WithdrawCollaboration(pb.WithdrawCollaborationRequest(name=ana, reason="ill"))

        async def is_free() -> bool:
            return (await brand.GetCampaign(pb.GetCampaignRequest(name=campaign.name))).places_taken == 0

        await eventually(is_free)
        await brand.AcceptApplication(pb.AcceptApplicationRequest(name=bea))
    assert await service.state(bea) == "SHIPMENT_PENDING"


async def until_it_ends(stream: Any) -> None:
    while True:
        await stream.read()


async def test_a_bulk_outlives_a_kill_and_a_watcher_takes_up_where_the_stream_ended(service: Service) -> None:
    campaign = await service.open_campaign(places=30)
    creators = [f"creators/c{number}" for number in range(25)]
    names = [await service.apply(campaign, creator) for creator in creators]
    async with service.as_brand() as brand:
        stream: Any = brand.WatchCampaign(pb.WatchCampaignRequest(name=campaign.name))
        shown = [await stream.read() for _ in range(27)]
        assert shown[-1].caught_up
        assert {each.collaboration.name for each in shown[1:-1]} == set(names)
        operation = await brand.AnswerApplications(
            pb.AnswerApplicationsRequest(
                campaign=campaign.name,
                creators=[*creators, "creators/nobody"],
                answer=pb.APPLICATION_ANSWER_ACCEPT,
                request_id="bulk",
            )
        )
        await service.kill()
    await service.start()
    async with service.as_brand() as brand:
        request = pb.WatchCampaignRequest(name=campaign.name, resume_token=shown[-1].resume_token)
        again: Any = brand.WatchCampaign(request, wait_for_ready=True)
        accepted: set[str] = set()
        async with asyncio.timeout(60):
            while accepted != set(names):
                each = await again.read()
                if each.collaboration.state == pb.COLLABORATION_STATE_SHIPMENT_PENDING:
                    accepted.add(each.collaboration.name)
        done = pb.AnswerApplicationsResponse()

        async def ended() -> bool:
            found = await service.operation(operation.name)
            return found.done and found.response.Unpack(done)

        await eventually(ended)
        assert [result.row for result in done.results if result.HasField("error")] == [26]
        assert (await brand.GetCampaign(pb.GetCampaignRequest(name=campaign.name))).places_taken == 25
        # Told to end, the service says where to go on.
        stopping = asyncio.create_task(service.terminate())
        with pytest.raises(grpc.aio.AioRpcError) as told:
            await until_it_ends(again)
        assert told.value.code() is grpc.StatusCode.UNAVAILABLE
        assert to_refusal(told.value).metadata["resume_token"]
        await stopping
