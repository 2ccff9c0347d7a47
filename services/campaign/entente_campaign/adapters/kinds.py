"""How each kind of aggregate is kept, and which of its events and states are told."""

from entente_campaign.adapters.events import campaign_snapshot, collaboration_snapshot, to_message
from entente_campaign.domain import campaigns, collaborations, exports
from entente_campaign.domain.bank_accounts import BankAccount
from entente_campaign.domain.brands import Brand
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.collaborations import Collaboration
from entente_campaign.domain.contracts import Contract
from entente_campaign.domain.exports import Export
from entente_campaign.domain.meter import Meter
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
CONTRACTS = Kind("contracts", Contract, topic=EVENTS, to_message=to_message)
METERS = Kind("meters", Meter)
# Bank accounts have no topic: nothing of them leaves the service but in the file that goes to the bank.
BANK_ACCOUNTS = Kind("bank_accounts", BankAccount)
EXPORTS = Kind("payable_exports", Export, due_at=exports.next_due, indexes=[("brand",)])
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
