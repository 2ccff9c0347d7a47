"""Metrics from figures, each with its denominator named. What is missing makes a metric unknown, never zero."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from entente_matching.domain.creators import Account, Creator, CreatorMetricsUpdated, Snapshot
from entente_matching.domain.reference import (
    AUTHENTIC_SHARE,
    COMMENTS_PER_LIKE,
    ENGAGEMENT_METRICS,
    MONTHLY_GROWTH,
    Benchmark,
    Benchmarks,
    Tiers,
)
from entente_matching.domain.words import EngagementBasis, Platform

_BY_VIEWS = {Platform.TIKTOK, Platform.YOUTUBE, Platform.TWITCH}
_STILL_TELLS = timedelta(days=366)


def basis_of(platform: Platform) -> EngagementBasis:
    """What a platform's engagement rate is divided by."""
    return EngagementBasis.VIEWS if platform in _BY_VIEWS else EngagementBasis.FOLLOWERS


def engagement_rate(platform: Platform, snapshot: Snapshot) -> float | None:
    """The engagement rate of a measurement, by the denominator of the platform; nothing when a part of it is missing.

    Instagram and its like: (likes + comments) / followers. TikTok and Twitch: (likes + comments + shares) / views.
    YouTube: likewise, but it shows no shares, which count where they are known.
    """
    figures = snapshot.figures
    parts = ["average_likes", "average_comments"]
    if platform in (Platform.TIKTOK, Platform.TWITCH) or ("average_shares" in figures and platform in _BY_VIEWS):
        parts.append("average_shares")
    denominator = figures.get("average_views" if platform in _BY_VIEWS else "followers")
    if all(part in figures for part in parts):
        engagements: float | None = sum(figures[part] for part in parts)
    else:
        engagements = None if platform in _BY_VIEWS else figures.get("average_engagements")
    if engagements is None or not denominator:
        return figures.get("engagement_rate")
    return engagements / denominator


def latest_engagement_rate(account: Account) -> float | None:
    """The engagement rate of the last measurement that allows one, at most a year older than the last of all."""
    return _latest(account, lambda snapshot: engagement_rate(account.platform, snapshot))


def authentic_share(account: Account) -> float | None:
    """The share of the engagements that the source holds for authentic, in the last measurement that says so."""
    return _latest(account, _authentic_share_at)


def comments_per_like(account: Account) -> float | None:
    """Comments for each like, in the last measurement that says so."""
    return _latest(account, _comments_per_like_at)


def follower_growth_30d(account: Account) -> float | None:
    """Growth of the followers over 30 days, from the last two measurements at least a week apart."""
    counted = [snapshot for snapshot in account.history if "followers" in snapshot.figures]
    if not counted:
        return None
    last = counted[-1]
    earlier = [snapshot for snapshot in counted if last.at - snapshot.at >= timedelta(days=7)]
    if not earlier or not earlier[-1].figures["followers"]:
        return None
    days = (last.at - earlier[-1].at) / timedelta(days=1)
    ratio = last.figures["followers"] / earlier[-1].figures["followers"]
    return float(ratio ** (30 / days)) - 1 if ratio > 0 else -1.0


@dataclass(frozen=True)
class Comparison:
    """A figure of an account against the benchmark of similar creators."""

    metric: str
    value: float
    benchmark: Benchmark
    percentile: float


def comparisons(account: Account, benchmarks: Benchmarks) -> list[Comparison]:
    """How an account stands among similar creators, as far as it and they were measured."""
    followers = latest_followers(account)
    values = {
        ENGAGEMENT_METRICS[basis_of(account.platform)]: latest_engagement_rate(account),
        AUTHENTIC_SHARE: authentic_share(account),
        COMMENTS_PER_LIKE: comments_per_like(account),
        MONTHLY_GROWTH: follower_growth_30d(account),
    }
    result = []
    for metric, value in values.items():
        benchmark = benchmarks.find(metric, account.platform, followers)
        if value is not None and benchmark is not None:
            result.append(Comparison(metric, value, benchmark, benchmark.percentile(value)))
    return result


def latest_followers(account: Account) -> int | None:
    """The followers in the last measurement that counted them."""
    for snapshot in reversed(account.history):
        if "followers" in snapshot.figures:
            return int(snapshot.figures["followers"])
    return None


def metrics_updates(name: str, before: Creator | None, after: Creator, tiers: Tiers) -> list[CreatorMetricsUpdated]:
    """What to tell of accounts whose latest measurement is another than before."""
    events = []
    for account in after.accounts:
        known = before.account(account.platform) if before else None
        if account.latest is None or (known is not None and known.latest == account.latest):
            continue
        followers = latest_followers(account)
        events.append(
            CreatorMetricsUpdated(
                creator=name,
                platform=account.platform,
                measure_time=account.latest.at,
                followers=followers,
                engagement_rate=latest_engagement_rate(account),
                tier=tiers.of(followers),
            )
        )
    return events


def _authentic_share_at(snapshot: Snapshot) -> float | None:
    total, authentic = snapshot.figures.get("average_engagements"), snapshot.figures.get("authentic_engagements")
    return min(1.0, authentic / total) if total and authentic is not None else None


def _comments_per_like_at(snapshot: Snapshot) -> float | None:
    for kind in ("average", "median"):
        likes, comments = snapshot.figures.get(f"{kind}_likes"), snapshot.figures.get(f"{kind}_comments")
        if likes and comments is not None:
            return comments / likes
    return None


def _latest(account: Account, metric: Callable[[Snapshot], float | None]) -> float | None:
    if account.latest is None:
        return None
    for snapshot in reversed(account.history):
        if account.latest.at - snapshot.at > _STILL_TELLS:
            return None
        if (value := metric(snapshot)) is not None:
            return value
    return None
