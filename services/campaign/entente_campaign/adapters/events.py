"""Domain events and states as public events. Events are named as their messages are, and mapped by field."""

from google.protobuf.message import Message

from entente.campaign.v1 import events_pb2 as pb
from entente_campaign.domain import brands, campaigns, contracts, events
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.collaborations import Collaboration
from entente_chassis.protomap import to_proto

PUBLISHES: dict[type, type[Message]] = {
    brands.BrandRegistered: pb.BrandRegistered,
    brands.AgencyGranted: pb.AgencyGranted,
    brands.AgencyRevoked: pb.AgencyRevoked,
    campaigns.CampaignChanged: pb.CampaignChanged,
    campaigns.CampaignArchived: pb.CampaignArchived,
    contracts.ContractOffered: pb.ContractOffered,
    contracts.ContractAccepted: pb.ContractAccepted,
    events.CollaborationContinued: pb.CollaborationContinued,
    events.PayablePaid: pb.PayablePaid,
    campaigns.CampaignPublished: pb.CampaignPublished,
    campaigns.CampaignStarted: pb.CampaignStarted,
    campaigns.CampaignPaused: pb.CampaignPaused,
    campaigns.CampaignResumed: pb.CampaignResumed,
    campaigns.CampaignCancelled: pb.CampaignCancelled,
    campaigns.CampaignCompleted: pb.CampaignCompleted,
    events.CreatorInvited: pb.CreatorInvited,
    events.ApplicationReceived: pb.ApplicationReceived,
    events.CollaborationPreselected: pb.CollaborationPreselected,
    events.CollaborationWaitlisted: pb.CollaborationWaitlisted,
    events.PlaceOffered: pb.PlaceOffered,
    events.CollaborationAccepted: pb.CollaborationAccepted,
    events.CollaborationDeclined: pb.CollaborationDeclined,
    events.CollaborationWithdrawn: pb.CollaborationWithdrawn,
    events.CollaborationExpired: pb.CollaborationExpired,
    events.CollaborationOverdue: pb.CollaborationOverdue,
    events.CollaborationCancelled: pb.CollaborationCancelled,
    events.DisputeOpened: pb.DisputeOpened,
    events.DisputeResolved: pb.DisputeResolved,
    events.CollaborationCompleted: pb.CollaborationCompleted,
    events.CollaborationRated: pb.CollaborationRated,
    events.ShipmentSent: pb.ShipmentSent,
    events.ShipmentReceived: pb.ShipmentReceived,
    events.ShipmentLost: pb.ShipmentLost,
    events.ContentPublished: pb.ContentPublished,
    events.ReminderDue: pb.ReminderDue,
    events.PayableCreated: pb.PayableCreated,
}


def to_message(event: object) -> Message:
    """The public event of a domain event."""
    return to_proto(PUBLISHES[type(event)], event)


def campaign_snapshot(name: str, campaign: Campaign) -> Message:
    """The full state of a campaign, as others copy it."""
    return to_proto(pb.CampaignSnapshot, vars(campaign) | {"campaign": name})


def collaboration_snapshot(name: str, collaboration: Collaboration) -> Message:
    """The full state of a collaboration, as others copy it."""
    shipment, payable, fit = collaboration.shipment, collaboration.payable, collaboration.fit
    return to_proto(
        pb.CollaborationSnapshot,
        vars(collaboration)
        | {
            "ref": collaboration.ref,
            "fit_score_hundredths": fit.score_hundredths if fit else None,
            "cost": collaboration.cost,
            "send_time": shipment.send_time if shipment else None,
            "receive_time": shipment.receive_time if shipment else None,
            "compliance_percent": collaboration.compliance_percent,
            "payable": payable.amount if payable else None,
        },
    )
