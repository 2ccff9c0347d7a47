import asyncio
import logging
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from prometheus_client import REGISTRY

from entente.ops.v1 import ops_pb2, ops_pb2_grpc
from entente_chassis.auth import Role
from entente_chassis.deadletters import DeadLetters
from entente_chassis.ops import DeadLetterServicer, add_dead_letters
from entente_chassis.refusal import (
    Aborted,
    AlreadyExists,
    Exhausted,
    Invalid,
    NotFound,
    Precondition,
    Refusal,
    Unavailable,
    Violation,
)
from entente_chassis.rpc import (
    Channels,
    RpcServer,
    current_caller,
    open_channel,
    remaining,
    set_resume_token,
    to_refusal,
)
from entente_chassis.rpc.client import _service_config
from entente_chassis.testing import make_settings, serving
from entente_chassis.testing.sample import ACCESS, NAME, Answer, Question, SampleServicer, SampleStub, add_sample

LETTER = Question(name="deadLetters/a")


async def _echo(request: Question) -> Answer:
    return Answer(name=request.name)


def _refusing(refusal: Exception) -> SampleServicer:
    async def one(request: Question) -> Answer:
        raise refusal

    return SampleServicer(one)


async def _refusal_of(call: Any) -> tuple[grpc.StatusCode, Refusal]:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), to_refusal(caught.value)


async def test_a_call_without_token_or_with_a_wrong_one_is_unauthenticated(tmp_path: Path) -> None:
    async with serving(tmp_path, (add_sample, SampleServicer(_echo), ACCESS)) as server:
        for token, reason in ((None, "TOKEN_MISSING"), ("nonsense", "TOKEN_INVALID")):
            code, refusal = await _refusal_of(server.client(SampleStub, token).GetOne(LETTER))
            assert (code, refusal.reason) == (grpc.StatusCode.UNAUTHENTICATED, reason)


async def test_a_role_that_the_access_table_does_not_name_is_denied(tmp_path: Path) -> None:
    async with serving(tmp_path, (add_sample, SampleServicer(_echo), ACCESS)) as server:
        code, refusal = await _refusal_of(server.client_as(SampleStub, Role.CREATOR).GetOne(LETTER))
        assert (code, refusal.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED")
        assert refusal.metadata == {"method": f"{NAME}/GetOne"}
        assert (await server.client_as(SampleStub, Role.BRAND).GetOne(LETTER)).name == LETTER.name


@pytest.mark.parametrize("shape", ["GetOne", "GetMany", "SendMany", "Talk"])
async def test_methods_of_every_shape_need_a_token(tmp_path: Path, shape: str) -> None:
    async def many(request: Question) -> AsyncIterator[Answer]:
        yield Answer(name=request.name)

    async with serving(tmp_path, (add_sample, SampleServicer(_echo, many), ACCESS)) as server:

        async def call(token: str | None) -> list[str]:
            method = getattr(server.client(SampleStub, token), shape)
            made = method(iter([LETTER]) if shape in ("SendMany", "Talk") else LETTER)
            if shape in ("GetMany", "Talk"):
                return [answer.name async for answer in made]
            return [(await made).name]

        code, _ = await _refusal_of(call(None))
        assert code is grpc.StatusCode.UNAUTHENTICATED
        assert await call(server.token(Role.BRAND)) == [LETTER.name]


async def test_a_server_with_a_method_outside_the_access_table_does_not_start(tmp_path: Path) -> None:
    server = RpcServer(make_settings(tmp_path))
    with pytest.raises(ValueError, match="who may call Talk"):
        server.add(add_sample, SampleServicer(), {name: roles for name, roles in ACCESS.items() if name != "Talk"})
    with pytest.raises(ValueError, match="has no Shout"):
        server.add(add_sample, SampleServicer(), {**ACCESS, "Shout": frozenset()})


async def test_an_invalid_request_names_every_field_and_never_reaches_the_method(tmp_path: Path) -> None:
    never = cast(DeadLetters, None)  # Nothing here may reach them.
    service = (add_dead_letters, DeadLetterServicer(never, "sample"), DeadLetterServicer.ACCESS)
    async with serving(tmp_path, service) as server:
        client = server.client_as(ops_pb2_grpc.DeadLetterServiceStub, Role.OPERATOR)
        code, refusal = await _refusal_of(client.DiscardDeadLetter(ops_pb2.DiscardDeadLetterRequest(name="x")))
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert isinstance(refusal, Invalid)
        assert {(v.field, v.reason) for v in refusal.violations} == {
            ("name", "STRING_PATTERN"),
            ("reason", "STRING_MIN_LEN"),
        }


async def test_a_streamed_request_that_breaks_a_rule_ends_the_stream(tmp_path: Path) -> None:
    async with serving(tmp_path, (add_sample, SampleServicer(), ACCESS)) as server:
        client = server.client_as(SampleStub, Role.BRAND)
        code, refusal = await _refusal_of(client.SendMany(iter([LETTER, Question(name="wrong")])))
        assert (code, refusal.violations[0].field) == (grpc.StatusCode.INVALID_ARGUMENT, "name")


@pytest.mark.parametrize(
    "kind",
    [Invalid, NotFound, AlreadyExists, Precondition, Aborted, Exhausted, Unavailable],
    ids=lambda kind: kind.__name__,
)
async def test_a_refusal_arrives_with_its_reason_fields_and_facts(tmp_path: Path, kind: type[Refusal]) -> None:
    sent = kind("NO_PLACE", "Take fewer.", violations=[Violation("places", "too many", "MAX")], left="3")
    async with serving(tmp_path, (add_sample, _refusing(sent), ACCESS)) as server:
        channel = open_channel(server.address, token=lambda: server.token(Role.BRAND))  # Without retries.
        code, received = await _refusal_of(SampleStub(channel).GetOne(LETTER))
        await channel.close()
    assert code.name == kind.status
    assert type(received) is kind
    assert (received.reason, received.message, received.violations) == (sent.reason, sent.message, sent.violations)
    assert received.metadata == {"left": "3"}


async def test_a_bug_says_nothing_of_itself_to_the_caller_but_all_to_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path, (add_sample, _refusing(KeyError("secret of the database")), ACCESS)) as server:
        code, refusal = await _refusal_of(server.client_as(SampleStub, Role.BRAND).GetOne(LETTER))
    assert code is grpc.StatusCode.INTERNAL
    assert "secret" not in str(refusal)
    assert refusal.metadata.keys() == {"trace_id"}
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info
    assert "secret" in str(record.exc_info[1])


