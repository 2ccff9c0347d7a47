"""Keeps the search index in step: from its snapshot file, from the compacted topic of creators, and from the database.

A command writes a creator's document; then the creator goes into this process's index and onto the topic, from which
every other replica takes it. Between the two a process can die, so the topic is not trusted alone: the document holds
when it last changed (``changed_at``), and every replica sweeps over what has changed lately and publishes what the
topic lacks. The first sweep of a process begins behind the last state that the topic holds, less the time that a write
may hang; where the topic is empty it goes over the whole database.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from entente_chassis.clock import Clock
from entente_chassis.refusal import Unavailable
from entente_chassis.store import Aggregates, Outcome
from entente_matching import metrics
from entente_matching.application.ports import Heard, States
from entente_matching.application.search import SearchIndex
from entente_matching.application.search import snapshot as file
from entente_matching.domain.creators import Creator
from entente_matching.domain.feedback import Feedback, PastPerformance, fold
from entente_matching.domain.profiles import Profile, profiles_of
from entente_matching.domain.reference import Reference

log = logging.getLogger(__name__)

_AT_ONCE = 500
_LOADED_AT_ONCE = 2000
_WAIT_FOR_LOADING = 5.0
OVERLAP = timedelta(seconds=2)
"""How far each look reaches back behind the one before: longer than a write takes, and than replicas' clocks differ."""
FAR_EVERY = timedelta(seconds=120)
FAR_BACK = timedelta(seconds=150)
"""Now and then a look reaches back much farther, for a write that took longer than that all the same."""

StateOf = Callable[[Outcome[Creator], Reference], Message]
ProfilesOf = Callable[[Any, PastPerformance | None, Reference], Sequence[Profile]]


