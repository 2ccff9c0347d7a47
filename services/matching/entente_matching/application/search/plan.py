"""A query made ready for the index: words as numbers, demands as functions over columns, the cheapest first."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from entente_matching.application.search.columns import (
    DENSE,
    DIMENSIONS,
    NEVER,
    NOT_KNOWN,
    VERIFIED,
    Array,
    Block,
    Codes,
    Mask,
    Rows,
    View,
    is_one_of,
)
from entente_matching.application.search.rows import PLATFORMS
from entente_matching.domain import fit, lookalikes
from entente_matching.domain.filters import BOUNDS, MIN, WHOLE, Demand, Joint, Node, share_units
from entente_matching.domain.fit import Brief
from entente_matching.domain.lookalikes import Likeness
from entente_matching.domain.words import AudienceDimension, Feature, FitFactor

Judged = tuple[Mask, Mask | None]
"""Which rows meet a demand, and of which that is known (None: of all)."""
Words = dict[str, Codes]
_NARROW = 4
"""Rows are gathered once fewer than one in so many are left: until then a pass over all of them is cheaper."""


@dataclass(frozen=True)
class Leaf:
    """A demand on columns.

    Args:
        cost: what it costs for a row, roughly; the cheap ones come first.
        judge: which rows meet it.
        negated: the opposite is asked for.
        audience: it is on audience shares, of which those that are not known are counted.
        of_block: whether all rows of a block meet it, or none; None when they must be looked at.
    """

    cost: int
    judge: Callable[[View], Judged]
    negated: bool = False
    audience: bool = False
    of_block: Callable[[Block], bool | None] = lambda block: None

    def holds(self, view: View) -> tuple[Mask, Mask]:
        """Which rows meet the demand for certain, and which may."""
        met, known = self.judge(view)
        if self.negated:
            met = ~met if known is None else ~met & known
        certain = met if known is None or self.negated else met & known
        return certain, certain | ~known if self.audience and known is not None else certain


@dataclass(frozen=True)
class Branch:
    """Leaves and branches, of which all or any must be met."""

    joint: Joint
    parts: tuple["Leaf | Branch", ...]
    cost: int
    audience: bool


Part = Leaf | Branch
Mapped = Callable[[str], Mask]


def plan(node: Node, words: Words, with_text: Mapped) -> Branch:
    """A filter made ready. ``with_text`` says which owners have a text."""
    parts: list[Part] = [
        _leaf(part, words, with_text) if isinstance(part, Demand) else plan(part, words, with_text)
        for part in node.parts
    ]
    parts.sort(key=lambda part: part.cost)
    return Branch(node.joint, tuple(parts), sum(part.cost for part in parts), any(part.audience for part in parts))


def on_platforms(platforms: Sequence[str]) -> Leaf:
    """The account is on one of these platforms."""
    numbers = {PLATFORMS.index(platform) for platform in platforms}
    return _of_block(lambda block: block.platform in numbers, lambda block: block.platform > 0, negated=False)


# -- which rows -------------------------------------------------------------------------------------------------------


def select(part: Part, view: View) -> tuple[View, Mask]:
    """The rows that may match, and which of them do for certain."""
    if isinstance(part, Leaf) or part.joint is Joint.ANY:
        certain, possible = _judge(part, view)
        keep = np.flatnonzero(possible)
        return view.narrowed(keep), certain[keep]
    return _select_all(part, view)


def _select_all(branch: Branch, view: View) -> tuple[View, Mask]:
    certain: Mask | None = None
    mask: Mask | None = None
    for left in branch.parts:
        if isinstance(left, Leaf):
            whole = left.of_block(view.block)
            if whole is False:
                return view.narrowed(np.zeros(0, dtype=np.int64)), np.zeros(0, dtype=np.bool_)
            if whole is True:
                continue
        met, possible = _judge(left, view)
        certain = met if certain is None else certain & met
        mask = possible if mask is None else mask & possible
        if (count := int(np.count_nonzero(mask))) * _NARROW < len(view):
            if not count:
                return view.narrowed(np.zeros(0, dtype=np.int64)), np.zeros(0, dtype=np.bool_)
            keep = np.flatnonzero(mask)
            view, certain, mask = view.narrowed(keep), certain[keep], None
    if mask is not None and certain is not None:
        keep = np.flatnonzero(mask)
        view, certain = view.narrowed(keep), certain[keep]
    return view, np.ones(len(view), dtype=np.bool_) if certain is None else certain


def _judge(part: Part, view: View) -> tuple[Mask, Mask]:
    if isinstance(part, Leaf):
        return part.holds(view)
    if part.joint is Joint.ALL:
        inner, met = select(part, View(view.block, view.numbers()))
        certain, possible = np.zeros(view.block.size, dtype=np.bool_), np.zeros(view.block.size, dtype=np.bool_)
        numbers = inner.numbers()
        certain[numbers[met]] = True
        possible[numbers] = True
        return view.spread(certain), view.spread(possible)
    certain, possible = np.zeros(len(view), dtype=np.bool_), np.zeros(len(view), dtype=np.bool_)
    for each in part.parts:
        met, may = _judge(each, view)
        certain |= met
        possible |= may
    return certain, possible


# -- demands ----------------------------------------------------------------------------------------------------------


def _of_block(meets: Callable[[Block], bool], known: Callable[[Block], bool], *, negated: bool) -> Leaf:
    """A demand that all rows of a block meet, or none."""

    def of_block(block: Block) -> bool:
        return known(block) and meets(block) != negated

    def judge(view: View) -> Judged:
        count = len(view)
        return np.full(count, meets(view.block)), np.full(count, known(view.block))

    return Leaf(0, judge, negated, of_block=of_block)


def _leaf(demand: Demand, words: Words, with_text: Mapped) -> Leaf:
    field, value, negated = demand.field, demand.value, demand.negated
    if field == "platforms":
        numbers = {PLATFORMS.index(platform) for platform in value}
        return _of_block(lambda block: block.platform in numbers, lambda block: block.platform > 0, negated=negated)
    if field == "tiers":
        tiers = set(words["tier"].known(value))
        return _of_block(lambda block: block.tier in tiers, lambda block: block.tier > 0, negated=negated)
    if field in _LISTS:
        column, trait = _LISTS[field]
        known = words[trait].known(value)
        if field in ("categories", "languages"):
            return Leaf(8, lambda view: _any_of(view, column, known), negated)
        return Leaf(1, lambda view: _code(view, column, known), negated)
    if field in BOUNDS:
        return _bound(field, value, negated)
    if field == "audience":
        codes = words[value.dimension].known(value.codes)
        least = share_units(value.min_share)
        most = WHOLE if value.max_share is None else share_units(value.max_share)
        dimension = value.dimension
        return Leaf(
            4 if dimension in DENSE else 16,
            lambda view: _share_between(view, dimension, codes, least, most),
            negated,
            audience=True,
        )
    return _other(field, value, negated, words, with_text)


_LISTS = {
    "countries": ("country", "country"),
    "main_audience_countries": (f"{AudienceDimension.COUNTRY}.code", AudienceDimension.COUNTRY),
    "categories": ("category", "category"),
    "languages": ("language", "language"),
}


def _other(field: str, value: Any, negated: bool, words: Words, with_text: Mapped) -> Leaf:
    if field == "verified":
        return Leaf(1, lambda view: (((view.column("flags") & VERIFIED) > 0) == value, None), negated)
    if field == "max_price":
        currency = words["currency"].known([value.currency_code]) or [NOT_KNOWN]
        most = value.minor_units

        def cheap(view: View) -> Judged:
            price = view.column("price")
            return price <= most, (price >= 0) & (view.column("currency") == currency[0])

        return Leaf(2, cheap, negated)
    if field == "available_on":
        day = (value - date(1970, 1, 1)).days

        def free(view: View) -> Judged:
            begin = view.column("available_from")
            return (begin <= day) & (view.column("available_until") >= day), begin != NEVER

        return Leaf(2, free, negated)
    assert field == "text", field
    # Looked up once for the search, not for each block.
    having = with_text(value)
    return Leaf(2, lambda view: (having[view.column("owner")], None), negated)


def _code(view: View, column: str, known: Sequence[int]) -> Judged:
    values = view.column(column) if column == "country" else view.place(column, 0)
    return is_one_of(values, known), values != 0


def _any_of(view: View, column: str, known: Sequence[int]) -> Judged:
    places = view.column(column)
    met = is_one_of(places[0], known)
    for place in places[1:]:
        met |= is_one_of(place, known)
    beside = view.block.beside.get(column)
    if beside is not None and beside.used:
        rows, codes, _ = beside.arrays()
        more = np.zeros(view.block.size, dtype=np.bool_)
        more[rows[is_one_of(codes, known)]] = True
        met |= view.spread(more)
    return met, places[0] != 0


def _bound(field: str, bound: Any, negated: bool) -> Leaf:
    name, side = BOUNDS[field]
    column = name
    limit: Any = bound
    if name == "authenticity":
        limit = bound * 100
    elif name == "last_active":
        limit = bound.timestamp()
    compare = np.greater_equal if side == MIN else np.less_equal

    def judge(view: View) -> Judged:
        values = view.column(column)
        met: Mask = compare(values, limit)
        if name == "engagement_rate":
            return met, ~np.isnan(values)
        if name == "followers":
            return met, values >= 0
        return met, values != (NOT_KNOWN if name == "authenticity" else 0)

    def of_block(block: Block) -> bool | None:
        """By the fewest and most followers in it."""
        if name != "followers" or negated or block.fewest < 0:
            return None
        every, some = (block.fewest, block.most) if side == MIN else (block.most, block.fewest)
        return True if compare(every, limit) else (None if compare(some, limit) else False)

    return Leaf(2, judge, negated, of_block=of_block)


def _share_between(view: View, dimension: AudienceDimension, codes: list[int], least: int, most: int) -> Judged:
    units = np.minimum(view.units(dimension, codes), WHOLE)
    return (units >= least) & (units <= most), is_known(view, dimension)


def is_known(view: View, dimension: AudienceDimension) -> Mask:
    """Of which rows the shares of the audience are known."""
    bit = 1 << DIMENSIONS.index(dimension)
    known: Mask = (view.column("known") & bit) > 0
    return known


# -- scores -----------------------------------------------------------------------------------------------------------

Term = Callable[[View], Array]
_COLUMNS = {
    FitFactor.ENGAGEMENT: "engagement",
    FitFactor.PAST_PERFORMANCE: "performance",
    FitFactor.AUTHENTICITY: "authenticity",
}
_SLICE = 16_384
"""Rows that are scored at a time: what is worked on stays in the processor's cache."""


