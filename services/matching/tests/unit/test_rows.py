"""Rows of a file: what is right is understood, and each wrong column is named."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_chassis.refusal import Invalid
from entente_matching.adapters.reference import load_reference
from entente_matching.domain.creators import Share
from entente_matching.domain.rows import GoodRow, Reject, RowReader
from entente_matching.domain.words import Platform

NOT_AFTER = datetime(2026, 3, 1, tzinfo=UTC)
GOOD = {
    "creator": "c0a1",
    "platform": "instagram",
    "snapshot": "2022-06",
    "category_1": "Food & Drinks",
    "category_2": "Travel",
    "followers": "9100000",
    "audience_country": "India",
    "engagement_avg": "249300",
    "engagement_authentic": "179000",
}


def reader(columns: list[str], platform: Platform | None = None, snapshot: str = "") -> RowReader:
    return RowReader(
        load_reference(), columns, default_platform=platform, default_snapshot=snapshot, not_after=NOT_AFTER
    )


def read(values: dict[str, str]) -> GoodRow | list[Reject]:
    return reader(list(values)).read(7, list(values.values()))


def test_a_row_of_the_2022_file_is_understood() -> None:
    row = read(GOOD)
    assert isinstance(row, GoodRow)
    assert row.creator == "c0a1"
    observed = row.observation
    assert observed.at == datetime(2022, 6, 1, tzinfo=UTC)
    assert observed.platform is Platform.INSTAGRAM
    assert observed.facts == {"categories": ("food", "travel")}
    assert observed.figures == {
        "followers": 9_100_000, "average_engagements": 249_300, "authentic_engagements": 179_000
    }  # fmt: skip


def test_the_audiences_country_is_not_the_creators_country() -> None:
    row = read(GOOD)
    assert isinstance(row, GoodRow)
    assert row.observation.audience.countries == (Share("IN", None),)
    assert "country" not in row.observation.facts


def test_an_empty_value_is_not_known_and_not_zero() -> None:
    row = read(GOOD | {"followers": "", "audience_country": " "})
    assert isinstance(row, GoodRow)
    assert "followers" not in row.observation.figures
    assert row.observation.audience.countries == ()


def test_a_row_of_the_2019_file_takes_platform_and_date_from_the_import() -> None:
    values = {
        "creator": "c000091effa", "category": "fashion", "followers": "14760", "median_likes": "150.0",
        "engagement_rate_pct": "5.908", "top_geotag_country": "BR", "caption_language": "pt",
    }  # fmt: skip
    row = reader(list(values), Platform.INSTAGRAM, "2019-12").read(2, list(values.values()))
    assert isinstance(row, GoodRow)
    assert row.observation.facts == {"categories": ("fashion",), "country": "BR", "languages": ("pt",)}
    assert row.observation.figures["engagement_rate"] == pytest.approx(0.05908)
    assert row.observation.platform is Platform.INSTAGRAM


def test_shares_of_the_audience_are_read() -> None:
    shares = {"audience_countries": "FR:0.62|Belgium:0.08", "audience_ages": "18-24:0.4|55+:0.1"}
    row = read(GOOD | {"audience_country": "France"} | shares)
    assert isinstance(row, GoodRow)
    assert row.observation.audience.countries == (Share("FR", 0.62), Share("BE", 0.08))
    assert row.observation.audience.ages == (Share("18-24", 0.4), Share("55+", 0.1))


def test_a_main_country_that_is_not_among_the_shares_is_set_aside() -> None:
    row = read(GOOD | {"audience_country": "India", "audience_countries": "FR:0.62|BE:0.08"})
    assert isinstance(row, GoodRow)
    assert row.observation.audience.countries == (Share("FR", 0.62), Share("BE", 0.08))
    assert [(reject.column, reject.row_kept) for reject in row.set_aside] == [("audience_country", True)]


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("creator", "Not An Id", "not an id"),
        ("creator", "", "needed"),
        ("creator", "é", "not an id"),
        ("platform", "myspace", "not one of"),
        ("platform", "", "needed"),
        ("snapshot", "2022-13", "day of the calendar"),
        ("snapshot", "June", "not a date"),
        ("snapshot", "2022-06-31", "day of the calendar"),
        ("snapshot", "2026-04", "future"),
        ("snapshot", "٢٠٢٢-٠٦", "not a date"),
        ("followers", "4.9M", "whole number"),
        ("followers", "-3", "whole number"),
        ("followers", "12.5", "whole number"),
        ("followers", "١٢", "whole number"),
        ("followers", "9" * 40, "too large"),
        ("avg_views", "nan", "number of 0 or more"),
        ("avg_views", "1e5", "number of 0 or more"),
        ("avg_likes", "inf", "number of 0 or more"),
        ("handle", "bad\ufffdbytes", "not UTF-8"),
    ],
)
def test_a_malformed_column_is_named_with_what_is_wrong(column: str, value: str, reason: str) -> None:
    values = GOOD | {"audience_country": ""} | {column: value}
    rejects = read(values)
    assert not isinstance(rejects, GoodRow)
    assert [reject.row for reject in rejects] == [7]
    assert rejects[0].column == column
    assert reason in rejects[0].reason


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("audience_country", "0", "not a country"),
        ("audience_country", "10.2M", "not a country"),
        ("country", "Atlantis", "not a country"),
        ("languages", "french", "not a language"),
        ("verified", "perhaps", "neither yes nor no"),
        ("audience_ages", "young:0.5", "age band"),
        ("audience_genders", "FEMALE:1.5", "from 0 to 1"),
        ("audience_genders", "FEMALE", "codes and shares"),
        ("audience_countries", "FR:0.9|BE:0.3", "more than 1"),
        ("audience_active_share", "80", "from 0 to 1"),
        ("display_name", "x" * 201, "longer than 200"),
    ],
)
def test_a_description_that_is_not_understood_is_set_aside_and_the_figures_are_kept(
    column: str, value: str, reason: str
) -> None:
    row = read(GOOD | {"audience_country": ""} | {column: value})
    assert isinstance(row, GoodRow)
    assert row.observation.figures["followers"] == float(GOOD["followers"])
    (aside,) = row.set_aside
    assert (aside.row, aside.column, aside.row_kept) == (7, column, True)
    assert reason in aside.reason


def test_all_that_is_wrong_with_a_row_is_named_at_once() -> None:
    rejects = read(GOOD | {"followers": "many", "audience_country": "0", "snapshot": ""})
    assert not isinstance(rejects, GoodRow)
    assert {reject.column for reject in rejects} == {"followers", "audience_country", "snapshot"}
    assert not any(reject.row_kept for reject in rejects)


def test_a_row_with_too_few_values_is_refused_whole() -> None:
    rejects = reader(["creator", "platform", "snapshot"]).read(3, ["c1", "tiktok"])
    assert rejects == [Reject(3, "", "", "has 2 values, and there are 3 columns")]


def test_a_long_bad_value_is_shown_cut() -> None:
    rejects = read(GOOD | {"followers": "x" * 5000})
    assert not isinstance(rejects, GoodRow)
    assert len(rejects[0].value) == 100


def test_names_of_any_script_are_kept() -> None:
    row = read(GOOD | {"display_name": " Ānna Bērziņa 🎨 李雷 ", "handle": "@ānna"})
    assert isinstance(row, GoodRow)
    assert row.observation.facts["display_name"] == "Ānna Bērziņa 🎨 李雷"
    assert row.observation.handle == "ānna"


def test_columns_that_are_unknown_twice_or_missing_are_all_named() -> None:
    with pytest.raises(Invalid) as refusal:
        reader(["followers", "followers", "shoe_size"])
    named = " ".join(violation.description for violation in refusal.value.violations)
    for word in ("'followers' is given twice", "'shoe_size' is not known", "'creator' is missing", "'snapshot'"):
        assert word in named


def test_a_byte_order_mark_before_the_first_column_does_no_harm() -> None:
    assert isinstance(reader(["\ufeffcreator"], Platform.X, "2022-01").read(2, ["c1"]), GoodRow)


@given(st.lists(st.text(max_size=30), min_size=len(GOOD), max_size=len(GOOD)))
def test_whatever_stands_in_a_row_it_is_understood_or_refused_by_column(values: list[str]) -> None:
    row = reader(list(GOOD)).read(1, values)
    if not isinstance(row, GoodRow):
        assert row
        assert all(reject.column in GOOD and reject.reason for reject in row)


def test_a_row_whose_columns_slipped_at_the_source_keeps_its_followers() -> None:
    # The country was missing, and the figures after it moved to the left: its place holds a number.
    row = read(GOOD | {"audience_country": "4.9M", "engagement_authentic": "4900000", "engagement_avg": ""})
    assert isinstance(row, GoodRow)
    assert [reject.column for reject in row.set_aside] == ["audience_country"]
    assert row.observation.audience.countries == ()
    # What now stands as authentic engagements has no whole to be a part of, so that nothing is concluded from it.
    assert "average_engagements" not in row.observation.figures
