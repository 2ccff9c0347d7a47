"""The search index: columns in memory, and searches as array arithmetic over the blocks that a filter leaves.

It holds what filters, facets, scores and a page of results show. A search scores by the same formula as the domain's
``fit.score``; a test holds the two against each other, and the whole index against ``PlainSearch``.
"""

import heapq
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import numpy as np

from entente_matching.application.search.columns import (
    ALIVE,
    BLOCK,
    DIMENSIONS,
    NOT_KNOWN,
    SEVERAL,
    VERIFIED,
    Array,
    Block,
    Codes,
    Mask,
    Row,
    Rows,
    View,
    object_bytes,
)
from entente_matching.application.search.locks import SharedLock
from entente_matching.application.search.model import Cursor, Facet, Found, Hit, Order, Query, facet, tie, tie_of
from entente_matching.application.search.plan import (
    Bar,
    Branch,
    Scorer,
    fit_scorer,
    likeness_scorer,
    on_platforms,
    plan,
    select,
)
from entente_matching.application.search.rows import PLATFORMS, TRAITS, profile_of, row_of
from entente_matching.application.search.text import TextIndex
from entente_matching.domain.feedback import PastPerformance
from entente_matching.domain.filters import Joint, demands_of
from entente_matching.domain.profiles import Profile
from entente_matching.domain.texts import words_of_all
from entente_matching.domain.words import AudienceDimension

T = TypeVar("T")
R = TypeVar("R")
Entry = tuple[str, int, Sequence[Profile]]
"""Name, version, and the creator through each of its accounts; no account at all is a creator that is gone."""

_WRITTEN_AT_ONCE = 1000
"""Creators for which searches wait at a time."""
_WORKERS = min(2, os.cpu_count() or 1)
_ORDER_COLUMNS = {
    Order.FOLLOWERS: "followers",
    Order.ENGAGEMENT_RATE: "engagement_rate",
    Order.AUTHENTICITY: "authenticity",
    Order.PRICE: "price",
    Order.LAST_ACTIVE: "last_active",
}
_UNKNOWN_KEYS: dict[Order, float] = {
    Order.FOLLOWERS: -1,
    Order.AUTHENTICITY: NOT_KNOWN,
    Order.PRICE: -1,
    Order.LAST_ACTIVE: 0,
}


class _Part(NamedTuple):
    """What a block holds of a search.

    Args:
        view: the rows that match; of creators with several accounts also those that only may.
        several: which rows are of such creators.
        certain: which rows match for certain.
        at: those of the rows that may be on the page.
        key: what these are ordered by, and their score.
        unsure: how many other rows may match.
    """

    view: View
    several: Mask
    certain: Mask
    at: Rows
    key: Array
    score: Array | None
    unsure: int


class _Best(NamedTuple):
    """A row that may be on the page: what it is ordered by, its number in the block, its score."""

    key: float
    tie: int
    block: Block
    row: int
    score: int | None


class _Ready(NamedTuple):
    """A creator that is ready to be written."""

    owner: int
    name: str
    version: int
    profile: Profile
    rows: list[Row]
    words: set[bytes]


