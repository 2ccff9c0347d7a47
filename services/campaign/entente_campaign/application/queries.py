"""What people ask."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from entente_campaign.application.access import not_found, own_campaign, own_collaboration, visible_campaign
from entente_campaign.application.commands.contracts import require_contract
from entente_campaign.application.stores import Stores
from entente_campaign.domain.brands import Brand
from entente_campaign.domain.campaign_review import CampaignReview, review
from entente_campaign.domain.campaigns import OPEN, Campaign, CampaignState
from entente_campaign.domain.collaborations import Collaboration, State
from entente_campaign.domain.contracts import Contract
from entente_campaign.domain.words import Mechanic, Platform
from entente_chassis import filters
from entente_chassis.auth import Caller
from entente_chassis.store import Outcome

_EVER = datetime(1970, 1, 1, tzinfo=UTC)

COLLABORATION_FILTER = {
    "name": filters.text("name"),
    "campaign": filters.text("campaign"),
    "brand": filters.text("brand"),
    "creator": filters.text("creator"),
    "state": filters.one_of("state", {state.value: state.value for state in State}),
    "initiator": filters.one_of("initiator", {"BRAND": "BRAND", "CREATOR": "CREATOR"}),
    "platform": filters.one_of("platform", {platform.value: platform.value for platform in Platform}),
    "followers": filters.number("followers"),
    "fit": filters.number("fit.score_hundredths", per=100),
    "fee": filters.number("terms.fee.minor_units"),
    "create_time": filters.moment("create_time"),
    "update_time": filters.moment("update_time"),
    "accept_time": filters.moment("accept_time"),
    "publication_due_time": filters.moment("publication_due_time"),
    "publish_time": filters.moment("publish_time"),
    "answer_deadline_time": filters.moment("answer_deadline_time"),
}
"""What lists of collaborations can be asked for."""

CAMPAIGN_FILTER = {
    "name": filters.text("name"),
    "brand": filters.text("brand"),
    "title": filters.text("title"),
    "state": filters.one_of("state", {state.value: state.value for state in CampaignState}),
    "mechanic": filters.one_of("mechanic", {mechanic.value: mechanic.value for mechanic in Mechanic}),
    "create_time": filters.moment("create_time"),
    "update_time": filters.moment("update_time"),
    "start_time": filters.moment("start_time"),
    "end_time": filters.moment("end_time"),
    "publish_time": filters.moment("publish_time"),
}
"""What lists of campaigns can be asked for."""

CAMPAIGN_ORDER = {
    "name": "_id",
    "create_time": "create_time",
    "update_time": "update_time",
    "start_time": "start_time",
    "end_time": "end_time",
}

COLLABORATION_ORDER = {
    "name": "_id",
    "create_time": "create_time",
    "update_time": "update_time",
    "fit": "fit.score_hundredths",
    "followers": "followers",
    "publication_due_time": "publication_due_time",
}


def read_filter(expression: str) -> Mapping[str, Any]:
    """What a filter asks of collaborations.

    Raises:
        Invalid: it cannot be read; all that is wrong is named.
    """
    return filters.parse_filter(expression, COLLABORATION_FILTER)


async def get_brand(stores: Stores, caller: Caller, name: str) -> Outcome[Brand]:
    """A brand. Creators may look at every brand, other brands may not."""
    if not (caller.acts_for_brand(name) or caller.creators):
        raise not_found("brand", name)
    return await stores.brands.require(name, what="brand")


async def get_campaign(stores: Stores, caller: Caller, name: str) -> Outcome[Campaign]:
    """A campaign of the caller's, or one that is open to creators."""
    return await visible_campaign(stores, caller, name)


async def list_campaigns(
    stores: Stores,
    caller: Caller,
    *,
    brand: str,
    states: Collection[CampaignState],
    filter: str,
    order_by: str,
    page_size: int,
    page_token: str,
    scope: str,
) -> tuple[list[Outcome[Campaign]], str]:
    """A brand's own campaigns, or those that are open to creators."""
    where: dict[str, Any] = {"brand": brand} if brand else {}
    if asked := filters.parse_filter(filter, CAMPAIGN_FILTER):
        where["$and"] = [asked]
    order = filters.parse_order(order_by, CAMPAIGN_ORDER, "_id")
    wanted = set(states)
    sees_all = caller.is_operator or caller.is_service
    if brand and not caller.acts_for_brand(brand):
        if not caller.creators:
            raise not_found("brand", brand)
        wanted = wanted & OPEN if wanted else set(OPEN)
    elif not brand and not sees_all and caller.brands:
        where["brand"] = {"$in": sorted(each for each in caller.brands if caller.acts_for_brand(each))}
    elif not brand and not sees_all:
        wanted = wanted & OPEN if wanted else set(OPEN)
    if wanted or states:
        where["state"] = {"$in": sorted(wanted)}
    elif not filter:
        where["state"] = {"$ne": CampaignState.ARCHIVED}
    return await stores.campaigns.page(where, order_by=order, page_size=page_size, page_token=page_token, scope=scope)


