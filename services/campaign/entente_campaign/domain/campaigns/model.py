"""What a campaign holds."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from entente_campaign.domain.places import Place
from entente_campaign.domain.waiting import Waiting
from entente_campaign.domain.words import (
    CompensationModel,
    DeliverableKind,
    FeeStep,
    Mechanic,
    Metric,
    Platform,
    TargetAudience,
    Timeline,
)
from entente_chassis.money import Money


class CampaignState(StrEnum):
    """Where a campaign stands."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    ARCHIVED = "ARCHIVED"


_S = CampaignState
OPEN = frozenset({_S.PUBLISHED, _S.RUNNING})


@dataclass(frozen=True)
class Objective:
    """What a campaign is to achieve. Each part may be missing in a draft."""

    metric: Metric | None = None
    target: int = 0
    deadline_time: datetime | None = None


@dataclass(frozen=True)
class Persona:
    """The person whom a campaign has in mind."""

    description: str = ""
    purchases: tuple[str, ...] = ()


@dataclass(frozen=True)
class MandatoryElement:
    """Something that the content must show or say."""

    id: str
    description: str
    accepted_terms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deliverable:
    """Content that is asked for."""

    kind: DeliverableKind
    quantity: int = 1
    platform: Platform | None = None


@dataclass(frozen=True)
class Brief:
    """What the brand wants."""

    product_name: str = ""
    product_description: str = ""
    product_url: str = ""
    message: str = ""
    mandatory_elements: tuple[MandatoryElement, ...] = ()
    hashtags: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    forbidden_terms: tuple[str, ...] = ()
    competitors: tuple[str, ...] = ()
    deliverables: tuple[Deliverable, ...] = ()
    languages: tuple[str, ...] = ()
    required_link: str = ""
    promo_code: str = ""


@dataclass(frozen=True)
class Compensation:
    """How each creator is rewarded."""

    model: CompensationModel | None = None
    fee: Money | None = None
    gift_value: Money | None = None
    shipping_cost: Money | None = None
    commission_basis_points: int = 0
    scale_fee_with_compliance: bool = False
    fee_steps: tuple[FeeStep, ...] = ()

    @property
    def amounts(self) -> dict[str, Money]:
        """The amounts that are given, by field."""
        named = {"fee": self.fee, "gift_value": self.gift_value, "shipping_cost": self.shipping_cost}
        return {name: amount for name, amount in named.items() if amount is not None}


@dataclass(frozen=True)
class Campaign:
    """A campaign of a brand."""

    name: str
    brand: str
    brand_display_name: str
    title: str
    create_time: datetime
    update_time: datetime
    state: CampaignState = CampaignState.DRAFT
    mechanic: Mechanic | None = None
    objective: Objective | None = None
    target_audience: TargetAudience | None = None
    persona: Persona | None = None
    brief: Brief | None = None
    brief_revision: int = 0
    markets: tuple[str, ...] = ()
    platforms: tuple[Platform, ...] = ()
    compensation: Compensation | None = None
    budget: Money | None = None
    places: int = 0
    application_deadline_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    timeline: Timeline = field(default_factory=Timeline)
    contract_required: bool = False
    cloned_from: str = ""
    released: Money | None = None
    publish_time: datetime | None = None
    started: bool = False
    held: dict[str, Place] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)

    @property
    def answer_deadline_time(self) -> datetime:
        """Until when one can apply or answer."""
        deadline = self.application_deadline_time or self.end_time
        assert deadline is not None, "a published campaign has an end"
        return deadline

    @property
    def is_visible_to_creators(self) -> bool:
        """Whether creators may know of it."""
        return self.publish_time is not None
