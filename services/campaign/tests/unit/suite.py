"""The service through gRPC, with everything around it under the test's control."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from entente.campaign.v1 import service_pb2 as pb
from entente.campaign.v1 import service_pb2_grpc
from entente.campaign.v1.service_pb2_grpc import CampaignServiceStub
from entente.type.v1 import type_pb2
from entente_campaign.adapters.kinds import BANK_ACCOUNTS, BRANDS, CAMPAIGNS, COLLABORATIONS, CONTRACTS, EXPORTS, METERS
from entente_campaign.application.stores import Stores
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.words import CreatorSummary, FitReason, Platform
from entente_campaign.entrypoints import events
from entente_campaign.entrypoints.grpc import ACCESS, CampaignServicer
from entente_campaign.entrypoints.operations import register
from entente_chassis.clock import ManualClock
from entente_chassis.feeds import Feed
from entente_chassis.operations import Operations, Work
from entente_chassis.refusal import NotFound, Refusal
from entente_chassis.rpc import Access, Role, to_refusal
from entente_chassis.store.aggregates import Aggregates
from entente_chassis.store.memory import MemoryAggregates
from entente_chassis.store.model import Kind
from entente_chassis.testing import TestServer, incoming, serving
from entente_chassis.timers import Fire, Timers

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
HOLD = timedelta(seconds=30)
BRAND = "brands/lune"
EUR = "EUR"


@dataclass
class FakeScorer:
    """Matching, as a test wants it."""

    away: bool = False
    unknown: set[str] = field(default_factory=set)
    weak: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def score(self, campaign: Campaign, creator: str, platform: Platform | None) -> CreatorSummary | None:
        self.asked.append(creator)
        if creator in self.unknown:
            raise NotFound("CREATOR_UNKNOWN", f"{creator} is not known.")
        if self.away:
            return None
        strong = creator not in self.weak
        audience = FitReason("AUDIENCE_COUNTRY", 4000 if strong else 500, 4000, "12 % of the audience live in FR")
        engagement = FitReason("ENGAGEMENT", 4000 if strong else 2000, 4000, "engagement of 1.1 %")
        content = FitReason("CONTENT_AFFINITY", 0 if strong else 1900, 2000, "beauty")
        score = sum(part.points_hundredths for part in (audience, engagement, content))
        return CreatorSummary(
            creator.upper(),
            platform or Platform.INSTAGRAM,
            12_000,
            score_hundredths=score,
            reasons=(audience, engagement, content),
        )


@dataclass
class Host:
    """What long work needs of a runtime."""

    clock: ManualClock
    timers: list[Timers] = field(default_factory=list)
    served: list[tuple[Callable[[Any, Any], None], object, Access]] = field(default_factory=list)

    def aggregates(self, kind: Kind[Work]) -> Aggregates[Work]:
        return MemoryAggregates(kind, self.clock)

    def timer(self, aggregates: Aggregates[Any], fire: Fire) -> None:
        self.timers.append(Timers(aggregates, fire, self.clock))

    def serve(self, add: Callable[[Any, Any], None], servicer: object, access: Access) -> None:
        self.served.append((add, servicer, access))


@dataclass
class Suite:
    """The service with everything around it under the test's control."""

    server: TestServer
    stores: Stores
    scorer: FakeScorer
    clock: ManualClock
    host: Host
    feed: Feed

    def brand(self, *brands: str) -> CampaignServiceStub:
        return self.server.client_as(
            CampaignServiceStub, Role.BRAND, subject="accounts/lune", brands=brands or (BRAND,)
        )

    def creator(self, id: str = "ana") -> CampaignServiceStub:
        return self.server.client_as(
            CampaignServiceStub, Role.CREATOR, subject=f"accounts/{id}", creators=[f"creators/{id}"]
        )

    async def draft(self, **values: Any) -> pb.Campaign:
        given = {name: value for name, value in (complete() | values).items() if value is not None}
        return await self.brand().CreateCampaign(pb.CreateCampaignRequest(campaign=pb.Campaign(**given)))

    async def open(self, **values: Any) -> pb.Campaign:
        draft = await self.draft(**values)
        return await self.brand().PublishCampaign(pb.PublishCampaignRequest(name=draft.name))

    async def apply(self, campaign: pb.Campaign, *ids: str) -> list[str]:
        return [
            (
                await self.creator(id).ApplyToCampaign(
                    pb.ApplyToCampaignRequest(campaign=campaign.name, creator=f"creators/{id}")
                )
            ).name
            for id in ids
        ]

    async def campaign(self, name: str) -> pb.Campaign:
        return await self.brand().GetCampaign(pb.GetCampaignRequest(name=name))

    def operator(self) -> CampaignServiceStub:
        return self.server.client_as(CampaignServiceStub, Role.OPERATOR, subject="accounts/op")

    async def work(self) -> None:
        """Long work is done."""
        while sum([await timers.fire_due() for timers in self.host.timers]):
            pass

    async def collaboration(self, name: str) -> pb.Collaboration:
        return await self.brand().GetCollaboration(pb.GetCollaborationRequest(name=name))

    async def hear(self, message: Any, *, n: int = 1) -> None:
        """The service consumes an event."""
        handler = events.routes(self.stores)[type(message)]
        await handler(incoming(message, "subjects/test", n=n))


