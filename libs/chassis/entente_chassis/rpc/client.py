"""Channels to other services: balanced, kept alive, with deadline, token, trace, metrics, and retries of safe calls."""

import json
import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Histogram

from entente_chassis.rpc.call import remaining
from entente_chassis.settings import ServiceSettings, is_loopback

T = TypeVar("T")

# Named by OpenTelemetry's semantic conventions for RPC: rpc.client.call.duration, in seconds.
call_duration = Histogram(
    "rpc_client_call_duration_seconds",
    "Duration of calls made, retries included",
    ["rpc_system_name", "rpc_method", "rpc_response_status_code"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
)

_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("entente_chassis.rpc")
_SAFE_NAME = re.compile(r"(Get|List|Search|BatchGet)(?![a-z])")
_RETRY = {
    "maxAttempts": 4,
    "initialBackoff": "0.05s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
# The retry budget: a failure costs one token, a success gives a tenth back, and below half no call is retried.
_BUDGET = {"maxTokens": 20, "tokenRatio": 0.1}


class Channels:
    """The channels of a process to the services that it calls, one for each address.

    Args:
        settings: deadline, limits, certificates.
        token: gives the token that calls carry; without one calls are anonymous.
    """

    def __init__(self, settings: ServiceSettings, token: Callable[[], str] | None = None) -> None:
        self._settings = settings
        self._token = token
        self._open: dict[tuple[str, frozenset[str]], grpc.aio.Channel] = {}

    def client(self, stub_type: Callable[[grpc.aio.Channel], T], address: str) -> T:
        """A client of the service of a generated stub.

        Args:
            stub_type: the generated ``…Stub``.
            address: "host:port", or any gRPC target such as "dns:///matching:50051", whose addresses share the calls.
        """
        services = frozenset(_services(stub_type))
        if (address, services) not in self._open:
            self._open[(address, services)] = open_channel(
                address,
                services=services,
                token=self._token,
                deadline_seconds=self._settings.grpc_client_deadline_seconds,
                max_message_bytes=self._settings.grpc_max_message_bytes,
                keepalive_seconds=self._settings.grpc_keepalive_seconds,
                credentials=_credentials(self._settings),
                insecure=self._settings.insecure,
            )
        return stub_type(self._open[(address, services)])

    async def close(self) -> None:
        """Close them all."""
        for channel in self._open.values():
            await channel.close()
        self._open.clear()


def open_channel(
    address: str,
    *,
    services: frozenset[str] = frozenset(),
    token: Callable[[], str] | None = None,
    deadline_seconds: float = 10,
    max_message_bytes: int = 4 * 1024 * 1024,
    keepalive_seconds: float = 30,
    credentials: grpc.ChannelCredentials | None = None,
    insecure: bool = False,
) -> grpc.aio.Channel:
    """A channel for one or more services.

    Args:
        address: gRPC target.
        services: full names of the services whose safe methods are retried: those that the proto marks
            NO_SIDE_EFFECTS, and the standard methods that read (Get, List, Search, BatchGet).
        token: gives the token of each call.
        deadline_seconds: the longest wait where a call gives no timeout of its own; streams have none. The deadline of
            the call being served shortens it in any case.
        max_message_bytes: largest message, in and out.
        keepalive_seconds: how often an idle connection is probed.
        credentials: for TLS.
        insecure: allow plaintext beyond the loopback address; a token would be readable on the way.

    Raises:
        ValueError: plaintext to another machine, and that is not allowed.
    """
    options = [
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.keepalive_time_ms", round(keepalive_seconds * 1000)),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.service_config", json.dumps(_service_config(services))),
        ("grpc.enable_retries", 1),
        # A process that waits for a peer to come back must find it within a second, not within gRPC's two minutes.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
    ]
    shared = _Shared(token, deadline_seconds)
    interceptors = [_UnaryUnary(shared), _UnaryStream(shared), _StreamUnary(shared), _StreamStream(shared)]
    if credentials is not None:
        return grpc.aio.secure_channel(address, credentials, options, interceptors=interceptors)
    if not insecure and not is_loopback(address.rpartition("/")[2]):
        raise ValueError(
            f"{address} is beyond this machine and the channel would be plaintext: give tls_cert, tls_key and tls_ca, "
            "or set insecure=true where the network encrypts"
        )
    return grpc.aio.insecure_channel(address, options, interceptors=interceptors)


def is_safe(method: MethodDescriptor) -> bool:
    """Whether a method changes nothing, so that it may be sent again without asking whether it arrived."""
    if method.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS:
        return True
    return _SAFE_NAME.match(method.name) is not None


def _service_config(services: frozenset[str]) -> dict[str, Any]:
    safe = [
        {"service": name, "method": method.name}
        for name in sorted(services)
        for method in descriptor_pool.Default().FindServiceByName(name).methods
        if is_safe(method)
    ]
    config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if safe:
        config |= {"methodConfig": [{"name": safe, "retryPolicy": _RETRY}], "retryThrottling": _BUDGET}
    return config


def _services(stub_type: Callable[[Any], object]) -> set[str]:
    """The services that a generated stub calls: it asks its channel for each method when it is made."""
    recorder = _PathRecorder()
    stub_type(recorder)
    return {path.split("/")[1] for path in recorder.paths}


class _PathRecorder:
    def __init__(self) -> None:
        self.paths: list[str] = []

    def unary_unary(self, path: str, *_: object, **__: object) -> None:
        self.paths.append(path)

    unary_stream = stream_unary = stream_stream = unary_unary


def _credentials(settings: ServiceSettings) -> grpc.ChannelCredentials | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    ca = settings.tls_ca.read_bytes() if settings.tls_ca else None
    if ca is None:
        return grpc.ssl_channel_credentials()
    return grpc.ssl_channel_credentials(ca, settings.tls_key.read_bytes(), settings.tls_cert.read_bytes())


class _Shared:
    """What the interceptors of the four shapes of calls have in common."""

    def __init__(self, token: Callable[[], str] | None, deadline_seconds: float) -> None:
        self._token = token
        self._deadline_seconds = deadline_seconds

    def begin(
        self, details: grpc.aio.ClientCallDetails, *, streaming: bool
    ) -> tuple[grpc.aio.ClientCallDetails, "_Made"]:
        raw: str | bytes = details.method
        path = raw.decode() if isinstance(raw, bytes) else raw
        made = _Made(path[1:])
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        if self._token is not None and metadata.get("authorization") is None:
            metadata.add("authorization", f"Bearer {self._token()}")
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, trace.set_span_in_context(made.span))
        for key, value in carrier.items():
            metadata.add(key, value)
        # A stream lasts as long as its caller wants it; all else has the default, unless the call says otherwise.
        own = details.timeout or (None if streaming else self._deadline_seconds)
        timeout = min((limit for limit in (own, remaining()) if limit is not None), default=None)
        if timeout is not None:
            timeout = max(timeout, 0.0)
        new = grpc.aio.ClientCallDetails(details.method, timeout, metadata, details.credentials, details.wait_for_ready)
        return new, made


