"""Which event brings what about."""

from google.protobuf.message import Message

from entente.campaign.v1 import events_pb2 as campaign_pb
from entente.messaging.v1 import events_pb2 as messaging_pb
from entente.review.v1 import events_pb2 as review_pb
from entente_campaign.adapters.kinds import EVENTS
from entente_campaign.application import effects, payables, waiting, watching
from entente_campaign.application.commands import contracts
from entente_campaign.application.stores import Stores
from entente_chassis import topics
from entente_chassis.consumer import Incoming, Routes
from entente_chassis.feeds import Keys

CONSUMES = (topics.events("review"), topics.events("messaging"), EVENTS)

Left = campaign_pb.CollaborationWithdrawn | campaign_pb.CollaborationExpired | campaign_pb.CollaborationCancelled

Answered = campaign_pb.CollaborationPreselected | campaign_pb.CollaborationDeclined


def routes(stores: Stores) -> Routes:
    """The handlers, by type of message."""

    async def submission_received(event: Incoming[review_pb.SubmissionReceived]) -> None:
        ref = event.message.ref
        await effects.take_submission(
            stores, ref.collaboration, deliverable=ref.deliverable, version=ref.version, cause=event.cause
        )

    async def changes_requested(event: Incoming[review_pb.ChangesRequested]) -> None:
        ref = event.message.ref
        await effects.take_changes_request(
            stores, ref.collaboration, deliverable=ref.deliverable, version=ref.version, cause=event.cause
        )

    async def submission_approved(event: Incoming[review_pb.SubmissionApproved]) -> None:
        ref = event.message.ref
        await effects.take_approval(
            stores,
            ref.collaboration,
            deliverable=ref.deliverable,
            version=ref.version,
            compliance_percent=event.message.compliance_percent,
            cause=event.cause,
        )

    async def submission_rejected(event: Incoming[review_pb.SubmissionRejected]) -> None:
        ref = event.message.ref
        await effects.take_rejection(
            stores, ref.collaboration, deliverable=ref.deliverable, reason=event.message.reason, cause=event.cause
        )

    async def left(event: Incoming[Left]) -> None:
        # Releasing twice is releasing once, so that campaigns need not remember each collaboration's events.
        if event.message.was_accepted:
            await effects.release_place(stores, event.message.ref.collaboration)
        else:
            await waiting.leave(stores, event.message.ref.collaboration)

    async def answered(event: Incoming[Answered]) -> None:
        await waiting.leave(stores, event.message.ref.collaboration)

    async def waitlisted(event: Incoming[campaign_pb.CollaborationWaitlisted]) -> None:
        await waiting.join(stores, event.message.ref.collaboration)

    async def dispute_resolved(event: Incoming[campaign_pb.DisputeResolved]) -> None:
        await effects.settle_dispute(stores, event.message.ref.collaboration)

    async def campaign_cancelled(event: Incoming[campaign_pb.CampaignCancelled]) -> None:
        await effects.end_with_campaign(stores, event.message.campaign, event.message.reason)

    async def campaign_completed(event: Incoming[campaign_pb.CampaignCompleted]) -> None:
        await effects.close_answers(stores, event.message.campaign)

    return {
        review_pb.SubmissionReceived: submission_received,
        review_pb.ChangesRequested: changes_requested,
        review_pb.SubmissionApproved: submission_approved,
        review_pb.SubmissionRejected: submission_rejected,
        campaign_pb.CollaborationPreselected: answered,
        campaign_pb.CollaborationDeclined: answered,
        campaign_pb.CollaborationWithdrawn: left,
        campaign_pb.CollaborationExpired: left,
        campaign_pb.CollaborationCancelled: left,
        campaign_pb.CollaborationWaitlisted: waitlisted,
        campaign_pb.DisputeResolved: dispute_resolved,
        campaign_pb.CampaignCancelled: campaign_cancelled,
        campaign_pb.CampaignCompleted: campaign_completed,
        **_agreements(stores),
    }


def heard() -> dict[type[Message], Keys]:
    """What concerns those who watch a campaign: every new state of it and of its collaborations."""

    def keys(event: Incoming[Message]) -> list[str]:
        return watching.concerns(event.subject)

    return {campaign_pb.CampaignSnapshot: keys, campaign_pb.CollaborationSnapshot: keys}


def _agreements(stores: Stores) -> Routes:
    """What follows from a contract that is accepted, from what is owed and was paid, and from an erasure."""

    async def payable_created(event: Incoming[campaign_pb.PayableCreated]) -> None:
        await effects.settle_budget(stores, event.message.ref.collaboration)

    async def completed(event: Incoming[campaign_pb.CollaborationCompleted]) -> None:
        # Where no fee is owed, what was sent is spent now.
        await effects.settle_budget(stores, event.message.ref.collaboration)

    async def payable_paid(event: Incoming[campaign_pb.PayablePaid]) -> None:
        await effects.spend(stores, event.message.ref.collaboration)

    async def contract_accepted(event: Incoming[campaign_pb.ContractAccepted]) -> None:
        await contracts.sign(stores, event.message.ref.collaboration)

    async def person_erased(event: Incoming[messaging_pb.PersonErased]) -> None:
        await payables.erase(stores, event.message.person)

    return {
        messaging_pb.PersonErased: person_erased,
        campaign_pb.PayableCreated: payable_created,
        campaign_pb.CollaborationCompleted: completed,
        campaign_pb.PayablePaid: payable_paid,
        campaign_pb.ContractAccepted: contract_accepted,
    }
