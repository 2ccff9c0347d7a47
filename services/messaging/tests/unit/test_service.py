"""The whole service over memory: events in, gRPC out, with the real handlers and the real server."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from entente.analytics.v1 import events_pb2 as analytics
from entente.analytics.v1 import service_pb2 as analytics_service
from entente.campaign.v1 import events_pb2 as campaign
from entente.campaign.v1 import service_pb2 as campaign_service
from entente.messaging.v1 import events_pb2, service_pb2_grpc
from entente.messaging.v1 import service_pb2 as pb
from entente.review.v1 import events_pb2 as review
from entente_chassis.clock import ManualClock
from entente_chassis.consumer import Routes
from entente_chassis.envelope import headers_of
from entente_chassis.feeds import Feed
from entente_chassis.rpc import Role, to_refusal
from entente_chassis.store import Aggregates, Change, Kind, MemoryAggregates, Outgoing
from entente_chassis.store.aggregates import CONVERTER
from entente_chassis.store.documents import Documents
from entente_chassis.testing import TestServer, incoming, serving
from entente_messaging.adapters import kinds
from entente_messaging.adapters.languages import ModelLanguages
from entente_messaging.adapters.mail import MemoryMailer
from entente_messaging.adapters.webhooks import HttpPoster
from entente_messaging.application import queries
from entente_messaging.application.commands.preferences import stop_mails
from entente_messaging.application.ports import Post, Poster, PostFailed, Recipient, Recipients
from entente_messaging.application.stores import Stores
from entente_messaging.application.table import table
from entente_messaging.application.ways_out import WaysOut
from entente_messaging.domain import conversations
from entente_messaging.domain.bulks import Audience
from entente_messaging.domain.conversations import Message
from entente_messaging.domain.occasions import Party
from entente_messaging.entrypoints import timers
from entente_messaging.entrypoints.events import routes
from entente_messaging.entrypoints.grpc import ACCESS, MessagingServicer
from entente_messaging.entrypoints.http import way_out_app

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


KEPT = (
    "contacts", "preferences", "conversations", "messages", "notifications", "deliveries", "mailboxes", "templates",
    "template_versions", "webhooks", "bulks", "packets", "erasures",
)  # fmt: skip


@dataclass
class World:
    stores: Stores
    mailer: MemoryMailer
    poster: "MemoryPoster"
    clock: ManualClock
    technical: ManualClock
    routes: Routes
    server: TestServer

    async def hear(self, message: object, *, n: int = 1, subject: str = COLLABORATION) -> None:
        topic = f"entente.{type(message).DESCRIPTOR.full_name.split('.')[1]}.events.v1"  # type: ignore[attr-defined]
        await self.routes[type(message)](incoming(message, subject, n=n, topic=topic))  # type: ignore[index]

    async def fire_timers(self) -> None:
        for aggregates, fire in (
            (self.stores.bulks, timers.collect_recipients(self.stores)),
            (self.stores.packets, timers.send_packet(self.stores)),
            (self.stores.deliveries, timers.deliver(self.stores)),
            (self.stores.mailboxes, timers.send_digest(self.stores)),
            (self.stores.conversations, timers.file_messages(self.stores)),
            (self.stores.erasures, timers.erase(self.stores)),
        ):
            for id, _ in await aggregates.due(self.clock.now(), 100):
                await fire(id)

    async def fire_later(self, by: timedelta) -> None:
        self.clock.advance(by)
        self.technical.advance(by)
        await self.fire_timers()

    @property
    def brand(self) -> Any:
        return self.server.client_as(service_pb2_grpc.MessagingServiceStub, Role.BRAND, brands=["brands/zoe"])

    @property
    def creator(self) -> Any:
        return self.server.client_as(service_pb2_grpc.MessagingServiceStub, Role.CREATOR, creators=["creators/ann"])

    @property
    def operator(self) -> Any:
        return self.server.client_as(service_pb2_grpc.MessagingServiceStub, Role.OPERATOR)

    @property
    def stranger(self) -> Any:
        return self.server.client_as(service_pb2_grpc.MessagingServiceStub, Role.BRAND, brands=["brands/other"])

    async def contact(self, locale: str = "fr", zone: str = "", creator: str = "ann") -> None:
        contact = pb.Contact(
            name=f"creators/{creator}/contact",
            email=f"{creator}@example.org",
            locale=locale,
            time_zone=zone,
            email_enabled=True,
        )
        await self.operator.UpdateContact(pb.UpdateContactRequest(contact=contact))

    async def inbox(self, recipient: str = "creators/ann") -> list[pb.Notification]:
        answer = await self.operator.ListNotifications(pb.ListNotificationsRequest(recipient=recipient))
        return list(answer.notifications)

    async def prefer(self, *paths: str, **given: Any) -> None:
        wanted = pb.Preferences(name="creators/ann/preferences", **given)
        request = pb.UpdatePreferencesRequest(preferences=wanted)
        request.update_mask.paths.extend(paths)
        await self.creator.UpdatePreferences(request)

    async def deliveries(self, recipient: str = "creators/ann") -> list[pb.Delivery]:
        answer = await self.operator.ListDeliveries(pb.ListDeliveriesRequest(recipient=recipient))
        return list(answer.deliveries)


@dataclass
class MemoryPoster(Poster):
    """Takes what is posted, or fails as it is told to."""

    posts: list[Post] = field(default_factory=list)
    fails: PostFailed | None = None

    def check(self, url: str) -> None:
        HttpPoster(allow_private=False).check(url)

    async def post(self, post: Post) -> str:
        self.posts.append(post)
        if self.fails:
            raise self.fails
        return "200"


@dataclass
class GivenRecipients(Recipients):
    """Pages of recipients, as campaign or matching would give them."""

    pages: list[list[Recipient]]

    async def page(
        self, brand: str, audience: Audience, page_token: str, page_size: int
    ) -> tuple[list[Recipient], str]:
        at = int(page_token or "0")
        return self.pages[at], str(at + 1) if at + 1 < len(self.pages) else ""


class Offering:
    """Hands what is published to a feed, at once."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def offer(self, documents: Documents, id: str, outbox: Sequence[Outgoing]) -> None:
        for event in outbox:
            headers = [(name, value.encode()) for name, value in headers_of(event, "messaging", "").items()]
            self._feed.offer(event.topic, headers, event.data)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock, technical, mailer, poster = ManualClock(NOW), ManualClock(NOW), MemoryMailer(), MemoryPoster()
    feed = Feed({events_pb2.MessageSent: lambda event: [event.message.conversation]})
    feed.listening.set()

    def kept(kind: Kind[Any]) -> Aggregates[Any]:
        return MemoryAggregates(kind, clock, Offering(feed))

    aggregates: dict[str, Any] = {name: kept(getattr(kinds, name.upper())) for name in KEPT}
    stores = Stores(
        **aggregates,
        mailer=mailer,
        poster=poster,
        recipients=GivenRecipients([[]]),
        languages=ModelLanguages(),
        ways_out=WaysOut("https://mail.example", b"k" * 32),
        clock=clock,
        technical=technical,
    )
    service = (service_pb2_grpc.add_MessagingServiceServicer_to_server, MessagingServicer(stores, feed), ACCESS)
    async with serving(tmp_path, service) as server:
        yield World(stores, mailer, poster, clock, technical, routes(stores), server)


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
    assert world.mailer.sent[0].text.startswith("À très vite, Maison Zoë\n")


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
    assert "the objective of “Crème” is now at risk (42 % reached)." in told.state.text


