"""Domain events as public events."""

from google.protobuf.message import Message

from entente.review.v1 import events_pb2 as pb
from entente_chassis.protomap import to_proto
from entente_review.domain.events import (
    ChangesRequested,
    ReviewReminderDue,
    SubmissionApproved,
    SubmissionReceived,
    SubmissionRejected,
)

PUBLISHES: dict[type, type[Message]] = {
    SubmissionReceived: pb.SubmissionReceived,
    ChangesRequested: pb.ChangesRequested,
    SubmissionApproved: pb.SubmissionApproved,
    SubmissionRejected: pb.SubmissionRejected,
    ReviewReminderDue: pb.ReviewReminderDue,
}


def to_message(event: object) -> Message:
    """The public event of a domain event."""
    return to_proto(PUBLISHES[type(event)], event)
