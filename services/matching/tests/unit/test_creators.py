"""Creators and what is observed of them over time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_chassis.refusal import AlreadyExists, Invalid
from entente_matching.domain.creators import (
    HISTORY_KEPT,
    Account,
    Audience,
    Creator,
    CreatorRegistered,
    Moment,
    Observation,
    Share,
    imported,
    merge,
    record,
    register,
)
from entente_matching.domain.words import Platform

PRESENT = Moment(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 12, tzinfo=UTC))


def observed(month: int, *, day: int = 1, platform: Platform = Platform.INSTAGRAM, **more: object) -> Observation:
    return replace(
        Observation(datetime(2022, month, day, tzinfo=UTC), platform, {"followers": 1000.0 * month}),
        **more,  # type: ignore[arg-type]
    )


def test_several_snapshots_of_one_creator_become_its_history() -> None:
    creator = imported("creators/c1", [observed(9), observed(3), observed(6)], PRESENT)
    assert [snapshot.at.month for snapshot in creator.accounts[0].history] == [3, 6, 9]


def test_importing_the_same_again_changes_nothing() -> None:
    rows = [observed(3, facts={"categories": ("music",)}), observed(6, audience=Audience(countries=(Share("IN"),)))]
    creator = imported("creators/c1", rows, PRESENT)
    later = Moment(PRESENT.domain + timedelta(days=1), PRESENT.technical + timedelta(days=1))
    assert merge(creator, rows, later) is creator


def test_what_is_known_does_not_depend_on_the_order_of_the_rows() -> None:
    rows = [
        observed(12, facts={"country": "FR"}),
        observed(6, facts={"categories": ("music",)}, handle="old"),
        observed(3, facts={"categories": ("sports",), "country": "BE"}, handle="older"),
        observed(9, platform=Platform.TIKTOK, audience=Audience(countries=(Share("IN"),))),
    ]
    results = []
    for order in permutations(rows):
        creator = imported("creators/c1", [order[0]], PRESENT)
        for row in order[1:]:
            creator = merge(creator, [row], PRESENT)
        results.append(creator)
    assert all(result == results[0] for result in results)
    assert (results[0].categories, results[0].country) == (("music",), "FR")


def test_a_newer_row_that_does_not_know_a_fact_keeps_the_older_one() -> None:
    creator = imported("creators/c1", [observed(3, facts={"categories": ("music",)}), observed(9)], PRESENT)
    assert creator.categories == ("music",)


def test_a_measurement_replaces_the_one_of_the_same_day() -> None:
    creator = imported("creators/c1", [observed(3)], PRESENT)
    creator = record(creator, observed(3, figures={"followers": 5.0}), PRESENT)
    assert [snapshot.figures for snapshot in creator.accounts[0].history] == [{"followers": 5.0}]


def test_a_measurement_on_another_platform_adds_an_account() -> None:
    creator = imported("creators/c1", [observed(3)], PRESENT)
    creator = record(creator, observed(4, platform=Platform.YOUTUBE), PRESENT)
    assert [account.platform for account in creator.accounts] == [Platform.INSTAGRAM, Platform.YOUTUBE]


def test_a_measurement_from_the_future_is_refused() -> None:
    creator = imported("creators/c1", [observed(3)], PRESENT)
    with pytest.raises(Invalid) as refusal:
        record(creator, replace(observed(3), at=PRESENT.domain + timedelta(days=1)), PRESENT)
    assert refusal.value.violations[0].field == "metrics.measure_time"


def test_shares_that_add_up_to_more_than_the_whole_are_refused() -> None:
    creator = imported("creators/c1", [observed(3)], PRESENT)
    too_much = Audience(
        genders=(Share("FEMALE", 0.8), Share("MALE", 0.4)), countries=(Share("FR", 0.1), Share("FR", 0.1))
    )
    with pytest.raises(Invalid) as refusal:
        record(creator, observed(3, audience=too_much), PRESENT)
    assert [violation.field for violation in refusal.value.violations] == ["audience.countries", "audience.genders"]


def test_a_history_is_bounded() -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    rows = [
        replace(observed(1), at=start + timedelta(days=day), figures={"followers": float(day)})
        for day in range(HISTORY_KEPT + 10)
    ]
    creator = imported("creators/c1", rows, PRESENT)
    history = creator.accounts[0].history
    assert len(history) == HISTORY_KEPT
    assert history[-1].figures["followers"] == HISTORY_KEPT + 9


def test_a_name_that_is_taken_is_not_registered_again() -> None:
    creator = Creator("Anna", PRESENT.domain, PRESENT.domain, PRESENT.technical)
    registered, events = register(None, "creators/anna", creator)
    assert events == [CreatorRegistered("creators/anna", "", ())]
    with pytest.raises(AlreadyExists):
        register(registered, "creators/anna", creator)


def test_two_accounts_on_one_platform_are_refused() -> None:
    twice = (Account(Platform.TIKTOK), Account(Platform.TIKTOK))
    creator = Creator("Anna", PRESENT.domain, PRESENT.domain, PRESENT.technical, accounts=twice)
    with pytest.raises(Invalid) as refusal:
        register(None, "creators/anna", creator)
    assert refusal.value.violations[0].field == "accounts[1].platform"


def test_an_import_of_older_figures_does_not_overwrite_what_was_registered() -> None:
    creator = Creator("Anna", PRESENT.domain, PRESENT.domain, PRESENT.technical, country="FR")
    registered, _ = register(None, "creators/anna", creator)
    merged = merge(registered, [observed(3, facts={"display_name": "c1", "country": "US"})], PRESENT)
    assert (merged.display_name, merged.country) == ("Anna", "FR")


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 10**9)), min_size=1, max_size=12))
def test_a_history_is_in_the_order_of_time_with_one_entry_a_day(rows: list[tuple[int, int]]) -> None:
    observations = [observed(month, figures={"followers": float(count)}) for month, count in rows]
    creator = imported("creators/c1", observations, PRESENT)
    months = [snapshot.at.month for snapshot in creator.accounts[0].history]
    assert months == sorted({month for month, _ in rows})
