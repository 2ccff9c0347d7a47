"""The French meter: what one advertiser promises one creator in a calendar year for one objective.

Since 1 January 2026 a written contract is mandatory in France when fees and benefits in kind reach 1,000 EUR excluding
VAT for the same advertiser, creator, calendar year and promotional objective (law 2023-451 of 9 June 2023, article 8;
decree 2025-1137 of 28 November 2025). Entente reads "objective" as the metric of the campaign's objective, counts every
gift that is sent (a lost one too) and no shipping, and takes every amount as excluding VAT.

The meter is a document of its own for each of these, so that two acceptances in two campaigns that race are counted one
after the other. A campaign's entry is put under the reservation of its acceptance, so that putting it again is putting
it once, and taking back an attempt that failed does not take away the next one's.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from entente_campaign.domain.names import id_of
from entente_chassis.money import Money

MARKET = "FR"
SINCE_YEAR = 2026
THRESHOLD = Money("EUR", 100_000)
MOST_ENTRIES = 500
_ZONE = ZoneInfo("Europe/Paris")

LAW = "FR_1000_EUR"
NOT_COUNTABLE = "FR_NOT_COUNTABLE"
BY_BRAND = "BRAND"


@dataclass(frozen=True)
class Entry:
    """What a campaign promises: the sum, and under which reservation."""

    minor_units: int
    reservation: str


@dataclass(frozen=True)
class Meter:
    """What was promised so far, by campaign. ``full`` once more campaigns came than it can hold."""

    name: str
    entries: dict[str, Entry] = field(default_factory=dict)
    full: bool = False

    @property
    def total(self) -> Money:
        """The sum."""
        return Money(THRESHOLD.currency_code, sum(entry.minor_units for entry in self.entries.values()))


@dataclass(frozen=True)
class ContractNeed:
    """Whether a written contract is needed, and why.

    Args:
        reasons: LAW, NOT_COUNTABLE, BY_BRAND.
        counted: the sum, this collaboration included; None where nothing is counted.
        threshold: from what sum on the law asks for one; None where none does.
        year: the calendar year in which it was counted.
        meter: the name of the meter.
    """

    required: bool = False
    reasons: tuple[str, ...] = ()
    counted: Money | None = None
    threshold: Money | None = None
    year: int = 0
    meter: str = ""


def year_of(moment: datetime) -> int:
    """The calendar year, where the law counts it."""
    return moment.astimezone(_ZONE).year


def applies(markets: tuple[str, ...], moment: datetime) -> bool:
    """Whether the law holds for a campaign at a time."""
    return MARKET in markets and year_of(moment) >= SINCE_YEAR


def meter_name(brand: str, creator: str, year: int, metric: str) -> str:
    """The one meter of an advertiser, creator, year and objective."""
    return f"meters/{id_of(brand)}/{id_of(creator)}/{year}/{metric.lower()}"


def put(meter: Meter, campaign: str, amount: Money, reservation: str) -> Meter:
    """Count what a campaign promises; again: once. A larger sum for the same reservation replaces the smaller one."""
    entry = Entry(amount.minor_units, reservation)
    if meter.entries.get(campaign) == entry:
        return meter
    if campaign not in meter.entries and len(meter.entries) >= MOST_ENTRIES:
        return replace(meter, full=True)
    return replace(meter, entries={**meter.entries, campaign: entry})


def take_back(meter: Meter, campaign: str, reservation: str, kept: Money) -> Meter:
    """A creator left, or an acceptance was broken off: only ``kept`` was given. Another reservation's entry stays."""
    entry = meter.entries.get(campaign)
    if entry is None or entry.reservation != reservation:
        return meter
    others = {name: other for name, other in meter.entries.items() if name != campaign}
    if kept.minor_units > 0:
        others[campaign] = Entry(min(kept.minor_units, entry.minor_units), reservation)
    return replace(meter, entries=others)


def need(meter: Meter | None, *, applies: bool, by_brand: bool, year: int) -> ContractNeed:
    """Whether a contract is needed.

    Args:
        meter: with this collaboration counted; None where the amounts are in another currency than the threshold.
        applies: whether the law holds.
        by_brand: whether the campaign asks for a contract anyway.
    """
    reasons: list[str] = []
    if applies and meter is None:
        reasons.append(NOT_COUNTABLE)
    elif applies and meter is not None and (meter.full or meter.total >= THRESHOLD):
        reasons.append(LAW)
    if by_brand:
        reasons.append(BY_BRAND)
    counted = meter.total if applies and meter is not None else None
    if not applies:
        return ContractNeed(bool(reasons), tuple(reasons))
    return ContractNeed(bool(reasons), tuple(reasons), counted, THRESHOLD, year, meter.name if meter else "")


# -- Italy ------------------------------------------------------------------------------------------------------------

ITALIAN_REGISTER = "IT_AGCOM"
ITALIAN_FOLLOWERS = 500_000
ITALIAN_MONTHLY_VIEWS = 1_000_000


def register_hints(markets: tuple[str, ...], followers: int | None, monthly_views: int | None) -> tuple[str, ...]:
    """Registers that a creator may have to be in. AGCOM's: from 500,000 followers or 1,000,000 average monthly views
    on (resolution 197/25/CONS of July 2025). What is not known hints at nothing.
    """
    large = (followers or 0) >= ITALIAN_FOLLOWERS or (monthly_views or 0) >= ITALIAN_MONTHLY_VIEWS
    return (ITALIAN_REGISTER,) if "IT" in markets and large else ()
