import random
from datetime import UTC, datetime
from statistics import quantiles

from entente_matching.adapters.reference import load_reference
from entente_matching.domain.creators import Account, Creator, Snapshot
from entente_matching.domain.measured import ENOUGH, benchmarks_of, measure
from entente_matching.domain.words import Platform

NOW = datetime(2026, 3, 2, tzinfo=UTC)
REFERENCE = load_reference()
METRIC = "engagement_rate_by_followers"


def creator(followers: float, rate: float) -> Creator:
    figures = {"followers": followers, "average_likes": followers * rate, "average_comments": 0.0}
    return Creator("x", NOW, NOW, NOW, accounts=(Account(Platform.INSTAGRAM, history=(Snapshot(NOW, figures),)),))


def test_a_band_is_measured_once_enough_of_its_creators_are_held_and_the_others_stay_as_shipped() -> None:
    chance = random.Random(1)
    rates = [chance.uniform(0.02, 0.2) for _ in range(ENOUGH)]
    held = [creator(20_000, rate) for rate in rates] + [creator(5_000, 0.5) for _ in range(ENOUGH - 1)]
    found = benchmarks_of(measure(held), REFERENCE.benchmarks, REFERENCE.tiers)
    micro = found.find(METRIC, Platform.INSTAGRAM, 20_000)
    assert micro is not None
    assert (micro.count, micro.source) == (ENOUGH, "held")
    assert "200 creators (held here)" in micro.population
    deciles = quantiles(rates, n=10, method="inclusive")
    points = dict(micro.percentiles)
    assert [round(points[share], 9) for share in (0.1, 0.5, 0.9)] == [round(deciles[n], 9) for n in (0, 4, 8)]
    for followers in (5_000, 200_000, 2_000_000):
        unchanged = found.find(METRIC, Platform.INSTAGRAM, followers)
        assert unchanged == REFERENCE.benchmarks.find(METRIC, Platform.INSTAGRAM, followers)


def test_a_platform_that_was_measured_as_a_whole_is_told_apart_by_size() -> None:
    figures = {"average_likes": 9.0, "average_comments": 1.0, "average_shares": 0.0, "average_views": 100.0}
    accounts = [
        Account(Platform.TIKTOK, history=(Snapshot(NOW, figures | {"followers": 50_000.0}),)) for _ in range(ENOUGH)
    ]
    held = [Creator("x", NOW, NOW, NOW, accounts=(account,)) for account in accounts]
    found = benchmarks_of(measure(held), REFERENCE.benchmarks, REFERENCE.tiers)
    micro = found.find("engagement_rate_by_views", Platform.TIKTOK, 50_000)
    mega = found.find("engagement_rate_by_views", Platform.TIKTOK, 5_000_000)
    assert micro is not None
    assert mega is not None
    assert (micro.source, mega.source) == ("held", "kaggle2022")
