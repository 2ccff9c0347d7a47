"""A receiver of traces (OTLP over gRPC) that appends each span as a line of JSON.

Run with `python -m entente_stack.otlp --port 4317 --file spans.jsonl`.
"""

import argparse
import asyncio
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span, Status

from entente_stack import ports
from entente_stack.processes import told_to_stop


class TraceReceiver(trace_service_pb2_grpc.TraceServiceServicer):
    """Appends what services export.

    Args:
        file: where the lines go.
    """

    def __init__(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file

    async def Export(
        self,
        request: trace_service_pb2.ExportTraceServiceRequest,
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        """Store spans before they are acknowledged."""
        lines = [json.dumps(span, ensure_ascii=False) + "\n" for span in _spans(request.resource_spans)]
        with self._file.open("a") as output:
            output.write("".join(lines))
        return trace_service_pb2.ExportTraceServiceResponse()


def read(file: Path) -> Iterator[dict[str, Any]]:
    """The spans that were stored."""
    if file.exists():
        with file.open() as lines:
            yield from (json.loads(line) for line in lines)


def _spans(exported: Iterable[ResourceSpans]) -> Iterator[dict[str, Any]]:
    for resource_spans in exported:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield {
                    "trace_id": span.trace_id.hex(),
                    "span_id": span.span_id.hex(),
                    "parent_span_id": span.parent_span_id.hex(),
                    "name": span.name,
                    "kind": Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
                    "service": resource.get("service.name", ""),
                    "start_ns": span.start_time_unix_nano,
                    "end_ns": span.end_time_unix_nano,
                    "status": Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_"),
                    "attributes": _attributes(span.attributes),
                    "links": [{"trace_id": link.trace_id.hex(), "span_id": link.span_id.hex()} for link in span.links],
                }


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return getattr(value, kind) if kind else None


async def serve(port: int, file: Path) -> None:
    """Serve until SIGTERM."""
    stopping = told_to_stop()
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(TraceReceiver(file), server)  # type: ignore[no-untyped-call]
    server.add_insecure_port(f"{ports.HOST}:{port}")
    await server.start()
    await stopping.wait()
    await server.stop(grace=2)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, arguments.file))


if __name__ == "__main__":
    main()
