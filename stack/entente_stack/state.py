"""The state file: which processes run, so that a later command finds and stops them."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from entente_stack.errors import StackError
from entente_stack.processes import Process

_FORMAT = 1


@dataclass(slots=True)
class State:
    """What was started.

    Args:
        processes: by name.
        ports: last used ports by name, wished for again at the next start.
        settings: what later commands need to know, such as addresses and the clock.
    """

    processes: dict[str, Process] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)

    def running(self, name: str) -> Process | None:
        """The process of this name, if it still runs."""
        process = self.processes.get(name)
        return process if process is not None and process.alive else None


def load(path: Path) -> State:
    """Read the state; an empty one when there is none.

    Raises:
        StackError: the file cannot be understood.
    """
    if not path.exists():
        return State()
    try:
        raw: dict[str, Any] = json.loads(path.read_text())
        if raw["format"] != _FORMAT:
            raise ValueError(f"format {raw['format']}")
        processes = {name: Process(**entry) for name, entry in raw["processes"].items()}
        return State(processes, dict(raw["ports"]), dict(raw["settings"]))
    except (ValueError, KeyError, TypeError) as error:
        raise StackError(
            f"{path} cannot be understood ({error}). Look for processes of an earlier start, end them, "
            "and delete the file."
        ) from error


def save(path: Path, state: State) -> None:
    """Write the state, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = {
        "format": _FORMAT,
        "processes": {name: asdict(process) for name, process in state.processes.items()},
        "ports": state.ports,
        "settings": state.settings,
    }
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(raw, indent=2) + "\n")
    partial.replace(path)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Let one command at a time change the stack; others wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