def stamp(moment: datetime) -> Any:
    result = pb.Campaign().create_time
    result.FromDatetime(moment)
    return result


def complete() -> dict[str, Any]:
    return {
        "brand": BRAND,
        "title": "Rituel du soir",
        "mechanic": type_pb2.MECHANIC_PRODUCT_TEST,
        "objective": pb.Objective(
            metric=type_pb2.OBJECTIVE_METRIC_CLICKS, target=500, deadline_time=stamp(NOW + 60 * DAY)
        ),
        "target_audience": type_pb2.TargetAudience(
            countries=["FR"], ages=["25-34"], genders=["FEMALE"], languages=["fr"], interests=["beauty"]
        ),
        "persona": pb.Persona(purchases=["soins bio"]),
        "brief": pb.Brief(
            product_name="Sérum Aurore",
            mandatory_elements=[pb.MandatoryElement(id="routine", description="Montrer la routine")],
            deliverables=[pb.Deliverable(kind=type_pb2.DELIVERABLE_KIND_REEL)],
        ),
        "markets": ["FR"],
        "compensation": pb.Compensation(
            model=type_pb2.COMPENSATION_MODEL_GIFTED,
            gift_value=type_pb2.Money(currency_code=EUR, minor_units=4000),
        ),
        "budget": type_pb2.Money(currency_code=EUR, minor_units=12_000),
        "places": 3,
        "start_time": stamp(NOW + DAY),
        "end_time": stamp(NOW + 60 * DAY),
    }


@asynccontextmanager
async def running(tmp_path: Path) -> AsyncIterator[Suite]:
    """The service on documents in memory."""
    clock, scorer = ManualClock(NOW), FakeScorer()
    stores = Stores(
        brands=MemoryAggregates(BRANDS, clock),
        campaigns=MemoryAggregates(CAMPAIGNS, clock),
        collaborations=MemoryAggregates(COLLABORATIONS, clock),
        contracts=MemoryAggregates(CONTRACTS, clock),
        meters=MemoryAggregates(METERS, clock),
        bank_accounts=MemoryAggregates(BANK_ACCOUNTS, clock),
        exports=MemoryAggregates(EXPORTS, clock),
        clock=clock,
        scorer=scorer,
        reservation_hold=HOLD,
    )
    host = Host(clock)
    feed = Feed(events.heard())
    feed.listening.set()
    operations = Operations(host)
    register(operations, stores)
    add = service_pb2_grpc.add_CampaignServiceServicer_to_server
    async with serving(tmp_path, (add, CampaignServicer(stores, operations, feed), ACCESS), *host.served) as server:
        suite = Suite(server, stores, scorer, clock, host, feed)
        await suite.brand().RegisterBrand(
            pb.RegisterBrandRequest(brand_id="lune", brand=pb.Brand(display_name="Maison Lune"))
        )
        yield suite


async def refused(call: Awaitable[Any]) -> tuple[grpc.StatusCode, Refusal]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), to_refusal(caught.value)
