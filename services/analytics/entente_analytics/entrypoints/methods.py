"""What all methods of the API share: their handles, and whose resources a caller may see."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from entente.type.v1 import type_pb2
from entente_analytics.application.ports import ClickArchive, Connector
from entente_analytics.application.stores import Stores
from entente_analytics.domain.campaigns import Campaign, Collaboration
from entente_analytics.domain.clicks import ClickIds
from entente_analytics.domain.links import TrackedLink
from entente_chassis.clock import Clock, to_millisecond
from entente_chassis.money import Money
from entente_chassis.refusal import NotFound
from entente_chassis.rpc import Caller, current_caller
from entente_chassis.store.model import Outcome


@dataclass(frozen=True)
class Office:
    """What the methods work with.

    Args:
        stores: the aggregates.
        ids: reads click ids; asked for at each call, since the key is made at the start.
        archive: the raw clicks.
        connectors: read figures of posts from their platforms.
        clock: the domain's clock.
        public_url: where links and postbacks are reached from outside.
    """

    stores: Stores
    ids: Callable[[], ClickIds]
    archive: ClickArchive
    connectors: Sequence[Connector]
    clock: Clock
    public_url: str


class Methods:
    """Methods of the API."""

    def __init__(self, office: Office) -> None:
        self.stores = office.stores
        self.ids = office.ids
        self.archive = office.archive
        self.connectors = office.connectors
        self.clock = office.clock
        self.public_url = office.public_url

    async def link(self, name: str) -> Outcome[TrackedLink]:
        """A link that the caller may see."""
        outcome = await self.stores.links.get(name)
        caller = current_caller()
        if outcome is None or not (
            caller.acts_for_brand(outcome.state.owner.brand) or caller.acts_for_creator(outcome.state.owner.creator)
        ):
            raise not_found("Tracked link", name)
        return outcome

    async def campaign(self, name: str) -> Campaign:
        """A campaign of the caller's brand."""
        outcome = await self.stores.campaigns.get(name)
        if outcome is None or not current_caller().acts_for_brand(outcome.state.brand):
            raise not_found("Campaign", name)
        return outcome.state

    async def collaboration(self, name: str, *, creators: bool) -> Collaboration:
        """A collaboration of the caller's brand or, where creators may, of the creator."""
        outcome = await self.stores.collaborations.get(name)
        if outcome is None or not _may_see(current_caller(), outcome.state, creators):
            raise not_found("Collaboration", name)
        return outcome.state

    async def parent(self, name: str) -> None:
        """See to it that the caller may list what is below a campaign or a collaboration."""
        if "/collaborations/" in name:
            await self.collaboration(name, creators=True)
        else:
            await self.campaign(name)


def require_brand(brand: str) -> None:
    """Refuse who does not speak for the brand."""
    if not current_caller().acts_for_brand(brand):
        raise not_found("Brand", brand)


def not_found(what: str, name: str) -> NotFound:
    """The same answer for what is not there, what is another's, and what was just made and is still on its way."""
    return NotFound(
        "NOT_FOUND", f"{what} {name} does not exist; if it was just made, try again in a moment.", resource=name
    )


def time_of(timestamp: Timestamp) -> datetime:
    """A message's time."""
    return to_millisecond(timestamp.ToDatetime(tzinfo=UTC))


def money_of(amount: type_pb2.Money) -> Money:
    """A message's amount."""
    return Money(amount.currency_code, amount.minor_units)


def platform_of(platform: type_pb2.Platform.ValueType) -> str:
    """A message's platform; "" when not said."""
    return type_pb2.Platform.Name(platform).removeprefix("PLATFORM_") if platform else ""


def _may_see(caller: Caller, collaboration: Collaboration, creators: bool) -> bool:
    return caller.acts_for_brand(collaboration.brand) or (creators and caller.acts_for_creator(collaboration.creator))
