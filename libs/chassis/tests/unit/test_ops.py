import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest

from entente.ops.v1 import ops_pb2, ops_pb2_grpc
from entente.type.v1 import type_pb2
from entente_chassis.auth import Role
from entente_chassis.clock import SystemClock
from entente_chassis.deadletters import LETTERS, PARKS, DeadLetters, Letter, park_of
from entente_chassis.envelope import headers_of
from entente_chassis.ops import DeadLetterServicer, add_dead_letters
from entente_chassis.store.memory import MemoryAggregates
from entente_chassis.store.model import Outgoing
from entente_chassis.testing import serving

TOPIC = "entente.campaign.events.v1"
MONEY = type_pb2.Money(currency_code="EUR", minor_units=1234)


def _letter(subject: str, n: int, *, value: bytes = MONEY.SerializeToString()) -> tuple[str, Letter]:
    happened = datetime(2026, 5, n, tzinfo=UTC)
    event = Outgoing(TOPIC, subject, 0, n, "entente.type.v1.Money", value, happened)
    headers = {name: text.encode() for name, text in headers_of(event, "campaign", "").items()}
    reason, arrived_at = "KeyError at fold:12", SystemClock().now()
    park = park_of(TOPIC, subject)
    letter = Letter(park, TOPIC, 3, n, subject, event.type, headers, value, reason, arrived_at)
    return f"{TOPIC}|{event.id}", letter


@pytest.fixture
async def letters() -> DeadLetters:
    clock = SystemClock()
    dead_letters = DeadLetters(MemoryAggregates(LETTERS, clock), MemoryAggregates(PARKS, clock))
    await dead_letters.keep(*_letter("campaigns/a", 1))
    for n in (2, 3):
        assert await dead_letters.keep_if_parked(*_letter("campaigns/a", n))
    await dead_letters.keep(*_letter("campaigns/b", 1, value=b"\xff\xff"))
    return dead_letters


def _service(letters: DeadLetters) -> Any:
    return (add_dead_letters, DeadLetterServicer(letters, "campaign"), DeadLetterServicer.ACCESS)


async def test_dead_letters_are_listed_by_subject_in_order_and_a_page_at_a_time(
    tmp_path: Path, letters: DeadLetters
) -> None:
    async with serving(tmp_path, _service(letters)) as server:
        client = server.client_as(ops_pb2_grpc.DeadLetterServiceStub, Role.OPERATOR)
        everything = await client.ListDeadLetters(ops_pb2.ListDeadLettersRequest())
        assert len(everything.dead_letters) == 4
        request = ops_pb2.ListDeadLettersRequest(subject="campaigns/a", page_size=2)
        first = await client.ListDeadLetters(request)
        request.page_token = first.next_page_token
        second = await client.ListDeadLetters(request)
    found = [*first.dead_letters, *second.dead_letters]
    assert [letter.offset for letter in found] == [1, 2, 3]
    assert not second.next_page_token
    assert [letter.blocked_by for letter in found] == ["", found[0].name, found[0].name]
    assert not any(letter.data for letter in found), "a list shows no content"


async def test_one_dead_letter_is_shown_with_its_event(tmp_path: Path, letters: DeadLetters) -> None:
    async with serving(tmp_path, _service(letters)) as server:
        client = server.client_as(ops_pb2_grpc.DeadLetterServiceStub, Role.OPERATOR)
        listed = await client.ListDeadLetters(ops_pb2.ListDeadLettersRequest(subject="campaigns/a"))
        shown = await client.GetDeadLetter(ops_pb2.GetDeadLetterRequest(name=listed.dead_letters[0].name))
        undecodable = await client.ListDeadLetters(ops_pb2.ListDeadLettersRequest(subject="campaigns/b"))
        damaged = await client.GetDeadLetter(ops_pb2.GetDeadLetterRequest(name=undecodable.dead_letters[0].name))
    assert type_pb2.Money.FromString(shown.data) == MONEY
    assert '"EUR"' in shown.data_json
    assert (shown.event_id, shown.event_type) == ("campaigns/a:0:1", "entente.type.v1.Money")
    assert shown.event_time.ToDatetime(tzinfo=UTC) == datetime(2026, 5, 1, tzinfo=UTC)
    assert (shown.topic, shown.partition, shown.state) == (TOPIC, 3, ops_pb2.DEAD_LETTER_STATE_PENDING)
    assert (damaged.data, damaged.data_json) == (b"\xff\xff", "")


