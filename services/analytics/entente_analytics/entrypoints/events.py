"""What the service hears: the campaigns and collaborations that it copies, and its own stream of clicks."""

from entente.analytics.v1.events_pb2 import LinkClicked
from entente.campaign.v1.events_pb2 import CampaignSnapshot, CollaborationSnapshot
from entente_analytics.adapters.copies import campaign_of, clicks_of, collaboration_of
from entente_analytics.application import commands
from entente_analytics.application.redirect import LinkBook
from entente_analytics.application.stores import Stores
from entente_analytics.metrics import clicks_counted
from entente_chassis.clock import Clock
from entente_chassis.consumer import Incoming, Routes


def routes(stores: Stores, book: LinkBook, clock: Clock) -> Routes:
    """Message type -> handler."""

    async def copy_campaign(event: Incoming[CampaignSnapshot]) -> None:
        await commands.copy_campaign(stores, campaign_of(event.message), event.cause, clock.now())

    async def copy_collaboration(event: Incoming[CollaborationSnapshot]) -> None:
        await commands.copy_collaboration(stores, collaboration_of(event.message), event.cause, clock.now())

    async def count_clicks(event: Incoming[LinkClicked]) -> None:
        link = await book.find(event.message.link.removeprefix("trackedLinks/"))
        if link is None:
            # Only after a restore of the database from before the link: a count, and not a refusal for each of many.
            clicks_counted.labels("unknown_link").inc(len(event.message.clicks))
            return
        clicks = clicks_of(event.message)
        new = await commands.count(stores, link, clicks, clock.now())
        clicks_counted.labels("counted" if new else "known").inc(len(clicks))

    return {CampaignSnapshot: copy_campaign, CollaborationSnapshot: copy_collaboration, LinkClicked: count_clicks}
