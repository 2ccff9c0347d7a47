"""What creators are looked for, and why one is not among the results."""

from dataclasses import dataclass

from entente_matching.domain.creators import main_code, share_of
from entente_matching.domain.profiles import Profile
from entente_matching.domain.words import AudienceDimension, Platform

TOLERANCE = 1e-9
"""Sums of shares are floating-point: 0.3 + 0.3 meets a demand of 0.6."""
UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class AudienceShareFilter:
    """At least this share of the audience has one of these codes."""

    dimension: AudienceDimension
    codes: tuple[str, ...]
    min_share: float


@dataclass(frozen=True, slots=True)
class CreatorFilter:
    """What creators are looked for. A list means "one of these"; what is not set does not restrict."""

    platforms: tuple[Platform, ...] = ()
    countries: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    min_followers: int | None = None
    max_followers: int | None = None
    min_engagement_rate: float | None = None
    max_engagement_rate: float | None = None
    languages: tuple[str, ...] = ()
    verified: bool | None = None
    audience: tuple[AudienceShareFilter, ...] = ()
    main_audience_countries: tuple[str, ...] = ()


EVERYBODY = CreatorFilter()


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A demand that is not met."""

    field: str
    required: str
    actual: str
    shortfall: float | None = None


def exclusions(profile: Profile, wanted: CreatorFilter) -> list[Exclusion]:
    """What keeps a creator, seen through one account, out of the results; empty when it is among them."""
    return [*_by_lists(profile, wanted), *_by_bounds(profile, wanted), *_by_audience(profile, wanted)]


def _by_lists(profile: Profile, wanted: CreatorFilter) -> list[Exclusion]:
    main = profile.main_audience_country
    lists: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
        ("platforms", wanted.platforms, (profile.platform,) if profile.platform else ()),
        ("countries", wanted.countries, (profile.country,) if profile.country else ()),
        ("categories", wanted.categories, profile.categories),
        ("tiers", wanted.tiers, (profile.tier,) if profile.tier else ()),
        ("languages", wanted.languages, profile.languages),
        ("main_audience_countries", wanted.main_audience_countries, (main,) if main else ()),
    ]
    found = [
        Exclusion(field, f"one of {', '.join(asked)}", ", ".join(actual) or UNKNOWN)
        for field, asked, actual in lists
        if asked and not set(asked) & set(actual)
    ]
    if wanted.verified is not None and wanted.verified != profile.verified:
        found.append(Exclusion("verified", _yes(wanted.verified), _yes(profile.verified)))
    return found


def _by_bounds(profile: Profile, wanted: CreatorFilter) -> list[Exclusion]:
    found = []
    for field, bound, actual, direction in (
        ("min_followers", wanted.min_followers, profile.followers, 1),
        ("max_followers", wanted.max_followers, profile.followers, -1),
        ("min_engagement_rate", wanted.min_engagement_rate, profile.engagement_rate, 1),
        ("max_engagement_rate", wanted.max_engagement_rate, profile.engagement_rate, -1),
    ):
        if bound is None:
            continue
        required = f"at {'least' if direction > 0 else 'most'} {bound:g}"
        if actual is None:
            found.append(Exclusion(field, required, UNKNOWN))
        elif (bound - actual) * direction > 0:
            found.append(Exclusion(field, required, f"{actual:g}", (bound - actual) * direction))
    return found


def _by_audience(profile: Profile, wanted: CreatorFilter) -> list[Exclusion]:
    found = []
    for index, demand in enumerate(wanted.audience):
        shares = profile.audience.shares(demand.dimension)
        share = share_of(shares, demand.codes)
        required = f"at least {demand.min_share:.1%} {', '.join(demand.codes)}"
        if share is None:
            main = main_code(shares)
            actual = f"main {demand.dimension.lower()} {main}, share {UNKNOWN}" if main else UNKNOWN
            found.append(Exclusion(f"audience[{index}]", required, actual))
        elif share < demand.min_share - TOLERANCE:
            found.append(Exclusion(f"audience[{index}]", required, f"{share:.1%}", demand.min_share - share))
    return found


def _yes(value: bool) -> str:
    return "yes" if value else "no"
