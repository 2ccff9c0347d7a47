"""Domain time, injected: real, scaled from one shared anchor, moved by a file, or moved by hand.

Deadlines that people know (a review's ten days) follow the domain clock. Back-off, tokens and time-outs follow the
machine's own clock and never this one.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Tells the domain's time."""

    def now(self) -> datetime:
        """The present, aware, in UTC, at the millisecond that a database keeps."""
        ...


def to_millisecond(moment: datetime) -> datetime:
    """Cut a moment to the millisecond, in UTC."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        return to_millisecond(datetime.now(UTC))


class ScaledClock:
    """Time that runs ``scale`` times as fast since an anchor that all processes share.

    Args:
        scale: domain seconds for a real second, above 0.
        anchor: the real moment at which both times were equal.
    """

    def __init__(self, scale: float, anchor: datetime) -> None:
        self._scale = scale
        self._anchor = anchor

    def now(self) -> datetime:
        return to_millisecond(self._anchor + (datetime.now(UTC) - self._anchor) * self._scale)


class FileClock:
    """Time that stands still until another process writes a new moment (RFC 3339) into a file.

    It lets several processes share a time that a test moves, so that a slow machine changes no result.
    """

    _RECHECK_SECONDS = 0.02

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at = 0.0
        self._stamp: tuple[int, int] = (0, 0)
        self._now = datetime.fromtimestamp(0, UTC)

    def now(self) -> datetime:
        if time.monotonic() - self._read_at >= self._RECHECK_SECONDS:
            self._read_at = time.monotonic()
            stat = self._path.stat()
            if (stamp := (stat.st_mtime_ns, stat.st_ino)) != self._stamp:
                self._stamp = stamp
                self._now = to_millisecond(datetime.fromisoformat(self._path.read_text().strip()))
        return self._now

    @staticmethod
    def write(path: Path, moment: datetime) -> None:
        """Set the file's moment, in one step, so that no reader sees half of it."""
        partial = path.with_suffix(".partial")
        partial.write_text(to_millisecond(moment).isoformat())
        partial.replace(path)


class ManualClock:
    """Time that stands still until it is moved, for tests in one process."""

    def __init__(self, start: datetime) -> None:
        self._now = to_millisecond(start)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move the time on and return it."""
        self._now = to_millisecond(self._now + by)
        return self._now
