"""The service's own code over aggregates in memory, with gRPC and HTTP in the test's process."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from entente.analytics.v1 import service_pb2_grpc
from entente_analytics.adapters import kinds
from entente_analytics.adapters.archive import Archive
from entente_analytics.adapters.reference import Tables
from entente_analytics.application.redirect import click_ids
from entente_analytics.application.stores import Stores
from entente_analytics.domain.audience import Audience, Target, WeightedCode
from entente_analytics.domain.campaigns import Campaign, Collaboration, Metric, Objective
from entente_analytics.domain.clicks import ClickIds
from entente_analytics.entrypoints.grpc import ACCESS, AnalyticsServicer
from entente_analytics.entrypoints.methods import Office
from entente_chassis.auth import Role
from entente_chassis.clock import ManualClock
from entente_chassis.money import Money
from entente_chassis.store.memory import MemoryAggregates
from entente_chassis.store.model import Change
from entente_chassis.testing import TestServer, serving

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
ANNA, BELA = (f"campaigns/spring/collaborations/{name}" for name in ("anna", "bela"))


@dataclass
class Service:
    """Analytics, with a campaign of two creators copied."""

    stores: Stores
    clock: ManualClock
    ids: ClickIds
    server: TestServer

    def stub(self, role: Role = Role.BRAND, **names: tuple[str, ...]) -> service_pb2_grpc.AnalyticsServiceStub:
        """A client; that of the brand by default."""
        names = names or {"brands": ("brands/maison",)}
        return self.server.client_as(service_pb2_grpc.AnalyticsServiceStub, role, **names)  # type: ignore[arg-type]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def stores(clock: ManualClock) -> Stores:
    return Stores(
        links=MemoryAggregates(kinds.LINKS, clock),
        promo_codes=MemoryAggregates(kinds.PROMO_CODES, clock),
        code_shapes=MemoryAggregates(kinds.CODE_SHAPES, clock),
        shops=MemoryAggregates(kinds.SHOPS, clock),
        comments=MemoryAggregates(kinds.COMMENTS, clock),
        buckets=MemoryAggregates(kinds.BUCKETS, clock),
        orders=MemoryAggregates(kinds.ORDERS, clock),
        posts=MemoryAggregates(kinds.POSTS, clock),
        campaigns=MemoryAggregates(kinds.CAMPAIGNS, clock),
        collaborations=MemoryAggregates(kinds.COLLABORATIONS, clock),
        watches=MemoryAggregates(kinds.WATCHES, clock),
        secrets=MemoryAggregates(kinds.SECRETS, clock),
        reference=Tables(),
    )


@pytest.fixture
async def service(stores: Stores, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Service]:
    await _copy_campaign(stores)
    ids = await click_ids(stores)
    office = Office(stores, lambda: ids, Archive(tmp_path / "archive"), [], clock, "https://go.example")
    servicer = AnalyticsServicer(office)
    add = service_pb2_grpc.add_AnalyticsServiceServicer_to_server
    async with serving(tmp_path, (add, servicer, ACCESS)) as server:
        yield Service(stores, clock, ids, server)


async def _copy_campaign(stores: Stores) -> None:
    campaign = Campaign(
        name="campaigns/spring",
        brand="brands/maison",
        brand_display_name="Maison",
        title="Spring",
        state="RUNNING",
        currency="EUR",
        objective=Objective(Metric.REVENUE, 10_000, START + timedelta(days=40)),
        target=Target(countries=("FR",)),
        start=START,
        end=START + timedelta(days=40),
    )
    await stores.campaigns.change(campaign.name, lambda _: Change(campaign))
    for name, share in ((ANNA, 0.5), (BELA, 0.25)):
        collaboration = Collaboration(
            name=name,
            campaign="campaigns/spring",
            brand="brands/maison",
            creator=f"creators/{name.rpartition('/')[2]}",
            creator_display_name=name.rpartition("/")[2].title(),
            state="PUBLISHED",
            platform="INSTAGRAM",
            followers=10_000,
            audience=Audience(countries=(WeightedCode("FR", share),)),
            gift_value=Money("EUR", 2_000),
            cost=Money("EUR", 2_000),
            accepted=True,
        )
        await stores.collaborations.create_many([(name, Change(collaboration))])
