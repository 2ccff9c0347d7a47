"""What creators are looked for, and why one is not among the results.

A filter is a tree: the fields of a node must all be met, and its ``all_of``, ``any_of`` and ``none_of`` join further
nodes. What is not known is neither met nor its opposite: NOT of a demand that cannot be judged is not met either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple

from entente_chassis.money import Money
from entente_chassis.refusal import Invalid, Violation
from entente_matching.domain.creators import main_code
from entente_matching.domain.profiles import Profile
from entente_matching.domain.texts import matches_text, search_words
from entente_matching.domain.words import AudienceDimension, Platform

WHOLE = 10_000
"""Shares and scores are compared in whole ten-thousandths, so that 0.3 + 0.3 is 0.6 for whoever counts."""
UNKNOWN = "not known"
MAX_DEPTH = 6
MAX_DEMANDS = 200


def share_units(weight: float) -> int:
    """A share as whole ten-thousandths."""
    return round(weight * WHOLE)


@dataclass(frozen=True, slots=True)
class AudienceShareFilter:
    """The share of the audience that has one of these codes is at least and at most so much."""

    dimension: AudienceDimension
    codes: tuple[str, ...]
    min_share: float = 0.0
    max_share: float | None = None


@dataclass(frozen=True, slots=True)
class CreatorFilter:
    """What creators are looked for. A list means "one of these"; what is not set does not restrict."""

    platforms: tuple[Platform, ...] = ()
    countries: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    min_followers: int | None = None
    max_followers: int | None = None
    min_engagement_rate: float | None = None
    max_engagement_rate: float | None = None
    languages: tuple[str, ...] = ()
    verified: bool | None = None
    audience: tuple[AudienceShareFilter, ...] = ()
    main_audience_countries: tuple[str, ...] = ()
    min_authenticity: int | None = None
    max_price: Money | None = None
    available_on: date | None = None
    active_since: datetime | None = None
    text: str = ""
    all_of: tuple["CreatorFilter", ...] = ()
    any_of: tuple["CreatorFilter", ...] = ()
    none_of: tuple["CreatorFilter", ...] = ()


EVERYBODY = CreatorFilter()
LISTS = ("platforms", "countries", "categories", "tiers", "languages", "main_audience_countries")
MIN, MAX = "min", "max"
BOUNDS: dict[str, tuple[str, str]] = {
    "min_followers": ("followers", MIN),
    "max_followers": ("followers", MAX),
    "min_engagement_rate": ("engagement_rate", MIN),
    "max_engagement_rate": ("engagement_rate", MAX),
    "min_authenticity": ("authenticity", MIN),
    "active_since": ("last_active", MIN),
}
"""Field of the filter -> what it bounds, and from which side."""
OTHERS = ("verified", "max_price", "available_on", "text")


class Joint(StrEnum):
    """How the parts of a node are joined."""

    ALL = "all"
    ANY = "any"


class Demand(NamedTuple):
    """One demand of a filter, or its opposite: where it stands, what it asks, and the value asked for."""

    path: str
    field: str
    value: Any
    negated: bool


class Node(NamedTuple):
    """Demands and nodes, of which all or any must be met. No NOT is left: it has moved into the demands."""

    joint: Joint
    parts: tuple["Demand | Node", ...]


def demands_of(wanted: CreatorFilter, *, negated: bool = False, path: str = "") -> Node:
    """A filter as nodes of demands."""
    parts: list[Demand | Node] = []
    for field in (*LISTS, *BOUNDS, *OTHERS):
        value = getattr(wanted, field)
        if value not in (None, (), ""):
            parts.append(Demand(f"{path}{field}", field, value, negated))
    for index, demand in enumerate(wanted.audience):
        parts.append(Demand(f"{path}audience[{index}]", "audience", demand, negated))
    for index, child in enumerate(wanted.all_of):
        parts.append(demands_of(child, negated=negated, path=f"{path}all_of[{index}]."))
    if wanted.any_of:
        children = [
            demands_of(child, negated=negated, path=f"{path}any_of[{index}].")
            for index, child in enumerate(wanted.any_of)
        ]
        parts.append(Node(Joint.ALL if negated else Joint.ANY, tuple(children)))
    for index, child in enumerate(wanted.none_of):
        parts.append(demands_of(child, negated=not negated, path=f"{path}none_of[{index}]."))
    # Not (a and b) is (not a) or (not b).
    return Node(Joint.ANY if negated else Joint.ALL, tuple(parts))


# -- judging one creator ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A demand that is not met."""

    field: str
    required: str
    actual: str
    shortfall: float | None = None


def matches(profile: Profile, wanted: CreatorFilter) -> bool:
    """Whether a creator meets a filter."""
    return _holds(profile, demands_of(wanted), unknown_audience=False)


def may_match(profile: Profile, wanted: CreatorFilter) -> bool:
    """Whether it would meet the filter if the audience shares that are not known were as they should be."""
    return _holds(profile, demands_of(wanted), unknown_audience=True)