async def test_a_replay_handles_a_subject_in_order_and_says_what_stopped_it(
    tmp_path: Path, letters: DeadLetters
) -> None:
    handled: list[int] = []

    async def rehandle(letter: Letter) -> None:
        if letter.offset == 3 and len(handled) < 3:
            handled.append(-3)
            raise KeyError
        handled.append(letter.offset)

    letters.rehandle = rehandle
    async with serving(tmp_path, _service(letters)) as server:
        client = server.client_as(ops_pb2_grpc.DeadLetterServiceStub, Role.OPERATOR)
        listed = (await client.ListDeadLetters(ops_pb2.ListDeadLettersRequest(subject="campaigns/a"))).dead_letters
        stopped = await client.ReplayDeadLetters(ops_pb2.ReplayDeadLettersRequest(name=listed[2].name))
        assert (stopped.replayed, stopped.remaining, stopped.stopped_by) == (2, 1, listed[2].name)
        assert stopped.reason.startswith("KeyError")
        done = await client.ReplayDeadLetters(ops_pb2.ReplayDeadLettersRequest(name=listed[2].name))
        assert (done.replayed, done.remaining, done.stopped_by) == (1, 0, "")
        pending = ops_pb2.ListDeadLettersRequest(subject="campaigns/a", state=ops_pb2.DEAD_LETTER_STATE_PENDING)
        assert not (await client.ListDeadLetters(pending)).dead_letters
    assert handled == [1, 2, -3, 3]
    assert not await letters.keep_if_parked(*_letter("campaigns/a", 4))


async def test_a_discarded_letter_keeps_who_gave_it_up_and_why(tmp_path: Path, letters: DeadLetters) -> None:
    async with serving(tmp_path, _service(letters)) as server:
        client = server.client_as(ops_pb2_grpc.DeadLetterServiceStub, Role.OPERATOR, subject="accounts/op")
        listed = (await client.ListDeadLetters(ops_pb2.ListDeadLettersRequest(subject="campaigns/b"))).dead_letters
        request = ops_pb2.DiscardDeadLetterRequest(name=listed[0].name, reason="put right by hand")
        discarded = await client.DiscardDeadLetter(request)
        with pytest.raises(grpc.aio.AioRpcError) as again:
            await client.DiscardDeadLetter(request)
    assert discarded.state == ops_pb2.DEAD_LETTER_STATE_DISCARDED
    assert (discarded.closed_by, discarded.closed_because) == ("accounts/op", "put right by hand")
    assert discarded.HasField("close_time")
    assert again.value.code() is grpc.StatusCode.FAILED_PRECONDITION


async def test_only_operators_may_look_and_every_call_is_audited(
    tmp_path: Path, letters: DeadLetters, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with serving(tmp_path, _service(letters)) as server:
        for role in (Role.BRAND, Role.AGENCY, Role.CREATOR, Role.SERVICE):
            client = server.client_as(ops_pb2_grpc.DeadLetterServiceStub, role)
            with pytest.raises(grpc.aio.AioRpcError) as denied:
                await client.ListDeadLetters(ops_pb2.ListDeadLettersRequest())
            assert denied.value.code() is grpc.StatusCode.PERMISSION_DENIED
        client = server.client_as(ops_pb2_grpc.DeadLetterServiceStub, Role.OPERATOR, subject="accounts/op")
        listed = (await client.ListDeadLetters(ops_pb2.ListDeadLettersRequest(subject="campaigns/b"))).dead_letters
        await client.GetDeadLetter(ops_pb2.GetDeadLetterRequest(name=listed[0].name))
    audit = [record for record in caplog.records if record.name == "entente_chassis.audit"]
    assert [record.getMessage() for record in audit] == ["dead letters: list", "dead letters: get"]
    assert {getattr(record, "by", "") for record in audit} == {"accounts/op"}
    assert getattr(audit[1], "letter", "") == listed[0].name
