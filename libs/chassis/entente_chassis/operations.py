"""Long work (AIP-151): begun by a call, done in steps that outlive the process, looked at through OperationService.

An operation is an aggregate with a timer that is always due until it has ended. Each firing runs some steps; a step's
progress is one write. A process that dies between a step and that write has the step done again: so a step must be
idempotent, and gives each of its parts the request that `Running.request` makes.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol

import grpc
from google.protobuf.message import Message
from google.rpc import status_pb2

from entente.ops.v1 import ops_pb2, ops_pb2_grpc
from entente_chassis.auth import Caller, Role
from entente_chassis.clock import Clock
from entente_chassis.filters import flag, parse_filter, text
from entente_chassis.refusal import Aborted, NotFound, Refusal, Unavailable
from entente_chassis.rpc import Access, current_caller, new_id, request_key
from entente_chassis.rpc.errors import to_status
from entente_chassis.store.aggregates import Aggregates
from entente_chassis.store.model import Change, Kind, Outcome, Request
from entente_chassis.timers import Fire

KEPT = timedelta(days=30)
_AT_A_STRETCH = 2.0
_LOOK_EVERY = 0.25
_ATTEMPTS = 5

_FILTER = {"verb": text("verb"), "done": flag("done")}


@dataclass(frozen=True)
class Work:
    """A piece of long work as it is kept.

    Args:
        verb: which handler does it.
        parent: whose it is: only who may act for it sees it.
        by: subject of the account that asked for it.
        input: the request, serialised.
        total: how many parts there are.
        created_at: when it was asked for.
        changed_at: when it last came further.
        cursor: where the next step begins, in the handler's own words.
        response: what it came to until now, serialised.
        attempts: how often the step that it is at has failed by a bug.
        error: google.rpc.Status of its early end, serialised.
        due_at: when it must be looked at again; None when it is done and forgotten.
    """

    verb: str
    parent: str
    by: str
    input: bytes
    total: int
    created_at: datetime
    changed_at: datetime
    cursor: str = ""
    processed: int = 0
    failed: int = 0
    response: bytes = b""
    attempts: int = 0
    cancel_requested: bool = False
    done: bool = False
    error: bytes = b""
    ended_at: datetime | None = None
    due_at: datetime | None = None


OPERATIONS: Kind[Work] = Kind(
    collection="operations",
    state_type=Work,
    due_at=lambda work: work.due_at,
    indexes=[("parent", "-created_at")],
)


@dataclass(frozen=True)
class Running:
    """Work at the beginning of a step.

    Args:
        name: of the operation.
        parent: whose it is.
        by: subject of the account that asked for it.
        input: the request that began it.
        cursor: where to go on; "" at the beginning.
        response: what it came to until now; a step adds to it.
    """

    name: str
    parent: str
    by: str
    input: Any
    cursor: str
    response: Any

    def request(self, part: str) -> Request:
        """The request under which one part is done, so that doing it again changes nothing."""
        return Request(key=f"{self.name}|{part}", fingerprint=part)


@dataclass(frozen=True)
class Step:
    """What a step came to.

    Args:
        cursor: where the next one begins; "" when the work is done.
        processed: how many parts it dealt with, those that failed included.
        failed: how many of them failed.
    """

    cursor: str
    processed: int
    failed: int = 0


Handler = Callable[[Running], Awaitable[Step]]


class Host(Protocol):
    """What is needed of a runtime."""

    @property
    def clock(self) -> Clock: ...

    def aggregates(self, kind: Kind[Work], /) -> Aggregates[Work]: ...

    def timer(self, aggregates: Aggregates[Any], fire: Fire, /) -> None: ...

    def serve(self, add: Callable[[Any, Any], None], servicer: object, access: Access, /) -> None: ...


class Operations:
    """A service's long work. Made once, in its bootstrap.

    Args:
        host: the runtime.
    """

    def __init__(self, host: Host) -> None:
        self._clock = host.clock
        self._work = host.aggregates(OPERATIONS)
        self._handlers: dict[str, tuple[type[Message], type[Message], Handler]] = {}
        host.timer(self._work, self.fire)
        servicer = OperationServicer(self._work, self._message)
        host.serve(ops_pb2_grpc.add_OperationServiceServicer_to_server, servicer, OperationServicer.ACCESS)

    def handle(self, verb: str, input: type[Message], response: type[Message], handler: Handler) -> None:
        """Say what does the work of a verb.

        Args:
            verb: its name, such as that of the method that begins it.
            input: type of the request.
            response: type of what it comes to; at most some 1 MB of it is kept, so large results are listed elsewhere.
            handler: does one step of some hundreds of milliseconds.
        """
        self._handlers[verb] = (input, response, handler)

    async def start(
        self, verb: str, input: Message, *, parent: str, total: int, request: Request | None, by: str | None = None
    ) -> ops_pb2.Operation:
        """Begin work; the same request finds the operation that it began.

        Args:
            verb: what to do.
            input: the request, as the handler will get it.
            parent: whose it is, "brands/{id}" or "creators/{id}".
            total: how many parts there are.
            request: the caller's request id.
            by: the account that asks; the caller of the call being served by default.
        """
        if verb not in self._handlers:
            raise LookupError(f"nothing handles {verb}")
        now = self._clock.now()
        work = Work(
            verb=verb,
            parent=parent,
            by=by or current_caller().subject,
            input=input.SerializeToString(deterministic=True),
            total=total,
            created_at=now,
            changed_at=now,
            due_at=now,
        )
        name = f"operations/{new_id(request)}"
        begun = await self._work.change(name, lambda old: Change(work) if old is None else None, request=request)
        return self._message(begun)

    async def fire(self, name: str) -> None:
        """Do some steps of an operation, or forget an old one."""
        until = time.monotonic() + _AT_A_STRETCH
        while True:
            found = await self._work.require(name, what="operation")
            if found.state.done:
                await self._work.change(name, self._forgotten)
                return
            if found.state.cancel_requested:
                await self._end(found, status_pb2.Status(code=grpc.StatusCode.CANCELLED.value[0], message="Cancelled."))
                return
            if await self._step(found) or time.monotonic() > until:
                return

    async def _step(self, found: Outcome[Work]) -> bool:
        """Do one step; whether the work has ended."""
        work = found.state
        known = self._handlers.get(work.verb)
        if known is None:
            # A newer process knows it: one that is being rolled out, or back.
            raise Unavailable("VERB_UNKNOWN", f"This version does not know how to do {work.verb}.")
        input_type, response_type, handler = known
        response = response_type.FromString(work.response)
        running = Running(found.id, work.parent, work.by, input_type.FromString(work.input), work.cursor, response)
        try:
            step = await handler(running)
        except (Unavailable, Aborted):
            raise
        except Refusal as refusal:
            await self._end(found, to_status(refusal))
            return True
        except Exception:
            if work.attempts + 1 >= _ATTEMPTS:
                code, message = grpc.StatusCode.INTERNAL.value[0], "It failed too often by a fault of ours."
                await self._end(found, status_pb2.Status(code=code, message=message))
            else:
                await self._put(found, lambda now: replace(work, attempts=work.attempts + 1, due_at=now))
            raise
        ended = not step.cursor

        def further(now: datetime) -> Work:
            return replace(
                work,
                cursor=step.cursor,
                processed=work.processed + step.processed,
                failed=work.failed + step.failed,
                response=response.SerializeToString(deterministic=True),
                attempts=0,
                changed_at=now,
                done=ended,
                ended_at=now if ended else None,
                due_at=now + KEPT if ended else now,
            )

        await self._put(found, further)
        return ended

    async def _end(self, found: Outcome[Work], status: status_pb2.Status) -> None:
        work = found.state
        if work.response:
            _, response_type, _ = self._handlers[work.verb]
            status.details.add().Pack(response_type.FromString(work.response))
        error = status.SerializeToString()
        await self._put(
            found, lambda now: replace(work, done=True, error=error, ended_at=now, changed_at=now, due_at=now + KEPT)
        )

    async def _put(self, found: Outcome[Work], make: Callable[[datetime], Work]) -> None:
        """Write what a step came to, unless another process did the step meanwhile; a wish to cancel is kept."""

        def decide(current: Work | None) -> Change[Work] | None:
            if current is None or replace(current, cancel_requested=found.state.cancel_requested) != found.state:
                return None
            return Change(replace(make(self._clock.now()), cancel_requested=current.cancel_requested))

        await self._work.change(found.id, decide)

    def _forgotten(self, work: Work | None) -> Change[Work] | None:
        if work is None or work.due_at is None or work.due_at > self._clock.now():
            return None
        return Change(replace(work, input=b"", response=b"", error=b"", parent="", due_at=None))

    def _message(self, found: Outcome[Work], *, whole: bool = True) -> ops_pb2.Operation:
        work = found.state
        metadata = ops_pb2.OperationMetadata(
            verb=work.verb,
            parent=work.parent,
            total=work.total,
            processed=work.processed,
            failed=work.failed,
            cancel_requested=work.cancel_requested,
        )
        metadata.create_time.FromDatetime(work.created_at)
        metadata.update_time.FromDatetime(work.changed_at)
        message = ops_pb2.Operation(name=found.id, done=work.done)
        if work.ended_at:
            metadata.end_time.FromDatetime(work.ended_at)
        message.metadata.Pack(metadata)
        if work.error:
            message.error.ParseFromString(work.error)
        elif work.done and whole and work.verb in self._handlers:
            _, response_type, _ = self._handlers[work.verb]
            message.response.Pack(response_type.FromString(work.response))
        return message


class OperationServicer(ops_pb2_grpc.OperationServiceServicer):
    """Shows and cancels the operations of one service.

    Args:
        work: where they are.
        message: makes the public message of one.
    """

    ACCESS: ClassVar[Access] = {
        method.name: frozenset(Role) for method in ops_pb2.DESCRIPTOR.services_by_name["OperationService"].methods
    }

    def __init__(self, work: Aggregates[Work], message: Callable[..., ops_pb2.Operation]) -> None:
        self._work = work
        self._message = message

    async def GetOperation(self, request: ops_pb2.GetOperationRequest, context: object) -> ops_pb2.Operation:
        return self._message(await self._own(request.name))

    async def ListOperations(
        self, request: ops_pb2.ListOperationsRequest, context: object
    ) -> ops_pb2.ListOperationsResponse:
        if not _may_see(current_caller(), request.parent):
            raise NotFound("NOT_FOUND", f"{request.parent} does not exist.", resource=request.parent)
        asked = parse_filter(request.filter, _FILTER)
        page, token = await self._work.page(
            {"parent": request.parent, **({"$and": [asked]} if asked else {})},
            order_by="-created_at",
            page_size=request.page_size,
            page_token=request.page_token,
            scope=f"operations {request.parent} {request.filter}",
        )
        return ops_pb2.ListOperationsResponse(
            operations=[self._message(found, whole=False) for found in page], next_page_token=token
        )

    async def WatchOperation(
        self, request: ops_pb2.WatchOperationRequest, context: object
    ) -> AsyncIterator[ops_pb2.Operation]:
        found = await self._own(request.name)
        while True:
            yield self._message(found)
            seen = found.version
            while found.version == seen:
                if found.state.done:
                    return
                await asyncio.sleep(_LOOK_EVERY)
                found = await self._own(request.name)

    async def CancelOperation(self, request: ops_pb2.CancelOperationRequest, context: object) -> ops_pb2.Operation:
        await self._own(request.name)

        def decide(work: Work | None) -> Change[Work] | None:
            return None if work is None or work.done else Change(replace(work, cancel_requested=True))

        return self._message(await self._work.change(request.name, decide, request=request_key(request)))

    async def _own(self, name: str) -> Outcome[Work]:
        found = await self._work.require(name, what="operation")
        # What was forgotten has no parent any more, and is nobody's.
        if not found.state.parent or not _may_see(current_caller(), found.state.parent):
            raise NotFound("NOT_FOUND", f"operation {name} does not exist.", resource=name)
        return found


def _may_see(caller: Caller, parent: str) -> bool:
    return caller.acts_for_brand(parent) or caller.acts_for_creator(parent)
