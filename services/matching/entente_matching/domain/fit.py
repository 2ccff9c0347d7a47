"""The fit of a creator to a brief: a score from 0 to 100 whose terms add up to it exactly, each with its evidence.

What is not known does not count as zero: its term takes the value assumed for creators of whom it is not known, says
so, and is named among what is missing. Values are whole ten-thousandths and points whole hundredths, so that a score
is the same number whoever computes it, in whatever order.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from entente_chassis.money import Money
from entente_matching.domain.creators import Share, main_code
from entente_matching.domain.filters import WHOLE, price_in, share_units, units_of
from entente_matching.domain.profiles import Profile
from entente_matching.domain.words import AudienceDimension, Confidence, EngagementBasis, FitFactor, Platform

FORMULA_VERSION = "fit-2"
FULL = 10_000
"""A hundred points, in hundredths."""

WEIGHTS: Mapping[FitFactor, int] = {
    FitFactor.AUDIENCE_COUNTRY: 20,
    FitFactor.AUDIENCE_AGE: 7,
    FitFactor.AUDIENCE_GENDER: 7,
    FitFactor.AUDIENCE_LANGUAGE: 6,
    FitFactor.ENGAGEMENT: 18,
    FitFactor.CONTENT_AFFINITY: 14,
    FitFactor.PAST_PERFORMANCE: 12,
    FitFactor.AUTHENTICITY: 10,
    FitFactor.PRICE: 6,
}
"""How much each term counts against the others. Terms that a brief does not ask about drop out; those of the audience
that are asked about keep the weight of all four together, so that the audience never counts for less than it should."""

ASSUMED: Mapping[FitFactor, int] = {
    FitFactor.AUDIENCE_COUNTRY: 2500,
    FitFactor.AUDIENCE_AGE: 3500,
    FitFactor.AUDIENCE_GENDER: 5000,
    FitFactor.AUDIENCE_LANGUAGE: 3000,
    FitFactor.ENGAGEMENT: 4000,
    FitFactor.CONTENT_AFFINITY: 3000,
    FitFactor.PAST_PERFORMANCE: 5000,
    FitFactor.AUTHENTICITY: 5000,
    FitFactor.PRICE: 5000,
}
"""The value, in ten-thousandths, of a term of which nothing is known: a little below what a typical creator reaches."""

MAIN_IS_TARGET = 6000
MAIN_IS_NOT_TARGET = 1000
"""The share assumed when only the largest code of the audience is known, and it is, or is not, in the target."""

MAIN_CATEGORY = 10_000
FURTHER_CATEGORY = 7500
"""The affinity of a creator whose main category, or another of its categories, is asked for."""

DIMENSIONS: Mapping[FitFactor, AudienceDimension] = {
    FitFactor.AUDIENCE_COUNTRY: AudienceDimension.COUNTRY,
    FitFactor.AUDIENCE_AGE: AudienceDimension.AGE,
    FitFactor.AUDIENCE_GENDER: AudienceDimension.GENDER,
    FitFactor.AUDIENCE_LANGUAGE: AudienceDimension.LANGUAGE,
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
        }.get(dimension, ())


ANYBODY = Target()


@dataclass(frozen=True, slots=True)
class Brief:
    """What a creator is matched against. Categories are canonical words; the target's interests are among them.

    ``budget`` is what may be paid to one creator for one piece of content.
    """

    target: Target = ANYBODY
    categories: tuple[str, ...] = ()
    platforms: tuple[Platform, ...] = ()
    budget: Money | None = None


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

    value: int | None
    evidence: str
    missing: str = ""


@lru_cache(maxsize=1024)
def shares_of_score(brief: Brief) -> Mapping[FitFactor, int]:
    """The most that each factor can add under a brief, in hundredths of a point; together 100 points."""
    asked = {factor: weight for factor, weight in WEIGHTS.items() if _is_asked(factor, brief)}
    of_audience = sum(weight for factor, weight in asked.items() if factor in DIMENSIONS)
    all_of_audience = sum(weight for factor, weight in WEIGHTS.items() if factor in DIMENSIONS)
    # Whole numbers throughout: the audience's terms are enlarged by 40 / n, and so all terms are taken n times.
    weights = {
        factor: weight * (all_of_audience if factor in DIMENSIONS else of_audience or 1)
        for factor, weight in asked.items()
    }
    return split(FULL, weights)


def split(total: int, weights: Mapping[FitFactor, int]) -> dict[FitFactor, int]:
    """A total in whole parts by weight, without a rest: what rounding down left goes to those that lost the most."""
    of_all = sum(weights.values()) or 1
    parts = {factor: total * weight // of_all for factor, weight in weights.items()}
    by_loss = sorted(weights, key=lambda factor: (-(total * weights[factor] % of_all), factor))
    for factor in by_loss[: total - sum(parts.values())]:
        parts[factor] += 1
    return parts


def score(profile: Profile, brief: Brief) -> FitScore:
    """How well a creator fits a brief, explained."""
    points = shares_of_score(brief)
    terms = {factor: _term(factor, profile, brief) for factor in points}
    values = {factor: ASSUMED[factor] if term.value is None else term.value for factor, term in terms.items()}
    raw = {factor: points[factor] * values[factor] for factor in points}
    total = (sum(raw.values()) + WHOLE // 2) // WHOLE
    reached = _whole_points(raw, total)
    known_points = 0
    for factor, term in terms.items():
        if term.value is not None:
            # Where something is missing all the same, the value is an estimate, and counts as half known.
            known_points += points[factor] // 2 if term.missing else points[factor]
    return FitScore(
        score_hundredths=total,
        contributions=tuple(
            Contribution(
                factor, reached[factor], points[factor], values[factor] / WHOLE, term.evidence, term.value is None
            )
            for factor, term in terms.items()
        ),
        missing=tuple(Missing(factor, term.missing) for factor, term in terms.items() if term.missing),
        confidence=_confidence(known_points),
    )


def _whole_points(raw: Mapping[FitFactor, int], total: int) -> dict[FitFactor, int]:
    """Each term in whole hundredths, so that they add up to the total: the largest fractions are rounded up."""
    reached = {factor: value // WHOLE for factor, value in raw.items()}
    by_fraction = sorted(raw, key=lambda factor: (-(raw[factor] % WHOLE), factor))
    for factor in by_fraction[: total - sum(reached.values())]:
        reached[factor] += 1
    return reached


def best(profiles: Sequence[Profile], brief: Brief) -> tuple[Profile, FitScore] | None:
    """The account that fits best among those on the brief's platforms, and its score; nothing when there is none."""
    wanted = [profile for profile in profiles if not brief.platforms or profile.platform in brief.platforms]
    scored = [(profile, score(profile, brief)) for profile in wanted]
    return max(scored, key=lambda pair: (pair[1].score_hundredths, pair[0].followers or 0), default=None)


