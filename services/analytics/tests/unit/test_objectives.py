"""Objectives: how they stand at each moment, and that each change is told once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from entente_analytics.domain.audience import Target
from entente_analytics.domain.campaigns import Campaign, Metric, Objective
from entente_analytics.domain.objectives import (
    AudienceOffTarget,
    InTargetShare,
    ObjectiveStatusChanged,
    Status,
    Watch,
    begun,
    evaluated,
    look_again,
    progress_of,
    projected,
)

START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=40)
CLICKS = Objective(Metric.CLICKS, 1_000, END)
RATE = Objective(Metric.ENGAGEMENT_RATE, 300, END)
DAY = timedelta(days=1)
CAMPAIGN = Campaign("campaigns/c", "brands/b", "B", "Spring", "RUNNING", "EUR", CLICKS, Target(), START, END)
WATCH = Watch("campaigns/c", "", "", None, None, None, evaluate_at=START)


@pytest.mark.parametrize(
    ("objective", "day", "value", "status"),
    [
        (CLICKS, -1, None, Status.NOT_STARTED),
        (CLICKS, 5, None, Status.ON_TRACK),
        (CLICKS, 20, 450, Status.ON_TRACK),
        (CLICKS, 20, 449, Status.AT_RISK),
        (CLICKS, 20, None, Status.AT_RISK),
        (CLICKS, 20, 1_000, Status.MET),
        (CLICKS, 40, 999, Status.MISSED),
        (CLICKS, 40, None, Status.MISSED),
        (CLICKS, 41, 1_000, Status.MET),
        (RATE, 20, 300, Status.ON_TRACK),
        (RATE, 20, 299, Status.AT_RISK),
        (RATE, 20, None, Status.AT_RISK),
        (RATE, 40, 300, Status.MET),
        (RATE, 40, 299, Status.MISSED),
    ],
)
def test_how_an_objective_stands(objective: Objective, day: int, value: int | None, status: Status) -> None:
    assert progress_of(objective, START, value, START + timedelta(days=day)).status is status


def test_pace_is_progress_over_time_and_undefined_for_rates() -> None:
    half = START + timedelta(days=20)

    assert progress_of(CLICKS, START, 250, half).pace_basis_points == 5_000
    assert progress_of(CLICKS, START, None, half).progress_basis_points is None
    assert progress_of(RATE, START, 250, half).pace_basis_points is None


def test_a_change_is_told_once_and_the_next_look_is_planned() -> None:
    now = START + timedelta(days=20)
    progress = progress_of(CLICKS, START, 100, now)
    watch = begun(WATCH)
    assert watch is not None

    first, news = evaluated(watch, CAMPAIGN, progress, now, DAY)
    second, silence = evaluated(replace(first, looking=True), CAMPAIGN, progress, now, DAY)

    assert [type(event) for event in news] == [ObjectiveStatusChanged]
    assert (first.status, first.evaluate_at) == (Status.AT_RISK, now + DAY)
    assert silence == ()
    assert second.evaluate_at == now + DAY


def test_the_last_planned_look_is_at_the_deadline() -> None:
    before, _ = evaluated(
        replace(WATCH, looking=True), CAMPAIGN, progress_of(CLICKS, START, 1, END - DAY / 2), END - DAY / 2, DAY
    )
    after, _ = evaluated(replace(before, looking=True), CAMPAIGN, progress_of(CLICKS, START, 1, END), END, DAY)

    assert before.evaluate_at == END
    assert after.evaluate_at is None
    assert after.status is Status.MISSED


def test_news_that_comes_during_a_look_asks_for_another_one() -> None:
    now = START + timedelta(days=20)
    looking = begun(WATCH)
    assert looking is not None
    nudged = look_again(looking, "campaigns/c", now)
    assert nudged is not None

    after, _ = evaluated(nudged, CAMPAIGN, progress_of(CLICKS, START, 100, now), now, DAY)

    assert after.evaluate_at is not None
    assert after.evaluate_at <= now


def test_asking_again_for_a_look_that_is_due_changes_nothing() -> None:
    assert look_again(WATCH, "campaigns/c", START + DAY) is None


def test_a_campaign_that_is_not_watched_plans_no_look() -> None:
    now = START + DAY
    cancelled = replace(CAMPAIGN, state="CANCELLED")

    after, news = evaluated(replace(WATCH, looking=True), cancelled, progress_of(CLICKS, START, 1, now), now, DAY)

    assert (after.evaluate_at, news) == (None, ())


def test_a_projection_goes_on_as_the_days_did_and_says_how_sure_it_is() -> None:
    now = START + timedelta(days=10)
    even = {(START + timedelta(days=n)).date().isoformat(): 10 for n in range(10)}
    uneven = {day: 5 + 10 * (n % 2) for n, day in enumerate(even)}

    sure = projected(CLICKS, START, 100, even, now)
    unsure = projected(CLICKS, START, 100, uneven, now)

    assert sure is not None
    assert unsure is not None
    assert (sure.low, sure.value, sure.high, sure.chance_basis_points) == (400, 400, 400, 0)
    assert (unsure.value, unsure.day_count) == (400, 10)
    assert 100 <= unsure.low < 400 < unsure.high
    assert 0 <= unsure.chance_basis_points < 5_000


def test_what_cannot_be_projected_is_not() -> None:
    late = START + timedelta(days=10)

    assert projected(CLICKS, START, None, {}, late) is None
    assert projected(CLICKS, START, 5, {}, START + timedelta(days=2)) is None
    assert projected(CLICKS, START, 5, {}, END) is None
    assert projected(RATE, START, 5, {}, late) is None


def test_an_audience_off_target_is_told_once_and_again_after_it_was_right_in_between() -> None:
    now = START + timedelta(days=20)
    progress = progress_of(CLICKS, START, 400, now)
    watch, told = WATCH, []
    for share in (4_000, 3_900, 6_000, 4_900):
        looked = replace(watch, looking=True)
        watch, news = evaluated(looked, CAMPAIGN, progress, now, DAY, InTargetShare(share, 5_000, estimated=True))
        told.append([type(event).__name__ for event in news if isinstance(event, AudienceOffTarget)])

    assert told == [["AudienceOffTarget"], [], [], ["AudienceOffTarget"]]
