"""How each kind of aggregate is kept, and which of its events and states are told."""

from entente_campaign.adapters.events import campaign_snapshot, collaboration_snapshot, to_message
from entente_campaign.domain import campaigns, collaborations
from entente_campaign.domain.brands import Brand
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.collaborations import Collaboration
from entente_chassis import topics
from entente_chassis.store import Kind

EVENTS = topics.events("campaign")
CAMPAIGN_SNAPSHOTS = topics.snapshots("campaign", "campaigns")
COLLABORATION_SNAPSHOTS = topics.snapshots("campaign", "collaborations")

BRANDS = Kind("brands", Brand, topic=EVENTS, to_message=to_message)
CAMPAIGNS = Kind(
    "campaigns",
    Campaign,
    topic=EVENTS,
    to_message=to_message,
    snapshot_topic=CAMPAIGN_SNAPSHOTS,
    snapshot=campaign_snapshot,
    due_at=campaigns.next_due,
    indexes=[("brand",), ("state",)],
)
COLLABORATIONS = Kind(
    "collaborations",
    Collaboration,
    topic=EVENTS,
    to_message=to_message,
    snapshot_topic=COLLABORATION_SNAPSHOTS,
    snapshot=collaboration_snapshot,
    due_at=collaborations.next_due,
    indexes=[
        ("campaign", "state"),
        ("campaign", "update_time"),
        ("creator",),
        ("brand",),
        ("campaign", "payable.due_time"),
        ("brand", "payable.due_time"),
    ],
)