async def test_the_servicer_knows_who_calls_and_for_whom(tmp_path: Path) -> None:
    async def one(request: Question) -> Answer:
        caller = current_caller()
        assert caller.acts_for_brand("brands/a")
        assert not caller.acts_for_brand("brands/b")
        return Answer(name=caller.subject)

    async with serving(tmp_path, (add_sample, SampleServicer(one), ACCESS)) as server:
        client = server.client_as(SampleStub, Role.BRAND, subject="accounts/7", brands=["brands/a"])
        assert (await client.GetOne(LETTER)).name == "accounts/7"
    with pytest.raises(LookupError):
        current_caller()


async def test_the_deadline_of_a_caller_is_handed_on_and_only_ever_shortened(tmp_path: Path) -> None:
    inner_left: list[float | None] = []

    async def inner(request: Question) -> Answer:
        inner_left.append(remaining())
        return Answer()

    async with serving(tmp_path, (add_sample, SampleServicer(inner), ACCESS)) as behind:
        onward = behind.client_as(SampleStub, Role.SERVICE)

        async def outer(request: Question) -> Answer:
            return await onward.GetOne(request, timeout=400)  # type: ignore[no-any-return]

        async with serving(tmp_path, (add_sample, SampleServicer(outer), ACCESS)) as front:
            client = front.client_as(SampleStub, Role.BRAND)
            await client.GetOne(LETTER, timeout=100)
            await client.GetOne(LETTER, timeout=900)
            await client.GetOne(LETTER)
    assert inner_left == pytest.approx([100, 400, 10], abs=5)