class Bar:
    """The score that a row must reach to be among the first few, as far as is known by now."""

    def __init__(self, count: int, below: float) -> None:
        self._count = count
        self._below = below
        self._best: Array = np.zeros(0, dtype=np.int32)
        self._lock = threading.Lock()
        self.score = 0

    def offer(self, scores: Array) -> None:
        """Scores of rows that are certain; those above the page that is asked for do not count."""
        scores = scores[(scores >= self.score) & (scores < self._below)]
        with self._lock:
            best = np.concatenate([self._best, scores])
            if len(best) > self._count:
                best = np.partition(best, len(best) - self._count)[-self._count :]
                self.score = int(best.min())
            self._best = best


@dataclass(frozen=True)
class Scorer:
    """Points of terms, added up: the cheap terms first."""

    terms: tuple[tuple[int, Term], ...]
    each_rounded: bool

    def scores(self, view: View) -> Array:
        """The score of each row, in hundredths."""
        total = np.full(len(view), 0 if self.each_rounded else WHOLE // 2, dtype=np.int32)
        for points, term in self.terms:
            reached = term(view).astype(np.int32) * points
            total += reached // WHOLE if self.each_rounded else reached
        return total if self.each_rounded else total // WHOLE

    def first(self, view: View, several: Mask, bar: Bar) -> tuple[Rows, Array]:
        """Which rows may be among the first, and their scores: a row that cannot reach the bar any more is dropped.

        Rows of creators with ``several`` accounts are kept: which of them is the best must be known.
        """
        starts = range(0, len(view), _SLICE)
        found = [self._first_of(view.part(start, start + _SLICE), start, several, bar) for start in starts]
        if not found:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int32)
        return np.concatenate([at for at, _ in found]), np.concatenate([scores for _, scores in found])

    def _first_of(self, view: View, start: int, several: Mask, bar: Bar) -> tuple[Rows, Array]:
        at = np.arange(start, start + len(view))
        total = np.full(len(view), WHOLE // 2, dtype=np.int32)
        open_points = sum(points for points, _ in self.terms)
        for points, term in self.terms:
            total += term(view).astype(np.int32, copy=False) * np.int32(points)
            open_points -= points
            if not bar.score:
                continue
            within = total >= bar.score * WHOLE - open_points * WHOLE
            if np.count_nonzero(within) * 4 < len(view) * 3:
                within |= several[at]
                keep = np.flatnonzero(within)
                view, at, total = view.narrowed(keep), at[keep], total[keep]
                if not len(keep):
                    break
        scores = total // WHOLE
        bar.offer(scores[~several[at]])
        return at, scores


_COST = {FitFactor.AUDIENCE_COUNTRY: 3, FitFactor.AUDIENCE_LANGUAGE: 2, FitFactor.CONTENT_AFFINITY: 1}


def fit_scorer(brief: Brief, words: Words) -> Scorer:
    """The fit score in hundredths of a point, as ``domain.fit`` computes it."""
    points = fit.shares_of_score(brief)
    in_order = sorted(points, key=lambda factor: (_COST.get(factor, 0), -points[factor]))
    return Scorer(tuple((points[factor], _fit_term(factor, brief, words)) for factor in in_order), each_rounded=False)


def _fit_term(factor: FitFactor, brief: Brief, words: Words) -> Term:
    assumed = fit.ASSUMED[factor]
    if factor in _COLUMNS:
        column = _COLUMNS[factor]
        return lambda view: _filled(view.column(column), assumed)
    if factor is FitFactor.CONTENT_AFFINITY:
        wanted = words["category"].known(brief.categories)
        return lambda view: _affinity(view, wanted, assumed)
    if factor is FitFactor.PRICE:
        assert brief.budget is not None, "a term that is asked about"
        currency = words["currency"].known([brief.budget.currency_code]) or [NOT_KNOWN]
        budget = brief.budget.minor_units
        return lambda view: _price(view, currency[0], budget, assumed)
    dimension = fit.DIMENSIONS[factor]
    codes = words[dimension].known(brief.target.codes(dimension))
    return lambda view: _audience(view, dimension, codes, assumed)


def _filled(values: Array, assumed: int) -> Array:
    filled = values.astype(np.int32)
    np.copyto(filled, assumed, where=values == NOT_KNOWN)
    return filled


def _affinity(view: View, wanted: Sequence[int], assumed: int) -> Array:
    any_of, known = _any_of(view, "category", wanted)
    assert known is not None, "there may be no category"
    main = is_one_of(view.place("category", 0), wanted)
    values = np.where(any_of, np.int32(fit.FURTHER_CATEGORY), np.int32(0))
    values[main] = fit.MAIN_CATEGORY
    values[~known] = assumed
    return values


def _price(view: View, currency: int, budget: int, assumed: int) -> Array:
    price = view.column("price")
    # Beyond twice the budget nothing is left, and the product stays within 64 bits.
    within = np.minimum(price, 2 * budget)
    dear = 2 * WHOLE - within * WHOLE // budget if budget > 0 else np.zeros(len(price), dtype=np.int64)
    values = np.where(price <= budget, WHOLE, np.maximum(dear, 0))
    return np.where((price >= 0) & (view.column("currency") == currency), values, assumed)


def _audience(view: View, dimension: AudienceDimension, codes: list[int], assumed: int) -> Array:
    units = view.units(dimension, codes)
    np.minimum(units, WHOLE, out=units)
    unknown = np.flatnonzero(~is_known(view, dimension))
    if len(unknown):
        main = view.place(f"{dimension}.code", 0) if dimension not in DENSE else view.column(f"{dimension}.main")
        table = np.full(max([*codes, 0]) + 2, fit.MAIN_IS_NOT_TARGET, dtype=np.int32)
        table[codes] = fit.MAIN_IS_TARGET
        table[0] = assumed
        units[unknown] = table[np.minimum(main[unknown], len(table) - 1)]
    return units


def likeness_scorer(likeness: Likeness, words: Words) -> Scorer:
    """The similarity in hundredths of a point, as ``domain.lookalikes`` computes it."""
    points = lookalikes.points_of(likeness)
    terms = tuple((points[feature], _likeness_term(feature, likeness, words)) for feature in points)
    return Scorer(terms, each_rounded=True)


def _likeness_term(feature: Feature, likeness: Likeness, words: Words) -> Term:
    if feature in lookalikes.DIMENSIONS:
        dimension = lookalikes.DIMENSIONS[feature]
        weights = _numbered(likeness.audience[dimension], words[dimension])
        return lambda view: _in_common(view, dimension, weights)
    if feature is Feature.CATEGORIES:
        asked = _numbered(likeness.categories, words["category"])
        return lambda view: _heaviest(view, asked)
    if feature is Feature.PLATFORM:
        platforms = {PLATFORMS.index(platform) for platform in likeness.platforms}
        return lambda view: np.full(len(view), WHOLE if view.block.platform in platforms else 0)
    column, other = ("size", likeness.size) if feature is Feature.SIZE else ("engagement", likeness.engagement)
    assert other is not None, "a feature that is known"

    def near(view: View) -> Array:
        values = view.column(column).astype(np.int32)
        return np.where(values == NOT_KNOWN, 0, np.maximum(0, WHOLE - np.abs(values - other)))

    return near


def _numbered(weights: Any, codes: Codes) -> dict[int, int]:
    return {codes.known([word])[0]: weight for word, weight in weights.items() if codes.known([word])}


def _in_common(view: View, dimension: AudienceDimension, weights: dict[int, int]) -> Array:
    units = np.minimum(view.units(dimension, weights), WHOLE)
    main = view.place(f"{dimension}.code", 0) if dimension not in DENSE else view.column(f"{dimension}.main")
    table = np.zeros(max([*weights, 0]) + 2, dtype=np.int32)
    for code, weight in weights.items():
        table[code] = weight
    by_main = table[np.minimum(main, len(table) - 1)]
    return np.asarray(np.where(is_known(view, dimension), units, by_main))


def _heaviest(view: View, weights: dict[int, int]) -> Array:
    table = np.zeros(max([*weights, 0]) + 2, dtype=np.int32)
    for code, weight in weights.items():
        table[code] = weight
    places = view.column("category")
    most: Array = table[np.minimum(places, len(table) - 1)].max(axis=0)
    beside = view.block.beside.get("category")
    if beside is not None and beside.used:
        rows, codes, _ = beside.arrays()
        whole = np.zeros(view.block.size, dtype=np.int32)
        np.maximum.at(whole, rows, table[np.minimum(codes, len(table) - 1)])
        most = np.maximum(most, view.spread(whole))
    return most
