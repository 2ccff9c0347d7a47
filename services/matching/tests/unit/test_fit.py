"""The fit score: exact, explained, and honest about what is not known."""

import pytest

from entente_matching.domain.creators import Audience, Share
from entente_matching.domain.filters import WHOLE
from entente_matching.domain.fit import (
    MAIN_IS_NOT_TARGET,
    MAIN_IS_TARGET,
    Brief,
    Target,
    best,
    score,
    shares_of_score,
)
from entente_matching.domain.profiles import Profile
from entente_matching.domain.words import Confidence, FitFactor, Platform

FRENCH = Brief(Target(countries=("FR",)), categories=("beauty",))


def somebody(**given: object) -> Profile:
    return Profile("creators/a", "A", platform=Platform.INSTAGRAM, **given)  # type: ignore[arg-type]


def test_the_audience_weighs_the_same_however_many_of_its_traits_are_asked_about() -> None:
    one = shares_of_score(Brief(Target(countries=("FR",)), ("beauty",)))
    two = shares_of_score(Brief(Target(countries=("FR",), genders=("FEMALE",)), ("beauty",)))
    assert one[FitFactor.AUDIENCE_COUNTRY] == 4255
    assert two[FitFactor.AUDIENCE_COUNTRY] + two[FitFactor.AUDIENCE_GENDER] == 4255


def test_a_share_that_is_known_counts_as_it_is() -> None:
    result = score(somebody(audience=Audience(countries=(Share("FR", 0.62), Share("BE", 0.2)))), FRENCH)
    country = result.contributions[0]
    assert (country.factor, country.value, country.points_hundredths) == (FitFactor.AUDIENCE_COUNTRY, 0.62, 2638)
    assert "62.0%" in country.evidence


@pytest.mark.parametrize(("main", "value"), [("FR", MAIN_IS_TARGET), ("IN", MAIN_IS_NOT_TARGET)])
def test_a_main_country_without_its_share_is_estimated_and_the_share_is_missing(main: str, value: float) -> None:
    result = score(somebody(audience=Audience(countries=(Share(main),))), FRENCH)
    assert result.contributions[0].value == value / WHOLE
    assert not result.contributions[0].assumed
    assert FitFactor.AUDIENCE_COUNTRY in {each.factor for each in result.missing}


def test_the_creators_own_country_does_not_count_as_the_audiences() -> None:
    at_home = score(somebody(country="FR"), FRENCH)
    abroad = score(somebody(country="IN"), FRENCH)
    assert at_home == abroad


def test_an_unknown_creator_is_no_zero_and_confidence_is_low() -> None:
    result = score(somebody(), FRENCH)
    assert result.score_hundredths > 2000
    assert result.confidence is Confidence.LOW
    assert len(result.missing) == len(result.contributions)


def test_confidence_is_high_when_nearly_all_is_known() -> None:
    known = somebody(
        audience=Audience(countries=(Share("FR", 0.5),)),
        categories=("beauty",),
        engagement_rate=0.03,
        engagement_percentile=0.6,
        authenticity=0.5,
    )
    assert score(known, FRENCH).confidence is Confidence.HIGH


def test_the_main_category_counts_more_than_a_further_one() -> None:
    def affinity(*categories: str) -> float:
        return next(
            each.value
            for each in score(somebody(categories=categories), FRENCH).contributions
            if each.factor is FitFactor.CONTENT_AFFINITY
        )

    assert affinity("beauty") > affinity("food", "beauty") > affinity("food") == 0


def test_the_best_account_is_chosen_among_those_on_the_briefs_platforms() -> None:
    good = Profile("creators/a", "A", platform=Platform.TIKTOK, engagement_rate=0.2, engagement_percentile=0.9)
    poor = Profile("creators/a", "A", platform=Platform.YOUTUBE, engagement_rate=0.01, engagement_percentile=0.1)
    found = best([poor, good], FRENCH)
    assert found is not None
    assert found[0] is good
    found = best([poor, good], Brief(platforms=(Platform.YOUTUBE,)))
    assert found is not None
    assert found[0] is poor
    assert best([poor, good], Brief(platforms=(Platform.TWITCH,))) is None
