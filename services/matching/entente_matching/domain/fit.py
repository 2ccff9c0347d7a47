"""The fit of a creator to a brief: a score from 0 to 100 whose terms add up to it exactly, each with its evidence.

What is not known does not count as zero: its term takes the value assumed for creators of whom it is not known, says
so, and is named among what is missing. Points are whole hundredths, so that sums are exact.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from entente_matching.domain.creators import Share, main_code, share_of
from entente_matching.domain.profiles import Profile
from entente_matching.domain.words import AudienceDimension, Confidence, EngagementBasis, FitFactor, Platform

FORMULA_VERSION = "fit-1"
FULL = 10_000
"""A hundred points, in hundredths."""

WEIGHTS: Mapping[FitFactor, int] = {
    FitFactor.AUDIENCE_COUNTRY: 22,
    FitFactor.AUDIENCE_AGE: 8,
    FitFactor.AUDIENCE_GENDER: 8,
    FitFactor.AUDIENCE_LANGUAGE: 7,
    FitFactor.ENGAGEMENT: 20,
    FitFactor.CONTENT_AFFINITY: 15,
    FitFactor.PAST_PERFORMANCE: 12,
    FitFactor.AUTHENTIC_ENGAGEMENT: 8,
}
"""How much each term counts against the others. Terms that a brief does not ask about drop out; those of the audience
that are asked about keep the weight of all four together, so that the audience never counts for less than it should."""

ASSUMED: Mapping[FitFactor, float] = {
    FitFactor.AUDIENCE_COUNTRY: 0.25,
    FitFactor.AUDIENCE_AGE: 0.35,
    FitFactor.AUDIENCE_GENDER: 0.5,
    FitFactor.AUDIENCE_LANGUAGE: 0.3,
    FitFactor.ENGAGEMENT: 0.4,
    FitFactor.CONTENT_AFFINITY: 0.3,
    FitFactor.PAST_PERFORMANCE: 0.5,
    FitFactor.AUTHENTIC_ENGAGEMENT: 0.5,
}
"""The value of a term of which nothing is known: a little below what a typical creator reaches."""

MAIN_IS_TARGET = 0.6
MAIN_IS_NOT_TARGET = 0.1
"""The share assumed when only the largest code of the audience is known, and it is, or is not, in the target."""

MAIN_CATEGORY = 1.0
FURTHER_CATEGORY = 0.75
"""The affinity of a creator whose main category, or another of its categories, is asked for."""

DIMENSIONS: Mapping[FitFactor, AudienceDimension] = {
    FitFactor.AUDIENCE_COUNTRY: AudienceDimension.COUNTRY,
    FitFactor.AUDIENCE_AGE: AudienceDimension.AGE,
    FitFactor.AUDIENCE_GENDER: AudienceDimension.GENDER,
    FitFactor.AUDIENCE_LANGUAGE: AudienceDimension.LANGUAGE,
}
_TRAITS = {
    AudienceDimension.COUNTRY: "country",
    AudienceDimension.AGE: "age",
    AudienceDimension.GENDER: "gender",
    AudienceDimension.LANGUAGE: "language",
    AudienceDimension.DEVICE: "device",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a campaign wants to reach. An empty list does not restrict."""

    countries: tuple[str, ...] = ()
    ages: tuple[str, ...] = ()
    genders: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    interests: tuple[str, ...] = ()

    def codes(self, dimension: AudienceDimension) -> tuple[str, ...]:
        """The codes of one trait."""
        return {
            AudienceDimension.COUNTRY: self.countries,
            AudienceDimension.AGE: self.ages,
            AudienceDimension.GENDER: self.genders,
            AudienceDimension.LANGUAGE: self.languages,
            AudienceDimension.DEVICE: (),
        }[dimension]


ANYBODY = Target()


@dataclass(frozen=True, slots=True)
class Brief:
    """What a creator is matched against. Categories are canonical words; the target's interests are among them."""

    target: Target = ANYBODY
    categories: tuple[str, ...] = ()
    platforms: tuple[Platform, ...] = ()


@dataclass(frozen=True, slots=True)
class Contribution:
    """One term of a score."""

    factor: FitFactor
    points_hundredths: int
    max_points_hundredths: int
    value: float
    evidence: str
    assumed: bool


@dataclass(frozen=True, slots=True)
class Missing:
    """What is not known and the score would need."""

    factor: FitFactor
    information: str


@dataclass(frozen=True, slots=True)
class FitScore:
    """How well a creator fits, and why."""

    score_hundredths: int
    contributions: tuple[Contribution, ...]
    missing: tuple[Missing, ...]
    confidence: Confidence
    formula_version: str = FORMULA_VERSION


class Term(NamedTuple):
    """What one factor comes to: its value (None: nothing is known), on what it rests, and what is missing."""

    value: float | None
    evidence: str
    missing: str = ""


