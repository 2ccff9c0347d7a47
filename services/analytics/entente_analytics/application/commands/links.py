"""Tracked links and promo codes."""

from datetime import datetime, timedelta

from entente_analytics.application.stores import CodeShape, Stores, every
from entente_analytics.domain.campaigns import Collaboration
from entente_analytics.domain.files import SetAside
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
from entente_analytics.domain.names import promo_code_name, promo_shape_name
from entente_analytics.domain.promo_codes import codes_of, handle_of
from entente_chassis.refusal import Aborted, AlreadyExists
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
    await _reserve_shape(stores, promo)

    def decide(existing: PromoCode | None) -> Change[PromoCode] | None:
        if existing is not None:
            raise AlreadyExists(
                "PROMO_CODE_TAKEN",
                f"The brand uses the promo code {existing.code} already: choose another one.",
                resource=existing.name,
            )
        return Change(promo)

    return await stores.promo_codes.change(promo.name, decide, request=request)


async def _reserve_shape(stores: Stores, promo: PromoCode) -> None:
    """Refuse a code that people would take for another of the brand."""
    name = promo_shape_name(promo.owner.brand, promo.code)
    held = await stores.code_shapes.get(name)
    if held and held.state.code != promo.code.lower():
        other = await stores.promo_codes.get(promo_code_name(promo.owner.brand, held.state.code))
        if other is not None:
            raise AlreadyExists(
                "PROMO_CODE_LOOKS_ALIKE",
                f"People would take {promo.code} for {other.state.code}, which the brand uses already: choose another "
                "one.",
                resource=other.state.name,
            )

    def decide(existing: CodeShape | None) -> Change[CodeShape] | None:
        if existing is not None and existing.code != promo.code.lower() and (held is None or existing != held.state):
            raise Aborted("PROMO_CODE_RACED", "Another code of this look was reserved just now: repeat the request.")
        return Change(CodeShape(promo.code.lower()))

    await stores.code_shapes.change(name, decide)


async def generate_promo_codes(
    stores: Stores,
    campaign: str,
    *,
    pattern: str,
    valid_from: datetime | None,
    valid_until: datetime | None,
    now: datetime,
) -> tuple[list[Outcome[PromoCode]], list[SetAside]]:
    """Reserve a code for each accepted collaboration that has none of this pattern yet."""
    made: list[Outcome[PromoCode]] = []
    aside: list[SetAside] = []
    async for collaboration in every(stores.collaborations, {"campaign": campaign}):
        if not collaboration.accepted:
            continue
        codes = list(codes_of(pattern, handle_of(collaboration.creator_display_name, collaboration.creator)))
        held = {
            promo.code.lower() async for promo in every(stores.promo_codes, {"owner.collaboration": collaboration.name})
        }
        known = next((code for code in codes if code.lower() in held), None)
        if known:
            made.append(
                await stores.promo_codes.require(promo_code_name(collaboration.brand, known), what="Promo code")
            )
            continue
        outcome = None
        for code in codes:
            try:
                outcome = await create_promo_code(
                    stores,
                    collaboration,
                    code=code,
                    deliverable="",
                    valid_from=valid_from,
                    valid_until=valid_until,
                    request=None,
                    now=now,
                )
                break
            except AlreadyExists:
                continue  # Taken, or too like one that is: the next one.
        if outcome:
            made.append(outcome)
        else:
            text = f"{', '.join(codes)} are taken or look like codes that are: reserve one by hand."
            aside.append(SetAside(0, "", collaboration.name, "PROMO_CODE_TAKEN", text))
    return made, aside


async def list_promo_codes(
    stores: Stores, parent: str, *, page_size: int, page_token: str
) -> tuple[list[Outcome[PromoCode]], str]:
    """A page of the promo codes of a campaign or a collaboration."""
    field = "owner.collaboration" if "/collaborations/" in parent else "owner.campaign"
    return await stores.promo_codes.page(
        {field: parent}, page_size=page_size, page_token=page_token, scope=f"promo codes of {parent}"
    )


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
