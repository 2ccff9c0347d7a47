"""A stack and five services for each run, small and quick, under a clock that the test moves."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from entente_cli.domain_time import FileTime
from entente_cli.figures import Broker, suite_total
from entente_cli.patience import observed
from entente_cli.scenario import Stage, play, seen
from entente_cli.session import Session
from entente_stack import processes
from entente_stack.paths import Paths, default_paths
from entente_stack.services import Suite
from entente_stack.stack import Stack
from tests.system.final_state import final_state
from tests.system.recomputed import from_raw_events, from_report

HERE = Path(__file__).parent
START = datetime(2026, 3, 2, 8, tzinfo=UTC)

Checkpoint = Callable[[str], Awaitable[None]]


class World:
    """A stack of its own with the five services.

    Args:
        root: where everything is kept.
    """

    def __init__(self, root: Path) -> None:
        self.stack = Stack(Paths(root, shared_jars=default_paths().jars))
        self.suite: Suite
        self.time: FileTime
        self.repeats = 0

    def up(self) -> None:
        """Start everything."""
        self.stack.up()
        self.time = FileTime(self.stack.paths.root / "now", START)
        self.suite = Suite(self.stack, extra=self.time.settings)
        self.suite.up()

    def ready_seconds(self, name: str) -> float:
        """How long a service takes from its start until it takes calls."""
        processes.stop(self.stack.process(name))
        began = time.monotonic()
        self.suite.up([name])
        return time.monotonic() - began

    async def play(self, checkpoint: Checkpoint | None = None, *, twice: bool = False) -> dict[str, Any]:
        """Run the scenario; what everything came to, once nothing moves any more."""
        bootstrap = self.stack.addresses().kafka
        async with (
            Session(self.stack.paths) as session,
            Broker(bootstrap) as broker,
            self._duplicator(twice) as written,
        ):
            stage = Stage(session, self.time, HERE / "creators.csv", run="system", tell=_tell)
            await play(stage, checkpoint)
            await broker.settled(self.suite)
            if twice:

                async def missing() -> int:
                    return sum((await broker.ends()).values()) - 2 * written()

                await observed("every record to be there twice", missing, lambda count: count == 0)
                await broker.settled(self.suite)
                self.repeats = suite_total(self.suite, "entente_events_taken_total", outcome="repeated")
            await self._agrees_with_raw_events(stage)
            return await final_state(stage, session, self.suite, self.stack.paths, broker)

    async def _agrees_with_raw_events(self, stage: Stage) -> None:
        """The figures must be those that DuckDB makes of the archived raw events, once these are written."""
        told = from_report(await seen.report(stage))
        archive = self.stack.paths.data / "click-journal-archive"

        async def raw() -> dict[str, dict[str, int]]:
            return await asyncio.to_thread(from_raw_events, archive, stage.campaign)

        assert any("clicks" in row for row in told.values()), "the campaign has figures"
        await observed("the raw events to say what the report says", raw, lambda found: found == told)

    @asynccontextmanager
    async def _duplicator(self, wanted: bool) -> AsyncIterator[Callable[[], int]]:
        if not wanted:
            yield lambda: 0
            return
        count = self.stack.paths.root / "duplicated"
        process = processes.start(
            "duplicator",
            [sys.executable, str(HERE / "duplicator.py"), self.stack.addresses().kafka, str(count)],
            log=self.stack.paths.logs / "duplicator.log",
        )
        try:
            yield lambda: int(count.read_text() or 0)
        finally:
            await asyncio.to_thread(processes.stop, process)


@contextmanager
def world(root: Path) -> Iterator[World]:
    """A world that is taken down again."""
    made = World(root)
    try:
        made.up()
        yield made
    except BaseException:
        # Their files are gone when somebody reads why.
        for health in made.suite.health():
            print(f"{health.name}: {health.detail or 'ready'}")
            print("".join((root / "logs" / f"{health.name}.log").read_text().splitlines(keepends=True)[-15:]))
        raise
    finally:
        made.stack.down()


def write_figures(name: str, figures: list[dict[str, Any]]) -> None:
    """Leave measured figures in build/system."""
    folder = HERE.parents[1] / "build" / "system"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n")


def _tell(service: str, event: str, line: str) -> None:
    print(f"{service:<9} {event:<24} {line}")
