"""The service as its own process, on a real broker, database and mail server: what it tells survives kills."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from aiosmtpd.controller import Controller
from google.protobuf.message import Message

from entente.campaign.v1 import events_pb2 as campaign_events
from entente.campaign.v1 import service_pb2 as campaign_pb
from entente.messaging.v1 import service_pb2 as pb
from entente.messaging.v1 import service_pb2_grpc
from entente_chassis import topics
from entente_chassis.auth import Role, Signer, make_keys
from entente_chassis.bus import Bus, make_broker
from entente_chassis.clock import FileClock
from entente_chassis.relay import Relay
from entente_chassis.rpc import open_channel
from entente_chassis.store import Outgoing
from entente_stack import ports, smtp

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
PROGRAM = Path(__file__).with_name("messaging_process.py")

Publish = Callable[..., Awaitable[None]]


async def eventually(holds: Callable[[], Awaitable[bool]], within: float = 30.0) -> None:
    async with asyncio.timeout(within):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """One messaging process, which can be killed and started again where it was, and a mail server."""

    def __init__(self, folder: Path, kafka: str, mongo: str, database: str) -> None:
        self.ports = {name: free_port() for name in ("grpc", "metrics", "smtp")}
        self.folder = folder
        self.campaign = f"campaigns/c-{uuid.uuid4().hex[:12]}"
        creator = f"ana-{uuid.uuid4().hex[:12]}"  # The topic is shared: other tests' creators are told, too.
        self.creator = f"creators/{creator}"
        self.collaboration = f"{self.campaign}/collaborations/{creator}"
        self.conversation = f"conversations/{self.campaign.removeprefix('campaigns/')}~{creator}"
        self.brand = f"brands/b-{uuid.uuid4().hex[:12]}"
        make_keys(folder / "signing.pem", folder / "jwks.json")
        FileClock.write(folder / "clock", START)
        self.signer = Signer(folder / "signing.pem", "entente", "entente")
        self.environment = {
            "ENTENTE_KAFKA_BOOTSTRAP": kafka,
            "ENTENTE_MONGO_URI": mongo,
            "ENTENTE_DATABASE": database,
            "ENTENTE_GRPC_BIND": f"127.0.0.1:{self.ports['grpc']}",
            "ENTENTE_METRICS_BIND": f"127.0.0.1:{self.ports['metrics']}",
            "ENTENTE_SMTP_ADDRESS": f"127.0.0.1:{self.ports['smtp']}",
            "ENTENTE_AUTH_JWKS": str(folder / "jwks.json"),
            "ENTENTE_CLOCK_FILE": str(folder / "clock"),
            "ENTENTE_INSTANCE": "test",
            "ENTENTE_TOPIC_REPLICATION": "1",
            "ENTENTE_TOPIC_PARTITIONS": "6",
            "TEST_SERVICE": f"messaging-{uuid.uuid4().hex[:12]}",
        }
        self.process: asyncio.subprocess.Process | None = None
        self.mail_server: Controller | None = None

    async def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            inherited = {name: value for name, value in os.environ.items() if not name.startswith("ENTENTE_")}
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, str(PROGRAM), stdout=log, stderr=log, env=inherited | self.environment
            )
        await eventually(self.is_ready)

    async def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, (self.folder / "log").read_text()[-2000:]
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"http://127.0.0.1:{self.ports['metrics']}/healthz/ready")
                return answer.status_code == 200
        return False

    async def stop(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)
            await self.process.wait()

    def start_mail(self) -> None:
        store = smtp.MailStore(self.folder / "mail")
        self.mail_server = Controller(store, hostname=ports.HOST, port=self.ports["smtp"], enable_SMTPUTF8=True)
        self.mail_server.start()

    def stop_mail(self) -> None:
        if self.mail_server is not None:
            self.mail_server.stop()
            self.mail_server = None

    def mailed(self) -> list[tuple[str, str]]:
        """(recipient, message id) of the mails that came."""
        return [(mail["to"][0], mail["message_id"]) for mail in smtp.read(self.folder / "mail")]

    @contextlib.asynccontextmanager
    async def stub(self, role: Role) -> AsyncIterator[service_pb2_grpc.MessagingServiceStub]:
        token = self.signer.issue("accounts/test", [role], brands=[self.brand], creators=[self.creator])
        channel = open_channel(f"127.0.0.1:{self.ports['grpc']}", token=lambda: token)
        try:
            yield service_pb2_grpc.MessagingServiceStub(channel)
        finally:
            await channel.close()

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
    broker = make_broker(kafka_bootstrap, "test")
    await broker.connect()
    relay = Relay("test", Bus(broker).send)

    async def send(message: Message, subject: str, *, n: int = 1) -> None:
        await relay.publish(
            Outgoing(
                topic=topics.events("campaign"),
                subject=subject,
                epoch=0,
                n=n,
                id=f"{subject}:0:{n}",
                type=message.DESCRIPTOR.full_name,
                data=message.SerializeToString(),
                time=START,
                traceparent="",
            )
        )

    yield send
    await broker.stop()


@pytest.fixture
async def service(tmp_path: Path, kafka_bootstrap: str, mongo_uri: str, database_name: str) -> AsyncIterator[Service]:
    service = Service(tmp_path, kafka_bootstrap, mongo_uri, database_name)
    service.start_mail()
    await service.start()
    try:
        yield service
    finally:
        await service.stop(signal.SIGKILL)
        service.stop_mail()


async def test_what_was_told_is_told_once_also_after_a_kill_and_the_same_event_again(
    service: Service, publish: Publish
) -> None:
    await service.set_contact()
    await publish(service.accepted(), service.collaboration, n=1)

    async def is_mailed() -> bool:
        return [told.mail_state for told in await service.inbox()] == [pb.MAIL_STATE_SENT]

    await eventually(is_mailed)
    await service.stop(signal.SIGKILL)
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
    await service.stop(signal.SIGKILL)
    await service.start()
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
        await service.stop(signal.SIGTERM)
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
    await service.stop(signal.SIGKILL)
    await service.start()
    await sending

    async def is_whole() -> bool:
        return sorted(await service.messages()) == sorted([*texts, "OCCASION_APPLICATION_ACCEPTED"])

    await eventually(is_whole)
    async with service.stub(Role.BRAND) as stub:
        stream = stub.StreamMessages(pb.StreamMessagesRequest(parent=service.conversation))
        async with asyncio.timeout(10):
            assert len([await stream.read() for _ in range(len(texts) + 1)]) == len(texts) + 1
        stream.cancel()
