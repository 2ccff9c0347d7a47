"""What the use cases on brands' own lists are given."""

from dataclasses import dataclass

from entente_chassis.clock import Clock
from entente_chassis.store import Aggregates
from entente_matching.domain.creators import Creator
from entente_matching.domain.feedback import Feedback
from entente_matching.domain.relations import Relation
from entente_matching.domain.shortlists import Shortlist


@dataclass(frozen=True)
class Stores:
    """Where things are kept, and the domain's clock."""

    creators: Aggregates[Creator]
    feedback: Aggregates[Feedback]
    shortlists: Aggregates[Shortlist]
    relations: Aggregates[Relation]
    clock: Clock
