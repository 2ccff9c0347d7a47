"""The same question to DuckDB and Polars, over a table that suits them: one column for each share of a code."""

from typing import Any

import duckdb
import numpy as np
import polars as pl

from bench.matching_data import AGES, COUNTRIES, GENDERS, LANGUAGES, Creators
from entente_matching.application.search.columns import DENSE, DIMENSIONS
from entente_matching.application.search.rows import PLATFORMS
from entente_matching.domain import fit
from entente_matching.domain.filters import CreatorFilter, share_units
from entente_matching.domain.fit import Brief
from entente_matching.domain.words import AudienceDimension as Dimension
from entente_matching.domain.words import FitFactor

WORDS = {
    Dimension.COUNTRY: ("country", COUNTRIES),
    Dimension.LANGUAGE: ("language", LANGUAGES),
    Dimension.AGE: ("age", AGES),
    Dimension.GENDER: ("gender", GENDERS),
}
_COLUMNS = {
    FitFactor.ENGAGEMENT: "engagement",
    FitFactor.PAST_PERFORMANCE: "performance",
    FitFactor.AUTHENTICITY: "authenticity",
}


def table(creators: Creators) -> pl.DataFrame:
    """Creators as the peers like them."""
    given = creators.columns
    columns: dict[str, Any] = {name: given[name] for name in ("owner", "tie", "followers", "engagement_rate")}
    columns |= {name: given[name] for name in _COLUMNS.values()}
    columns |= {"platform": creators.platform.astype(np.uint8)}
    columns |= {f"category{place}": given["category"][place] for place in range(2)}
    for dimension, (name, codes) in WORDS.items():
        bit = DIMENSIONS.index(dimension)
        columns[f"{name}_known"] = (given["known"] >> bit & 1).astype(bool)
        if dimension in DENSE:
            columns[f"{name}_main"] = given[f"{dimension}.main"]
            columns |= {f"{name}_{at}": given[f"{dimension}.share"][at - 1] for at in range(1, len(codes) + 1)}
            continue
        columns[f"{name}_main"] = given[f"{dimension}.code"][0]
        for at in range(1, len(codes) + 1):
            shares = np.where(given[f"{dimension}.code"] == at, given[f"{dimension}.share"], 0)
            columns[f"{name}_{at}"] = shares.sum(axis=0).astype(np.uint16)
    assert not given["category"][2:].any(), "two categories are all that a row of the figures has"
    return pl.DataFrame(columns)


