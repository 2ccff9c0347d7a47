"""Which events somebody is told of, whom, and in which words."""

from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from entente.analytics.v1 import events_pb2 as analytics
from entente.analytics.v1 import service_pb2 as analytics_service
from entente.campaign.v1 import events_pb2 as campaign
from entente.campaign.v1 import service_pb2 as campaign_service
from entente.review.v1 import events_pb2 as review
from entente_chassis import topics
from entente_chassis.consumer import Incoming, Routes
from entente_chassis.protomap import from_proto
from entente_messaging import metrics
from entente_messaging.application.commands import conversations, notifications
from entente_messaging.application.stores import Stores
from entente_messaging.domain.conversations import Collaboration
from entente_messaging.domain.notifications import Telling
from entente_messaging.domain.occasions import Occasion, Party

CONSUMES = (topics.events("campaign"), topics.events("review"), topics.events("analytics"))

BRAND, CREATOR = Party.BRAND, Party.CREATOR
Tell = tuple[Party, Occasion, dict[str, str]]

_REMINDERS = {
    campaign.REMINDER_KIND_APPLICATION_UNANSWERED: Occasion.APPLICATION_UNANSWERED,
    campaign.REMINDER_KIND_RECEIPT_CONFIRMATION: Occasion.CONFIRM_RECEIPT,
    campaign.REMINDER_KIND_PUBLICATION_HALF_TIME: Occasion.PUBLICATION_REMINDER,
    campaign.REMINDER_KIND_PUBLICATION_CLOSE: Occasion.PUBLICATION_REMINDER,
    campaign.REMINDER_KIND_PUBLICATION_DAY: Occasion.PUBLICATION_REMINDER,
}


