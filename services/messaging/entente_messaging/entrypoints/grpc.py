"""The RPCs of messaging."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from entente.messaging.v1 import service_pb2 as pb
from entente.messaging.v1 import service_pb2_grpc
from entente_chassis.protomap import to_proto
from entente_chassis.refusal import Invalid, Violation
from entente_chassis.rpc import Access, Caller, Role, current_caller, new_id, request_key, set_resume_token
from entente_chassis.store import Outcome
from entente_messaging import metrics
from entente_messaging.application import commands, queries
from entente_messaging.application.commands import no_such
from entente_messaging.application.office import Office
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.conversations import Attachment, Conversation, Message
from entente_messaging.domain.notifications import Notification
from entente_messaging.domain.occasions import Occasion, Party
from entente_messaging.domain.templates import Template

_EVERYBODY = frozenset({Role.BRAND, Role.AGENCY, Role.CREATOR, Role.OPERATOR})
_WRITERS = frozenset({Role.BRAND, Role.AGENCY, Role.CREATOR})
_BRANDS = frozenset({Role.BRAND, Role.AGENCY, Role.OPERATOR})

ACCESS: Access = {
    "UpdateContact": _EVERYBODY,
    "GetContact": _EVERYBODY,
    "GetConversation": _EVERYBODY,
    "ListConversations": _EVERYBODY,
    "SendMessage": _WRITERS,
    "ListMessages": _EVERYBODY,
    "MarkRead": _WRITERS,
    "StreamMessages": _EVERYBODY,
    "CreateTemplate": _BRANDS,
    "GetTemplate": _BRANDS,
    "ListTemplates": _BRANDS,
    "UpdateTemplate": _BRANDS,
    "ListNotifications": _EVERYBODY,
    "MarkNotificationRead": _EVERYBODY,
}
"""Which roles may call what. Whose it is, is decided with the resource at hand."""

Context = Any
_LOOK_EVERY = 0.3


class MessagingServicer(service_pb2_grpc.MessagingServiceServicer):
    """Answers for messaging.

    Args:
        office: what the use cases work on.
    """

    def __init__(self, office: Office) -> None:
        self._office = office

    # -- contacts -----------------------------------------------------------------------------------------------------

    async def UpdateContact(self, request: pb.UpdateContactRequest, context: Context) -> pb.Contact:
        _check_party(request.contact.name.removesuffix("/contact"), "Contact", request.contact.name)
        outcome = await commands.set_contact(
            self._office,
            request.contact.name,
            Contact(
                email=request.contact.email,
                locale=request.contact.locale,
                time_zone=request.contact.time_zone,
                email_enabled=request.contact.email_enabled,
            ),
            list(request.update_mask.paths),
            etag=request.contact.etag,
            request=request_key(request),
        )
        return _contact(outcome)

    async def GetContact(self, request: pb.GetContactRequest, context: Context) -> pb.Contact:
        _check_party(request.name.removesuffix("/contact"), "Contact", request.name)
        found = await self._office.contacts.get(request.name)
        if found is None:
            raise no_such("Contact", request.name)
        return _contact(found)

    # -- conversations ------------------------------------------------------------------------------------------------

    async def GetConversation(self, request: pb.GetConversationRequest, context: Context) -> pb.Conversation:
        found, party = await self._conversation(request.name)
        return _conversation(found, party)

    async def ListConversations(
        self, request: pb.ListConversationsRequest, context: Context
    ) -> pb.ListConversationsResponse:
        _check_party(request.participant, "Participant", request.participant)
        found, token = await queries.conversations_of(
            self._office,
            request.participant,
            request.campaign,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        party = Party.BRAND if request.participant.startswith("brands/") else Party.CREATOR
        shown = [_conversation(conversation, party) for conversation in found]
        return pb.ListConversationsResponse(conversations=shown, next_page_token=token)

    async def SendMessage(self, request: pb.SendMessageRequest, context: Context) -> pb.Message:
        conversation, sender = await self._conversation(request.parent)
        key = request_key(request)
        written = await commands.send_message(
            self._office,
            conversation.id,
            sender,
            request.text,
            tuple(Attachment(attachment.url, attachment.title) for attachment in request.attachments),
            id=new_id(key),
            request=key,
        )
        metrics.messages.labels(sender.value.lower()).inc(written.applied)
        return _message(written)

    async def ListMessages(self, request: pb.ListMessagesRequest, context: Context) -> pb.ListMessagesResponse:
        await self._conversation(request.parent)
        found, token = await queries.messages_of(
            self._office, request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListMessagesResponse(messages=map(_message, found), next_page_token=token)

    async def MarkRead(self, request: pb.MarkReadRequest, context: Context) -> pb.Conversation:
        conversation, party = await self._conversation(request.name)
        outcome = await commands.mark_read(
            self._office, conversation.id, party, request.message, request=request_key(request)
        )
        return _conversation(outcome, party)

    async def StreamMessages(
        self, request: pb.StreamMessagesRequest, context: Context
    ) -> AsyncIterator[pb.StreamMessagesResponse]:
        await self._conversation(request.parent)
        after = queries.read_resume_token(request.resume_token, request.parent)
        set_resume_token(request.resume_token)
        while True:
            for message in await queries.messages_after(self._office, request.parent, after):
                after = message.state.position
                token = queries.resume_token(message)
                yield pb.StreamMessagesResponse(message=_message(message), resume_token=token)
                set_resume_token(token)
            await asyncio.sleep(_LOOK_EVERY)

    # -- templates ----------------------------------------------------------------------------------------------------

    async def CreateTemplate(self, request: pb.CreateTemplateRequest, context: Context) -> pb.Template:
        _check_party(request.parent, "Brand", request.parent)
        outcome = await commands.create_template(
            self._office,
            request.parent,
            _occasion(request.template),
            request.template.locale,
            request.template.subject,
            request.template.body,
            request=request_key(request),
        )
        return _template(outcome)

    async def GetTemplate(self, request: pb.GetTemplateRequest, context: Context) -> pb.Template:
        return _template(await self._own_template(request.name))

    async def ListTemplates(self, request: pb.ListTemplatesRequest, context: Context) -> pb.ListTemplatesResponse:
        _check_party(request.parent, "Brand", request.parent)
        found, token = await queries.templates_of(
            self._office, request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListTemplatesResponse(templates=map(_template, found), next_page_token=token)

    async def UpdateTemplate(self, request: pb.UpdateTemplateRequest, context: Context) -> pb.Template:
        found = await self._own_template(request.template.name)
        outcome = await commands.update_template(
            self._office,
            found.id,
            request.template.subject,
            request.template.body,
            list(request.update_mask.paths),
            etag=request.template.etag,
            request=request_key(request),
        )
        return _template(outcome)

    # -- notifications ------------------------------------------------------------------------------------------------

    async def ListNotifications(
        self, request: pb.ListNotificationsRequest, context: Context
    ) -> pb.ListNotificationsResponse:
        _check_party(request.recipient, "Recipient", request.recipient)
        found, token, total, unread = await queries.notifications_of(
            self._office,
            request.recipient,
            unread_only=request.unread_only,
            campaign=request.campaign,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListNotificationsResponse(
            notifications=map(_notification, found), next_page_token=token, total_size=total, unread_count=unread
        )

    async def MarkNotificationRead(self, request: pb.MarkNotificationReadRequest, context: Context) -> pb.Notification:
        found = await self._office.notifications.get(request.name)
        if found is None or not _acts_for(current_caller(), found.state.recipient):
            raise no_such("Notification", request.name)
        outcome = await commands.mark_notification_read(self._office, found.id, request=request_key(request))
        return _notification(outcome)

    # -- whose it is --------------------------------------------------------------------------------------------------

    async def _conversation(self, name: str) -> tuple[Outcome[Conversation], Party]:
        """The conversation, and the side that the caller is on; an operator looks over the creator's shoulder."""
        found = await self._office.conversations.get(name)
        if found is None:
            raise no_such("Conversation", name)
        caller, about = current_caller(), found.state.about
        if caller.acts_for_creator(about.creator):
            return found, Party.CREATOR
        if caller.acts_for_brand(about.brand):
            return found, Party.BRAND
        raise no_such("Conversation", name)

    async def _own_template(self, name: str) -> Outcome[Template]:
        found = await self._office.templates.get(name)
        if found is None or not _acts_for(current_caller(), found.state.brand):
            raise no_such("Template", name)
        return found