async def test_each_event_of_a_collaboration_is_told_or_left_alone_on_purpose(world: World) -> None:
    told = set(table().events()) | set(table().silent)
    unsaid = {
        message.full_name
        for file in (campaign.DESCRIPTOR, review.DESCRIPTOR)
        for message in file.message_types_by_name.values()
        if "ref" in message.fields_by_name and not message.name.endswith("Snapshot")
    } - told
    assert unsaid == set()


async def test_a_change_of_a_campaign_is_told_to_each_creator_whom_it_names(world: World) -> None:
    await world.hear(campaign.ApplicationReceived(ref=REF))
    changed = campaign.CampaignChanged(
        campaign="campaigns/c1",
        brand="brands/zoe",
        campaign_title="Crème d’hiver",
        creators=["creators/ann", "creators/bea"],
    )
    changed.end_time.FromDatetime(datetime(2026, 5, 1, tzinfo=UTC))
    for _ in range(2):
        await world.hear(changed, subject="campaigns/c1")
    (ann,), (bea,) = await world.inbox("creators/ann"), await world.inbox("creators/bea")
    assert "Hello Ann,\n\n“Crème d’hiver”" in ann.text
    assert "It ends on 1 May 2026." in bea.text


# -- preferences, reminders, digests ----------------------------------------------------------------------------------

