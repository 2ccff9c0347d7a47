import json
import logging
import sys
from pathlib import Path
from unittest.mock import patch

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import Counter

from entente_chassis import tracing
from entente_chassis.http import HttpServer, operations_app
from entente_chassis.telemetry import _Formatter, redacted

_events = Counter("entente_test_http", "A counter of this test")


def _line(record: logging.LogRecord) -> dict[str, object]:
    parsed: dict[str, object] = json.loads(_Formatter("campaign").format(record))
    return parsed


def _record(message: str, **extra: object) -> logging.LogRecord:
    record = logging.LogRecord("entente.test", logging.WARNING, __file__, 1, message, (), None)
    record.__dict__.update(extra)
    return record


def test_a_log_line_is_one_json_object_that_names_its_trace() -> None:
    tracer = TracerProvider().get_tracer("test")
    with tracer.start_as_current_span("step") as span:
        line = _line(_record("two\nlines", reason="NO_PLACE"))
    assert line["trace_id"] == f"{span.get_span_context().trace_id:032x}"
    assert line["span_id"] == f"{span.get_span_context().span_id:016x}"
    assert (line["message"], line["reason"], line["severity"]) == ("two\nlines", "NO_PLACE", "WARNING")
    assert (line["service"], line["logger"]) == ("campaign", "entente.test")
    assert str(line["timestamp"]).startswith("20")


def test_addresses_tokens_and_passwords_do_not_reach_the_log() -> None:
    token = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    line = json.dumps(
        _line(
            _record("mail to Jane.Doe+x@mail.example.org failed", header=f"Bearer {token}", uri="mongodb://me:pw@db/x")
        )
    )
    for secret in ("Jane", "example.org", token, "me:pw"):
        assert secret not in line
    assert redacted("campaigns/a 12:30 mongodb://db/x") == "campaigns/a 12:30 mongodb://db/x"


def test_an_error_is_logged_and_traced_with_its_place_and_without_its_message() -> None:
    name = "Jane Doe"
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    record = _record("a handler failed")
    with patch.object(tracing, "_TRACER", provider.get_tracer("test")):
        try:
            with tracing.span("step"):
                try:
                    int(name)
                except ValueError as error:
                    raise ExceptionGroup(name, [KeyError(name)]) from error
        except ExceptionGroup:
            record.exc_info = sys.exc_info()
    for told in (json.dumps(_line(record)), *(span.to_json() for span in spans.get_finished_spans())):
        assert "test_an_error_is_logged" in told
        for kind in ("ValueError", "KeyError", "ExceptionGroup"):
            assert f"builtins.{kind}" in told
        assert name not in told


async def test_metrics_and_health_are_served_and_a_failing_probe_is_named() -> None:
    problem = {"consumer": "", "service": "starting"}
    app = operations_app(
        live={"consumer": lambda: problem["consumer"]},
        ready={"service": lambda: problem["service"], "consumer": lambda: problem["consumer"]},
    )
    server = HttpServer(app, "127.0.0.1:0")
    port = await server.start()
    _events.inc()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.get("/healthz/live")).json() == {"status": "ok", "failing": {}}
        ready = await client.get("/healthz/ready")
        assert (ready.status_code, ready.json()["failing"]) == (503, {"service": "starting"})
        problem |= {"service": "", "consumer": "no progress"}
        assert (await client.get("/healthz/live")).status_code == 503
        problem["consumer"] = ""
        assert (await client.get("/healthz/ready")).status_code == 200
        assert "entente_test_http_total 1.0" in (await client.get("/metrics")).text
    await server.stop()


async def test_an_http_port_that_is_taken_is_said_to_be_taken() -> None:
    first = HttpServer(operations_app(live={}, ready={}), "127.0.0.1:0")
    port = await first.start()
    with pytest.raises(OSError, match="cannot listen"):
        await HttpServer(operations_app(live={}, ready={}), f"127.0.0.1:{port}").start()
    await first.stop()


async def test_traces_go_to_the_collector_that_the_settings_name(tmp_path: Path) -> None:
    """In a process of its own, since a process has one tracer provider."""
    import asyncio
    import sys

    import grpc
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

    names: list[str] = []

    class Collector(trace_service_pb2_grpc.TraceServiceServicer):
        async def Export(self, request, context):  # type: ignore[no-untyped-def]
            for resource in request.resource_spans:
                service = {a.key: a.value.string_value for a in resource.resource.attributes}["service.name"]
                names.extend(f"{service} {span.name}" for scope in resource.scope_spans for span in scope.spans)
            return trace_service_pb2.ExportTraceServiceResponse()

    collector = grpc.aio.server()
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(Collector(), collector)  # type: ignore[no-untyped-call]
    port = collector.add_insecure_port("127.0.0.1:0")
    await collector.start()
    program = f"""
from pathlib import Path
from entente_chassis import telemetry
from entente_chassis.testing import make_settings
from entente_chassis.tracing import span
observed = telemetry.start("campaign", make_settings(Path({str(tmp_path)!r}), otlp_endpoint="http://127.0.0.1:{port}"))
with span("one step"):
    pass
observed.stop()
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    assert await asyncio.wait_for(process.wait(), 30) == 0
    await collector.stop(0)
    assert names == ["entente-campaign one step"]
