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
class FeeStep:
    """From this compliance on this share of the fee is paid, both in percent."""

    compliance_percent: int
    fee_percent: int


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
    min_share: float | None = None


@dataclass(frozen=True)
class Timeline:
    """Deadlines of a campaign, in days; 0 and "" mean the default.

    Args:
        half_time_percent: of the time to publish, when the first reminder comes.
        close_percent: of it, when the second comes.
        time_zone: of the IANA database; that of the first market by default.
        any_day_reminders: remind at the exact moment and not on business days at civil hours.
    """

    application_reminder_days: int = 0
    receipt_reminder_days: int = 0
    publication_days: int = 0
    grace_days: int = 0
    payment_days: int = 0
    invitation_reminder_days: int = 0
    offer_days: int = 0
    contract_reminder_days: int = 0
    contract_days: int = 0
    shipment_reminder_days: int = 0
    completion_reminder_days: int = 0
    dispute_reminder_days: int = 0
    half_time_percent: int = 0
    close_percent: int = 0
    time_zone: str = ""
    any_day_reminders: bool = False


@dataclass(frozen=True)
class Deadlines:
    """The deadlines that hold, in days and percent, defaults filled in."""

    application_reminder: int
    receipt_reminder: int
    publication: int
    grace: int
    payment: int
    invitation_reminder: int
    offer: int
    contract_reminder: int
    contract: int
    shipment_reminder: int
    completion_reminder: int
    dispute_reminder: int
    half_time_percent: int
    close_percent: int


DEFAULT_DAYS = {
    "application_reminder_days": 2,
    "receipt_reminder_days": 7,
    "publication_days": 28,
    "grace_days": 7,
    "payment_days": 30,
    "invitation_reminder_days": 3,
    "offer_days": 3,
    "contract_reminder_days": 3,
    "contract_days": 14,
    "shipment_reminder_days": 3,
    "completion_reminder_days": 7,
    "dispute_reminder_days": 3,
    "half_time_percent": 50,
    "close_percent": 80,
}
YOUTUBE_PUBLICATION_DAYS = 35


def deadlines(timeline: Timeline, platform: Platform | None) -> Deadlines:
    """The deadlines of a campaign on a platform. Long videos take longer."""
    given = {name: getattr(timeline, name) or default for name, default in DEFAULT_DAYS.items()}
    if platform is Platform.YOUTUBE and not timeline.publication_days:
        given["publication_days"] = YOUTUBE_PUBLICATION_DAYS
    return Deadlines(**{name.removesuffix("_days"): value for name, value in given.items()})


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
