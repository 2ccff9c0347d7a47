"""Domain events as the messages that others read."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message

from entente.matching.v1 import events_pb2
from entente_chassis.protomap import to_proto
from entente_matching.domain.creators import CreatorMetricsUpdated, CreatorRegistered
from entente_matching.domain.shortlists import ShortlistUpdated

PUBLISHES: Mapping[type[Any], type[Message]] = {
    CreatorRegistered: events_pb2.CreatorRegistered,
    CreatorMetricsUpdated: events_pb2.CreatorMetricsUpdated,
    ShortlistUpdated: events_pb2.ShortlistUpdated,
}
"""Which message tells of which domain event; fields have the same names."""


def to_message(event: object) -> Message:
    """The message that tells of a domain event."""
    return to_proto(PUBLISHES[type(event)], event, strict=True)
