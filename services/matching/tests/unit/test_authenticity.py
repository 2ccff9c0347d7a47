import csv
import gzip
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_chassis.refusal import Invalid
from entente_matching.adapters.reference import load_reference
from entente_matching.domain.authenticity import WEIGHTS, Signal, judge, override, override_of
from entente_matching.domain.creators import Account, Audience, Creator, Moment, Override, Share, Snapshot
from entente_matching.domain.words import Confidence, Platform

NOW = datetime(2026, 3, 2, tzinfo=UTC)
REFERENCE = load_reference()
USUAL = {
    "followers": 120_000.0,
    "following": 900.0,
    "average_likes": 2_900.0,
    "average_comments": 45.0,
    "low_value_comment_share": 0.18,
    "repeat_commenter_share": 0.03,
}
REAL = Audience(
    countries=(Share("FR", 0.7), Share("BE", 0.1), Share("US", 0.2)),
    active_share=0.6,
    types=(Share("real", 0.85), Share("mass_followers", 0.1), Share("suspicious", 0.05)),
)
CREATOR = Creator("Anna", NOW, NOW, NOW, country="FR", languages=("fr",))


def account(*figures: dict[str, float], audience: Audience = REAL, days: int = 30) -> Account:
    first = NOW - timedelta(days=days * (len(figures) - 1))
    history = tuple(Snapshot(first + timedelta(days=days * n), one) for n, one in enumerate(figures))
    return Account(Platform.INSTAGRAM, "anna", audience, history)


def score(*figures: dict[str, float], audience: Audience = REAL, creator: Creator = CREATOR) -> int:
    found = judge(creator, account(*figures, audience=audience), REFERENCE).score
    assert found is not None
    return found


def value(signal: Signal, *figures: dict[str, float], audience: Audience = REAL, creator: Creator = CREATOR) -> float:
    evidence = judge(creator, account(*figures, audience=audience), REFERENCE).evidence
    (found,) = [each.value for each in evidence if each.signal is signal]
    assert found is not None, signal
    return found


def test_weights_are_percents() -> None:
    assert set(WEIGHTS) == set(Signal)
    assert sum(WEIGHTS.values()) == 100


def test_a_usual_creator_is_held_for_authentic_and_what_that_rests_on_adds_up() -> None:
    found = judge(CREATOR, account(USUAL, USUAL), REFERENCE)
    assert found.score is not None
    assert found.score >= 95
    assert found.confidence is Confidence.HIGH
    points = sum(each.points_hundredths for each in found.evidence)
    assert round(points / 100) == found.computed
    assert sum(each.max_points_hundredths for each in found.evidence) == 10_000
    unknown = [each for each in found.evidence if each.value is None]
    assert [(each.signal, each.points_hundredths, each.line) for each in unknown] == [
        (Signal.AUTHENTIC_ENGAGEMENTS, 0, "not known")
    ]


@pytest.mark.parametrize(
    ("signal", "figures", "audience"),
    [
        (Signal.ENGAGEMENT, {"average_likes": 60.0, "average_comments": 1.0}, REAL),
        (Signal.ENGAGEMENT, {"average_likes": 70_000.0, "average_comments": 900.0}, REAL),
        (Signal.COMMENTS_PER_LIKE, {"average_comments": 1.0}, REAL),
        (Signal.COMMENTS_PER_LIKE, {"average_comments": 1_500.0}, REAL),
        (Signal.LOW_VALUE_COMMENTS, {"low_value_comment_share": 0.8}, REAL),
        (Signal.REPEAT_COMMENTERS, {"repeat_commenter_share": 0.4}, REAL),
        (Signal.FOLLOWING_RATIO, {"following": 900_000.0}, REAL),
        (Signal.ACTIVE_FOLLOWERS, {}, replace(REAL, active_share=0.12)),
        (Signal.AUDIENCE_GEOGRAPHY, {}, replace(REAL, countries=(Share("ID", 0.8), Share("FR", 0.05)))),
        (Signal.FOLLOWER_TYPES, {}, replace(REAL, types=(Share("real", 0.3), Share("suspicious", 0.65)))),
    ],
)
def test_what_bought_audiences_look_like_costs_points(
    signal: Signal, figures: dict[str, float], audience: Audience
) -> None:
    """Few likes for the size, far too many (a pod), comments of nobody or of the same few, followers of no value."""
    assert value(signal, USUAL | figures, audience=audience) < 0.6
    assert value(signal, USUAL) == 1.0
    assert score(USUAL | figures, audience=audience) < score(USUAL)


def test_followers_that_come_without_engagement_are_doubted() -> None:
    bought = USUAL | {"followers": 360_000.0}
    assert value(Signal.JUMPS_WITHOUT_ENGAGEMENT, USUAL, bought) == 0.0
    real = USUAL | {"followers": 332_000.0, "average_likes": 8_000.0, "average_comments": 120.0}
    assert value(Signal.JUMPS_WITHOUT_ENGAGEMENT, USUAL, real) == 1.0


GROWTH = st.floats(1.0, 30.0)


