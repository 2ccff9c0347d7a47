"""What a contract says."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from entente_campaign.domain.campaigns import Deliverable
from entente_chassis.money import Money


class DisputeForum(StrEnum):
    """How a disagreement is settled."""

    MEDIATION = "MEDIATION"
    ARBITRATION = "ARBITRATION"
    COURTS = "COURTS"


@dataclass(frozen=True)
class UsageRight:
    """A right to use the content. No territory means worldwide."""

    media: str
    territories: tuple[str, ...] = ()
    duration_days: int = 0
    exclusive: bool = False


@dataclass(frozen=True)
class Clauses:
    """The clauses. What is None or empty is as the collaboration's terms, or is not agreed on."""

    language: str
    fee: Money | None = None
    travel_costs: Money | None = None
    payment_days: int = 0
    deliverables: tuple[Deliverable, ...] = ()
    start_time: datetime | None = None
    end_time: datetime | None = None
    usage_rights: tuple[UsageRight, ...] = ()
    confidentiality_days: int = 0
    non_compete_days: int = 0
    competitors: tuple[str, ...] = ()
    dispute_forum: DisputeForum | None = None
    governing_law: str = ""
    special_terms: str = ""
