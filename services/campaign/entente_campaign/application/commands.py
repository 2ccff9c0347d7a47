"""What people ask for that changes something."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from entente_campaign import metrics
from entente_campaign.application import acceptance
from entente_campaign.application.access import (
    not_found,
    own_campaign,
    own_collaboration,
    require_brand,
    require_creator,
    visible_campaign,
)
from entente_campaign.application.stores import Stores
from entente_campaign.domain import brands, campaigns, collaborations
from entente_campaign.domain.brands import Brand
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.collaborations import Collaboration
from entente_campaign.domain.events import Ratings
from entente_campaign.domain.names import brand_name, campaign_name, collaboration_name
from entente_campaign.domain.words import Actor, CreatorSummary, DeclineReason, Party, Platform
from entente_chassis.auth import Caller
from entente_chassis.money import Money
from entente_chassis.refusal import AlreadyExists, Refusal, Unavailable
from entente_chassis.store import Change, Outcome, Request

_SCORES_AT_ONCE = 10


@dataclass(frozen=True)
class Invitation:
    """An invitation of one creator."""

    creator: str
    platform: Platform | None
    message: str
    fee: Money | None


Result = tuple[str, Outcome[Collaboration] | Refusal]
"""The creator, and what came of it."""


# -- brands -----------------------------------------------------------------------------------------------------------


async def register_brand(
    stores: Stores,
    caller: Caller,
    *,
    id: str,
    display_name: str,
    country: str,
    website: str,
    request: Request | None,
) -> Outcome[Brand]:
    """Register a brand that the caller acts for."""
    name = brand_name(id)
    require_brand(caller, name)

    def decide(existing: Brand | None) -> Change[Brand]:
        if existing is not None:
            raise AlreadyExists("BRAND_EXISTS", f"{name} is registered already: take another brand_id.", resource=name)
        now = stores.clock.now()
        return Change(*brands.register(name, display_name=display_name, country=country, website=website, now=now))

    return await stores.brands.change(name, decide, request=request)


# -- campaigns --------------------------------------------------------------------------------------------------------


async def create_campaign(
    stores: Stores,
    caller: Caller,
    *,
    id: str,
    brand: str,
    values: Mapping[str, Any],
    request: Request | None,
) -> Outcome[Campaign]:
    """Create a draft. ``values`` holds what the brand has set, by field of the campaign."""
    require_brand(caller, brand)
    owner = (await stores.brands.require(brand, what="brand")).state
    name = campaign_name(id)

    def decide(existing: Campaign | None) -> Change[Campaign]:
        if existing is not None:
            raise AlreadyExists("CAMPAIGN_EXISTS", f"{name} exists already: repeat with a new request_id.")
        title = str(values.get("title", ""))
        return Change(campaigns.draft(name, brand, owner.display_name, title, values, stores.clock.now()))

    return await stores.campaigns.change(name, decide, request=request)


async def update_campaign(
    stores: Stores,
    caller: Caller,
    name: str,
    *,
    values: Mapping[str, Any],
    request: Request | None,
    etag: str | None,
) -> Outcome[Campaign]:
    """Set fields of a campaign, whole."""
    await own_campaign(stores, caller, name)

    def decide(campaign: Campaign | None) -> Change[Campaign]:
        assert campaign is not None
        return Change(campaigns.edit(campaign, values, stores.clock.now()))

    return await stores.campaigns.change(name, decide, request=request, etag=etag)


async def move_campaign(
    stores: Stores,
    caller: Caller,
    name: str,
    step: Callable[[Campaign, datetime], campaigns.Decision],
    *,
    request: Request | None,
    etag: str | None,
) -> Outcome[Campaign]:
    """Publish, pause, resume, cancel or complete a campaign of the caller's."""
    await own_campaign(stores, caller, name)

    def decide(campaign: Campaign | None) -> Change[Campaign]:
        assert campaign is not None
        return Change(*step(campaign, stores.clock.now()))

    moved = await stores.campaigns.change(name, decide, request=request, etag=etag)
    if moved.applied:
        metrics.campaigns_changed.labels(moved.state.state).inc()
    return moved


# -- applications and invitations -------------------------------------------------------------------------------------


async def apply_to_campaign(
    stores: Stores,
    caller: Caller,
    *,
    campaign: str,
    creator: str,
    platform: Platform | None,
    message: str,
    fee: Money | None,
    request: Request | None,
) -> Outcome[Collaboration]:
    """A creator asks to take part."""
    actor = require_creator(caller, creator)
    target = (await visible_campaign(stores, caller, campaign)).state

    def decision(summary: CreatorSummary | None, now: datetime) -> collaborations.Decision:
        return collaborations.apply(
            target, creator, platform=platform, message=message, fee=fee, summary=summary, actor=actor, now=now
        )

    return await _begin(stores, target, creator, platform, decision, request)


