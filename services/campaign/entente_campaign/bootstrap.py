"""Puts the service together."""

from datetime import timedelta

from entente.campaign.v1.service_pb2_grpc import add_CampaignServiceServicer_to_server
from entente.matching.v1.service_pb2_grpc import MatchingServiceStub
from entente_campaign.adapters.kinds import (
    BANK_ACCOUNTS,
    BRANDS,
    CAMPAIGN_SNAPSHOTS,
    CAMPAIGNS,
    COLLABORATION_SNAPSHOTS,
    COLLABORATIONS,
    CONTRACTS,
    EXPORTS,
    METERS,
)
from entente_campaign.adapters.matching import MatchingScorer
from entente_campaign.application.ports import Scorer
from entente_campaign.application.stores import Stores
from entente_campaign.entrypoints import events, timers
from entente_campaign.entrypoints.grpc import ACCESS, CampaignServicer
from entente_campaign.entrypoints.operations import register
from entente_campaign.settings import Settings
from entente_chassis.clock import Clock
from entente_chassis.operations import Operations
from entente_chassis.runtime import Runtime


def build(
    settings: Settings, *, service: str = "campaign", clock: Clock | None = None, scorer: Scorer | None = None
) -> Runtime:
    """The service's process.

    Args:
        settings: from the environment.
        service: its name, which is its consumer group; another one in tests that run beside others.
        clock: the domain's clock; from the settings without one.
        scorer: whom to ask about creators; matching without one.
    """
    runtime = Runtime(service, settings, clock=clock)
    stores = Stores(
        brands=runtime.aggregates(BRANDS),
        campaigns=runtime.aggregates(CAMPAIGNS),
        collaborations=runtime.aggregates(COLLABORATIONS),
        contracts=runtime.aggregates(CONTRACTS),
        meters=runtime.aggregates(METERS),
        bank_accounts=runtime.aggregates(BANK_ACCOUNTS),
        exports=runtime.aggregates(EXPORTS),
        clock=runtime.clock,
        scorer=scorer
        or MatchingScorer(
            runtime.client(MatchingServiceStub, settings.matching_address), settings.score_deadline_seconds
        ),
        # Domain time: under a scaled clock a reservation must still outlive the command that made it.
        reservation_hold=timedelta(seconds=settings.reservation_seconds * settings.clock_scale),
    )
    operations = Operations(runtime)
    register(operations, stores)
    feed = runtime.feed([CAMPAIGN_SNAPSHOTS, COLLABORATION_SNAPSHOTS], events.heard())
    runtime.serve(add_CampaignServiceServicer_to_server, CampaignServicer(stores, operations, feed), ACCESS)
    runtime.consume(events.CONSUMES, events.routes(stores))
    runtime.timer(stores.campaigns, timers.campaign_clock(stores))
    runtime.timer(stores.collaborations, timers.collaboration_clock(stores))
    runtime.timer(stores.exports, timers.export_clock(stores))
    return runtime
