"""From creators to candidates of a roster: whom of the target each is expected to reach where, and for what price.

Everything that is assumed is said with the answer. The assumptions are in one place, here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from entente_matching.domain.filters import WHOLE, price_in, share_units
from entente_matching.domain.fit import ASSUMED, MAIN_IS_TARGET, Brief, FitScore, Target
from entente_matching.domain.profiles import Profile
from entente_matching.domain.roster import Candidate
from entente_matching.domain.words import FitFactor

REACHES_OF_FOLLOWERS = 0.2
"""Share of the followers who see a post, where its views are not known."""
REACHABLE = 0.25
"""Share of a country's people of the target's age and gender whom creators on the platforms can reach at all."""
AGES_FROM, AGES_TO = 13, 82
"""The ages among whom the target's bands are counted, each year alike."""

_TRAITS = (FitFactor.AUDIENCE_AGE, FitFactor.AUDIENCE_GENDER, FitFactor.AUDIENCE_LANGUAGE)


@dataclass(frozen=True, slots=True)
class Prices:
    """What creators cost.

    Args:
        currency: of all prices.
        named: those that the brand knows, in minor units.
        per_thousand: for a thousand people reached, where none is known; None leaves such creators out.
    """

    currency: str
    named: Mapping[str, int]
    per_thousand: int | None = None


def candidates_of(
    profiles: Iterable[tuple[Profile, FitScore]], target: Target, prices: Prices
) -> tuple[list[Candidate], int]:
    """The candidates, and how many were left out since no price is known.

    Args:
        profiles: creators through the account to be used, with their fit, whose terms say what is known of whom.
        target: whom to reach; it names countries.
        prices: what they cost.
    """
    found, without_price = [], 0
    for profile, fit in profiles:
        reach, assumed = expected_reach(profile)
        if reach <= 0:
            continue
        price, price_assumed = price_of(profile, reach, prices)
        if price is None:
            without_price += 1
            continue
        by_country, more = shares_by_country(profile, fit, target)
        reached = {country: reach * share for country, share in by_country.items() if share > 0}
        found.append(
            Candidate(
                profile.creator, profile.tier, price, reached, price_assumed, tuple(dict.fromkeys(assumed + more))
            )
        )
    return found, without_price


def expected_reach(profile: Profile) -> tuple[float, tuple[str, ...]]:
    """People who see a post: the mean views where they are known, else a share of the followers."""
    if profile.average_views:
        return profile.average_views, ()
    assumed = (f"a post reaches {REACHES_OF_FOLLOWERS:.0%} of the followers",)
    return (profile.followers or 0) * REACHES_OF_FOLLOWERS, assumed


def price_of(profile: Profile, reach: float, prices: Prices) -> tuple[int | None, bool]:
    """What a creator costs, and whether that is assumed."""
    if profile.creator in prices.named:
        return prices.named[profile.creator], False
    known = price_in(profile, prices.currency)
    if known is not None:
        return known, False
    if prices.per_thousand is None:
        return None, False
    return max(1, round(reach * prices.per_thousand / 1000)), True


def shares_by_country(profile: Profile, fit: FitScore, target: Target) -> tuple[dict[str, float], tuple[str, ...]]:
    """Of a creator's audience, the share that is of the target, by country; and what in it is assumed."""
    assumed: list[str] = []
    of_traits = 1.0
    for term in fit.contributions:
        if term.factor in _TRAITS:
            of_traits *= term.value
            if term.assumed:
                assumed.append(f"{term.factor.lower().replace('_', ' ')}: {term.value:.0%} taken for not known")
    known = {share.code: share.weight for share in profile.audience.countries}
    if any(weight is not None for weight in known.values()):
        shares = {country: share_units(known.get(country) or 0.0) / WHOLE for country in target.countries}
    elif profile.main_audience_country:
        main = profile.main_audience_country
        shares = {country: MAIN_IS_TARGET / WHOLE if country == main else 0.0 for country in target.countries}
        assumed.append(f"{MAIN_IS_TARGET / WHOLE:.0%} of the audience live in its main country")
    else:
        each = ASSUMED[FitFactor.AUDIENCE_COUNTRY] / WHOLE / max(len(target.countries), 1)
        shares = dict.fromkeys(target.countries, each)
        assumed.append(f"{ASSUMED[FitFactor.AUDIENCE_COUNTRY] / WHOLE:.0%} of an unknown audience live in the target's")
    return {country: share * of_traits for country, share in shares.items()}, tuple(assumed)


def people_of(brief: Brief, populations: Mapping[str, int], given: Mapping[str, int]) -> dict[str, float]:
    """Country of the target -> people of the target who can be reached there; a country of no known size is left out.

    Args:
        brief: with the target.
        populations: people by country.
        given: what the brand knows better.
    """
    target = brief.target
    of_ages = sum(_years(band) for band in target.ages) / (AGES_TO - AGES_FROM + 1) if target.ages else 1.0
    of_genders = min(1.0, len({*target.genders} & {"FEMALE", "MALE"}) / 2) if target.genders else 1.0
    share = min(1.0, of_ages) * (of_genders or 0.01) * REACHABLE
    return {
        country: float(given[country]) if country in given else populations[country] * share
        for country in target.countries
        if country in given or country in populations
    }


def _years(band: str) -> int:
    low, _, high = band.removesuffix("+").partition("-")
    last = int(high) if high else (AGES_TO if band.endswith("+") else int(low))
    return max(0, min(last, AGES_TO) - max(int(low), AGES_FROM) + 1)
