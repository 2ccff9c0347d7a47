"""Published tables, read from the package's own files: EMV rates, tiers, and the central bank's currency rates."""

import csv
import tomllib
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from entente_analytics.domain.currencies import Rate
from entente_analytics.domain.emv import EmvTable
from entente_analytics.domain.sentiment import Lexicons, lexicon

_DATA = files("entente_analytics") / "data"
_PROVIDER = "ECB"
# Rates are quoted on working days; further back than this there is a gap that no holiday explains.
_LOOK_BACK_DAYS = 10


@cache
def emv_tables() -> tuple[EmvTable, ...]:
    """The EMV tables, the oldest first."""
    raw = tomllib.loads((_DATA / "emv.toml").read_text(encoding="utf-8"))
    tables = [
        EmvTable(
            version=entry["version"],
            day=entry["day"],
            currency=entry["currency"],
            rates={
                platform: {count: (low, middle, high) for count, (low, middle, high) in counts.items()}
                for platform, counts in entry["rates"].items()
            },
        )
        for entry in raw["table"]
    ]
    return tuple(sorted(tables, key=lambda table: table.day))


def emv_table(day: date) -> EmvTable:
    """The table of a day; before the first one, the first."""
    tables = emv_tables()
    return next((table for table in reversed(tables) if table.day <= day), tables[0])


@cache
def tiers() -> tuple[tuple[str, int], ...]:
    """Names of tiers and from how many followers they begin, the smallest first."""
    rows = csv.DictReader((_DATA / "tiers.csv").read_text(encoding="utf-8").splitlines())
    return tuple((row["tier"].upper(), int(row["min_followers"])) for row in rows)


@cache
def lexicons() -> Lexicons:
    """The words by which comments are judged."""
    raw = tomllib.loads((_DATA / "sentiment.toml").read_text(encoding="utf-8"))
    emoji = {
        letter: weight for name, weight in (("positive", 1.0), ("negative", -1.0)) for letter in raw["emoji"][name]
    }
    languages = {name: lexicon(words) for name, words in raw.items() if isinstance(words, dict) and name != "emoji"}
    return Lexicons(raw["version"], languages, emoji)


class EcbRates:
    """The European Central Bank's euro reference rates, as the currencyconverter package ships them.

    A day without a quotation takes the last one before it, and so does a day after the last one of the package: the
    figures name the day of the quotation. Other pairs than with the euro are crossed through it.
    """

    def __init__(self) -> None:
        self._converter: Any = None
        self._known: dict[tuple[str, str, date], Rate | None] = {}

    def rate(self, source: str, target: str, day: date) -> Rate | None:
        """The rate of a day; None when a currency was not quoted then."""
        key = (source, target, day)
        if key not in self._known:
            self._known[key] = self._read(source, target, day)
        return self._known[key]

    def _read(self, source: str, target: str, day: date) -> Rate | None:
        # Read at the first foreign amount: it takes a second, and most campaigns have one currency.
        from currency_converter import CurrencyConverter, RateNotFoundError

        if self._converter is None:
            self._converter = CurrencyConverter(decimal=True)
        bounds: Mapping[str, Any] = self._converter.bounds
        foreign = [code for code in (source, target) if code != "EUR"]
        if any(code not in bounds for code in foreign):
            return None
        asked = min([day, *(bounds[code].last_date for code in foreign)])
        for back in range(_LOOK_BACK_DAYS):
            quoted = asked - timedelta(days=back)
            try:
                value: Decimal = self._converter.convert(1, source, target, date=quoted)
            except RateNotFoundError:
                continue  # No quotation on that day: a week-end or a holiday.
            return Rate(source, target, quoted, value, _PROVIDER)
        return None


class Tables:
    """The published tables, and rates that are read when they are needed."""

    def __init__(self) -> None:
        self._rates = EcbRates()

    @property
    def rates(self) -> EcbRates:
        return self._rates

    def emv_table(self, day: date) -> EmvTable:
        return emv_table(day)

    def tiers(self) -> tuple[tuple[str, int], ...]:
        return tiers()

    def lexicons(self) -> Lexicons:
        return lexicons()
