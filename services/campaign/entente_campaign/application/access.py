"""Who may see and do what. What a caller may not know of does not exist for it."""

from entente_campaign.application.stores import Stores
from entente_campaign.domain.campaigns import Campaign
from entente_campaign.domain.collaborations import Collaboration
from entente_campaign.domain.words import Actor, Party
from entente_chassis.auth import Caller
from entente_chassis.refusal import Denied, NotFound
from entente_chassis.store import Outcome


def require_brand(caller: Caller, brand: str) -> Actor:
    """The caller as the brand, or NotFound."""
    if not caller.acts_for_brand(brand):
        raise not_found("brand", brand)
    return _actor(caller, Party.BRAND)


def require_creator(caller: Caller, creator: str) -> Actor:
    """The caller as the creator, or NotFound."""
    if not caller.acts_for_creator(creator):
        raise not_found("creator", creator)
    return _actor(caller, Party.CREATOR)


async def own_campaign(stores: Stores, caller: Caller, name: str) -> tuple[Outcome[Campaign], Actor]:
    """A campaign of a brand that the caller acts for, or NotFound."""
    found = await stores.campaigns.require(name, what="campaign")
    if not caller.acts_for_brand(found.state.brand):
        raise not_found("campaign", name)
    return found, _actor(caller, Party.BRAND)


async def visible_campaign(stores: Stores, caller: Caller, name: str) -> Outcome[Campaign]:
    """A campaign that the caller may know of, or NotFound: its own, or one that is open to creators."""
    found = await stores.campaigns.require(name, what="campaign")
    if caller.acts_for_brand(found.state.brand) or (caller.creators and found.state.is_visible_to_creators):
        return found
    raise not_found("campaign", name)


async def own_collaboration(
    stores: Stores, caller: Caller, name: str, side: Party | None = None
) -> tuple[Outcome[Collaboration], Actor]:
    """A collaboration that the caller has a side in, and the caller as that side.

    Args:
        side: which side's command it is; None: either's.

    Raises:
        NotFound: the caller has no side in it.
        Denied: it is the other side's command.
    """
    found = await stores.collaborations.require(name, what="collaboration")
    return found, side_of(caller, found.state, side)


def side_of(caller: Caller, collaboration: Collaboration, side: Party | None = None) -> Actor:
    """The caller as a side of a collaboration.

    Args:
        side: which side's command it is; None: either's.

    Raises:
        NotFound: the caller has no side in it.
        Denied: it is the other side's command.
    """
    sides = [
        party
        for party, acts in (
            (Party.BRAND, caller.acts_for_brand(collaboration.brand)),
            (Party.CREATOR, caller.acts_for_creator(collaboration.creator)),
        )
        if acts
    ]
    if not sides:
        raise not_found("collaboration", collaboration.name)
    if side is not None and side not in sides:
        raise Denied("OTHER_SIDE", f"This is for the {side.lower()} of {collaboration.name} to do.")
    return _actor(caller, side or sides[0])


def not_found(what: str, name: str) -> NotFound:
    """The same words as for what really does not exist."""
    return NotFound("NOT_FOUND", f"{what} {name} does not exist.", resource=name)


def _actor(caller: Caller, side: Party) -> Actor:
    if caller.is_operator:
        return Actor(caller.subject, Party.OPERATOR)
    return Actor(caller.subject, Party.SYSTEM if caller.is_service else side)
