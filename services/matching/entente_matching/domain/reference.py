"""What matching knows beforehand: size bands, measured benchmarks, country names, words for what creators talk about.

All of it is data, read by the adapters and handed in.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from entente_matching.domain.advice import Rule
from entente_matching.domain.words import EngagementBasis, Platform

ENGAGEMENT_METRICS = {
    EngagementBasis.FOLLOWERS: "engagement_rate_by_followers",
    EngagementBasis.VIEWS: "engagement_rate_by_views",
}
AUTHENTIC_SHARE = "authentic_engagement_share"
COMMENTS_PER_LIKE = "comments_per_like"
MONTHLY_GROWTH = "monthly_follower_growth"


@dataclass(frozen=True)
class Tier:
    """A size band: from so many followers on."""

    name: str
    min_followers: int


class Tiers:
    """Size bands by followers.

    Raises:
        ValueError: there is none for an account without followers, or two begin at the same number.
    """

    def __init__(self, tiers: Iterable[Tier]) -> None:
        self._tiers = sorted(tiers, key=lambda tier: tier.min_followers)
        starts = [tier.min_followers for tier in self._tiers]
        if not starts or starts[0] != 0 or len(set(starts)) != len(starts):
            raise ValueError("tiers must begin at 0 followers, each at another number")

    @property
    def names(self) -> list[str]:
        """The bands from small to large."""
        return [tier.name for tier in self._tiers]

    @property
    def bands(self) -> list[tuple[int, int | None]]:
        """Where each band begins, and where the next one does."""
        starts = [tier.min_followers for tier in self._tiers]
        return list(zip(starts, [*starts[1:], None], strict=True))

    def of(self, followers: float | None) -> str:
        """The band of an account; "" when its followers are not known."""
        if followers is None:
            return ""
        return [tier.name for tier in self._tiers if tier.min_followers <= followers][-1]


@dataclass(frozen=True)
class Benchmark:
    """Measured percentiles of one figure among the creators of a platform and size.

    Args:
        metric: what was measured, for example "engagement_rate_by_followers", as a fraction.
        platform: where.
        population: who was measured, in words.
        min_followers: the size from which it holds.
        max_followers: the size below which it holds; None for no end.
        percentiles: (share of creators, value below which that share is), in ascending order.
        count: how many creators were measured.
        source: who measured them: a study, or "held" for the creators that are held here.
    """

    metric: str
    platform: Platform
    population: str
    min_followers: int
    max_followers: int | None
    percentiles: tuple[tuple[float, float], ...]
    count: int = 0
    source: str = ""

    def covers(self, followers: float) -> bool:
        """Whether an account of this size is among those that were measured."""
        return self.min_followers <= followers and (self.max_followers is None or followers < self.max_followers)

    def percentile(self, value: float) -> float:
        """About which share of the measured creators is below a value, from 0 to 1.

        Between two measured percentiles it is a straight line. Below the first it runs to 0 at the value 0; above the
        last it reaches 1 at twice that percentile's value.
        """
        (first_share, first), (last_share, last) = self.percentiles[0], self.percentiles[-1]
        if value < first:
            return max(0.0, first_share * value / first) if first > 0 else 0.0
        if value >= last:
            return min(1.0, last_share + (1 - last_share) * (value - last) / last) if last > 0 else last_share
        below = [point for point in self.percentiles if point[1] <= value][-1]
        above = next(point for point in self.percentiles if point[1] > value)
        return below[0] + (above[0] - below[0]) * (value - below[1]) / (above[1] - below[1])


class Benchmarks:
    """All benchmarks, to be asked for the one that fits an account."""

    def __init__(self, benchmarks: Iterable[Benchmark]) -> None:
        self._by_metric: dict[tuple[str, Platform], list[Benchmark]] = {}
        for benchmark in benchmarks:
            self._by_metric.setdefault((benchmark.metric, benchmark.platform), []).append(benchmark)

    def __iter__(self) -> Iterator[Benchmark]:
        return iter([one for group in self._by_metric.values() for one in group])

    def find(self, metric: str, platform: Platform, followers: float | None) -> Benchmark | None:
        """The benchmark for an account; nothing when creators like it were not measured."""
        if followers is None:
            return None
        candidates = self._by_metric.get((metric, platform), [])
        return next((benchmark for benchmark in candidates if benchmark.covers(followers)), None)

    def nearest(self, metric: str, platform: Platform, followers: float) -> Benchmark | None:
        """As ``find``, but an account smaller than all that were measured is held against the smallest of them."""
        found = self.find(metric, platform, followers)
        smallest = min(self._by_metric.get((metric, platform), []), key=lambda one: one.min_followers, default=None)
        return smallest if found is None and smallest and followers < smallest.min_followers else found


_METRIC_NAMES = {
    "ER_by_followers_pct": (ENGAGEMENT_METRICS[EngagementBasis.FOLLOWERS], 0.01),
    "ER_by_views_pct": (ENGAGEMENT_METRICS[EngagementBasis.VIEWS], 0.01),
    "comments_per_100_likes": (COMMENTS_PER_LIKE, 0.01),
    "authentic_over_total_engagement": (AUTHENTIC_SHARE, 1.0),
    "monthly_follower_growth_pct": (MONTHLY_GROWTH, 0.01),
    "low_value_comment_share_pct": ("low_value_comment_share", 0.01),
    "repeat_commenter_share_pct": ("repeat_commenter_share", 0.01),
}
_PERCENTILES = {"p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9}
_BAND = re.compile(r"^\S+ (\d+)([kM]?)(?:-(\d+)([kM])|\+)$")
_UNITS = {"": 1, "k": 1_000, "M": 1_000_000}


def read_benchmark(row: Mapping[str, str]) -> Benchmark:
    """A row of the table of benchmarks.

    Raises:
        ValueError: the row is not of that table.
    """
    if row["metric"] not in _METRIC_NAMES:
        raise ValueError(f"benchmarks: unknown metric {row['metric']!r}")
    metric, scale = _METRIC_NAMES[row["metric"]]
    low, high = _size_band(row["tier"])
    points = tuple((share, float(row[name]) * scale) for name, share in _PERCENTILES.items() if row[name])
    if len(points) < 2 or list(points) != sorted(points, key=lambda point: point[1]):
        raise ValueError(f"benchmarks: {row['metric']} of {row['tier']!r} needs two or more rising percentiles")
    platform = Platform(row["platform"].upper())
    population = f"{platform}, {row['tier']}, {int(row['n_creators'])} creators ({row['source']})"
    return Benchmark(metric, platform, population, low, high, points, int(row["n_creators"]), row["source"])


def _size_band(label: str) -> tuple[int, int | None]:
    if label.startswith(("all", "top-")):
        return 0, None
    found = _BAND.match(label)
    if not found:
        raise ValueError(f"benchmarks: {label!r} is not a size band such as 'micro 10-50k' or 'mega 1M+'")
    low, low_unit, high, high_unit = found.groups()
    # "10-50k" writes the unit once, for both ends.
    start = int(low) * _UNITS[low_unit or high_unit or ""]
    return start, int(high) * _UNITS[high_unit] if high else None


def fold(text: str) -> str:
    """A text as it is compared: one form of each letter, no case, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class Countries:
    """Country names and their codes."""

    def __init__(self, rows: Iterable[tuple[str, Sequence[str]]]) -> None:
        self.codes: set[str] = set()
        self._by_name: dict[str, str] = {}
        for code, names in rows:
            self.codes.add(code)
            for name in (code, *names):
                self._by_name[fold(name)] = code

    def code(self, text: str) -> str | None:
        """The ISO 3166-1 alpha-2 code of a name or code; nothing when it is no country."""
        return self._by_name.get(fold(text))


