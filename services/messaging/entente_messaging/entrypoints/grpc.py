"""The RPCs of messaging."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

from entente.messaging.v1 import service_pb2 as pb
from entente.messaging.v1 import service_pb2_grpc
from entente_chassis.feeds import Feed, Subscription
from entente_chassis.refusal import Invalid, Violation
from entente_chassis.rpc import Access, Caller, Role, current_caller, new_id, request_key, set_resume_token
from entente_chassis.store import Outcome
from entente_messaging import metrics
from entente_messaging.adapters import messages
from entente_messaging.adapters.bounces import read_bounce
from entente_messaging.application import queries
from entente_messaging.application.commands import (
    bulks,
    contacts,
    conversations,
    delivering,
    erasing,
    preferences,
    telling,
    templates,
    webhooks,
)
from entente_messaging.application.commands.common import no_such
from entente_messaging.application.stores import Stores
from entente_messaging.application.table import table
from entente_messaging.application.words import Source
from entente_messaging.domain.bulks import Bulk, BulkState
from entente_messaging.domain.contacts import Contact
from entente_messaging.domain.conversations import Attachment, Conversation, Message
from entente_messaging.domain.deliveries import DeliveryState
from entente_messaging.domain.names import contact_name, preferences_name
from entente_messaging.domain.occasions import Occasion, Party
from entente_messaging.domain.templates import Template
from entente_messaging.domain.webhooks import Webhook

_EVERYBODY = frozenset({Role.BRAND, Role.AGENCY, Role.CREATOR, Role.OPERATOR})
_WRITERS = frozenset({Role.BRAND, Role.AGENCY, Role.CREATOR})
_BRANDS = frozenset({Role.BRAND, Role.AGENCY, Role.OPERATOR})
_OPERATORS = frozenset({Role.OPERATOR})

ACCESS: Access = {
    **dict.fromkeys(
        (
            "UpdateContact",
            "GetContact",
            "GetConversation",
            "ListConversations",
            "ListMessages",
            "SearchMessages",
            "GetUnreadCounts",
            "StreamMessages",
            "ListMoments",
            "ListNotifications",
            "MarkNotificationRead",
            "GetPreferences",
            "UpdatePreferences",
            "CreateWebhook",
            "GetWebhook",
            "ListWebhooks",
            "UpdateWebhook",
            "DeleteWebhook",
            "RotateWebhookSecret",
            "TestWebhook",
            "ListDeliveries",
            "ReplayDelivery",
            "ExportPersonalData",
        ),
        _EVERYBODY,
    ),
    **dict.fromkeys(("SendMessage", "MarkRead"), _WRITERS),
    **dict.fromkeys(
        (
            "CreateTemplate",
            "GetTemplate",
            "ListTemplates",
            "UpdateTemplate",
            "DeleteTemplate",
            "ListTemplateVersions",
            "RollbackTemplate",
            "PreviewTemplate",
            "PreviewBulk",
            "CreateBulk",
            "GetBulk",
            "ListBulks",
            "WatchBulk",
            "CancelBulk",
            "ListBulkResults",
        ),
        _BRANDS,
    ),
    **dict.fromkeys(("ReportBounce", "ErasePersonalData"), _OPERATORS),
}
"""Which roles may call what. Whose it is, is decided with the resource at hand."""

Context = Any
_LOOK_EVERY = 0.3
_LOOK_AT_LEAST_EVERY = 5.0
_LOOK_AGAIN = 0.05
_LOOKS = 5
_PREVIEWED = 1000
_SHOWN = 100


class MessagingServicer(service_pb2_grpc.MessagingServiceServicer):
    """Answers for messaging.

    Args:
        stores: what the use cases work on.
        feed: tells of messages that were written, through whatever replica.
    """

    def __init__(self, stores: Stores, feed: Feed) -> None:
        self._stores = stores
        self._feed = feed
        self._asked: dict[tuple[str, int], asyncio.Future[list[Outcome[Message]]]] = {}

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
        return messages.contact_message(outcome)

    async def GetContact(self, request: pb.GetContactRequest, context: Context) -> pb.Contact:
        _check_party(request.name.removesuffix("/contact"), "Contact", request.name)
        found = await self._stores.contacts.get(request.name)
        if found is None:
            raise no_such("Contact", request.name)
        return messages.contact_message(found)

    # -- conversations ------------------------------------------------------------------------------------------------

    async def GetConversation(self, request: pb.GetConversationRequest, context: Context) -> pb.Conversation:
        found, party = await self._conversation(request.name)
        return messages.conversation_message(found, party)

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
        shown = [messages.conversation_message(conversation, party) for conversation in found]
        return pb.ListConversationsResponse(conversations=shown, next_page_token=token)

    async def SendMessage(self, request: pb.SendMessageRequest, context: Context) -> pb.Message:
        conversation, sender = await self._conversation(request.parent)
        key = request_key(request)
        written = await conversations.send_message(
            self._stores,
            conversation.id,
            sender,
            request.text,
            tuple(Attachment(a.url, a.title, a.media_type, a.size_bytes) for a in request.attachments),
            id=new_id(key),
            request=key,
        )
        metrics.messages.labels(sender.value.lower()).inc(written.applied)
        return messages.written_message(written)

    async def ListMessages(self, request: pb.ListMessagesRequest, context: Context) -> pb.ListMessagesResponse:
        await self._conversation(request.parent)
        found, token = await queries.messages_of(
            self._stores, request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListMessagesResponse(messages=map(messages.written_message, found), next_page_token=token)

    async def SearchMessages(self, request: pb.SearchMessagesRequest, context: Context) -> pb.SearchMessagesResponse:
        _check_party(request.participant, "Participant", request.participant)
        found, token = await queries.search(
            self._stores,
            request.participant,
            request.query,
            request.conversation,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.SearchMessagesResponse(messages=map(messages.written_message, found), next_page_token=token)

    async def GetUnreadCounts(self, request: pb.GetUnreadCountsRequest, context: Context) -> pb.UnreadCounts:
        _check_party(request.participant, "Participant", request.participant)
        unread, written, told = await queries.unread_of(self._stores, request.participant)
        return pb.UnreadCounts(conversations=unread, messages=written, notifications=told)

    async def MarkRead(self, request: pb.MarkReadRequest, context: Context) -> pb.Conversation:
        conversation, party = await self._conversation(request.name)
        outcome = await conversations.mark_read(
            self._stores, conversation.id, party, request.message, request=request_key(request)
        )
        return messages.conversation_message(outcome, party)

    async def StreamMessages(
        self, request: pb.StreamMessagesRequest, context: Context
    ) -> AsyncIterator[pb.StreamMessagesResponse]:
        await self._conversation(request.parent)
        after = queries.read_resume_token(request.resume_token, request.parent)
        set_resume_token(request.resume_token)
        async with self._feed.subscribe(request.parent) as heard:
            looks = 1
            while True:
                found = await self._after(request.parent, after)
                for message in found:
                    after = message.state.position
                    token = queries.resume_token(message)
                    yield pb.StreamMessagesResponse(message=messages.written_message(message), resume_token=token)
                    set_resume_token(token)
                looks -= 1
                if found:
                    continue
                if looks > 0:  # A message is heard of when its conversation takes it, a moment before it can be read.
                    await asyncio.sleep(_LOOK_AGAIN)
                else:
                    await _next(heard, _LOOK_AT_LEAST_EVERY)
                    looks = _LOOKS

    async def _after(self, conversation: str, position: int) -> list[Outcome[Message]]:
        """The next messages after a position: one question for all streams that ask it at the same time."""
        key = (conversation, position)
        if key not in self._asked:
            self._asked[key] = asyncio.ensure_future(queries.messages_after(self._stores, conversation, position))
            self._asked[key].add_done_callback(lambda _: self._asked.pop(key, None))
        return await asyncio.shield(self._asked[key])

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
        return messages.template_message(outcome)

    async def GetTemplate(self, request: pb.GetTemplateRequest, context: Context) -> pb.Template:
        return messages.template_message(await self._own_template(request.name))

    async def ListTemplates(self, request: pb.ListTemplatesRequest, context: Context) -> pb.ListTemplatesResponse:
        _check_party(request.parent, "Brand", request.parent)
        found, token = await queries.templates_of(
            self._stores, request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListTemplatesResponse(templates=map(messages.template_message, found), next_page_token=token)

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
        return messages.template_message(outcome)

    async def DeleteTemplate(self, request: pb.DeleteTemplateRequest, context: Context) -> pb.Template:
        found = await self._own_template(request.name)
        outcome = await templates.delete_template(
            self._stores, found.id, etag=request.etag, request=request_key(request)
        )
        return messages.template_message(outcome)

    async def ListTemplateVersions(
        self, request: pb.ListTemplateVersionsRequest, context: Context
    ) -> pb.ListTemplateVersionsResponse:
        template = await self._own_template(request.parent, deleted_too=True)
        found, token = await queries.versions_of(
            self._stores, template.id, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListTemplateVersionsResponse(versions=map(messages.version_message, found), next_page_token=token)

    async def RollbackTemplate(self, request: pb.RollbackTemplateRequest, context: Context) -> pb.Template:
        found = await self._own_template(request.name)
        outcome = await templates.rollback_template(
            self._stores, found.id, request.version, request=request_key(request)
        )
        return messages.template_message(outcome)

    async def PreviewTemplate(self, request: pb.PreviewTemplateRequest, context: Context) -> pb.PreviewTemplateResponse:
        _check_party(request.parent, "Brand", request.parent)
        about = None
        if request.conversation:
            conversation, _ = await self._conversation(request.conversation)
            if conversation.state.about.brand != request.parent:
                raise no_such("Conversation", request.conversation)
            about = conversation.state
        given = request.subject or request.body
        words = Source(request.subject, request.body) if given else None
        occasion = messages.occasion_of(request.occasion)
        shown = await templates.preview(self._stores, request.parent, occasion, request.locale, words, about)
        return messages.preview_message(shown)

    async def ListMoments(self, request: pb.ListMomentsRequest, context: Context) -> pb.ListMomentsResponse:
        rows = [
            messages.moment_message(moment, party, list(table().fields(moment.occasion).values()))
            for moment in table().moments
            for party in moment.to
        ]
        start = int(request.page_token) if request.page_token.isdecimal() else 0
        end = start + (request.page_size or len(rows))
        token = str(end) if end < len(rows) else ""
        return pb.ListMomentsResponse(moments=rows[start:end], next_page_token=token)

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
        mails = await queries.mails_of(self._stores, found)
        shown = [messages.notification_message(one, mails.get(one.id)) for one in found]
        return pb.ListNotificationsResponse(
            notifications=shown, next_page_token=token, total_size=total, unread_count=unread
        )

    async def MarkNotificationRead(self, request: pb.MarkNotificationReadRequest, context: Context) -> pb.Notification:
        found = await self._stores.notifications.get(request.name)
        if found is None or not _acts_for(current_caller(), found.state.recipient):
            raise no_such("Notification", request.name)
        outcome = await telling.mark_notification_read(self._stores, found.id, request=request_key(request))
        mails = await queries.mails_of(self._stores, [outcome])
        return messages.notification_message(outcome, mails.get(outcome.id))

    async def GetPreferences(self, request: pb.GetPreferencesRequest, context: Context) -> pb.Preferences:
        _check_party(request.name.removesuffix("/preferences"), "Preferences", request.name)
        found = await self._stores.preferences.get(request.name)
        return messages.preferences_message(request.name, found)

    async def UpdatePreferences(self, request: pb.UpdatePreferencesRequest, context: Context) -> pb.Preferences:
        name = request.preferences.name
        _check_party(name.removesuffix("/preferences"), "Preferences", name)
        outcome = await preferences.set_preferences(
            self._stores,
            name,
            messages.preferences_of_message(request.preferences),
            list(request.update_mask.paths),
            etag=request.preferences.etag,
            request=request_key(request),
        )
        return messages.preferences_message(name, outcome)

    # -- webhooks -----------------------------------------------------------------------------------------------------

    async def CreateWebhook(self, request: pb.CreateWebhookRequest, context: Context) -> pb.Webhook:
        _check_party(request.parent, "Owner", request.parent)
        key = request_key(request)
        outcome = await webhooks.create_webhook(
            self._stores,
            request.parent,
            new_id(key),
            request.webhook.url,
            tuple(map(messages.occasion_of, request.webhook.occasions)),
            request=key,
        )
        return messages.webhook_message(outcome, with_secret=True)

    async def GetWebhook(self, request: pb.GetWebhookRequest, context: Context) -> pb.Webhook:
        return messages.webhook_message(await self._own_webhook(request.name))

    async def ListWebhooks(self, request: pb.ListWebhooksRequest, context: Context) -> pb.ListWebhooksResponse:
        _check_party(request.parent, "Owner", request.parent)
        found, token = await queries.webhooks_of(
            self._stores, request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListWebhooksResponse(webhooks=map(messages.webhook_message, found), next_page_token=token)

    async def UpdateWebhook(self, request: pb.UpdateWebhookRequest, context: Context) -> pb.Webhook:
        found = await self._own_webhook(request.webhook.name)
        wanted = Webhook(
            owner=found.state.owner,
            url=request.webhook.url,
            occasions=tuple(map(messages.occasion_of, request.webhook.occasions)),
            secret="",
            created_at=found.state.created_at,
            enabled=request.webhook.enabled,
        )
        outcome = await webhooks.update_webhook(
            self._stores,
            found.id,
            wanted,
            list(request.update_mask.paths),
            etag=request.webhook.etag,
            request=request_key(request),
        )
        return messages.webhook_message(outcome)

    async def DeleteWebhook(self, request: pb.DeleteWebhookRequest, context: Context) -> pb.Webhook:
        found = await self._own_webhook(request.name, deleted_too=True)
        outcome = await webhooks.delete_webhook(self._stores, found.id, request=request_key(request))
        return messages.webhook_message(outcome)

    async def RotateWebhookSecret(self, request: pb.RotateWebhookSecretRequest, context: Context) -> pb.Webhook:
        found = await self._own_webhook(request.name)
        overlap = timedelta(hours=request.overlap_hours if request.HasField("overlap_hours") else 24)
        outcome = await webhooks.rotate_secret(self._stores, found.id, overlap, request=request_key(request))
        return messages.webhook_message(outcome, with_secret=True)

    async def TestWebhook(self, request: pb.TestWebhookRequest, context: Context) -> pb.Delivery:
        found = await self._own_webhook(request.name)
        outcome = await webhooks.send_test(self._stores, found.id, new_id(request_key(request)))
        return messages.delivery_message(outcome)

    # -- deliveries ---------------------------------------------------------------------------------------------------

    async def ListDeliveries(self, request: pb.ListDeliveriesRequest, context: Context) -> pb.ListDeliveriesResponse:
        _check_party(request.recipient, "Recipient", request.recipient)
        named = pb.DeliveryState.Name(request.state).removeprefix("DELIVERY_STATE_")
        found, token = await queries.deliveries_of(
            self._stores,
            request.recipient,
            DeliveryState(named) if request.state else None,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return pb.ListDeliveriesResponse(deliveries=map(messages.delivery_message, found), next_page_token=token)

    async def ReplayDelivery(self, request: pb.ReplayDeliveryRequest, context: Context) -> pb.Delivery:
        found = await self._stores.deliveries.get(request.name)
        if found is None or not _acts_for(current_caller(), found.state.recipient):
            raise no_such("Delivery", request.name)
        outcome = await delivering.replay(self._stores, found.id, request=request_key(request))
        return messages.delivery_message(outcome)

    async def ReportBounce(self, request: pb.ReportBounceRequest, context: Context) -> pb.ReportBounceResponse:
        bounce = await asyncio.to_thread(read_bounce, request.message)
        if bounce is None:
            return pb.ReportBounceResponse()
        name = await delivering.bounce(self._stores, bounce.notification, bounce.status, permanent=bounce.permanent)
        metrics.bounces.labels(str(bounce.permanent).lower()).inc()
        return pb.ReportBounceResponse(delivery=name, permanent=bounce.permanent, status=bounce.status)

    # -- bulk messages ------------------------------------------------------------------------------------------------

    async def PreviewBulk(self, request: pb.PreviewBulkRequest, context: Context) -> pb.PreviewBulkResponse:
        bulk, creators = self._bulk_asked(request.parent, request.bulk)
        await bulks.check_words(self._stores, bulk)
        more = len(creators) > _PREVIEWED
        if not creators:
            found, token = await self._stores.recipients.page(bulk.brand, bulk.audience, "", _PREVIEWED)
            creators, more = [recipient.creator for recipient in found], bool(token)
        own = Source(bulk.subject, bulk.body) if bulk.subject or bulk.body else None
        words = await templates.preview(self._stores, bulk.brand, bulk.occasion, bulk.locale, own, None)
        return pb.PreviewBulkResponse(
            recipient_count=min(len(creators), _PREVIEWED),
            more=more,
            recipients=creators[:_SHOWN],
            words=messages.preview_message(words),
        )

    async def CreateBulk(self, request: pb.CreateBulkRequest, context: Context) -> pb.Bulk:
        bulk, creators = self._bulk_asked(request.parent, request.bulk)
        key = request_key(request)
        name = f"{request.parent}/bulks/{new_id(key)}"
        return messages.bulk_message(await bulks.create_bulk(self._stores, name, bulk, creators, request=key))

    async def GetBulk(self, request: pb.GetBulkRequest, context: Context) -> pb.Bulk:
        return messages.bulk_message(await self._own_bulk(request.name))

    async def ListBulks(self, request: pb.ListBulksRequest, context: Context) -> pb.ListBulksResponse:
        _check_party(request.parent, "Brand", request.parent)
        found, token = await queries.bulks_of(
            self._stores, request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListBulksResponse(bulks=map(messages.bulk_message, found), next_page_token=token)

    async def WatchBulk(self, request: pb.WatchBulkRequest, context: Context) -> AsyncIterator[pb.WatchBulkResponse]:
        seen = 0
        while True:
            found = await self._own_bulk(request.name)
            if found.version != seen:
                seen = found.version
                yield pb.WatchBulkResponse(bulk=messages.bulk_message(found))
            if found.state.ended_at or found.state.state is BulkState.FAILED:
                return
            await asyncio.sleep(_LOOK_EVERY)

    async def CancelBulk(self, request: pb.CancelBulkRequest, context: Context) -> pb.Bulk:
        found = await self._own_bulk(request.name)
        return messages.bulk_message(await bulks.cancel_bulk(self._stores, found.id, request=request_key(request)))

    async def ListBulkResults(self, request: pb.ListBulkResultsRequest, context: Context) -> pb.ListBulkResultsResponse:
        bulk = await self._own_bulk(request.parent)
        found, token = await queries.results_of(
            self._stores, bulk.id, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListBulkResultsResponse(results=map(messages.result_message, found), next_page_token=token)

    # -- personal data ------------------------------------------------------------------------------------------------

    async def ExportPersonalData(
        self, request: pb.ExportPersonalDataRequest, context: Context
    ) -> pb.ExportPersonalDataResponse:
        person = request.person
        _check_party(person, "Person", person)
        told, written, token = await queries.personal_data(self._stores, person, request.page_token)
        mails = await queries.mails_of(self._stores, told)
        answer = pb.ExportPersonalDataResponse(
            notifications=[messages.notification_message(one, mails.get(one.id)) for one in told],
            messages=map(messages.written_message, written),
            next_page_token=token,
        )
        if not request.page_token:
            contact = await self._stores.contacts.get(contact_name(person))
            if contact:
                answer.contact.CopyFrom(messages.contact_message(contact))
            name = preferences_name(person)
            found = await self._stores.preferences.get(name)
            answer.preferences.CopyFrom(messages.preferences_message(name, found))
            own, _ = await queries.webhooks_of(self._stores, person, page_size=1000, page_token="")
            answer.webhooks.extend(map(messages.webhook_message, own))
        return answer

    async def ErasePersonalData(
        self, request: pb.ErasePersonalDataRequest, context: Context
    ) -> pb.ErasePersonalDataResponse:
        outcome = await erasing.erase(self._stores, request.person, request.reason, request=request_key(request))
        answer = pb.ErasePersonalDataResponse()
        answer.erase_time.FromDatetime(outcome.state.erased_at)
        return answer

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

    async def _own_template(self, name: str, *, deleted_too: bool = False) -> Outcome[Template]:
        found = await self._stores.templates.get(name)
        if found is None or not _acts_for(current_caller(), found.state.brand):
            raise no_such("Template", name)
        if found.state.deleted and not deleted_too:
            raise no_such("Template", name)
        return found

    async def _own_webhook(self, name: str, *, deleted_too: bool = False) -> Outcome[Webhook]:
        found = await self._stores.webhooks.get(name)
        if found is None or not _acts_for(current_caller(), found.state.owner):
            raise no_such("Webhook", name)
        if found.state.deleted and not deleted_too:
            raise no_such("Webhook", name)
        return found

    async def _own_bulk(self, name: str) -> Outcome[Bulk]:
        found = await self._stores.bulks.get(name)
        if found is None or not _acts_for(current_caller(), found.state.brand):
            raise no_such("Bulk", name)
        return found

    def _bulk_asked(self, brand: str, asked: pb.Bulk) -> tuple[Bulk, list[str]]:
        _check_party(brand, "Brand", brand)
        audience, creators = messages.audience_of(asked.audience)
        return messages.bulk_of_message(brand, asked, audience, self._stores.clock.now()), creators


async def _next(heard: Subscription, seconds: float) -> None:
    """Wait for an event, but not for ever: what was heard of before it could be read is looked for again."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await heard.next()


def _acts_for(caller: Caller, party: str) -> bool:
    return caller.acts_for_brand(party) if party.startswith("brands/") else caller.acts_for_creator(party)


def _check_party(party: str, what: str, name: str) -> None:
    if not _acts_for(current_caller(), party):
        raise no_such(what, name)


def _occasion(template: pb.Template) -> Occasion:
    if template.occasion == pb.OCCASION_UNSPECIFIED:
        violation = Violation("template.occasion", "is required: what are the words for?", "REQUIRED")
        raise Invalid("TEMPLATE_INVALID", "The template is not complete.", violations=[violation])
    return messages.occasion_of(template.occasion)