REMINDER = campaign.ReminderDue(
    ref=REF, kind=campaign.REMINDER_KIND_RECEIPT_CONFIRMATION, audience=campaign_service.PARTY_CREATOR
)


async def test_an_email_waits_for_the_end_of_the_quiet_hours_of_its_reader(world: World) -> None:
    await world.contact("fr", "America/New_York")  # 9:00 UTC is 4:00 there.
    await world.prefer(quiet_start="22:00", quiet_end="08:00")
    await world.hear(campaign.CollaborationCompleted(ref=REF))
    await world.fire_timers()
    await world.fire_later(timedelta(hours=3, minutes=59))
    assert world.mailer.sent == []
    await world.fire_later(timedelta(minutes=1))
    assert len(world.mailer.sent) == 1


async def test_a_reminder_of_what_is_done_is_not_sent_when_its_time_comes(world: World) -> None:
    await world.contact("fr")
    await world.prefer(quiet_start="08:00", quiet_end="12:00")
    await world.hear(REMINDER, n=4)
    await world.fire_timers()
    await world.hear(campaign.ShipmentReceived(ref=REF), n=5)
    await world.fire_later(timedelta(hours=4))
    assert [mail.to for mail in world.mailer.sent] == []
    (delivery,) = await world.deliveries()
    assert (delivery.state, delivery.reason) == (pb.DELIVERY_STATE_SKIPPED, "MOVED_ON")
    await world.hear(REMINDER, n=7)  # Of another parcel.
    await world.fire_timers()
    assert len(world.mailer.sent) == 1


async def test_reminders_beyond_the_cap_come_in_one_digest_and_what_is_done_by_then_is_left_out(world: World) -> None:
    await world.contact("fr", "Europe/Paris")
    await world.prefer("reminders_per_day", "digest_hour", reminders_per_day=1, digest_hour=9)
    for number in range(4):
        ref = campaign.CollaborationRef()
        ref.CopyFrom(REF)
        ref.collaboration = f"campaigns/c{number}/collaborations/ann"
        ref.campaign_title = f"Campagne {number}"
        reminder = campaign.ReminderDue(ref=ref, kind=campaign.REMINDER_KIND_RECEIPT_CONFIRMATION)
        await world.hear(reminder, n=3, subject=ref.collaboration)
        await world.fire_timers()
        if number == 2:
            await world.hear(campaign.ShipmentReceived(ref=ref), n=4, subject=ref.collaboration)
    assert len(world.mailer.sent) == 1
    await world.fire_later(timedelta(days=1))
    assert len(world.mailer.sent) == 2
    digest = world.mailer.sent[1]
    assert digest.subject == "Votre résumé Entente (2)"
    assert "Campagne 1" in digest.text
    assert "Campagne 2" not in digest.text
    assert "Campagne 3" in digest.text
    states = sorted(pb.DeliveryState.Name(delivery.state) for delivery in await world.deliveries())
    assert states == ["DELIVERY_STATE_SENT"] * 3 + ["DELIVERY_STATE_SKIPPED"]


async def test_one_click_ends_one_kind_of_email_or_all_of_them(world: World) -> None:
    await world.contact("fr")
    await world.hear(campaign.CollaborationCompleted(ref=REF))
    await world.fire_timers()
    way_out = world.mailer.sent[0].way_out
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(way_out_app(world.stores)), base_url="https://x"
    ) as http:
        path = way_out.removeprefix("https://mail.example")
        assert (await http.get(path)).status_code == 200
        await world.hear(campaign.CollaborationExpired(ref=REF), n=2)
        await world.fire_timers()
        assert len(world.mailer.sent) == 2  # To have asked ends nothing: programs look at addresses, too.
        assert (await http.post(path, data={"List-Unsubscribe": "One-Click"})).status_code == 200
        assert (await http.post(path[:-3] + "abc")).status_code == 404
    await world.hear(campaign.CollaborationExpired(ref=REF), n=3)
    await world.hear(campaign.ShipmentSent(ref=REF), n=4)
    await world.fire_timers()
    assert [delivery.reason for delivery in await world.deliveries()].count("UNWANTED") == 1
    assert len(world.mailer.sent) == 3  # The parcel is of another kind.
    all_mails = world.stores.ways_out.read(world.stores.ways_out.address("creators/ann", None).rpartition("/")[2])
    assert all_mails
    await stop_mails(world.stores, all_mails)
    contact = await world.creator.GetContact(pb.GetContactRequest(name="creators/ann/contact"))
    assert not contact.email_enabled


