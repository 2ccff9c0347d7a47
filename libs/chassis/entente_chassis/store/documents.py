"""The port to a database: documents by id, conditional updates, and the ranges that timers and the relay look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

Raw = dict[str, Any]


class After(NamedTuple):
    """The last document of the page before: the value it was ordered by, and its id."""

    value: Any
    id: str


@dataclass(frozen=True, slots=True)
class Write:
    """One conditional update: fields set, and list ends pushed with how many of the last are kept (None: all)."""

    set: Mapping[str, Any]
    push: Mapping[str, tuple[Sequence[Any], int | None]] = field(default_factory=dict)


class WriteUncertain(Exception):
    """The write may or may not have been applied: the connection broke before the answer."""


class Documents(Protocol):
    """Documents of one collection. Every method may raise ``refusal.Unavailable``; writes may raise WriteUncertain."""

    @property
    def name(self) -> str:
        """The collection's name."""
        ...

    async def prepare(self, indexes: Sequence[Sequence[str]]) -> None:
        """Make the indexes: those of the guarantees, and the given ones, whose paths are whole ("state.campaign")."""
        ...

    async def load(self, id: str) -> Raw | None:
        """The document, or nothing."""
        ...

    async def insert(self, document: Raw) -> bool:
        """Add a document; false when the id is taken."""
        ...

    async def insert_many(self, documents: Sequence[Raw]) -> set[str]:
        """Add documents; the ids that were taken are returned."""
        ...

    async def update(self, id: str, version: int, write: Write) -> bool:
        """Write if the document still has that version, and raise the version by one; false when it has not."""
        ...

    async def find(
        self, where: Mapping[str, Any], *, order_by: str, limit: int, after: After | None = None
    ) -> list[Raw]:
        """Documents that match whole paths, ordered by one of them ("-" for descending) and then by id."""
        ...

    async def count(self, where: Mapping[str, Any]) -> int:
        """How many match."""
        ...

    async def due(self, now: datetime, limit: int) -> list[tuple[str, datetime]]:
        """Ids and moments of the documents whose ``due_at`` has come, the oldest first."""
        ...

    async def pending(self, before: datetime, limit: int) -> list[Raw]:
        """Documents with an event that has waited in their outbox since before a (technical) moment."""
        ...

    async def oldest_pending(self) -> datetime | None:
        """Since when the longest waiting event waits."""
        ...

    async def forget(self, published: Mapping[str, tuple[int, int]]) -> None:
        """Take the events up to (epoch, n) out of each document's outbox, without a new version."""
        ...
