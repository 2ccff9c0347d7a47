"""Copies of what the campaign service tells: just what the figures need of a campaign and its collaborations."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from entente_analytics.domain.audience import Audience, Target
from entente_chassis.money import Money


class Metric(StrEnum):
    """The measure of an objective."""

    REACH_IN_TARGET = "REACH_IN_TARGET"
    REACH = "REACH"
    ENGAGEMENT_RATE = "ENGAGEMENT_RATE"
    CLICKS = "CLICKS"
    CONVERSIONS = "CONVERSIONS"
    REVENUE = "REVENUE"
    ROI = "ROI"
    MENTIONS = "MENTIONS"
    VIEWS = "VIEWS"


@dataclass(frozen=True)
class Objective:
    """A metric with its target and deadline."""

    metric: Metric
    target: int
    deadline: datetime


@dataclass(frozen=True)
class PublishedPost:
    """A post that was published, as copied.

    Args:
        deliverable: which deliverable it is; "" when not said.
    """

    url: str
    deliverable: str = ""
    published_at: datetime | None = None


@dataclass(frozen=True)
class Campaign:
    """A campaign, as copied.

    Args:
        mechanic: what creators take part in; "" when not said.
        compensation: how they are rewarded, unless agreed otherwise; "" when not said.
    """

    name: str
    brand: str
    brand_display_name: str
    title: str
    state: str
    currency: str
    objective: Objective | None
    target: Target
    start: datetime | None
    end: datetime | None
    mechanic: str = ""
    compensation: str = ""


@dataclass(frozen=True)
class Collaboration:
    """A collaboration, as copied.

    Args:
        cost: what it costs the brand as things stand, which the campaign service decides; None when nothing.
        posts: what was published.
        commission_basis_points: its share of the revenue that it brings.
    """

    name: str
    campaign: str
    brand: str
    creator: str
    creator_display_name: str
    state: str
    platform: str
    followers: int | None = None
    audience: Audience = field(default_factory=Audience)
    fee: Money | None = None
    gift_value: Money | None = None
    shipping_cost: Money | None = None
    cost: Money | None = None
    accepted: bool = False
    sent: bool = False
    received: bool = False
    posts: tuple[PublishedPost, ...] = ()
    commission_basis_points: int = 0

    @property
    def compensation(self) -> str:
        """How this creator is rewarded, by what was agreed."""
        if self.commission_basis_points:
            return "HYBRID" if self.fee and self.fee.minor_units else "COMMISSION"
        return "FIXED_FEE" if self.fee and self.fee.minor_units else "GIFTED"
