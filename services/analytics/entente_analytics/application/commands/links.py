"""Tracked links and promo codes."""

from datetime import datetime, timedelta

from entente_analytics.application.stores import Stores
from entente_analytics.domain.campaigns import Collaboration
from entente_analytics.domain.links import (
    Destination,
    Owner,
    PromoCode,
    TrackedLink,
    Utm,
    link_created,
    new_link,
    new_promo_code,
)
from entente_chassis.refusal import AlreadyExists
from entente_chassis.store.model import Change, Outcome, Request

CODE_LENGTH = 10


async def create_tracked_link(
    stores: Stores,
    collaboration: Collaboration,
    *,
    new_id: str,
    destination: Destination,
    utm: Utm,
    window: timedelta,
    deliverable: str,
    public_url: str,
    request: Request | None,
    now: datetime,
) -> Outcome[TrackedLink]:
    """Make a short link for a collaboration."""
    code = new_id[:CODE_LENGTH]
    link = new_link(code, owner_of(collaboration, deliverable), destination, utm, window, now)

    def decide(existing: TrackedLink | None) -> Change[TrackedLink]:
        if existing is not None:
            raise AlreadyExists("CODE_TAKEN", "The random code was taken already: repeat with another request_id.")
        return Change(link, (link_created(link, public_url),))

    return await stores.links.change(link.name, decide, request=request)


async def create_promo_code(
    stores: Stores,
    collaboration: Collaboration,
    *,
    code: str,
    deliverable: str,
    valid_from: datetime | None,
    valid_until: datetime | None,
    request: Request | None,
    now: datetime,
) -> Outcome[PromoCode]:
    """Reserve a promo code for a collaboration. Orders that named it before are settled by its timer."""
    promo = new_promo_code(code, owner_of(collaboration, deliverable), valid_from, valid_until, now)

    def decide(existing: PromoCode | None) -> Change[PromoCode]:
        if existing is not None:
            raise AlreadyExists(
                "PROMO_CODE_TAKEN",
                f"The brand uses the promo code {existing.code} already: choose another one.",
                resource=existing.name,
            )
        return Change(promo)

    return await stores.promo_codes.change(promo.name, decide, request=request)


def owner_of(collaboration: Collaboration, deliverable: str) -> Owner:
    """Whose a link or code is."""
    return Owner(
        collaboration.brand,
        collaboration.campaign,
        collaboration.name,
        collaboration.creator,
        collaboration.platform,
        deliverable,
    )
