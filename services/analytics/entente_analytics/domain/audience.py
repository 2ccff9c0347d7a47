"""How much of an audience is in the target, and what has to be assumed to say so."""

from dataclasses import dataclass, field
from enum import StrEnum


class Assumption(StrEnum):
    """Something a figure had to assume, because it was not measured."""

    MAIN_CODE_IS_ALL = "MAIN_CODE_IS_ALL"
    INDEPENDENT_DIMENSIONS = "INDEPENDENT_DIMENSIONS"
    DIMENSION_NOT_KNOWN = "DIMENSION_NOT_KNOWN"
    AUDIENCE_NOT_KNOWN = "AUDIENCE_NOT_KNOWN"
    REACH_ADDED_UP = "REACH_ADDED_UP"
    MAIN_CODE_SHARE = "MAIN_CODE_SHARE"


IN_WORDS = {
    Assumption.MAIN_CODE_SHARE: (
        "Of some audiences only the main code (for example the main country) is known and not its share: it was taken "
        "for 60 % of the audience when it is in the target (from 20 % to all of it), and else the target for 10 % "
        "(from none to half), as the fit score does."
    ),
    Assumption.INDEPENDENT_DIMENSIONS: (
        "Shares of countries, ages, genders and languages were multiplied as if they were independent of each other; "
        "the band holds for whatever way they depend on each other."
    ),
    Assumption.DIMENSION_NOT_KNOWN: (
        "The target restricts something that is not known of some audiences, which was left out: "
        "reach in target is an upper limit for them, and the band begins at none."
    ),
    Assumption.AUDIENCE_NOT_KNOWN: (
        "Of some audiences nothing is known that the target restricts: their reach was left out of reach in target, "
        "which is a lower limit for them."
    ),
    Assumption.REACH_ADDED_UP: "Reach was added up over posts: a person who saw two posts is counted twice.",
}


@dataclass(frozen=True)
class WeightedCode:
    """A code and the share of the audience that has it; None when it is only known as the largest."""

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
class Target:
    """Whom a campaign wants to reach. An empty list does not restrict; ``min_share`` of the reach must be in it."""

    countries: tuple[str, ...] = ()
    ages: tuple[str, ...] = ()
    genders: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    interests: tuple[str, ...] = ()
    min_share: float | None = None


@dataclass(frozen=True)
class InTarget:
    """The share of an audience in the target, and between which shares it lies; None when nothing is known of it."""

    share: float | None
    low: float = 0.0
    high: float = 1.0
    assumptions: frozenset[Assumption] = field(default_factory=frozenset)


# The same as in the fit score of matching: what is taken for the share when only the largest code is known.
MAIN_IS_TARGET = (0.2, 0.6, 1.0)
MAIN_IS_NOT_TARGET = (0.0, 0.1, 0.5)


def in_target(audience: Audience, target: Target) -> InTarget:
    """The share of an audience that is in the target: the product over what the target restricts.

    The band does not take them for independent: two shares overlap by their sum less one at least, and by the smaller
    of them at most (Fréchet). Interests describe content and not people, so they do not restrict.
    """
    restricted = [
        (codes, frozenset(wanted))
        for codes, wanted in (
            (audience.countries, target.countries),
            (audience.ages, target.ages),
            (audience.genders, target.genders),
            (audience.languages, target.languages),
        )
        if wanted
    ]
    known = [(codes, wanted) for codes, wanted in restricted if codes]
    if restricted and not known:
        return InTarget(None, assumptions=frozenset({Assumption.AUDIENCE_NOT_KNOWN}))

    assumptions = set()
    share, low, high = 1.0, 1.0, 1.0
    for codes, wanted in known:
        if all(code.weight is None for code in codes):
            assumptions.add(Assumption.MAIN_CODE_SHARE)
            least, point, most = MAIN_IS_TARGET if any(c.code in wanted for c in codes) else MAIN_IS_NOT_TARGET
        else:
            point = min(1.0, sum(code.weight or 0.0 for code in codes if code.code in wanted))
            least = most = point
        share *= point
        low, high = max(0.0, low + least - 1.0), min(high, most)
    if len(known) > 1:
        assumptions.add(Assumption.INDEPENDENT_DIMENSIONS)
    if len(known) < len(restricted):
        assumptions.add(Assumption.DIMENSION_NOT_KNOWN)
        low = 0.0
    return InTarget(share, min(low, share), max(high, share), frozenset(assumptions))
