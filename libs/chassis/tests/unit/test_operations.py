from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from entente.ops.v1 import ops_pb2, ops_pb2_grpc
from entente.type.v1.type_pb2 import Money
from entente_chassis.auth import Role
from entente_chassis.clock import ManualClock
from entente_chassis.operations import KEPT, Operations, Running, Step, Work
from entente_chassis.refusal import Invalid, Precondition
from entente_chassis.rpc import Access
from entente_chassis.store.aggregates import Aggregates
from entente_chassis.store.memory import MemoryAggregates
from entente_chassis.store.model import Kind, Request
from entente_chassis.testing import serving
from entente_chassis.timers import Fire, Timers

BRAND = "brands/lysandre"
REQUEST = Request("accounts/ann|r1", "body")
# The messages at hand: a request for three parts, and a sum as the response.
THREE = Money(currency_code="EUR", minor_units=3)


@dataclass
class Host:
    clock: ManualClock = field(default_factory=lambda: ManualClock(datetime(2026, 3, 2, tzinfo=UTC)))
    work: Aggregates[Work] | None = None
    timers: Timers | None = None
    served: list[tuple[Callable[[Any, Any], None], object, Access]] = field(default_factory=list)

    def aggregates(self, kind: Kind[Work]) -> Aggregates[Work]:
        self.work = MemoryAggregates(kind, self.clock)
        return self.work

    def timer(self, aggregates: Aggregates[Any], fire: Fire) -> None:
        self.timers = Timers(aggregates, fire, self.clock)

    def serve(self, add: Callable[[Any, Any], None], servicer: object, access: Access) -> None:
        self.served.append((add, servicer, access))

    async def time_passes(self) -> None:
        assert self.timers
        await self.timers.fire_due()


@dataclass
class Counting:
    """Adds one for each part, and remembers under which request."""

    parts: list[Request] = field(default_factory=list)
    failing: Exception | None = None

    async def step(self, running: Running) -> Step:
        at = int(running.cursor or 0)
        if self.failing and at == 1:
            raise self.failing
        self.parts.append(running.request(str(at)))
        running.response.minor_units += 1
        last = at + 1 == running.input.minor_units
        return Step("" if last else str(at + 1), processed=1, failed=int(at == 2))


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def counting(host: Host) -> Counting:
    return Counting()


@pytest.fixture
def operations(host: Host, counting: Counting) -> Operations:
    made = Operations(host)
    made.handle("Count", Money, Money, counting.step)
    return made


async def begin(operations: Operations, request: Request = REQUEST) -> ops_pb2.Operation:
    return await operations.start("Count", THREE, parent=BRAND, total=3, request=request, by="accounts/ann")


