"""The RPCs of messaging."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from entente.messaging.v1 import service_pb2 as pb
from entente.messaging.v1 import service_pb2_grpc
from entente_chassis.refusal import Invalid, Violation
from entente_chassis.rpc import Access, Caller, Role, current_caller, new_id, request_key, set_resume_token
from entente_chassis.store import Outcome
from entente_messaging import metrics
from entente_messaging.adapters.messages import (
    contact_message,
    conversation_message,
    notification_message,
    template_message,
    written_message,
)
from entente_messaging.application import queries
from entente_messaging.application.commands import contacts, conversations, notifications, templates
from entente_messaging.application.commands.common import no_such
from entente_messaging.application.stores import Stores
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.conversations import Attachment, Conversation
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
        stores: what the use cases work on.
    """

    def __init__(self, stores: Stores) -> None:
        self._stores = stores

    # -- contacts -----------------------------------------------------------------------------------------------------

    async def UpdateContact(self, request: pb.UpdateContactRequest, context: Context) -> pb.Contact:
        _check_party(request.contact.name.removesuffix("/contact"), "Contact", request.contact.name)
        outcome = await contacts.set_contact(
            self._stores,
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
        return contact_message(outcome)

    async def GetContact(self, request: pb.GetContactRequest, context: Context) -> pb.Contact:
        _check_party(request.name.removesuffix("/contact"), "Contact", request.name)
        found = await self._stores.contacts.get(request.name)
        if found is None:
            raise no_such("Contact", request.name)
        return contact_message(found)

    # -- conversations ------------------------------------------------------------------------------------------------

    async def GetConversation(self, request: pb.GetConversationRequest, context: Context) -> pb.Conversation:
        found, party = await self._conversation(request.name)
        return conversation_message(found, party)

    async def ListConversations(
        self, request: pb.ListConversationsRequest, context: Context
    ) -> pb.ListConversationsResponse:
        _check_party(request.participant, "Participant", request.participant)
        found, token = await queries.conversations_of(
            self._stores,
            request.participant,
            request.campaign,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        party = Party.BRAND if request.participant.startswith("brands/") else Party.CREATOR
        shown = [conversation_message(conversation, party) for conversation in found]
        return pb.ListConversationsResponse(conversations=shown, next_page_token=token)

    async def SendMessage(self, request: pb.SendMessageRequest, context: Context) -> pb.Message:
        conversation, sender = await self._conversation(request.parent)
        key = request_key(request)
        written = await conversations.send_message(
            self._stores,
            conversation.id,
            sender,
            request.text,
            tuple(Attachment(attachment.url, attachment.title) for attachment in request.attachments),
            id=new_id(key),
            request=key,
        )
        metrics.messages.labels(sender.value.lower()).inc(written.applied)
        return written_message(written)

    async def ListMessages(self, request: pb.ListMessagesRequest, context: Context) -> pb.ListMessagesResponse:
        await self._conversation(request.parent)
        found, token = await queries.messages_of(
            self._stores, request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListMessagesResponse(messages=map(written_message, found), next_page_token=token)

    async def MarkRead(self, request: pb.MarkReadRequest, context: Context) -> pb.Conversation:
        conversation, party = await self._conversation(request.name)
        outcome = await conversations.mark_read(
            self._stores, conversation.id, party, request.message, request=request_key(request)
        )
        return conversation_message(outcome, party)

    async def StreamMessages(
        self, request: pb.StreamMessagesRequest, context: Context
    ) -> AsyncIterator[pb.StreamMessagesResponse]:
        await self._conversation(request.parent)
        after = queries.read_resume_token(request.resume_token, request.parent)
        set_resume_token(request.resume_token)
        while True:
            for message in await queries.messages_after(self._stores, request.parent, after):
                after = message.state.position
                token = queries.resume_token(message)
                yield pb.StreamMessagesResponse(message=written_message(message), resume_token=token)
                set_resume_token(token)
            await asyncio.sleep(_LOOK_EVERY)

    # -- templates ----------------------------------------------------------------------------------------------------

    async def CreateTemplate(self, request: pb.CreateTemplateRequest, context: Context) -> pb.Template:
        _check_party(request.parent, "Brand", request.parent)
        outcome = await templates.create_template(
            self._stores,
            request.parent,
            _occasion(request.template),
            request.template.locale,
            request.template.subject,
            request.template.body,
            request=request_key(request),
        )
        return template_message(outcome)

    async def GetTemplate(self, request: pb.GetTemplateRequest, context: Context) -> pb.Template:
        return template_message(await self._own_template(request.name))

    async def ListTemplates(self, request: pb.ListTemplatesRequest, context: Context) -> pb.ListTemplatesResponse:
        _check_party(request.parent, "Brand", request.parent)
        found, token = await queries.templates_of(
            self._stores, request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListTemplatesResponse(templates=map(template_message, found), next_page_token=token)

    async def UpdateTemplate(self, request: pb.UpdateTemplateRequest, context: Context) -> pb.Template:
        found = await self._own_template(request.template.name)
        outcome = await templates.update_template(
            self._stores,
            found.id,
            request.template.subject,
            request.template.body,
            list(request.update_mask.paths),
            etag=request.template.etag,
            request=request_key(request),
        )
        return template_message(outcome)

    # -- notifications ------------------------------------------------------------------------------------------------

    async def ListNotifications(
        self, request: pb.ListNotificationsRequest, context: Context
    ) -> pb.ListNotificationsResponse:
        _check_party(request.recipient, "Recipient", request.recipient)
        found, token, total, unread = await queries.notifications_of(
            self._stores,
            request.recipient,
            unread_only=request.unread_only,
            campaign=request.campaign,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListNotificationsResponse(
            notifications=map(notification_message, found), next_page_token=token, total_size=total, unread_count=unread
        )

    async def MarkNotificationRead(self, request: pb.MarkNotificationReadRequest, context: Context) -> pb.Notification:
        found = await self._stores.notifications.get(request.name)
        if found is None or not _acts_for(current_caller(), found.state.recipient):
            raise no_such("Notification", request.name)
        outcome = await notifications.mark_notification_read(self._stores, found.id, request=request_key(request))
        return notification_message(outcome)

    # -- whose it is --------------------------------------------------------------------------------------------------

    async def _conversation(self, name: str) -> tuple[Outcome[Conversation], Party]:
        """The conversation, and the side that the caller is on; an operator looks over the creator's shoulder."""
        found = await self._stores.conversations.get(name)
        if found is None:
            raise no_such("Conversation", name)
        caller, about = current_caller(), found.state.about
        if caller.acts_for_creator(about.creator):
            return found, Party.CREATOR
        if caller.acts_for_brand(about.brand):
            return found, Party.BRAND
        raise no_such("Conversation", name)

    async def _own_template(self, name: str) -> Outcome[Template]:
        found = await self._stores.templates.get(name)
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
