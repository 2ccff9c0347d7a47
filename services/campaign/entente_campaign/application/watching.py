"""A campaign and its collaborations as they are, and whenever they change.

What a stream shows is always the state, and not what happened to it: so it can begin anew anywhere, through any
replica, and shows whatever lasts. The token is a moment: who comes back with it is shown what changed since.
"""

import base64
import binascii
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from entente_campaign.application.access import visible_campaign
from entente_campaign.application.stores import Stores
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.collaborations import Collaboration
from entente_campaign.domain.names import campaign_of
from entente_chassis.auth import Caller
from entente_chassis.feeds import Feed
from entente_chassis.refusal import Invalid, Violation
from entente_chassis.store import Outcome

_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_PAGE = 200
_OVERLAP = timedelta(minutes=5)
"""Clocks of replicas differ by less, and events are on their way for less; what is shown twice does no harm."""


@dataclass(frozen=True)
class Shown:
    """What a stream shows: a campaign, a collaboration, or neither when it has caught up."""

    token: str
    campaign: Outcome[Campaign] | None = None
    collaboration: Outcome[Collaboration] | None = None


@dataclass
class _Watch:
    stores: Stores
    caller: Caller
    name: str
    since: datetime
    shown: dict[str, int] = field(default_factory=dict)

    def is_new(self, found: Outcome[Any]) -> bool:
        """Whether this state was not shown yet; it is from now on."""
        if self.shown.get(found.id, 0) >= found.version:
            return False
        self.shown[found.id] = found.version
        self.since = max(self.since, found.state.update_time)
        return True

    def may_see(self, collaboration: Collaboration) -> bool:
        return self.caller.acts_for_brand(collaboration.brand) or self.caller.acts_for_creator(collaboration.creator)

    async def everything(self) -> AsyncIterator[Shown]:
        """What changed since the moment that it stands at."""
        campaign = await visible_campaign(self.stores, self.caller, self.name)
        begin = self.since - _OVERLAP if self.since > _EVER else _EVER
        where: dict[str, Any] = {"campaign": self.name, "update_time": {"$gte": begin}}
        if not self.caller.acts_for_brand(campaign.state.brand):
            where["creator"] = {"$in": sorted(self.caller.creators)}
        if campaign.state.update_time >= begin and self.is_new(campaign):
            yield Shown(self._token(begin), campaign=campaign)
        token = ""
        while True:
            found, token = await self.stores.collaborations.page(
                where, order_by="update_time", page_size=_PAGE, page_token=token, scope=f"watch {self.name}"
            )
            for each in found:
                # Only by order of time is what was shown so far a moment to go on from.
                if self.is_new(each):
                    yield Shown(self._token(each.state.update_time), collaboration=each)
            if not token:
                break
        yield Shown(self._token(self.since))

    async def one(self, subject: str) -> Shown | None:
        """What has changed, if it is new and the caller's to see."""
        if subject == self.name:
            campaign = await self.stores.campaigns.get(subject)
            return Shown(self._token(self.since), campaign=campaign) if campaign and self.is_new(campaign) else None
        found = await self.stores.collaborations.get(subject)
        if found is None or not self.may_see(found.state) or not self.is_new(found):
            return None
        return Shown(self._token(self.since), collaboration=found)

    def _token(self, moment: datetime) -> str:
        return base64.urlsafe_b64encode(f"{self.name} {moment.isoformat()}".encode()).decode()


async def watch_campaign(
    stores: Stores, feed: Feed, caller: Caller, name: str, *, resume_token: str
) -> AsyncIterator[Shown]:
    """Everything as it is, or as it changed since the token, and then every change.

    Raises:
        NotFound: the caller may not know of the campaign.
        Invalid: the token is not of this campaign.
    """
    await visible_campaign(stores, caller, name)
    watch = _Watch(stores, caller, name, _read(resume_token, name) if resume_token else _EVER)
    async with feed.subscribe(name) as heard:
        async for shown in watch.everything():
            yield shown
        while True:
            event = await heard.next()
            if event is None:
                async for shown in watch.everything():
                    yield shown
            elif (change := await watch.one(event.subject)) is not None:
                yield change


def concerns(subject: str) -> list[str]:
    """Whom a change of a campaign or collaboration concerns."""
    return [campaign_of(subject)]


def _read(token: str, name: str) -> datetime:
    try:
        of, _, moment = base64.urlsafe_b64decode(token.encode()).decode().partition(" ")
        since = datetime.fromisoformat(moment)
    except (binascii.Error, ValueError) as error:
        raise _invalid(name) from error
    if of != name or since.tzinfo is None:
        raise _invalid(name)
    return since


def _invalid(name: str) -> Invalid:
    return Invalid(
        "RESUME_TOKEN_INVALID",
        f"resume_token is of no stream of {name}: give back the last one, or leave it out.",
        violations=[Violation("resume_token", "is of no stream of this campaign")],
    )
