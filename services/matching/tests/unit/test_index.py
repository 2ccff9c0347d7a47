"""The index finds, orders and scores as the domain's own rules do, one creator at a time."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from entente_matching.application.index import Query, SearchIndex
from entente_matching.domain.creators import Audience, Share
from entente_matching.domain.filters import UNKNOWN, AudienceShareFilter, CreatorFilter, exclusions
from entente_matching.domain.fit import Brief, Target, best, score
from entente_matching.domain.profiles import Profile
from entente_matching.domain.words import AudienceDimension, Platform

from .some import briefs, filters, populations

# Whole populations are slow to draw.
fewer = settings(max_examples=40)

Population = list[tuple[str, list[Profile]]]


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
    pages, after = [], None
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