async def invite_creators(
    stores: Stores, caller: Caller, *, campaign: str, invitations: Sequence[Invitation], request: Request | None
) -> list[Result]:
    """A brand asks creators to take part; each has a result of its own."""
    found, actor = await own_campaign(stores, caller, campaign)
    at_once = asyncio.Semaphore(_SCORES_AT_ONCE)

    async def invite(invitation: Invitation) -> Outcome[Collaboration]:
        def decision(summary: CreatorSummary | None, now: datetime) -> collaborations.Decision:
            return collaborations.invite(
                found.state,
                invitation.creator,
                platform=invitation.platform,
                message=invitation.message,
                fee=invitation.fee,
                summary=summary,
                actor=actor,
                now=now,
            )

        async with at_once:
            own_request = _part_of(request, invitation.creator)
            return await _begin(stores, found.state, invitation.creator, invitation.platform, decision, own_request)

    unique = {invitation.creator: invitation for invitation in invitations}
    results = await asyncio.gather(*(_result_of(creator, invite(each)) for creator, each in unique.items()))
    return list(results)


async def _begin(
    stores: Stores,
    campaign: Campaign,
    creator: str,
    platform: Platform | None,
    decision: Callable[[CreatorSummary | None, datetime], collaborations.Decision],
    request: Request | None,
) -> Outcome[Collaboration]:
    name = collaboration_name(campaign.name, creator)
    summary: CreatorSummary | None = None
    if await stores.collaborations.get(name) is None:
        campaigns.require_open(campaign, stores.clock.now())
        summary = await stores.scorer.score(campaign, creator, platform)

    def decide(existing: Collaboration | None) -> Change[Collaboration]:
        if existing is not None:
            raise AlreadyExists(
                "COLLABORATION_EXISTS",
                f"{name} exists already and is {existing.state}: there is one for each creator and campaign.",
                resource=name,
                state=existing.state,
            )
        return Change(*decision(summary, stores.clock.now()))

    return _counted(await stores.collaborations.change(name, decide, request=request))


async def respond_to_invitation(
    stores: Stores,
    caller: Caller,
    name: str,
    *,
    accept: bool,
    reasons: Sequence[DeclineReason],
    comment: str,
    request: Request | None,
    etag: str | None,
) -> Outcome[Collaboration]:
    """A creator accepts or declines an invitation."""
    found, actor = await own_collaboration(stores, caller, name, Party.CREATOR)
    collaborations.require_answered_by(found.state, Party.CREATOR)
    if accept:
        return await acceptance.accept(stores, name, comment=comment, actor=actor, request=request, etag=etag)
    return await _decline(stores, name, reasons, comment, actor, request, etag)


async def accept_application(
    stores: Stores, caller: Caller, name: str, *, comment: str, request: Request | None, etag: str | None
) -> Outcome[Collaboration]:
    """The brand accepts an application."""
    found, actor = await own_collaboration(stores, caller, name, Party.BRAND)
    collaborations.require_answered_by(found.state, Party.BRAND)
    return await acceptance.accept(stores, name, comment=comment, actor=actor, request=request, etag=etag)


async def decline_application(
    stores: Stores,
    caller: Caller,
    name: str,
    *,
    reasons: Sequence[DeclineReason],
    comment: str,
    request: Request | None,
    etag: str | None,
) -> Outcome[Collaboration]:
    """The brand declines an application."""
    found, actor = await own_collaboration(stores, caller, name, Party.BRAND)
    collaborations.require_answered_by(found.state, Party.BRAND)
    return await _decline(stores, name, reasons, comment, actor, request, etag)


async def accept_applications(
    stores: Stores, caller: Caller, *, campaign: str, creators: Sequence[str], comment: str, request: Request | None
) -> list[Result]:
    """The brand accepts several applications, in their order; each has a result of its own."""
    await own_campaign(stores, caller, campaign)
    return [
        await _result_of(
            creator,
            accept_application(
                stores,
                caller,
                collaboration_name(campaign, creator),
                comment=comment,
                request=_part_of(request, creator),
                etag=None,
            ),
        )
        for creator in creators
    ]


async def decline_applications(
    stores: Stores,
    caller: Caller,
    *,
    campaign: str,
    creators: Sequence[str],
    reasons: Sequence[DeclineReason],
    comment: str,
    request: Request | None,
) -> list[Result]:
    """The brand declines several applications; each has a result of its own."""
    await own_campaign(stores, caller, campaign)
    return [
        await _result_of(
            creator,
            decline_application(
                stores,
                caller,
                collaboration_name(campaign, creator),
                reasons=reasons,
                comment=comment,
                request=_part_of(request, creator),
                etag=None,
            ),
        )
        for creator in creators
    ]


async def _decline(
    stores: Stores,
    name: str,
    reasons: Sequence[DeclineReason],
    comment: str,
    actor: Actor,
    request: Request | None,
    etag: str | None,
) -> Outcome[Collaboration]:
    return await _move(
        stores,
        name,
        lambda state, now: collaborations.decline(state, reasons=reasons, comment=comment, actor=actor, now=now),
        request,
        etag,
    )


