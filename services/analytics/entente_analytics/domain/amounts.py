"""Amounts of money as people, shops and spreadsheets write them, read without guessing."""

import re
from decimal import Decimal

from entente_analytics.domain.currencies import decimals
from entente_chassis.money import Money

_CURRENCY = re.compile(r"[A-Z]{3}")
_PLAIN = re.compile(r"-?\d+(\.\d+)?")
_GROUPED = re.compile(r"-?\d{1,3}([ ,.'\u00a0\u202f]\d{3})+([.,]\d+)?")
_ONE_MARK = re.compile(r"(-?\d+)([.,])(\d+)")


class AmountRefused(ValueError):
    """Why an amount is not taken; ``reason`` is stable."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def strict_amount(text: str, currency: str) -> Money:
    """An amount as programs write it: digits, and a point before decimals.

    Raises:
        AmountRefused: it has no currency, or is written otherwise.
    """
    _check_currency(currency)
    if not _PLAIN.fullmatch(text):
        remedy = "write it with digits and a point before the decimals, as in 1234.50"
        raise AmountRefused("AMOUNT_MALFORMED", f"{text[:40]!r} is no amount: {remedy}.")
    return _exact(Decimal(text), currency)


def written_amount(text: str, currency: str) -> Money:
    """An amount as a spreadsheet writes it: also with a decimal comma, or with marks between thousands.

    Raises:
        AmountRefused: it has no currency, or could mean two amounts, as "1,234" does.
    """
    _check_currency(currency)
    text = text.strip().strip("€$£").strip()
    if _PLAIN.fullmatch(text) and not _is_ambiguous(text):
        return _exact(Decimal(text), currency)
    mark = _ONE_MARK.fullmatch(text)
    if mark:
        if _is_ambiguous(text):
            message = f"{text} may be thousands or decimals: write it with two decimals, as in 1234.00."
            raise AmountRefused("AMOUNT_AMBIGUOUS", message)
        return _exact(Decimal(f"{mark[1]}.{mark[3]}"), currency)
    if _GROUPED.fullmatch(text):
        marks = re.findall(r"[^\d-]", text)
        last = marks[-1]
        whole, decimal = text, ""
        if last in ".," and last not in marks[:-1]:
            whole, _, decimal = text.rpartition(last)
        digits = re.sub(r"[^\d-]", "", whole)
        return _exact(Decimal(f"{digits}.{decimal or 0}"), currency)
    raise AmountRefused("AMOUNT_MALFORMED", f"{text[:40]!r} is no amount.")


def _is_ambiguous(text: str) -> bool:
    mark = _ONE_MARK.fullmatch(text)
    # "1,234" is a thousand to some and a little more than one to others; "0,234" and "1234,567" group no thousands.
    return bool(mark) and len(mark[3]) == 3 and 1 <= len(mark[1].lstrip("-0")) <= 3 and mark[2] == ","  # type: ignore[index]


def _check_currency(currency: str) -> None:
    if not currency:
        raise AmountRefused("CURRENCY_MISSING", "An amount without a currency says nothing: name one, ISO 4217.")
    if not _CURRENCY.fullmatch(currency):
        raise AmountRefused("CURRENCY_MALFORMED", f"{currency[:10]!r} is no ISO 4217 code, such as EUR.")


def _exact(value: Decimal, currency: str) -> Money:
    units = value.scaleb(decimals(currency))
    if units != units.to_integral_value():
        raise AmountRefused("AMOUNT_TOO_FINE", f"{value} has more decimals than {currency} has.")
    if abs(units) >= 2**53:
        raise AmountRefused("AMOUNT_TOO_LARGE", f"{value} {currency} is no amount of an order.")
    return Money(currency, int(units))
