"""Aggregates of one kind: load, decide in pure code, and one conditional write for the state and its events."""

import asyncio
import base64
import binascii
import hashlib
import json
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from cattrs import Converter
from prometheus_client import Counter

from entente_chassis.clock import Clock, to_millisecond
from entente_chassis.refusal import Aborted, Invalid, NotFound, Unavailable
from entente_chassis.store.documents import After, Documents, Raw, Write, WriteUncertain
from entente_chassis.store.model import (
    ATTEMPTS,
    REQUESTS_KEPT,
    WRITES_KEPT,
    Cause,
    Change,
    Decide,
    Document,
    Kind,
    Outcome,
    Outgoing,
    Request,
    Where,
    check_etag,
    is_repeat,
    outgoing_events,
    require_found,
)
from entente_chassis.tracing import current_traceparent, span

S = TypeVar("S")

events_taken = Counter("entente_events_taken_total", "Events that reached an aggregate", ["collection", "outcome"])
races_lost = Counter("entente_store_races_lost", "Conditional writes that another writer won", ["collection"])


class RelayWakeUp(Protocol):
    """Whom to tell that a document has events to publish."""

    def offer(self, documents: Documents, id: str, outbox: Sequence[Outgoing]) -> None:
        """Take the whole outbox of a document as a writer left it, in order."""
        ...


def _converter() -> Converter:
    converter = Converter()
    converter.register_unstructure_hook(datetime, to_millisecond)
    converter.register_structure_hook(
        datetime, lambda value, _: value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    )
    converter.register_unstructure_hook(date, lambda value: value.isoformat())
    converter.register_structure_hook(date, lambda value, _: date.fromisoformat(value))
    converter.register_unstructure_hook(timedelta, lambda value: round(value.total_seconds() * 1000))
    converter.register_structure_hook(timedelta, lambda value, _: timedelta(milliseconds=value))
    converter.register_unstructure_hook(set, sorted)
    converter.register_unstructure_hook(frozenset, sorted)
    return converter


CONVERTER = _converter()


