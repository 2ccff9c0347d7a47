"""What the use cases need from outside, apart from the stores."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from entente_analytics.domain.content import Figures
from entente_analytics.domain.currencies import Rates
from entente_analytics.domain.emv import EmvTable
from entente_analytics.domain.sentiment import Lexicons


class Reference(Protocol):
    """Published tables."""

    @property
    def rates(self) -> Rates:
        """Dated rates between currencies."""
        ...

    def emv_table(self, day: date) -> EmvTable:
        """What attention is taken to be worth, as of a day."""
        ...

    def lexicons(self) -> Lexicons:
        """The words by which comments are judged."""
        ...

    def tiers(self) -> Sequence[tuple[str, int]]:
        """Names of tiers and from how many followers they begin, the smallest first."""
        ...


class ClickArchive(Protocol):
    """The archive of raw clicks."""

    def clicks_of(self, campaign: str) -> Sequence[tuple[str, str, str, str, int, int]]:
        """The clicks of a campaign: link, day, incarnation, verdict, highest n, how many. It blocks."""
        ...


class Connector(Protocol):
    """Reads figures of posts from their platform."""

    platform: str

    async def read(self, urls: Sequence[str]) -> Mapping[str, Figures]:
        """The figures of those posts that the platform knows, by address.

        Raises:
            Unavailable: the platform does not answer now, or the quota is used up.
            Precondition: it refuses us.
        """
        ...
