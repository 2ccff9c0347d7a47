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
class Campaign:
    """A campaign, as copied."""

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


@dataclass(frozen=True)
class Collaboration:
    """A collaboration, as copied.

    Args:
        cost: what it costs the brand as things stand, which the campaign service decides; None when nothing.
        posts: the addresses of what was published.
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
    posts: tuple[str, ...] = ()