def shares_of_score(brief: Brief) -> dict[FitFactor, int]:
    """The most that each factor can add under a brief, in hundredths of a point; together 100 points."""
    asked = {factor: weight for factor, weight in WEIGHTS.items() if _is_asked(factor, brief)}
    of_audience = sum(weight for factor, weight in asked.items() if factor in DIMENSIONS)
    all_of_audience = sum(weight for factor, weight in WEIGHTS.items() if factor in DIMENSIONS)
    # Whole numbers throughout: the audience's terms are enlarged by 45 / n, and so all terms are taken n times.
    weights = {
        factor: weight * (all_of_audience if factor in DIMENSIONS else of_audience or 1)
        for factor, weight in asked.items()
    }
    total = sum(weights.values())
    points = {factor: FULL * weight // total for factor, weight in weights.items()}
    # What rounding down left over goes to those that lost the most by it.
    by_loss = sorted(weights, key=lambda factor: (-(FULL * weights[factor] % total), factor))
    for factor in by_loss[: FULL - sum(points.values())]:
        points[factor] += 1
    return points


def score(profile: Profile, brief: Brief) -> FitScore:
    """How well a creator fits a brief, explained."""
    contributions, missing = [], []
    known_points = 0
    for factor, points in shares_of_score(brief).items():
        term = _term(factor, profile, brief)
        value = ASSUMED[factor] if term.value is None else term.value
        contributions.append(
            Contribution(factor, round(points * value), points, value, term.evidence, assumed=term.value is None)
        )
        if term.missing:
            missing.append(Missing(factor, term.missing))
        if term.value is not None:
            # Where something is missing all the same, the value is an estimate, and counts as half known.
            known_points += points // 2 if term.missing else points
    total = sum(contribution.points_hundredths for contribution in contributions)
    return FitScore(total, tuple(contributions), tuple(missing), _confidence(known_points))


def best(profiles: Sequence[Profile], brief: Brief) -> tuple[Profile, FitScore] | None:
    """The account that fits best among those on the brief's platforms, and its score; nothing when there is none."""
    wanted = [profile for profile in profiles if not brief.platforms or profile.platform in brief.platforms]
    scored = [(profile, score(profile, brief)) for profile in wanted]
    return max(scored, key=lambda pair: (pair[1].score_hundredths, pair[0].followers or 0), default=None)


def affinity(categories: Sequence[str], wanted: Collection[str]) -> float:
    """How much of what a creator talks about is asked for."""
    if categories and categories[0] in wanted:
        return MAIN_CATEGORY
    return FURTHER_CATEGORY if any(category in wanted for category in categories) else 0.0


def _is_asked(factor: FitFactor, brief: Brief) -> bool:
    if factor in DIMENSIONS:
        return bool(brief.target.codes(DIMENSIONS[factor]))
    return factor is not FitFactor.CONTENT_AFFINITY or bool(brief.categories)


def _confidence(known_points: int) -> Confidence:
    if known_points >= FULL * 0.8:
        return Confidence.HIGH
    return Confidence.MEDIUM if known_points >= FULL * 0.5 else Confidence.LOW


def _term(factor: FitFactor, profile: Profile, brief: Brief) -> Term:
    if factor in DIMENSIONS:
        dimension = DIMENSIONS[factor]
        return _audience(dimension, profile.audience.shares(dimension), brief.target.codes(dimension))
    terms: dict[FitFactor, Callable[[], Term]] = {
        FitFactor.ENGAGEMENT: lambda: _engagement(profile),
        FitFactor.CONTENT_AFFINITY: lambda: _affinity(profile, brief),
        FitFactor.PAST_PERFORMANCE: lambda: _past(profile),
        FitFactor.AUTHENTIC_ENGAGEMENT: lambda: _authentic(profile),
    }
    return terms[factor]()


def _audience(dimension: AudienceDimension, shares: Sequence[Share], codes: Sequence[str]) -> Term:
    trait, wanted = _TRAITS[dimension], ", ".join(codes)
    missing = f"shares of the audience by {trait}"
    if not shares:
        return Term(None, f"nothing is known of the audience's {trait}", missing)
    share = share_of(shares, codes)
    if share is not None:
        return Term(share, f"{share:.1%} of the audience is {wanted} ({trait})")
    main = main_code(shares)
    if main in codes:
        return Term(MAIN_IS_TARGET, f"{main} is the audience's main {trait}; its share is not known", missing)
    return Term(MAIN_IS_NOT_TARGET, f"the audience's main {trait} is {main}, not {wanted}; no share is known", missing)


def _engagement(profile: Profile) -> Term:
    if profile.engagement_rate is None:
        return Term(None, "the engagement rate is not known", "likes, comments, and views or followers")
    denominator = "views" if profile.engagement_basis is EngagementBasis.VIEWS else "followers"
    rate = f"engagement rate {profile.engagement_rate:.2%} of {denominator}"
    if profile.engagement_percentile is None:
        return Term(None, f"{rate}; similar creators were not measured", "a benchmark for this platform and size")
    return Term(
        profile.engagement_percentile,
        f"{rate}: above about {profile.engagement_percentile:.0%} of {profile.engagement_population}",
    )


def _affinity(profile: Profile, brief: Brief) -> Term:
    wanted = ", ".join(brief.categories)
    if not profile.categories:
        return Term(None, "it is not known what the creator talks about", "categories of the creator")
    value = affinity(profile.categories, brief.categories)
    return Term(value, f"talks about {', '.join(profile.categories)}; asked for: {wanted}")


def _past(profile: Profile) -> Term:
    past = profile.past
    if past is None or profile.performance is None:
        return Term(None, "no earlier collaboration here", "ratings of earlier collaborations")
    parts = [f"{past.completed} completed"]
    if past.rating is not None:
        parts.append(f"rated {past.rating:.1f} of 5")
    if past.compliance is not None:
        parts.append(f"{past.compliance:.0%} of the brief met")
    if past.on_time_share is not None:
        parts.append(f"{past.on_time_share:.0%} on time")
    if past.reply_seconds is not None:
        parts.append(f"answers within {past.reply_seconds / 3600:.1f} h")
    return Term(profile.performance, ", ".join(parts))


def _authentic(profile: Profile) -> Term:
    if profile.authentic_percentile is None:
        return Term(None, "the share of authentic engagements is not known", "authentic engagements, with a benchmark")
    return Term(
        profile.authentic_percentile,
        f"the share of authentic engagements is above that of about {profile.authentic_percentile:.0%} of its peers",
    )
