"""Durable timers: a moment in the aggregate's own document, and a loop that looks for those that have come.

Firing is a change of the aggregate like any other: two processes that fire the same timer race as two writers do, and
the second finds it gone. Nothing is claimed or leased, so nothing is lost when a process dies.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from prometheus_client import Counter, Gauge

from entente_chassis.clock import Clock
from entente_chassis.faults import is_told_to_end
from entente_chassis.refusal import Aborted, Refusal, Unavailable
from entente_chassis.store.aggregates import Aggregates
from entente_chassis.tracing import span

log = logging.getLogger(__name__)

Fire = Callable[[str], Awaitable[None]]

timers_fired = Counter("entente_timers_fired_total", "Timers fired", ["collection", "outcome"])
timers_late = Gauge("entente_timers_late_seconds", "How late the last fired timer was, in domain time", ["collection"])

_LIMIT = 200
_AT_ONCE = 16
_FAILED_AGAIN_AFTER = 5.0


class Timers:
    """Fires the timers of one kind of aggregate.

    Args:
        aggregates: whose ``due_at`` is looked at.
        fire: changes the aggregate so that its ``due_at`` moves on. Called again when it raises.
        clock: the domain's clock.
        every: real seconds between two looks.
    """

    def __init__(self, aggregates: Aggregates[Any], fire: Fire, clock: Clock, *, every: float = 0.2) -> None:
        self._aggregates = aggregates
        self._fire = fire
        self._clock = clock
        self._every = every
        self._not_before: dict[str, float] = {}

    async def run(self) -> None:
        """Look and fire until cancelled."""
        while True:
            try:
                fired = await self.fire_due()
            except Unavailable:
                log.warning("the database is away: timers wait")
                fired = 0
                await asyncio.sleep(1)
            if fired < _LIMIT:
                await asyncio.sleep(self._every)

    async def fire_due(self) -> int:
        """Fire what is due now; returns how many were."""
        now = self._clock.now()
        loop_time = asyncio.get_running_loop().time()
        # Those that failed stay due, and they are the oldest: they must not fill the look, or no other would be seen.
        due = await self._aggregates.due(now, _LIMIT + len(self._not_before))
        ready = [(id, at) for id, at in due if self._not_before.get(id, 0.0) <= loop_time]
        # What is not due any more was changed by someone else.
        still_due = {id for id, _ in due}
        self._not_before = {id: at for id, at in self._not_before.items() if id in still_due}
        if ready:
            timers_late.labels(self._aggregates.kind.collection).set((now - ready[0][1]).total_seconds())
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def fire(id: str) -> None:
            async with at_once:
                await self._fire_one(id)

        await asyncio.gather(*(fire(id) for id, _ in ready))
        return len(ready)

    async def _fire_one(self, id: str) -> None:
        collection = self._aggregates.kind.collection
        try:
            with span(f"timer {collection}"):
                await self._fire(id)
        except (Unavailable, Aborted):
            timers_fired.labels(collection, "again").inc()
            self._put_off(id)
        except Refusal as refusal:
            timers_fired.labels(collection, "refused").inc()
            log.warning("a timer was refused", extra={"collection": collection, "reason": refusal.reason})
            self._put_off(id)
        except (Exception, asyncio.CancelledError) as error:
            if is_told_to_end(error):
                raise
            # One timer's bug must not stop the others; it is loud, counted and tried again.
            timers_fired.labels(collection, "failed").inc()
            log.exception("a timer failed", extra={"collection": collection})
            self._put_off(id)
        else:
            timers_fired.labels(collection, "fired").inc()
            self._not_before.pop(id, None)

    def _put_off(self, id: str) -> None:
        self._not_before[id] = asyncio.get_running_loop().time() + _FAILED_AGAIN_AFTER