def _acts_for(caller: Caller, party: str) -> bool:
    return caller.acts_for_brand(party) if party.startswith("brands/") else caller.acts_for_creator(party)


def _check_party(party: str, what: str, name: str) -> None:
    if not _acts_for(current_caller(), party):
        raise no_such(what, name)


def _occasion(template: pb.Template) -> Occasion:
    if template.occasion == pb.OCCASION_UNSPECIFIED:
        violation = Violation("template.occasion", "is required: what are the words for?", "REQUIRED")
        raise Invalid("TEMPLATE_INVALID", "The template is not complete.", violations=[violation])
    return Occasion(pb.Occasion.Name(template.occasion).removeprefix("OCCASION_"))


def _contact(outcome: Outcome[Contact]) -> pb.Contact:
    message = to_proto(pb.Contact, outcome.state)
    message.name = outcome.id
    message.etag = outcome.etag
    if outcome.state.updated_at:
        message.update_time.FromDatetime(outcome.state.updated_at)
    return message


def _conversation(outcome: Outcome[Conversation], party: Party) -> pb.Conversation:
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


def _message(outcome: Outcome[Message]) -> pb.Message:
    message = to_proto(pb.Message, outcome.state)
    message.name = outcome.id
    message.create_time.FromDatetime(outcome.state.created_at)
    return message


def _template(outcome: Outcome[Template]) -> pb.Template:
    message = to_proto(pb.Template, outcome.state)
    message.name = outcome.id
    message.etag = outcome.etag
    message.create_time.FromDatetime(outcome.state.created_at)
    message.update_time.FromDatetime(outcome.state.updated_at)
    return message


def _notification(outcome: Outcome[Notification]) -> pb.Notification:
    message = to_proto(pb.Notification, outcome.state)
    message.name = outcome.id
    message.create_time.FromDatetime(outcome.state.created_at)
    if outcome.state.read_at:
        message.read_time.FromDatetime(outcome.state.read_at)
    return message