def affinity(categories: Sequence[str], wanted: Collection[str]) -> int:
    """How much of what a creator talks about is asked for, in ten-thousandths."""
    if categories and categories[0] in wanted:
        return MAIN_CATEGORY
    return FURTHER_CATEGORY if any(category in wanted for category in categories) else 0


def price_value(price: int, budget: int) -> int:
    """How a price stands to the budget, in ten-thousandths: full marks up to it, none at twice as much."""
    if price <= budget:
        return WHOLE
    return max(0, 2 * WHOLE - price * WHOLE // budget) if budget > 0 else 0


def _is_asked(factor: FitFactor, brief: Brief) -> bool:
    if factor in DIMENSIONS:
        return bool(brief.target.codes(DIMENSIONS[factor]))
    if factor is FitFactor.PRICE:
        return brief.budget is not None
    return factor is not FitFactor.CONTENT_AFFINITY or bool(brief.categories)


def _confidence(known_points: int) -> Confidence:
    if known_points >= FULL * 0.8:
        return Confidence.HIGH
    return Confidence.MEDIUM if known_points >= FULL * 0.5 else Confidence.LOW


def _term(factor: FitFactor, profile: Profile, brief: Brief) -> Term:
    if factor in DIMENSIONS:
        return _audience(profile, DIMENSIONS[factor], brief.target.codes(DIMENSIONS[factor]))
    return _TERMS[factor](profile, brief)


def _audience(profile: Profile, dimension: AudienceDimension, codes: Sequence[str]) -> Term:
    shares: Sequence[Share] = profile.audience.shares(dimension)
    trait, wanted = dimension.lower(), ", ".join(codes)
    missing = f"shares of the audience by {trait}"
    if not shares:
        return Term(None, f"nothing is known of the audience's {trait}", missing)
    units = units_of(profile, dimension, codes)
    if units is not None:
        return Term(units, f"{units / WHOLE:.1%} of the audience is {wanted} ({trait})")
    main = main_code(shares)
    if main in codes:
        return Term(MAIN_IS_TARGET, f"{main} is the audience's main {trait}; its share is not known", missing)
    return Term(MAIN_IS_NOT_TARGET, f"the audience's main {trait} is {main}, not {wanted}; no share is known", missing)


def _engagement(profile: Profile, brief: Brief) -> Term:
    if profile.engagement_rate is None:
        return Term(None, "the engagement rate is not known", "likes, comments, and views or followers")
    denominator = "views" if profile.engagement_basis is EngagementBasis.VIEWS else "followers"
    rate = f"engagement rate {profile.engagement_rate:.2%} of {denominator}"
    if profile.engagement_percentile is None:
        return Term(None, f"{rate}; similar creators were not measured", "a benchmark for this platform and size")
    units = share_units(profile.engagement_percentile)
    return Term(units, f"{rate}: above about {units / WHOLE:.0%} of {profile.engagement_population}")


def _affinity(profile: Profile, brief: Brief) -> Term:
    if not profile.categories:
        return Term(None, "it is not known what the creator talks about", "categories of the creator")
    value = affinity(profile.categories, brief.categories)
    return Term(value, f"talks about {', '.join(profile.categories)}; asked for: {', '.join(brief.categories)}")


def _past(profile: Profile, brief: Brief) -> Term:
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
    return Term(share_units(profile.performance), ", ".join(parts))


def _authenticity(profile: Profile, brief: Brief) -> Term:
    if profile.authenticity is None:
        return Term(None, "no signal of authenticity is known", "signals of authenticity")
    units = share_units(profile.authenticity)
    return Term(units, f"authenticity {units / 100:.0f} of 100")


def _price(profile: Profile, brief: Brief) -> Term:
    assert brief.budget is not None, "a term that is asked about"
    currency, budget = brief.budget.currency_code, brief.budget.minor_units
    price = price_in(profile, currency)
    if price is None:
        named = f"a price in {profile.currency} only" if profile.price_minor is not None else "no price is known"
        return Term(None, named, f"a price in {currency}")
    asked = f"asks {price / 100:,.2f} {currency}; the budget for each is {budget / 100:,.2f}"
    return Term(price_value(price, budget), asked)


_TERMS: Mapping[FitFactor, Callable[[Profile, Brief], Term]] = {
    FitFactor.ENGAGEMENT: _engagement,
    FitFactor.CONTENT_AFFINITY: _affinity,
    FitFactor.PAST_PERFORMANCE: _past,
    FitFactor.AUTHENTICITY: _authenticity,
    FitFactor.PRICE: _price,
}
