"""What the use cases work on, handed in by the bootstrap."""

from dataclasses import dataclass

from entente_chassis.clock import Clock
from entente_chassis.store import Aggregates
from entente_review.domain.copies import CampaignCopy, CollaborationCopy
from entente_review.domain.disclosure import RuleSet
from entente_review.domain.review import Review, Terms


@dataclass(frozen=True)
class Desk:
    """The reviews, the copies that they are checked against, the rules, and the time."""

    reviews: Aggregates[Review]
    campaigns: Aggregates[CampaignCopy]
    collaborations: Aggregates[CollaborationCopy]
    rules: RuleSet
    terms: Terms
    clock: Clock
    wait_seconds: float
    """How long, in real time, a submission waits for a copy that is on its way."""