@pytest.fixture
async def stub(host: Host, operations: Operations, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    async with serving(tmp_path, *host.served) as server:

        def client(role: Role = Role.BRAND, brands: tuple[str, ...] = (BRAND,)) -> Any:
            return server.client_as(ops_pb2_grpc.OperationServiceStub, role, brands=brands)

        yield client


def facts(operation: ops_pb2.Operation) -> ops_pb2.OperationMetadata:
    metadata = ops_pb2.OperationMetadata()
    assert operation.metadata.Unpack(metadata)
    return metadata


async def test_work_is_done_in_steps_and_ends_with_its_response(
    host: Host, operations: Operations, stub: Callable[..., Any]
) -> None:
    begun = await begin(operations)
    assert not begun.done
    assert (facts(begun).total, facts(begun).processed) == (3, 0)
    await host.time_passes()
    ended = await stub().GetOperation(ops_pb2.GetOperationRequest(name=begun.name))
    assert ended.done
    assert (facts(ended).processed, facts(ended).failed) == (3, 1)
    response = Money()
    assert ended.response.Unpack(response)
    assert response.minor_units == 3


async def test_the_same_request_begins_the_work_once(host: Host, operations: Operations, counting: Counting) -> None:
    first = await begin(operations)
    await host.time_passes()
    again = await begin(operations)
    assert again.name == first.name
    assert again.done
    await host.time_passes()
    assert len(counting.parts) == 3
    with pytest.raises(Invalid, match="REQUEST_ID_REUSED"):
        await begin(operations, request=Request(REQUEST.key, "another body"))


async def test_a_step_whose_progress_was_lost_is_done_again_under_the_same_request(
    host: Host, operations: Operations, counting: Counting
) -> None:
    """The process ends after the step and before the write: what the next process does must be recognisable."""
    begun = await begin(operations)
    counting.failing = RuntimeError("killed before the second step's progress was written")
    await host.time_passes()
    counting.parts.append(Running(begun.name, BRAND, "", None, "1", None).request("1"))
    counting.failing = None
    assert host.timers
    host.timers._not_before.clear()  # Its back-off is tested with the timers.
    await host.time_passes()
    assert [part.key for part in counting.parts] == [f"{begun.name}|{part}" for part in (0, 1, 1, 2)]


async def test_a_refusal_ends_the_work_and_says_what_was_done(
    host: Host, operations: Operations, counting: Counting, stub: Callable[..., Any]
) -> None:
    counting.failing = Precondition("CAMPAIGN_CLOSED", "The campaign has ended.")
    begun = await begin(operations)
    await host.time_passes()
    ended = await stub().GetOperation(ops_pb2.GetOperationRequest(name=begun.name))
    assert ended.done
    assert (ended.error.code, ended.error.message) == (
        grpc.StatusCode.FAILED_PRECONDITION.value[0],
        "The campaign has ended.",
    )
    done_until_then = Money()
    assert any(detail.Unpack(done_until_then) for detail in ended.error.details)
    assert done_until_then.minor_units == 1


async def test_a_bug_is_tried_five_times_and_then_ends_the_work(
    host: Host, operations: Operations, counting: Counting, stub: Callable[..., Any]
) -> None:
    counting.failing = KeyError("a bug")
    begun = await begin(operations)
    ended = []
    for _ in range(5):
        with suppress(KeyError):
            await operations.fire(begun.name)
        ended.append(await stub().GetOperation(ops_pb2.GetOperationRequest(name=begun.name)))
    assert [operation.done for operation in ended] == [False] * 4 + [True]
    assert ended[-1].error.code == grpc.StatusCode.INTERNAL.value[0]


async def test_cancelled_work_stops_after_the_step_that_it_is_at(
    host: Host, operations: Operations, counting: Counting, stub: Callable[..., Any]
) -> None:
    begun = await begin(operations)
    step = counting.step

    async def cancelled_meanwhile(running: Running) -> Step:
        await stub().CancelOperation(ops_pb2.CancelOperationRequest(name=begun.name))
        return await step(running)

    operations.handle("Count", Money, Money, cancelled_meanwhile)
    await host.time_passes()
    ended = await stub().GetOperation(ops_pb2.GetOperationRequest(name=begun.name))
    assert ended.done
    assert ended.error.code == grpc.StatusCode.CANCELLED.value[0]
    assert len(counting.parts) == 1
    assert facts(ended).processed == 1


async def test_only_who_acts_for_its_parent_sees_work(operations: Operations, stub: Callable[..., Any]) -> None:
    begun = await begin(operations)
    stranger = stub(brands=("brands/other",))
    for call in (
        stranger.GetOperation(ops_pb2.GetOperationRequest(name=begun.name)),
        stranger.CancelOperation(ops_pb2.CancelOperationRequest(name=begun.name)),
        stranger.ListOperations(ops_pb2.ListOperationsRequest(parent=BRAND)),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    listed = await stub().ListOperations(ops_pb2.ListOperationsRequest(parent=BRAND, filter="done = false"))
    assert [operation.name for operation in listed.operations] == [begun.name]
    listed = await stub().ListOperations(ops_pb2.ListOperationsRequest(parent=BRAND, filter="done = true"))
    assert not listed.operations


async def test_watching_shows_each_advance_until_the_end(
    host: Host, operations: Operations, stub: Callable[..., Any]
) -> None:
    begun = await begin(operations)
    stream = stub().WatchOperation(ops_pb2.WatchOperationRequest(name=begun.name))
    seen = [await stream.read()]
    await host.time_passes()
    seen += [operation async for operation in stream]
    assert [operation.done for operation in seen][-1]
    assert not seen[0].done


async def test_work_is_forgotten_a_month_after_its_end(
    host: Host, operations: Operations, stub: Callable[..., Any]
) -> None:
    begun = await begin(operations)
    await host.time_passes()
    host.clock.advance(KEPT - timedelta(seconds=1))
    await host.time_passes()
    assert (await stub().GetOperation(ops_pb2.GetOperationRequest(name=begun.name))).done
    host.clock.advance(timedelta(seconds=2))
    await host.time_passes()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub().GetOperation(ops_pb2.GetOperationRequest(name=begun.name))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert host.work
    kept = await host.work.require(begun.name, what="operation")
    assert (kept.state.input, kept.state.response, kept.state.due_at) == (b"", b"", None)
