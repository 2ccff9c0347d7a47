"""Exact amounts of money. Pure; the domain may use it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from entente_chassis.refusal import Invalid


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in the smallest unit of a currency (ISO 4217): 1234 EUR cents are 12.34 EUR."""

    currency_code: str
    minor_units: int

    @classmethod
    def zero(cls, currency_code: str) -> Self:
        """Nothing, in a currency."""
        return cls(currency_code, 0)

    @classmethod
    def sum(cls, currency_code: str, amounts: Iterable["Money"]) -> "Money":
        """The sum of amounts that are all in one currency."""
        total = cls(currency_code, 0)
        for amount in amounts:
            total += amount
        return total

    def __add__(self, other: "Money") -> "Money":
        return Money(self.currency_code, self.minor_units + self._same_currency(other).minor_units)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.currency_code, self.minor_units - self._same_currency(other).minor_units)

    def __neg__(self) -> "Money":
        return Money(self.currency_code, -self.minor_units)

    def __lt__(self, other: "Money") -> bool:
        return self.minor_units < self._same_currency(other).minor_units

    def __le__(self, other: "Money") -> bool:
        return self.minor_units <= self._same_currency(other).minor_units

    def __gt__(self, other: "Money") -> bool:
        return self.minor_units > self._same_currency(other).minor_units

    def __ge__(self, other: "Money") -> bool:
        return self.minor_units >= self._same_currency(other).minor_units

    def scaled(self, numerator: int, denominator: int) -> "Money":
        """The amount times a fraction, rounded half to even, so that many roundings do not drift.

        Raises:
            ValueError: the denominator is not above zero.
        """
        if denominator <= 0:
            raise ValueError("the denominator must be above zero")
        quotient, remainder = divmod(self.minor_units * numerator, denominator)
        if 2 * remainder > denominator or (2 * remainder == denominator and quotient % 2):
            quotient += 1
        return Money(self.currency_code, quotient)

    def _same_currency(self, other: "Money") -> "Money":
        if other.currency_code != self.currency_code:
            raise Invalid(
                "CURRENCY_MISMATCH",
                f"{self.currency_code} and {other.currency_code} do not add up: give all amounts in one currency.",
            )
        return other
