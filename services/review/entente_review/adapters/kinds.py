"""How review's aggregates and copies are kept."""

from entente_chassis import topics
from entente_chassis.store import Kind
from entente_review.adapters.events import to_message
from entente_review.domain.copies import CampaignCopy, CollaborationCopy
from entente_review.domain.review import Review, due_at

EVENTS = topics.events("review")
CAMPAIGN_SNAPSHOTS = topics.snapshots("campaign", "campaigns")
COLLABORATION_SNAPSHOTS = topics.snapshots("campaign", "collaborations")

REVIEWS = Kind(
    collection="reviews",
    state_type=Review,
    topic=EVENTS,
    to_message=to_message,
    due_at=due_at,
    indexes=(("subject.campaign",), ("subject.collaboration",), ("subject.brand", "states"), ("subject.creator",)),
)
CAMPAIGNS = Kind(collection="campaigns", state_type=CampaignCopy)
COLLABORATIONS = Kind(collection="collaborations", state_type=CollaborationCopy)
