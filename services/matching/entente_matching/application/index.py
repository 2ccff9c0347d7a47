"""The search index: columns in memory, one row for each account of a creator, and searches as array arithmetic.

It holds what filters, facets and the fit score need, and no names or handles; what a page of results shows is read from
the database. It scores by the same formula as the domain's ``fit.score``; a test holds the two against each other.
"""

import bisect
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from entente_matching.domain import fit
from entente_matching.domain.creators import Share, main_code
from entente_matching.domain.filters import EVERYBODY, TOLERANCE, CreatorFilter
from entente_matching.domain.fit import Brief
from entente_matching.domain.profiles import Profile
from entente_matching.domain.words import AudienceDimension, FitFactor, Platform

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

FACET_VALUES = 50
_FIRST_ROWS = 1024


class Cursor(NamedTuple):
    """Where a page ends: the sort key of its last creator, and its name."""

    key: float
    name: str


@dataclass(frozen=True)
class Query:
    """A search. ``order`` is "fit", "followers", "engagement_rate" or "name"."""

    wanted: CreatorFilter = EVERYBODY
    brief: Brief | None = None
    order: str = "followers"
    descending: bool = True
    limit: int = 50
    after: Cursor | None = None


class Hit(NamedTuple):
    """A creator that matches, the platform of its best account, and its score in hundredths of a point."""

    creator: str
    platform: Platform | None
    score_hundredths: int | None


@dataclass(frozen=True)
class Facet:
    """How many of the matching creators have each value of a trait; "" is "not known"."""

    field: str
    values: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Found:
    """A page of hits, and what is true of all matches."""

    hits: tuple[Hit, ...]
    next: Cursor | None
    total: int
    facets: tuple[Facet, ...]
    unknown_audience: int
    seen_until: datetime | None


class _Codes:
    """Numbers for words, 0 for "not known"."""

    def __init__(self) -> None:
        self.words = [""]
        self._numbers = {"": 0}

    def number(self, word: str) -> int:
        found = self._numbers.get(word)
        if found is None:
            found = self._numbers[word] = len(self.words)
            self.words.append(word)
        return found

    def known(self, words: Iterable[str]) -> Ints:
        """The numbers of those words that any creator has."""
        return np.array([self._numbers[word] for word in words if self._numbers.get(word)], dtype=np.int64)


def _grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    if size <= len(array):
        return array
    larger = np.zeros(max(size, 2 * len(array)), dtype=array.dtype)
    larger[: len(array)] = array
    return larger


