"""What shops report over HTTP, bound to the stores and the clock."""

from collections.abc import Callable, Mapping
from typing import Any

from entente_analytics.application.commands.shops import take_report
from entente_analytics.application.stores import Stores
from entente_analytics.domain.clicks import ClickIds
from entente_analytics.domain.orders import Order
from entente_chassis.clock import Clock
from entente_chassis.store.model import Outcome


class ShopReports:
    """Takes sales and refunds of shops.

    Args:
        stores: where they are recorded.
        ids: reads click ids.
        clock: the domain's clock.
    """

    def __init__(self, stores: Stores, ids: Callable[[], ClickIds], clock: Clock) -> None:
        self._stores = stores
        self._ids = ids
        self._clock = clock

    async def secrets_of(self, brand: str) -> tuple[str, ...]:
        """The secrets that are good now; none for a brand without a shop."""
        shop = await self._stores.shops.get(f"{brand}/shop")
        return shop.state.secrets_at(self._clock.now()) if shop else ()

    async def take(self, brand: str, fields: Mapping[str, Any]) -> Outcome[Order]:
        """Record a sale or refund."""
        return await take_report(self._stores, self._ids(), brand, fields, self._clock.now())