class _Made:
    """One call that is made, from its start to its end."""

    def __init__(self, method: str) -> None:
        self._method = method
        self._started = time.perf_counter()
        self.span: Span = _TRACER.start_span(
            method, kind=SpanKind.CLIENT, attributes={"rpc.system.name": "grpc", "rpc.method": method}
        )

    def end(self, status: str) -> None:
        call_duration.labels("grpc", self._method, status).observe(time.perf_counter() - self._started)
        self.span.set_attribute("rpc.response.status_code", status)
        if status != "OK":
            self.span.set_attribute("error.type", status)
            self.span.set_status(StatusCode.ERROR)
        self.span.end()

    async def end_once_answered(self, call: Any) -> None:
        """The answer is awaited here, so that its status is known; the call gives it again to whoever made it."""
        status = "CANCELLED"
        try:
            status = (await call.code()).name
        finally:
            # Who gives up waiting must not leave the other side at work. On a call that has ended it does nothing.
            call.cancel()
            self.end(status)

    async def passing(self, call: Any) -> AsyncIterator[Any]:
        """The answers of a stream as they come."""
        status = "CANCELLED"
        try:
            async for answer in call:
                yield answer
            status = (await call.code()).name
        except grpc.aio.AioRpcError as error:
            status = error.code().name
            raise
        finally:
            call.cancel()
            self.end(status)


class _UnaryUnary(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, shared: _Shared) -> None:
        self._shared = shared

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        details, made = self._shared.begin(client_call_details, streaming=False)
        call = await continuation(details, request)
        await made.end_once_answered(call)
        return call


class _StreamUnary(grpc.aio.StreamUnaryClientInterceptor):
    def __init__(self, shared: _Shared) -> None:
        self._shared = shared

    async def intercept_stream_unary(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        details, made = self._shared.begin(client_call_details, streaming=True)
        call = await continuation(details, request_iterator)
        await made.end_once_answered(call)
        return call


class _UnaryStream(grpc.aio.UnaryStreamClientInterceptor):
    def __init__(self, shared: _Shared) -> None:
        self._shared = shared

    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        details, made = self._shared.begin(client_call_details, streaming=True)
        return made.passing(await continuation(details, request))


class _StreamStream(grpc.aio.StreamStreamClientInterceptor):
    def __init__(self, shared: _Shared) -> None:
        self._shared = shared

    async def intercept_stream_stream(self, continuation: Any, client_call_details: Any, request_iterator: Any) -> Any:
        details, made = self._shared.begin(client_call_details, streaming=True)
        return made.passing(await continuation(details, request_iterator))
