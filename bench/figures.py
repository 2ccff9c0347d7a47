"""What every bench leaves behind: figures, measured in interleaved rounds, in build/bench/<name>.json."""

import json
import os
import platform
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path("build/bench")


@dataclass(frozen=True)
class Figure:
    """One thing that was measured.

    Args:
        name: what.
        value: ours, the median of the rounds.
        unit: of the value.
        peer: what it is compared with; "" for nothing.
        peer_value: the peer's median, in the same unit.
        ratio: ours over the peer's, or over the goal's base.
        goal: what was promised, in words.
        reached: whether it holds.
        rounds: how many there were.
    """

    name: str
    value: float
    unit: str
    peer: str
    peer_value: float | None
    ratio: float | None
    goal: str
    reached: bool
    rounds: int


Measure = Callable[[], Awaitable[float]]


async def interleaved(ours: Measure, peer: Measure, rounds: int) -> tuple[float, float, float]:
    """Medians of ours and of the peer, and of the ratios of each round, begun by turns."""
    measured: list[tuple[float, float]] = []
    for number in range(rounds):
        if number % 2:
            other, own = await peer(), await ours()
        else:
            own, other = await ours(), await peer()
        measured.append((own, other))
    owns, others = zip(*measured, strict=True)
    return (
        statistics.median(owns),
        statistics.median(others),
        statistics.median(own / other for own, other in measured),
    )


def write(name: str, figures: Sequence[Figure]) -> Path:
    """Write and print the figures of a bench."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"
    rows = [
        {
            "name": figure.name,
            "value": round(figure.value, 3),
            "unit": figure.unit,
            "peer": figure.peer,
            "peer_value": None if figure.peer_value is None else round(figure.peer_value, 3),
            "ratio": None if figure.ratio is None else round(figure.ratio, 3),
            "goal": figure.goal,
            "pass": figure.reached,
            "rounds": figure.rounds,
            "machine": machine(),
        }
        for figure in figures
    ]
    path.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    for figure in figures:
        peer = f" ({figure.peer}: {figure.peer_value:.1f})" if figure.peer_value is not None else ""
        ratio = f", ratio {figure.ratio:.2f}" if figure.ratio is not None else ""
        met = "met" if figure.reached else "MISSED"
        print(f"{figure.name}: {figure.value:.1f} {figure.unit}{peer}{ratio}; goal {figure.goal}: {met}")
    return path


def machine() -> str:
    """What it ran on."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
