"""The clocks of campaigns and collaborations."""

from collections.abc import Awaitable, Callable
from functools import partial

from entente_campaign.application import effects, payables
from entente_campaign.application.stores import Stores

Fire = Callable[[str], Awaitable[None]]


def campaign_clock(stores: Stores) -> Fire:
    """Starts campaigns and settles reservations that were broken off."""
    return partial(effects.ring_campaign, stores)


def collaboration_clock(stores: Stores) -> Fire:
    """Reminds, expires, and asks matching again."""
    return partial(effects.ring_collaboration, stores)


def export_clock(stores: Stores) -> Fire:
    """Takes up exports that were broken off."""
    return partial(payables.resume, stores)
