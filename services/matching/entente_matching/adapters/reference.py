"""The tables that are shipped with the service, read once."""

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources

from entente_matching.domain.advice import read_rule
from entente_matching.domain.reference import (
    Benchmarks,
    Countries,
    Reference,
    Tier,
    Tiers,
    Vocabulary,
    read_benchmark,
)


@cache
def load_reference() -> Reference:
    """Size bands, benchmarks, countries and the vocabulary.

    Raises:
        ValueError: a table is not right.
    """
    return Reference(
        tiers=Tiers(Tier(row["tier"], int(row["min_followers"])) for row in _rows("tiers.csv")),
        benchmarks=Benchmarks(read_benchmark(row) for row in _rows("benchmarks.csv")),
        countries=Countries(
            (row["code"], [row["name"], *filter(None, row["aliases"].split(";"))]) for row in _rows("countries.csv")
        ),
        vocabulary=Vocabulary((row["label"], row["categories"].split()) for row in _rows("categories.csv")),
        advice=tuple(read_rule(row) for row in _rows("platforms.csv")),
        languages={row["language"]: frozenset(row["countries"].split()) for row in _rows("languages.csv")},
    )


@cache
def load_populations() -> Mapping[str, int]:
    """Country -> people, rounded to thousands, in 2024 (United Nations, World Population Prospects 2024)."""
    return {row["country"]: int(row["thousands"]) * 1000 for row in _rows("people.csv")}


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = (resources.files("entente_matching") / "data" / name).read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())