class SearchIndex:
    """What all creators are like. Searches run beside each other; a few creators are written between two searches."""

    def __init__(self) -> None:
        self._lock = SharedLock()
        self._writer = threading.Lock()
        self._pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="search")
        self.codes: dict[str, Codes] = {trait: Codes() for trait in TRAITS}
        self.blocks: list[Block] = []
        self._open: dict[tuple[int, int], set[int]] = {}
        """The blocks of a platform and size that have room."""
        self.text = TextIndex()
        self._owners: dict[str, int] = {}
        self.names: list[str] = []
        self.display_names: list[str] = []
        self.versions: Array = np.zeros(1024, dtype=np.int32)
        self._first_row: Array = np.full(1024, -1, dtype=np.int64)
        self._further_rows: dict[int, list[int]] = {}
        self._past: dict[int, PastPerformance] = {}
        self.gone = 0
        self.seen_until: datetime | None = None

    @classmethod
    def of(
        cls,
        *,
        codes: dict[str, Codes],
        blocks: list[Block],
        text: TextIndex,
        names: list[str],
        display_names: list[str],
        versions: Array,
        gone: int,
    ) -> "SearchIndex":
        """As it was kept. Past performance is not: whoever keeps the index up to date adds it."""
        index = cls()
        index.codes, index.blocks, index.text = codes, blocks, text
        index.names, index.display_names, index.gone = names, display_names, gone
        index._owners = dict(zip(names, range(len(names)), strict=True))
        room = max(1024, len(names))
        index.versions = np.zeros(room, dtype=np.int32)
        index.versions[: len(names)] = versions
        index._first_row = np.full(room, -1, dtype=np.int64)
        for number, block in enumerate(blocks):
            alive = np.flatnonzero(block.columns["flags"])
            owners, several = block.columns["owner"][alive], block.columns["flags"][alive] & SEVERAL > 0
            index._first_row[owners[~several]] = number * BLOCK + alive[~several]
            for owner, row in zip(owners[several].tolist(), alive[several].tolist(), strict=True):
                index._add_row(owner, number * BLOCK + row)
            index._open.setdefault((block.platform, block.tier), set())
            if block.free or block.size < BLOCK:
                index._open[block.platform, block.tier].add(number)
        return index

    def put_past(self, past: Mapping[int, PastPerformance]) -> None:
        """What past performances rest on, by the creators' numbers: a file of the index does not hold it."""
        self._past.update(past)

    def close_text(self) -> None:
        """Make the text index ready for a snapshot."""
        with self._writer, self._lock.writing():
            self.text.close()

    def frozen(self) -> AbstractContextManager[None]:
        """Nothing is written meanwhile; searches go on."""
        return self._lock.reading()

    def __len__(self) -> int:
        return len(self.names) - self.gone

    def version(self, creator: str) -> int:
        """The version of a creator that is indexed; 0 for none."""
        owner = self._owners.get(creator)
        return 0 if owner is None else int(self.versions[owner])

    # -- writing ------------------------------------------------------------------------------------------------------

    def put(self, creators: Iterable[Entry]) -> None:
        """Take up creators. Older versions than those that are held are ignored."""
        batch: list[Entry] = []
        for entry in creators:
            batch.append(entry)
            if len(batch) == _WRITTEN_AT_ONCE:
                self._put(batch)
                batch = []
        if batch:
            self._put(batch)

    def remove(self, creator: str) -> None:
        """Forget a creator, whatever its version; a later version brings it back."""
        with self._writer, self._lock.writing():
            owner = self._owners.get(creator)
            if owner is not None and self._kill(owner):
                self.gone += 1
                self.display_names[owner] = ""
                self.text.remove(owner)
                self._past.pop(owner, None)

    def _put(self, batch: Sequence[Entry]) -> None:
        # In a batch the last version of a creator counts.
        newest: dict[str, Entry] = {}
        for entry in batch:
            if entry[0] not in newest or newest[entry[0]][1] <= entry[1]:
                newest[entry[0]] = entry
        with self._writer:
            # What is written is made ready while searches go on; only one writes at a time.
            ready: list[_Ready] = []
            new = len(self.names)
            for name, version, profiles in newest.values():
                owner = self._owners.get(name)
                if owner is None:
                    owner, new = new, new + 1
                elif version < self.versions[owner]:
                    continue
                number, several = tie_of(name), len(profiles) > 1
                rows = [row_of(profile, owner, number, several=several, codes=self.codes) for profile in profiles]
                ready.append(_Ready(owner, name, version, profiles[0], rows, words_of_all(profiles[0].texts)))
            with self._lock.writing():
                by_block: dict[tuple[int, int], list[tuple[int, Row]]] = {}
                for each in ready:
                    self._put_facts(each)
                    for row in each.rows:
                        by_block.setdefault((row.platform, row.tier), []).append((each.owner, row))
                self._place(by_block)

    def _put_facts(self, ready: "_Ready") -> None:
        """What is held of a creator besides its rows; its old rows go."""
        owner, profile = ready.owner, ready.profile
        if owner == len(self.names):
            self._owners[ready.name] = owner
            self.names.append(ready.name)
            self.display_names.append("")
            if owner >= len(self.versions):
                self.versions = np.resize(self.versions, 2 * owner)
                self._first_row = np.resize(self._first_row, 2 * owner)
            self._first_row[owner] = -1
        elif not self._kill(owner):
            self.gone -= 1
        self.versions[owner] = ready.version
        self.display_names[owner] = profile.display_name
        if profile.past is not None:
            self._past[owner] = profile.past
        self.text.put(owner, ready.words)

    def _kill(self, owner: int) -> bool:
        first = int(self._first_row[owner])
        if first < 0:
            return False
        for location in (first, *self._further_rows.pop(owner, ())):
            block = self.blocks[location // BLOCK]
            block.kill([location % BLOCK])
            self._open[block.platform, block.tier].add(location // BLOCK)
        self._first_row[owner] = -1
        return True

    def _place(self, rows: dict[tuple[int, int], list[tuple[int, Any]]]) -> None:
        for key, entries in rows.items():
            left = entries
            while left:
                with_room = self._open.setdefault(key, set())
                if not with_room:
                    with_room.add(len(self.blocks))
                    self.blocks.append(Block(*key))
                number = min(with_room)
                block = self.blocks[number]
                taken = block.take_rows(len(left))
                if not taken:
                    with_room.discard(number)
                    continue
                now, left = left[: len(taken)], left[len(taken) :]
                block.write(taken, [row for _, row in now])
                for at, (owner, _) in zip(taken, now, strict=True):
                    self._add_row(owner, number * BLOCK + at)

    def _add_row(self, owner: int, location: int) -> None:
        if self._first_row[owner] < 0:
            self._first_row[owner] = location
        else:
            self._further_rows.setdefault(owner, []).append(location)

    # -- searching ----------------------------------------------------------------------------------------------------

    def search(self, query: Query) -> Found:
        """The creators that match, in order, and how they divide."""
        with self._lock.reading():
            wanted, excluded = self._planned(query), self._excluded(query)
            scorer = None
            if query.likeness is not None:
                scorer = likeness_scorer(query.likeness, self.codes)
            elif query.brief is not None:
                scorer = fit_scorer(query.brief, self.codes)
            bar = Bar(query.limit + 1, -query.after.key if query.after else float("inf"))
            blocks = [block for block in self.blocks if not _is_ruled_out(wanted, block)]
            parts = self._each(lambda block: _searched(block, wanted, excluded, scorer, query, bar), blocks)
            matched, unsure = _once_each(parts)
            best = self._first(query, matched)
            page = best[: query.limit]
            hits = tuple(self._hit(each, query) for each in page)
            return Found(
                hits=hits,
                next=Cursor(page[-1].key, hits[-1].creator) if page and len(best) > len(page) else None,
                total=sum(len(part.view) for part in matched),
                facets=self._facets(query.facets, matched),
                unknown_audience=unsure,
                seen_until=self.seen_until,
            )

    def _planned(self, query: Query) -> Branch:
        wanted = plan(demands_of(query.wanted), self.codes, lambda text: self.text.owners(text, len(self.names)))
        if query.brief is not None and query.brief.platforms:
            wanted = Branch(Joint.ALL, (on_platforms(query.brief.platforms), wanted), wanted.cost, wanted.audience)
        return wanted

    def _excluded(self, query: Query) -> Rows | None:
        owners = [owner for name in query.excluded if (owner := self._owners.get(name)) is not None]
        return np.array(sorted(owners), dtype=np.int64) if owners else None

    def _each(self, do: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """Do something for each, on both processors when there are several."""
        if len(items) < 2:
            return [do(item) for item in items]
        return list(self._pool.map(do, items))

    def _first(self, query: Query, parts: Sequence[_Part]) -> list[_Best]:
        """The first behind the cursor, and one more."""
        count = query.limit + 1
        if query.order is Order.NAME:
            return self._first_by_name(query, parts, count)
        after = (query.after.key, tie(query.after.name)) if query.after else None
        best = [each for part in parts for each in _smallest(part, count, after)]
        return heapq.nsmallest(count, best, key=lambda each: each[:2])

    def _first_by_name(self, query: Query, parts: Sequence[_Part], count: int) -> list[_Best]:
        """The first by name: the names of all matches are looked at."""
        names, after = self.names, query.after.name if query.after else None
        candidates = (
            (names[owner], part, at) for part in parts for at, owner in enumerate(part.view.column("owner").tolist())
        )
        if query.descending:
            left = (each for each in candidates if after is None or each[0] < after)
            found = heapq.nlargest(count, left, key=lambda each: each[0])
        else:
            left = (each for each in candidates if after is None or each[0] > after)
            found = heapq.nsmallest(count, left, key=lambda each: each[0])
        return [
            _Best(0.0, 0, part.view.block, part.view.number(at), None if part.score is None else int(part.score[at]))
            for _, part, at in found
        ]

    def _hit(self, best: _Best, query: Query) -> Hit:
        owner = int(best.block.columns["owner"][best.row])
        name = self.names[owner]
        past = self._past.get(owner)
        dimensions = _shown(query)
        profile = profile_of(best.block, best.row, name, self.display_names[owner], past, self.codes, dimensions)
        return Hit(name, profile, best.score)

    # -- facets -------------------------------------------------------------------------------------------------------

    def _facets(self, fields: Sequence[str], parts: Sequence[_Part]) -> tuple[Facet, ...]:
        return tuple(facet(field, self._counts(field, parts)) for field in fields)

    def _counts(self, field: str, parts: Sequence[_Part]) -> dict[str, int]:
        counts: dict[str, int] = {}

        def add(value: str, count: int) -> None:
            counts[value] = counts.get(value, 0) + count

        for part in parts:
            view, block = part.view, part.view.block
            if field == "platform":
                add(str(PLATFORMS[block.platform]), len(view))
            elif field == "tier":
                add(self.codes["tier"].words[block.tier], len(view))
            elif field == "verified":
                verified = int(np.count_nonzero(view.column("flags") & VERIFIED))
                add("true", verified)
                add("false", len(view) - verified)
            elif field in ("country", "main_audience_country"):
                of_audience = AudienceDimension.COUNTRY
                main = view.column("country") if field == "country" else view.place(f"{of_audience}.code", 0)
                words = self.codes["country" if field == "country" else of_audience].words
                for code in np.flatnonzero(numbers := np.bincount(main)):
                    add(words[code], int(numbers[code]))
            else:
                self._count_lists(field, view, add)
        return counts

    def _count_lists(self, field: str, view: View, add: Callable[[str, int], None]) -> None:
        words = self.codes[field].words
        places = view.column(field)
        counts = np.bincount(places.reshape(-1), minlength=1)
        counts[0] = np.count_nonzero(places[0] == 0)
        beside = view.block.beside.get(field)
        if beside is not None and beside.used:
            rows, codes, _ = beside.arrays()
            within = np.zeros(view.block.size, dtype=np.bool_)
            within[view.numbers()] = True
            more = np.bincount(codes[within[rows]], minlength=len(counts))
            counts = more + np.pad(counts, (0, len(more) - len(counts)))
        for code in np.flatnonzero(counts):
            add(words[code], int(counts[code]))

    # -- what it takes ------------------------------------------------------------------------------------------------

    def sizes(self) -> dict[str, int]:
        """Bytes by what they are for: the columns, the text index, and names."""
        columns = sum(block.nbytes for block in self.blocks) + self.versions.nbytes + self._first_row.nbytes
        return {
            "columns": columns,
            "text": self.text.nbytes,
            "names": object_bytes(self.names, self.display_names) + object_bytes(self._owners),
        }


# -- one block --------------------------------------------------------------------------------------------------------


def _is_ruled_out(wanted: Branch, block: Block) -> bool:
    if wanted.joint is Joint.ANY:
        return False
    return any(
        _is_ruled_out(part, block) if isinstance(part, Branch) else part.of_block(block) is False
        for part in wanted.parts
    )


def _searched(
    block: Block, wanted: Branch, excluded: Rows | None, scorer: Scorer | None, query: Query, bar: Bar
) -> _Part:
    view, certain = select(wanted, View(block))
    flags = view.column("flags")
    several = (flags & SEVERAL) > 0
    keep = (flags & ALIVE) > 0
    if excluded is not None:
        keep &= ~np.isin(view.column("owner"), excluded)
    unsure = int(np.count_nonzero(keep & ~certain & ~several))
    keep &= certain | several
    if not keep.all():
        kept = np.flatnonzero(keep)
        view, certain, several = view.narrowed(kept), certain[kept], several[kept]
    if scorer is not None and query.order is Order.FIT and query.descending:
        at, score = scorer.first(view, several, bar)
        return _Part(view, several, certain, at, -score.astype(np.float64), score, unsure)
    scores = scorer.scores(view) if scorer is not None else None
    return _Part(view, several, certain, np.arange(len(view)), _keys(query, view, scores), scores, unsure)


def _shown(query: Query) -> frozenset[AudienceDimension]:
    """What a page shows of the audience, or explains a score by."""
    shown = {AudienceDimension.COUNTRY}
    if query.likeness is not None:
        shown |= set(query.likeness.audience)
    if query.brief is not None:
        shown |= {dimension for dimension in DIMENSIONS if query.brief.target.codes(dimension)}
    return frozenset(shown)


def _keys(query: Query, view: View, score: Array | None) -> Array:
    """Sort keys, the smallest first; what is not known comes last."""
    if query.order is Order.NAME:
        return np.zeros(len(view))
    if query.order in (Order.FIT, Order.SIMILARITY):
        assert score is not None, "this order needs a brief or seeds"
        return -score.astype(np.float64) if query.descending else score.astype(np.float64)
    column = view.column(_ORDER_COLUMNS[query.order])
    values = column.astype(np.float64)
    unknown = np.isnan(values) if query.order is Order.ENGAGEMENT_RATE else column == _UNKNOWN_KEYS[query.order]
    return np.where(unknown, np.inf, -values if query.descending else values)


def _once_each(parts: Sequence[_Part]) -> tuple[list[_Part], int]:
    """Each creator once, by the first of its accounts in the order; and how many may match and do not for certain."""
    unsure = sum(part.unsure for part in parts)
    several = [np.flatnonzero(part.several) for part in parts]
    losers: dict[int, list[int]] = {}
    if any(len(rows) for rows in several):
        part_of = np.concatenate([np.full(len(rows), number) for number, rows in enumerate(several)])
        row = np.concatenate(several)
        pairs = list(zip(parts, several, strict=True))
        owner = np.concatenate([part.view.column("owner")[rows] for part, rows in pairs])
        certain = np.concatenate([part.certain[rows] for part, rows in pairs])
        key = np.concatenate([part.key[np.searchsorted(part.at, rows)] for part, rows in pairs])
        platform = np.array([part.view.block.platform for part in parts])[part_of]
        order = np.lexsort((_PLATFORM_RANK[platform], key, ~certain, owner))
        first = np.ones(len(order), dtype=np.bool_)
        first[1:] = owner[order][1:] != owner[order][:-1]
        unsure += int(np.count_nonzero(first & ~certain[order]))
        for at in order[~first | ~certain[order]]:
            losers.setdefault(int(part_of[at]), []).append(int(row[at]))
    kept = [_without(part, losers[number]) if number in losers else part for number, part in enumerate(parts)]
    return [part for part in kept if len(part.view)], unsure


def _without(part: _Part, rows: Sequence[int]) -> _Part:
    keep = np.ones(len(part.view), dtype=np.bool_)
    keep[list(rows)] = False
    numbers = np.flatnonzero(keep)
    ranked = keep[part.at]
    return part._replace(
        view=part.view.narrowed(numbers),
        several=part.several[numbers],
        certain=part.certain[numbers],
        at=(np.cumsum(keep) - 1)[part.at[ranked]],
        key=part.key[ranked],
        score=None if part.score is None else part.score[ranked],
    )


_PLATFORM_RANK = np.argsort(np.argsort(np.array(PLATFORMS)))


def _smallest(part: _Part, count: int, after: tuple[float, int] | None) -> list[_Best]:
    """The first of a block in the order, behind the cursor; the others are not sorted."""
    keys, place = part.key, np.arange(len(part.key))
    if after is not None:
        ties = _ties(part, place)
        place = np.flatnonzero((keys > after[0]) | ((keys == after[0]) & (ties > after[1])))
        keys = keys[place]
    if len(keys) > count:
        limit = np.partition(keys, count - 1)[count - 1]
        below, equal = np.flatnonzero(keys < limit), np.flatnonzero(keys == limit)
        room = count - len(below)
        if len(equal) > room:
            equal = equal[np.argpartition(_ties(part, place[equal]), room - 1)[:room]]
        chosen = np.concatenate([below, equal])
        keys, place = keys[chosen], place[chosen]
    block = part.view.block
    return [
        _Best(
            float(key),
            int(number),
            block,
            part.view.number(int(part.at[at])),
            None if part.score is None else int(part.score[at]),
        )
        for key, number, at in zip(keys, _ties(part, place), place, strict=True)
    ]


def _ties(part: _Part, place: Array) -> Array:
    at = part.at[place]
    rows = at + part.view.start if part.view.rows is None else part.view.rows[at]
    ties: Array = part.view.block.columns["tie"][rows]
    return ties
