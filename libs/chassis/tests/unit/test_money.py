import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_chassis.money import Money
from entente_chassis.refusal import Invalid

_EUROS = st.integers(-(10**15), 10**15).map(lambda units: Money("EUR", units))


@given(_EUROS, _EUROS)
def test_adding_and_taking_away_are_exact(a: Money, b: Money) -> None:
    assert a + b - b == a
    assert Money.sum("EUR", [a, b, -a]) == b


def test_currencies_are_never_mixed() -> None:
    for mix in (operator.add, operator.sub, operator.lt, operator.ge):
        with pytest.raises(Invalid) as refused:
            mix(Money("EUR", 1), Money("USD", 1))
        assert refused.value.reason == "CURRENCY_MISMATCH"


@pytest.mark.parametrize(
    ("units", "numerator", "denominator", "expected"),
    [(5, 1, 2, 2), (15, 1, 2, 8), (7, 1, 2, 4), (-5, 1, 2, -2), (-7, 1, 2, -4), (100, 1, 3, 33), (200, 1, 3, 67)],
)
def test_halves_are_rounded_to_the_even_side(units: int, numerator: int, denominator: int, expected: int) -> None:
    assert Money("EUR", units).scaled(numerator, denominator) == Money("EUR", expected)


@given(_EUROS, st.integers(1, 1000))
def test_a_whole_multiple_scales_back(amount: Money, by: int) -> None:
    assert amount.scaled(by, 1).scaled(1, by) == amount


def test_a_fraction_needs_a_denominator_above_zero() -> None:
    with pytest.raises(ValueError, match="denominator"):
        Money("EUR", 1).scaled(1, 0)
