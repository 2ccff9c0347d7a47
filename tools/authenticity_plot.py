"""Draws how the authenticity score is spread over the real figures in data/: docs/matching/authenticity.svg.

    python -m tools.authenticity_plot

The same data give the same bytes, so that a change of the formula shows in the picture's history.
"""

import csv
import gzip
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from entente_matching.adapters.reference import load_reference
from entente_matching.domain.authenticity import FORMULA_VERSION, judge
from entente_matching.domain.creators import Creator, Moment, Observation, imported
from entente_matching.domain.rows import GoodRow, RowReader
from tools.generate_protos import ROOT

TARGET = ROOT / "docs" / "matching" / "authenticity.svg"
SOURCE = ROOT / "data" / "creators_2022_snapshots.csv.gz"
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_COLOURS = {"INSTAGRAM": "#b5179e", "TIKTOK": "#111111", "YOUTUBE": "#d00000"}


def creators(source: Path) -> Iterator[Creator]:
    """The creators of the file, as the import makes them."""
    reference = load_reference()
    observed: dict[str, list[Observation]] = defaultdict(list)
    with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        reader = RowReader(reference, next(rows), default_platform=None, default_snapshot="", not_after=_NOW)
        for number, values in enumerate(rows, start=2):
            read = reader.read(number, values)
            if isinstance(read, GoodRow):
                observed[read.creator].append(read.observation)
    for name in sorted(observed):
        yield imported(f"creators/{name}", observed[name], Moment(_NOW, _NOW))


def main() -> None:
    """Draw it."""
    reference = load_reference()
    scores: dict[str, list[int]] = defaultdict(list)
    for creator in creators(SOURCE):
        for account in creator.accounts:
            found = judge(creator, account, reference)
            if found.computed is not None:
                scores[account.platform].append(found.computed)
    mpl.rcParams |= {"svg.hashsalt": "entente", "font.size": 10}
    figure, axes = plt.subplots(figsize=(8, 3.2), layout="constrained")
    platforms = sorted(scores)
    axes.hist(
        [scores[platform] for platform in platforms],
        bins=range(0, 106, 5),
        stacked=True,
        label=[f"{platform} ({len(scores[platform]):,} accounts)" for platform in platforms],
        color=[_COLOURS[platform] for platform in platforms],
    )
    axes.set_xlabel(f"authenticity score ({FORMULA_VERSION})")
    axes.set_ylabel("accounts")
    axes.set_xlim(0, 105)
    axes.legend(frameon=False, loc="upper left")
    axes.spines[["top", "right"]].set_visible(False)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(TARGET, metadata={"Date": None})


if __name__ == "__main__":
    main()
