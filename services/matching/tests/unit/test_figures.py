"""Metrics, each with its denominator; what is missing makes them unknown, never zero."""

from datetime import UTC, datetime

import pytest

from entente_matching.domain.creators import Account, Creator, Snapshot
from entente_matching.domain.figures import (
    authentic_share,
    comparisons,
    engagement_rate,
    follower_growth_30d,
    latest_engagement_rate,
    metrics_updates,
)
from entente_matching.domain.reference import Reference
from entente_matching.domain.words import Platform


def at(month: int, **figures: float) -> Snapshot:
    return Snapshot(datetime(2022, month, 1, tzinfo=UTC), figures)


def test_instagram_divides_likes_and_comments_by_followers() -> None:
    snapshot = at(1, followers=1000, average_likes=25, average_comments=5, average_shares=100)
    assert engagement_rate(Platform.INSTAGRAM, snapshot) == 0.03


def test_tiktok_divides_likes_comments_and_shares_by_views() -> None:
    snapshot = at(1, followers=10, average_views=1000, average_likes=100, average_comments=20, average_shares=5)
    assert engagement_rate(Platform.TIKTOK, snapshot) == 0.125


def test_youtube_shows_no_shares_and_does_without_them() -> None:
    snapshot = at(1, average_views=1000, average_likes=30, average_comments=5)
    assert engagement_rate(Platform.YOUTUBE, snapshot) == 0.035


@pytest.mark.parametrize("missing", ["average_views", "average_likes", "average_comments", "average_shares"])
def test_a_rate_with_a_part_missing_is_not_known(missing: str) -> None:
    figures = {"average_views": 1000.0, "average_likes": 1.0, "average_comments": 1.0, "average_shares": 1.0}
    del figures[missing]
    assert engagement_rate(Platform.TIKTOK, at(1, **figures)) is None


def test_a_rate_of_no_views_is_not_known() -> None:
    assert engagement_rate(Platform.YOUTUBE, at(1, average_views=0, average_likes=0, average_comments=0)) is None


def test_a_sum_of_engagements_stands_for_its_parts() -> None:
    assert engagement_rate(Platform.INSTAGRAM, at(1, followers=1000, average_engagements=20)) == 0.02


def test_a_rate_that_only_the_source_knows_is_taken_from_it() -> None:
    assert engagement_rate(Platform.INSTAGRAM, at(1, followers=1000, engagement_rate=0.05)) == 0.05


def test_the_rate_is_from_the_last_measurement_that_allows_one() -> None:
    with_rate = (at(3, followers=100, average_engagements=5), at(9, followers=200, average_engagements=4))
    account = Account(Platform.INSTAGRAM, history=(*with_rate, at(12, followers=300)))
    assert latest_engagement_rate(account) == 0.02


def test_the_authentic_share_is_of_all_engagements() -> None:
    account = Account(Platform.INSTAGRAM, history=(at(3, average_engagements=200, authentic_engagements=150),))
    assert authentic_share(account) == 0.75


def test_growth_is_told_for_thirty_days_whatever_lies_between_the_measurements() -> None:
    account = Account(Platform.TIKTOK, history=(at(1, followers=1000), at(3, followers=1210)))
    growth = follower_growth_30d(account)
    assert growth == pytest.approx(1.21 ** (30 / 59) - 1)


@pytest.mark.parametrize("history", [(), (at(1, followers=100),), (at(1, followers=0), at(3, followers=10))])
def test_growth_of_a_single_measurement_or_from_nothing_is_not_known(history: tuple[Snapshot, ...]) -> None:
    assert follower_growth_30d(Account(Platform.TIKTOK, history=history)) is None


def test_an_account_is_shown_against_its_peers(reference: Reference) -> None:
    account = Account(Platform.INSTAGRAM, history=(at(3, followers=20_000, average_likes=560, average_comments=32),))
    by_metric = {each.metric: each for each in comparisons(account, reference.benchmarks)}
    engagement = by_metric["engagement_rate_by_followers"]
    assert engagement.value == pytest.approx(0.0296)
    assert engagement.percentile == pytest.approx(0.5)
    assert "micro 10-50k" in engagement.benchmark.population
    assert by_metric["comments_per_like"].value == pytest.approx(32 / 560)


def test_only_accounts_with_a_new_latest_measurement_are_told_of(reference: Reference) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    before = Creator("A", now, now, now, accounts=(Account(Platform.TIKTOK, history=(at(3, followers=10),)),))
    instagram = Account(Platform.INSTAGRAM, history=(at(1, followers=20_000, average_engagements=200),))
    after = Creator("A", now, now, now, accounts=(instagram, *before.accounts))
    events = metrics_updates("creators/a", before, after, reference.tiers)
    assert [(event.platform, event.followers, event.engagement_rate, event.tier) for event in events] == [
        (Platform.INSTAGRAM, 20_000, 0.01, "micro")
    ]
