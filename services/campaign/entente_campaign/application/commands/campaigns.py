"""What brands ask for: themselves, and their campaigns."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from entente_campaign import metrics
from entente_campaign.application.access import not_found, own_campaign, require_brand
from entente_campaign.application.stores import Stores
from entente_campaign.domain import brands, campaigns
from entente_campaign.domain.brands import Brand
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.names import brand_name, campaign_name
from entente_chassis.auth import Caller, Role
from entente_chassis.refusal import AlreadyExists, Denied
from entente_chassis.store import Change, Outcome, Request

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


async def change_agencies(
    stores: Stores,
    caller: Caller,
    name: str,
    change: Callable[[Brand, str, datetime], tuple[Brand, Sequence[object]] | None],
    *,
    request: Request | None,
    etag: str | None,
) -> Outcome[Brand]:
    """Grant or revoke an agency. That is for the brand itself: an agency lets no other one in.

    Raises:
        NotFound: the caller does not act for the brand.
        Denied: the caller is an agency.
    """
    require_brand(caller, name)
    if not (caller.is_operator or Role.BRAND in caller.roles):
        raise Denied("BRAND_ONLY", f"Who acts for {name} is for the brand itself to say.")

    def decide(brand: Brand | None) -> Change[Brand] | None:
        if brand is None:
            raise not_found("brand", name)
        changed = change(brand, caller.subject, stores.clock.now())
        return Change(*changed) if changed else None

    return await stores.brands.change(name, decide, request=request, etag=etag)


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
        return Change(*campaigns.edit(campaign, values, stores.clock.now()))

    return await stores.campaigns.change(name, decide, request=request, etag=etag)


async def clone_campaign(
    stores: Stores,
    caller: Caller,
    name: str,
    *,
    id: str,
    title: str,
    start_time: datetime | None,
    request: Request | None,
) -> Outcome[Campaign]:
    """Make a new draft of a campaign of the caller's."""
    found, _ = await own_campaign(stores, caller, name)
    owner = (await stores.brands.require(found.state.brand, what="brand")).state
    copy = campaign_name(id)

    def decide(existing: Campaign | None) -> Change[Campaign]:
        if existing is not None:
            raise AlreadyExists("CAMPAIGN_EXISTS", f"{copy} exists already: repeat with a new request_id.")
        return Change(
            campaigns.clone(
                found.state,
                copy,
                brand_display_name=owner.display_name,
                title=title,
                start_time=start_time,
                now=stores.clock.now(),
            )
        )

    return await stores.campaigns.change(copy, decide, request=request)


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
