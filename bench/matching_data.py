"""Creators to measure with: as many as wanted, drawn from the real figures with a fixed seed, as arrays.

Followers, main audience country, categories and engagement are drawn from the rows of ``data/``; how the rest of an
audience spreads is not in them and is drawn evenly. The same arrays fill the index's blocks and the peers' tables.
"""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entente_matching.adapters.reference import load_reference
from entente_matching.application.search import SearchIndex
from entente_matching.application.search.columns import BLOCK, DENSE, DIMENSIONS, LAYOUT, NEVER, NOT_KNOWN, Block, Codes
from entente_matching.application.search.rows import PLATFORMS, TRAITS
from entente_matching.application.search.text import TextIndex
from entente_matching.domain.feedback import PastPerformance
from entente_matching.domain.lookalikes import SIZE_UNITS
from entente_matching.domain.words import AudienceDimension

Array = NDArray[Any]

FIGURES = Path("data/creators_2022_snapshots.csv.gz")
SEED = 20260301
COUNTRIES = (
    "FR", "BE", "IT", "LV", "ES", "DE", "GB", "US", "BR", "IN", "ID", "MX", "CA", "CH", "PT", "PL", "NL", "AR", "JP",
    "KR",
)  # fmt: skip
LANGUAGES = ("fr", "en", "it", "lv", "es", "de", "pt", "hi", "id", "ja")
AGES = ("13-17", "18-24", "25-34", "35-44", "45-54", "55-64", "65+")
GENDERS = ("FEMALE", "MALE")
DEVICES = ("IOS", "ANDROID", "DESKTOP", "OTHER")
TYPES = ("REAL", "INFLUENCERS", "MASS_FOLLOWERS", "SUSPICIOUS")


@dataclass
class Creators:
    """Columns of creators, and the words behind their codes."""

    columns: dict[str, Array]
    platform: Array
    tier: Array
    words: dict[str, list[str]]

    def __len__(self) -> int:
        return len(self.platform)

    def taken(self, rows: Array) -> "Creators":
        """Some of them."""
        return Creators(
            {name: array[..., rows] for name, array in self.columns.items()},
            self.platform[rows],
            self.tier[rows],
            self.words,
        )


