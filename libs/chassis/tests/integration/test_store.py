"""One suite for both implementations of the store: MongoDB's and the one in memory."""

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pytest
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import Int64Value, StringValue
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.errors import BulkWriteError

from entente_chassis.clock import ManualClock
from entente_chassis.refusal import Aborted, Exhausted, Invalid, NotFound, Precondition, Unavailable
from entente_chassis.store import Aggregates, Cause, Change, Kind, Outgoing, Request
from entente_chassis.store.aggregates import outgoing_of
from entente_chassis.store.documents import Documents, Write, WriteUncertain
from entente_chassis.store.memory import MemoryDocuments
from entente_chassis.store.mongo import MongoDocuments, open_client

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Colour(StrEnum):
    RED = "RED"
    BLUE = "BLUE"


@dataclass(frozen=True)
class Part:
    weight: float
    made_at: datetime


@dataclass(frozen=True)
class Thing:
    owner: str
    count: int = 0
    colour: Colour = Colour.RED
    parts: dict[str, Part] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    wait: timedelta | None = None
    wake_at: datetime | None = None
    created_at: datetime = NOW


@dataclass(frozen=True)
class Counted:
    count: int


@dataclass(frozen=True)
class Paid:
    due: datetime | None = None
    amount: int | None = None


def _message(event: Counted) -> Message:
    return Int64Value(value=event.count)


KIND = Kind[Thing](
    collection="things",
    state_type=Thing,
    topic="entente.things.events.v1",
    to_message=_message,
    snapshot_topic="entente.things.things.v1",
    snapshot=lambda id, state: StringValue(value=f"{id}={state.count}"),
    due_at=lambda state: state.wake_at,
    indexes=(("owner", "-created_at"),),
)


class Noticed:
    """A relay that only notes what it is offered."""

    def __init__(self) -> None:
        self.offers: list[tuple[str, list[int]]] = []

    def offer(self, documents: Documents, id: str, outbox: object) -> None:
        assert isinstance(outbox, tuple | list)
        self.offers.append((id, [event.n for event in outbox if isinstance(event, Outgoing)]))


@dataclass
class World:
    things: Aggregates[Thing]
    documents: Documents
    relay: Noticed
    clock: ManualClock


MakeWorld = Callable[[], World]


@pytest.fixture(params=["memory", "mongo"])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    clock, relay = ManualClock(NOW), Noticed()
    if request.param == "memory":
        memory = MemoryDocuments("things")
        yield World(Aggregates(KIND, memory, clock, relay), memory, relay, clock)
        return
    client = open_client(request.getfixturevalue("mongo_uri"))
    name = f"store_{uuid.uuid4().hex[:12]}"
    mongo = MongoDocuments(client[name], "things")
    things = Aggregates(KIND, mongo, clock, relay)
    await things.prepare()
    yield World(things, mongo, relay, clock)
    await client.drop_database(name)
    client.close()


def _count(by: int = 1, owner: str = "ann") -> Callable[[Thing | None], Change[Thing]]:
    def decide(thing: Thing | None) -> Change[Thing]:
        thing = thing or Thing(owner)
        after = replace(thing, count=thing.count + by)
        return Change(after, [Counted(after.count)])

    return decide


def _new_id() -> str:
    return f"things/{uuid.uuid4().hex[:10]}"


async def test_a_state_comes_back_as_it_was_written(world: World) -> None:
    thing = Thing(
        "Zoë Bērziņa",
        3,
        Colour.BLUE,
        {"p1": Part(0.1, NOW + timedelta(milliseconds=1))},
        ["été", "città"],
        timedelta(days=2),
        NOW,
    )
    id = _new_id()
    await world.things.change(id, lambda _: Change(thing))
    found = await world.things.get(id)
    assert found is not None
    assert found.state == thing


async def test_state_events_and_snapshot_are_one_write_with_dense_numbers(world: World) -> None:
    id = _new_id()
    await world.things.change(id, _count())
    await world.things.change(id, _count())
    raw = await world.documents.load(id)
    assert raw is not None
    events = outgoing_of(raw)
    assert [event.n for event in events] == [1, 2, 3, 4]
    assert [event.topic.split(".")[2] for event in events] == ["events", "things", "events", "things"]
    assert [event.time for event in events] == [NOW] * 4
    assert Int64Value.FromString(events[2].data).value == 2
    assert world.relay.offers[-1] == (id, [1, 2, 3, 4])


