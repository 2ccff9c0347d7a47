"""The search: exact scores, and an index that answers as the plain reference does, whatever is asked of whomever."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entente_chassis.money import Money
from entente_chassis.refusal import Invalid
from entente_matching.application.search import Hit, Order, PlainSearch, Query, SearchIndex
from entente_matching.application.search import columns as layout
from entente_matching.application.search.index import Entry
from entente_matching.domain.creators import Audience, Share
from entente_matching.domain.feedback import PastPerformance
from entente_matching.domain.figures import basis_of
from entente_matching.domain.filters import (
    UNKNOWN,
    AudienceShareFilter,
    CreatorFilter,
    check_filter,
    exclusions,
    matches,
)
from entente_matching.domain.fit import ASSUMED, FULL, Brief, Target, score, shares_of_score
from entente_matching.domain.lookalikes import likeness_of, similarity
from entente_matching.domain.profiles import Profile
from entente_matching.domain.words import AudienceDimension, FitFactor, Platform

COUNTRIES = ["FR", "IT", "LV", "BR", "US", "GB", "DE", "ES", "PT", "PL"]
AGES = ["13-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+", "66-70", "71+"]
GENDERS = ["FEMALE", "MALE"]
LANGUAGES = ["fr", "it", "lv", "en", "pt"]
DEVICES = ["IOS", "ANDROID"]
TYPES = ["REAL", "SUSPICIOUS"]
CATEGORIES = ["beauty", "food", "art", "music", "travel"]
PLATFORMS = [Platform.INSTAGRAM, Platform.TIKTOK, Platform.YOUTUBE]
TIERS = ["nano", "micro", "mega"]
WORDS = ["Ānna", "anna maria", "Ōzols", "fit", "fitness", "Łukasz"]
DAYS = [date(2026, 3, day) for day in (1, 10, 20)]
TIMES = [datetime(2026, 3, day, 12, tzinfo=UTC) for day in (1, 10, 20)]


def some_of(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=len(values)).map(tuple)


@st.composite
def shares(draw: st.DrawFn, codes: list[str]) -> tuple[Share, ...]:
    """Nothing, a main code without its share, or shares that add up to 1 at most; the largest may be without."""
    chosen = draw(some_of(codes))
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return tuple(Share(code) for code in chosen[:1])
    weighted = tuple(Share(code, draw(st.integers(0, 100)) / 100 / len(chosen)) for code in chosen)
    return (Share(weighted[0].code), *weighted[1:]) if kind == 1 and weighted else weighted


audiences = st.builds(
    Audience,
    countries=shares(COUNTRIES),
    ages=shares(AGES),
    genders=shares(GENDERS),
    languages=shares(LANGUAGES),
    devices=shares(DEVICES),
    types=shares(TYPES),
)
fractions = st.none() | st.floats(0, 1)


@st.composite
def profiles(draw: st.DrawFn, creator: str = "creators/a", platform: Platform | None = Platform.TIKTOK) -> Profile:
    """A creator through one account."""
    performance, rate = draw(fractions), draw(fractions)
    price = draw(st.none() | st.integers(0, 1000))
    return Profile(
        creator=creator,
        display_name=draw(st.sampled_from(WORDS)),
        country=draw(st.sampled_from(["", *COUNTRIES])),
        languages=draw(some_of(LANGUAGES)),
        categories=draw(some_of(CATEGORIES)),
        verified=draw(st.booleans()),
        platform=platform,
        followers=draw(st.none() | st.integers(0, 5000)),
        tier=draw(st.sampled_from(["", *TIERS])),
        engagement_rate=rate,
        engagement_basis=basis_of(platform) if platform and rate is not None else None,
        engagement_percentile=None if rate is None else draw(fractions),
        audience=draw(audiences),
        past=None if performance is None else PastPerformance(completed=1),
        performance=performance,
        authenticity=draw(fractions),
        price_minor=price,
        currency="" if price is None else draw(st.sampled_from(["EUR", "USD"])),
        available_from=draw(st.none() | st.sampled_from(DAYS)),
        available_until=draw(st.none() | st.sampled_from(DAYS)),
        last_active=draw(st.none() | st.sampled_from(TIMES)),
        bio=draw(st.sampled_from(["", *WORDS])),
    )


@st.composite
def populations(draw: st.DrawFn) -> list[tuple[str, list[Profile]]]:
    """A few creators with one or several accounts, or none."""
    result = []
    for number in range(draw(st.integers(0, 4))):
        name = f"creators/c{number}"
        accounts = draw(st.lists(st.sampled_from(PLATFORMS), unique=True, max_size=2))
        through: list[Platform | None] = [*accounts] or [None]
        rows = [draw(profiles(name, platform)) for platform in through]
        # The same creator through each of its accounts.
        whole = ("display_name", "country", "categories", "languages", "verified", "past", "performance", "bio")
        same = {field: getattr(rows[0], field) for field in whole}
        result.append((name, [replace(row, **same) for row in rows]))
    return result


some_platforms = st.lists(st.sampled_from(PLATFORMS), unique=True, max_size=2).map(tuple)
targets = st.builds(
    Target,
    countries=some_of(COUNTRIES),
    ages=some_of(AGES),
    genders=some_of(GENDERS),
    languages=some_of(LANGUAGES),
)
budgets = st.none() | st.builds(Money, st.sampled_from(["EUR", "USD", "JPY"]), st.integers(0, 800))
briefs = st.builds(Brief, target=targets, categories=some_of(CATEGORIES), platforms=some_platforms, budget=budgets)
demands = st.one_of(
    *(
        st.builds(
            AudienceShareFilter,
            dimension=st.just(dimension),
            codes=st.lists(st.sampled_from(codes), unique=True, min_size=1, max_size=4).map(tuple),
            min_share=st.integers(0, 60).map(lambda percent: percent / 100),
            max_share=st.none() | st.integers(60, 100).map(lambda percent: percent / 100),
        )
        for dimension, codes in (
            (AudienceDimension.COUNTRY, COUNTRIES),
            (AudienceDimension.AGE, AGES),
            (AudienceDimension.GENDER, GENDERS),
            (AudienceDimension.LANGUAGE, LANGUAGES),
            (AudienceDimension.DEVICE, DEVICES),
            (AudienceDimension.TYPE, TYPES),
        )
    )
)
FIELDS: dict[str, st.SearchStrategy[object]] = {
    "platforms": some_platforms,
    "countries": some_of(COUNTRIES),
    "categories": some_of(CATEGORIES),
    "tiers": some_of(TIERS),
    "min_followers": st.integers(0, 3000),
    "max_followers": st.integers(1000, 5000),
    "min_engagement_rate": st.floats(0, 1),
    "max_engagement_rate": st.floats(0, 1),
    "languages": some_of(LANGUAGES),
    "verified": st.booleans(),
    "audience": st.lists(demands, min_size=1, max_size=2).map(tuple),
    "main_audience_countries": some_of(COUNTRIES),
    "min_authenticity": st.integers(0, 100),
    "max_price": st.builds(Money, st.sampled_from(["EUR", "USD", "JPY"]), st.integers(0, 1000)),
    "available_on": st.sampled_from(DAYS),
    "active_since": st.sampled_from(TIMES),
    "text": st.sampled_from(["an", "anna", "ozols", "FIT", "maria an", "lukasz", "beau", "q"]),
}


@st.composite
def trees(draw: st.DrawFn, depth: int = 2) -> CreatorFilter:
    """A filter of a few fields, and of filters."""
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), unique=True, max_size=2))
    wanted = CreatorFilter(**{name: draw(FIELDS[name]) for name in names})  # type: ignore[arg-type]
    if not depth:
        return wanted
    for joint in draw(st.lists(st.sampled_from(["all_of", "any_of", "none_of"]), unique=True, max_size=2)):
        children = draw(st.lists(trees(depth - 1), min_size=1, max_size=2).map(tuple))
        wanted = replace(wanted, **{joint: children})  # type: ignore[arg-type]
    return wanted


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """Any search."""
    order = draw(st.sampled_from([order for order in Order if order is not Order.SIMILARITY]))
    brief = draw(briefs if order is Order.FIT else st.none() | briefs)
    excluded = draw(st.sets(st.sampled_from(["creators/c0", "creators/c2"]))) if draw(st.booleans()) else ()
    return Query(
        wanted=draw(trees()),
        brief=brief,
        order=order,
        descending=draw(st.booleans()),
        limit=draw(st.sampled_from([1, 2, 100])),
        excluded=frozenset(excluded),
    )


# Whole populations are slow to draw.
fewer = settings(max_examples=30)

Population = list[tuple[str, list[Profile]]]


def indexed(population: Population) -> SearchIndex:
    index = SearchIndex()
    index.put((name, 1, accounts) for name, accounts in population)
    return index


def shown(hits: tuple[Hit, ...]) -> list[tuple[str, Platform | None, int | None]]:
    return [(hit.creator, hit.profile.platform, hit.score_hundredths) for hit in hits]


def assert_same(index: SearchIndex, plain: PlainSearch, query: Query) -> None:
    ours, theirs = index.search(query), plain.search(query)
    assert shown(ours.hits) == shown(theirs.hits)
    assert (ours.total, ours.next, ours.unknown_audience) == (theirs.total, theirs.next, theirs.unknown_audience)
    assert ours.facets == theirs.facets


@fewer
@given(populations(), queries())
def test_the_index_answers_as_the_plain_search_does(population: Population, query: Query) -> None:
    assert_same(indexed(population), PlainSearch(population), query)


@fewer
@given(populations(), populations(), queries(), st.sets(st.sampled_from(["creators/c0", "creators/c1"])))
def test_changes_and_deletions_leave_what_an_index_made_anew_would_hold(
    before: Population, after: Population, query: Query, gone: set[str]
) -> None:
    index = indexed(before)
    index.put((name, 2, accounts) for name, accounts in after)
    for name in gone:
        index.remove(name)
    left = {name: accounts for name, accounts in (dict(before) | dict(after)).items() if name not in gone}
    assert_same(index, PlainSearch(sorted(left.items())), query)
    assert len(index) == len(left)


@fewer
@given(populations(), queries())
def test_pages_together_are_the_whole_list_once(population: Population, query: Query) -> None:
    index = indexed(population)
    whole = index.search(replace(query, limit=1000)).hits
    pages: list[Hit] = []
    after = None
    while True:
        found = index.search(replace(query, limit=1, after=after))
        pages += found.hits
        after = found.next
        if after is None:
            break
    assert shown(tuple(pages)) == shown(whole)


@fewer
@given(populations(), queries())
def test_what_the_index_shows_scores_as_what_is_stored(population: Population, query: Query) -> None:
    by_name = dict(population)
    for hit in indexed(population).search(query).hits:
        stored = next(each for each in by_name[hit.creator] if each.platform == hit.profile.platform)
        if query.brief:
            assert score(hit.profile, query.brief) == score(stored, query.brief)
            assert score(stored, query.brief).score_hundredths == hit.score_hundredths


@fewer
@given(populations(), st.lists(profiles(), min_size=1, max_size=5))
def test_lookalikes_are_the_same_by_columns_and_one_by_one(population: Population, seeds: list[Profile]) -> None:
    likeness = likeness_of(seeds)
    query = Query(likeness=likeness, order=Order.SIMILARITY, facets=())
    assert_same(indexed(population), PlainSearch(population), query)
    for _, accounts in population:
        found = similarity(accounts[0], likeness)
        assert sum(each.points_hundredths for each in found.features) == found.score_hundredths <= FULL


@given(profiles(), trees())
def test_who_is_found_and_why_not_are_the_same_question(profile: Profile, wanted: CreatorFilter) -> None:
    assert matches(profile, wanted) == (not exclusions(profile, wanted))


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
    assert all(each.value == ASSUMED[each.factor] / FULL for each in result.contributions if each.assumed)


@given(briefs)
def test_only_what_the_brief_asks_about_counts(brief: Brief) -> None:
    points = shares_of_score(brief)
    assert (FitFactor.AUDIENCE_COUNTRY in points) == bool(brief.target.countries)
    assert (FitFactor.CONTENT_AFFINITY in points) == bool(brief.categories)
    assert (FitFactor.PRICE in points) == (brief.budget is not None)
    assert sum(points.values()) == FULL


def somebody(number: int, **given: object) -> tuple[str, int, list[Profile]]:
    name = f"creators/c{number}"
    return name, 1, [Profile(name, f"Name {number}", platform=Platform.TIKTOK, **given)]  # type: ignore[arg-type]


def test_blocks_that_are_full_are_followed_by_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entente_matching.application.search.columns.BLOCK", 300)
    monkeypatch.setattr("entente_matching.application.search.index.BLOCK", 300)
    index = SearchIndex()
    many: list[Entry] = [somebody(number, followers=number % 40, categories=("art",)) for number in range(1000)]
    index.put(many)
    index.put((name, 2, [replace(accounts[0], followers=50)]) for name, _, accounts in many[:500])
    assert len(index.blocks) == 4
    plain = PlainSearch(
        (name, [replace(accounts[0], followers=50)] if at < 500 else accounts)
        for at, (name, _, accounts) in enumerate(many)
    )
    for wanted in (CreatorFilter(), CreatorFilter(max_followers=7), CreatorFilter(text="name 99")):
        assert_same(index, plain, Query(wanted=wanted, limit=30))


def test_an_index_of_texts_that_change_stays_small_and_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("entente_matching.application.search.text._OPEN_TEXTS", 50)
    index = SearchIndex()
    for version in range(1, 30):
        for number in range(60):
            name, _, accounts = somebody(number, bio=f"word{(version * number) % 61}")
            index.put([(name, version, accounts)])
    last = [somebody(number, bio=f"word{(29 * number) % 61}") for number in range(60)]
    plain = PlainSearch((name, accounts) for name, _, accounts in last)
    for text in ("word1", "word", "name 5", "word60"):
        assert_same(index, plain, Query(wanted=CreatorFilter(text=text)))
    assert sum(len(segment.texts) for segment in index.text._segments) < 29 * 60 * 3


def test_a_row_takes_less_than_two_hundred_bytes() -> None:
    # Besides the columns, a creator has a version and the place of its row.
    assert layout.BYTES_PER_ROW + 12 <= 200


def test_a_page_stays_where_it_was_while_creators_come_and_go() -> None:
    index = SearchIndex()
    index.put(somebody(number, followers=1000 - number) for number in range(10))
    first = index.search(Query(limit=4))
    index.remove(first.hits[-1].creator)
    index.put([somebody(100, followers=10_000), somebody(101, followers=0)])
    rest = index.search(Query(limit=100, after=first.next))
    assert [hit.creator for hit in rest.hits] == [f"creators/c{number}" for number in (4, 5, 6, 7, 8, 9, 101)]


def test_a_demand_on_the_audience_never_looks_at_where_the_creator_lives() -> None:
    lives_in_france = Profile("creators/a", "A", country="FR", audience=Audience(countries=(Share("IN", 0.9),)))
    followed_in_france = Profile("creators/b", "B", country="IN", audience=Audience(countries=(Share("FR", 0.9),)))
    index = indexed([("creators/a", [lives_in_france]), ("creators/b", [followed_in_france])])
    demand = AudienceShareFilter(AudienceDimension.COUNTRY, ("FR",), 0.5)
    assert [hit.creator for hit in index.search(Query(CreatorFilter(audience=(demand,)))).hits] == ["creators/b"]
    assert [hit.creator for hit in index.search(Query(CreatorFilter(countries=("FR",)))).hits] == ["creators/a"]


def test_not_of_what_is_not_known_is_not_known() -> None:
    index = indexed([("creators/a", [Profile("creators/a", "A")])])
    small = CreatorFilter(max_followers=1000)
    assert index.search(Query(small)).total == 0
    assert index.search(Query(CreatorFilter(none_of=(small,)))).total == 0


def test_an_empty_index_finds_nobody() -> None:
    found = SearchIndex().search(Query())
    assert (found.hits, found.total, found.next) == ((), 0, None)


def test_an_exclusion_says_by_how_much_and_in_which_branch() -> None:
    profile = Profile("creators/a", "A", followers=900, audience=Audience(genders=(Share("FEMALE", 0.4),)))
    demand = AudienceShareFilter(AudienceDimension.GENDER, ("FEMALE",), 0.6)
    wanted = CreatorFilter(
        min_followers=1000,
        audience=(demand,),
        languages=("fr",),
        any_of=(CreatorFilter(verified=True), CreatorFilter(max_followers=800)),
        none_of=(CreatorFilter(max_followers=900),),
    )
    by_field = {each.field: each for each in exclusions(profile, wanted)}
    assert by_field["min_followers"].shortfall == 100
    assert (by_field["audience[0]"].actual, by_field["audience[0]"].shortfall) == ("40.0%", 0.2)
    assert by_field["languages"].actual == UNKNOWN
    assert by_field["any_of[1].max_followers"].shortfall == 100
    assert by_field["none_of[0].max_followers"].required == "not at most 900"


def deep(levels: int) -> CreatorFilter:
    return CreatorFilter(all_of=(deep(levels - 1),)) if levels else CreatorFilter(verified=True)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (CreatorFilter(min_followers=10, max_followers=9), "filter.max_followers"),
        (CreatorFilter(any_of=(CreatorFilter(tiers=("tiny",)),)), "filter.any_of[0].tiers"),
        (CreatorFilter(countries=("XX",)), "filter.countries"),
        (CreatorFilter(text="!?"), "filter.text"),
        (deep(7), "filter.all_of[0].all_of[0].all_of[0].all_of[0].all_of[0].all_of[0]"),
        (CreatorFilter(any_of=(CreatorFilter(verified=True),) * 201), "filter"),
        (
            CreatorFilter(
                audience=(
                    AudienceShareFilter(AudienceDimension.GENDER, ("FEMALE",), 0.6),
                    AudienceShareFilter(AudienceDimension.GENDER, ("MALE",), 0.6),
                )
            ),
            "filter.audience",
        ),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused_by_name(wanted: CreatorFilter, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_filter(wanted, tiers=TIERS, countries=set(COUNTRIES))
    assert [violation.field for violation in refused.value.violations] == [field]
