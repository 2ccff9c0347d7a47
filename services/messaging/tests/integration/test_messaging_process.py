"""The service as its own process, on a real broker, database and mail server: what it tells survives kills."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from aiosmtpd.controller import Controller

from entente.campaign.v1 import events_pb2 as campaign_events
from entente.campaign.v1 import service_pb2 as campaign_pb
from entente.messaging.v1 import service_pb2 as pb
from entente.messaging.v1 import service_pb2_grpc
from entente_chassis import topics
from entente_chassis.auth import Role
from entente_chassis.testing.process import ServiceProcess, eventually, free_port, publisher
from entente_stack import ports, smtp

START = datetime(2026, 3, 2, 9, tzinfo=UTC)

Publish = Callable[..., Awaitable[None]]


class Service(ServiceProcess[service_pb2_grpc.MessagingServiceStub]):
    """One messaging process, a collaboration of its own, and a mail server."""

    def __init__(
        self, folder: Path, kafka: str, mongo: str, database: str, *, instance: str = "test", group: str | None = None
    ) -> None:
        self.campaign = f"campaigns/c-{uuid.uuid4().hex[:12]}"
        creator = f"ana-{uuid.uuid4().hex[:12]}"  # The topic is shared: other tests' creators are told, too.
        self.creator = f"creators/{creator}"
        self.collaboration = f"{self.campaign}/collaborations/{creator}"
        self.conversation = f"conversations/{self.campaign.removeprefix('campaigns/')}~{creator}"
        self.brand = f"brands/b-{uuid.uuid4().hex[:12]}"
        self.mail_port = free_port()
        self.mail_server: Controller | None = None
        super().__init__(
            "entente_messaging",
            folder,
            kafka=kafka,
            mongo=mongo,
            database=database,
            stub=service_pb2_grpc.MessagingServiceStub,
            brands=[self.brand],
            creators=[self.creator],
            clock_start=START,
            instance=instance,
            group=group,
            environment={"ENTENTE_SMTP_ADDRESS": f"{ports.HOST}:{self.mail_port}", "ENTENTE_CLAIM_SECONDS": "2"},
        )

    def start_mail(self) -> None:
        store = smtp.MailStore(self.folder / "mail")
        self.mail_server = Controller(store, hostname=ports.HOST, port=self.mail_port, enable_SMTPUTF8=True)
        self.mail_server.start()

    def stop_mail(self) -> None:
        if self.mail_server is not None:
            self.mail_server.stop()
            self.mail_server = None

    def mailed(self) -> list[tuple[str, str]]:
        """(recipient, message id) of the mails that came."""
        return [(mail["to"][0], mail["message_id"]) for mail in smtp.read(self.folder / "mail")]

    async def set_contact(self) -> None:
        contact = pb.Contact(name=f"{self.creator}/contact", email="ana@example.org", locale="fr", email_enabled=True)
        async with self.stub(Role.CREATOR) as stub:
            await stub.UpdateContact(pb.UpdateContactRequest(contact=contact))

    async def send(self, text: str) -> None:
        """Write a message, and repeat the request while the service cannot be reached, as its clients do."""
        request = pb.SendMessageRequest(parent=self.conversation, text=text, request_id=text)

        async def is_sent() -> bool:
            try:
                async with self.stub(Role.CREATOR) as stub:
                    await stub.SendMessage(request)
            except grpc.aio.AioRpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED):
                    raise
                return False
            return True

        await eventually(is_sent)

    async def messages(self) -> list[str]:
        """The conversation, by occasion for what is automatic and by text for what is not."""
        async with self.stub(Role.CREATOR) as stub:
            answer = await stub.ListMessages(pb.ListMessagesRequest(parent=self.conversation))
        return [pb.Occasion.Name(m.occasion) if m.automatic else m.text for m in answer.messages]

    async def has_begun(self) -> bool:
        """Whether the conversation has its first message."""
        async with self.stub(Role.CREATOR) as stub:
            request = pb.ListConversationsRequest(participant=self.creator)
            found = (await stub.ListConversations(request)).conversations
        return any(conversation.HasField("last_message_time") for conversation in found)

    async def inbox(self) -> list[pb.Notification]:
        request = pb.ListNotificationsRequest(recipient=self.creator, campaign=self.campaign)
        async with self.stub(Role.CREATOR) as stub:
            return list((await stub.ListNotifications(request)).notifications)

    def accepted(self) -> campaign_events.CollaborationAccepted:
        return campaign_events.CollaborationAccepted(ref=self._ref(), by=campaign_pb.PARTY_BRAND)

    def completed(self) -> campaign_events.CollaborationCompleted:
        return campaign_events.CollaborationCompleted(ref=self._ref())

    def _ref(self) -> campaign_events.CollaborationRef:
        return campaign_events.CollaborationRef(
            collaboration=self.collaboration,
            campaign=self.campaign,
            brand=self.brand,
            creator=self.creator,
            campaign_title="Rituel du soir",
            brand_display_name="Maison Lune",
            creator_display_name="Ana",
        )


@pytest.fixture
async def publish(kafka_bootstrap: str) -> AsyncIterator[Publish]:
    """Publishes as campaign does; the same identity may be given again."""
    async with publisher(kafka_bootstrap, time=START) as publish:
        yield partial(publish, topics.events("campaign"))


@pytest.fixture
async def service(tmp_path: Path, kafka_bootstrap: str, mongo_uri: str, database_name: str) -> AsyncIterator[Service]:
    service = Service(tmp_path, kafka_bootstrap, mongo_uri, database_name)
    service.start_mail()
    try:
        async with service:
            yield service
    finally:
        service.stop_mail()


async def test_what_was_told_is_told_once_also_after_a_kill_and_the_same_event_again(
    service: Service, publish: Publish
) -> None:
    await service.set_contact()
    await publish(service.accepted(), service.collaboration, n=1)

    async def is_mailed() -> bool:
        return [told.mail_state for told in await service.inbox()] == [pb.MAIL_STATE_SENT]

    await eventually(is_mailed)
    await service.kill()
    await publish(service.accepted(), service.collaboration, n=1)
    await publish(service.completed(), service.collaboration, n=2)
    await service.start()

    async def are_both_mailed() -> bool:
        return [told.mail_state for told in await service.inbox()] == [pb.MAIL_STATE_SENT] * 2

    await eventually(are_both_mailed)
    assert await service.messages() == ["OCCASION_APPLICATION_ACCEPTED", "OCCASION_THANK_YOU"]
    assert len(set(service.mailed())) == 2


async def test_an_email_outlives_a_mail_server_that_is_away_and_a_kill(service: Service, publish: Publish) -> None:
    await service.set_contact()
    service.stop_mail()
    await publish(service.accepted(), service.collaboration)

    async def is_told() -> bool:
        return [told.mail_state for told in await service.inbox()] == [pb.MAIL_STATE_PENDING]

    await eventually(is_told)
    await service.restart()
    assert await is_told()
    service.start_mail()

    async def is_mailed() -> bool:
        return [told.mail_state for told in await service.inbox()] == [pb.MAIL_STATE_SENT]

    await eventually(is_mailed)
    ((recipient, _),) = service.mailed()
    assert recipient == "ana@example.org"


async def test_a_stream_that_a_shutdown_ends_is_resumed_where_it_was(service: Service, publish: Publish) -> None:
    await publish(service.accepted(), service.collaboration)
    await eventually(service.has_begun)
    await service.send("one")
    async with service.stub(Role.BRAND) as stub:
        stream = stub.StreamMessages(pb.StreamMessagesRequest(parent=service.conversation))
        seen: list[Any] = [await stream.read(), await stream.read()]
        await service.terminate()
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await stream.read()
    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
    await service.start()
    await service.send("two")
    request = pb.StreamMessagesRequest(parent=service.conversation, resume_token=seen[-1].resume_token)
    async with service.stub(Role.BRAND) as stub:
        again = stub.StreamMessages(request)
        following: Any = await again.read()
        assert following.message.text == "two"
        again.cancel()


async def test_a_message_is_sent_once_however_often_a_kill_makes_its_sender_repeat_it(
    service: Service, publish: Publish
) -> None:
    await publish(service.accepted(), service.collaboration)
    await eventually(service.has_begun)
    texts = [f"n {number}" for number in range(6)]
    sending = asyncio.gather(*(service.send(text) for text in texts))
    await asyncio.sleep(0.05)  # Somewhere in the middle: some are sent, some half, some not at all.
    await service.restart()
    await sending

    async def is_whole() -> bool:
        return sorted(await service.messages()) == sorted([*texts, "OCCASION_APPLICATION_ACCEPTED"])

    await eventually(is_whole)
    async with service.stub(Role.BRAND) as stub:
        stream = stub.StreamMessages(pb.StreamMessagesRequest(parent=service.conversation))
        async with asyncio.timeout(10):
            assert len([await stream.read() for _ in range(len(texts) + 1)]) == len(texts) + 1
        stream.cancel()


async def test_a_bulk_message_goes_on_after_a_kill_and_writes_to_everybody_under_one_id(service: Service) -> None:
    everybody = [f"{service.creator}-{number}" for number in range(60)]
    async with service.stub(Role.OPERATOR) as stub:
        for person in everybody:
            contact = pb.Contact(
                name=f"{person}/contact",
                email=f"{person.rpartition('-')[2]}@example.org",
                locale="fr",
                email_enabled=True,
            )
            await stub.UpdateContact(pb.UpdateContactRequest(contact=contact))
    request = pb.CreateBulkRequest(
        parent=service.brand,
        bulk=pb.Bulk(
            audience=pb.BulkAudience(creators=pb.CreatorList(creators=everybody)),
            occasion=pb.OCCASION_BROADCAST,
            subject="Bonjour",
            body="Une nouvelle",
        ),
        request_id="bulk",
    )

    async def asked() -> pb.Bulk | None:
        """How far it is. A repeat of the request begins nothing."""
        try:
            async with service.stub(Role.BRAND) as stub:
                bulk: pb.Bulk = await stub.CreateBulk(request)
        except grpc.aio.AioRpcError as error:
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                raise
            return None
        return bulk

    async def is_asked() -> bool:
        return await asked() is not None

    await eventually(is_asked)

    async def is_under_way() -> bool:
        return len(service.mailed()) >= 5

    await eventually(is_under_way)
    await service.kill()
    begun = len(service.mailed())
    await service.start()

    async def is_done() -> bool:
        bulk = await asked()
        results = [(pb.BULK_OUTCOME_SENT, 60)]
        return (
            bulk is not None
            and bulk.state == pb.BULK_STATE_DONE
            and results == [(count.outcome, count.count) for count in bulk.counts]
        )

    await eventually(is_done, within=120)
    assert begun < 60, "it was over before the kill: it proves nothing"
    assert len({message_id for _, message_id in service.mailed()}) == 60
    assert {to for to, _ in service.mailed()} == {f"{number}@example.org" for number in range(60)}
