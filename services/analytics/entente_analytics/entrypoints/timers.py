"""What happens when a moment has come."""

import time
from datetime import timedelta

from entente_analytics.application.commands.objectives import evaluate_objective
from entente_analytics.application.commands.rollups import refresh, roll_up
from entente_analytics.application.commands.sales import settle_promo_code
from entente_analytics.application.stores import Stores
from entente_chassis.clock import Clock
from entente_chassis.timers import Fire

_LONG_SECONDS = 0.1
_REST = 10


def look_at_objectives(stores: Stores, clock: Clock, every: timedelta, in_target_threshold: int) -> Fire:
    """Looks at an objective: something happened, a while has passed, or its deadline has come.

    A campaign in full swing asks all the time, and each look folds all its facts: after a long look it rests ten times
    as long, so that looks take a tenth of the time at most. Until then it simply stays due.
    """
    rests_until: dict[str, float] = {}

    async def fire(name: str) -> None:
        began = time.monotonic()
        if began < rests_until.get(name, 0.0):
            return
        await evaluate_objective(
            stores, name, now=clock.now(), again_after=every, in_target_threshold=in_target_threshold
        )
        ended = time.monotonic()
        for rested in [other for other, until in rests_until.items() if until < ended]:
            del rests_until[rested]
        if ended - began > _LONG_SECONDS:
            rests_until[name] = ended + _REST * (ended - began)

    return fire


def settle_promo_codes(stores: Stores, clock: Clock) -> Fire:
    """Attributes the orders that came before the promo code that they name."""

    async def fire(name: str) -> None:
        await settle_promo_code(stores, name, clock.now())

    return fire


def tell_roll_ups(stores: Stores, clock: Clock) -> Fire:
    """Tells buckets of orders that changed, where a crash came between."""

    async def fire(name: str) -> None:
        await roll_up(stores, await stores.orders.require(name, what="Order"), clock.now())

    return fire


def refresh_roll_ups(stores: Stores) -> Fire:
    """Adds up anew what is behind, so that no report has to wait for it."""

    async def fire(name: str) -> None:
        await refresh(stores, name)

    return fire
