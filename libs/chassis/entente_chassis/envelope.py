"""Events on the wire: CloudEvents 1.0 in Kafka's binary mode, with a protobuf payload."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from entente_chassis.store.model import Cause, Outgoing


class NotAnEvent(ValueError):
    """A record that is no event of ours: a header is missing or malformed. The message names it."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The headers of an event, read."""

    id: str
    type: str
    cause: Cause
    time: datetime
    traceparent: str


def headers_of(event: Outgoing, source: str, traceparent: str) -> dict[str, str]:
    """The headers of an event as they are published. They hold names and numbers, nothing personal."""
    return {
        "ce_specversion": "1.0",
        "ce_id": event.id,
        "ce_type": event.type,
        "ce_source": source,
        "ce_subject": event.subject,
        "ce_time": event.time.astimezone(UTC).isoformat(),
        "ce_sequence": f"{event.epoch}:{event.n}",
        "content-type": "application/protobuf",
        **({"traceparent": traceparent} if traceparent else {}),
    }


def read_envelope(topic: str, headers: Sequence[tuple[str, bytes | None]]) -> Envelope:
    """Read a record's headers.

    Raises:
        NotAnEvent: one is missing or malformed.
    """
    text: dict[str, str] = {}
    for name, value in headers:
        try:
            # A header may have no value at all; for an event it is then as if it were missing.
            text[name] = (value or b"").decode()
        except UnicodeDecodeError as error:
            raise NotAnEvent(f"header {name} is not UTF-8") from error

    def required(name: str) -> str:
        if not text.get(name):
            raise NotAnEvent(f"header {name} is missing")
        return text[name]

    epoch, _, n = required("ce_sequence").partition(":")
    if not (_is_count(epoch) and _is_count(n)):
        raise NotAnEvent(f"header ce_sequence is {text['ce_sequence']!r}, not epoch:n")
    try:
        time = datetime.fromisoformat(required("ce_time"))
    except ValueError as error:
        raise NotAnEvent(f"header ce_time is {text.get('ce_time')!r}, not RFC 3339") from error
    return Envelope(
        id=required("ce_id"),
        type=required("ce_type"),
        cause=Cause(topic, required("ce_subject"), int(epoch), int(n)),
        time=time,
        traceparent=text.get("traceparent", ""),
    )


def _is_count(text: str) -> bool:
    # Beyond 63 bits it is no number that a database keeps; the length comes first, since int() refuses very long ones.
    return text.isascii() and text.isdecimal() and len(text) <= 19 and int(text) < 2**63


def subject_of(key: Any, headers: Sequence[tuple[str, bytes | None]]) -> str:
    """The subject of a record that may be malformed: its header, else its key, else ""."""
    for name, value in headers:
        if name == "ce_subject" and value:
            return value.decode(errors="replace")
    return key.decode(errors="replace") if isinstance(key, bytes) else ""
