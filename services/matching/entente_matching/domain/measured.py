"""Benchmarks from the creators that are held: percentiles by platform and size, which replace the shipped ones once
enough creators of a band were measured."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from entente_matching.domain.creators import Creator
from entente_matching.domain.figures import (
    authentic_share,
    basis_of,
    comments_per_like,
    follower_growth_30d,
    latest_engagement_rate,
    latest_followers,
)
from entente_matching.domain.reference import (
    AUTHENTIC_SHARE,
    COMMENTS_PER_LIKE,
    ENGAGEMENT_METRICS,
    MONTHLY_GROWTH,
    Benchmark,
    Benchmarks,
    Tiers,
)
from entente_matching.domain.words import Platform

ENOUGH = 200
"""So many creators of a band must have been measured: then a tenth is at least twenty of them."""
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)

Measured = dict[tuple[str, Platform], list[tuple[int, float]]]
"""Metric and platform -> (followers, value) of each account."""


def measure(creators: Iterable[Creator], into: Measured | None = None) -> Measured:
    """The figures of creators, as benchmarks compare them."""
    found: Measured = {} if into is None else into
    for creator in creators:
        for account in creator.accounts:
            followers = latest_followers(account)
            if followers is None:
                continue
            figures = {
                ENGAGEMENT_METRICS[basis_of(account.platform)]: latest_engagement_rate(account),
                AUTHENTIC_SHARE: authentic_share(account),
                COMMENTS_PER_LIKE: comments_per_like(account),
                MONTHLY_GROWTH: follower_growth_30d(account),
            }
            for metric, value in figures.items():
                if value is not None:
                    found.setdefault((metric, account.platform), []).append((followers, value))
    return found


def benchmarks_of(measured: Measured, shipped: Benchmarks, tiers: Tiers) -> Benchmarks:
    """The shipped benchmarks, with those bands replaced of which enough creators are held.

    A band is one of the shipped table where that has several for a metric and platform, else a tier.
    """
    found: list[Benchmark] = list(shipped)
    for (metric, platform), values in measured.items():
        known = [one for one in shipped if (one.metric, one.platform) == (metric, platform)]
        bands = [(one.min_followers, one.max_followers) for one in known] if len(known) > 1 else tiers.bands
        new = []
        for low, high in bands:
            within = sorted(value for size, value in values if low <= size and (high is None or size < high))
            if len(within) >= ENOUGH:
                new.append(_benchmark(metric, platform, low, high, within, tiers))
        replaced = {(one.min_followers, one.max_followers) for one in new}
        narrower = [one for one in known if (one.min_followers, one.max_followers) not in replaced]
        found = [one for one in found if one not in known] + sorted(
            [*new, *narrower], key=lambda one: (_width(one), one.min_followers)
        )
    return Benchmarks(found)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which a share of sorted values is; a straight line between neighbours (Hyndman and Fan: 7)."""
    place = share * (len(values) - 1)
    below = int(place)
    above = min(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (place - below)


def _benchmark(
    metric: str, platform: Platform, low: int, high: int | None, values: Sequence[float], tiers: Tiers
) -> Benchmark:
    points = tuple((share, percentile(values, share)) for share in SHARES)
    size = f"{low:,} to {high:,} followers" if high is not None else f"{low:,} followers and more"
    one = Benchmark(metric, platform, "", low, high, points, count=len(values), source="held")
    return replace(one, population=f"{platform}, {size}, {len(values):,} creators (held here)")


def _width(one: Benchmark) -> int:
    """Narrow bands come first: the one that fits best is the one that is asked."""
    return (one.max_followers or 10**12) - one.min_followers
