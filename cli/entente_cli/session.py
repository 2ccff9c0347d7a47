"""The services as a command reaches them: addresses, tokens, stubs."""

import os
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc.aio

from entente.analytics.v1 import service_pb2_grpc as analytics
from entente.campaign.v1 import service_pb2_grpc as campaign
from entente.matching.v1 import service_pb2_grpc as matching
from entente.messaging.v1 import service_pb2_grpc as messaging
from entente.ops.v1 import ops_pb2_grpc as ops
from entente.review.v1 import service_pb2_grpc as review
from entente_chassis.auth import Role, Signer
from entente_chassis.rpc import open_channel
from entente_cli.errors import CommandError
from entente_cli.paths import current_paths
from entente_stack import ports
from entente_stack.paths import Paths
from entente_stack.services import SERVICES
from entente_stack.stack import Stack

TOKEN_VARIABLE = "ENTENTE_TOKEN"
_ISSUER = _AUDIENCE = "entente"

Stub = TypeVar("Stub")


@dataclass(frozen=True, slots=True)
class Who:
    """For whom a command acts.

    Args:
        subject: the account.
        roles: what it is.
        brands: brands it speaks for.
        creators: creators it speaks for.
    """

    subject: str
    roles: tuple[Role, ...]
    brands: tuple[str, ...] = ()
    creators: tuple[str, ...] = ()


OPERATOR = Who("operators/local", (Role.OPERATOR,))


def brand(name: str) -> Who:
    """One who speaks for a brand."""
    return Who(f"accounts/{name.replace('/', '-')}", (Role.BRAND,), brands=(name,))


def creator(name: str) -> Who:
    """A creator."""
    return Who(f"accounts/{name.replace('/', '-')}", (Role.CREATOR,), creators=(name,))


class Issuer:
    """Issues tokens with the key of the local stack."""

    def __init__(self, paths: Paths) -> None:
        if not paths.signing_key.exists():
            raise CommandError(f"{paths.signing_key} is missing: the key that signs tokens. `entente up` makes it.")
        self._signer = Signer(paths.signing_key, _ISSUER, _AUDIENCE)

    def issue(self, who: Who, *, lifetime: timedelta = timedelta(hours=1)) -> str:
        """A token."""
        return self._signer.issue(who.subject, who.roles, brands=who.brands, creators=who.creators, lifetime=lifetime)


class Session:
    """Connections to the services. Use it as an async context manager.

    Args:
        paths: the stack whose services are meant; ENTENTE_<SERVICE>_ADDRESS names others.
        who: for whom it acts, unless ENTENTE_TOKEN says otherwise.
    """

    def __init__(self, paths: Paths | None = None, who: Who = OPERATOR) -> None:
        self.paths = paths or current_paths()
        self._stack = Stack(self.paths)
        self._who = who
        self._issuer: Issuer | None = None
        self._channels: dict[str, grpc.aio.Channel] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for channel in self._channels.values():
            await channel.close()

    @property
    def matching(self) -> matching.MatchingServiceStub:
        return self._stub(matching.MatchingServiceStub, "matching")

    @property
    def campaign(self) -> campaign.CampaignServiceStub:
        return self._stub(campaign.CampaignServiceStub, "campaign")

    @property
    def messaging(self) -> messaging.MessagingServiceStub:
        return self._stub(messaging.MessagingServiceStub, "messaging")

    @property
    def review(self) -> review.ReviewServiceStub:
        return self._stub(review.ReviewServiceStub, "review")

    @property
    def analytics(self) -> analytics.AnalyticsServiceStub:
        return self._stub(analytics.AnalyticsServiceStub, "analytics")

    def dead_letters(self, service: str) -> ops.DeadLetterServiceStub:
        """The dead letters of one service."""
        return self._stub(ops.DeadLetterServiceStub, service)

    def operations(self, service: str) -> ops.OperationServiceStub:
        """The long work of one service."""
        if service not in SERVICES:
            raise CommandError(f"There is no service {service!r}: it is one of {', '.join(SERVICES)}.")
        return self._stub(ops.OperationServiceStub, service)

    def token(self, who: Who | None = None) -> str:
        """A token for somebody; by default for whom the session acts."""
        if who is None and (given := os.environ.get(TOKEN_VARIABLE)):
            return given
        if self._issuer is None:
            self._issuer = Issuer(self.paths)
        return self._issuer.issue(who or self._who)

    def acting_for(self, who: Who) -> tuple[tuple[str, str], ...]:
        """Metadata of a call that somebody else makes."""
        return (("authorization", f"Bearer {self.token(who)}"),)

    def address(self, service: str) -> str:
        """Where a service answers gRPC."""
        given = os.environ.get(f"ENTENTE_{service.upper()}_ADDRESS")
        return given or f"{ports.HOST}:{self._stack.process(service).ports['grpc']}"

    def _stub(self, stub: Callable[[Any], Stub], service: str) -> Stub:
        if service not in self._channels:
            self._channels[service] = open_channel(
                self.address(service), services=_RETRIED[service], token=self.token, deadline_seconds=30
            )
        return stub(self._channels[service])


_RETRIED = {
    name: frozenset({f"entente.{name}.v1.{name.capitalize()}Service", "entente.ops.v1.DeadLetterService"})
    for name in SERVICES
}

Item = TypeVar("Item")


async def all_pages(
    fetch: Callable[[str], Awaitable[Any]], items: Callable[[Any], Collection[Item]], *, limit: int = 100_000
) -> list[Item]:
    """Every item of a list that comes in pages.

    Args:
        fetch: gives the page of a token.
        items: takes a page's items out of it.
        limit: stop after so many.
    """
    found: list[Item] = []
    token = ""
    while True:
        page = await fetch(token)
        found += items(page)
        token = page.next_page_token
        if not token or len(found) >= limit:
            return found[:limit]