# -- the steps of a collaboration -------------------------------------------------------------------------------------


async def preselect_application(
    stores: Stores, caller: Caller, name: str, *, request: Request | None, etag: str | None
) -> Outcome[Collaboration]:
    """The brand marks an application as one to choose from."""
    _, actor = await own_collaboration(stores, caller, name, Party.BRAND)
    return await _move(
        stores, name, lambda state, now: collaborations.preselect(state, actor=actor, now=now), request, etag
    )


async def withdraw_collaboration(
    stores: Stores, caller: Caller, name: str, *, reason: str, request: Request | None, etag: str | None
) -> Outcome[Collaboration]:
    """The creator takes an application back or leaves, or the brand takes an invitation back."""
    _, actor = await own_collaboration(stores, caller, name)
    return await _move(
        stores,
        name,
        lambda state, now: collaborations.withdraw(state, reason=reason, actor=actor, now=now),
        request,
        etag,
    )


async def ship_parcel(
    stores: Stores,
    caller: Caller,
    name: str,
    *,
    carrier: str,
    tracking_number: str,
    tracking_url: str,
    request: Request | None,
    etag: str | None,
) -> Outcome[Collaboration]:
    """The brand says that the parcel was sent."""
    _, actor = await own_collaboration(stores, caller, name, Party.BRAND)
    return await _move(
        stores,
        name,
        lambda state, now: collaborations.ship(
            state,
            carrier=carrier,
            tracking_number=tracking_number,
            tracking_url=tracking_url,
            actor=actor,
            now=now,
        ),
        request,
        etag,
    )


async def confirm_receipt(
    stores: Stores, caller: Caller, name: str, *, request: Request | None, etag: str | None
) -> Outcome[Collaboration]:
    """The creator says that the parcel came."""
    _, actor = await own_collaboration(stores, caller, name, Party.CREATOR)
    return await _move(
        stores, name, lambda state, now: collaborations.receive(state, actor=actor, now=now), request, etag
    )


async def report_loss(
    stores: Stores, caller: Caller, name: str, *, reason: str, request: Request | None, etag: str | None
) -> Outcome[Collaboration]:
    """The creator says that the parcel was lost."""
    _, actor = await own_collaboration(stores, caller, name, Party.CREATOR)
    return await _move(
        stores,
        name,
        lambda state, now: collaborations.lose(state, reason=reason, actor=actor, now=now),
        request,
        etag,
    )


async def report_publication(
    stores: Stores,
    caller: Caller,
    name: str,
    *,
    url: str,
    platform: Platform | None,
    deliverable: str,
    publish_time: datetime | None,
    request: Request | None,
    etag: str | None,
) -> Outcome[Collaboration]:
    """The creator says where content was published."""
    _, actor = await own_collaboration(stores, caller, name, Party.CREATOR)
    return await _move(
        stores,
        name,
        lambda state, now: collaborations.report_post(
            state,
            url=url,
            platform=platform,
            deliverable=deliverable,
            publish_time=publish_time,
            actor=actor,
            now=now,
        ),
        request,
        etag,
    )


async def complete_collaboration(
    stores: Stores, caller: Caller, name: str, *, request: Request | None, etag: str | None
) -> Outcome[Collaboration]:
    """The brand closes a collaboration whose content is published."""
    _, actor = await own_collaboration(stores, caller, name, Party.BRAND)
    return await _move(
        stores, name, lambda state, now: collaborations.complete(state, actor=actor, now=now), request, etag
    )


async def rate_collaboration(
    stores: Stores,
    caller: Caller,
    name: str,
    *,
    ratings: Ratings,
    comment: str,
    request: Request | None,
    etag: str | None,
) -> Outcome[Collaboration]:
    """The brand rates a completed collaboration."""
    _, actor = await own_collaboration(stores, caller, name, Party.BRAND)
    return await _move(
        stores,
        name,
        lambda state, now: collaborations.rate(state, ratings=ratings, comment=comment, actor=actor, now=now),
        request,
        etag,
    )


async def _move(
    stores: Stores,
    name: str,
    step: Callable[[Collaboration, datetime], collaborations.Decision | None],
    request: Request | None,
    etag: str | None,
) -> Outcome[Collaboration]:
    def decide(state: Collaboration | None) -> Change[Collaboration] | None:
        if state is None:
            raise not_found("collaboration", name)
        decision = step(state, stores.clock.now())
        return Change(*decision) if decision else None

    return _counted(await stores.collaborations.change(name, decide, request=request, etag=etag))


def _counted(outcome: Outcome[Collaboration]) -> Outcome[Collaboration]:
    if outcome.applied and outcome.state.history:
        metrics.collaboration_steps.labels(outcome.state.history[-1].action).inc()
    return outcome


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
