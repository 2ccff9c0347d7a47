"""The words that campaigns and collaborations share."""

from dataclasses import dataclass
from enum import StrEnum


class Platform(StrEnum):
    """Where a creator has an account."""

    INSTAGRAM = "INSTAGRAM"
    TIKTOK = "TIKTOK"
    YOUTUBE = "YOUTUBE"
    FACEBOOK = "FACEBOOK"
    TWITCH = "TWITCH"
    PINTEREST = "PINTEREST"
    LINKEDIN = "LINKEDIN"
    X = "X"


class Mechanic(StrEnum):
    """What creators take part in."""

    PRODUCT_TEST = "PRODUCT_TEST"
    SPONSORED_POST = "SPONSORED_POST"
    UGC = "UGC"
    AFFILIATION = "AFFILIATION"
    GIVEAWAY = "GIVEAWAY"
    EVENT = "EVENT"
    AMBASSADOR = "AMBASSADOR"


class CompensationModel(StrEnum):
    """How a creator is rewarded."""

    GIFTED = "GIFTED"
    FIXED_FEE = "FIXED_FEE"
    COMMISSION = "COMMISSION"
    HYBRID = "HYBRID"


class DeliverableKind(StrEnum):
    """What kind of content is asked for."""

    POST = "POST"
    STORY = "STORY"
    REEL = "REEL"
    VIDEO = "VIDEO"
    LIVE = "LIVE"
    ARTICLE = "ARTICLE"
    GIVEAWAY = "GIVEAWAY"
    EVENT = "EVENT"


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


class Party(StrEnum):
    """A side of a collaboration, or the clock."""

    BRAND = "BRAND"
    CREATOR = "CREATOR"
    OPERATOR = "OPERATOR"
    SYSTEM = "SYSTEM"


class DeclineReason(StrEnum):
    """Why something was declined, in a word."""

    AUDIENCE = "AUDIENCE"
    ENGAGEMENT = "ENGAGEMENT"
    CONTENT = "CONTENT"
    PRICE = "PRICE"
    AVAILABILITY = "AVAILABILITY"
    COMPETITOR = "COMPETITOR"
    FULL = "FULL"
    OTHER = "OTHER"


@dataclass(frozen=True)
class Actor:
    """Who does something, and for which side."""

    subject: str
    party: Party


@dataclass(frozen=True)
class WeightedCode:
    """A code and the share of the audience that has it; without a share it is only known to be the largest."""

    code: str
    weight: float | None = None


@dataclass(frozen=True)
class Audience:
    """Who follows a creator. An empty list is not known; it does not mean nobody."""

    countries: tuple[WeightedCode, ...] = ()
    ages: tuple[WeightedCode, ...] = ()
    genders: tuple[WeightedCode, ...] = ()
    languages: tuple[WeightedCode, ...] = ()
    devices: tuple[WeightedCode, ...] = ()
    active_share: float | None = None
    types: tuple[WeightedCode, ...] = ()


@dataclass(frozen=True)
class TargetAudience:
    """Whom a campaign wants to reach. An empty list does not restrict."""

    countries: tuple[str, ...] = ()
    ages: tuple[str, ...] = ()
    genders: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    interests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Timeline:
    """Deadlines of a campaign, in days; 0 means the default."""

    application_reminder_days: int = 0
    receipt_reminder_days: int = 0
    publication_days: int = 0
    grace_days: int = 0
    payment_days: int = 0


@dataclass(frozen=True)
class Deadlines:
    """The deadlines that hold, in days, defaults filled in."""

    application_reminder: int
    receipt_reminder: int
    publication: int
    grace: int
    payment: int


def deadlines(timeline: Timeline, platform: Platform | None) -> Deadlines:
    """The deadlines of a campaign on a platform. Long videos take longer."""
    return Deadlines(
        application_reminder=timeline.application_reminder_days or 2,
        receipt_reminder=timeline.receipt_reminder_days or 7,
        publication=timeline.publication_days or (35 if platform is Platform.YOUTUBE else 28),
        grace=timeline.grace_days or 7,
        payment=timeline.payment_days or 30,
    )


@dataclass(frozen=True)
class FitReason:
    """One part of a fit."""

    factor: str
    points_hundredths: int
    max_points_hundredths: int
    evidence: str = ""


@dataclass(frozen=True)
class CreatorSummary:
    """What matching says of a creator: who it is, and how well it fits."""

    display_name: str
    platform: Platform | None = None
    followers: int | None = None
    audience: Audience | None = None
    score_hundredths: int | None = None
    reasons: tuple[FitReason, ...] = ()
    formula_version: str = ""
