"""Domain events as public events."""

from google.protobuf.message import Message

from entente.messaging.v1 import events_pb2 as pb
from entente_chassis.protomap import to_proto
from entente_messaging.domain.bulks import BulkCompleted
from entente_messaging.domain.conversations import MessageSent, ReplyTimeMeasured
from entente_messaging.domain.deliveries import NotificationDelivered, NotificationFailed
from entente_messaging.domain.erasures import PersonErased
from entente_messaging.domain.webhooks import WebhookDisabled

PUBLISHES: dict[type, type[Message]] = {
    MessageSent: pb.MessageSent,
    ReplyTimeMeasured: pb.ReplyTimeMeasured,
    NotificationDelivered: pb.NotificationDelivered,
    NotificationFailed: pb.NotificationFailed,
    WebhookDisabled: pb.WebhookDisabled,
    BulkCompleted: pb.BulkCompleted,
    PersonErased: pb.PersonErased,
}


def to_message(event: object) -> Message:
    """The public event of a domain event."""
    return to_proto(PUBLISHES[type(event)], event)
