"""Earned media value: what the same attention might have cost as advertising. A comparison, never part of ROI."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from entente_analytics.domain.content import Figures
from entente_chassis.money import Money

Band = tuple[int, int, int]
"""low, middle, high"""


@dataclass(frozen=True)
class EmvTable:
    """What a thousand of each count is taken to be worth, by platform.

    Args:
        version: names the table in every figure made with it.
        day: from when it holds.
        rates: platform -> count ("views", "likes", ...) -> minor units for a thousand: low, middle, high.
    """

    version: str
    day: date
    currency: str
    rates: Mapping[str, Mapping[str, Band]]

    def value(self, platform: str, figures: Figures) -> Band | None:
        """The value of a post's totals, in the table's currency; None when nothing that it prices was measured."""
        low = middle = high = 0
        priced = False
        for count, band in self.rates.get(platform, {}).items():
            number = getattr(figures, count)
            if number is None:
                continue
            priced = True
            parts = [Money(self.currency, rate).scaled(number, 1000).minor_units for rate in band]
            low, middle, high = low + parts[0], middle + parts[1], high + parts[2]
        return (low, middle, high) if priced else None
