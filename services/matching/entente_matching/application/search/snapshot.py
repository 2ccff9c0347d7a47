"""The index as one file, so that a restart need not hear the whole topic again.

An uncompressed npz: arrays by name, and a header with the version and hash of their layout, the topic's offsets and the
moment up to which the database was seen. A file of another layout, or one that is older than tombstones are kept, is
not used: a creator that was erased meanwhile would live on in it.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from entente_matching.application.search.columns import DENSE, LAYOUT, LISTS, Beside, Block, Codes
from entente_matching.application.search.index import SearchIndex
from entente_matching.application.search.rows import PLATFORMS, TRAITS
from entente_matching.application.search.text import TextIndex

VERSION = 1
MAX_AGE = timedelta(days=6)
"""Less than a tombstone is kept in the topic (7 days)."""


class Header(NamedTuple):
    """What a snapshot is of."""

    offsets: dict[int, int]
    seen_until: datetime


def layout_hash() -> str:
    """Changes whenever the arrays mean something else."""
    parts = [(name, np.dtype(kind).str, places) for name, (kind, places) in LAYOUT.items()]
    text = json.dumps([VERSION, parts, LISTS, list(DENSE.items()), PLATFORMS, TRAITS])
    return hashlib.sha256(text.encode()).hexdigest()


def save(index: SearchIndex, path: Path, offsets: Mapping[int, int]) -> int:
    """Write the index; returns the file's size. A crash leaves the file before as it was."""
    index.close_text()
    with index.frozen():
        # Copied, so that what wants to write waits for this alone and not for the disk.
        arrays = {name: np.array(array) for name, array in _arrays(index).items()}
        header = {
            "layout": layout_hash(),
            "offsets": {str(partition): offset for partition, offset in offsets.items()},
            "seen_until": index.seen_until.isoformat() if index.seen_until else "",
            "words": {trait: codes.words for trait, codes in index.codes.items()},
            "blocks": [[block.platform, block.tier, block.size, dict(block.filled)] for block in index.blocks],
            "gone": index.gone,
        }
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with fresh.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    return path.stat().st_size


def load(path: Path, now: datetime) -> tuple[SearchIndex, Header] | None:
    """The index that a file holds; nothing when there is none that may be used."""
    if not path.exists():
        return None
    try:
        with path.open("rb") as opened, np.load(opened) as file:
            header = json.loads(file["header"].tobytes())
            if header["layout"] != layout_hash() or not header["seen_until"]:
                return None
            seen_until = datetime.fromisoformat(header["seen_until"])
            if now - seen_until > MAX_AGE:
                return None
            index = _read(header, {name: file[name] for name in file.files})
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        # Cut or broken: the topic has it all.
        return None
    index.seen_until = seen_until
    return index, Header({int(number): offset for number, offset in header["offsets"].items()}, seen_until)


def _arrays(index: SearchIndex) -> dict[str, Any]:
    arrays: dict[str, Any] = {
        "names": _joined(index.names),
        "display_names": _joined(index.display_names),
        "versions": index.versions[: len(index.names)],
    }
    for number, block in enumerate(index.blocks):
        for name, column in block.columns.items():
            arrays[f"b{number}.{name}"] = column[..., : block.size]
        for name, beside in block.beside.items():
            for part, array in zip(("row", "code", "share"), beside.arrays(), strict=True):
                arrays[f"b{number}+{name}+{part}"] = array
    return arrays | {f"text.{name}": array for name, array in index.text.arrays().items()}


def _read(header: dict[str, Any], arrays: dict[str, Any]) -> SearchIndex:
    blocks = []
    for number, (platform, tier, size, filled) in enumerate(header["blocks"]):
        columns = {name: arrays[f"b{number}.{name}"] for name in LAYOUT}
        prefix = f"b{number}+"
        beside = {
            name: Beside.from_arrays(*(arrays[f"{prefix}{name}+{part}"] for part in ("row", "code", "share")))
            for name in LISTS
            if f"{prefix}{name}+row" in arrays
        }
        blocks.append(Block.of(platform, tier, size, columns, beside, filled))
    text = {name.removeprefix("text."): array for name, array in arrays.items() if name.startswith("text.")}
    return SearchIndex.of(
        codes={trait: Codes(words) for trait, words in header["words"].items()},
        blocks=blocks,
        text=TextIndex.from_arrays(text),
        names=_split(arrays["names"]),
        display_names=_split(arrays["display_names"]),
        versions=arrays["versions"],
        gone=header["gone"],
    )


def _joined(texts: list[str]) -> Any:
    # A name cannot hold a line feed; a name to show might, and would shift all others.
    return np.frombuffer("\n".join(text.replace("\n", " ") for text in texts).encode(), dtype=np.uint8)


def _split(array: Any) -> list[str]:
    text = array.tobytes().decode()
    return text.split("\n") if text else []
