"""Documents in MongoDB. The one module that knows the driver, so that leaving it is a change of this file."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import ASCENDING, DESCENDING, UpdateMany, UpdateOne, WriteConcern
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    PyMongoError,
    WTimeoutError,
)

from entente_chassis.refusal import Unavailable
from entente_chassis.store.documents import After, Documents, Raw, Write, WriteUncertain

Database = AsyncIOMotorDatabase[Raw]

_DUPLICATE_KEY = 11000
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_OUTAGE = (ConnectionFailure, ExecutionTimeout, WTimeoutError)
# A server that is shutting down, is not yet the primary or, as a router, does not reach a shard, answers with an error
# instead of breaking off.
_OUTAGE_CODES = {6, 7, 64, 89, 91, 133, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436}


def open_client(uri: str, *, timeout: timedelta = timedelta(seconds=5)) -> AsyncIOMotorClient[Raw]:
    """A client whose calls give up within ``timeout``, so that an outage is an answer and not a silence."""
    milliseconds = round(timeout.total_seconds() * 1000)
    return AsyncIOMotorClient(
        uri,
        tz_aware=True,
        tzinfo=UTC,
        appname="entente",
        serverSelectionTimeoutMS=milliseconds,
        connectTimeoutMS=milliseconds,
        socketTimeoutMS=milliseconds * 4,
    )


class MongoDocuments(Documents):
    """Documents of one collection of a MongoDB database."""

    def __init__(self, database: Database, name: str) -> None:
        self._name = name
        self._collection: AsyncIOMotorCollection[Raw] = database.get_collection(
            name, write_concern=WriteConcern(w="majority")
        )

    @property
    def name(self) -> str:
        return self._name

    async def prepare(self, indexes: Sequence[Sequence[str]]) -> None:
        async with _reading():
            for paths in (["due_at"], ["outbox.at"], *indexes):
                await self._collection.create_index(
                    [(p.removeprefix("-"), DESCENDING if p.startswith("-") else ASCENDING) for p in paths]
                )

    async def load(self, id: str) -> Raw | None:
        async with _reading():
            document: Raw | None = await self._collection.find_one({"_id": id})
            return document

    async def insert(self, document: Raw) -> bool:
        async with _writing():
            try:
                await self._collection.insert_one(document)
            except DuplicateKeyError:
                return False
            return True

    async def insert_many(self, documents: Sequence[Raw]) -> set[str]:
        if not documents:
            return set()
        async with _writing():
            try:
                await self._collection.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                errors = _write_errors(error)
                # Without a majority's word what was written can be rolled back: that is no success.
                if _concern_errors(error) or any(entry["code"] != _DUPLICATE_KEY for entry in errors):
                    raise
                return {documents[entry["index"]]["_id"] for entry in errors}
            return set()

    async def update(self, id: str, version: int, write: Write) -> bool:
        changes: Raw = {"$inc": {"version": 1}}
        if write.set:
            changes["$set"] = dict(write.set)
        if write.push:
            changes["$push"] = {
                name: {"$each": list(values)} | ({"$slice": -keep} if keep else {})
                for name, (values, keep) in write.push.items()
            }
        async with _writing():
            result = await self._collection.update_one({"_id": id, "version": version}, changes)
            return result.matched_count == 1

    async def find(
        self, where: Mapping[str, Any], *, order_by: str, limit: int, after: After | None = None
    ) -> list[Raw]:
        path, descending = order_by.removeprefix("-"), order_by.startswith("-")
        query = dict(where)
        if after is not None:
            query = {"$and": [query, _past(path, descending, after)]} if query else _past(path, descending, after)
        order = [(path, DESCENDING if descending else ASCENDING)]
        if path != "_id":
            order.append(("_id", ASCENDING))
        async with _reading():
            return await self._collection.find(query).sort(order).limit(limit).to_list(None)

    async def count(self, where: Mapping[str, Any]) -> int:
        async with _reading():
            return await self._collection.count_documents(dict(where))

    async def due(self, now: datetime, limit: int) -> list[tuple[str, datetime]]:
        # Both ends are given: an open range is read whole by some servers before the limit counts.
        query = {"due_at": {"$gte": _LONG_AGO, "$lte": now}}
        async with _reading():
            found = (
                await self._collection.find(query, {"due_at": 1}).sort("due_at", ASCENDING).limit(limit).to_list(None)
            )
        return [(document["_id"], document["due_at"]) for document in found]

    async def pending(self, before: datetime, limit: int) -> list[Raw]:
        # Bounds of a list's field must hold for one and the same entry.
        query = {"outbox": {"$elemMatch": {"at": {"$gte": _LONG_AGO, "$lte": before}}}}
        async with _reading():
            return await self._collection.find(query, {"outbox": 1}).limit(limit).to_list(None)

    async def oldest_pending(self) -> datetime | None:
        query = {"outbox.at": {"$gte": _LONG_AGO}}
        async with _reading():
            found = (
                await self._collection.find(query, {"outbox.at": 1}).sort("outbox.at", ASCENDING).limit(1).to_list(None)
            )
        return min((entry["at"] for document in found for entry in document["outbox"]), default=None)

    async def forget(self, published: Mapping[str, tuple[int, int]]) -> None:
        by_order: dict[tuple[int, int], list[str]] = {}
        for id, order in published.items():
            by_order.setdefault(order, []).append(id)
        writes: list[UpdateOne | UpdateMany] = []
        for (epoch, n), ids in by_order.items():
            pull = {"$pull": {"outbox": {"epoch": epoch, "n": {"$lte": n}}}}
            writes.append(
                UpdateOne({"_id": ids[0]}, pull) if len(ids) == 1 else UpdateMany({"_id": {"$in": ids}}, pull)
            )
        if writes:
            async with _reading():
                await self._collection.bulk_write(writes, ordered=False)


def _past(path: str, descending: bool, after: After) -> Raw:
    if path == "_id":
        return {"_id": {"$gt": after.id}}
    equal = {path: after.value, "_id": {"$gt": after.id}}
    # Nulls and missing values come before all others, and no comparison with a value finds them.
    if after.value is None:
        return equal if descending else {"$or": [{path: {"$ne": None}}, equal]}
    if descending:
        return {"$or": [{path: {"$lt": after.value}}, {path: None}, equal]}
    return {"$or": [{path: {"$gt": after.value}}, equal]}


def is_outage(error: PyMongoError) -> bool:
    """Whether the database is away rather than at odds with what it was asked."""
    if isinstance(error, BulkWriteError):
        causes = [*_write_errors(error), *_concern_errors(error)]
        return any(entry.get("code") in _OUTAGE_CODES for entry in causes)
    return isinstance(error, _OUTAGE) or getattr(error, "code", None) in _OUTAGE_CODES


def _write_errors(error: BulkWriteError) -> list[Raw]:
    return list((error.details or {}).get("writeErrors", []))


def _concern_errors(error: BulkWriteError) -> list[Raw]:
    return list((error.details or {}).get("writeConcernErrors", []))


@asynccontextmanager
async def _reading() -> AsyncIterator[None]:
    try:
        yield
    except PyMongoError as error:
        if is_outage(error):
            raise Unavailable("DATABASE_UNAVAILABLE", "The database does not answer: try again shortly.") from error
        raise


@asynccontextmanager
async def _writing() -> AsyncIterator[None]:
    try:
        yield
    except PyMongoError as error:
        if is_outage(error):
            raise WriteUncertain from error
        raise
