"""Who calls, as far as the brands still let it: an agency acts for those that granted it, whatever its token names."""

from dataclasses import replace
from typing import Any

from entente_campaign.application.stores import Stores
from entente_campaign.domain.brands import represented
from entente_chassis.auth import Caller
from entente_chassis.rpc import Role, current_caller


async def acting_caller(stores: Stores) -> Caller:
    """The caller of the call being served. For an agency that is one read more: a grant that was taken back holds at
    once.
    """
    caller = current_caller()
    if Role.AGENCY not in caller.roles or caller.is_operator or caller.is_service or not caller.brands:
        return caller
    found = await stores.brands.find({"_id": {"$in": sorted(caller.brands)}}, limit=len(caller.brands))
    granted = represented({brand.id: brand.state for brand in found}, caller.subject)
    # A token of both kinds speaks for its brands as a brand, which no grant restricts.
    return caller if Role.BRAND in caller.roles else replace(caller, brands=granted)


def page_scope(request: Any) -> str:
    """What a page token is bound to: the request but for its paging."""
    body = type(request)()
    body.CopyFrom(request)
    body.ClearField("page_token")
    body.ClearField("page_size")
    return f"{request.DESCRIPTOR.full_name}:{body.SerializeToString(deterministic=True).hex()}"