class _Pairs:
    """Lists of (code, weight) of rows, in three long columns. Row 0 is nowhere: replaced pairs are moved there."""

    def __init__(self) -> None:
        self.codes = _Codes()
        self._row = np.zeros(_FIRST_ROWS, dtype=np.int32)
        self._code = np.zeros(_FIRST_ROWS, dtype=np.int32)
        self._weight = np.zeros(_FIRST_ROWS, dtype=np.float64)
        self._used = 0
        self._dead = 0
        self._start = np.zeros(_FIRST_ROWS, dtype=np.int64)
        self._count = np.zeros(_FIRST_ROWS, dtype=np.int32)

    def put(self, row: int, pairs: Sequence[tuple[str, float]]) -> None:
        """The pairs of a row, instead of those it had."""
        self._start, self._count = _grown(self._start, row + 1), _grown(self._count, row + 1)
        start, count = int(self._start[row]), int(self._count[row])
        self._row[start : start + count] = 0
        self._dead += count
        end = self._used + len(pairs)
        self._row, self._code, self._weight = (_grown(a, end) for a in (self._row, self._code, self._weight))
        for offset, (word, weight) in enumerate(pairs, start=self._used):
            self._row[offset] = row
            self._code[offset] = self.codes.number(word)
            self._weight[offset] = weight
        self._start[row], self._count[row] = self._used, len(pairs)
        self._used = end
        if self._dead > _FIRST_ROWS and self._dead * 2 > self._used:
            self._close_gaps()

    def any_of(self, words: Iterable[str], rows: int) -> Mask:
        """Which rows have one of the words."""
        result = np.zeros(rows, dtype=np.bool_)
        result[self._row[: self._used][self._selected(words)]] = True
        return result

    def sums(self, words: Iterable[str], rows: int) -> Floats:
        """The known weights of the words in each row, added up."""
        selected = self._selected(words) & np.isfinite(self._weight[: self._used])
        result = np.zeros(rows, dtype=np.float64)
        np.add.at(result, self._row[: self._used][selected], self._weight[: self._used][selected])
        return result

    def largest(self, words: Iterable[str], rows: int) -> Floats:
        """The largest weight of the words in each row; 0 where it has none."""
        selected = self._selected(words)
        result = np.zeros(rows, dtype=np.float64)
        np.maximum.at(result, self._row[: self._used][selected], self._weight[: self._used][selected])
        return result

    def counts(self, selected_rows: Mask) -> list[tuple[str, int]]:
        """How many of the selected rows have each word."""
        codes = self._code[: self._used][selected_rows[self._row[: self._used]]]
        return [(self.codes.words[code], int(n)) for code, n in enumerate(np.bincount(codes)) if n and code]

    def empty(self, rows: int) -> Mask:
        """Which rows have no pairs."""
        result = np.ones(rows, dtype=np.bool_)
        result[self._row[: self._used]] = False
        return result

    def _selected(self, words: Iterable[str]) -> Mask:
        return np.isin(self._code[: self._used], self.codes.known(words)) & (self._row[: self._used] > 0)

    def _close_gaps(self) -> None:
        kept = np.flatnonzero(self._row[: self._used])
        # Stable, so that each row's pairs stay together and in order.
        kept = kept[np.argsort(self._row[kept], kind="stable")]
        for name in ("_row", "_code", "_weight"):
            setattr(self, name, getattr(self, name)[kept].copy())
        rows, starts, counts = np.unique(self._row, return_index=True, return_counts=True)
        self._start[:], self._count[:] = 0, 0
        self._start[rows], self._count[rows] = starts, counts
        self._used, self._dead = len(kept), 0


_FACTOR_COLUMNS = {
    FitFactor.ENGAGEMENT: "engagement_percentile",
    FitFactor.PAST_PERFORMANCE: "performance",
    FitFactor.AUTHENTIC_ENGAGEMENT: "authentic_percentile",
}
_PLATFORMS = ["", *Platform]


@dataclass
class _Columns:
    """One value for each row. Row 0 is nowhere."""

    alive: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(_FIRST_ROWS, dtype=np.bool_))
    owner: NDArray[np.int32] = field(default_factory=lambda: np.zeros(_FIRST_ROWS, dtype=np.int32))
    platform: NDArray[np.int8] = field(default_factory=lambda: np.zeros(_FIRST_ROWS, dtype=np.int8))
    country: NDArray[np.int32] = field(default_factory=lambda: np.zeros(_FIRST_ROWS, dtype=np.int32))
    tier: NDArray[np.int32] = field(default_factory=lambda: np.zeros(_FIRST_ROWS, dtype=np.int32))
    main_country: NDArray[np.int32] = field(default_factory=lambda: np.zeros(_FIRST_ROWS, dtype=np.int32))
    verified: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(_FIRST_ROWS, dtype=np.bool_))
    followers: Floats = field(default_factory=lambda: np.zeros(_FIRST_ROWS))
    engagement_rate: Floats = field(default_factory=lambda: np.zeros(_FIRST_ROWS))
    engagement_percentile: Floats = field(default_factory=lambda: np.zeros(_FIRST_ROWS))
    authentic_percentile: Floats = field(default_factory=lambda: np.zeros(_FIRST_ROWS))
    performance: Floats = field(default_factory=lambda: np.zeros(_FIRST_ROWS))

    def grow(self, size: int) -> None:
        """Make room for so many rows."""
        for name, column in vars(self).items():
            setattr(self, name, _grown(column, size))


