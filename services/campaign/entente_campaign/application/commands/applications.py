"""Applications and invitations, and the answers to them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

from entente_campaign.application import acceptance, waiting
from entente_campaign.application.access import own_campaign, own_collaboration, require_creator, visible_campaign
from entente_campaign.application.commands.steps import counted, take_step
from entente_campaign.application.stores import Stores
from entente_campaign.domain import campaigns, collaborations
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.collaborations import Collaboration, Proposal
from entente_campaign.domain.names import campaign_of, collaboration_name
from entente_campaign.domain.words import CreatorSummary, DeclineReason, Party
from entente_chassis.auth import Caller
from entente_chassis.refusal import AlreadyExists, Refusal, Unavailable
from entente_chassis.store import Change, Outcome, Request

_SCORES_AT_ONCE = 10

Result = tuple[str, Outcome[Collaboration] | Refusal]
"""The creator, and what came of it."""


# -- beginning --------------------------------------------------------------------------------------------------------


async def apply_to_campaign(
    stores: Stores, caller: Caller, *, campaign: str, proposal: Proposal, request: Request | None
) -> Outcome[Collaboration]:
    """A creator asks to take part."""
    actor = require_creator(caller, proposal.creator)
    target = (await visible_campaign(stores, caller, campaign)).state
    return await _begin(stores, target, proposal, partial(collaborations.apply, actor=actor), request)


async def invite_creators(
    stores: Stores, caller: Caller, *, campaign: str, proposals: Sequence[Proposal], request: Request | None
) -> list[Result]:
    """A brand asks creators to take part; each has a result of its own."""
    found, actor = await own_campaign(stores, caller, campaign)
    at_once = asyncio.Semaphore(_SCORES_AT_ONCE)

    async def invite(proposal: Proposal) -> Outcome[Collaboration]:
        async with at_once:
            own_request = _part_of(request, proposal.creator)
            return await _begin(stores, found.state, proposal, partial(collaborations.invite, actor=actor), own_request)

    unique = {proposal.creator: proposal for proposal in proposals}
    results = await asyncio.gather(*(_result_of(creator, invite(each)) for creator, each in unique.items()))
    return list(results)


async def _begin(
    stores: Stores,
    campaign: Campaign,
    proposal: Proposal,
    begin: Callable[..., collaborations.Decision],
    request: Request | None,
) -> Outcome[Collaboration]:
    name = collaboration_name(campaign.name, proposal.creator)
    summary: CreatorSummary | None = None
    if await stores.collaborations.get(name) is None:
        campaigns.require_open(campaign, stores.clock.now())
        summary = await stores.scorer.score(campaign, proposal.creator, proposal.platform)

    def decide(existing: Collaboration | None) -> Change[Collaboration]:
        if existing is not None:
            raise AlreadyExists(
                "COLLABORATION_EXISTS",
                f"{name} exists already and is {existing.state}: there is one for each creator and campaign.",
                resource=name,
                state=existing.state,
            )
        return Change(*begin(campaign, proposal, summary, now=stores.clock.now()))

    return counted(await stores.collaborations.change(name, decide, request=request))


# -- answers ----------------------------------------------------------------------------------------------------------


class Answer(Protocol):
    """What an application or invitation is answered with."""

    def __call__(
        self,
        stores: Stores,
        caller: Caller,
        name: str,
        side: Party,
        *,
        request: Request | None,
        etag: str | None,
    ) -> Awaitable[Outcome[Collaboration]]:
        """Give the answer."""
        ...


def accepting(comment: str, option: str = "") -> Answer:
    """Yes, if places and budget allow it."""

    async def accept(
        stores: Stores, caller: Caller, name: str, side: Party, *, request: Request | None, etag: str | None
    ) -> Outcome[Collaboration]:
        _, actor = await own_collaboration(stores, caller, name, side)
        return await acceptance.accept(
            stores, name, comment=comment, actor=actor, request=request, etag=etag, option=option
        )

    return accept


def declining(reasons: Sequence[DeclineReason], comment: str) -> Answer:
    """No, with the reasons."""

    async def decline(
        stores: Stores, caller: Caller, name: str, side: Party, *, request: Request | None, etag: str | None
    ) -> Outcome[Collaboration]:
        step = partial(collaborations.decline, reasons=reasons, comment=comment)
        declined = await take_step(stores, caller, name, side, step, request=request, etag=etag)
        if declined.applied:
            await waiting.give_up_offer(stores, declined.state)
        return declined

    return decline


def waitlisting(comment: str) -> Answer:
    """Yes, once a place is free."""

    async def waitlist(
        stores: Stores, caller: Caller, name: str, side: Party, *, request: Request | None, etag: str | None
    ) -> Outcome[Collaboration]:
        await waiting.require_room(stores, campaign_of(name))
        step = partial(collaborations.waitlist, comment=comment)
        return await take_step(stores, caller, name, side, step, request=request, etag=etag)

    return waitlist


def preselecting() -> Answer:
    """Perhaps."""

    async def preselect(
        stores: Stores, caller: Caller, name: str, side: Party, *, request: Request | None, etag: str | None
    ) -> Outcome[Collaboration]:
        return await take_step(stores, caller, name, side, collaborations.preselect, request=request, etag=etag)

    return preselect


async def answer_applications(
    stores: Stores, caller: Caller, *, campaign: str, creators: Sequence[str], give: Answer, request: Request | None
) -> list[Result]:
    """The brand gives several applications the same answer, in their order; each has a result of its own."""
    await own_campaign(stores, caller, campaign)

    def one(creator: str) -> Awaitable[Outcome[Collaboration]]:
        name = collaboration_name(campaign, creator)
        return give(stores, caller, name, Party.BRAND, request=_part_of(request, creator), etag=None)

    return [await _result_of(creator, one(creator)) for creator in creators]


async def _result_of(creator: str, step: Awaitable[Outcome[Collaboration]]) -> Result:
    """One's refusal is no refusal of the others; a database that is away is."""
    try:
        return creator, await step
    except Unavailable:
        raise
    except Refusal as refusal:
        return creator, refusal


def _part_of(request: Request | None, creator: str) -> Request | None:
    return Request(f"{request.key}|{creator}", request.fingerprint) if request else None
