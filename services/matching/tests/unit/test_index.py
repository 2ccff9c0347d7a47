"""Scores are exact, and the index finds, orders and scores as the domain's own rules do, one creator at a time."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from entente_matching.application.index import Hit, Query, SearchIndex
from entente_matching.domain.creators import Audience, Share
from entente_matching.domain.feedback import PastPerformance
from entente_matching.domain.filters import UNKNOWN, AudienceShareFilter, CreatorFilter, exclusions
from entente_matching.domain.fit import ASSUMED, FULL, Brief, Target, best, score, shares_of_score
from entente_matching.domain.profiles import Profile
from entente_matching.domain.words import AudienceDimension, FitFactor, Platform

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
        through: list[Platform | None] = [*accounts] or [None]
        result.append((name, [draw(profiles(name, platform)) for platform in through]))
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

# Whole populations are slow to draw.
fewer = settings(max_examples=40)

Population = list[tuple[str, list[Profile]]]


@given(profiles(), briefs)
def test_the_contributions_add_up_to_the_score_exactly(profile: Profile, brief: Brief) -> None:
    result = score(profile, brief)
    assert sum(each.points_hundredths for each in result.contributions) == result.score_hundredths
    assert sum(each.max_points_hundredths for each in result.contributions) == FULL
    assert 0 <= result.score_hundredths <= FULL
    assert all(0 <= each.points_hundredths <= each.max_points_hundredths for each in result.contributions)


@given(profiles(), briefs)
def test_what_is_assumed_is_named_as_missing(profile: Profile, brief: Brief) -> None:
    result = score(profile, brief)
    assumed = {each.factor for each in result.contributions if each.assumed}
    assert assumed <= {each.factor for each in result.missing}
    assert all(each.evidence for each in result.contributions)
    assert all(each.value == ASSUMED[each.factor] for each in result.contributions if each.assumed)


@given(briefs)
def test_only_what_the_brief_asks_about_counts(brief: Brief) -> None:
    points = shares_of_score(brief)
    assert (FitFactor.AUDIENCE_COUNTRY in points) == bool(brief.target.countries)
    assert (FitFactor.CONTENT_AFFINITY in points) == bool(brief.categories)
    assert sum(points.values()) == FULL


def indexed(population: Population) -> SearchIndex:
    index = SearchIndex()
    index.put((name, 1, accounts) for name, accounts in population)
    return index


@fewer
@given(populations(), filters)
def test_those_are_found_whom_nothing_excludes(population: Population, wanted: CreatorFilter) -> None:
    found = indexed(population).search(Query(wanted=wanted))
    matching = {name for name, accounts in population if any(not exclusions(account, wanted) for account in accounts)}
    assert {hit.creator for hit in found.hits} == matching
    assert found.total == len(matching)


@fewer
@given(populations(), filters)
def test_those_whose_audience_is_not_known_are_counted(population: Population, wanted: CreatorFilter) -> None:
    def only_unknown(account: Profile) -> bool:
        found = exclusions(account, wanted)
        return bool(found) and all(each.field.startswith("audience[") and UNKNOWN in each.actual for each in found)

    unsure = {
        name
        for name, accounts in population
        if any(only_unknown(account) for account in accounts)
        and all(exclusions(account, wanted) for account in accounts)
    }
    assert indexed(population).search(Query(wanted=wanted)).unknown_audience == len(unsure)


@fewer
@given(populations(), briefs)
def test_the_index_scores_as_the_domain_does_and_orders_by_it(population: Population, brief: Brief) -> None:
    found = indexed(population).search(Query(brief=brief, order="fit"))
    by_name = dict(population)
    expected = {}
    for name, accounts in population:
        if (choice := best(accounts, brief)) is not None:
            expected[name] = choice[1].score_hundredths
    assert {hit.creator: hit.score_hundredths for hit in found.hits} == expected
    assert [hit.creator for hit in found.hits] == sorted(expected, key=lambda name: (-expected[name], name))
    for hit in found.hits:
        account = next(each for each in by_name[hit.creator] if each.platform == hit.platform)
        assert score(account, brief).score_hundredths == hit.score_hundredths


@fewer
@given(
    populations(), st.sampled_from(["followers", "engagement_rate", "name", "fit"]), st.booleans(), st.integers(1, 4)
)
def test_pages_together_are_the_whole_list_once(
    population: Population, order: str, descending: bool, size: int
) -> None:
    index = indexed(population)
    query = Query(brief=Brief(Target(countries=("FR",))), order=order, descending=descending, limit=size)
    whole = index.search(replace(query, limit=1000)).hits
    pages: list[Hit] = []
    after = None
    while True:
        found = index.search(replace(query, after=after))
        pages += found.hits
        after = found.next
        if after is None:
            break
    assert tuple(pages) == whole


@fewer
@given(populations(), populations())
def test_a_changed_creator_replaces_what_was_known(before: Population, after: Population) -> None:
    changed = indexed(before)
    changed.put((name, 2, accounts) for name, accounts in after)
    merged = dict(before) | dict(after)
    fresh = indexed(sorted(merged.items()))
    brief = Brief(Target(countries=("FR", "LV"), genders=("FEMALE",)), ("beauty",))
    ours, theirs = (index.search(Query(brief=brief, order="fit")) for index in (changed, fresh))
    assert (ours.hits, ours.facets, ours.total) == (theirs.hits, theirs.facets, theirs.total)


@fewer
@given(populations(), filters)
def test_facets_count_creators_each_once(population: Population, wanted: CreatorFilter) -> None:
    found = indexed(population).search(Query(wanted=wanted))
    for facet in found.facets:
        total = sum(count for _, count in facet.values)
        if facet.field in ("category", "language"):
            assert total >= found.total
        else:
            assert total == found.total


def test_many_changes_to_one_creator_do_not_let_the_index_grow_or_forget() -> None:
    index = SearchIndex()
    steady = Profile("creators/b", "B", platform=Platform.TIKTOK, categories=("food",))
    index.put([("creators/b", 1, [steady])])
    for version in range(1, 3000):
        categories = ("beauty", "art") if version % 2 else ("food",)
        index.put([("creators/a", version, [replace(steady, creator="creators/a", categories=categories)])])
    assert index.search(Query(wanted=CreatorFilter(categories=("beauty",)))).total == 1
    assert index.search(Query(wanted=CreatorFilter(categories=("food",)))).total == 1
    assert index._categories._used < 3000


def test_a_demand_on_the_audience_never_looks_at_where_the_creator_lives() -> None:
    lives_in_france = Profile("creators/a", "A", country="FR", audience=Audience(countries=(Share("IN", 0.9),)))
    followed_in_france = Profile("creators/b", "B", country="IN", audience=Audience(countries=(Share("FR", 0.9),)))
    index = indexed([("creators/a", [lives_in_france]), ("creators/b", [followed_in_france])])
    demand = AudienceShareFilter(AudienceDimension.COUNTRY, ("FR",), 0.5)
    assert [hit.creator for hit in index.search(Query(wanted=CreatorFilter(audience=(demand,)))).hits] == ["creators/b"]
    assert [hit.creator for hit in index.search(Query(wanted=CreatorFilter(countries=("FR",)))).hits] == ["creators/a"]


def test_shares_of_several_codes_add_up_without_losing_to_rounding() -> None:
    profile = Profile("creators/a", "A", audience=Audience(ages=(Share("18-24", 0.3), Share("25-34", 0.3))))
    wanted = CreatorFilter(audience=(AudienceShareFilter(AudienceDimension.AGE, ("18-24", "25-34"), 0.6),))
    assert not exclusions(profile, wanted)
    assert indexed([("creators/a", [profile])]).search(Query(wanted=wanted)).total == 1


def test_an_empty_index_finds_nobody() -> None:
    found = SearchIndex().search(Query())
    assert (found.hits, found.total, found.next) == ((), 0, None)


def test_an_exclusion_says_by_how_much() -> None:
    profile = Profile("creators/a", "A", followers=900, audience=Audience(genders=(Share("FEMALE", 0.4),)))
    demand = AudienceShareFilter(AudienceDimension.GENDER, ("FEMALE",), 0.6)
    found = exclusions(profile, CreatorFilter(min_followers=1000, audience=(demand,), languages=("fr",)))
    by_field = {each.field: each for each in found}
    assert by_field["min_followers"].shortfall == 100
    assert by_field["audience[0]"].actual == "40.0%"
    assert by_field["languages"].actual == UNKNOWN
