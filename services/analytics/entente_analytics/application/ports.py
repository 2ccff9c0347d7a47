"""What the use cases need from outside, apart from the stores."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from entente_analytics.domain.currencies import Rates
from entente_analytics.domain.emv import EmvTable


class Reference(Protocol):
    """Published tables."""

    @property
    def rates(self) -> Rates:
        """Dated rates between currencies."""
        ...

    def emv_table(self, day: date) -> EmvTable:
        """What attention is taken to be worth, as of a day."""
        ...

    def tiers(self) -> Sequence[tuple[str, int]]:
        """Names of tiers and from how many followers they begin, the smallest first."""
        ...


class ClickArchive(Protocol):
    """The archive of raw clicks."""

    def clicks_of(self, campaign: str) -> Sequence[tuple[str, str, str, str, int, int]]:
        """The clicks of a campaign: link, day, incarnation, verdict, highest n, how many. It blocks."""
        ...