async def get_collaboration(stores: Stores, caller: Caller, name: str) -> Outcome[Collaboration]:
    """A collaboration that the caller has a side in."""
    found, _ = await own_collaboration(stores, caller, name)
    return found


async def list_collaborations(
    stores: Stores,
    caller: Caller,
    *,
    campaign: str,
    creator: str,
    brand: str,
    states: Collection[State],
    filter: str,
    order_by: str,
    page_size: int,
    page_token: str,
    scope: str,
) -> tuple[list[Outcome[Collaboration]], str]:
    """Collaborations of a campaign (empty: of all), as far as the caller has a side in them."""
    where: dict[str, Any] = {}
    if campaign:
        where["campaign"] = campaign
    if creator:
        where["creator"] = creator
    if brand:
        where["brand"] = brand
    if states:
        where["state"] = {"$in": sorted(states)}
    if asked := read_filter(filter):
        where["$and"] = [asked]
    order = filters.parse_order(order_by, COLLABORATION_ORDER, "_id")
    # After the filter, which can only narrow what the caller has a side in.
    where |= await _own_side(stores, caller, campaign, creator, brand)
    return await stores.collaborations.page(
        where, order_by=order, page_size=page_size, page_token=page_token, scope=scope
    )


async def _own_side(stores: Stores, caller: Caller, campaign: str, creator: str, brand: str) -> dict[str, Any]:
    """What restricts a list to the collaborations that the caller has a side in."""
    if caller.is_operator or caller.is_service:
        if campaign:
            await stores.campaigns.require(campaign, what="campaign")
        return {}
    if campaign:
        found = await visible_campaign(stores, caller, campaign)
        if caller.acts_for_brand(found.state.brand):
            return {}
    if brand and caller.acts_for_brand(brand):
        return {}
    if creator:
        if not caller.acts_for_creator(creator):
            raise not_found("creator", creator)
        return {}
    mine = sorted(each for each in caller.creators if caller.acts_for_creator(each))
    if mine:
        return {"creator": {"$in": mine}}
    if brand:
        raise not_found("brand", brand)
    return {"brand": {"$in": sorted(each for each in caller.brands if caller.acts_for_brand(each))}}


async def list_payables(
    stores: Stores,
    caller: Caller,
    *,
    parent: str,
    due_before: datetime | None,
    page_size: int,
    page_token: str,
    scope: str,
) -> tuple[list[Outcome[Collaboration]], str]:
    """Collaborations for which a brand owes a fee, the earliest due first."""
    where: dict[str, Any]
    if parent.startswith("campaigns/"):
        await own_campaign(stores, caller, parent)
        where = {"campaign": parent}
    else:
        if not caller.acts_for_brand(parent):
            raise not_found("brand", parent)
        where = {"brand": parent}
    where["payable.due_time"] = {"$gte": _EVER} | ({"$lt": due_before} if due_before else {})
    return await stores.collaborations.page(
        where, order_by="payable.due_time", page_size=page_size, page_token=page_token, scope=scope
    )


async def get_contract(stores: Stores, caller: Caller, collaboration: str) -> tuple[Collaboration, Outcome[Contract]]:
    """The contract of a collaboration that the caller has a side in."""
    found, _ = await own_collaboration(stores, caller, collaboration)
    return found.state, await require_contract(stores, collaboration)


async def review_campaign(stores: Stores, caller: Caller, name: str) -> tuple[Campaign, CampaignReview]:
    """Look back on a campaign of the caller's, as its collaborations stand."""
    campaign, _ = await own_campaign(stores, caller, name)
    every: list[Collaboration] = []
    token = "start"
    while token:
        found, token = await stores.collaborations.page(
            {"campaign": name}, page_size=1000, page_token="" if token == "start" else token, scope=f"review {name}"
        )
        every += [each.state for each in found]
    return campaign.state, review(campaign.state, every)