def draw(count: int) -> Creators:
    """So many creators."""
    random = np.random.default_rng(SEED)
    reference = load_reference()
    with gzip.open(FIGURES, "rt", encoding="utf-8", newline="") as file:
        real = list(csv.DictReader(file))
    chosen = random.integers(0, len(real), count)
    words = {trait: [""] for trait in TRAITS}

    def number(trait: str, word: str) -> int:
        if word not in words[trait]:
            words[trait].append(word)
        return words[trait].index(word)

    for trait, known in (
        (AudienceDimension.COUNTRY, COUNTRIES), (AudienceDimension.LANGUAGE, LANGUAGES), (AudienceDimension.AGE, AGES),
        (AudienceDimension.GENDER, GENDERS), (AudienceDimension.DEVICE, DEVICES), (AudienceDimension.TYPE, TYPES),
        ("country", COUNTRIES), ("language", LANGUAGES), ("tier", reference.tiers.names), ("currency", ("EUR", "USD")),
    ):  # fmt: skip
        for word in known:
            number(trait, word)
    population = number("population", "creators of the bench")
    categories = np.zeros((4, len(real)), dtype=np.uint16)
    main, followers, rate, platform = (np.zeros(len(real)) for _ in range(4))
    for at, row in enumerate(real):
        found = reference.vocabulary.words(filter(None, (row["category_1"], row["category_2"])))[:2]
        categories[: len(found), at] = [number("category", word) for word in found]
        code = reference.countries.code(row["audience_country"]) if row["audience_country"] else None
        main[at] = number(AudienceDimension.COUNTRY, code) if code else 1
        followers[at] = float(row["followers"] or 1000)
        rate[at] = min(0.5, float(row["engagement_avg"] or 0) / max(1.0, followers[at])) or np.nan
        platform[at] = PLATFORMS.index(row["platform"].upper())
    # The real ones are the largest of their platforms: markets consist of smaller ones, of the same shape.
    size = np.maximum(500, followers[chosen] * 10 ** -random.uniform(0, 4, count)).astype(np.int64)
    columns: dict[str, Array] = {
        name: np.zeros((places, count) if places > 1 else count, dtype=kind) for name, (kind, places) in LAYOUT.items()
    }
    tiers = np.searchsorted([10_000, 100_000, 1_000_000], size, side="right")
    columns["owner"][:] = np.arange(count)
    columns["tie"][:] = random.integers(0, 2**62, count)
    columns["flags"][:] = 1 + 2 * (random.random(count) < 0.2)
    columns["country"][:] = random.integers(0, len(COUNTRIES) + 1, count)
    columns["followers"][:] = size
    columns["size"][:] = np.round(np.log10(size + 1) * SIZE_UNITS)
    columns["engagement_rate"][:] = rate[chosen] * random.uniform(0.5, 2, count)
    for name in ("engagement", "performance", "authenticity"):
        columns[name][:] = np.where(random.random(count) < 0.7, random.integers(0, 10_001, count), 0xFFFF)
    columns["engagement"][np.isnan(columns["engagement_rate"])] = NOT_KNOWN
    columns["population"][:] = population
    columns["price"][:] = np.where(random.random(count) < 0.5, size // 10, -1)
    columns["currency"][:] = np.where(columns["price"] >= 0, random.integers(1, 3, count), 0)
    columns["available_from"][:] = NEVER
    columns["available_until"][:] = NEVER
    columns["last_active"][:] = random.integers(1_700_000_000, 1_770_000_000, count)
    columns["category"][:] = categories[:, chosen]
    columns["language"][0] = random.integers(0, len(LANGUAGES) + 1, count)
    measured = random.random(count) < 0.7
    columns["known"][:] = np.where(measured, (1 << len(DIMENSIONS)) - 1, 0)
    _spread(columns, measured, main[chosen].astype(np.uint16), random)
    return Creators(columns, platform[chosen].astype(np.int64), tiers + 1, words)


def _spread(columns: dict[str, Array], known: Array, main: Array, random: np.random.Generator) -> None:
    """How the audiences divide: where they are known, in shares that fall off; else only the largest code."""
    count = len(known)
    for dimension, places, codes in (
        (AudienceDimension.COUNTRY, 8, len(COUNTRIES)),
        (AudienceDimension.LANGUAGE, 4, len(LANGUAGES)),
    ):
        first = main if dimension is AudienceDimension.COUNTRY else random.integers(1, codes + 1, count)
        left = np.full(count, 10_000)
        step = random.integers(1, codes, count)
        for place in range(places):
            code = first if place == 0 else (first - 1 + place * step) % codes + 1
            fresh = np.all(columns[f"{dimension}.code"][:place] != code, axis=0)
            share = (left * random.uniform(0.3, 0.7, count)).astype(np.int64)
            used = fresh & (known | (place == 0))
            columns[f"{dimension}.code"][place] = np.where(used, code, 0)
            columns[f"{dimension}.share"][place] = np.where(used & known, share, 0)
            left = left - columns[f"{dimension}.share"][place]
    for dimension, of_dimension in (
        (AudienceDimension.AGE, AGES), (AudienceDimension.GENDER, GENDERS), (AudienceDimension.DEVICE, DEVICES),
        (AudienceDimension.TYPE, TYPES),
    ):  # fmt: skip
        weights = random.random((len(of_dimension), count)) ** 2
        shares = (weights / weights.sum(axis=0) * 10_000).astype(np.uint16)
        columns[f"{dimension}.share"][: len(of_dimension)] = np.where(known, shares, 0)
        columns[f"{dimension}.main"][:] = shares.argmax(axis=0) + 1
        assert len(of_dimension) <= DENSE[dimension]


def indexed(creators: Creators) -> SearchIndex:
    """The index of these creators, as if each had come by itself."""
    blocks = []
    for key in np.unique(creators.platform * 16 + creators.tier):
        rows = np.flatnonzero(creators.platform * 16 + creators.tier == key)
        for start in range(0, len(rows), BLOCK):
            at = rows[start : start + BLOCK]
            columns = {name: np.ascontiguousarray(array[..., at]) for name, array in creators.columns.items()}
            filled = {AudienceDimension.COUNTRY: 8, AudienceDimension.LANGUAGE: 4}
            blocks.append(Block.of(int(key) // 16, int(key) % 16, len(at), columns, {}, filled))  # type: ignore[arg-type]
    names = [f"creators/c{number:07d}" for number in range(len(creators))]
    index = SearchIndex.of(
        codes={trait: Codes(words) for trait, words in creators.words.items()},
        blocks=blocks,
        text=TextIndex(),
        names=names,
        display_names=[name[9:] for name in names],
        versions=np.ones(len(creators), dtype=np.int32),
        gone=0,
    )
    with_past = np.flatnonzero(creators.columns["performance"] != NOT_KNOWN)
    index.put_past(dict.fromkeys(with_past.tolist(), PastPerformance(completed=1)))
    return index