def exclusions(profile: Profile, wanted: CreatorFilter) -> list[Exclusion]:
    """What keeps a creator out; nothing when it matches. Of alternatives, each says why it is not met."""
    return _exclusions(profile, demands_of(wanted))


def _holds(profile: Profile, node: Demand | Node, *, unknown_audience: bool) -> bool:
    if isinstance(node, Demand):
        met = truth(profile, node)
        return unknown_audience and node.field == "audience" if met is None else met
    join = all if node.joint is Joint.ALL else any
    return join(_holds(profile, part, unknown_audience=unknown_audience) for part in node.parts)


def _exclusions(profile: Profile, node: Demand | Node) -> list[Exclusion]:
    if isinstance(node, Demand):
        return [] if truth(profile, node) else [_exclusion(profile, node)]
    found = [_exclusions(profile, part) for part in node.parts]
    if node.joint is Joint.ANY:
        if not found:
            return [Exclusion("none_of", "nobody", "a filter without a demand leaves everybody out")]
        if not all(found):
            return []
    return [exclusion for each in found for exclusion in each]


def truth(profile: Profile, demand: Demand) -> bool | None:
    """Whether a creator meets a demand; None when it is not known."""
    met = _met(profile, demand.field, demand.value)
    return met if met is None or not demand.negated else not met


def _met(profile: Profile, field: str, value: Any) -> bool | None:
    if field in LISTS:
        actual = _values(profile, field)
        return bool(set(value) & set(actual)) if actual else None
    if field in BOUNDS:
        name, side = BOUNDS[field]
        known = _bounded(profile, name)
        if known is None:
            return None
        return bool(known >= value) if side == MIN else bool(known <= value)
    if field == "audience":
        units = audience_units(profile, value)
        if units is None:
            return None
        most = WHOLE if value.max_share is None else share_units(value.max_share)
        return share_units(value.min_share) <= units <= most
    if field == "verified":
        return bool(profile.verified == value)
    if field == "max_price":
        price = price_in(profile, value.currency_code)
        return None if price is None else price <= value.minor_units
    if field == "available_on":
        if profile.available_from is None:
            return None
        return profile.available_from <= value and (profile.available_until is None or value <= profile.available_until)
    return matches_text(profile.texts, value)


def _values(profile: Profile, field: str) -> Sequence[str]:
    single = {"platforms": profile.platform, "countries": profile.country, "tiers": profile.tier}
    if field in single:
        return (single[field],) if single[field] else ()  # type: ignore[return-value]
    if field == "main_audience_countries":
        return (profile.main_audience_country,) if profile.main_audience_country else ()
    found: Sequence[str] = getattr(profile, field)
    return found


def _bounded(profile: Profile, name: str) -> Any:
    value = getattr(profile, name)
    # Shown and asked for in points from 0 to 100.
    return share_units(value) / 100 if name == "authenticity" and value is not None else value


def audience_units(profile: Profile, demand: AudienceShareFilter) -> int | None:
    """The share that a demand is about, in ten-thousandths; nothing when no share is known."""
    return units_of(profile, demand.dimension, demand.codes)


def units_of(profile: Profile, dimension: AudienceDimension, codes: Sequence[str]) -> int | None:
    """The share of the audience with one of the codes, in ten-thousandths; nothing when no share is known."""
    shares = profile.audience.shares(dimension)
    if all(share.weight is None for share in shares):
        return None
    wanted = set(codes)
    total = sum(share_units(share.weight) for share in shares if share.weight is not None and share.code in wanted)
    return min(WHOLE, total)


def price_in(profile: Profile, currency: str) -> int | None:
    """The price in a currency, in minor units; nothing when it is not known or named in another currency."""
    return profile.price_minor if profile.currency == currency else None


# -- saying why -------------------------------------------------------------------------------------------------------


def _exclusion(profile: Profile, demand: Demand) -> Exclusion:
    required, actual, shortfall = _said(profile, demand.field, demand.value)
    if demand.negated:
        return Exclusion(demand.path, f"not {required}", actual)
    return Exclusion(demand.path, required, actual, shortfall)