_NOT_WORDS = re.compile(r"[\W_]+", re.UNICODE)


class Vocabulary:
    """Brings what sources call a topic to one canonical word, for example "Fitness & Gym" to "fitness"."""

    def __init__(self, rows: Iterable[tuple[str, Sequence[str]]]) -> None:
        self._canonical = {fold(label): tuple(words) for label, words in rows}

    def words(self, labels: Iterable[str]) -> tuple[str, ...]:
        """The canonical words of labels, in their order, each once. An unknown label becomes its own word."""
        found: dict[str, None] = {}
        for label in labels:
            known = self._canonical.get(fold(label))
            words = known if known is not None else (_slug(label),)
            found.update(dict.fromkeys(word for word in words if word))
        return tuple(found)


@lru_cache(maxsize=4096)
def _slug(label: str) -> str:
    return _NOT_WORDS.sub("-", fold(label)).strip("-")[:64]


@dataclass(frozen=True)
class Reference:
    """All that is known beforehand.

    Args:
        advice: which platforms suit which product.
        languages: language -> countries where it is spoken by many; a language of the whole world is not in it.
    """

    tiers: Tiers
    benchmarks: Benchmarks
    countries: Countries
    vocabulary: Vocabulary
    languages: Mapping[str, frozenset[str]]
    advice: tuple[Rule, ...]