class Question:
    """A search in the peers' words."""

    def __init__(self, creators: Creators, wanted: CreatorFilter, brief: Brief) -> None:
        self._words = creators.words
        self.wanted, self.brief = wanted, brief
        self.points = fit.shares_of_score(brief)

    def _numbers(self, trait: str, words: tuple[str, ...]) -> list[int]:
        return [self._words[trait].index(word) for word in words if word in self._words[trait]]

    # -- SQL ----------------------------------------------------------------------------------------------------------

    def sql(self) -> str:
        """For DuckDB."""
        terms = {factor: self._sql_term(factor) for factor in self.points}
        named = ", ".join(f"{term} AS {factor}" for factor, term in terms.items())
        total = " + ".join(f"{points} * {factor}" for factor, points in self.points.items())
        # Nothing of it comes from outside.
        inner = f"SELECT owner, tie, {named} FROM creators WHERE {self._sql_where()}"  # noqa: S608
        score = f"({total} + 5000) // 10000 AS score"
        return f"SELECT owner, {score}, * EXCLUDE (owner, tie) FROM ({inner}) ORDER BY score DESC, tie LIMIT 20"  # noqa: S608

    def _sql_where(self) -> str:
        wanted = self.wanted
        parts = ["true"]
        if wanted.platforms:
            parts.append(f"platform = {_platform(wanted)}")
        if wanted.categories:
            numbers = ", ".join(map(str, self._numbers("category", wanted.categories)))
            parts.append(f"(category0 IN ({numbers}) OR category1 IN ({numbers}))")
        if wanted.min_followers is not None:
            parts.append(f"followers >= {wanted.min_followers} AND followers <= {wanted.max_followers}")
        if wanted.min_engagement_rate is not None:
            parts.append(f"engagement_rate >= {wanted.min_engagement_rate} AND NOT isnan(engagement_rate)")
        for demand in wanted.audience:
            name, _ = WORDS[demand.dimension]
            parts.append(
                f"{name}_known AND {self._sql_sum(demand.dimension, demand.codes)} >= {share_units(demand.min_share)}"
            )
        return " AND ".join(parts)

    def _sql_sum(self, dimension: Dimension, codes: tuple[str, ...]) -> str:
        name, _ = WORDS[dimension]
        return "(" + " + ".join(f"{name}_{at}::INTEGER" for at in self._numbers(dimension, codes)) + ")"

    def _sql_term(self, factor: FitFactor) -> str:
        assumed = fit.ASSUMED[factor]
        if factor in _COLUMNS:
            return f"CASE WHEN {_COLUMNS[factor]} = 65535 THEN {assumed} ELSE {_COLUMNS[factor]}::INTEGER END"
        if factor is FitFactor.CONTENT_AFFINITY:
            numbers = ", ".join(map(str, self._numbers("category", self.brief.categories)))
            return (
                f"CASE WHEN category0 = 0 THEN {assumed} WHEN category0 IN ({numbers}) THEN {fit.MAIN_CATEGORY} "
                f"WHEN category1 IN ({numbers}) THEN {fit.FURTHER_CATEGORY} ELSE 0 END"
            )
        dimension = fit.DIMENSIONS[factor]
        name, _ = WORDS[dimension]
        codes = self.brief.target.codes(dimension)
        numbers = ", ".join(map(str, self._numbers(dimension, codes)))
        return (
            f"CASE WHEN {name}_known THEN LEAST(10000, {self._sql_sum(dimension, codes)}) "
            f"WHEN {name}_main = 0 THEN {assumed} WHEN {name}_main IN ({numbers}) THEN {fit.MAIN_IS_TARGET} "
            f"ELSE {fit.MAIN_IS_NOT_TARGET} END"
        )

    # -- Polars -------------------------------------------------------------------------------------------------------

    def polars(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Its answer."""
        terms = [self._term(factor).alias(factor) for factor in self.points]
        total = pl.sum_horizontal(*(points * pl.col(factor) for factor, points in self.points.items()))
        wanted = frame.lazy().filter(*self._where()) if self._where() else frame.lazy()
        scored = wanted.select("owner", "tie", *terms).with_columns(((total + 5000) // 10000).alias("score"))
        return scored.sort(["score", "tie"], descending=[True, False]).head(20).collect()

    def _where(self) -> list[pl.Expr]:
        wanted = self.wanted
        parts = []
        if wanted.platforms:
            parts.append(pl.col("platform") == _platform(wanted))
        if wanted.categories:
            numbers = self._numbers("category", wanted.categories)
            parts.append(_in("category0", numbers) | _in("category1", numbers))
        if wanted.min_followers is not None:
            parts.append(pl.col("followers").is_between(wanted.min_followers, wanted.max_followers))
        if wanted.min_engagement_rate is not None:
            rate = pl.col("engagement_rate")
            parts.append((rate >= wanted.min_engagement_rate) & rate.is_not_nan())
        for demand in wanted.audience:
            name, _ = WORDS[demand.dimension]
            enough = self._sum(demand.dimension, demand.codes) >= share_units(demand.min_share)
            parts.append(pl.col(f"{name}_known") & enough)
        return parts

    def _sum(self, dimension: Dimension, codes: tuple[str, ...]) -> pl.Expr:
        name, _ = WORDS[dimension]
        columns = [pl.col(f"{name}_{at}").cast(pl.Int32) for at in self._numbers(dimension, codes)]
        total = columns[0]
        for column in columns[1:]:
            total = total + column
        return total

    def _term(self, factor: FitFactor) -> pl.Expr:
        assumed = pl.lit(fit.ASSUMED[factor], dtype=pl.Int32)
        if factor in _COLUMNS:
            column = pl.col(_COLUMNS[factor])
            return pl.when(column == 65535).then(assumed).otherwise(column.cast(pl.Int32))
        if factor is FitFactor.CONTENT_AFFINITY:
            numbers = self._numbers("category", self.brief.categories)
            further = pl.when(_in("category1", numbers)).then(pl.lit(fit.FURTHER_CATEGORY, dtype=pl.Int32)).otherwise(0)
            main = pl.when(_in("category0", numbers)).then(pl.lit(fit.MAIN_CATEGORY, dtype=pl.Int32)).otherwise(further)
            return pl.when(pl.col("category0") == 0).then(assumed).otherwise(main)
        dimension = fit.DIMENSIONS[factor]
        name, _ = WORDS[dimension]
        codes = self.brief.target.codes(dimension)
        by_main = (
            pl.when(pl.col(f"{name}_main") == 0)
            .then(assumed)
            .when(_in(f"{name}_main", self._numbers(dimension, codes)))
            .then(pl.lit(fit.MAIN_IS_TARGET, dtype=pl.Int32))
            .otherwise(pl.lit(fit.MAIN_IS_NOT_TARGET, dtype=pl.Int32))
        )
        known = pl.min_horizontal(pl.lit(10_000, dtype=pl.Int32), self._sum(dimension, codes))
        return pl.when(pl.col(f"{name}_known")).then(known).otherwise(by_main)


def _in(column: str, numbers: list[int]) -> pl.Expr:
    found = pl.col(column) == numbers[0]
    for number in numbers[1:]:
        found = found | (pl.col(column) == number)
    return found


def _platform(wanted: CreatorFilter) -> int:
    return PLATFORMS.index(wanted.platforms[0])


def open_duckdb(frame: pl.DataFrame) -> duckdb.DuckDBPyConnection:
    """A database in memory with the table in its own format."""
    connection = duckdb.connect(config={"threads": 2})
    columns = {name: frame[name].to_numpy() for name in frame.columns}
    connection.register("given", columns)
    connection.execute("CREATE TABLE creators AS SELECT * FROM given")
    connection.unregister("given")
    return connection
