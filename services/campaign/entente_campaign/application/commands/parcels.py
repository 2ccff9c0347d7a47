"""Parcels: one, or as many as a file tells."""

from dataclasses import dataclass
from functools import partial

from entente_campaign.application import acceptance
from entente_campaign.application.access import own_campaign, own_collaboration
from entente_campaign.application.commands.steps import take_step
from entente_campaign.application.stores import Stores
from entente_campaign.domain import collaborations, parcels
from entente_campaign.domain.collaborations import Collaboration
from entente_campaign.domain.names import collaboration_name
from entente_campaign.domain.parcels import ParcelRow, RowError
from entente_campaign.domain.words import Party
from entente_chassis.auth import Caller
from entente_chassis.refusal import Aborted, Refusal, Unavailable
from entente_chassis.store import Outcome, Request


@dataclass(frozen=True)
class ParcelResult:
    """What came of a row."""

    row: int
    creator: str
    errors: tuple[RowError, ...] = ()


async def ship(
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
    """Note a parcel. The budget of the first is held by the acceptance; that of another one is held here, first."""
    step = partial(collaborations.ship, carrier=carrier, tracking_number=tracking_number, tracking_url=tracking_url)
    try:
        return await take_step(stores, caller, name, Party.BRAND, step, request=request, etag=etag)
    except Aborted as refusal:
        if refusal.reason != collaborations.NOT_HELD:
            raise
    found, _ = await own_collaboration(stores, caller, name, Party.BRAND)
    number = found.state.parcels_sent + 1
    need = await acceptance.hold_more(stores, found.state, found.state.terms, number)
    another = partial(step, held=number, need=need)
    return await take_step(stores, caller, name, Party.BRAND, another, request=request, etag=etag)


async def ship_all(
    stores: Stores, caller: Caller, *, campaign: str, text: str, request: Request | None
) -> list[ParcelResult]:
    """Note the parcels of a file; bad rows are named, and the good ones go through.

    Raises:
        Invalid: the file has no such columns, or too many rows.
    """
    await own_campaign(stores, caller, campaign)
    return [await _row(stores, caller, campaign, row, request) for row in parcels.read(text)]


async def _row(stores: Stores, caller: Caller, campaign: str, row: ParcelRow, request: Request | None) -> ParcelResult:
    if row.errors:
        return ParcelResult(row.line, row.creator, row.errors)
    part = Request(f"{request.key}|{row.creator}", request.fingerprint) if request else None
    try:
        await ship(
            stores,
            caller,
            collaboration_name(campaign, row.creator),
            carrier=row.carrier,
            tracking_number=row.tracking_number,
            tracking_url=row.tracking_url,
            request=part,
            etag=None,
        )
    except Unavailable:
        raise
    except Refusal as refusal:
        return ParcelResult(row.line, row.creator, (RowError("creator", refusal.reason, refusal.message),))
    return ParcelResult(row.line, row.creator)
