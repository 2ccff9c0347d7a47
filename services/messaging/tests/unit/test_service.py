"""The whole service over memory: events in, gRPC out, with the real handlers and the real server."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from entente.analytics.v1 import events_pb2 as analytics
from entente.analytics.v1 import service_pb2 as analytics_service
from entente.campaign.v1 import events_pb2 as campaign
from entente.campaign.v1 import service_pb2 as campaign_service
from entente.messaging.v1 import service_pb2 as pb
from entente.messaging.v1 import service_pb2_grpc
from entente.review.v1 import events_pb2 as review
from entente_chassis.clock import ManualClock
from entente_chassis.consumer import Routes
from entente_chassis.rpc import Role, to_refusal
from entente_chassis.store import Change, MemoryAggregates
from entente_chassis.testing import TestServer, incoming, serving
from entente_messaging.adapters import kinds
from entente_messaging.adapters.mail import MemoryMailer
from entente_messaging.application import queries
from entente_messaging.application.stores import Stores
from entente_messaging.domain import conversations
from entente_messaging.domain.conversations import Message
from entente_messaging.domain.occasions import Party
from entente_messaging.entrypoints import timers
from entente_messaging.entrypoints.events import routes
from entente_messaging.entrypoints.grpc import ACCESS, MessagingServicer

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
COLLABORATION = "campaigns/c1/collaborations/ann"
CONVERSATION = "conversations/c1~ann"
REF = campaign.CollaborationRef(
    collaboration=COLLABORATION,
    campaign="campaigns/c1",
    brand="brands/zoe",
    creator="creators/ann",
    campaign_title="Crème d’été",
    brand_display_name="Maison Zoë",
    creator_display_name="Ann",
)


@dataclass
class World:
    stores: Stores
    mailer: MemoryMailer
    clock: ManualClock
    routes: Routes
    server: TestServer

    async def hear(self, message: object, *, n: int = 1, subject: str = COLLABORATION) -> None:
        await self.routes[type(message)](incoming(message, subject, n=n))  # type: ignore[index]

    async def fire_timers(self) -> None:
        for aggregates, fire in (
            (self.stores.notifications, timers.send_mail(self.stores)),
            (self.stores.conversations, timers.file_messages(self.stores)),
        ):
            for id, _ in await aggregates.due(self.clock.now(), 100):
                await fire(id)

    @property
    def brand(self) -> Any:
        return self.server.client_as(service_pb2_grpc.MessagingServiceStub, Role.BRAND, brands=["brands/zoe"])

    @property
    def creator(self) -> Any:
        return self.server.client_as(service_pb2_grpc.MessagingServiceStub, Role.CREATOR, creators=["creators/ann"])

    @property
    def stranger(self) -> Any:
        return self.server.client_as(service_pb2_grpc.MessagingServiceStub, Role.BRAND, brands=["brands/other"])

    async def contact(self, locale: str = "fr") -> None:
        contact = pb.Contact(name="creators/ann/contact", email="ann@example.org", locale=locale, email_enabled=True)
        await self.creator.UpdateContact(pb.UpdateContactRequest(contact=contact))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock, mailer = ManualClock(NOW), MemoryMailer()
    stores = Stores(
        contacts=MemoryAggregates(kinds.CONTACTS, clock),
        conversations=MemoryAggregates(kinds.CONVERSATIONS, clock),
        messages=MemoryAggregates(kinds.MESSAGES, clock),
        notifications=MemoryAggregates(kinds.NOTIFICATIONS, clock),
        templates=MemoryAggregates(kinds.TEMPLATES, clock),
        mailer=mailer,
        clock=clock,
    )
    service = (service_pb2_grpc.add_MessagingServiceServicer_to_server, MessagingServicer(stores), ACCESS)
    async with serving(tmp_path, service) as server:
        yield World(stores, mailer, clock, routes(stores), server)


async def test_an_acceptance_is_told_in_the_inbox_by_email_and_in_the_conversation_in_the_creators_language(
    world: World,
) -> None:
    await world.contact("fr")
    await world.hear(campaign.CollaborationAccepted(ref=REF, by=campaign_service.PARTY_BRAND, comment="Bravo !"))
    await world.fire_timers()
    inbox = await world.creator.ListNotifications(pb.ListNotificationsRequest(recipient="creators/ann"))
    (told,) = inbox.notifications
    assert (told.occasion, told.mail_state, told.locale) == (
        pb.OCCASION_APPLICATION_ACCEPTED,
        pb.MAIL_STATE_SENT,
        "fr",
    )
    assert "Bravo !" in told.text
    (mail,) = world.mailer.sent
    assert (mail.to, mail.language) == ("ann@example.org", "fr")
    assert "Crème d’été" in mail.subject
    messages = await world.creator.ListMessages(pb.ListMessagesRequest(parent=CONVERSATION))
    assert [(m.sender, m.automatic) for m in messages.messages] == [(pb.PARTY_BRAND, True)]
    assert (inbox.total_size, inbox.unread_count) == (1, 1)


async def test_the_same_event_twice_tells_once(world: World) -> None:
    await world.contact()
    for _ in range(3):
        await world.hear(campaign.CollaborationAccepted(ref=REF, by=campaign_service.PARTY_BRAND))
        await world.fire_timers()
    assert len(world.mailer.sent) == 1
    assert await world.stores.notifications.count() == 1
    assert await world.stores.messages.count() == 1
    conversation = await world.creator.GetConversation(pb.GetConversationRequest(name=CONVERSATION))
    assert conversation.unread_count == 1


async def test_an_email_waits_until_the_address_is_known_and_speaks_the_language_that_came_with_it(
    world: World,
) -> None:
    await world.hear(campaign.CollaborationCompleted(ref=REF))
    await world.fire_timers()
    assert world.mailer.sent == []
    await world.contact("lv")
    world.clock.advance(timedelta(hours=7))
    await world.fire_timers()
    assert world.mailer.sent[0].language == "lv"
    inbox = await world.creator.ListNotifications(pb.ListNotificationsRequest(recipient="creators/ann"))
    assert inbox.notifications[0].title.startswith("Paldies")


async def test_who_wants_no_email_gets_none_and_keeps_the_inbox(world: World) -> None:
    await world.contact()
    off = pb.Contact(name="creators/ann/contact", email_enabled=False)
    request = pb.UpdateContactRequest(contact=off)
    request.update_mask.paths.append("email_enabled")
    assert (await world.creator.UpdateContact(request)).email == "ann@example.org"
    await world.hear(campaign.CollaborationCompleted(ref=REF))
    await world.fire_timers()
    assert world.mailer.sent == []
    inbox = await world.creator.ListNotifications(pb.ListNotificationsRequest(recipient="creators/ann"))
    assert inbox.notifications[0].mail_state == pb.MAIL_STATE_SKIPPED


async def test_a_brands_own_words_go_before_the_built_in_ones(world: World) -> None:
    await world.contact("fr")
    template = pb.Template(
        occasion=pb.OCCASION_THANK_YOU,
        locale="fr",
        subject="Merci {{ creator_name }}",
        body="À très vite, {{ brand_name }}",
    )
    made = await world.brand.CreateTemplate(pb.CreateTemplateRequest(parent="brands/zoe", template=template))
    assert made.name == "brands/zoe/templates/thank-you~fr"
    await world.hear(campaign.CollaborationCompleted(ref=REF))
    await world.fire_timers()
    assert world.mailer.sent[0].text == "À très vite, Maison Zoë"


async def test_a_template_with_an_unknown_merge_field_is_refused_with_its_name(world: World) -> None:
    template = pb.Template(occasion=pb.OCCASION_THANK_YOU, locale="fr", subject="{{ prix }}", body="x")
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.brand.CreateTemplate(pb.CreateTemplateRequest(parent="brands/zoe", template=template))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert b"prix" in dict(refused.value.trailing_metadata() or ())["grpc-status-details-bin"]


async def test_only_the_two_parties_read_a_conversation(world: World) -> None:
    await world.hear(campaign.CreatorInvited(ref=REF))
    assert (await world.brand.GetConversation(pb.GetConversationRequest(name=CONVERSATION))).creator == "creators/ann"
    for call in (
        world.stranger.GetConversation(pb.GetConversationRequest(name=CONVERSATION)),
        world.stranger.ListMessages(pb.ListMessagesRequest(parent=CONVERSATION)),
        world.stranger.SendMessage(pb.SendMessageRequest(parent=CONVERSATION, text="hello")),
        world.stranger.GetContact(pb.GetContactRequest(name="creators/ann/contact")),
        world.stranger.ListNotifications(pb.ListNotificationsRequest(recipient="brands/zoe")),
    ):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_writing_reading_and_answering(world: World) -> None:
    await world.hear(campaign.ApplicationReceived(ref=REF))
    request = pb.SendMessageRequest(parent=CONVERSATION, text="Bonjour Ann", request_id="r1")
    first = await world.brand.SendMessage(request)
    assert (await world.brand.SendMessage(request)).name == first.name
    world.clock.advance(timedelta(hours=2))
    conversation = await world.creator.GetConversation(pb.GetConversationRequest(name=CONVERSATION))
    assert conversation.unread_count == 1
    read = await world.creator.MarkRead(pb.MarkReadRequest(name=CONVERSATION, message=first.name))
    assert (read.unread_count, read.creator_read_until) == (0, first.name)
    await world.creator.SendMessage(pb.SendMessageRequest(parent=CONVERSATION, text="Bonjour ☀"))
    raw = await world.stores.conversations.documents.load(CONVERSATION)
    assert raw is not None
    assert [entry["type"].rsplit(".", 1)[1] for entry in raw["outbox"]] == [
        "MessageSent",
        "MessageSent",
        "ReplyTimeMeasured",
    ]
    assert raw["state"]["arriving"] == {}
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.brand.SendMessage(pb.SendMessageRequest(parent=CONVERSATION, text="Autre", request_id="r1"))
    assert to_refusal(refused.value).reason == "REQUEST_ID_REUSED"


async def test_a_stream_sends_what_comes_and_resumes_after_its_token(world: World) -> None:
    await world.hear(campaign.ApplicationReceived(ref=REF))
    for text in ("one", "two"):
        await world.brand.SendMessage(pb.SendMessageRequest(parent=CONVERSATION, text=text))
    stream = world.creator.StreamMessages(pb.StreamMessagesRequest(parent=CONVERSATION))
    first = await stream.read()
    assert first.message.text == "one"
    stream.cancel()
    again = world.creator.StreamMessages(pb.StreamMessagesRequest(parent=CONVERSATION, resume_token=first.resume_token))
    assert (await again.read()).message.text == "two"
    await world.creator.SendMessage(pb.SendMessageRequest(parent=CONVERSATION, text="three"))
    async with asyncio.timeout(5):
        assert (await again.read()).message.text == "three"
    again.cancel()


async def test_messages_sent_at_once_are_numbered_without_a_gap_and_a_repeat_gets_no_second_number(
    world: World,
) -> None:
    await world.hear(campaign.ApplicationReceived(ref=REF))
    requests = [
        pb.SendMessageRequest(parent=CONVERSATION, text=f"n {number // 2}", request_id=f"r{number // 2}")
        for number in range(8)
    ]
    sent = await asyncio.gather(*(world.brand.SendMessage(request) for request in requests))
    assert len({message.name for message in sent}) == 4
    assert len(await queries.messages_after(world.stores, CONVERSATION, 0)) == 4
    conversation = (await world.stores.conversations.require(CONVERSATION, what="Conversation")).state
    assert (conversation.messages, conversation.arriving) == (4, {})


async def test_a_message_that_a_crash_left_half_written_holds_up_the_stream_until_it_is_whole(world: World) -> None:
    await world.hear(campaign.ApplicationReceived(ref=REF))
    left = Message(CONVERSATION, Party.BRAND, "one", NOW)
    await world.stores.conversations.change(
        CONVERSATION, lambda c: Change(*conversations.take(CONVERSATION, c, "left", left)) if c else None
    )
    await world.brand.SendMessage(pb.SendMessageRequest(parent=CONVERSATION, text="two"))
    assert await queries.messages_after(world.stores, CONVERSATION, 0) == []
    world.clock.advance(timedelta(seconds=5))
    await world.fire_timers()
    found = await queries.messages_after(world.stores, CONVERSATION, 0)
    assert [message.state.text for message in found] == ["one", "two"]


async def test_a_token_of_another_conversation_resumes_nothing(world: World) -> None:
    await world.hear(campaign.ApplicationReceived(ref=REF))
    token = base64.urlsafe_b64encode(b"conversations/c2~ann|3").decode()
    request = pb.StreamMessagesRequest(parent=CONVERSATION, resume_token=token)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.creator.StreamMessages(request).read()
    assert to_refusal(refused.value).reason == "RESUME_TOKEN_INVALID"


async def test_an_automatic_approval_is_told_to_both_sides(world: World) -> None:
    ref = review.SubmissionRef(
        collaboration=COLLABORATION, campaign="campaigns/c1", brand="brands/zoe", creator="creators/ann"
    )
    await world.hear(review.SubmissionApproved(ref=ref, automatic=True, compliance_percent=100), subject="reviews/r")
    found = await world.stores.notifications.find()
    assert sorted(told.state.recipient for told in found) == ["brands/zoe", "creators/ann"]


async def test_a_brand_hears_of_its_objective(world: World) -> None:
    changed = analytics.ObjectiveStatusChanged(
        campaign="campaigns/c1",
        brand="brands/zoe",
        campaign_title="Crème",
        status=analytics_service.OBJECTIVE_STATUS_AT_RISK,
        progress_basis_points=4250,
    )
    await world.hear(changed, subject="campaigns/c1/objective")
    (told,) = await world.stores.notifications.find()
    assert told.state.text == "The objective of “Crème” is now at risk (42 % reached)."


async def test_each_event_of_a_collaboration_is_told_or_left_alone_on_purpose(world: World) -> None:
    silent = {"BrandRegistered", "CollaborationPreselected", "CollaborationRated", "PayableCreated"}
    # Not told yet: the waiting list and disputes.
    silent |= {"CollaborationWaitlisted", "PlaceOffered", "DisputeOpened", "DisputeResolved"}
    about_campaigns = {name for name in campaign.DESCRIPTOR.message_types_by_name if name.startswith("Campaign")}
    snapshots = {"CampaignSnapshot", "CollaborationSnapshot", "CollaborationRef"}
    known = {message.DESCRIPTOR.name for message in world.routes}
    assert set(campaign.DESCRIPTOR.message_types_by_name) - known == silent | about_campaigns | snapshots