def _said(profile: Profile, field: str, value: Any) -> tuple[str, str, float | None]:
    if field in LISTS:
        return f"one of {', '.join(value)}", ", ".join(_values(profile, field)) or UNKNOWN, None
    if field == "active_since":
        known = profile.last_active
        late = (value - known).total_seconds() / 86400 if known else None
        return f"active since {value:%Y-%m-%d}", f"{known:%Y-%m-%d}" if known else UNKNOWN, late
    if field in BOUNDS:
        name, side = BOUNDS[field]
        known_value = _bounded(profile, name)
        required = f"at {'least' if side == MIN else 'most'} {value:,.12g}"
        if known_value is None:
            return required, UNKNOWN, None
        return required, f"{known_value:,.12g}", float(value - known_value if side == MIN else known_value - value)
    if field == "audience":
        return _said_of_audience(profile, value)
    if field == "verified":
        return _yes(value), _yes(profile.verified), None
    if field == "max_price":
        required = f"at most {value.minor_units / 100:.2f} {value.currency_code}"
        if profile.price_minor is None:
            return required, UNKNOWN, None
        actual = f"{profile.price_minor / 100:.2f} {profile.currency}"
        same = profile.currency == value.currency_code
        return required, actual, float(profile.price_minor - value.minor_units) if same else None
    if field == "available_on":
        if profile.available_from is None:
            return f"available on {value}", UNKNOWN, None
        until = f" until {profile.available_until}" if profile.available_until else ""
        return f"available on {value}", f"available from {profile.available_from}{until}", _days_off(profile, value)
    return f"words beginning with {', '.join(search_words(value))}", "not in its name, bio or categories", None


def _said_of_audience(profile: Profile, demand: AudienceShareFilter) -> tuple[str, str, float | None]:
    named = ", ".join(demand.codes)
    least, most = share_units(demand.min_share), demand.max_share
    required = f"at least {demand.min_share:.1%} {named}" if least or most is None else ""
    if most is not None:
        required += f"{' and ' if required else ''}at most {most:.1%}{'' if required else f' {named}'}"
    shares = profile.audience.shares(demand.dimension)
    units = audience_units(profile, demand)
    if units is None:
        main = main_code(shares)
        actual = f"main {demand.dimension.lower()} {main}, share {UNKNOWN}" if main else UNKNOWN
        return required, actual, None
    over = units - share_units(most) if most is not None and units > share_units(most) else None
    return required, f"{units / WHOLE:.1%}", (least - units if over is None else over) / WHOLE


def _days_off(profile: Profile, day: date) -> float | None:
    assert profile.available_from is not None
    if day < profile.available_from:
        return float((profile.available_from - day).days)
    return float((day - profile.available_until).days) if profile.available_until else None


def _yes(value: bool) -> str:
    return "yes" if value else "no"


# -- what is no sensible filter ---------------------------------------------------------------------------------------


def check_filter(wanted: CreatorFilter, *, tiers: Sequence[str], countries: set[str], path: str = "filter") -> None:
    """Refuse a filter that nobody could meet, or that asks for what does not exist; all that is wrong is named.

    Raises:
        Invalid: with one violation for each wrong field.
    """
    found, count = [], 0
    for where, node, depth in _nodes(wanted, path, 1):
        count += len(demands_of(replace(node, all_of=(), any_of=(), none_of=())).parts)
        if depth > MAX_DEPTH:
            found.append(Violation(where, f"is nested deeper than {MAX_DEPTH} levels"))
            break
        found += [Violation(f"{where}.{field}", reason) for field, reason in _wrong(node, tiers, countries)]
    if count > MAX_DEMANDS:
        found.append(Violation(path, f"holds {count} demands; the limit is {MAX_DEMANDS}"))
    if found:
        raise Invalid("FILTER_INVALID", "Some fields of the filter are not valid.", violations=found)


def _nodes(node: CreatorFilter, path: str, depth: int) -> Iterator[tuple[str, CreatorFilter, int]]:
    yield path, node, depth
    if depth > MAX_DEPTH:
        return
    for joint in ("all_of", "any_of", "none_of"):
        for index, child in enumerate(getattr(node, joint)):
            yield from _nodes(child, f"{path}.{joint}[{index}]", depth + 1)


def _wrong(node: CreatorFilter, tiers: Sequence[str], countries: set[str]) -> Iterator[tuple[str, str]]:
    for low, high in (("min_followers", "max_followers"), ("min_engagement_rate", "max_engagement_rate")):
        least, most = getattr(node, low), getattr(node, high)
        if least is not None and most is not None and least > most:
            yield high, f"{most:g} is less than {low}, {least:g}: nobody can meet both"
    for tier in node.tiers:
        if tier not in tiers:
            yield "tiers", f"{tier!r} is not a tier: they are {', '.join(tiers)}"
    for field in ("countries", "main_audience_countries"):
        for code in getattr(node, field):
            if code not in countries:
                yield field, f"{code!r} is not a country (ISO 3166-1 alpha-2)"
    if node.text and not search_words(node.text):
        yield "text", "holds no letter or digit"
    for index, demand in enumerate(node.audience):
        if demand.max_share is not None and demand.max_share < demand.min_share:
            yield f"audience[{index}].max_share", f"{demand.max_share:g} is less than min_share, {demand.min_share:g}"
    for dimension in AudienceDimension:
        asked = [demand for demand in node.audience if demand.dimension == dimension]
        codes = [code for demand in asked for code in demand.codes]
        total = sum(share_units(demand.min_share) for demand in asked)
        if len(set(codes)) == len(codes) and total > WHOLE:
            yield "audience", f"the least shares by {dimension.lower()} add up to {total / WHOLE:.0%}, more than all"
