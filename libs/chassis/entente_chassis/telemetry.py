"""Logs and traces of a process: JSON lines that name their trace, spans exported over OTLP, nothing personal."""

import logging
import re
import sys
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from pythonjsonlogger.json import JsonFormatter

from entente_chassis.faults import trace_of
from entente_chassis.settings import ServiceSettings

_LOG = logging.getLogger(__name__)

# The last guard against personal data and secrets in a log line. Code must not log them in the first place.
_REDACTIONS = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "(e-mail)"),
    (re.compile(r"(?i)(bearer\s+)[\w.~+/=-]+"), r"\1(token)"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), "(token)"),
    (re.compile(r"(?<=://)[^/@\s\"]+@"), "***@"),
)
# These libraries tell of every connection and record; a service's own lines would drown.
_QUIET = ("aiokafka", "faststream", "grpc", "httpx", "pymongo", "motor", "asyncio", "uvicorn", "opentelemetry")


class Telemetry:
    """What was started and must be ended."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider

    def stop(self) -> None:
        """Send the spans that wait to be sent. It blocks, some seconds at most when no collector answers."""
        self._provider.shutdown()


def start(service: str, settings: ServiceSettings) -> Telemetry:
    """Set the process's logs and traces up.

    Traces are made in any case, so that log lines and events name them; they are exported where a collector is given.
    """
    _start_logs(service, settings.log_level)
    resource = Resource.create({"service.name": f"entente-{service}", "service.instance.id": settings.instance})
    provider = TracerProvider(resource=resource)
    if settings.otlp_endpoint:
        # Imported here: the exporter is large, and without a collector it is not needed.
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        exporter = OTLPSpanExporter(
            endpoint=settings.otlp_endpoint, insecure=settings.otlp_endpoint.startswith("http://"), timeout=3
        )
        provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
    trace.set_tracer_provider(provider)
    _LOG.info("starting with these settings", extra={"settings": settings.summary()})
    return Telemetry(provider)


def _start_logs(service: str, level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


class _Formatter(JsonFormatter):
    """One JSON object a line: time, severity, service, message, trace and span, and what was given as ``extra``."""

    def __init__(self, service: str) -> None:
        super().__init__(
            "%(message)s",
            rename_fields={"levelname": "severity", "name": "logger"},
            static_fields={"service": service},
            timestamp=True,
        )

    def add_fields(self, log_record: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_record, record, message_dict)
        log_record["severity"] = record.levelname
        log_record["logger"] = record.name
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            log_record["trace_id"] = f"{context.trace_id:032x}"
            log_record["span_id"] = f"{context.span_id:016x}"

    def formatException(self, ei: Any) -> str:
        return trace_of(ei[1]) if ei[1] else ""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


def redacted(text: str) -> str:
    """The text without what looks like an e-mail address, a token or a password in an address."""
    for pattern, replacement in _REDACTIONS:
        text = pattern.sub(replacement, text)
    return text