async def test_the_same_request_twice_is_one_change(world: World) -> None:
    id, request = _new_id(), Request("ann|r1", "f1")
    first = await world.things.change(id, _count(), request=request)
    second = await world.things.change(id, _count(), request=request)
    assert (first.applied, second.applied) == (True, False)
    assert second.state.count == 1


async def test_a_request_id_with_another_body_is_refused(world: World) -> None:
    id = _new_id()
    await world.things.change(id, _count(), request=Request("ann|r1", "f1"))
    with pytest.raises(Invalid, match="REQUEST_ID_REUSED"):
        await world.things.change(id, _count(5), request=Request("ann|r1", "f2"))


async def test_the_last_64_requests_are_remembered(world: World) -> None:
    id = _new_id()
    for number in range(66):
        await world.things.change(id, _count(), request=Request(f"ann|{number}", "f"))
    assert not (await world.things.change(id, _count(), request=Request("ann|2", "f"))).applied
    assert (await world.things.change(id, _count(), request=Request("ann|1", "f"))).applied


async def test_an_event_that_comes_again_or_late_changes_nothing(world: World) -> None:
    id = _new_id()
    cause = Cause("entente.x.events.v1", "campaigns/c1", 0, 7)
    await world.things.change(id, _count(), cause=cause)
    for repeated in (cause, replace(cause, n=6)):
        assert not (await world.things.change(id, _count(), cause=repeated)).applied
    for fresh in (
        replace(cause, n=8),
        replace(cause, epoch=1, n=1),
        replace(cause, stream="entente.x.campaigns.v1", n=7),
    ):
        assert (await world.things.change(id, _count(), cause=fresh)).applied
    found = await world.things.require(id, what="thing")
    assert found.state.count == 4


async def test_an_event_without_effect_is_remembered_too(world: World) -> None:
    id = _new_id()
    await world.things.change(id, _count())
    cause = Cause("entente.x.events.v1", "campaigns/c1", 0, 1)
    await world.things.change(id, lambda _: None, cause=cause)
    assert not (await world.things.change(id, _count(), cause=cause)).applied


async def test_racing_writers_all_win_in_the_end_and_no_change_is_lost(world: World) -> None:
    id = _new_id()
    outcomes = await asyncio.gather(*(world.things.change(id, _count()) for _ in range(6)))
    assert sorted(outcome.state.count for outcome in outcomes) == [1, 2, 3, 4, 5, 6]
    raw = await world.documents.load(id)
    assert raw is not None
    assert [event.n for event in outgoing_of(raw)] == list(range(1, 13))


async def test_an_old_etag_is_refused(world: World) -> None:
    id = _new_id()
    first = await world.things.change(id, _count())
    await world.things.change(id, _count(), etag=first.etag)
    with pytest.raises(Aborted, match="ETAG_MISMATCH"):
        await world.things.change(id, _count(), etag=first.etag)


async def test_a_refusal_leaves_everything_as_it_was(world: World) -> None:
    id = _new_id()
    await world.things.change(id, _count())

    def refuse(_: Thing | None) -> Change[Thing]:
        raise Precondition("NO", "no")

    with pytest.raises(Precondition):
        await world.things.change(id, refuse)
    found = await world.things.require(id, what="thing")
    assert (found.version, found.state.count) == (1, 1)


async def test_leaving_a_missing_document_alone_says_that_it_is_missing(world: World) -> None:
    with pytest.raises(NotFound):
        await world.things.change(_new_id(), lambda _: None)


async def test_a_field_that_a_newer_version_wrote_survives_a_change(world: World) -> None:
    id = _new_id()
    await world.things.change(id, _count())
    assert await world.documents.update(id, 1, Write({"state.from_the_future": {"a": 1}}))
    await world.things.change(id, _count())
    raw = await world.documents.load(id)
    assert raw is not None
    assert raw["state"]["from_the_future"] == {"a": 1}


async def test_a_change_does_not_bring_back_events_that_were_published(world: World) -> None:
    id = _new_id()
    await world.things.change(id, _count())
    await world.documents.forget({id: (0, 1)})
    await world.things.change(id, _count())
    raw = await world.documents.load(id)
    assert raw is not None
    assert [event.n for event in outgoing_of(raw)] == [2, 3, 4]
    assert raw["version"] == 2


