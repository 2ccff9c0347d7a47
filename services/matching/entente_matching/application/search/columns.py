"""Columns of the index: blocks of rows, one row for each account of a creator, all of one platform and size band.

A block's column is one array, so that a filter is one pass over it; a block that a filter on the platform or the size
rules out is not looked at. Shares of audiences are whole ten-thousandths. What the first few places of a row do not
hold (a ninth country) stands in a list of pairs beside the block.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from entente_matching.domain.words import AudienceDimension

Array = NDArray[Any]
Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]

BLOCK = 65_536
_FIRST = 256
NOT_KNOWN = 0xFFFF
"""A value in ten-thousandths that is not known."""
NEVER = np.iinfo(np.int32).max
ALIVE, VERIFIED, SEVERAL = 1, 2, 4
"""Bits of ``flags``: the row holds an account; the creator is verified; it has several accounts."""

SCALARS: dict[str, type[np.generic]] = {
    "owner": np.int32,
    "tie": np.int64,
    "flags": np.uint8,
    "known": np.uint8,  # One bit for each dimension of the audience: its shares are known.
    "country": np.uint16,
    "followers": np.int64,  # -1: not known.
    "size": np.uint16,
    "engagement_rate": np.float64,  # NaN: not known.
    "engagement": np.uint16,
    "performance": np.uint16,
    "authenticity": np.uint16,
    "population": np.uint16,
    "price": np.int64,  # -1: not known.
    "currency": np.uint16,
    "available_from": np.int32,  # Days; NEVER: not said.
    "available_until": np.int32,
    "last_active": np.uint32,  # Seconds; 0: not known.
    "views": np.float64,  # NaN: not known.
}
"""Columns with one value for each row. Codes are numbers of words, 0 for "not known"."""

PLACES = {"category": 4, "language": 3}
"""Lists of codes, in their order."""
PAIR_PLACES = {AudienceDimension.COUNTRY: 8, AudienceDimension.LANGUAGE: 4}
"""Audience shares as code and share, the largest first."""
DENSE = {
    AudienceDimension.AGE: 8,
    AudienceDimension.GENDER: 3,
    AudienceDimension.DEVICE: 4,
    AudienceDimension.TYPE: 4,
}
"""Audience shares with a column for each of the first codes."""
DIMENSIONS = tuple(AudienceDimension)


def layout() -> dict[str, tuple[type[np.generic], int]]:
    """Every column: its type, and how many values it has for each row."""
    columns: dict[str, tuple[type[np.generic], int]] = {name: (kind, 1) for name, kind in SCALARS.items()}
    columns |= {name: (np.uint16, places) for name, places in PLACES.items()}
    for dimension, places in PAIR_PLACES.items():
        columns |= {f"{dimension}.code": (np.uint16, places), f"{dimension}.share": (np.uint16, places)}
    for dimension, codes in DENSE.items():
        columns |= {f"{dimension}.share": (np.uint16, codes), f"{dimension}.main": (np.uint16, 1)}
    return columns


LAYOUT = layout()
BYTES_PER_ROW = sum(np.dtype(kind).itemsize * places for kind, places in LAYOUT.values())
LISTS = (*PLACES, *DIMENSIONS)
"""What may have pairs beside the block."""


class Codes:
    """Numbers for words, 0 for "not known"."""

    def __init__(self, words: Iterable[str] = ("",)) -> None:
        self.words = list(words)
        self._numbers = {word: number for number, word in enumerate(self.words)}

    def number(self, word: str) -> int:
        """The number of a word, a new one if need be."""
        found = self._numbers.get(word)
        if found is None:
            if len(self.words) >= NOT_KNOWN:
                return 0  # More than 65,000 different words of one trait are not told apart any more.
            found = self._numbers[word] = len(self.words)
            self.words.append(word)
        return found

    def known(self, words: Iterable[str]) -> list[int]:
        """The numbers of those words that any creator has."""
        return sorted(number for word in words if (number := self._numbers.get(word)))


class Row(NamedTuple):
    """One account as the columns hold it."""

    platform: int
    tier: int
    scalars: tuple[Any, ...]
    lists: tuple[Sequence[int], ...]  # In the order of the columns of LAYOUT behind the scalars.
    beside: tuple[tuple[str, tuple[tuple[int, int], ...]], ...]


class Beside:
    """Pairs (code, share) of rows that have more than their places hold."""

    def __init__(self) -> None:
        self.row: Array = np.zeros(16, dtype=np.int32)
        self.code: Array = np.zeros(16, dtype=np.uint16)
        self.share: Array = np.zeros(16, dtype=np.uint16)
        self.used = 0
        self._holders: set[int] = set()

    def put(self, row: int, pairs: Sequence[tuple[int, int]]) -> None:
        """The pairs of a row, instead of those it had."""
        if row in self._holders:
            kept = np.flatnonzero(self.row[: self.used] != row)
            for name in ("row", "code", "share"):
                array = getattr(self, name)
                array[: len(kept)] = array[kept]
            self.used = len(kept)
            self._holders.discard(row)
        if not pairs:
            return
        end = self.used + len(pairs)
        if end > len(self.row):
            for name in ("row", "code", "share"):
                setattr(self, name, np.resize(getattr(self, name), max(end, 2 * len(self.row))))
        self.row[self.used : end] = row
        self.code[self.used : end] = [code for code, _ in pairs]
        self.share[self.used : end] = [share for _, share in pairs]
        self.used = end
        self._holders.add(row)

    def arrays(self) -> tuple[Array, Array, Array]:
        """Rows, codes and shares."""
        return self.row[: self.used], self.code[: self.used], self.share[: self.used]

    def of(self, row: int) -> list[tuple[int, int]]:
        """The pairs of one row."""
        if row not in self._holders:
            return []
        rows, codes, shares = self.arrays()
        at = np.flatnonzero(rows == row)
        return [(int(codes[i]), int(shares[i])) for i in at]

    @classmethod
    def from_arrays(cls, row: Array, code: Array, share: Array) -> "Beside":
        """As it was kept."""
        made = cls()
        made.row, made.code, made.share, made.used = row.copy(), code.copy(), share.copy(), len(row)
        made._holders = set(row.tolist())
        if not made.used:
            made.row, made.code, made.share = np.zeros(16, np.int32), np.zeros(16, np.uint16), np.zeros(16, np.uint16)
        return made


class Block:
    """Rows of one platform and size band."""

    def __init__(self, platform: int, tier: int) -> None:
        self.platform = platform
        self.tier = tier
        self.size = 0
        self.capacity = _FIRST
        self.columns: dict[str, Array] = {
            name: np.zeros((places, _FIRST) if places > 1 else _FIRST, dtype=kind)
            for name, (kind, places) in LAYOUT.items()
        }
        self.beside: dict[str, Beside] = {}
        self.free: list[int] = []
        self.fewest = np.iinfo(np.int64).max
        self.most = -1
        """All rows have at least and at most so many followers, -1 for "not known"."""
        self.filled = dict.fromkeys(PAIR_PLACES, 0)
        """How many places of a row are in use at most: the others need not be looked at."""

    @classmethod
    def of(
        cls,
        platform: int,
        tier: int,
        size: int,
        columns: dict[str, Array],
        beside: dict[str, Beside],
        filled: dict[str, int],
    ) -> "Block":
        """As it was kept."""
        block = cls(platform, tier)
        block.columns, block.beside, block.size, block.capacity = columns, beside, size, size
        block.filled = {dimension: filled[dimension] for dimension in PAIR_PLACES}
        block.free = np.flatnonzero(columns["flags"] == 0).tolist()
        if size:
            block.fewest, block.most = int(columns["followers"].min()), int(columns["followers"].max())
        return block

    def take_rows(self, count: int) -> list[int]:
        """Rows for so many accounts, fewer when the block is full."""
        rows = [self.free.pop() for _ in range(min(count, len(self.free)))]
        new = min(count - len(rows), BLOCK - self.size)
        self._grow(self.size + new)
        rows += range(self.size, self.size + new)
        self.size += new
        return rows

    def _grow(self, size: int) -> None:
        if size <= self.capacity:
            return
        # At most a block is copied, whatever the index has grown to.
        self.capacity = min(BLOCK, max(size, self.capacity * 3 // 2))
        for name, array in self.columns.items():
            larger = np.zeros((*array.shape[:-1], self.capacity), dtype=array.dtype)
            larger[..., : array.shape[-1]] = array
            self.columns[name] = larger

    def write(self, at: Sequence[int], rows: Sequence[Row]) -> None:
        """Write accounts into rows."""
        where = np.array(at, dtype=np.int64)
        for name, values in zip(SCALARS, zip(*(row.scalars for row in rows), strict=True), strict=True):
            self.columns[name][where] = values
        lists = [name for name in LAYOUT if name not in SCALARS]
        for name, several in zip(lists, zip(*(row.lists for row in rows), strict=True), strict=True):
            self.columns[name][..., where] = np.array(several, dtype=np.uint16).T if LAYOUT[name][1] > 1 else several
        followers = self.columns["followers"][where]
        self.fewest, self.most = min(self.fewest, int(followers.min())), max(self.most, int(followers.max()))
        for dimension in PAIR_PLACES:
            used = np.flatnonzero(self.columns[f"{dimension}.code"][:, where].any(axis=1))
            self.filled[dimension] = max(self.filled[dimension], int(used[-1]) + 1 if len(used) else 0)
        for row_at, row in zip(at, rows, strict=True):
            self._write_beside(row_at, dict(row.beside))

    def _write_beside(self, row: int, pairs: dict[str, tuple[tuple[int, int], ...]]) -> None:
        for name in pairs.keys() - self.beside.keys():
            self.beside[name] = Beside()
        for name, beside in self.beside.items():
            beside.put(row, pairs.get(name, ()))

    def kill(self, rows: Sequence[int]) -> None:
        """Forget rows; their places are used again."""
        self.columns["flags"][list(rows)] = 0
        for row in rows:
            for beside in self.beside.values():
                beside.put(row, ())
        self.free += rows

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        own = sum(array.nbytes for array in self.columns.values())
        return own + sum(b.row.nbytes + b.code.nbytes + b.share.nbytes for b in self.beside.values())


class View:
    """Some rows of a block: those that are given, or a run of them."""

    def __init__(self, block: Block, rows: Rows | None = None, start: int = 0, stop: int | None = None) -> None:
        self.block = block
        self.rows = rows
        self.start = start
        self.stop = block.size if stop is None else stop

    def __len__(self) -> int:
        return self.stop - self.start if self.rows is None else len(self.rows)

    def column(self, name: str) -> Array:
        """The values of these rows; of a column with several places, the places come first."""
        array = self.block.columns[name]
        if self.rows is None:
            return array[..., self.start : self.stop]
        return np.asarray(array.take(self.rows, axis=-1))

    def place(self, name: str, place: int) -> Array:
        """The values of one place of a column."""
        array = self.block.columns[name][place]
        return array[self.start : self.stop] if self.rows is None else np.asarray(array.take(self.rows))

    def narrowed(self, keep: Rows) -> "View":
        """Those of these rows."""
        if self.rows is None:
            return View(self.block, keep + self.start if self.start else keep)
        return View(self.block, self.rows[keep])

    def part(self, start: int, stop: int) -> "View":
        """A run of these rows."""
        if self.rows is None:
            return View(self.block, None, self.start + start, min(self.stop, self.start + stop))
        return View(self.block, self.rows[start:stop])

    def number(self, at: int) -> int:
        """The number of a row in the block."""
        return self.start + at if self.rows is None else int(self.rows[at])

    def numbers(self) -> Rows:
        """The rows' numbers in the block."""
        return np.arange(self.start, self.stop) if self.rows is None else self.rows

    def spread(self, values: Array) -> Array:
        """Values of all rows of the block, for these rows."""
        return values[self.start : self.stop] if self.rows is None else values[self.rows]

    def units(self, dimension: AudienceDimension, weights: dict[int, int] | Sequence[int]) -> Array:
        """The shares of codes, added up; with weights, at most so much of each code."""
        capped = isinstance(weights, dict)
        total = np.zeros(len(self), dtype=np.int32)
        if dimension in DENSE:
            for code in weights:
                if code <= DENSE[dimension]:
                    share = self.place(f"{dimension}.share", code - 1)
                    total += np.minimum(share, weights[code]) if capped else share
        else:
            self._add_places(dimension, weights, total)
        beside = self.block.beside.get(dimension)
        if beside is not None and beside.used:
            rows, codes, shares = beside.arrays()
            table = _table(weights)
            limit = table[np.minimum(codes, len(table) - 1)]
            whole = np.zeros(self.block.size, dtype=np.int32)
            np.add.at(whole, rows, np.minimum(shares, limit))
            total += self.spread(whole)
        return total

    def _add_places(self, dimension: AudienceDimension, weights: dict[int, int] | Sequence[int], total: Array) -> None:
        codes = list(weights)
        for place in range(self.block.filled[dimension]):
            code, share = self.place(f"{dimension}.code", place), self.place(f"{dimension}.share", place)
            if len(codes) <= 2:
                for each in codes:
                    limited = np.minimum(share, weights[each]) if isinstance(weights, dict) else share
                    total += limited * (code == each)
            else:
                table = _table(weights)
                total += np.minimum(share, table[np.minimum(code, len(table) - 1)])


def _table(weights: dict[int, int] | Sequence[int]) -> Array:
    """The limit of each code; beyond the last, and for "not known", nothing."""
    table = np.zeros(max(weights, default=0) + 2, dtype=np.uint16)
    for code in weights:
        table[code] = weights[code] if isinstance(weights, dict) else NOT_KNOWN
    return table


def is_one_of(values: Array, codes: Sequence[int]) -> Mask:
    """Which values are among a few codes."""
    if len(codes) <= 4:
        found = np.zeros(values.shape, dtype=np.bool_)
        for code in codes:
            found |= values == code
        return found
    table = np.zeros(max(codes) + 2, dtype=np.bool_)
    table[list(codes)] = True
    return np.take(table, np.minimum(values, len(table) - 1))


def object_bytes(*objects: Any) -> int:
    """Bytes of plain Python objects, their parts counted once."""
    total = 0
    for each in objects:
        total += sys.getsizeof(each)
        if isinstance(each, list | tuple | set):
            total += sum(sys.getsizeof(part) for part in each)
        elif isinstance(each, dict):
            total += sum(sys.getsizeof(key) + sys.getsizeof(value) for key, value in each.items())
    return total
