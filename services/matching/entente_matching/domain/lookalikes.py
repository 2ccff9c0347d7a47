"""How alike a creator is to a few others: a similarity from 0 to 100 whose features add up to it, as in the fit score.

The seeds are drawn together into one likeness: the mean of their audiences, of their sizes and engagement, and all that
they talk about. A feature of which nothing is known, of the seeds, does not count; of the creator, it counts as zero.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from entente_matching.domain.creators import Share
from entente_matching.domain.filters import WHOLE, share_units
from entente_matching.domain.fit import FULL
from entente_matching.domain.profiles import Profile
from entente_matching.domain.words import AudienceDimension, Feature, Platform

WEIGHTS: Mapping[Feature, int] = {
    Feature.CATEGORIES: 30,
    Feature.AUDIENCE_COUNTRY: 20,
    Feature.AUDIENCE_AGE: 8,
    Feature.AUDIENCE_GENDER: 8,
    Feature.AUDIENCE_LANGUAGE: 6,
    Feature.SIZE: 14,
    Feature.ENGAGEMENT: 8,
    Feature.PLATFORM: 6,
}
DIMENSIONS: Mapping[Feature, AudienceDimension] = {
    Feature.AUDIENCE_COUNTRY: AudienceDimension.COUNTRY,
    Feature.AUDIENCE_AGE: AudienceDimension.AGE,
    Feature.AUDIENCE_GENDER: AudienceDimension.GENDER,
    Feature.AUDIENCE_LANGUAGE: AudienceDimension.LANGUAGE,
}
SIZE_UNITS = 5000
"""Units of size for each power of ten of followers: a hundred times as many is as far apart as can be."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What the seeds are like together. Weights and values in ten-thousandths; None or empty: not known."""

    seeds: tuple[str, ...]
    categories: Mapping[str, int] = field(default_factory=dict)
    audience: Mapping[AudienceDimension, Mapping[str, int]] = field(default_factory=dict)
    size: int | None = None
    engagement: int | None = None
    platforms: tuple[Platform, ...] = ()


@dataclass(frozen=True, slots=True)
class Likened:
    """One feature of a similarity."""

    feature: Feature
    points_hundredths: int
    max_points_hundredths: int
    value: float
    evidence: str


@dataclass(frozen=True, slots=True)
class Similarity:
    """How alike, and in what."""

    score_hundredths: int
    features: tuple[Likened, ...]


def size_units(followers: int | None) -> int | None:
    """The size of an account on a logarithmic scale."""
    return None if followers is None else round(math.log10(followers + 1) * SIZE_UNITS)


def likeness_of(seeds: Sequence[Profile]) -> Likeness:
    """What a few creators, each through its main account, have in common."""
    categories: dict[str, int] = {}
    for profile in seeds:
        for category in profile.categories:
            categories[category] = categories.get(category, 0) + 1
    sizes = [size for profile in seeds if (size := size_units(profile.followers)) is not None]
    rates = [share_units(p.engagement_percentile) for p in seeds if p.engagement_percentile is not None]
    return Likeness(
        seeds=tuple(profile.creator for profile in seeds),
        categories={category: WHOLE * count // len(seeds) for category, count in sorted(categories.items())},
        audience={
            dimension: mean
            for dimension in DIMENSIONS.values()
            if (mean := _mean([profile.audience.shares(dimension) for profile in seeds]))
        },
        size=sum(sizes) // len(sizes) if sizes else None,
        engagement=sum(rates) // len(rates) if rates else None,
        platforms=tuple(sorted({profile.platform for profile in seeds if profile.platform})),
    )


def _mean(of_each: Sequence[Sequence[Share]]) -> dict[str, int]:
    known = [share_weights(shares) for shares in of_each if shares]
    codes = sorted({code for weights in known for code in weights})
    return {code: sum(weights.get(code, 0) for weights in known) // len(known) for code in codes}


def share_weights(shares: Sequence[Share]) -> dict[str, int]:
    """The shares of an audience; a main code without its share counts as the whole of it."""
    if all(share.weight is None for share in shares):
        return {share.code: WHOLE for share in shares}
    return {share.code: share_units(share.weight) for share in shares if share.weight is not None}


def points_of(likeness: Likeness) -> dict[Feature, int]:
    """The most that each feature can add, in hundredths of a point; together 100 points."""
    known = {feature: weight for feature, weight in WEIGHTS.items() if _is_known(feature, likeness)}
    total = sum(known.values()) or 1
    points = {feature: FULL * weight // total for feature, weight in known.items()}
    for feature in list(points)[: FULL - sum(points.values())]:
        points[feature] += 1
    return points


def _is_known(feature: Feature, likeness: Likeness) -> bool:
    if feature in DIMENSIONS:
        return DIMENSIONS[feature] in likeness.audience
    return {
        Feature.CATEGORIES: bool(likeness.categories),
        Feature.SIZE: likeness.size is not None,
        Feature.ENGAGEMENT: likeness.engagement is not None,
        Feature.PLATFORM: bool(likeness.platforms),
    }[feature]


def similarity(profile: Profile, likeness: Likeness) -> Similarity:
    """How alike a creator is to the seeds, explained."""
    features = []
    raw = 0
    for feature, points in points_of(likeness).items():
        value, evidence = _compare(feature, profile, likeness)
        reached = points * value // WHOLE
        raw += reached
        features.append(Likened(feature, reached, points, value / WHOLE, evidence))
    return Similarity(raw, tuple(features))


def _compare(feature: Feature, profile: Profile, likeness: Likeness) -> tuple[int, str]:
    if feature in DIMENSIONS:
        dimension = DIMENSIONS[feature]
        theirs, ours = share_weights(profile.audience.shares(dimension)), likeness.audience[dimension]
        both = {code: min(weight, ours.get(code, 0)) for code, weight in theirs.items()}
        shared = sorted((code for code in both if both[code]), key=lambda code: (-both[code], code))[:3]
        said = f"{sum(both.values()) / WHOLE:.0%} of the audience in common by {dimension.lower()}"
        return min(WHOLE, sum(both.values())), f"{said} ({', '.join(shared)})" if shared else said
    if feature is Feature.CATEGORIES:
        shared = [category for category in profile.categories if category in likeness.categories]
        value = max((likeness.categories[category] for category in shared), default=0)
        return value, f"both talk about {', '.join(shared)}" if shared else "talks about other things"
    if feature is Feature.SIZE:
        value = nearness(size_units(profile.followers), likeness.size)
        return value, f"{profile.followers:,} followers" if profile.followers is not None else "size not known"
    if feature is Feature.ENGAGEMENT:
        units = None if profile.engagement_percentile is None else share_units(profile.engagement_percentile)
        said = "engagement not known" if units is None else f"engages more than {units / WHOLE:.0%} of its peers"
        return nearness(units, likeness.engagement), said
    same = profile.platform in likeness.platforms
    return (WHOLE if same else 0), f"on {profile.platform or 'no platform'}"


def nearness(value: int | None, other: int | None) -> int:
    """How near two values in ten-thousandths are; nothing known is as far as can be."""
    return 0 if value is None or other is None else max(0, WHOLE - abs(value - other))
