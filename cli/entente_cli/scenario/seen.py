"""What a run came to, asked from the services."""

from entente.analytics.v1 import service_pb2 as an
from entente.campaign.v1 import service_pb2 as ca
from entente.messaging.v1 import service_pb2 as me
from entente.review.v1 import service_pb2 as re
from entente_cli.output import word
from entente_cli.patience import answered
from entente_cli.scenario.stage import Stage
from entente_cli.session import all_pages, creator

_REMINDERS = {
    me.OCCASION_APPLICATION_UNANSWERED,
    me.OCCASION_CONFIRM_RECEIPT,
    me.OCCASION_PUBLICATION_REMINDER,
    me.OCCASION_REVIEW_REMINDER,
}


async def collaborations(stage: Stage) -> list[ca.Collaboration]:
    """All collaborations of the campaign."""

    async def page(token: str) -> ca.ListCollaborationsResponse:
        request = ca.ListCollaborationsRequest(parent=stage.campaign, page_size=500, page_token=token)
        return await stage.session.campaign.ListCollaborations(request)

    return await answered(lambda: all_pages(page, lambda page: page.collaborations))


async def submissions(stage: Stage) -> list[re.Submission]:
    """All versions of all content."""

    async def page(token: str) -> re.ListSubmissionsResponse:
        request = re.ListSubmissionsRequest(campaign=stage.campaign, page_size=500, page_token=token)
        return await stage.session.review.ListSubmissions(request)

    return await answered(lambda: all_pages(page, lambda page: page.submissions))


async def notifications(stage: Stage) -> list[tuple[str, str, str]]:
    """Who was told of what, and how far the mail came: recipient, occasion, state.

    A reminder's mail may be needless by its time, and be left out: that depends on how quickly others act.
    """
    return [
        (told.recipient, word(me.Occasion, told.occasion), _mailed(told))
        for recipient in [stage.brand_name, *stage.cast.everybody]
        for told in await notifications_of(stage, recipient)
    ]


def _mailed(told: me.Notification) -> str:
    return "" if told.category == me.CATEGORY_REMINDER else word(me.MailState, told.mail_state)


async def reminder_count(stage: Stage) -> int:
    """Reminders that arrived, of all four kinds."""
    told = [n for name in [stage.brand_name, *stage.cast.everybody] for n in await notifications_of(stage, name)]
    return sum(notification.occasion in _REMINDERS for notification in told)


async def message_count(stage: Stage) -> int:
    """Messages in the conversations of the brand: those that people wrote and those from templates."""
    as_brand = stage.session.acting_for(stage.brand)

    async def conversations(token: str) -> me.ListConversationsResponse:
        request = me.ListConversationsRequest(
            participant=stage.brand_name, campaign=stage.campaign, page_size=500, page_token=token
        )
        return await stage.session.messaging.ListConversations(request, metadata=as_brand)

    count = 0
    for found in await answered(lambda: all_pages(conversations, lambda page: page.conversations)):

        async def messages(token: str, parent: str = found.name) -> me.ListMessagesResponse:
            request = me.ListMessagesRequest(parent=parent, page_size=500, page_token=token)
            return await stage.session.messaging.ListMessages(request, metadata=as_brand)

        count += len(await answered(lambda m=messages: all_pages(m, lambda page: page.messages)))  # type: ignore[misc]
    return count


async def objective(stage: Stage) -> an.ObjectiveProgress:
    """How far the objective is."""
    request = an.GetObjectiveProgressRequest(campaign=stage.campaign)
    return await answered(lambda: stage.session.analytics.GetObjectiveProgress(request))


async def report(stage: Stage) -> an.CampaignReport:
    """The end report."""
    request = an.GetCampaignReportRequest(campaign=stage.campaign)
    return await answered(lambda: stage.session.analytics.GetCampaignReport(request))


async def conversions(stage: Stage) -> list[an.Conversion]:
    """The orders as analytics holds them."""
    explain = stage.session.analytics.ExplainAttribution
    requests = [an.ExplainAttributionRequest(name=name) for name in stage.outcome.orders]
    return [(await answered(lambda r=r: explain(r))).conversion for r in requests]  # type: ignore[misc]


async def notifications_of(stage: Stage, recipient: str) -> list[me.Notification]:
    who = stage.brand if recipient == stage.brand_name else creator(recipient)

    async def page(token: str) -> me.ListNotificationsResponse:
        request = me.ListNotificationsRequest(
            recipient=recipient, campaign=stage.campaign, page_size=500, page_token=token
        )
        return await stage.session.messaging.ListNotifications(request, metadata=stage.session.acting_for(who))

    return await answered(lambda: all_pages(page, lambda page: page.notifications))
