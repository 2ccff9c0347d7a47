"""Matching's search, measured: against DuckDB and Polars, as creators grow, from its topic and from its file.

``make bench-matching``: 1,000,000 creators, and 10,000 to 3,000,000 for the growth. BENCH_CREATORS=50000 is quick.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "2")

import asyncio
import gc
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bench.figures import Figure, write
from bench.matching_data import Creators, draw, indexed
from bench.matching_peers import Question, open_duckdb, table
from bench.matching_process import over_grpc
from bench.matching_topic import from_topic
from entente_matching.application.search import Order, Query, SearchIndex, snapshot
from entente_matching.application.search.text import TextIndex
from entente_matching.domain import fit
from entente_matching.domain.filters import AudienceShareFilter, CreatorFilter
from entente_matching.domain.fit import Brief, Target
from entente_matching.domain.texts import words_of_all
from entente_matching.domain.words import AudienceDimension, Platform

COUNT = int(os.environ.get("BENCH_CREATORS", "1000000"))
ROUNDS = 31
PLOT = Path("docs/figures/matching-growth.svg")
BRIEF = Brief(
    Target(countries=("FR", "BE"), ages=("18-24", "25-34"), genders=("FEMALE",), languages=("fr",)),
    categories=("beauty", "fashion"),
)
WANTED = CreatorFilter(
    platforms=(Platform.INSTAGRAM,),
    categories=("beauty", "fashion", "lifestyle"),
    min_followers=10_000,
    max_followers=100_000,
    min_engagement_rate=0.01,
    audience=(
        AudienceShareFilter(AudienceDimension.GENDER, ("FEMALE",), 0.4),
        AudienceShareFilter(AudienceDimension.COUNTRY, ("FR", "BE", "US"), 0.2),
    ),
)
EVERYBODY = CreatorFilter()


def main() -> None:
    """Measure all of it, write the figures, and say whether an answer was wrong."""
    creators = draw(COUNT)
    index = indexed(creators)
    figures = [
        *against_peers(index, creators, "a brief's question", WANTED, goal=True),
        *against_peers(index, creators, "everybody scored", EVERYBODY, goal=False),
        *memory(index),
        *from_file(index),
        asyncio.run(not_stalled(index)),
    ]
    del index
    figures += growth(creators if COUNT < 1_000_000 else draw(3 * COUNT))
    gc.collect()
    figures += asyncio.run(from_topic(draw(min(COUNT, 200_000))))
    figures += asyncio.run(over_grpc(BRIEF))
    write("matching", figures)


def ask(index: SearchIndex, wanted: CreatorFilter) -> list[tuple[int, int]]:
    """The first twenty, each with its score explained."""
    found = index.search(Query(wanted, BRIEF, order=Order.FIT, limit=20, facets=()))
    for hit in found.hits:
        explained = fit.score(hit.profile, BRIEF)
        assert explained.score_hundredths == hit.score_hundredths, "the explanation is of the score shown"
    return [(int(hit.creator.removeprefix("creators/c")), hit.score_hundredths or 0) for hit in found.hits]


def against_peers(
    index: SearchIndex, creators: Creators, name: str, wanted: CreatorFilter, *, goal: bool
) -> list[Figure]:
    """The same twenty from three engines, by turns."""
    frame = table(creators)
    connection = open_duckdb(frame)
    question = Question(creators, wanted, BRIEF)
    sql = question.sql()
    engines: dict[str, Callable[[], list[tuple[int, int]]]] = {
        "ours": lambda: ask(index, wanted),
        "DuckDB": lambda: [(row[0], row[1]) for row in connection.execute(sql).fetchall()],
        "Polars": lambda: [(row[0], row[1]) for row in question.polars(frame).select("owner", "score").iter_rows()],
    }
    answers = {engine: run() for engine, run in engines.items()}
    assert answers["ours"] == answers["DuckDB"] == answers["Polars"], f"{name}: the answers differ"
    times: dict[str, list[float]] = {engine: [] for engine in engines}
    for _ in range(ROUNDS):
        for engine, run in engines.items():
            began = time.perf_counter()
            run()
            times[engine].append((time.perf_counter() - began) * 1000)
    ours = statistics.median(times["ours"])
    tail = float(np.percentile(times["ours"], 99))
    figures = []
    for peer, factor in (("DuckDB", 5), ("Polars", 2)):
        theirs = statistics.median(times[peer])
        ratio = theirs / ours
        wording = f"at least {factor} times as fast" if goal else "none: nothing is filtered"
        figures.append(
            Figure(f"{name}: filtered, scored, explained top 20", ours, "ms", peer, theirs, ratio, wording,
                   ratio >= factor or not goal, ROUNDS)
        )  # fmt: skip
    figures.append(
        Figure(f"{name}: p99", tail, "ms", "", None, tail / ours, "p99 <= 3 x p50", tail <= 3 * ours, ROUNDS)
    )
    return figures


def memory(index: SearchIndex) -> list[Figure]:
    """Bytes for each creator: the columns; and the texts, of a part of the creators."""
    sizes, count = index.sizes(), len(index)
    columns = sizes["columns"] / count
    texts = TextIndex()
    some = min(count, 100_000)
    for owner in range(some):
        texts.put(owner, words_of_all((f"Name{owner} Surname{owner % 5000}", f"handle{owner}", "beauty", "fashion")))
    texts.close()
    return [
        Figure("memory: numeric and categorical columns", columns, "bytes per creator", "", None, None,
               "at most 200", columns <= 200, 1),
        Figure("memory: names and their look-up", sizes["names"] / count, "bytes per creator", "", None, None,
               "stated", True, 1),
        Figure("memory: text index of names, handles and categories", texts.nbytes / some, "bytes per creator", "",
               None, None, "stated", True, 1),
    ]  # fmt: skip


def from_file(index: SearchIndex) -> list[Figure]:
    """The index from its own file."""
    index.seen_until = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.npz"
        began = time.perf_counter()
        snapshot.save(index, path, {})
        saved = time.perf_counter() - began
        times = []
        for _ in range(3):
            began = time.perf_counter()
            found = snapshot.load(path, datetime.now(UTC))
            times.append(time.perf_counter() - began)
            assert found is not None, "the file is right"
            found[0].put_past(index._past)
            assert ask(found[0], WANTED) == ask(index, WANTED), "the index is another one behind its file"
    seconds = statistics.median(times)
    name = f"snapshot of {len(index):,} creators"
    return [
        Figure(f"{name}: loaded", seconds, "s", "", None, None, "at most 3 s", seconds <= 3, 3),
        Figure(f"{name}: written", saved, "s", "", None, None, "stated", True, 1),
    ]


async def not_stalled(index: SearchIndex) -> Figure:
    """The longest that the event loop had to wait while searches ran beside it."""
    late = 0.0
    searching = asyncio.gather(*(asyncio.to_thread(ask, index, WANTED) for _ in range(40)))
    while not searching.done():
        began = time.perf_counter()
        await asyncio.sleep(0.001)
        late = max(late, time.perf_counter() - began - 0.001)
    await searching
    ms = late * 1000
    return Figure("event loop: longest wait beside 40 searches", ms, "ms", "", None, None, "at most 50", ms <= 50, 1)


def growth(creators: Creators) -> list[Figure]:
    """Search time from ten thousand creators on."""
    sizes = [n for n in (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000) if n <= len(creators)]
    measured: dict[str, list[float]] = {"a brief's question": [], "everybody scored": []}
    for size in sizes:
        index = indexed(creators.taken(np.arange(size)))
        for name, wanted in (("a brief's question", WANTED), ("everybody scored", EVERYBODY)):
            times = []
            for _ in range(9):
                began = time.perf_counter()
                ask(index, wanted)
                times.append((time.perf_counter() - began) * 1000)
            measured[name].append(statistics.median(times))
        del index
        gc.collect()
    plot(sizes, measured)
    ratio = (measured["everybody scored"][-1] / measured["everybody scored"][0]) / (sizes[-1] / sizes[0])
    return [
        Figure(f"growth from {sizes[0]:,} to {sizes[-1]:,}: {name}", times[-1], "ms", "the smallest", times[0],
               times[-1] / times[0], "at most linear", times[-1] / times[0] <= sizes[-1] / sizes[0] or ratio <= 1, 9)
        for name, times in measured.items()
    ]  # fmt: skip


def plot(sizes: list[int], measured: dict[str, list[float]]) -> None:
    """The growth as a picture in docs/."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "entente"
    from matplotlib import pyplot as plt

    figure: Any
    figure, axes = plt.subplots(figsize=(7, 4))
    for name, times in measured.items():
        axes.plot(sizes, times, marker="o", label=name)
    axes.plot(sizes, [measured["everybody scored"][0] * n / sizes[0] for n in sizes], "k:", label="linear")
    axes.set(xscale="log", yscale="log", xlabel="creators", ylabel="median ms, top 20 explained")
    axes.legend()
    figure.tight_layout()
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(PLOT, metadata={"Date": None})


if __name__ == "__main__":
    main()
