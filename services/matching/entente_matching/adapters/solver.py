"""Solves rosters in a process of its own: no call waits for a computation, and an idle service holds no solver."""

import asyncio
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from entente_chassis.refusal import Unavailable
from entente_matching.domain.roster import Problem, Solution


class RosterSolver:
    """Solves one problem after the other in a worker that is started when it is first needed."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None

    async def solve(self, problems: Sequence[Problem], seconds: float) -> list[Solution]:
        """The best sets.

        Args:
            problems: the first is what was asked, and gets most of the time; the others tell what more would buy.
            seconds: for all together.

        Raises:
            Unavailable: the worker ended, such as for want of memory.
        """
        if self._pool is None:
            # Not forked: the threads of gRPC do not survive that.
            self._pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, _solve, list(problems), seconds)
        except BrokenProcessPool as error:
            self._pool = None
            raise Unavailable("SOLVER_LOST", "The solver's process ended: ask again.") from error

    async def run(self) -> None:
        """Wait until cancelled, and end the worker then: a background loop of the service."""
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def close(self) -> None:
        """End the worker."""
        if self._pool is not None:
            await asyncio.to_thread(self._pool.shutdown, wait=True, cancel_futures=True)
            self._pool = None


def _solve(problems: list[Problem], seconds: float) -> list[Solution]:
    """Runs in the worker."""
    from entente_matching.adapters.highs import solve_all

    return solve_all(problems, seconds)
