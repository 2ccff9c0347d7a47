from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_campaign.domain.calendars import Calendar, is_business_day, plus_days, remind_at, time_zone_of

PARIS = Calendar("Europe/Paris", ("FR",))


def at(day: str, hour: int, minute: int = 0) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, minute=minute, tzinfo=UTC)


def test_a_day_off_in_any_market_is_no_business_day() -> None:
    assert not is_business_day(date(2026, 7, 14), ("FR",))
    assert is_business_day(date(2026, 7, 14), ("IT",))
    assert not is_business_day(date(2026, 7, 14), ("IT", "FR"))
    assert not is_business_day(date(2026, 7, 18), ())


@pytest.mark.parametrize(
    ("due", "reminded"),
    [
        (at("2026-07-10", 10), at("2026-07-10", 10)),  # a Friday at noon in Paris
        (at("2026-07-10", 3), at("2026-07-10", 7)),  # too early: nine o'clock in Paris
        (at("2026-07-10", 17), at("2026-07-13", 7)),  # Friday evening: Monday
        (at("2026-07-13", 20), at("2026-07-15", 7)),  # the 14th is a public holiday
        (at("2026-12-11", 10), at("2026-12-11", 10)),  # winter: eleven in Paris
    ],
)
def test_reminders_come_on_a_business_day_at_a_civil_hour(due: datetime, reminded: datetime) -> None:
    assert remind_at(due, None, PARIS) == reminded


def test_a_reminder_of_a_deadline_comes_before_it_and_not_after_the_weekend() -> None:
    sunday_noon = at("2026-07-12", 10)
    assert remind_at(at("2026-07-11", 10), sunday_noon, PARIS) == at("2026-07-10", 15)


def test_days_are_counted_by_the_clock_on_the_wall() -> None:
    assert plus_days(at("2026-03-02", 9), 28, PARIS) == at("2026-03-30", 8)
    assert plus_days(at("2026-03-02", 9), 28, Calendar()) == at("2026-03-30", 9)


def test_the_time_zone_is_that_of_the_first_market() -> None:
    assert [time_zone_of(markets) for markets in (("FR", "LV"), ("LV",), ())] == ["Europe/Paris", "Europe/Riga", "UTC"]


@given(
    st.integers(0, 4 * 365 * 24).map(lambda hour: at("2025-01-01", 0) + timedelta(hours=hour)),
    st.sampled_from([("FR",), ("IT", "LV"), ("US",), ("SA",), ()]),
    st.integers(1, 20 * 24),
)
def test_a_reminder_is_never_after_its_deadline_and_never_far_from_its_moment(
    moment: datetime, markets: tuple[str, ...], hours: int
) -> None:
    deadline = moment + timedelta(hours=hours)
    reminded = remind_at(moment, deadline, Calendar(time_zone_of(markets), markets))
    assert reminded <= deadline
    assert abs(reminded - moment) <= timedelta(days=11)