# -- webhooks ---------------------------------------------------------------------------------------------------------


async def _webhook(world: World, url: str = "https://hooks.example.org/in") -> pb.Webhook:
    request = pb.CreateWebhookRequest(parent="creators/ann", webhook=pb.Webhook(url=url), request_id="w1")
    made: pb.Webhook = await world.creator.CreateWebhook(request)
    return made


async def test_a_webhook_is_told_with_the_same_id_until_it_answers(world: World) -> None:
    made = await _webhook(world)
    assert made.secret.startswith("whsec_")
    assert (await world.creator.GetWebhook(pb.GetWebhookRequest(name=made.name))).secret == ""
    world.poster.fails = PostFailed("500")
    await world.hear(campaign.CollaborationCompleted(ref=REF))
    await world.fire_timers()
    world.poster.fails = None
    await world.fire_later(timedelta(minutes=6))
    assert len({post.id for post in world.poster.posts}) == 1
    told = json.loads(world.poster.posts[1].body)
    assert (told["type"], told["data"]["campaign"]) == ("entente.thank_you", "campaigns/c1")
    delivery = next(d for d in await world.deliveries() if d.channel == pb.CHANNEL_WEBHOOK)
    assert [(a.outcome, a.detail) for a in delivery.attempts] == [("RETRY", "500"), ("SENT", "200")]


async def test_a_webhook_that_is_gone_is_disabled_and_its_owner_is_told(world: World) -> None:
    await world.contact("fr")
    made = await _webhook(world)
    world.poster.fails = PostFailed("410", gone=True)
    await world.hear(campaign.CollaborationCompleted(ref=REF))
    await world.fire_timers()
    found = await world.creator.GetWebhook(pb.GetWebhookRequest(name=made.name))
    assert (found.enabled, found.disabled_reason) == (False, "GONE")
    assert "Votre webhook ne répond plus" in [told.title for told in await world.inbox()]
    await world.fire_later(timedelta(minutes=6))
    dead = next(d for d in await world.deliveries() if d.channel == pb.CHANNEL_WEBHOOK)
    assert (dead.state, dead.reason) == (pb.DELIVERY_STATE_FAILED, "WEBHOOK_DISABLED")
    world.poster.fails = None
    request = pb.UpdateWebhookRequest(webhook=pb.Webhook(name=made.name, enabled=True))
    request.update_mask.paths.append("enabled")
    await world.creator.UpdateWebhook(request)
    await world.creator.ReplayDelivery(pb.ReplayDeliveryRequest(name=dead.name))
    await world.fire_timers()
    assert len({post.id for post in world.poster.posts}) == 1
    assert (await world.deliveries())[-1].state in (pb.DELIVERY_STATE_SENT, pb.DELIVERY_STATE_PENDING)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.org",
        "https://127.0.0.1/x",
        "https://[::1]/",
        "https://u:p@h.example/",
        "ftp://x",
        "https://",
    ],
)
async def test_a_webhook_that_must_not_be_called_is_refused(world: World, url: str) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await _webhook(world, url)
    assert [violation.field for violation in to_refusal(refused.value).violations] == ["webhook.url"]


# -- bounces ----------------------------------------------------------------------------------------------------------


def _bounce(message_id: str, status: str, action: str = "failed") -> bytes:
    return (
        "From: mailer-daemon@mx.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nIt came back.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; ann@example.org\r\nAction: {action}\r\nStatus: {status}\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{message_id}@entente.example>\r\n\r\nx\r\n--b--\r\n"
    ).encode()


