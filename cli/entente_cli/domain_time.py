"""How a scenario moves through domain time: it waits for time that runs fast, or moves time that stands still."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from entente_chassis.clock import FileClock, ScaledClock

_SEEN_AFTER = 0.05


class DomainTime(Protocol):
    """The domain's time as a scenario's driver sees it."""

    @property
    def settings(self) -> dict[str, str]:
        """The variables that give services the same time."""
        ...

    def now(self) -> datetime:
        """The present."""
        ...

    async def reach(self, moment: datetime) -> None:
        """Return when it is that time, or later."""
        ...


class ScaledTime:
    """Time that runs by itself, faster than real.

    Args:
        day_seconds: real seconds for one domain day.
    """

    def __init__(self, day_seconds: float) -> None:
        self._scale = timedelta(days=1).total_seconds() / day_seconds
        self._anchor = datetime.now(UTC)
        self._clock = ScaledClock(self._scale, self._anchor)

    @property
    def settings(self) -> dict[str, str]:
        return {"ENTENTE_CLOCK_SCALE": str(self._scale), "ENTENTE_CLOCK_ANCHOR": self._anchor.isoformat()}

    def now(self) -> datetime:
        return self._clock.now()

    async def reach(self, moment: datetime) -> None:
        left = (moment - self.now()).total_seconds()
        await asyncio.sleep(max(left, 0) / self._scale)


class FileTime:
    """Time that stands still until the driver moves it, so that a slow machine changes no result.

    Args:
        path: the file that all services read it from.
        start: the first moment.
    """

    def __init__(self, path: Path, start: datetime) -> None:
        self._path = path
        self._now = start
        FileClock.write(path, start)

    @property
    def settings(self) -> dict[str, str]:
        return {"ENTENTE_CLOCK_FILE": str(self._path)}

    def now(self) -> datetime:
        return self._now

    async def reach(self, moment: datetime) -> None:
        if moment > self._now:
            self._now = moment
            FileClock.write(self._path, moment)
            # Services look at the file this often: none may answer the next call with the time before.
            await asyncio.sleep(_SEEN_AFTER)
