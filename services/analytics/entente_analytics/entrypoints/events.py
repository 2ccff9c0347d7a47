"""What the service hears: the campaigns and collaborations that it copies."""

from entente.campaign.v1.events_pb2 import CampaignSnapshot, CollaborationSnapshot
from entente_analytics.adapters.copies import campaign_of, collaboration_of
from entente_analytics.application.commands import objectives
from entente_analytics.application.stores import Stores
from entente_chassis import topics
from entente_chassis.clock import Clock
from entente_chassis.consumer import Incoming, Routes

CONSUMES = (topics.snapshots("campaign", "campaigns"), topics.snapshots("campaign", "collaborations"))


def routes(stores: Stores, clock: Clock) -> Routes:
    """Message type -> handler."""

    async def copy_campaign(event: Incoming[CampaignSnapshot]) -> None:
        await objectives.copy_campaign(stores, campaign_of(event.message), event.cause, clock.now())

    async def copy_collaboration(event: Incoming[CollaborationSnapshot]) -> None:
        await objectives.copy_collaboration(stores, collaboration_of(event.message), event.cause, clock.now())

    return {CampaignSnapshot: copy_campaign, CollaborationSnapshot: copy_collaboration}
