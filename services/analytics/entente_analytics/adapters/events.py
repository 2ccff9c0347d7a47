"""Domain events as public events."""

from collections.abc import Sequence

from google.protobuf.message import Message

from entente.analytics.v1 import events_pb2 as pb
from entente_analytics.application.redirect import TakenClick
from entente_analytics.domain.content import ContentMetricsReported
from entente_analytics.domain.links import TrackedLinkCreated
from entente_analytics.domain.objectives import AudienceOffTarget, ObjectiveStatusChanged
from entente_analytics.domain.orders import ConversionAttributed, ConversionRecorded, ConversionRefunded
from entente_chassis.protomap import to_proto

PUBLISHES: dict[type, type[Message]] = {
    TrackedLinkCreated: pb.TrackedLinkCreated,
    ConversionRecorded: pb.ConversionRecorded,
    ConversionAttributed: pb.ConversionAttributed,
    ConversionRefunded: pb.ConversionRefunded,
    ContentMetricsReported: pb.ContentMetricsReported,
    ObjectiveStatusChanged: pb.ObjectiveStatusChanged,
    AudienceOffTarget: pb.AudienceOffTarget,
}


def to_message(event: object) -> Message:
    """The public event of a domain event."""
    return to_proto(PUBLISHES[type(event)], event)


def link_clicked(taken: Sequence[TakenClick]) -> pb.LinkClicked:
    """Clicks of one link and process as its stream tells them: without the visitors' marks."""
    first = taken[0]
    return to_proto(
        pb.LinkClicked,
        {
            "link": first.click.link,
            "campaign": first.campaign,
            "collaboration": first.collaboration,
            "incarnation": first.click.incarnation,
            "clicks": [
                {"n": each.click.n, "click_time": each.click.at, "verdict": each.click.verdict} for each in taken
            ],
        },
    )
