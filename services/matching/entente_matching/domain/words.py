"""The words of matching that have a closed set of values."""

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


class EngagementBasis(StrEnum):
    """What an engagement rate is divided by."""

    FOLLOWERS = "FOLLOWERS"
    VIEWS = "VIEWS"


class AudienceDimension(StrEnum):
    """A trait of the audience that shares are known of."""

    COUNTRY = "COUNTRY"
    AGE = "AGE"
    GENDER = "GENDER"
    LANGUAGE = "LANGUAGE"
    DEVICE = "DEVICE"
    TYPE = "TYPE"


class FitFactor(StrEnum):
    """A term of the fit score."""

    AUDIENCE_COUNTRY = "AUDIENCE_COUNTRY"
    AUDIENCE_AGE = "AUDIENCE_AGE"
    AUDIENCE_GENDER = "AUDIENCE_GENDER"
    AUDIENCE_LANGUAGE = "AUDIENCE_LANGUAGE"
    ENGAGEMENT = "ENGAGEMENT"
    CONTENT_AFFINITY = "CONTENT_AFFINITY"
    PAST_PERFORMANCE = "PAST_PERFORMANCE"
    AUTHENTICITY = "AUTHENTICITY"
    PRICE = "PRICE"


class Feature(StrEnum):
    """In what two creators may be alike."""

    CATEGORIES = "CATEGORIES"
    AUDIENCE_COUNTRY = "AUDIENCE_COUNTRY"
    AUDIENCE_AGE = "AUDIENCE_AGE"
    AUDIENCE_GENDER = "AUDIENCE_GENDER"
    AUDIENCE_LANGUAGE = "AUDIENCE_LANGUAGE"
    SIZE = "SIZE"
    ENGAGEMENT = "ENGAGEMENT"
    PLATFORM = "PLATFORM"


class Confidence(StrEnum):
    """How much of a score rests on known information."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
