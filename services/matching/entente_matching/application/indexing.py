"""Keeps the search index in step with the database: all of it at the start, then what has changed since.

What this process writes it takes up at once; what other replicas write it finds by looking.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from entente_chassis.clock import Clock
from entente_chassis.refusal import Unavailable
from entente_chassis.store import Aggregates, Outcome
from entente_matching import metrics
from entente_matching.application.index import SearchIndex
from entente_matching.domain.creators import Creator
from entente_matching.domain.feedback import Feedback, PastPerformance, fold
from entente_matching.domain.profiles import profiles_of
from entente_matching.domain.reference import Reference

_AT_ONCE = 500
_LOADED_AT_ONCE = 2000
_WAIT_FOR_LOADING = 5.0
OVERLAP = timedelta(seconds=2)
"""How far each look reaches back behind the one before: longer than a write takes, and than replicas' clocks differ."""
FAR_EVERY = timedelta(seconds=120)
FAR_BACK = timedelta(seconds=150)
"""Now and then a look reaches back much farther, for a write that took longer than that all the same."""


class Indexer:
    """Loads the index and follows the database.

    Args:
        creators: all creators.
        feedback: one record for each collaboration.
        index: what is kept in step.
        reference: what is known beforehand.
        machine: the machine's clock, by which changes are found.
        every: seconds between looks.
    """

    def __init__(
        self,
        creators: Aggregates[Creator],
        feedback: Aggregates[Feedback],
        index: SearchIndex,
        reference: Reference,
        machine: Clock,
        *,
        every: float,
    ) -> None:
        self._creators = creators
        self._feedback = feedback
        self.index = index
        self._reference = reference
        self._machine = machine
        self._every = every
        self._past: dict[str, PastPerformance] = {}
        self._since: datetime | None = None
        self._looked_far: datetime | None = None
        self._loaded = asyncio.Event()

    async def until_loaded(self) -> None:
        """Wait until everything has been read once.

        Raises:
            Unavailable: that takes longer than a caller should wait.
        """
        try:
            await asyncio.wait_for(self._loaded.wait(), _WAIT_FOR_LOADING)
        except TimeoutError:
            raise Unavailable("INDEX_LOADING", "The search index is still being loaded: try again shortly.") from None

    async def load(self) -> None:
        """Read everything."""
        began = self._machine.now()
        records: dict[str, list[Feedback]] = {}
        last = ""
        while found := await self._feedback.find({"_id": {"$gt": last}}, limit=_LOADED_AT_ONCE):
            for record in found:
                records.setdefault(record.state.creator, []).append(record.state)
            last = found[-1].id
        self._past = {creator: past for creator, mine in records.items() if (past := fold(mine))}
        last = ""
        while batch := await self._creators.find({"_id": {"$gt": last}}, limit=_LOADED_AT_ONCE):
            await self._put(batch)
            last = batch[-1].id
        self._looked_far = began
        self._has_seen(began)
        self._loaded.set()

    async def take(self, written: Sequence[Outcome[Creator]]) -> None:
        """Take up what this process has just written."""
        await self._put(written)

    async def refresh(self) -> None:
        """Read what has changed since the last look."""
        assert self._since is not None, "load comes first"
        assert self._looked_far is not None, "load comes first"
        began = self._machine.now()
        back = OVERLAP
        if began - self._looked_far >= FAR_EVERY:
            back, self._looked_far = FAR_BACK, began
        # Both ends are given: a server may read an open range whole before the limit counts.
        changed = {"changed_at": {"$gte": self._since - back, "$lte": began + FAR_BACK}}
        rescored = await self._refold(changed)
        token = ""
        while True:
            batch, token = await self._creators.page(
                changed, order_by="changed_at", page_size=_AT_ONCE, page_token=token, scope="index"
            )
            await self._put([each for each in batch if self.index.version(each.id) < each.version])
            if not token:
                break
        names = sorted(rescored)
        for start in range(0, len(names), _AT_ONCE):
            await self._put(
                await self._creators.find({"_id": {"$in": names[start : start + _AT_ONCE]}}, limit=_AT_ONCE)
            )
        self._has_seen(began)

    async def run(self) -> None:
        """Load, and follow the database until cancelled. While it is away the index stays as it was."""
        if not self._loaded.is_set():
            await self.load()
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.refresh()
            except Unavailable:
                await asyncio.sleep(1)

    async def _refold(self, changed: dict[str, dict[str, datetime]]) -> set[str]:
        """Fold the past performance of creators with new feedback; returns those for whom it is another now."""
        touched: set[str] = set()
        token = ""
        while True:
            batch, token = await self._feedback.page(
                changed, order_by="changed_at", page_size=_AT_ONCE, page_token=token, scope="index"
            )
            touched |= {record.state.creator for record in batch}
            if not token:
                break
        different = set()
        for creator in touched:
            past = fold(record.state for record in await self._feedback.find({"creator": creator}, limit=10_000))
            if past is not None and self._past.get(creator) != past:
                self._past[creator] = past
                different.add(creator)
        return different

    async def _put(self, batch: Sequence[Outcome[Creator]]) -> None:
        creators = [
            (
                each.id,
                each.version,
                profiles_of(each.id, each.state, self._past.get(each.id), self._reference),
            )
            for each in batch
        ]
        await asyncio.to_thread(self.index.put, creators)

    def _has_seen(self, until: datetime) -> None:
        self._since = self.index.seen_until = until
        metrics.indexed_creators.set(len(self.index))
        metrics.index_seen_time.set(until.timestamp())
