"""The gRPC server of a service: access, validation, refusals, deadlines, metrics and traces in one interceptor."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import Counter, Gauge, Histogram

from entente_chassis.auth import Caller, KeySet, Role
from entente_chassis.refusal import Denied, Exhausted, Refusal, Unauthenticated, Unavailable
from entente_chassis.rpc import validation
from entente_chassis.rpc.call import Call, enter_call
from entente_chassis.rpc.errors import DETAILS_KEY, TOO_MANY_CALLS, to_status
from entente_chassis.settings import ServiceSettings, split_address
from entente_chassis.tracing import exception_facts

Access = Mapping[str, frozenset[Role]]
"""Method -> roles that may call it. One table for each service, in which every method stands."""

log = logging.getLogger(__name__)
S = TypeVar("S")

# Named by OpenTelemetry's semantic conventions for RPC: rpc.server.call.duration, in seconds.
call_duration = Histogram(
    "rpc_server_call_duration_seconds",
    "Duration of calls served",
    ["rpc_system_name", "rpc_method", "rpc_response_status_code"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
)
calls_active = Gauge("entente_rpc_server_active_calls", "Calls being served")
calls_refused = Counter(
    "entente_rpc_server_refusals_total", "Calls refused, by stable reason", ["rpc_method", "reason"]
)

_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("entente_chassis.rpc")
_OPEN = ("/grpc.health.v1.Health/", "/grpc.reflection.")
# These say that we failed; the others are the caller's affair, and their spans are no errors.
_OUR_FAULT = {"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"}


class RpcServer:
    """Serves gRPC with health and reflection, which are open to everybody; all else needs a token.

    Args:
        settings: addresses, keys, limits.
        keys: checks tokens; from the settings by default.
    """

    def __init__(self, settings: ServiceSettings, keys: KeySet | None = None) -> None:
        self._settings = settings
        keys = keys or KeySet(settings.auth_jwks, settings.auth_issuer, settings.auth_audience)
        self._gate = _Gate(keys, settings.grpc_max_concurrent_calls)
        self._health = health.aio.HealthServicer()
        self._services: list[str] = []
        self._server = grpc.aio.server(interceptors=[self._gate], options=_options(settings))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._health_set: bool | None = None

    def add(self, add: Callable[[S, grpc.aio.Server], None], servicer: S, access: Access) -> None:
        """Serve a service.

        Args:
            add: the generated ``add_…Servicer_to_server``.
            servicer: what serves it.
            access: who may call which method.

        Raises:
            ValueError: a method is missing in the table, or the table names one that does not exist.
        """
        recorder = _HandlerRecorder(self._server)
        add(servicer, recorder)  # type: ignore[arg-type]
        for name in recorder.services:
            service = descriptor_pool.Default().FindServiceByName(name)
            _check_access(service, access)
            validation.compile_rules(service)
            self._gate.allow({f"/{name}/{method}": roles for method, roles in access.items()})
            self._services.append(name)

    async def start(self) -> int:
        """Listen, not yet serving, and return the port.

        Raises:
            OSError: the address is taken or not ours.
        """
        from grpc_reflection.v1alpha import reflection

        names = (*self._services, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        await self.set_serving(False)
        try:
            port = self._bind()
        except RuntimeError as error:
            raise OSError(f"gRPC cannot listen on {self._settings.grpc_bind}: {error}") from error
        await self._server.start()
        return port

    async def set_serving(self, serving: bool) -> None:
        """Tell health checks whether calls are welcome."""
        if serving != self._health_set:
            self._health_set = serving
            value = health_pb2.HealthCheckResponse.ServingStatus.Value("SERVING" if serving else "NOT_SERVING")
            for name in ("", *self._services):
                await self._health.set(name, value)

    async def stop(self, grace: float) -> None:
        """Take no new calls, end streams with UNAVAILABLE, and let the other calls finish within ``grace`` seconds."""
        await self.set_serving(False)
        self._gate.end_streams()
        await self._server.stop(grace)

    def _bind(self) -> int:
        settings = self._settings
        if settings.tls_cert is None or settings.tls_key is None:
            return self._server.add_insecure_port(settings.grpc_bind)
        pair = (settings.tls_key.read_bytes(), settings.tls_cert.read_bytes())
        ca = settings.tls_ca.read_bytes() if settings.tls_ca else None
        credentials = grpc.ssl_server_credentials([pair], root_certificates=ca, require_client_auth=ca is not None)
        return self._server.add_secure_port(settings.grpc_bind, credentials)


def _options(settings: ServiceSettings) -> list[tuple[str, Any]]:
    split_address(settings.grpc_bind)
    age = round(settings.grpc_max_connection_age_seconds * 1000)
    return [
        ("grpc.max_receive_message_length", settings.grpc_max_message_bytes),
        ("grpc.max_send_message_length", settings.grpc_max_message_bytes),
        ("grpc.keepalive_time_ms", round(settings.grpc_keepalive_seconds * 1000)),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
        ("grpc.max_connection_age_ms", age),
        ("grpc.max_connection_age_grace_ms", round(settings.drain_seconds * 1000) or 1),
        # Two processes on one port would share its calls without either knowing.
        ("grpc.so_reuseport", 0),
    ]


def _check_access(service: ServiceDescriptor, access: Access) -> None:
    methods = {method.name for method in service.methods}
    if missing := sorted(methods - set(access)):
        raise ValueError(f"{service.full_name}: the access table does not say who may call {', '.join(missing)}")
    if unknown := sorted(set(access) - methods):
        raise ValueError(f"{service.full_name} has no {', '.join(unknown)}, which the access table names")


class _HandlerRecorder:
    """Stands for the server while a servicer is added, to learn the service's name."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server
        self.services: list[str] = []

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        self.services.append(service)


