from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_chassis.filters import flag, moment, number, one_of, parse_filter, parse_order, text
from entente_chassis.refusal import Invalid

FIELDS = {
    "state": one_of("state", {"OVERDUE": "OVERDUE", "RATED": "RATED"}),
    "platform": one_of("account.platform", {"TIKTOK": "TIKTOK"}),
    "creator": text("creator"),
    "fit": number("fit", per=100),
    "late": flag("late"),
    "due_time": moment("due_at"),
}


def test_and_or_not_and_parentheses_combine_as_aip_160_says() -> None:
    assert parse_filter("", FIELDS) == {}
    assert parse_filter("state = OVERDUE", FIELDS) == {"state": "OVERDUE"}
    assert parse_filter("state = OVERDUE AND platform=TIKTOK", FIELDS) == {
        "$and": [{"state": "OVERDUE"}, {"account.platform": "TIKTOK"}]
    }
    # OR binds tighter than AND: the opposite of most languages, and what the standard says.
    assert parse_filter("late = true AND state = OVERDUE OR fit >= 60.5", FIELDS) == {
        "$and": [{"late": True}, {"$or": [{"state": "OVERDUE"}, {"fit": {"$gte": 6050}}]}]
    }
    assert parse_filter('NOT (creator = "creators/a \\"b\\"" OR -late = true)', FIELDS) == {
        "$nor": [{"$or": [{"creator": 'creators/a "b"'}, {"$nor": [{"late": True}]}]}]
    }
    due = datetime(2026, 3, 1, 8, tzinfo=UTC)
    assert parse_filter("due_time < 2026-03-01T09:00:00+01:00", FIELDS) == {"due_at": {"$lt": due}}


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("stat = OVERDUE", "did you mean state?"),
        ("state = LATE", "one of OVERDUE, RATED"),
        ("state < OVERDUE", "only = and != are known for it"),
        ("fit > NaN", "a number"),
        ("fit > 1e30", "steps of 1/100"),
        ("fit > 60.555", "steps of 1/100"),
        ("due_time > yesterday", "a moment such as"),
        ("due_time > 2026-03-01T09:00:00", "with its zone"),
        ("state = OVERDUE platform = TIKTOK", "from character 17 on"),
        ("state =", "ends too early"),
        ("OVERDUE", "from character 1 on"),
        ("(" * 900 + "late = true" + ")" * 900, "too deeply"),
        ("-" * 500 + "late = true", "too deeply"),
        (" OR ".join(["late = true"] * 51), "at most 50"),
        ("late = true" + " " * 2000, "at most 2000"),
    ],
)
def test_a_filter_that_says_nothing_sensible_is_refused_with_the_place_and_the_remedy(
    expression: str, told: str
) -> None:
    with pytest.raises(Invalid) as refused:
        parse_filter(expression, FIELDS)
    assert refused.value.reason == "FILTER_INVALID"
    assert told in refused.value.message
    assert [violation.field for violation in refused.value.violations] == ["filter"]


def test_all_that_is_wrong_is_named_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        parse_filter("nobody = 1 AND state = LATE AND fit = x", FIELDS)
    assert len(refused.value.violations) == 3


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(expression: str) -> None:
    with suppress(Invalid):
        parse_filter(expression, FIELDS)


@given(st.text(max_size=20), st.integers(-(10**9), 10**9), st.datetimes(timezones=st.just(UTC)))
def test_a_value_arrives_as_it_was_written(words: str, amount: int, when: datetime) -> None:
    quoted = words.replace("\\", "\\\\").replace('"', '\\"')
    expression = f'creator = "{quoted}" AND fit != {amount / 100:.2f} AND due_time = {when.isoformat()}'
    where: Any = parse_filter(expression, FIELDS)
    assert where == {"$and": [{"creator": words}, {"fit": {"$ne": amount}}, {"due_at": when}]}


def test_order_by_names_one_field_and_a_direction() -> None:
    paths = {"due_time": "due_at", "fit": "fit"}
    assert parse_order("", paths, "-created_at") == "-created_at"
    assert parse_order("due_time", paths, "_id") == "due_at"
    assert parse_order("fit desc", paths, "_id") == "-fit"
    for wrong in ("due_at", "fit down", "fit,due_time"):
        with pytest.raises(Invalid, match="must be one of due_time, fit"):
            parse_order(wrong, paths, "_id")
