"""Domain events as the messages that others read."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message

from entente.matching.v1 import events_pb2
from entente_chassis.protomap import to_proto
from entente_matching.domain.creators import CreatorMetricsUpdated, CreatorRegistered
from entente_matching.domain.imports import CreatorsImported
from entente_matching.domain.shortlists import ShortlistUpdated

PUBLISHES: Mapping[type[Any], type[Message]] = {
    CreatorRegistered: events_pb2.CreatorRegistered,
    CreatorMetricsUpdated: events_pb2.CreatorMetricsUpdated,
    CreatorsImported: events_pb2.CreatorsImported,
    ShortlistUpdated: events_pb2.ShortlistUpdated,
}
"""Which message tells of which domain event."""


def to_message(event: object) -> Message:
    """The message that tells of a domain event. Fields have the same names, but for one that Python reserves."""
    if isinstance(event, CreatorsImported):
        counts = {
            name: getattr(event, name) for name in ("rows", "accepted_rows", "rejected_rows", "created", "updated")
        }
        return to_proto(events_pb2.CreatorsImported, {"import": event.name} | counts, strict=True)
    return to_proto(PUBLISHES[type(event)], event, strict=True)