def routes(stores: Stores) -> Routes:
    """Which handler takes which event."""

    async def tell(event: Incoming[Any], tellings: list[Tell]) -> None:
        about = from_proto(Collaboration, event.message.ref)
        await conversations.open_conversation(stores, about)
        names = {
            "campaign_title": about.campaign_title,
            "brand_name": about.brand_display_name,
            "creator_name": about.creator_display_name,
        }
        for party, occasion, values in tellings:
            telling = Telling(
                party=party,
                occasion=occasion,
                brand=about.brand,
                recipient=about.brand if party is BRAND else about.creator,
                campaign=about.campaign,
                collaboration=about.collaboration,
                values=names | values,
            )
            new = await notifications.tell(stores, telling, about, event.cause)
            metrics.notifications.labels(occasion.value.lower()).inc(new)

    def telling(of: Callable[[Any], list[Tell]]) -> Callable[[Incoming[Any]], Any]:
        async def handle(event: Incoming[Any]) -> None:
            await tell(event, of(event.message))

        return handle

    async def objective_changed(event: Incoming[analytics.ObjectiveStatusChanged]) -> None:
        message = event.message
        if message.status == analytics_service.OBJECTIVE_STATUS_NOT_STARTED:
            return
        status = analytics_service.ObjectiveStatus.Name(message.status).removeprefix("OBJECTIVE_STATUS_")
        progress = str(message.progress_basis_points // 100) if message.HasField("progress_basis_points") else ""
        objective = Telling(
            party=BRAND,
            occasion=Occasion.OBJECTIVE_STATUS,
            brand=message.brand,
            recipient=message.brand,
            campaign=message.campaign,
            values={"campaign_title": message.campaign_title, "status": status, "progress_percent": progress},
        )
        new = await notifications.tell(stores, objective, None, event.cause)
        metrics.notifications.labels(objective.occasion.value.lower()).inc(new)

    tellings: dict[type[Message], Callable[[Any], list[Tell]]] = {
        campaign.CreatorInvited: lambda m: [
            (CREATOR, Occasion.INVITATION, {"comment": m.message, "due_date": _date(m.answer_deadline_time)})
        ],
        campaign.ApplicationReceived: lambda m: [(BRAND, Occasion.APPLICATION_RECEIVED, {})],
        campaign.CollaborationAccepted: _accepted,
        campaign.CollaborationDeclined: _declined,
        campaign.CollaborationWithdrawn: lambda m: [
            (
                CREATOR if m.by == campaign_service.PARTY_BRAND else BRAND,
                Occasion.COLLABORATION_WITHDRAWN,
                {"comment": m.reason},
            )
        ],
        campaign.CollaborationCancelled: lambda m: [(CREATOR, Occasion.COLLABORATION_CANCELLED, {"comment": m.reason})],
        campaign.CollaborationExpired: lambda m: [
            (BRAND, Occasion.COLLABORATION_EXPIRED, {}),
            (CREATOR, Occasion.COLLABORATION_EXPIRED, {}),
        ],
        campaign.CollaborationOverdue: lambda m: [
            (CREATOR, Occasion.COLLABORATION_OVERDUE, {"due_date": _date(m.publication_due_time)})
        ],
        campaign.ShipmentSent: lambda m: [(CREATOR, Occasion.PARCEL_SENT, _parcel(m))],
        campaign.ShipmentReceived: lambda m: [
            (BRAND, Occasion.PARCEL_RECEIVED, {"due_date": _date(m.publication_due_time)})
        ],
        campaign.ShipmentLost: lambda m: [(BRAND, Occasion.PARCEL_LOST, _parcel(m))],
        campaign.ContentPublished: lambda m: [(BRAND, Occasion.CONTENT_PUBLISHED, {"url": m.post.url})],
        campaign.CollaborationCompleted: lambda m: [(CREATOR, Occasion.THANK_YOU, {})],
        campaign.ReminderDue: _reminded,
        review.SubmissionReceived: lambda m: [
            (
                BRAND,
                Occasion.SUBMISSION_RECEIVED,
                {"compliance_percent": str(m.compliance_percent), "due_date": _date(m.target_time)},
            )
        ],
        review.ReviewReminderDue: lambda m: [
            (BRAND, Occasion.REVIEW_REMINDER, {"due_date": _date(m.auto_approval_time)})
        ],
        review.ChangesRequested: lambda m: [
            (
                CREATOR,
                Occasion.CHANGES_REQUESTED,
                {"comment": m.comment, "feedback": "\n".join(f"- {entry.comment}" for entry in m.feedback)},
            )
        ],
        review.SubmissionApproved: _approved,
        review.SubmissionRejected: lambda m: [(CREATOR, Occasion.SUBMISSION_REJECTED, {"comment": m.reason})],
    }
    handlers: dict[type[Message], Any] = {message: telling(of) for message, of in tellings.items()}
    return {**handlers, analytics.ObjectiveStatusChanged: objective_changed}


def _accepted(message: campaign.CollaborationAccepted) -> list[Tell]:
    if message.by == campaign_service.PARTY_CREATOR:
        return [(BRAND, Occasion.INVITATION_ACCEPTED, {})]
    return [(CREATOR, Occasion.APPLICATION_ACCEPTED, {"comment": message.comment})]


def _declined(message: campaign.CollaborationDeclined) -> list[Tell]:
    if message.by == campaign_service.PARTY_CREATOR:
        return [(BRAND, Occasion.INVITATION_DECLINED, {"comment": message.comment})]
    reasons = [campaign_service.DeclineReason.Name(reason) for reason in message.reasons]
    codes = ",".join(reason.removeprefix("DECLINE_REASON_") for reason in reasons)
    return [(CREATOR, Occasion.APPLICATION_DECLINED, {"comment": message.comment, "reasons": codes})]


def _reminded(message: campaign.ReminderDue) -> list[Tell]:
    # A kind that a newer campaign service knows and this one does not is nobody's reminder here.
    occasion = _REMINDERS.get(message.kind)
    if occasion is None:
        return []
    party = BRAND if message.audience == campaign_service.PARTY_BRAND else CREATOR
    return [(party, occasion, {"due_date": _date(message.due_time)})]


def _approved(message: review.SubmissionApproved) -> list[Tell]:
    values = {"compliance_percent": str(message.compliance_percent)}
    if message.automatic:
        return [(side, Occasion.SUBMISSION_AUTO_APPROVED, values) for side in (CREATOR, BRAND)]
    return [(CREATOR, Occasion.SUBMISSION_APPROVED, values | {"comment": message.comment})]


def _parcel(message: campaign.ShipmentSent | campaign.ShipmentLost) -> dict[str, str]:
    return {"carrier": message.shipment.carrier, "tracking_number": message.shipment.tracking_number}


def _date(moment: Timestamp) -> str:
    return moment.ToJsonString() if moment.seconds else ""