class Aggregates(Generic[S]):
    """The aggregates of one kind, over a database's documents.

    Args:
        kind: what they are.
        documents: where they are.
        clock: the domain's clock, for the time of events.
        relay: is told of new events; without one they wait for a sweeper.
    """

    def __init__(self, kind: Kind[S], documents: Documents, clock: Clock, relay: RelayWakeUp | None = None) -> None:
        self.kind = kind
        self.documents = documents
        self._clock = clock
        self._relay = relay

    async def prepare(self) -> None:
        """Make the indexes."""
        await self.documents.prepare(
            [
                [f"-state.{path[1:]}" if path.startswith("-") else f"state.{path}" for path in i]
                for i in self.kind.indexes
            ]
        )

    async def get(self, id: str) -> Outcome[S] | None:
        """The aggregate, or nothing."""
        raw = await self.documents.load(id)
        return self._read(raw).outcome(applied=False) if raw else None

    async def require(self, id: str, *, what: str) -> Outcome[S]:
        """The aggregate, or NotFound that calls it ``what``."""
        return require_found(id, await self.get(id), what)

    async def change(
        self,
        id: str,
        decide: Decide[S],
        *,
        request: Request | None = None,
        cause: Cause | None = None,
        etag: str | None = None,
    ) -> Outcome[S]:
        """Decide on the aggregate as it stands, and write the outcome if it still stands so.

        Args:
            id: the aggregate's name.
            decide: pure; called again after a lost race; gets None where no document is. It returns None to leave
                everything as it is, and raises a Refusal to say no.
            request: makes the same request twice one change.
            cause: makes the same event twice one change.
            etag: the state that the caller has seen; any other is refused.

        Raises:
            Aborted: the etag is not the document's, or other writers won every time.
            Invalid: the request id was used for another body.
            NotFound: there is no document, and ``decide`` did not make one.
            Unavailable: the database does not answer.
        """
        write_id = uuid.uuid4().hex
        with span(f"{self.kind.collection} change", {"db.collection.name": self.kind.collection}):
            for attempt in range(ATTEMPTS):
                if attempt:
                    await asyncio.sleep(random.uniform(0, 0.01 * 2**attempt))
                raw = await self.documents.load(id)
                document = self._read(raw) if raw else None
                # An earlier attempt may have been written although its answer said otherwise or never came.
                if document and write_id in document.writes:
                    self._offer(document.id, document.outbox)
                    return document.outcome(applied=True)
                if document and is_repeat(document, request, cause):
                    if cause:
                        events_taken.labels(self.kind.collection, "repeated").inc()
                    self._offer(document.id, document.outbox)
                    return document.outcome(applied=False)
                check_etag(etag, document)
                change = decide(document.state if document else None)
                if change is None and document is None:
                    raise NotFound("NOT_FOUND", f"{id} does not exist.", resource=id)
                if change is None and cause is None:
                    assert document is not None
                    return document.outcome(applied=False)
                try:
                    outcome = await self._write(id, document, change, write_id, request, cause)
                except WriteUncertain:
                    continue
                if outcome:
                    if cause:
                        events_taken.labels(self.kind.collection, "applied").inc()
                    return outcome
                races_lost.labels(self.kind.collection).inc()
        raise Aborted("TOO_MANY_WRITERS", f"{id} is being changed by many at once: repeat the request.", resource=id)

    async def create_many(self, items: Sequence[tuple[str, Change[S]]]) -> set[str]:
        """Create many aggregates at once. The names that were taken are returned; those documents are left as they are.

        Raises:
            Unavailable: the database does not answer; some may have been created: repeat the call.
        """
        documents = {id: self._new_document(id, change, uuid.uuid4().hex, None, None) for id, change in items}
        try:
            taken = await self.documents.insert_many(list(documents.values()))
        except WriteUncertain as error:
            raise Unavailable("DATABASE_UNAVAILABLE", "The database broke off: repeat the request.") from error
        for id, raw in documents.items():
            if id not in taken:
                self._offer(id, [_outgoing(id, entry) for entry in raw["outbox"]])
        return taken

    async def find(self, where: Where | None = None, *, order_by: str = "_id", limit: int = 1000) -> list[Outcome[S]]:
        """Aggregates whose state matches.

        Args:
            where: path in the state -> value, or {"$in" | "$gte" | "$gt" | "$lte" | "$lt" | "$ne": value}; and
                "$and" | "$or" | "$nor" -> a list of such.
            order_by: a path, "-" before it for descending, or "_id".
            limit: at most so many.
        """
        found = await self.documents.find(_whole_paths(where), order_by=_whole_path(order_by), limit=limit)
        return [self._read(raw).outcome(applied=False) for raw in found]

    async def page(
        self, where: Where | None = None, *, order_by: str = "_id", page_size: int, page_token: str = "", scope: str
    ) -> tuple[list[Outcome[S]], str]:
        """One page, and the token of the next one ("" at the end).

        Args:
            where: as in ``find``.
            order_by: as in ``find``.
            page_size: 0 for 50, at most 1000.
            page_token: from the page before, or "".
            scope: what the token is bound to: a token of another list is refused.

        Raises:
            Invalid: the token is not of this list.
        """
        # A database takes a limit of 0 for none at all, so a negative size must not come near it.
        size = min(page_size if page_size > 0 else 50, 1000)
        after = _read_token(page_token, scope, order_by) if page_token else None
        path = _whole_path(order_by)
        found = await self.documents.find(_whole_paths(where), order_by=path, limit=size + 1, after=after)
        token = ""
        if len(found) > size:
            found.pop()
            token = _write_token(scope, order_by, After(_value_at(found[-1], path.removeprefix("-")), found[-1]["_id"]))
        return [self._read(raw).outcome(applied=False) for raw in found], token

    async def count(self, where: Where | None = None) -> int:
        """How many match."""
        return await self.documents.count(_whole_paths(where))

    async def due(self, now: datetime, limit: int) -> list[tuple[str, datetime]]:
        """Names of the aggregates whose timer is due, the oldest first, with the moment they were due."""
        return await self.documents.due(now, limit)

    async def _write(
        self,
        id: str,
        document: Document[S] | None,
        change: Change[S] | None,
        write_id: str,
        request: Request | None,
        cause: Cause | None,
    ) -> Outcome[S] | None:
        if document is None:
            assert change is not None
            raw = self._new_document(id, change, write_id, request, cause)
            if not await self.documents.insert(raw):
                return None
            self._offer(id, [_outgoing(id, entry) for entry in raw["outbox"]])
            return Outcome(id, change.state, 1, True)

        events: tuple[Outgoing, ...] = ()
        sets: Raw = {}
        state = document.state
        if change is not None:
            state = change.state
            events = self._events(id, change, document.epoch, document.n)
            sets = self._changed_fields(document, state)
            if not sets and not events and cause is None and request is None:
                return document.outcome(applied=False)
            sets["due_at"] = self._due_at(state)
            sets["schema"] = self.kind.schema
        push: dict[str, tuple[Sequence[Any], int | None]] = {"writes": ([write_id], WRITES_KEPT)}
        if events:
            sets["seq"] = {"epoch": document.epoch, "n": document.n + len(events)}
            push["outbox"] = ([_entry(event) for event in events], None)
        if cause is not None:
            sets[f"inbox.{cause.mark}"] = list(cause.order)
        if request is not None:
            push["requests"] = ([{"key": request.key, "fingerprint": request.fingerprint}], REQUESTS_KEPT)
        if not await self.documents.update(id, document.version, Write(sets, push)):
            return None
        self._offer(id, (*document.outbox, *events))
        return Outcome(id, state, document.version + 1, change is not None)

    def _new_document(
        self, id: str, change: Change[S], write_id: str, request: Request | None, cause: Cause | None
    ) -> Raw:
        events = self._events(id, change, 0, 0)
        return {
            "_id": id,
            "version": 1,
            "schema": self.kind.schema,
            "state": self._unstructure(change.state),
            "seq": {"epoch": 0, "n": len(events)},
            "outbox": [_entry(event) for event in events],
            "inbox": {cause.mark: list(cause.order)} if cause else {},
            "requests": [{"key": request.key, "fingerprint": request.fingerprint}] if request else [],
            "writes": [write_id],
            "due_at": self._due_at(change.state),
        }

    def _events(self, id: str, change: Change[S], epoch: int, n: int) -> tuple[Outgoing, ...]:
        return outgoing_events(
            self.kind, id, change, epoch=epoch, n=n, time=self._clock.now(), traceparent=current_traceparent()
        )

    def _due_at(self, state: S) -> datetime | None:
        due = self.kind.due_at(state) if self.kind.due_at else None
        return to_millisecond(due) if due else None

    def _changed_fields(self, document: Document[S], state: S) -> Raw:
        # Only what changed is set: a field that a newer version of this service wrote stays.
        new = self._unstructure(state)
        missing = object()
        return {
            f"state.{name}": value
            for name, value in new.items()
            if _plain(document.raw_state.get(name, missing)) != _plain(value)
        }

    def _unstructure(self, state: S) -> Raw:
        raw: Raw = CONVERTER.unstructure(state, unstructure_as=self.kind.state_type)
        return raw

    def _read(self, raw: Raw) -> Document[S]:
        known = {field.name for field in fields(self.kind.state_type)}  # type: ignore[arg-type]
        state = CONVERTER.structure(
            {name: value for name, value in raw["state"].items() if name in known}, self.kind.state_type
        )
        return Document(
            id=raw["_id"],
            state=state,
            version=raw["version"],
            raw_state=raw["state"],
            epoch=raw["seq"]["epoch"],
            n=raw["seq"]["n"],
            outbox=outgoing_of(raw),
            inbox={mark: (order[0], order[1]) for mark, order in raw["inbox"].items()},
            requests=tuple((entry["key"], entry["fingerprint"]) for entry in raw["requests"]),
            writes=tuple(raw["writes"]),
        )

    def _offer(self, id: str, outbox: Sequence[Outgoing]) -> None:
        if self._relay and outbox:
            self._relay.offer(self.documents, id, outbox)


