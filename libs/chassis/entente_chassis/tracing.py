"""Spans by hand, for the steps that no instrumentation knows: a change, a publication, the handling of an event."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from entente_chassis.faults import trace_of

_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("entente_chassis")


def current_traceparent() -> str:
    """The present span as a W3C ``traceparent``, or "" outside a trace."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get("traceparent", "")


@contextmanager
def span(
    name: str,
    attributes: Mapping[str, AttributeValue] | None = None,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    parent: str | None = None,
) -> Iterator[Span]:
    """A span around a step.

    Args:
        name: what is done, of few different values.
        attributes: named by OpenTelemetry's semantic conventions; nothing personal.
        kind: the span's kind.
        parent: a ``traceparent`` that came from elsewhere; the present span without one.
    """
    context = _PROPAGATOR.extract({"traceparent": parent}) if parent else None
    with _TRACER.start_as_current_span(
        name, context=context, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield current
        except Exception as error:
            current.add_event("exception", exception_facts(error))
            current.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def exception_facts(error: BaseException) -> dict[str, AttributeValue]:
    """What a span tells of an error: not its message, which may hold what is personal."""
    kind = type(error)
    return {"exception.type": f"{kind.__module__}.{kind.__qualname__}", "exception.stacktrace": trace_of(error)}
