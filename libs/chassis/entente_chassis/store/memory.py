"""Documents in memory, with the database's behaviour: for tests of what is built on them."""

import asyncio
import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from entente_chassis.clock import Clock
from entente_chassis.store.aggregates import Aggregates, RelayWakeUp
from entente_chassis.store.documents import After, Documents, Raw, Write
from entente_chassis.store.model import Kind

S = TypeVar("S")

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "$in": lambda value, wanted: value in wanted or (isinstance(value, list) and any(v in wanted for v in value)),
    "$ne": lambda value, wanted: value != wanted,
    "$gte": lambda value, wanted: value is not None and value >= wanted,
    "$gt": lambda value, wanted: value is not None and value > wanted,
    "$lte": lambda value, wanted: value is not None and value <= wanted,
    "$lt": lambda value, wanted: value is not None and value < wanted,
}
_COMBINE: dict[str, Callable[[Iterable[bool]], bool]] = {
    "$and": all,
    "$or": any,
    "$nor": lambda matches: not any(matches),
}


class MemoryDocuments(Documents):
    """Documents of one collection, in a dictionary."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._documents: dict[str, Raw] = {}

    @property
    def name(self) -> str:
        return self._name

    async def prepare(self, indexes: Sequence[Sequence[str]]) -> None:
        """Nothing to prepare: a dictionary is searched whole."""

    async def load(self, id: str) -> Raw | None:
        await asyncio.sleep(0)  # A database answers later, too: writers that race do so here as well.
        return copy.deepcopy(self._documents.get(id))

    async def insert(self, document: Raw) -> bool:
        if document["_id"] in self._documents:
            return False
        self._documents[document["_id"]] = copy.deepcopy(document)
        return True

    async def insert_many(self, documents: Sequence[Raw]) -> set[str]:
        return {document["_id"] for document in documents if not await self.insert(document)}

    async def update(self, id: str, version: int, write: Write) -> bool:
        document = self._documents.get(id)
        if document is None or document["version"] != version:
            return False
        for path, value in write.set.items():
            *parents, last = path.split(".")
            target = document
            for parent in parents:
                target = target.setdefault(parent, {})
            target[last] = copy.deepcopy(value)
        for name, (values, keep) in write.push.items():
            pushed = [*document.get(name, []), *copy.deepcopy(list(values))]
            document[name] = pushed[-keep:] if keep else pushed
        document["version"] = version + 1
        return True

    async def find(
        self, where: Mapping[str, Any], *, order_by: str, limit: int, after: After | None = None
    ) -> list[Raw]:
        path, descending = order_by.removeprefix("-"), order_by.startswith("-")
        found = [document for document in self._documents.values() if _matches(document, where)]
        found.sort(key=lambda document: str(document["_id"]))
        if path != "_id":
            found.sort(key=lambda document: _sort_key(_at(document, path)), reverse=descending)
        if after is not None:
            found = [document for document in found if _is_after(document, path, descending, after)]
        return copy.deepcopy(found[:limit])

    async def count(self, where: Mapping[str, Any]) -> int:
        return sum(_matches(document, where) for document in self._documents.values())

    async def due(self, now: datetime, limit: int) -> list[tuple[str, datetime]]:
        due = [(d["_id"], d["due_at"]) for d in self._documents.values() if d["due_at"] and d["due_at"] <= now]
        return sorted(due, key=lambda entry: entry[1])[:limit]

    async def pending(self, before: datetime, limit: int) -> list[Raw]:
        pending = [d for d in self._documents.values() if any(entry["at"] <= before for entry in d["outbox"])]
        return copy.deepcopy(pending[:limit])

    async def oldest_pending(self) -> datetime | None:
        return min((entry["at"] for d in self._documents.values() for entry in d["outbox"]), default=None)

    async def forget(self, published: Mapping[str, tuple[int, int]]) -> None:
        for id, order in published.items():
            document = self._documents[id]
            document["outbox"] = [entry for entry in document["outbox"] if (entry["epoch"], entry["n"]) > order]


class MemoryAggregates(Aggregates[S]):
    """Aggregates of one kind, in memory."""

    def __init__(self, kind: Kind[S], clock: Clock, relay: RelayWakeUp | None = None) -> None:
        super().__init__(kind, MemoryDocuments(kind.collection), clock, relay)


def _at(document: Mapping[str, Any], path: str) -> Any:
    value: Any = document
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _matches(document: Raw, where: Mapping[str, Any]) -> bool:
    for path, wanted in where.items():
        if path in _COMBINE:
            if not _COMBINE[path](_matches(document, part) for part in wanted):
                return False
            continue
        value = _at(document, path)
        if isinstance(wanted, Mapping) and any(key.startswith("$") for key in wanted):
            if not all(_COMPARE[operator](value, operand) for operator, operand in wanted.items()):
                return False
        elif value != wanted and not (isinstance(value, list) and wanted in value):
            return False
    return True


def _sort_key(value: Any) -> tuple[bool, Any]:
    return (value is not None, value)


def _is_after(document: Raw, path: str, descending: bool, after: After) -> bool:
    if path == "_id":
        return bool(document["_id"] > after.id)
    value, last = _sort_key(_at(document, path)), _sort_key(after.value)
    if value == last:
        return bool(document["_id"] > after.id)
    return value < last if descending else value > last