class SearchIndex:
    """What all creators are like. Safe to search from any thread while it is being changed from another."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._columns = _Columns()
        self._rows = 1
        self._countries, self._tiers = _Codes(), _Codes()
        self._categories, self._languages = _Pairs(), _Pairs()
        self._audience = {dimension: _Pairs() for dimension in AudienceDimension}
        self._audience_known = {dimension: np.zeros(_FIRST_ROWS, dtype=np.bool_) for dimension in AudienceDimension}
        self._audience_main = {dimension: np.zeros(_FIRST_ROWS, dtype=np.int32) for dimension in AudienceDimension}
        self._owners: dict[str, int] = {}
        self._names: list[str] = []
        self._versions: list[int] = []
        self._rows_of: list[list[int]] = []
        self._sorted_names: list[str] = []
        self._ranks: Ints = np.zeros(0, dtype=np.int64)
        self.seen_until: datetime | None = None

    def __len__(self) -> int:
        return len(self._names)

    def version(self, creator: str) -> int:
        """The version of a creator that is indexed; 0 for none."""
        owner = self._owners.get(creator)
        return 0 if owner is None else self._versions[owner]

    def put(self, creators: Iterable[tuple[str, int, Sequence[Profile]]]) -> None:
        """Take up creators: name, version, and the creator through each of its accounts. Older versions are ignored."""
        with self._lock:
            for name, version, profiles in creators:
                owner = self._owners.get(name)
                if owner is None:
                    owner = self._owners[name] = len(self._names)
                    self._names.append(name)
                    self._versions.append(0)
                    self._rows_of.append([])
                if version < self._versions[owner]:
                    continue
                self._versions[owner] = version
                rows = self._rows_of[owner]
                while len(rows) < len(profiles):
                    rows.append(self._rows)
                    self._rows += 1
                for row, profile in zip(rows, profiles, strict=False):
                    self._put_row(row, owner, profile)
                for row in rows[len(profiles) :]:
                    self._columns.alive[row] = False

    def search(self, query: Query) -> Found:
        """The creators that match, in order, and how they divide."""
        with self._lock:
            matched, unknown = self._match(query)
            rows = np.flatnonzero(matched)
            scores = self._scores(query.brief)[rows] if query.brief else None
            keys = self._keys(query, rows, scores)
            self._rank_names()
            ranks = self._ranks[self._columns.owner[rows]]
            order = np.lexsort((ranks, keys))
            # A creator with several accounts that match is found once, by the first of them.
            _, first = np.unique(self._columns.owner[rows][order], return_index=True)
            order = order[np.sort(first)]
            rows, keys, ranks = rows[order], keys[order], ranks[order]
            scores = scores[order] if scores is not None else None
            begin = self._begin(query.after, keys, ranks)
            page = range(begin, min(begin + query.limit, len(rows)))
            hits = tuple(
                Hit(
                    self._names[self._columns.owner[rows[at]]],
                    Platform(_PLATFORMS[number]) if (number := int(self._columns.platform[rows[at]])) else None,
                    int(scores[at]) if scores is not None else None,
                )
                for at in page
            )
            more = page.stop < len(rows) and len(page) > 0
            found_owners = self._columns.owner[rows]
            unsure = np.unique(self._columns.owner[np.flatnonzero(unknown)])
            return Found(
                hits=hits,
                next=Cursor(float(keys[page.stop - 1]), hits[-1].creator) if more else None,
                total=len(rows),
                facets=self._facets(rows),
                unknown_audience=int(np.count_nonzero(~np.isin(unsure, found_owners))),
                seen_until=self.seen_until,
            )

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _put_row(self, row: int, owner: int, profile: Profile) -> None:
        columns = self._columns
        columns.grow(row + 1)
        columns.alive[row] = True
        columns.owner[row] = owner
        columns.platform[row] = _PLATFORMS.index(profile.platform or "")
        columns.country[row] = self._countries.number(profile.country)
        columns.tier[row] = self._tiers.number(profile.tier)
        columns.main_country[row] = self._countries.number(profile.main_audience_country)
        columns.verified[row] = profile.verified
        for name in (
            "followers", "engagement_rate", "engagement_percentile", "authentic_percentile", "performance"
        ):  # fmt: skip
            value = getattr(profile, name)
            getattr(columns, name)[row] = np.nan if value is None else value
        self._categories.put(
            row,
            [
                (category, fit.FURTHER_CATEGORY if index else fit.MAIN_CATEGORY)
                for index, category in enumerate(profile.categories)
            ],
        )
        self._languages.put(row, [(language, 1.0) for language in profile.languages])
        for dimension, pairs in self._audience.items():
            shares = profile.audience.shares(dimension)
            self._audience_known[dimension] = _grown(self._audience_known[dimension], row + 1)
            self._audience_main[dimension] = _grown(self._audience_main[dimension], row + 1)
            self._audience_known[dimension][row] = any(share.weight is not None for share in shares)
            pairs.put(row, [_weighted(share) for share in shares])
            self._audience_main[dimension][row] = pairs.codes.number(main_code(shares))

    def _rank_names(self) -> None:
        if len(self._sorted_names) == len(self._names):
            return
        order = sorted(range(len(self._names)), key=self._names.__getitem__)
        self._sorted_names = [self._names[owner] for owner in order]
        self._ranks = np.empty(len(order), dtype=np.int64)
        self._ranks[order] = np.arange(len(order))

    # -- matching -----------------------------------------------------------------------------------------------------

    def _match(self, query: Query) -> tuple[Mask, Mask]:
        """The rows that match, and those of which it cannot be said for want of audience shares."""
        wanted, n, columns = query.wanted, self._rows, self._columns
        matched: Mask = columns.alive[:n].copy()
        for platforms in (wanted.platforms, query.brief.platforms if query.brief else ()):
            if platforms:
                matched &= np.isin(columns.platform[:n], [_PLATFORMS.index(platform) for platform in platforms])
        for words, column, codes in (
            (wanted.countries, columns.country, self._countries),
            (wanted.tiers, columns.tier, self._tiers),
            (wanted.main_audience_countries, columns.main_country, self._countries),
        ):
            if words:
                matched &= np.isin(column[:n], codes.known(words))
        if wanted.categories:
            matched &= self._categories.any_of(wanted.categories, n)
        if wanted.languages:
            matched &= self._languages.any_of(wanted.languages, n)
        if wanted.verified is not None:
            matched &= columns.verified[:n] == wanted.verified
        # A comparison with what is not known (NaN) is false: it does not match.
        for bound, values, compare in (
            (wanted.min_followers, columns.followers, np.greater_equal),
            (wanted.max_followers, columns.followers, np.less_equal),
            (wanted.min_engagement_rate, columns.engagement_rate, np.greater_equal),
            (wanted.max_engagement_rate, columns.engagement_rate, np.less_equal),
        ):
            if bound is not None:
                matched &= compare(values[:n], bound)
        return self._match_audience(wanted, matched)

    def _match_audience(self, wanted: CreatorFilter, matched: Mask) -> tuple[Mask, Mask]:
        possible, certain = matched.copy(), matched
        for demand in wanted.audience:
            known = self._audience_known[demand.dimension][: self._rows]
            enough = self._share(demand.dimension, demand.codes) >= demand.min_share - TOLERANCE
            certain = certain & known & enough
            possible &= ~known | enough
        return certain, possible & ~certain

    def _share(self, dimension: AudienceDimension, codes: Iterable[str]) -> Floats:
        return np.minimum(1.0, self._audience[dimension].sums(codes, self._rows))

    # -- scores and order ---------------------------------------------------------------------------------------------

    def _scores(self, brief: Brief) -> Ints:
        total = np.zeros(self._rows, dtype=np.int64)
        for factor, points in fit.shares_of_score(brief).items():
            values = self._values(factor, brief)
            total += np.rint(points * np.where(np.isnan(values), fit.ASSUMED[factor], values)).astype(np.int64)
        return total

    def _values(self, factor: FitFactor, brief: Brief) -> Floats:
        """The value of a factor in each row; NaN where nothing is known."""
        n = self._rows
        if factor in _FACTOR_COLUMNS:
            column: Floats = getattr(self._columns, _FACTOR_COLUMNS[factor])[:n]
            return column
        if factor is FitFactor.CONTENT_AFFINITY:
            return np.where(self._categories.empty(n), np.nan, self._categories.largest(brief.categories, n))
        dimension = fit.DIMENSIONS[factor]
        codes = brief.target.codes(dimension)
        main = self._audience_main[dimension][:n]
        in_target = np.isin(main, self._audience[dimension].codes.known(codes))
        by_main = np.where(main == 0, np.nan, np.where(in_target, fit.MAIN_IS_TARGET, fit.MAIN_IS_NOT_TARGET))
        return np.where(self._audience_known[dimension][:n], self._share(dimension, codes), by_main)

    def _keys(self, query: Query, rows: Ints, scores: Ints | None) -> Floats:
        """Sort keys, the smallest first; what is not known comes last."""
        if query.order == "name":
            return np.zeros(len(rows))
        if query.order == "fit":
            assert scores is not None, "ordering by fit needs a brief"
            values = scores.astype(np.float64)
        else:
            values = getattr(self._columns, query.order)[rows]
        return np.where(np.isnan(values), np.inf, -values if query.descending else values)

    def _begin(self, after: Cursor | None, keys: Floats, ranks: Ints) -> int:
        if after is None:
            return 0
        # The last creator of the page before: its rank, or where it would stand.
        rank = bisect.bisect_right(self._sorted_names, after.name) - 1
        return int(np.count_nonzero((keys < after.key) | ((keys == after.key) & (ranks <= rank))))

    # -- facets -------------------------------------------------------------------------------------------------------

    def _facets(self, rows: Ints) -> tuple[Facet, ...]:
        selected = np.zeros(self._rows, dtype=np.bool_)
        selected[rows] = True
        columns = self._columns
        verified = int(np.count_nonzero(columns.verified[rows]))
        return (
            _facet("platform", _counted(columns.platform[rows], _PLATFORMS)),
            _facet("country", _counted(columns.country[rows], self._countries.words)),
            _facet("main_audience_country", _counted(columns.main_country[rows], self._countries.words)),
            _facet("category", self._with_unknown(self._categories, selected)),
            _facet("tier", _counted(columns.tier[rows], self._tiers.words)),
            _facet("language", self._with_unknown(self._languages, selected)),
            _facet("verified", [("true", verified), ("false", len(rows) - verified)]),
        )

    def _with_unknown(self, pairs: _Pairs, selected: Mask) -> list[tuple[str, int]]:
        unknown = int(np.count_nonzero(selected & pairs.empty(self._rows)))
        return [*pairs.counts(selected), ("", unknown)]


def _weighted(share: Share) -> tuple[str, float]:
    return (share.code, float("nan") if share.weight is None else share.weight)


def _counted(codes: NDArray[Any], words: Sequence[str]) -> list[tuple[str, int]]:
    return [(words[code], int(n)) for code, n in enumerate(np.bincount(codes)) if n]


def _facet(field: str, counts: Iterable[tuple[str, int]]) -> Facet:
    ordered = sorted((pair for pair in counts if pair[1]), key=lambda pair: (-pair[1], pair[0]))
    return Facet(field, tuple((str(value), count) for value, count in ordered[:FACET_VALUES]))
