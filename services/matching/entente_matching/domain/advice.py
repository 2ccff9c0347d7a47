"""Which one or two platforms suit a product, and why. Being everywhere is no plan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from entente_matching.domain.words import Platform

MOST_ADVISED = 2
SECOND_NEEDS = 0.6
"""A second platform is named only when it comes to this share of the first one's points."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table: for this kind of product, or for people of this age, a platform is so good, because."""

    when: str
    platform: Platform
    points: int
    reason: str


@dataclass(frozen=True, slots=True)
class Advice:
    """A platform, and all that speaks for it."""

    platform: Platform
    points: int
    reasons: tuple[str, ...]


def advise(kinds: Sequence[str], ages: Sequence[str], rules: Sequence[Rule]) -> list[Advice]:
    """One or two platforms, the better one first.

    Args:
        kinds: of the product, such as "VISUAL".
        ages: bands of the people wanted, such as "18-24"; empty for any.
        rules: the table; a row about an age counts only where a row about the kind speaks for the platform, too.
    """
    asked = {*kinds, *(f"AGE_{age}" for age in ages)}
    points: dict[Platform, int] = {}
    reasons: dict[Platform, list[str]] = {}
    of_kind = {rule.platform for rule in rules if rule.when in kinds}
    for rule in rules:
        if rule.when in asked and rule.platform in of_kind:
            points[rule.platform] = points.get(rule.platform, 0) + rule.points
            reasons.setdefault(rule.platform, []).append(rule.reason)
    ranked = sorted(points, key=lambda platform: (-points[platform], platform))
    good = [platform for platform in ranked if points[platform] >= SECOND_NEEDS * points[ranked[0]]]
    return [Advice(platform, points[platform], tuple(reasons[platform])) for platform in good[:MOST_ADVISED]]


def kinds_of(rules: Sequence[Rule]) -> list[str]:
    """The kinds of product that the table knows."""
    return sorted({rule.when for rule in rules if not rule.when.startswith("AGE_")})


def read_rule(row: Mapping[str, str]) -> Rule:
    """A row of the table.

    Raises:
        ValueError: the row is not of that table.
    """
    return Rule(row["when"], Platform(row["platform"]), int(row["points"]), row["reason"])