class Indexer:
    """Loads the index and keeps it in step.

    Args:
        creators: all creators.
        feedback: one record for each collaboration.
        reference: what is known beforehand.
        machine: the machine's clock, by which changes are found.
        every: seconds between looks.
        states: the topic of creators; without it the database alone is followed.
        state_of: a creator as the topic holds it.
        profiles_of_state: what the topic holds as a creator through its accounts.
        snapshot: the index's own file; None for none.
        snapshot_every: seconds between two snapshots.
    """

    def __init__(
        self,
        creators: Aggregates[Creator],
        feedback: Aggregates[Feedback],
        reference: Reference,
        machine: Clock,
        *,
        every: float,
        states: States | None = None,
        state_of: StateOf | None = None,
        profiles_of_state: ProfilesOf | None = None,
        snapshot: Path | None = None,
        snapshot_every: float = 300.0,
    ) -> None:
        self._creators = creators
        self._feedback = feedback
        self.index = SearchIndex()
        self.reference = reference
        self._machine = machine
        self._every = every
        self._states = states
        self._state_of = state_of
        self._profiles_of_state = profiles_of_state
        self._snapshot = snapshot
        self._snapshot_every = snapshot_every
        self._past: dict[str, PastPerformance] = {}
        self._since: datetime | None = None
        self._looked_far: datetime | None = None
        self._loaded = asyncio.Event()
        self._offsets: dict[int, int] = {}
        self._ahead: set[str] = set()
        """Creators of whom the index holds a version that the topic is not known to end with."""
        self._to_publish: dict[str, Outcome[Creator]] = {}
        self._published: dict[str, int] = {}
        """Sent and not yet heard again."""
        self._wake = asyncio.Event()
        self._newest_heard: datetime | None = None

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
        """Read everything from the database, as if there were no topic."""
        await self._load_feedback()
        began = self._machine.now()
        await self._read_all()
        self._has_loaded(began)

    async def take(self, written: Sequence[Outcome[Creator]]) -> None:
        """Take up what this process has just written, and tell the others."""
        await self._put(written)
        self._is_ahead(written)

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
        await self._sweep(changed)
        names = sorted(rescored)
        for start in range(0, len(names), _AT_ONCE):
            await self._put(
                await self._creators.find({"_id": {"$in": names[start : start + _AT_ONCE]}}, limit=_AT_ONCE)
            )
        self._has_seen(began)

    # -- loops --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Load, and keep in step until cancelled. While database or broker is away, the index stays as it was."""
        if self._states is None:
            await self.load()
            await self._refresh_for_ever()
            return
        if not self._loaded.is_set():
            await self._load_feedback()
            await self._load_snapshot()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_for_ever(self._states))
            group.create_task(self._publish_for_ever(self._states))
            group.create_task(self._refresh_for_ever())
            if self._snapshot:
                group.create_task(self._save_for_ever())

    async def _refresh_for_ever(self) -> None:
        await self._loaded.wait()
        while True:
            await asyncio.sleep(self._every)
            try:
                await self.refresh()
            except Unavailable:
                await asyncio.sleep(1)

    async def _follow_for_ever(self, states: States) -> None:
        while True:
            try:
                async for heard in states.follow(self._offsets):
                    await self._hear(heard)
            except Unavailable:
                await asyncio.sleep(1)

    async def _publish_for_ever(self, states: States) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._to_publish:
                group = dict(list(self._to_publish.items())[:_AT_ONCE])
                try:
                    await states.publish([self._message(found) for found in group.values()])
                except Unavailable:
                    await asyncio.sleep(1)
                    continue
                for name, found in group.items():
                    self._published[name] = max(found.version, self._published.get(name, 0))
                    if self._to_publish.get(name) is found:
                        del self._to_publish[name]

    async def _save_for_ever(self) -> None:
        await self._loaded.wait()
        while True:
            await asyncio.sleep(self._snapshot_every)
            try:
                await self.save()
            except OSError as error:
                log.warning("the index's snapshot was not written: %s", error)

    async def save(self) -> None:
        """Write the index to its file, unless something that it holds is not yet on the topic."""
        assert self._snapshot is not None, "there is a file"
        if self._ahead:
            return
        size = await asyncio.to_thread(file.save, self.index, self._snapshot, dict(self._offsets))
        metrics.index_snapshot_bytes.set(size)

    # -- the topic ----------------------------------------------------------------------------------------------------

    async def _load_snapshot(self) -> None:
        if self._snapshot is None:
            return
        found = await asyncio.to_thread(file.load, self._snapshot, self._machine.now())
        if found is None:
            return
        self.index, header = found
        self._offsets = dict(header.offsets)
        self._newest_heard = header.seen_until
        names = sorted(self._past)
        for start in range(0, len(names), _AT_ONCE):
            await self._put(
                await self._creators.find({"_id": {"$in": names[start : start + _AT_ONCE]}}, limit=_AT_ONCE)
            )

    async def _hear(self, heard: Heard) -> None:
        if heard.states or heard.gone:
            await asyncio.to_thread(self._take_up, heard)
            for state in heard.states:
                self._heard_state(state.creator, state.version)
        self._offsets = dict(heard.offsets)
        if heard.caught_up and not self._loaded.is_set():
            await self._complete()

    def _take_up(self, heard: Heard) -> None:
        assert self._profiles_of_state is not None, "there is a topic"
        entries, newest = [], 0
        for state in heard.states:
            newest = max(newest, state.change_millis)
            if state.version >= self.index.version(state.creator):
                past = self._past.get(state.creator)
                entries.append((state.creator, state.version, self._profiles_of_state(state, past, self.reference)))
        self.index.put(entries)
        for name in heard.gone:
            self.index.remove(name)
        if newest:
            at = datetime.fromtimestamp(newest / 1000, UTC)
            self._newest_heard = max(at, self._newest_heard or at)
            if self._loaded.is_set():
                metrics.index_delay_seconds.observe(max(0.0, (self._machine.now() - at).total_seconds()))

    def _heard_state(self, name: str, version: int) -> None:
        if version >= self.index.version(name):
            self._ahead.discard(name)
            self._published.pop(name, None)
        elif name not in self._ahead:
            # An older state came after a newer one, and compaction would keep it: the sweep publishes the newer again.
            self._ahead.add(name)

    async def _complete(self) -> None:
        """What the topic lacks, from the database."""
        began = self._machine.now()
        if self._newest_heard is None:
            await self._read_all()
        else:
            await self._sweep({"changed_at": {"$gte": self._newest_heard - FAR_BACK, "$lte": began + FAR_BACK}})
        self._has_loaded(began)

    def _is_ahead(self, found: Sequence[Outcome[Creator]]) -> None:
        """The topic may lack these: publish them."""
        if self._states is None:
            return
        for each in found:
            self._ahead.add(each.id)
            waiting = self._to_publish.get(each.id)
            if self._published.get(each.id, 0) < each.version and (waiting is None or waiting.version <= each.version):
                self._to_publish[each.id] = each
        self._wake.set()

    def _message(self, found: Outcome[Creator]) -> Message:
        assert self._state_of is not None, "there is a topic"
        return self._state_of(found, self.reference)

    # -- the database -------------------------------------------------------------------------------------------------

    async def _load_feedback(self) -> None:
        records: dict[str, list[Feedback]] = {}
        last = ""
        while found := await self._feedback.find({"_id": {"$gt": last}}, limit=_LOADED_AT_ONCE):
            for record in found:
                records.setdefault(record.state.creator, []).append(record.state)
            last = found[-1].id
        self._past = {creator: past for creator, mine in records.items() if (past := fold(mine))}

    async def all_creators(self) -> AsyncIterator[Sequence[Outcome[Creator]]]:
        """All creators as the database holds them, in groups."""
        last = ""
        while batch := await self._creators.find({"_id": {"$gt": last}}, limit=_LOADED_AT_ONCE):
            yield batch
            last = batch[-1].id

    async def rebenchmark(self, reference: Reference) -> None:
        """Take other benchmarks into force, and hold every creator against them."""
        self.reference = reference
        async for batch in self.all_creators():
            await self._put(batch)

    async def _read_all(self) -> None:
        async for batch in self.all_creators():
            await self._put(batch)
            self._is_ahead(batch)

    async def _sweep(self, changed: dict[str, dict[str, datetime]]) -> None:
        token = ""
        while True:
            batch, token = await self._creators.page(
                changed, order_by="changed_at", page_size=_AT_ONCE, page_token=token, scope="index"
            )
            newer = [each for each in batch if self.index.version(each.id) < each.version]
            await self._put(newer)
            self._is_ahead([*newer, *(each for each in batch if each.id in self._ahead)])
            if not token:
                break

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
            (each.id, each.version, profiles_of(each.id, each.state, self._past.get(each.id), self.reference))
            for each in batch
        ]
        await asyncio.to_thread(self.index.put, creators)

    def _has_loaded(self, began: datetime) -> None:
        self._looked_far = began
        self._has_seen(began)
        self._loaded.set()

    def _has_seen(self, until: datetime) -> None:
        self._since = self.index.seen_until = until
        metrics.indexed_creators.set(len(self.index))
        metrics.index_seen_time.set(until.timestamp())
