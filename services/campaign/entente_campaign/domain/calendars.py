"""Days as people count them: by the clock on their wall, and without their weekends and public holidays.

Deadlines are rights, so they are calendar days: 28 days after ten in the morning is ten in the morning, also when the
clocks were changed in between. Reminders are courtesies: they come on a business day of every market of the campaign,
at a civil hour.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

CIVIL_FROM, CIVIL_TO = time(9), time(18)
"""Local hours in which people are reminded."""

SEARCHED_DAYS = 10
"""How far a business day is looked for; where there is none so near, the next civil hour has to do."""


@dataclass(frozen=True)
class Calendar:
    """Where a campaign's people live.

    Args:
        time_zone: of the IANA database.
        markets: ISO 3166-1 alpha-2; their weekends and public holidays are no business days.
        any_day: reminders come at their exact moment, on whatever day and hour.
    """

    time_zone: str = "UTC"
    markets: tuple[str, ...] = ()
    any_day: bool = False


def plus_days(moment: datetime, days: int, calendar: Calendar) -> datetime:
    """So many calendar days later, at the same hour of the wall's clock there."""
    zone = ZoneInfo(calendar.time_zone)
    return (moment.astimezone(zone) + timedelta(days=days)).astimezone(UTC)


def remind_at(moment: datetime, before: datetime | None, calendar: Calendar) -> datetime:
    """When to remind somebody whose reminder is due at ``moment``: then, or at the next civil hour of a business day.

    Args:
        before: a deadline that the reminder must come before; the last business hour before it is taken where the next
            one would be too late, and the moment itself where there is none in between.
    """
    if calendar.any_day:
        return moment
    later = _next_civil(moment, calendar)
    if before is None or later < before:
        return later
    earlier = _last_civil(before, calendar)
    return earlier if earlier > moment - timedelta(days=SEARCHED_DAYS) else moment


def is_business_day(day: date, markets: tuple[str, ...]) -> bool:
    """Whether people work that day in every market."""
    if not markets:
        return day.weekday() < 5
    return all(_works(day, market) for market in markets)


def time_zone_of(markets: tuple[str, ...]) -> str:
    """The time zone of the first market: the first that the IANA database lists for it; UTC without one."""
    return _zones_of_countries().get(markets[0], "UTC") if markets else "UTC"


def is_time_zone(name: str) -> bool:
    """Whether the IANA database has it."""
    return name in _known_zones()


def _next_civil(moment: datetime, calendar: Calendar) -> datetime:
    zone = ZoneInfo(calendar.time_zone)
    local = moment.astimezone(zone)
    if local.time() >= CIVIL_TO:
        local = datetime.combine(local.date() + timedelta(days=1), CIVIL_FROM, zone)
    elif local.time() < CIVIL_FROM:
        local = datetime.combine(local.date(), CIVIL_FROM, zone)
    for _ in range(SEARCHED_DAYS):
        if is_business_day(local.date(), calendar.markets):
            return local.astimezone(UTC)
        local = datetime.combine(local.date() + timedelta(days=1), CIVIL_FROM, zone)
    return moment


def _last_civil(before: datetime, calendar: Calendar) -> datetime:
    """The last hour before a moment at which people can be reminded: an hour earlier, if that is civil."""
    zone = ZoneInfo(calendar.time_zone)
    local = (before - timedelta(hours=1)).astimezone(zone)
    if local.time() < CIVIL_FROM:
        local = datetime.combine(local.date() - timedelta(days=1), CIVIL_TO, zone)
    last = time(CIVIL_TO.hour - 1)
    if local.time() > last:
        local = datetime.combine(local.date(), last, zone)
    for _ in range(SEARCHED_DAYS):
        if is_business_day(local.date(), calendar.markets):
            return local.astimezone(UTC)
        local = datetime.combine(local.date() - timedelta(days=1), last, zone)
    return before - timedelta(days=2 * SEARCHED_DAYS)


@lru_cache(maxsize=4096)
def _works(day: date, market: str) -> bool:
    country = _country(market)
    return bool(country.is_working_day(day)) if country is not None else day.weekday() < 5


@lru_cache(maxsize=256)
def _country(market: str) -> Any | None:
    """The public holidays of a country; None for one that the library does not know."""
    import holidays

    try:
        return holidays.country_holidays(market)
    except NotImplementedError:
        return None


@lru_cache(maxsize=1)
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(maxsize=1)
def _zones_of_countries() -> Mapping[str, str]:
    import tzdata  # type: ignore[import-untyped]

    table = files(tzdata).joinpath("zoneinfo/zone.tab").read_text(encoding="utf-8")
    zones: dict[str, str] = {}
    for line in table.splitlines():
        if not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            zones.setdefault(country, zone)
    return zones
