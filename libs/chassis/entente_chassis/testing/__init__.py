"""For tests of services: keys, settings, a server in the test's own process, and events as a handler gets them."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from entente_chassis.auth import Role, Signer, make_keys
from entente_chassis.consumer import Incoming
from entente_chassis.rpc import Access, RpcServer, open_channel
from entente_chassis.settings import ServiceSettings
from entente_chassis.store.model import Cause

M = TypeVar("M", bound=Message)
T = TypeVar("T")


def make_settings(
    folder: Path, settings_type: type[ServiceSettings] = ServiceSettings, **given: Any
) -> ServiceSettings:
    """Settings for a test, with keys of its own in ``folder``. Database and broker are nowhere unless given."""
    private_key, jwks = folder / "signing.pem", folder / "jwks.json"
    if not jwks.exists():
        make_keys(private_key, jwks)
    defaults: dict[str, Any] = {
        "kafka_bootstrap": "127.0.0.1:1",
        "mongo_uri": "mongodb://127.0.0.1:1",
        "auth_jwks": jwks,
        "auth_signing_key": private_key,
        "instance": "test",
    }
    return settings_type(**(defaults | given))


@dataclass
class TestServer:
    """A server in this process, and clients of it."""

    __test__ = False

    server: RpcServer
    address: str
    signer: Signer
    channels: list[grpc.aio.Channel] = field(default_factory=list)

    def token(
        self,
        *roles: Role,
        subject: str = "accounts/test",
        brands: Iterable[str] = (),
        creators: Iterable[str] = (),
    ) -> str:
        """A token that the server accepts."""
        return self.signer.issue(subject, roles, brands=brands, creators=creators)

    def client(self, stub_type: Callable[[grpc.aio.Channel], T], token: str | None = None) -> T:
        """A client with this token, or with none."""
        channel = open_channel(self.address, token=None if token is None else lambda: token)
        self.channels.append(channel)
        return stub_type(channel)

    def client_as(
        self,
        stub_type: Callable[[grpc.aio.Channel], T],
        role: Role,
        *,
        subject: str = "accounts/test",
        brands: Collection[str] = (),
        creators: Collection[str] = (),
    ) -> T:
        """A client for a caller of a role."""
        return self.client(stub_type, self.token(role, subject=subject, brands=brands, creators=creators))


@asynccontextmanager
async def serving(
    folder: Path, *services: tuple[Callable[[Any, Any], None], object, Access], **settings: Any
) -> AsyncIterator[TestServer]:
    """Serve services on a free port of this process, with all that the real server does to each call.

    Args:
        folder: for the keys: the test's tmp_path.
        services: (generated ``add_…Servicer_to_server``, servicer, access table).
        settings: to change fields of the settings.
    """
    configured = make_settings(folder, **settings)
    server = RpcServer(configured)
    for add, servicer, access in services:
        server.add(add, servicer, access)
    port = await server.start()
    await server.set_serving(True)
    assert configured.auth_signing_key is not None
    signer = Signer(configured.auth_signing_key, configured.auth_issuer, configured.auth_audience)
    running = TestServer(server, f"127.0.0.1:{port}", signer)
    try:
        yield running
    finally:
        for channel in running.channels:
            await channel.close()
        await server.stop(0)


def incoming(
    message: M,
    subject: str,
    *,
    n: int = 1,
    epoch: int = 0,
    time: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    topic: str = "entente.test.events.v1",
) -> Incoming[M]:
    """An event as a handler gets it."""
    return Incoming(
        message=message,
        subject=subject,
        cause=Cause(topic, subject, epoch, n),
        time=time,
        id=f"{subject}:{epoch}:{n}",
        type=message.DESCRIPTOR.full_name,
        topic=topic,
    )
