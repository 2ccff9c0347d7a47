"""Amounts in other currencies, at the rate of a day that the figures name."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Protocol

from entente_chassis.money import Money

# ISO 4217: most currencies have hundredths.
_DECIMALS = {"BHD": 3, "CLP": 0, "ISK": 0, "JPY": 0, "JOD": 3, "KRW": 0, "KWD": 3, "OMR": 3, "TND": 3, "VND": 0}


def decimals(currency: str) -> int:
    """How many decimals the smallest unit of a currency stands for."""
    return _DECIMALS.get(currency, 2)


@dataclass(frozen=True, order=True)
class Rate:
    """What one unit of a currency was worth in another.

    Args:
        day: of the quotation: the last one up to the day that was asked for.
        value: units of ``target`` for one of ``source``, as the source's quotations give it.
        provider: who quoted it.
    """

    source: str
    target: str
    day: date
    value: Decimal
    provider: str

    @property
    def exact(self) -> Fraction:
        """The factor from smallest unit to smallest unit."""
        shift = Fraction(10) ** (decimals(self.target) - decimals(self.source))
        return Fraction(self.value) * shift

    def convert(self, minor_units: int) -> int:
        """An amount in the target's smallest units, rounded half to even."""
        factor = self.exact
        return Money(self.target, minor_units).scaled(factor.numerator, factor.denominator).minor_units


class Rates(Protocol):
    """Dated rates."""

    def rate(self, source: str, target: str, day: date) -> Rate | None:
        """The rate of a day; None when there is none for these currencies or that time."""
        ...


class NoRates:
    """No rates at all: what is in another currency stays apart."""

    def rate(self, source: str, target: str, day: date) -> Rate | None:
        return None