async def test_an_address_that_bounces_is_written_to_no_more_until_it_changes(world: World) -> None:
    await world.contact("fr")
    await world.hear(campaign.CollaborationCompleted(ref=REF))
    await world.fire_timers()
    id = world.mailer.sent[0].id
    full = await world.operator.ReportBounce(pb.ReportBounceRequest(message=_bounce(id, "4.2.2", "delayed")))
    assert (full.status, full.permanent) == ("4.2.2", False)
    gone = await world.operator.ReportBounce(pb.ReportBounceRequest(message=_bounce(id, "5.1.1")))
    assert (gone.delivery, gone.permanent) == (f"notifications/{id}/deliveries/email", True)
    await world.hear(campaign.CollaborationExpired(ref=REF), n=2)
    await world.fire_timers()
    assert len(world.mailer.sent) == 1
    assert [delivery.reason for delivery in await world.deliveries()] == ["BOUNCED 5.1.1", "BOUNCED"]
    contact = pb.Contact(name="creators/ann/contact", email="new@example.org")
    request = pb.UpdateContactRequest(contact=contact)
    request.update_mask.paths.append("email")
    assert (await world.creator.UpdateContact(request)).email_problem == ""
    for nonsense in (b"hello", b"\x00\xff" * 100, _bounce("not-ours", "5.1.1")):
        assert (await world.operator.ReportBounce(pb.ReportBounceRequest(message=nonsense))).delivery == ""


# -- templates --------------------------------------------------------------------------------------------------------


async def test_versions_of_a_template_are_kept_and_can_be_gone_back_to(world: World) -> None:
    template = pb.Template(occasion=pb.OCCASION_THANK_YOU, locale="fr", subject="Un", body="un")
    made = await world.brand.CreateTemplate(pb.CreateTemplateRequest(parent="brands/zoe", template=template))
    for words in ("Deux", "Trois"):
        change = pb.Template(name=made.name, subject=words, body=words.lower())
        await world.brand.UpdateTemplate(pb.UpdateTemplateRequest(template=change))
    back = await world.brand.RollbackTemplate(pb.RollbackTemplateRequest(name=made.name, version=1))
    assert (back.version, back.subject) == (4, "Un")
    answer = await world.brand.ListTemplateVersions(pb.ListTemplateVersionsRequest(parent=made.name))
    assert [(v.version, v.subject) for v in answer.versions] == [(4, "Un"), (3, "Trois"), (2, "Deux"), (1, "Un")]
    await world.contact("fr-BE")
    await world.hear(campaign.CollaborationCompleted(ref=REF))
    assert (await world.inbox())[0].template == f"{made.name}/versions/4"
    await world.brand.DeleteTemplate(pb.DeleteTemplateRequest(name=made.name))
    await world.hear(campaign.CollaborationCompleted(ref=REF), n=2)
    assert (await world.inbox())[0].template == "built-in/fr"
    with pytest.raises(grpc.aio.AioRpcError):
        await world.stranger.ListTemplateVersions(pb.ListTemplateVersionsRequest(parent=made.name))


async def test_a_preview_speaks_the_language_of_whom_it_is_for_and_keeps_nothing(world: World) -> None:
    await world.hear(campaign.ApplicationReceived(ref=REF))
    await world.creator.SendMessage(
        pb.SendMessageRequest(parent=CONVERSATION, text="Ciao! Grazie mille, aspetto il vostro pacco con piacere.")
    )
    conversation = await world.brand.GetConversation(pb.GetConversationRequest(name=CONVERSATION))
    assert conversation.creator_language == "it"
    shown = await world.brand.PreviewTemplate(
        pb.PreviewTemplateRequest(
            parent="brands/zoe", occasion=pb.OCCASION_APPLICATION_ACCEPTED, conversation=CONVERSATION
        )
    )
    assert (shown.locale, shown.source) == ("it", "built-in/it")
    assert "Ciao Ann" in shown.text
    assert "<p>Ciao Ann" in shown.html
    assert await world.stores.templates.count() == 0


async def test_the_table_names_what_each_moments_words_can_use(world: World) -> None:
    rows = (await world.brand.ListMoments(pb.ListMomentsRequest())).moments
    assert {row.occasion for row in rows} == set(pb.Occasion.values()) - {0}
    fields = {f.name: f.type for row in rows if row.occasion == pb.OCCASION_CHANGES_REQUESTED for f in row.fields}
    assert fields["feedback"] == "lines"


# -- conversations ----------------------------------------------------------------------------------------------------


