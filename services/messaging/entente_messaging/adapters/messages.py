"""Aggregates as messages of the API."""

from entente.messaging.v1 import service_pb2 as pb
from entente_chassis.protomap import to_proto
from entente_chassis.store import Outcome
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.conversations import Conversation, Message
from entente_messaging.domain.notifications import Notification
from entente_messaging.domain.occasions import Party
from entente_messaging.domain.templates import Template


def contact_message(outcome: Outcome[Contact]) -> pb.Contact:
    message = to_proto(pb.Contact, outcome.state)
    message.name = outcome.id
    message.etag = outcome.etag
    if outcome.state.updated_at:
        message.update_time.FromDatetime(outcome.state.updated_at)
    return message


def conversation_message(outcome: Outcome[Conversation], party: Party) -> pb.Conversation:
    state = outcome.state
    message = to_proto(pb.Conversation, state.about)
    message.name = outcome.id
    message.etag = outcome.etag
    message.create_time.FromDatetime(state.created_at)
    if state.messages:
        message.last_message_time.FromDatetime(state.last_message_at)
    message.unread_count = state.unread(party)
    message.brand_read_until = state.brand_read.message
    message.creator_read_until = state.creator_read.message
    return message


def written_message(outcome: Outcome[Message]) -> pb.Message:
    message = to_proto(pb.Message, outcome.state)
    message.name = outcome.id
    message.create_time.FromDatetime(outcome.state.created_at)
    return message


def template_message(outcome: Outcome[Template]) -> pb.Template:
    message = to_proto(pb.Template, outcome.state)
    message.name = outcome.id
    message.etag = outcome.etag
    message.create_time.FromDatetime(outcome.state.created_at)
    message.update_time.FromDatetime(outcome.state.updated_at)
    return message


def notification_message(outcome: Outcome[Notification]) -> pb.Notification:
    message = to_proto(pb.Notification, outcome.state)
    message.name = outcome.id
    message.create_time.FromDatetime(outcome.state.created_at)
    if outcome.state.read_at:
        message.read_time.FromDatetime(outcome.state.read_at)
    return message