def outgoing_of(raw: Raw) -> tuple[Outgoing, ...]:
    """The events that wait in a document, in order."""
    return tuple(_outgoing(raw["_id"], entry) for entry in raw["outbox"])


def _entry(event: Outgoing) -> Raw:
    return {
        "epoch": event.epoch,
        "n": event.n,
        "topic": event.topic,
        "type": event.type,
        "data": event.data,
        "time": event.time,
        "traceparent": event.traceparent,
        # When it was written by the machine's clock: the sweeper's age, whatever time the domain has.
        "at": to_millisecond(datetime.now(UTC)),
    }


def _outgoing(id: str, entry: Mapping[str, Any]) -> Outgoing:
    return Outgoing(
        topic=entry["topic"],
        subject=id,
        epoch=entry["epoch"],
        n=entry["n"],
        type=entry["type"],
        data=bytes(entry["data"]),
        time=entry["time"].astimezone(UTC),
        traceparent=entry["traceparent"],
    )


def _plain(value: Any) -> Any:
    """A value in which what the database gives back equals what was given to it."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return to_millisecond(value)
    return value


def _whole_path(order_by: str) -> str:
    if order_by == "_id":
        return order_by
    return f"-state.{order_by[1:]}" if order_by.startswith("-") else f"state.{order_by}"


def _whole_paths(where: Where | None) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for path, value in (where or {}).items():
        if path.startswith("$"):
            whole[path] = [_whole_paths(part) for part in value]
        else:
            whole[path if path == "_id" else f"state.{path}"] = _plain(value)
    return whole


def _value_at(raw: Raw, path: str) -> Any:
    value: Any = raw
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _scope_digest(scope: str, order_by: str) -> str:
    return hashlib.sha256(f"{scope}\n{order_by}".encode()).hexdigest()[:16]


def _write_token(scope: str, order_by: str, after: After) -> str:
    value = {"time": after.value.isoformat()} if isinstance(after.value, datetime) else {"value": after.value}
    text = json.dumps([_scope_digest(scope, order_by), value, after.id])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read_token(token: str, scope: str, order_by: str) -> After:
    try:
        digest, value, id = json.loads(base64.urlsafe_b64decode(token.encode()))
        after = After(datetime.fromisoformat(value["time"]) if "time" in value else value["value"], str(id))
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError) as error:
        raise _invalid_token() from error
    # A token is made by us and sent by others: what is no plain value would be read as an operator of the query.
    if digest != _scope_digest(scope, order_by) or isinstance(after.value, dict | list):
        raise _invalid_token()
    return after


def _invalid_token() -> Invalid:
    return Invalid(
        "PAGE_TOKEN_INVALID",
        "page_token is not of this list: repeat the request's other fields as they were, or start again without it.",
    )