class _Gate(grpc.aio.ServerInterceptor):
    """What every call passes through, in this order: trace, limit, token, role, deadline, rules of the fields."""

    def __init__(self, keys: KeySet, max_concurrent: int) -> None:
        self._keys = keys
        self._max_concurrent = max_concurrent
        self._access: dict[str, frozenset[Role]] = {}
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        self._active = 0
        self._streams: set[asyncio.Task[Any]] = set()
        self._stopping = False

    def allow(self, access: Access) -> None:
        self._access.update(access)

    def end_streams(self) -> None:
        self._stopping = True
        for task in self._streams:
            task.cancel()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["grpc.RpcMethodHandler[Any, Any] | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        method = handler_call_details.method
        if wrapped := self._handlers.get(method):
            return wrapped
        handler = await continuation(handler_call_details)
        if handler is None or (method.startswith(_OPEN) and not handler.response_streaming):
            return handler
        wrapped = self._wrapped_open(handler) if method.startswith(_OPEN) else self._wrapped(method, handler)
        self._handlers[method] = wrapped
        return wrapped

    def _wrapped_open(self, handler: Any) -> "grpc.RpcMethodHandler[Any, Any]":
        """A stream of health or reflection: nothing is asked of its caller, but it must not hold a shutdown up."""
        behaviour = handler.stream_stream if handler.request_streaming else handler.unary_stream

        async def answer_many(request: Any, context: Any) -> None:
            task = asyncio.current_task()
            assert task
            self._streams.add(task)
            try:
                await _write_all(behaviour(request, context), context)
            except asyncio.CancelledError:
                if self._stopping:
                    task.uncancel()
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "The service is stopping: connect again.")
                raise
            finally:
                self._streams.discard(task)

        make = (
            grpc.stream_stream_rpc_method_handler if handler.request_streaming else grpc.unary_stream_rpc_method_handler
        )
        return make(
            answer_many,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _wrapped(self, method: str, handler: Any) -> "grpc.RpcMethodHandler[Any, Any]":
        makers: dict[tuple[bool, bool], tuple[Callable[..., Any], Any]] = {
            (False, False): (grpc.unary_unary_rpc_method_handler, handler.unary_unary),
            (False, True): (grpc.unary_stream_rpc_method_handler, handler.unary_stream),
            (True, False): (grpc.stream_unary_rpc_method_handler, handler.stream_unary),
            (True, True): (grpc.stream_stream_rpc_method_handler, handler.stream_stream),
        }
        make, behaviour = makers[(handler.request_streaming, handler.response_streaming)]
        incoming = _checked_stream if handler.request_streaming else _checked

        async def answer_once(request: Any, context: Any) -> Any:
            served = _Served(self, method, context, streaming=handler.request_streaming)
            try:
                served.enter()
                return await behaviour(incoming(request), context)
            except (Exception, asyncio.CancelledError) as error:
                await served.fail(error)
                raise
            finally:
                served.leave()

        async def answer_many(request: Any, context: Any) -> None:
            served = _Served(self, method, context, streaming=True)
            try:
                served.enter()
                await _write_all(behaviour(incoming(request), context), context)
            except (Exception, asyncio.CancelledError) as error:
                await served.fail(error)
                raise
            finally:
                served.leave()

        return make(  # type: ignore[no-any-return]
            answer_many if handler.response_streaming else answer_once,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def authorise(self, method: str, metadata: Mapping[str, Any]) -> Caller:
        scheme, _, token = str(metadata.get("authorization", "")).partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("TOKEN_MISSING", 'A token is needed: send "authorization: Bearer <token>".')
        caller = self._keys.verify(token)
        allowed = self._access[method]
        if not caller.roles & allowed:
            raise Denied(
                "ROLE_NOT_ALLOWED",
                f"This call needs one of the roles {', '.join(sorted(allowed)) or '(none)'}.",
                method=method[1:],
            )
        return caller


class _Served:
    """One call from its arrival to its end."""

    def __init__(self, gate: _Gate, method: str, context: Any, *, streaming: bool) -> None:
        self._gate = gate
        self._method = method[1:]
        self._context = context
        self._streaming = streaming
        self._started = time.perf_counter()
        self._status = "OK"
        self._call: Call | None = None
        self._task = asyncio.current_task()
        metadata = dict(context.invocation_metadata() or ())
        self._metadata: Mapping[str, Any] = metadata
        self._span: Span = _TRACER.start_span(
            self._method,
            context=_PROPAGATOR.extract(metadata),
            kind=SpanKind.SERVER,
            attributes={"rpc.system.name": "grpc", "rpc.method": self._method},
        )
        gate._active += 1
        calls_active.inc()

    def enter(self) -> None:
        """Let the call in, or refuse it.

        Raises:
            Refusal: it may not come in.
        """
        # Every call has a task, and so a context, of its own: nothing has to be put back.
        otel_context.attach(trace.set_span_in_context(self._span))
        gate = self._gate
        if gate._active > gate._max_concurrent:
            raise Exhausted(TOO_MANY_CALLS, "The service is at its limit of calls at once: try again shortly.")
        if self._streaming and gate._stopping:
            raise Unavailable("SHUTTING_DOWN", "The service is stopping: connect again.")
        caller = gate.authorise(f"/{self._method}", self._metadata)
        left = self._context.time_remaining()
        self._call = Call(self._method, caller, None if left is None else time.monotonic() + left)
        enter_call(self._call)
        if self._streaming and self._task:
            gate._streams.add(self._task)

    async def fail(self, error: BaseException) -> NoReturn:
        """End the call with the status that belongs to an error."""
        if isinstance(error, asyncio.CancelledError) and self._gate._stopping and self._streaming and self._task:
            # The shutdown ended this stream, not its client: say so, and where to go on.
            self._task.uncancel()
            error = Unavailable("SHUTTING_DOWN", "The service is stopping: connect again.")
            if self._call and self._call.resume_token:
                error.metadata["resume_token"] = self._call.resume_token
        if isinstance(error, Refusal):
            await self._refuse(error)
        if isinstance(error, grpc.aio.AbortError):
            code = self._context.code()
            self._status = code.name if isinstance(code, grpc.StatusCode) else _CODES.get(code, "UNKNOWN")
            raise error
        if not isinstance(error, Exception):
            left = self._context.time_remaining()
            self._status = "DEADLINE_EXCEEDED" if left is not None and left <= 0 else "CANCELLED"
            raise error
        await self._break(error)

    async def _refuse(self, refusal: Refusal) -> NoReturn:
        self._status = refusal.status
        calls_refused.labels(self._method, refusal.reason).inc()
        status = to_status(refusal)
        log.info("call refused", extra={"rpc_method": self._method, "status": refusal.status, "reason": refusal.reason})
        await self._context.abort(
            grpc.StatusCode[refusal.status], refusal.message, ((DETAILS_KEY, status.SerializeToString()),)
        )
        raise AssertionError("abort always raises")

    async def _break(self, error: Exception) -> NoReturn:
        self._status = "INTERNAL"
        self._span.add_event("exception", exception_facts(error))
        trace_id = f"{self._span.get_span_context().trace_id:032x}"
        log.error("call failed", exc_info=error, extra={"rpc_method": self._method})
        # What went wrong is ours to know: the caller gets the trace to ask for, and nothing of the error.
        status = to_status(
            _Internal("INTERNAL", f"Something went wrong here; ask for trace {trace_id}.", trace_id=trace_id)
        )
        await self._context.abort(
            grpc.StatusCode.INTERNAL, status.message, ((DETAILS_KEY, status.SerializeToString()),)
        )
        raise AssertionError("abort always raises")

    def leave(self) -> None:
        """Count and end the call."""
        self._gate._active -= 1
        calls_active.dec()
        if self._task:
            self._gate._streams.discard(self._task)
        call_duration.labels("grpc", self._method, self._status).observe(time.perf_counter() - self._started)
        self._span.set_attribute("rpc.response.status_code", self._status)
        if self._status in _OUR_FAULT:
            self._span.set_attribute("error.type", self._status)
            self._span.set_status(StatusCode.ERROR)
        self._span.end()


class _Internal(Refusal):
    status = "INTERNAL"


_CODES = {code.value[0]: code.name for code in grpc.StatusCode}


async def _write_all(answers: Any, context: Any) -> None:
    """The answers are written here and not yielded on, so that a shutdown finds this frame also while a write waits."""
    if not hasattr(answers, "__aiter__"):
        await answers  # It writes its answers on the context by itself.
        return
    async for answer in answers:
        await context.write(answer)


def _checked(request: Any) -> Any:
    validation.check(request)
    return request


async def _checked_stream(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for request in requests:
        validation.check(request)
        yield request
