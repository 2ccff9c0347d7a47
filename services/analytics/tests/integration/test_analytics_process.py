"""The service as its own process, on a real broker and database: what it counts survives whatever happens to it."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiokafka import AIOKafkaConsumer

from entente.analytics.v1 import events_pb2, service_pb2_grpc
from entente.analytics.v1 import service_pb2 as pb
from entente.campaign.v1 import events_pb2 as campaign_events
from entente.campaign.v1 import service_pb2 as campaign_pb
from entente.type.v1 import type_pb2
from entente_chassis import topics
from entente_chassis.auth import Role
from entente_chassis.testing.process import HOST, Publish, ServiceProcess, eventually, free_port, publisher

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
PHONE = "Mozilla/5.0 (Linux; Android 14; visitor {}) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"


class Analytics(ServiceProcess[service_pb2_grpc.AnalyticsServiceStub]):
    """One analytics process, and a collaboration of its own."""

    def __init__(self, folder: Path, kafka: str, mongo: str, database: str) -> None:
        self.campaign = f"campaigns/c-{uuid.uuid4().hex[:12]}"
        self.collaboration = f"{self.campaign}/collaborations/anna"
        self.brand = f"brands/b-{uuid.uuid4().hex[:12]}"
        self.http = f"{HOST}:{free_port()}"
        super().__init__(
            "entente_analytics",
            folder,
            kafka=kafka,
            mongo=mongo,
            database=database,
            stub=service_pb2_grpc.AnalyticsServiceStub,
            brands=[self.brand],
            clock_start=START,
            environment={"ENTENTE_HTTP_BIND": self.http, "ENTENTE_JOURNAL_DIR": str(folder / "journal")},
        )

    async def follow(self, link: pb.TrackedLink, visitor: int) -> str:
        """Follow a link as a visitor; the id of the click."""
        url = f"http://{self.http}/r/{link.name.removeprefix('trackedLinks/')}"
        async with httpx.AsyncClient() as client:
            answer = await client.get(url, headers={"user-agent": PHONE.format(visitor)})
        assert answer.status_code == 302
        return str(answer.headers["location"]).rpartition("entente_click=")[2]

    async def clicks(self, link: pb.TrackedLink) -> tuple[int, int]:
        """Counted and repeated clicks of a link."""
        async with self.stub(Role.BRAND) as stub:
            found = await stub.GetTrackedLink(pb.GetTrackedLinkRequest(name=link.name))
        return found.clicks, found.repeat_clicks


@pytest.fixture
async def publish(kafka_bootstrap: str) -> AsyncIterator[Publish]:
    """Publishes as a service does; the same identity may be given again."""
    async with publisher(kafka_bootstrap, time=START) as publish:
        yield publish


@pytest.fixture
async def analytics(
    tmp_path: Path, kafka_bootstrap: str, mongo_uri: str, database_name: str, publish: Publish
) -> AsyncIterator[Analytics]:
    """A running service that has heard of a campaign, whose objective is 1,000 EUR in 40 days, and a collaboration."""
    async with Analytics(tmp_path, kafka_bootstrap, mongo_uri, database_name) as service:
        # The collaboration first: what comes before what it refers to is kept.
        await publish(topics.snapshots("campaign", "collaborations"), collaboration(service), service.collaboration)
        await publish(topics.snapshots("campaign", "campaigns"), campaign(service), service.campaign)
        await eventually(lambda: knows_campaign(service))
        yield service


def campaign(service: Analytics) -> campaign_events.CampaignSnapshot:
    snapshot = campaign_events.CampaignSnapshot(
        campaign=service.campaign,
        brand=service.brand,
        title="Spring",
        state=campaign_pb.CAMPAIGN_STATE_RUNNING,
        objective=campaign_pb.Objective(metric=type_pb2.OBJECTIVE_METRIC_REVENUE, target=100_000),
        budget=type_pb2.Money(currency_code="EUR", minor_units=500_000),
    )
    snapshot.start_time.FromDatetime(START)
    snapshot.objective.deadline_time.FromDatetime(START + timedelta(days=40))
    return snapshot


def collaboration(service: Analytics) -> campaign_events.CollaborationSnapshot:
    snapshot = campaign_events.CollaborationSnapshot(
        ref=campaign_events.CollaborationRef(
            collaboration=service.collaboration,
            campaign=service.campaign,
            brand=service.brand,
            creator="creators/anna",
        ),
        state=campaign_pb.COLLABORATION_STATE_PUBLISHED,
        platform=type_pb2.PLATFORM_INSTAGRAM,
        cost=type_pb2.Money(currency_code="EUR", minor_units=20_000),
    )
    snapshot.accept_time.FromDatetime(START)
    return snapshot


async def knows_campaign(service: Analytics) -> bool:
    async with service.stub(Role.BRAND) as stub:
        with contextlib.suppress(Exception):
            report = await stub.GetCampaignReport(pb.GetCampaignReportRequest(campaign=service.campaign))
            return len(report.kpis.creators) == 1
    return False


async def sees(service: Analytics, moment: datetime) -> bool:
    """Whether the service has seen its clock move."""
    async with service.stub(Role.BRAND) as stub:
        kpis = await stub.GetCampaignKpis(pb.GetCampaignKpisRequest(campaign=service.campaign))
    return bool(kpis.compute_time.ToDatetime(tzinfo=UTC) >= moment)


async def new_link(service: Analytics) -> pb.TrackedLink:
    async with service.stub(Role.BRAND) as stub:
        link = pb.TrackedLink(collaboration=service.collaboration, destination_url="https://shop.example/p")
        made: pb.TrackedLink = await stub.CreateTrackedLink(pb.CreateTrackedLinkRequest(tracked_link=link))
    return made


async def events_of(bootstrap: str, topic: str, subject: str, count: int) -> list[bytes]:
    """The first so many events of a subject; one that a relay repeats is one."""
    consumer: Any = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    found: dict[bytes, bytes] = {}
    try:
        async with asyncio.timeout(60):
            while len(found) < count:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    for record in records:
                        if record.key == subject.encode():
                            found.setdefault(dict(record.headers)["ce_id"], record.value)
    finally:
        await consumer.stop()
    return list(found.values())


async def test_no_click_is_lost_or_counted_twice_when_the_process_is_killed(analytics: Analytics) -> None:
    link = await new_link(analytics)
    for visitor in range(40):
        await analytics.follow(link, visitor)
    await asyncio.gather(*(analytics.follow(link, visitor) for visitor in range(40, 60)))
    await analytics.restart()

    # Who clicked before the crash is still known as a visitor of today.
    await analytics.follow(link, 0)
    await analytics.follow(link, 60)

    async def all_counted() -> bool:
        return await analytics.clicks(link) == (61, 1)

    await eventually(all_counted)
    await asyncio.sleep(0.5)
    assert await analytics.clicks(link) == (61, 1)


async def test_clicks_that_are_delivered_twice_count_once(
    analytics: Analytics, publish: Publish, kafka_bootstrap: str
) -> None:
    link = await new_link(analytics)
    for visitor in range(5):
        await analytics.follow(link, visitor)
    topic = topics.stream("analytics", "clicks")
    first, *_ = await events_of(kafka_bootstrap, topic, link.name, 1)
    message = events_pb2.LinkClicked.FromString(first)
    everything = events_pb2.LinkClicked(link=link.name, incarnation=message.incarnation)
    everything.clicks.extend(
        events_pb2.Click(n=n, click_time=message.clicks[0].click_time, verdict=events_pb2.CLICK_VERDICT_COUNTED)
        for n in range(1, 6)
    )
    assert message.clicks[0].n == 1

    for again in (message, everything, message):
        await publish(topic, again, link.name, epoch=int(again.incarnation, 16), n=again.clicks[-1].n)
    await analytics.follow(link, 5)

    async def all_counted() -> bool:
        return (await analytics.clicks(link))[0] >= 6

    await eventually(all_counted)
    await asyncio.sleep(0.5)
    assert await analytics.clicks(link) == (6, 0)


async def test_from_the_click_to_the_report_and_an_objective_that_is_missed_while_the_service_is_down(
    analytics: Analytics, kafka_bootstrap: str
) -> None:
    link = await new_link(analytics)
    click_id = await analytics.follow(link, 1)
    objective = f"{analytics.campaign}/objective"
    events = topics.events("analytics")
    await events_of(kafka_bootstrap, events, objective, 1)  # It has been looked at before time goes on.
    analytics.move_clock(timedelta(days=20))
    await eventually(lambda: sees(analytics, START + timedelta(days=20)))
    async with analytics.stub(Role.BRAND) as stub:
        order = pb.RecordConversionRequest(
            brand=analytics.brand,
            order_id="#1001",
            amount=type_pb2.Money(currency_code="EUR", minor_units=50_000),
            touches=[pb.Touch(click_id=click_id)],
        )
        order.order_time.FromDatetime(START + timedelta(days=20))
        sale = await stub.RecordConversion(order)
        assert sale.attribution.collaboration == analytics.collaboration
        back = pb.RecordRefundRequest(
            brand=analytics.brand,
            order_id="#1001",
            refund_id="r1",
            amount=type_pb2.Money(currency_code="EUR", minor_units=10_000),
        )
        back.refund_time.FromDatetime(START + timedelta(days=20))
        await stub.RecordRefund(back)

    await events_of(kafka_bootstrap, events, objective, 2)
    await analytics.terminate()
    analytics.move_clock(timedelta(days=41))
    await analytics.start()
    told = await events_of(kafka_bootstrap, events, objective, 3)

    assert [events_pb2.ObjectiveStatusChanged.FromString(event).status for event in told] == [
        pb.OBJECTIVE_STATUS_ON_TRACK,
        pb.OBJECTIVE_STATUS_AT_RISK,
        pb.OBJECTIVE_STATUS_MISSED,
    ]

    async def is_counted() -> bool:
        return (await analytics.clicks(link))[0] > 0

    await eventually(is_counted)  # On a broker that other tests have used, their clicks come first.
    async with analytics.stub(Role.BRAND) as stub:
        report = await stub.GetCampaignReport(pb.GetCampaignReportRequest(campaign=analytics.campaign))
    total = report.kpis.total
    assert (total.clicks, total.conversions, total.revenue.minor_units) == (1, 1, 40_000)
    assert (total.cost.minor_units, total.roi_basis_points) == (20_000, 10_000)
    assert report.objective.status == pb.OBJECTIVE_STATUS_MISSED