async def test_messages_are_found_by_their_words_by_the_parties_alone(world: World) -> None:
    await world.hear(campaign.ApplicationReceived(ref=REF))
    for text in ("La CRÈME d’été est arrivée", "La crème tarde", "Rien"):
        await world.creator.SendMessage(pb.SendMessageRequest(parent=CONVERSATION, text=text))

    async def found(stub: Any, participant: str, query: str) -> list[str]:
        answer = await stub.SearchMessages(pb.SearchMessagesRequest(participant=participant, query=query))
        return [message.text for message in answer.messages]

    assert len(await found(world.brand, "brands/zoe", "creme")) == 2
    assert await found(world.creator, "creators/ann", "Ete créme") == ["La CRÈME d’été est arrivée"]
    assert await found(world.stranger, "brands/other", "creme") == []
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await found(world.stranger, "brands/zoe", "creme")
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_what_is_unread_is_counted(world: World) -> None:
    await world.hear(campaign.ApplicationReceived(ref=REF))
    await world.creator.SendMessage(pb.SendMessageRequest(parent=CONVERSATION, text="one"))
    sent = await world.creator.SendMessage(pb.SendMessageRequest(parent=CONVERSATION, text="two"))
    counts = await world.brand.GetUnreadCounts(pb.GetUnreadCountsRequest(participant="brands/zoe"))
    assert (counts.conversations, counts.messages, counts.notifications) == (1, 2, 1)
    await world.brand.MarkRead(pb.MarkReadRequest(name=CONVERSATION, message=sent.name))
    counts = await world.brand.GetUnreadCounts(pb.GetUnreadCountsRequest(participant="brands/zoe"))
    assert (counts.conversations, counts.messages) == (0, 0)


async def test_a_message_is_told_to_the_other_side_without_its_text(world: World) -> None:
    await world.hear(campaign.ApplicationReceived(ref=REF))
    sent = await world.creator.SendMessage(pb.SendMessageRequest(parent=CONVERSATION, text="un secret"))
    event = events_pb2.MessageSent(message=sent.name, conversation=CONVERSATION, sender=pb.PARTY_CREATOR)
    await world.hear(event, subject=CONVERSATION)
    (told,) = [n for n in await world.inbox("brands/zoe") if n.occasion == pb.OCCASION_MESSAGE_RECEIVED]
    assert "secret" not in told.text


async def test_a_message_of_a_megabyte_is_refused(world: World) -> None:
    await world.hear(campaign.ApplicationReceived(ref=REF))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.creator.SendMessage(pb.SendMessageRequest(parent=CONVERSATION, text="x" * 1_000_000))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


# -- bulk messages ----------------------------------------------------------------------------------------------------


def _bulk(creators: list[str], *, request_id: str = "b1") -> pb.CreateBulkRequest:
    audience = pb.BulkAudience(creators=pb.CreatorList(creators=creators))
    bulk = pb.Bulk(
        audience=audience,
        occasion=pb.OCCASION_BROADCAST,
        subject="Bonjour {{ creator_name }}",
        body="Une nouvelle de {{ brand_name }}",
        brand_display_name="Maison Zoë",
    )
    return pb.CreateBulkRequest(parent="brands/zoe", bulk=bulk, request_id=request_id)


async def test_a_bulk_message_has_one_result_for_each_recipient_and_a_repeat_writes_to_nobody_again(
    world: World,
) -> None:
    await world.contact("fr")
    await world.contact("fr", creator="bea")
    await world.prefer(quiet_start="08:00", quiet_end="12:00")
    everybody = [*(f"creators/c{n}" for n in range(118)), "creators/ann", "creators/bea", "creators/bea"]
    first = await world.brand.CreateBulk(_bulk(everybody))
    await world.fire_timers()
    again = await world.brand.CreateBulk(_bulk(everybody))
    await world.fire_timers()
    assert (again.name, again.state) == (first.name, pb.BULK_STATE_DONE)
    counts = {pb.BulkOutcome.Name(count.outcome): count.count for count in again.counts}
    assert counts == {"BULK_OUTCOME_LATER": 119, "BULK_OUTCOME_SENT": 1}
    assert [mail.subject for mail in world.mailer.sent] == ["Bonjour"]
    results, token = [], ""
    while True:
        answer = await world.brand.ListBulkResults(pb.ListBulkResultsRequest(parent=first.name, page_token=token))
        results += answer.results
        token = answer.next_page_token
        if not token:
            break
    assert [result.recipient for result in results] == list(dict.fromkeys(everybody))
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.brand.CreateBulk(_bulk(everybody[:3]))
    assert to_refusal(refused.value).reason == "REQUEST_ID_REUSED"
    await world.fire_later(timedelta(hours=3))  # The end of the quiet hours.
    assert len(world.mailer.sent) == 2