async def test_an_event_too_large_for_the_bus_is_refused_in_the_command(world: World) -> None:
    kind = replace(KIND, to_message=lambda _: StringValue(value="x" * 950_000))
    things = Aggregates(kind, world.documents, world.clock)
    with pytest.raises(Exhausted):
        await things.change(_new_id(), _count())


async def test_creating_many_leaves_taken_names_alone(world: World) -> None:
    taken, free = _new_id(), _new_id()
    await world.things.change(taken, _count())
    result = await world.things.create_many([(taken, Change(Thing("eve"))), (free, Change(Thing("eve"), [Counted(9)]))])
    assert result == {taken}
    assert (await world.things.require(taken, what="thing")).state.owner == "ann"
    assert (await world.things.require(free, what="thing")).state.owner == "eve"
    assert world.relay.offers[-1] == (free, [1, 2])


async def test_pages_cover_a_list_once_in_order_and_their_tokens_are_bound_to_it(world: World) -> None:
    owner = uuid.uuid4().hex
    for number in range(7):
        thing = Thing(owner, number % 3, created_at=NOW + timedelta(seconds=number // 2))
        await world.things.change(_new_id(), lambda _, thing=thing: Change(thing))  # type: ignore[misc]
    seen, token = [], ""
    while True:
        page, token = await world.things.page(
            {"owner": owner}, order_by="-created_at", page_size=2, page_token=token, scope=owner
        )
        seen += page
        if not token:
            break
    assert len({outcome.id for outcome in seen}) == len(seen) == 7
    times = [outcome.state.created_at for outcome in seen]
    assert times == sorted(times, reverse=True)
    _, token = await world.things.page({"owner": owner}, page_size=2, scope=owner)
    for bad in (token[:-4], "%%%", "e30="):
        with pytest.raises(Invalid, match="PAGE_TOKEN"):
            await world.things.page({"owner": owner}, page_size=2, page_token=bad, scope=owner)
    with pytest.raises(Invalid, match="PAGE_TOKEN"):
        await world.things.page({"owner": "eve"}, page_size=2, page_token=token, scope="eve")


@pytest.mark.parametrize("order_by", ["amount", "-amount", "due", "-due"])
async def test_pages_show_every_aggregate_once_also_those_without_a_value_to_order_by(
    world: World, order_by: str
) -> None:
    paid = Aggregates(Kind[Paid]("paid", Paid), world.documents, ManualClock(NOW))
    for number in range(9):
        state = Paid() if number % 3 else Paid(NOW + timedelta(days=number // 6), number // 6)
        await paid.change(f"paid/{number}", lambda _, state=state: Change(state))  # type: ignore[misc]
    for size in (1, 2, 4):
        seen, token = list[str](), ""
        while True:
            page, token = await paid.page(order_by=order_by, page_size=size, page_token=token, scope="paid")
            seen += [found.id for found in page]
            if not token:
                break
        whole = [found.id for found in await paid.find(order_by=order_by)]
        assert seen == whole
        assert len(seen) == len(set(seen)) == 9


async def test_a_page_token_with_an_operator_in_it_is_refused_and_a_negative_size_is_no_whole_collection(
    world: World,
) -> None:
    for number in range(3):
        await world.things.change(f"things/{number}", _count(number))
    page, token = await world.things.page(order_by="count", page_size=1, scope="all")
    digest, _, id = json.loads(base64.urlsafe_b64decode(token))
    for value in ({"$gt": -1}, [1]):
        forged = base64.urlsafe_b64encode(json.dumps([digest, {"value": value}, id]).encode()).decode()
        with pytest.raises(Invalid, match="PAGE_TOKEN"):
            await world.things.page(order_by="count", page_size=1, page_token=forged, scope="all")
    page, _ = await world.things.page(order_by="count", page_size=-1, scope="all")
    assert [found.state.count for found in page] == [0, 1, 2]


@pytest.mark.parametrize("field", ["writeErrors", "writeConcernErrors"])
async def test_a_bulk_write_that_a_failover_cuts_off_is_an_outage_and_no_success(
    field: str, monkeypatch: pytest.MonkeyPatch, mongo_uri: str
) -> None:
    client = open_client(mongo_uri)
    documents = MongoDocuments(client["never_written"], "things")

    async def cut_off(*_: object, **__: object) -> None:
        raise BulkWriteError({"writeErrors": [], "writeConcernErrors": [], field: [{"code": 11602, "index": 0}]})

    class Collection:
        insert_many = bulk_write = staticmethod(cut_off)

    monkeypatch.setattr(documents, "_collection", Collection())
    with pytest.raises(WriteUncertain):
        await documents.insert_many([{"_id": "things/a"}])
    with pytest.raises(Unavailable):
        await documents.forget({"things/a": (0, 1)})
    client.close()


async def test_lists_filter_by_value_set_and_range(world: World) -> None:
    owner = uuid.uuid4().hex
    for number in range(4):
        thing = Thing(owner, number, Colour.BLUE if number % 2 else Colour.RED, tags=[f"t{number}"])
        await world.things.change(_new_id(), lambda _, thing=thing: Change(thing))  # type: ignore[misc]

    async def counts(**where: object) -> list[int]:
        found = await world.things.find({"owner": owner, **where}, order_by="count")
        return [outcome.state.count for outcome in found]

    assert await counts(colour=Colour.BLUE) == [1, 3]
    assert await counts(count={"$in": [0, 3]}) == [0, 3]
    assert await counts(count={"$gte": 1, "$lt": 3}) == [1, 2]
    assert await counts(colour={"$ne": Colour.RED}, count={"$gt": 1}) == [3]
    assert await counts(tags="t2") == [2]
    assert await counts(**{"$or": [{"count": 0}, {"$and": [{"colour": Colour.BLUE}, {"tags": "t3"}]}]}) == [0, 3]
    assert await counts(**{"$nor": [{"count": 1}, {"count": {"$gt": 2}}]}) == [0, 2]
    assert await world.things.count({"owner": owner, "count": {"$lte": 2}}) == 3


async def test_timers_that_are_due_are_found_the_oldest_first(world: World) -> None:
    for minutes in (5, 1, 90):
        thing = Thing("ann", wake_at=NOW + timedelta(minutes=minutes))
        await world.things.change(f"things/due-{minutes}", lambda _, thing=thing: Change(thing))  # type: ignore[misc]
    due = await world.things.due(NOW + timedelta(minutes=10), 10)
    assert [id for id, _ in due] == ["things/due-1", "things/due-5"]
    await world.things.change("things/due-1", lambda t: Change(replace(t, wake_at=None)) if t else None)
    assert [id for id, _ in await world.things.due(NOW + timedelta(minutes=10), 10)] == ["things/due-5"]


class Unsure:
    """Documents whose connection breaks after a write was applied, or that call an applied write a conflict."""

    def __init__(self, inner: Documents, *, lies: bool) -> None:
        self._inner = inner
        self._lies = lies
        self.trouble = 1

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def update(self, id: str, version: int, write: Write) -> bool:
        applied = await self._inner.update(id, version, write)
        if self.trouble:
            self.trouble -= 1
            if self._lies:
                return False
            raise WriteUncertain
        return applied


@pytest.mark.parametrize("lies", [True, False])
async def test_a_write_whose_answer_was_lost_or_wrong_is_not_made_twice(world: World, lies: bool) -> None:
    id = _new_id()
    await world.things.change(id, _count())
    unsure = Unsure(world.documents, lies=lies)
    things = Aggregates(KIND, unsure, world.clock)  # type: ignore[arg-type]
    outcome = await things.change(id, _count())
    assert (outcome.applied, outcome.state.count, outcome.version) == (True, 2, 2)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries=st.lists(st.integers(1, 6), min_size=1, max_size=20))
async def test_however_events_repeat_each_first_occurrence_in_order_counts_once(deliveries: list[int]) -> None:
    things = Aggregates(KIND, MemoryDocuments("things"), ManualClock(NOW))
    applied, high = 0, 0
    for n in deliveries:
        await things.change("things/a", _count(), cause=Cause("s", "x/1", 0, n))
        applied, high = (applied + 1, n) if n > high else (applied, high)
    assert (await things.require("things/a", what="thing")).state.count == applied
