"""Processes that outlive the command that started them, found again and stopped by their identity, never by a name."""

import asyncio
import atexit
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from entente_stack.errors import StackError

_CHILDREN: dict[int, "subprocess.Popen[bytes]"] = {}
"""Processes that this very process started: they must be waited for, else they stay as zombies."""


def told_to_stop() -> asyncio.Event:
    """Set when this process gets SIGTERM or SIGINT. For the servers of the stack that are programs of our own."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told


@atexit.register
def _forget_the_dead() -> None:
    """Ask for the end of those that others have stopped, else Python warns that they still run."""
    for child in _CHILDREN.values():
        child.poll()


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was started, as the state file remembers it.

    Args:
        name: what it is: "kafka", "mongo", "campaign"…
        pid: its process id.
        identity: what tells it from another process that gets the same id later.
        ports: the ports it listens on, by what they serve.
        log: the file with its output.
    """

    name: str
    pid: int
    identity: str
    ports: dict[str, int] = field(default_factory=dict)
    log: str = ""

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return _identity(self.pid) == self.identity

    @property
    def memory_bytes(self) -> int:
        """Resident memory; 0 when it is gone."""
        try:
            return int(psutil.Process(self.pid).memory_info().rss) if self.alive else 0
        except psutil.Error:
            return 0


def start(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
    ports: Mapping[str, int] | None = None,
) -> Process:
    """Start a process of its own session, with its output in a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment) if environment is not None else None,
                cwd=directory,
                start_new_session=True,
            )
        except OSError as error:
            raise StackError(f"{name} cannot be started: {error}. Is the set-up complete? Run `make venv`.") from error
    _CHILDREN[child.pid] = child
    return Process(name, child.pid, _identity(child.pid) or "gone", dict(ports or {}), str(log))


def wait_until(process: Process, ready: Callable[[], bool], *, seconds: float, interval: float = 0.05) -> None:
    """Wait until a process answers.

    Raises:
        StackError: it ended, or does not answer in time; with the last lines of its log.
    """
    deadline = time.monotonic() + seconds
    while process.alive:
        # Both are asked: on its own, an answer could come from another server that has taken the port.
        if ready() and process.alive:
            return
        if time.monotonic() > deadline:
            raise StackError(f"{process.name} does not answer after {seconds:.0f} s. {_last_words(process)}")
        time.sleep(interval)
    raise StackError(f"{process.name} ended while it started. {_last_words(process)}")


def stop(process: Process, *, seconds: float = 20) -> bool:
    """Stop a process with SIGTERM, and with SIGKILL when it does not end in time. False when it was gone already."""
    if not process.alive:
        _reaped(process.pid)
        return False
    _signal(process, signal.SIGTERM)
    if not _ended(process, seconds):
        _signal(process, signal.SIGKILL)
        if not _ended(process, 10):
            raise StackError(f"{process.name} (pid {process.pid}) does not end, not even after SIGKILL.")
    return True


def stop_together(several: Sequence[Process], *, seconds: float = 40) -> list[Process]:
    """Ask several processes to end at once, and wait for them all. Those that were not gone already."""
    running = [process for process in several if process.alive]
    for process in running:
        _signal(process, signal.SIGTERM)
    for process in several:
        stop(process, seconds=seconds)
    return running


def kill(process: Process) -> None:
    """End a process at once, without letting it clean up (kill -9)."""
    if process.alive:
        _signal(process, signal.SIGKILL)
    if not _ended(process, 10):
        raise StackError(f"{process.name} (pid {process.pid}) does not end after SIGKILL.")


def _signal(process: Process, number: signal.Signals) -> None:
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return


def _ended(process: Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    # A child counts as ended when it can be reaped: before that its other threads may still hold its ports.
    while process.alive or not _reaped(process.pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _reaped(pid: int) -> bool:
    """Take note of the end of a child; true also for what is no child of this process."""
    child = _CHILDREN.get(pid)
    if child is not None and child.poll() is None:
        return False
    _CHILDREN.pop(pid, None)
    return True


def _identity(pid: int) -> str | None:
    """What no later process with the same id shares; None when there is none, or only its unreaped remains."""
    stat = Path(f"/proc/{pid}/stat")
    if stat.parent.parent.joinpath("self").exists():
        try:
            # After the command's name, which may hold spaces and brackets: state first, start time in ticks 20th.
            fields = stat.read_text().rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return None
        return None if fields[0] in "ZX" else f"{boot}/{fields[19]}"
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None


def _last_words(process: Process) -> str:
    try:
        lines = Path(process.log).read_text(errors="replace").splitlines()[-12:]
    except OSError:
        lines = []
    return f"Its log is {process.log}" + (
        ", and ends:\n" + "\n".join(f"    {line}" for line in lines) if lines else "."
    )
