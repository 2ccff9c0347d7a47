"""Profiles, briefs and filters of all kinds, for property tests."""

from hypothesis import strategies as st

from entente_matching.domain.creators import Audience, Share
from entente_matching.domain.feedback import PastPerformance
from entente_matching.domain.filters import AudienceShareFilter, CreatorFilter
from entente_matching.domain.fit import Brief, Target
from entente_matching.domain.profiles import Profile
from entente_matching.domain.words import AudienceDimension, Platform

COUNTRIES = ["FR", "IT", "LV", "BR"]
AGES = ["18-24", "25-34", "55+"]
GENDERS = ["FEMALE", "MALE"]
LANGUAGES = ["fr", "it"]
CATEGORIES = ["beauty", "food", "art"]
PLATFORMS = [Platform.INSTAGRAM, Platform.TIKTOK, Platform.YOUTUBE]
TIERS = ["nano", "micro", "mega"]


def some_of(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=len(values)).map(tuple)


@st.composite
def shares(draw: st.DrawFn, codes: list[str]) -> tuple[Share, ...]:
    """Nothing, a main code without its share, or shares that add up to 1 at most."""
    chosen = draw(some_of(codes))
    if draw(st.booleans()):
        return tuple(Share(code) for code in chosen[:1])
    return tuple(Share(code, draw(st.integers(0, 100)) / 100 / len(chosen)) for code in chosen)


audiences = st.builds(
    Audience,
    countries=shares(COUNTRIES),
    ages=shares(AGES),
    genders=shares(GENDERS),
    languages=shares(LANGUAGES),
)
fractions = st.none() | st.floats(0, 1)


@st.composite
def profiles(draw: st.DrawFn, creator: str = "creators/a", platform: Platform | None = Platform.TIKTOK) -> Profile:
    """A creator through one account."""
    performance, rate = draw(fractions), draw(fractions)
    return Profile(
        creator=creator,
        display_name="Ānna",
        country=draw(st.sampled_from(["", *COUNTRIES])),
        languages=draw(some_of(LANGUAGES)),
        categories=draw(some_of(CATEGORIES)),
        verified=draw(st.booleans()),
        platform=platform,
        followers=draw(st.none() | st.integers(0, 5000)),
        tier=draw(st.sampled_from(["", *TIERS])),
        engagement_rate=rate,
        engagement_percentile=None if rate is None else draw(fractions),
        authentic_percentile=draw(fractions),
        audience=draw(audiences),
        past=None if performance is None else PastPerformance(completed=1),
        performance=performance,
    )


@st.composite
def populations(draw: st.DrawFn) -> list[tuple[str, list[Profile]]]:
    """A few creators with one or several accounts, or none."""
    result = []
    for number in range(draw(st.integers(0, 4))):
        name = f"creators/c{number}"
        accounts = draw(st.lists(st.sampled_from(PLATFORMS), unique=True, max_size=2))
        result.append((name, [draw(profiles(name, platform)) for platform in accounts or [None]]))
    return result


targets = st.builds(
    Target,
    countries=some_of(COUNTRIES),
    ages=some_of(AGES),
    genders=some_of(GENDERS),
    languages=some_of(LANGUAGES),
)
some_platforms = st.lists(st.sampled_from(PLATFORMS), unique=True, max_size=2).map(tuple)
briefs = st.builds(Brief, target=targets, categories=some_of(CATEGORIES), platforms=some_platforms)
demands = st.one_of(
    *(
        st.builds(
            AudienceShareFilter,
            dimension=st.just(dimension),
            codes=st.lists(st.sampled_from(codes), unique=True, min_size=1, max_size=3).map(tuple),
            min_share=st.integers(0, 100).map(lambda percent: percent / 100),
        )
        for dimension, codes in (
            (AudienceDimension.COUNTRY, COUNTRIES),
            (AudienceDimension.AGE, AGES),
            (AudienceDimension.GENDER, GENDERS),
            (AudienceDimension.LANGUAGE, LANGUAGES),
        )
    )
)
filters = st.builds(
    CreatorFilter,
    platforms=st.just(()) | some_platforms,
    countries=st.just(()) | some_of(COUNTRIES),
    categories=st.just(()) | some_of(CATEGORIES),
    tiers=st.just(()) | some_of(TIERS),
    min_followers=st.none() | st.integers(0, 3000),
    max_followers=st.none() | st.integers(1000, 5000),
    min_engagement_rate=fractions,
    max_engagement_rate=fractions,
    languages=st.just(()) | some_of(LANGUAGES),
    verified=st.none() | st.booleans(),
    audience=st.lists(demands, max_size=2).map(tuple),
    main_audience_countries=st.just(()) | some_of(COUNTRIES),
)
