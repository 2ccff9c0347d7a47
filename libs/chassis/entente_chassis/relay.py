"""The outbox relay: publishes what aggregates' documents hold, in order, and a sweeper for what a crash left there."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from opentelemetry.trace import SpanKind
from prometheus_client import Counter, Gauge

from entente_chassis.envelope import headers_of
from entente_chassis.faults import describe
from entente_chassis.refusal import Unavailable
from entente_chassis.store.aggregates import outgoing_of
from entente_chassis.store.documents import Documents
from entente_chassis.store.model import Outgoing
from entente_chassis.tracing import current_traceparent, span

log = logging.getLogger(__name__)

Send = Callable[[str, bytes, bytes, dict[str, str]], Awaitable[None]]
"""Sends (topic, key, value, headers) and returns when the broker has acknowledged; raises Unavailable."""

published = Counter("entente_outbox_published_events_total", "Events published", ["topic"])
publish_failures = Counter("entente_outbox_publish_failures_total", "Publications that the broker did not acknowledge")
outbox_age = Gauge("entente_outbox_oldest_pending_seconds", "Age of the oldest event that waits to be published")

_FORGET_EVERY = 0.05
_FORGET_AT_ONCE = 500
_SWEEP_LIMIT = 500
_STOP_WITHIN = 5.0

Key = tuple[str, str]


class Relay:
    """Publishes each aggregate's events in order, one at a time for each aggregate.

    Several replicas may each publish an event, so it can appear more than once; only first appearances are ordered.

    Args:
        service: the events' source.
        send: the way to the broker.
        sweep_every: seconds between looks for what a crash left behind.
        grace: how long an event may wait before the sweeper takes it up, so that it does not double the fresh ones.
    """

    def __init__(self, service: str, send: Send, *, sweep_every: float = 1.0, grace: float = 3.0) -> None:
        self._service = service
        self._send = send
        self._sweep_every = sweep_every
        self._grace = timedelta(seconds=grace)
        self._outboxes: dict[str, Documents] = {}
        self._queues: dict[Key, deque[Outgoing]] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        # Acknowledged and still in the documents: neither sent again nor forgotten before the database knows.
        self._acknowledged: dict[Key, tuple[int, int]] = {}
        self._enough = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []
        self._closed = False

    def watch(self, documents: Documents) -> None:
        """Sweep these documents, too."""
        self._outboxes[documents.name] = documents

    async def start(self) -> None:
        """Begin to clean up and to sweep."""
        self._loops = [asyncio.create_task(self._forget_loop()), asyncio.create_task(self._sweep_loop())]

    async def stop(self) -> None:
        """Publish what has been offered, as far as the broker takes it in time, and stop. The rest stays in place."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=_STOP_WITHIN)
        self._closed = True
        pending = [*self._tasks.values(), *self._loops]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        try:
            await self._forget()
        except Exception as error:  # The end goes on: what is not forgotten is published again, which does no harm.
            log.warning("events that are already published will be published again: %s", describe(error))

    def offer(self, documents: Documents, id: str, outbox: Sequence[Outgoing]) -> None:
        """Publish an aggregate's outbox, given whole and in order. Returns at once."""
        if self._closed:
            return
        key = (documents.name, id)
        queue = self._queues.get(key)
        after = self._acknowledged.get(key, (-1, -1))
        if queue:
            after = max(after, queue[-1].order)
        fresh = [event for event in outbox if event.order > after]
        if not fresh:
            return
        if queue is None:
            self._queues[key] = deque(fresh)
            self._tasks[key] = asyncio.create_task(self._drain(key))
        else:
            queue.extend(fresh)

    async def sweep(self) -> int:
        """Offer everything that has waited longer than the grace; returns how many documents that were."""
        before = datetime.now(UTC) - self._grace
        found = 0
        for documents in self._outboxes.values():
            for raw in await documents.pending(before, _SWEEP_LIMIT):
                found += 1
                self.offer(documents, raw["_id"], outgoing_of(raw))
        return found

    async def _drain(self, key: Key) -> None:
        queue = self._queues[key]
        try:
            while queue:
                event = queue[0]
                await self.publish(event)
                self._acknowledged[key] = event.order
                if len(self._acknowledged) >= _FORGET_AT_ONCE:
                    self._enough.set()
                queue.popleft()
        except Unavailable as refusal:
            # Nothing after it may overtake it: the whole outbox waits for the sweeper.
            publish_failures.inc()
            log.warning("an event was not published; it is kept and tried again: %s", refusal)
        except Exception as error:
            publish_failures.inc()
            log.error("an event could not be published; it is kept and tried again: %s", describe(error))
        finally:
            del self._queues[key], self._tasks[key]

    async def publish(self, event: Outgoing) -> None:
        """Publish one event and wait for the acknowledgement; raises Unavailable without one."""
        attributes = {"messaging.system": "kafka", "messaging.destination.name": event.topic}
        with span(f"send {event.topic}", attributes, kind=SpanKind.PRODUCER, parent=event.traceparent):
            headers = headers_of(event, self._service, current_traceparent() or event.traceparent)
            await self._send(event.topic, event.subject.encode(), event.data, headers)
        published.labels(event.topic).inc()

    async def _forget_loop(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._enough.wait(), _FORGET_EVERY)
            self._enough.clear()
            try:
                await self._forget()
            except Unavailable:
                await asyncio.sleep(1)
            except Exception as error:  # Ended, this loop would let every outbox grow for good.
                log.error("published events were not taken out of their documents: %s", describe(error))
                await asyncio.sleep(1)

    async def _forget(self) -> None:
        by_outbox: dict[str, dict[str, tuple[int, int]]] = {}
        for (name, id), order in self._acknowledged.items():
            by_outbox.setdefault(name, {})[id] = order
        for name, orders in by_outbox.items():
            await self._outboxes[name].forget(orders)
            for id, order in orders.items():
                if self._acknowledged.get((name, id)) == order and (name, id) not in self._queues:
                    del self._acknowledged[(name, id)]

    async def _sweep_loop(self) -> None:
        while True:
            try:
                await self.sweep()
                oldest = [at for documents in self._outboxes.values() if (at := await documents.oldest_pending())]
                outbox_age.set((datetime.now(UTC) - min(oldest)).total_seconds() if oldest else 0)
            except Unavailable:
                log.warning("the database is away: the sweep of the outboxes waits")
            except Exception as error:  # Ended, this loop would leave for good what a crash left behind.
                log.error("the sweep of the outboxes failed: %s", describe(error))
            await asyncio.sleep(self._sweep_every)
