"""Counts what a brand promises a creator, for the law that asks for a written contract from a sum on.

The meter is another document than the campaign and the collaboration. An acceptance is counted after its place is
reserved and before it is accepted, under the same reservation; whatever breaks off in between is taken back with the
place, by the same clock.
"""

from datetime import datetime

from entente_campaign.application.stores import Stores
from entente_campaign.domain import meter
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.collaborations import Collaboration
from entente_campaign.domain.meter import ContractNeed, Meter
from entente_chassis.money import Money
from entente_chassis.store import Change

_NOTHING = Money.zero(meter.THRESHOLD.currency_code)


def name_for(campaign: Campaign, creator: str, now: datetime) -> str:
    """The meter in which an acceptance now would be counted; empty where no law counts it."""
    if not meter.applies(campaign.markets, now):
        return ""
    metric = campaign.objective.metric if campaign.objective and campaign.objective.metric else "NONE"
    return meter.meter_name(campaign.brand, creator, meter.year_of(now), metric)


async def count(stores: Stores, campaign: Campaign, collaboration: Collaboration, reservation: str) -> ContractNeed:
    """Count what is promised, and say whether a contract is needed. Again: once."""
    now = stores.clock.now()
    by_brand = campaign.contract_required
    name = collaboration.contract_need.meter if collaboration.contract_need else ""
    name = name or name_for(campaign, collaboration.creator, now)
    amount = collaboration.terms.counted(collaboration.parcels_sent)
    if not name or amount is None:
        return meter.need(None, applies=bool(name), by_brand=by_brand, year=meter.year_of(now))

    def put(state: Meter | None) -> Change[Meter] | None:
        before = state or Meter(name)
        after = meter.put(before, campaign.name, amount, reservation)
        return None if after == state else Change(after)

    counted = (await stores.meters.change(name, put)).state
    return meter.need(counted, applies=True, by_brand=by_brand, year=meter.year_of(now))


async def take_back(stores: Stores, name: str, campaign: str, reservation: str, kept: Money = _NOTHING) -> None:
    """Only ``kept`` was given: a creator left, or an acceptance was broken off. Again: nothing more."""
    if not name or await stores.meters.get(name) is None:
        return

    def decide(state: Meter | None) -> Change[Meter] | None:
        assert state is not None
        after = meter.take_back(state, campaign, reservation, kept)
        return None if after == state else Change(after)

    await stores.meters.change(name, decide)


async def keep(stores: Stores, collaboration: Collaboration) -> None:
    """A creator left: what was sent stays counted."""
    need = collaboration.contract_need
    if need is None:
        return
    gift = collaboration.terms.gift_value
    kept = gift.scaled(collaboration.parcels_sent, 1) if gift and collaboration.parcels_sent else _NOTHING
    await take_back(stores, need.meter, collaboration.campaign, collaboration.reservation, kept)
