"""What matching does when something has happened elsewhere: it keeps what came back from collaborations."""

from entente.campaign.v1 import events_pb2 as campaign
from entente.messaging.v1 import events_pb2 as messaging
from entente_chassis import topics
from entente_chassis.consumer import Incoming, Routes
from entente_matching import metrics
from entente_matching.application.commands import Commands

CONSUMES = (topics.events("campaign"), topics.events("messaging"))


def routes(commands: Commands) -> Routes:
    """Which event is handled by what."""

    async def completed(event: Incoming[campaign.CollaborationCompleted]) -> None:
        message = event.message
        new = await commands.collaboration_completed(
            message.ref.collaboration,
            message.ref.creator,
            event.cause,
            brand=message.ref.brand,
            on_time=message.on_time if message.HasField("publication_due_time") else None,
            compliance=message.compliance_percent / 100 if message.HasField("compliance_percent") else None,
        )
        metrics.feedback.labels("completed").inc(new)

    async def rated(event: Incoming[campaign.CollaborationRated]) -> None:
        message = event.message
        ratings = {field.name.upper(): stars for field, stars in message.ratings.ListFields()}
        new = await commands.collaboration_rated(
            message.ref.collaboration, message.ref.creator, event.cause, ratings, brand=message.ref.brand
        )
        metrics.feedback.labels("rated").inc(new)

    async def replied(event: Incoming[messaging.ReplyTimeMeasured]) -> None:
        message = event.message
        new = await commands.reply_measured(message.collaboration, message.creator, event.cause, message.seconds)
        metrics.feedback.labels("replied").inc(new)

    return {
        campaign.CollaborationCompleted: completed,
        campaign.CollaborationRated: rated,
        messaging.ReplyTimeMeasured: replied,
    }