async def test_a_call_whose_deadline_has_passed_ends_and_its_work_is_cancelled(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def one(request: Question) -> Answer:
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()
        return Answer()

    async with serving(tmp_path, (add_sample, SampleServicer(one), ACCESS)) as server:
        code, _ = await _refusal_of(server.client_as(SampleStub, Role.BRAND).GetOne(LETTER, timeout=0.2))
        assert code is grpc.StatusCode.DEADLINE_EXCEEDED
        await asyncio.wait_for(ended.wait(), 5)


async def test_a_call_at_a_dead_address_is_answered_within_the_default_deadline(tmp_path: Path) -> None:
    channels = Channels(make_settings(tmp_path, grpc_client_deadline_seconds=0.3))
    started = time.monotonic()
    code, refusal = await _refusal_of(channels.client(SampleStub, "127.0.0.1:1").GetOne(LETTER))
    await channels.close()
    assert code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert isinstance(refusal, Unavailable)
    assert time.monotonic() - started < 3


async def test_safe_calls_are_retried_and_others_are_not(tmp_path: Path) -> None:
    seen: dict[str, int] = {}

    async def one(request: Question) -> Answer:
        seen["one"] = seen.get("one", 0) + 1
        if seen["one"] < 3:
            raise Unavailable("AWAY", "Come back.")
        return Answer(name="at last")

    async with serving(tmp_path, (add_sample, SampleServicer(one), ACCESS)) as server:
        settings = make_settings(tmp_path)
        channels = Channels(settings, lambda: server.token(Role.SERVICE))
        assert (await channels.client(SampleStub, server.address).GetOne(LETTER)).name == "at last"
        await channels.close()
    assert seen == {"one": 3}
    (policy,) = _service_config(frozenset({NAME}))["methodConfig"]
    assert {entry["method"] for entry in policy["name"]} == {"GetOne", "GetMany"}


async def test_a_stream_that_a_shutdown_ends_says_unavailable_and_where_to_go_on(tmp_path: Path) -> None:
    async def many(request: Question) -> AsyncIterator[Answer]:
        for number in range(1_000):
            set_resume_token(f"after {number}")
            yield Answer(name=str(number))
            await asyncio.sleep(30)

    async with serving(tmp_path, (add_sample, SampleServicer(many=many), ACCESS)) as server:
        stream = server.client_as(SampleStub, Role.BRAND).GetMany(LETTER)
        received = []

        async def receive() -> None:
            async for answer in stream:
                received.append(answer.name)
                asyncio.get_running_loop().create_task(server.server.stop(5))

        started = time.monotonic()
        code, refusal = await _refusal_of(receive())
        assert time.monotonic() - started < 4
    assert received == ["0"]
    assert (code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
    assert refusal.metadata == {"resume_token": "after 0"}


async def test_a_shutdown_ends_a_stream_whose_client_does_not_read(tmp_path: Path) -> None:
    wrote = 0

    async def many(request: Question) -> AsyncIterator[Answer]:
        nonlocal wrote
        for _ in range(10_000):
            wrote += 1
            yield Answer(name="x" * 100_000)

    async with serving(tmp_path, (add_sample, SampleServicer(many=many), ACCESS)) as server:
        stream = server.client_as(SampleStub, Role.BRAND).GetMany(LETTER).__aiter__()
        await stream.__anext__()
        await asyncio.sleep(0.1)
        assert wrote < 1_000, "the stream must wait for its client"
        stopped = asyncio.create_task(server.server.stop(5))

        async def rest() -> None:
            while True:
                await stream.__anext__()

        code, refusal = await _refusal_of(rest())
        await asyncio.wait_for(stopped, 4)
    assert (code, refusal.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")


async def test_one_who_watches_health_hears_of_the_shutdown_and_does_not_hold_it_up(tmp_path: Path) -> None:
    async with serving(tmp_path, (add_sample, SampleServicer(), ACCESS)) as server:
        health: Any = server.client(health_pb2_grpc.HealthStub)
        watch = health.Watch(health_pb2.HealthCheckRequest()).__aiter__()
        assert (await watch.__anext__()).status == health_pb2.HealthCheckResponse.SERVING
        stopped = asyncio.create_task(server.server.stop(30))

        async def rest() -> None:
            while True:
                assert (await watch.__anext__()).status == health_pb2.HealthCheckResponse.NOT_SERVING

        code, _ = await _refusal_of(rest())
        await asyncio.wait_for(stopped, 5)
    assert code is grpc.StatusCode.UNAVAILABLE


async def test_a_client_that_leaves_a_stream_ends_the_work_behind_it(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def many(request: Question) -> AsyncIterator[Answer]:
        try:
            while True:
                yield Answer()
                await asyncio.sleep(0.01)
        finally:
            ended.set()

    async with serving(tmp_path, (add_sample, SampleServicer(many=many), ACCESS)) as server:
        stream = server.client_as(SampleStub, Role.BRAND).GetMany(LETTER)
        await stream.__aiter__().__anext__()
        stream.cancel()
        await asyncio.wait_for(ended.wait(), 5)


async def test_a_caller_that_gives_up_ends_the_work_behind_its_call(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def one(_: Any) -> Any:
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()

    async with serving(tmp_path, (add_sample, SampleServicer(one), ACCESS)) as server:
        client = server.client_as(SampleStub, Role.BRAND)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.GetOne(Question(name="deadLetters/a")), 0.2)
        async with asyncio.timeout(3):
            await ended.wait()


async def test_a_call_in_flight_finishes_during_a_graceful_stop(tmp_path: Path) -> None:
    begun, stopping = asyncio.Event(), asyncio.Event()

    async def one(request: Question) -> Answer:
        begun.set()
        await stopping.wait()
        await asyncio.sleep(0.1)
        return Answer(name="finished")

    async with serving(tmp_path, (add_sample, SampleServicer(one), ACCESS)) as server:
        call = asyncio.ensure_future(_await(server.client_as(SampleStub, Role.BRAND).GetOne(LETTER)))
        await begun.wait()
        stop = asyncio.create_task(server.server.stop(10))
        await asyncio.sleep(0)
        stopping.set()
        assert (await call).name == "finished"
        await stop


async def _await(call: Any) -> Any:
    return await call


async def test_calls_beyond_the_limit_are_refused_and_health_is_still_answered(tmp_path: Path) -> None:
    release, arrived = asyncio.Event(), asyncio.Semaphore(0)

    async def one(request: Question) -> Answer:
        arrived.release()
        await release.wait()
        return Answer()

    service = (add_sample, SampleServicer(one), ACCESS)
    async with serving(tmp_path, service, grpc_max_concurrent_calls=2) as server:
        client = server.client_as(SampleStub, Role.BRAND)
        held = [asyncio.ensure_future(_await(client.GetOne(LETTER))) for _ in range(2)]
        for _ in held:
            await asyncio.wait_for(arrived.acquire(), 5)
        code, refusal = await _refusal_of(client.GetOne(LETTER))
        assert (code, refusal.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS")
        assert isinstance(refusal, Unavailable), "whoever calls may try again"
        health: Any = server.client(health_pb2_grpc.HealthStub)
        assert (await health.Check(health_pb2.HealthCheckRequest())).status == health_pb2.HealthCheckResponse.SERVING
        release.set()
        await asyncio.gather(*held)


async def test_health_and_reflection_answer_without_a_token(tmp_path: Path) -> None:
    async with serving(tmp_path, (add_sample, SampleServicer(), ACCESS)) as server:
        health: Any = server.client(health_pb2_grpc.HealthStub)
        assert (await health.Check(health_pb2.HealthCheckRequest(service=NAME))).status == 1
        await server.server.set_serving(False)
        assert (await health.Check(health_pb2.HealthCheckRequest(service=NAME))).status == 2
        make: Any = reflection_pb2_grpc.ServerReflectionStub
        reflection: Any = server.client(make)
        asked = reflection.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        answers = [answer async for answer in asked]
        assert NAME in {service.name for service in answers[0].list_services_response.service}


async def test_each_call_is_counted_with_its_method_and_status(tmp_path: Path) -> None:
    def count(status: str) -> float:
        labels = {"rpc_system_name": "grpc", "rpc_method": f"{NAME}/GetOne", "rpc_response_status_code": status}
        return REGISTRY.get_sample_value("rpc_server_call_duration_seconds_count", labels) or 0

    before = count("OK"), count("UNAUTHENTICATED"), count("INVALID_ARGUMENT")
    async with serving(tmp_path, (add_sample, SampleServicer(_echo), ACCESS)) as server:
        client = server.client_as(SampleStub, Role.BRAND)
        await client.GetOne(LETTER)
        await _refusal_of(server.client(SampleStub).GetOne(LETTER))
        await _refusal_of(client.GetOne(Question()))
    assert (count("OK"), count("UNAUTHENTICATED"), count("INVALID_ARGUMENT")) == tuple(value + 1 for value in before)


async def test_a_call_is_one_trace_from_the_client_to_the_work_behind_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    tracer = provider.get_tracer("test")
    monkeypatch.setattr("entente_chassis.rpc.server._TRACER", tracer)
    monkeypatch.setattr("entente_chassis.rpc.client._TRACER", tracer)

    async def one(request: Question) -> Answer:
        with tracer.start_as_current_span("work"):
            return Answer()

    async def many(request: Question) -> AsyncIterator[Answer]:
        with tracer.start_as_current_span("work"):
            yield Answer()

    async with serving(tmp_path, (add_sample, SampleServicer(one, many), ACCESS)) as server:
        client = server.client_as(SampleStub, Role.BRAND)
        await client.GetOne(LETTER)
        assert [answer async for answer in client.GetMany(LETTER)]
        await _refusal_of(client.GetOne(Question()))
    finished = sorted(spans.get_finished_spans(), key=lambda span: span.start_time or 0)
    names = [span.name.rpartition("/")[2] for span in finished]
    assert names == ["GetOne", "GetOne", "work", "GetMany", "GetMany", "work", "GetOne", "GetOne"]
    by_id = {span.context.span_id: span for span in finished if span.context}
    for work in (finished[2], finished[5]):
        served = by_id[work.parent.span_id] if work.parent else None
        assert served
        assert served.kind is SpanKind.SERVER
        assert served.parent
        assert by_id[served.parent.span_id].kind is SpanKind.CLIENT
    made, served = finished[6:]
    for span in (made, served):
        assert span.attributes
        assert span.attributes["rpc.response.status_code"] == "INVALID_ARGUMENT"
    assert (made.status.status_code, served.status.status_code) == (StatusCode.ERROR, StatusCode.UNSET)


def _certificate(folder: Path, name: str, issuer: Path | None = None) -> Path:
    """A key and certificate for localhost, signed by an authority or by itself; returns the path without its ending."""
    key = ec.generate_private_key(ec.SECP256R1())
    signer, issued_by = key, x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    if issuer:
        signer = cast(Any, serialization.load_pem_private_key(issuer.with_suffix(".key").read_bytes(), None))
        issued_by = x509.load_pem_x509_certificate(issuer.with_suffix(".crt").read_bytes()).subject
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
        .issuer_name(issued_by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    path = folder / name
    encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.with_suffix(".key").write_bytes(key.private_bytes(*encoding))
    path.with_suffix(".crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path


async def test_with_an_authority_both_sides_must_show_a_certificate_of_it(tmp_path: Path) -> None:
    authority, stranger = _certificate(tmp_path, "authority"), _certificate(tmp_path, "stranger")

    def tls(certificate: Path, ca: Path) -> dict[str, Any]:
        names = {"tls_cert": certificate.with_suffix(".crt"), "tls_key": certificate.with_suffix(".key")}
        return {**names, "tls_ca": ca.with_suffix(".crt")}

    ours = tls(_certificate(tmp_path, "ours", authority), authority)
    others = tls(_certificate(tmp_path, "others", stranger), authority)
    async with serving(tmp_path, (add_sample, SampleServicer(_echo), ACCESS), **ours) as server:
        address = f"localhost:{server.address.rpartition(':')[2]}"
        for certificates, works in ((ours, True), (others, False)):
            settings = make_settings(tmp_path, **certificates, grpc_client_deadline_seconds=2)
            channels = Channels(settings, lambda: server.token(Role.SERVICE))
            call = channels.client(SampleStub, address).GetOne(LETTER)
            if works:
                assert (await call).name == LETTER.name
            else:
                code, _ = await _refusal_of(call)
                assert code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
            await channels.close()


async def test_plaintext_to_another_machine_is_refused_unless_it_is_asked_for() -> None:
    with pytest.raises(ValueError, match="plaintext"):
        open_channel("matching:50051")
    await open_channel("dns:///matching:50051", insecure=True).close()


async def test_a_port_that_is_taken_is_said_to_be_taken(tmp_path: Path) -> None:
    async with serving(tmp_path, (add_sample, SampleServicer(), ACCESS)) as server:
        other = RpcServer(make_settings(tmp_path, grpc_bind=server.address))
        with pytest.raises(OSError, match="cannot listen"):
            await other.start()