async def test_recipients_of_a_stage_are_collected_page_by_page_and_written_to_in_their_conversation(
    world: World,
) -> None:
    await world.contact("fr")
    ann = Recipient("creators/ann", "Ann", COLLABORATION, "campaigns/c1", "Crème d’été")
    pages = [[ann], [Recipient("creators/bea", "Bea")]]
    stores = replace(world.stores, recipients=GivenRecipients(pages))
    moved = replace(world, stores=stores)
    stage = pb.CampaignStage(campaign="campaigns/c1", states=["CONTENT_DUE"])
    bulk = pb.Bulk(audience=pb.BulkAudience(stage=stage), occasion=pb.OCCASION_REACTIVATION)
    made = await world.brand.CreateBulk(pb.CreateBulkRequest(parent="brands/zoe", bulk=bulk, request_id="s"))
    assert made.state == pb.BULK_STATE_PREPARING
    for _ in range(3):
        await moved.fire_timers()
    watch = [answer.bulk async for answer in world.brand.WatchBulk(pb.WatchBulkRequest(name=made.name))]
    assert (watch[-1].state, watch[-1].recipient_count) == (pb.BULK_STATE_DONE, 2)
    answer = await world.creator.ListMessages(pb.ListMessagesRequest(parent=CONVERSATION))
    assert [message.occasion for message in answer.messages] == [pb.OCCASION_REACTIVATION]


async def test_a_bulk_message_that_is_ended_writes_to_nobody_more(world: World) -> None:
    made = await world.brand.CreateBulk(_bulk(["creators/ann"]))
    await world.brand.CancelBulk(pb.CancelBulkRequest(name=made.name))
    await world.contact("fr")
    await world.fire_timers()
    found = await world.brand.GetBulk(pb.GetBulkRequest(name=made.name))
    assert found.state == pb.BULK_STATE_CANCELLED
    assert found.HasField("end_time")
    assert [(c.outcome, c.count) for c in found.counts] == [(pb.BULK_OUTCOME_LEFT_OUT, 1)]
    assert world.mailer.sent == []


async def test_a_broadcast_without_words_or_of_an_unknown_stage_is_refused(world: World) -> None:
    stage = pb.CampaignStage(campaign="campaigns/c1", states=["NOWHERE"])
    for audience in (pb.BulkAudience(stage=stage), pb.BulkAudience(creators=pb.CreatorList(creators=["creators/a"]))):
        bulk = pb.Bulk(audience=audience, occasion=pb.OCCASION_BROADCAST)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await world.brand.CreateBulk(pb.CreateBulkRequest(parent="brands/zoe", bulk=bulk, request_id="x"))
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


# -- personal data ----------------------------------------------------------------------------------------------------


async def test_a_person_can_take_all_away_and_is_forgotten_for_good(world: World) -> None:
    await world.contact("fr")
    await world.hear(campaign.CollaborationAccepted(ref=REF, by=campaign_service.PARTY_BRAND))
    await world.hear(campaign.ApplicationReceived(ref=REF), n=2)
    await world.creator.SendMessage(pb.SendMessageRequest(parent=CONVERSATION, text="Je suis Ann, de Lyon"))
    await _webhook(world)
    exported = pb.ExportPersonalDataResponse()
    token = ""
    while True:
        request = pb.ExportPersonalDataRequest(person="creators/ann", page_token=token)
        answer = await world.creator.ExportPersonalData(request)
        exported.MergeFrom(answer)
        token = answer.next_page_token
        if not token:
            break
    assert exported.contact.email == "ann@example.org"
    assert [message.text for message in exported.messages] == ["Je suis Ann, de Lyon"]
    assert len(exported.notifications) == len(exported.webhooks) == 1
    erase = pb.ErasePersonalDataRequest(person="creators/ann", reason="case 7")
    with pytest.raises(grpc.aio.AioRpcError):
        await world.creator.ErasePersonalData(erase)
    await world.operator.ErasePersonalData(erase)
    for _ in range(3):
        await world.fire_timers()
    await world.hear(campaign.CollaborationCompleted(ref=REF), n=3)  # As a replay would.
    await world.hear(campaign.ApplicationReceived(ref=REF), n=4)
    await world.fire_timers()
    kept = json.dumps(
        [CONVERTER.unstructure(found.state) for name in KEPT for found in await getattr(world.stores, name).find()],
        default=str,
        ensure_ascii=False,
    )
    assert "Lyon" not in kept
    assert "Ann" not in kept
    assert "ann@example.org" not in kept
    assert world.mailer.sent == []
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await world.contact("fr")
    assert to_refusal(refused.value).reason == "PERSON_ERASED"