@given(
    st.floats(500, 5e6),
    st.floats(0.0001, 0.3),
    GROWTH,
    st.integers(1, 60),
    st.booleans(),
    st.sampled_from([Platform.INSTAGRAM, Platform.TIKTOK, Platform.YOUTUBE]),
)
def test_growth_alone_never_lowers_the_score(
    followers: float, rate: float, growth: float, days: int, engagement_is_measured: bool, platform: Platform
) -> None:
    """The account grows, and its engagement with it, or nobody has measured that yet."""
    before = USUAL | {
        "followers": followers, "average_likes": followers * rate, "average_views": followers * 2, "average_shares": 1.0
    }  # fmt: skip
    engaged = ("average_likes", "average_comments", "average_views", "average_shares")
    after = {"followers": followers * growth}
    if engagement_is_measured:
        after |= {name: before[name] * growth for name in engaged}
    grown = replace(account(before, after, days=days), platform=platform)
    small = replace(grown, history=grown.history[:1])
    was, now = (judge(CREATOR, each, REFERENCE).score for each in (small, grown))
    assert was is not None
    assert now is not None
    assert now >= was


def test_the_real_creator_that_grew_from_eight_to_twenty_four_million_is_not_doubted() -> None:
    """In `data/creators_2022_snapshots.csv` followers of several creators more than double; most kept their likes."""
    judged = [
        judge(CREATOR, one, REFERENCE)
        for one in real_accounts()
        if len(one.history) > 1
        and one.history[-1].figures.get("followers", 0) > 2 * one.history[0].figures.get("followers", 1e18)
    ]
    assert len(judged) >= 10
    values = [e.value for found in judged for e in found.evidence if e.signal is Signal.JUMPS_WITHOUT_ENGAGEMENT]
    known = [each for each in values if each is not None]
    assert sum(each > 0.5 for each in known) > len(known) / 2


def test_few_signals_give_low_confidence_and_none_gives_no_score() -> None:
    only_ratio = judge(CREATOR, account({"followers": 100.0, "following": 90.0}, audience=Audience()), REFERENCE)
    assert only_ratio.confidence is Confidence.LOW
    nothing = judge(CREATOR, account({}, audience=Audience()), REFERENCE)
    assert (nothing.score, nothing.confidence) == (None, Confidence.LOW)
    assert all(each.line == "not known" for each in nothing.evidence)


def test_a_language_of_the_whole_world_says_nothing_about_the_audience() -> None:
    english = replace(CREATOR, languages=("en",))
    evidence = judge(english, account(USUAL), REFERENCE).evidence
    assert next(each for each in evidence if each.signal is Signal.AUDIENCE_GEOGRAPHY).value is None


def test_the_last_override_counts_and_may_be_taken_back() -> None:
    low = Override(20, "A giveaway was counted as reach.", "operators/a", NOW)
    overridden = replace(CREATOR, overrides={Platform.INSTAGRAM: (low,)})
    found = judge(overridden, account(USUAL), REFERENCE)
    assert (found.score, found.override) == (20, low)
    assert found.computed == judge(CREATOR, account(USUAL), REFERENCE).score
    back = Override(None, "The giveaway is over.", "operators/b", NOW)
    assert (
        judge(replace(CREATOR, overrides={Platform.INSTAGRAM: (low, back)}), account(USUAL), REFERENCE).override is None
    )


def test_an_override_needs_a_score_and_a_reason() -> None:
    with pytest.raises(Invalid) as refused:
        override(CREATOR, "creators/anna", Platform.X, Override(101, "  ", "operators/a", NOW), Moment(NOW, NOW))
    assert [violation.field for violation in refused.value.violations] == ["platform", "score", "reason"]
    told = override(
        replace(CREATOR, accounts=(account(USUAL),)),
        "creators/anna",
        Platform.INSTAGRAM,
        Override(30, "Bought.", "operators/a", NOW),
        Moment(NOW, NOW),
    )
    assert override_of(told, told.accounts[0]) == Override(30, "Bought.", "operators/a", NOW)


def test_real_creators_are_spread_over_the_scale_and_most_are_held_for_authentic() -> None:
    """Sanity on the measured figures: few at the ends, the middle half above 60, and nobody out of range."""
    scores = sorted(found for one in real_accounts() if (found := judge(CREATOR, one, REFERENCE).score) is not None)
    assert len(scores) > 5_000
    assert 0 <= scores[0] <= scores[-1] <= 100
    quarter, median = scores[len(scores) // 4], scores[len(scores) // 2]
    assert quarter > 60
    assert 75 < median < 100
    assert scores[len(scores) // 50] < 60


def real_accounts() -> list[Account]:
    path = Path(__file__).parents[4] / "data" / "creators_2022_snapshots.csv.gz"
    names = {
        "followers": "followers", "avg_views": "average_views", "avg_likes": "average_likes",
        "avg_comments": "average_comments", "avg_shares": "average_shares",
        "engagement_avg": "average_engagements", "engagement_authentic": "authentic_engagements",
    }  # fmt: skip
    found: dict[tuple[str, str], list[Snapshot]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            at = datetime.fromisoformat(f"{row['snapshot']}-01").replace(tzinfo=UTC)
            figures = {name: float(row[column]) for column, name in names.items() if row[column]}
            found[(row["creator"], row["platform"])].append(Snapshot(at, figures))
    return [
        Account(Platform(platform.upper()), history=tuple(sorted(history, key=lambda s: s.at)))
        for (_, platform), history in found.items()
    ]
