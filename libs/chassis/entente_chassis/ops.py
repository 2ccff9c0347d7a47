"""What every service offers to the people who run it: its dead letters, looked at, replayed and discarded."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar
from urllib.parse import quote, unquote

from google.protobuf import json_format
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from entente.ops.v1 import ops_pb2, ops_pb2_grpc
from entente_chassis.auth import Role
from entente_chassis.deadletters import DeadLetters, Letter, LetterState
from entente_chassis.envelope import NotAnEvent, read_envelope
from entente_chassis.protomap import to_proto
from entente_chassis.rpc import Access, current_caller
from entente_chassis.store.model import Outcome

audit = logging.getLogger("entente_chassis.audit")

add_dead_letters = ops_pb2_grpc.add_DeadLetterServiceServicer_to_server

_PREFIX = "deadLetters/"
_PAGE_SIZE = 100


class DeadLetterServicer(ops_pb2_grpc.DeadLetterServiceServicer):
    """The dead letters of one service.

    Args:
        letters: where they are.
        service: whose they are, for the audit.
    """

    ACCESS: ClassVar[Access] = {
        method.name: frozenset({Role.OPERATOR})
        for method in ops_pb2.DESCRIPTOR.services_by_name["DeadLetterService"].methods
    }

    def __init__(self, letters: DeadLetters, service: str) -> None:
        self._letters = letters
        self._service = service

    async def ListDeadLetters(
        self, request: ops_pb2.ListDeadLettersRequest, context: object
    ) -> ops_pb2.ListDeadLettersResponse:
        where: dict[str, str] = {}
        if request.subject:
            where["subject"] = request.subject
        if request.state:
            where["state"] = _state_names()[request.state]
        page, token = await self._letters.letters.page(
            where,
            order_by="offset" if request.subject else "-arrived_at",
            page_size=request.page_size or _PAGE_SIZE,
            page_token=request.page_token,
            scope=f"deadLetters {sorted(where.items())}",
        )
        self._record("list", subject=request.subject, shown=str(len(page)))
        return ops_pb2.ListDeadLettersResponse(dead_letters=[_message(found) for found in page], next_page_token=token)

    async def GetDeadLetter(self, request: ops_pb2.GetDeadLetterRequest, context: object) -> ops_pb2.DeadLetter:
        found = await self._letters.get(_id(request.name))
        self._record("get", letter=request.name)
        message = _message(found)
        message.data = found.state.value
        message.data_json = _as_json(found.state)
        return message

    async def ReplayDeadLetters(
        self, request: ops_pb2.ReplayDeadLettersRequest, context: object
    ) -> ops_pb2.ReplayDeadLettersResponse:
        # The attempt stands in the log even when the process dies in the middle of it.
        self._record("replay begins", letter=request.name)
        result = await self._letters.replay(_id(request.name), by=current_caller().subject)
        self._record("replay ends", letter=request.name, replayed=str(result.replayed), remaining=str(result.remaining))
        return ops_pb2.ReplayDeadLettersResponse(
            replayed=result.replayed,
            remaining=result.remaining,
            stopped_by=_name(result.stopped_by),
            reason=result.reason,
        )

    async def DiscardDeadLetter(self, request: ops_pb2.DiscardDeadLetterRequest, context: object) -> ops_pb2.DeadLetter:
        self._record("discard", letter=request.name, because=request.reason)
        return _message(
            await self._letters.discard(_id(request.name), by=current_caller().subject, because=request.reason)
        )

    def _record(self, action: str, **facts: str) -> None:
        extra = {"service_of_letters": self._service, "by": current_caller().subject, **facts}
        audit.info("dead letters: %s", action, extra=extra)


def _message(found: Outcome[Letter]) -> ops_pb2.DeadLetter:
    letter = found.state
    message = to_proto(ops_pb2.DeadLetter, letter)
    message.name = _name(found.id)
    message.blocked_by = _name(letter.blocked_by)
    message.event_type = letter.type
    message.create_time.FromDatetime(letter.arrived_at)
    if letter.closed_at:
        message.close_time.FromDatetime(letter.closed_at)
    message.event_id, happened, message.traceparent = _facts_of_headers(letter)
    if happened:
        message.event_time.FromDatetime(happened)
    return message


def _facts_of_headers(letter: Letter) -> tuple[str, datetime | None, str]:
    try:
        envelope = read_envelope(letter.topic, list(letter.headers.items()))
    except NotAnEvent:
        return "", None, ""
    return envelope.id, envelope.time, envelope.traceparent


def _as_json(letter: Letter) -> str:
    """The event as JSON where this service knows its type, else nothing."""
    try:
        message_type = GetMessageClass(Default().FindMessageTypeByName(letter.type))
        return json_format.MessageToJson(message_type.FromString(letter.value))
    except (KeyError, DecodeError):
        return ""


def _state_names() -> Mapping[int, LetterState]:
    return {ops_pb2.DeadLetterState.Value(f"DEAD_LETTER_STATE_{state}"): state for state in LetterState}


def _name(id: str) -> str:
    return _PREFIX + quote(id, safe=":~") if id else ""


def _id(name: str) -> str:
    return unquote(name.removeprefix(_PREFIX))
