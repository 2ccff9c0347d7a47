"""Profiles as rows of the index, and rows as profiles."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta

from entente_matching.application.search.columns import (
    ALIVE,
    DENSE,
    DIMENSIONS,
    NEVER,
    NOT_KNOWN,
    PAIR_PLACES,
    PLACES,
    SEVERAL,
    VERIFIED,
    Block,
    Codes,
    Row,
)
from entente_matching.domain.creators import NO_AUDIENCE, Audience, Share
from entente_matching.domain.feedback import PastPerformance
from entente_matching.domain.figures import basis_of
from entente_matching.domain.filters import WHOLE, share_units
from entente_matching.domain.lookalikes import size_units
from entente_matching.domain.profiles import Profile
from entente_matching.domain.words import AudienceDimension, Platform

PLATFORMS = ("", *Platform)
_PLATFORM_NUMBERS = {platform: number for number, platform in enumerate(PLATFORMS)}
TRAITS = ("country", "tier", "category", "language", "population", "currency", *DIMENSIONS)
"""Traits whose values are numbered. The audience's countries have numbers of their own, apart from the creator's."""
AUDIENCE_FIELDS = {
    AudienceDimension.COUNTRY: "countries",
    AudienceDimension.AGE: "ages",
    AudienceDimension.GENDER: "genders",
    AudienceDimension.LANGUAGE: "languages",
    AudienceDimension.DEVICE: "devices",
    AudienceDimension.TYPE: "types",
}
_EPOCH = date(1970, 1, 1)
_NO_PLACES: dict[int, tuple[int, ...]] = {n: (0,) * n for n in range(1, 17)}


def row_of(profile: Profile, owner: int, tie: int, *, several: bool, codes: dict[str, Codes]) -> Row:
    """An account as the columns hold it."""
    beside: list[tuple[str, tuple[tuple[int, int], ...]]] = []
    known = 0
    lists: list[Sequence[int]] = []
    for name, words in (("category", profile.categories), ("language", profile.languages)):
        number, places = codes[name].number, PLACES[name]
        numbers = tuple([number(word) for word in words])
        lists.append((numbers + _NO_PLACES[places])[:places])
        if len(numbers) > places:
            beside.append((name, tuple((each, 0) for each in numbers[places:])))
    audience = {}
    if profile.audience is not NO_AUDIENCE:
        for bit, dimension in enumerate(DIMENSIONS):
            shares: Sequence[Share] = getattr(profile.audience, AUDIENCE_FIELDS[dimension])
            if shares:
                number = codes[dimension].number
                largest_first = sorted(shares, key=_largest_first)
                pairs = [(number(s.code), None if s.weight is None else share_units(s.weight)) for s in largest_first]
                audience[dimension] = pairs
                if any(share is not None for _, share in pairs):
                    known |= 1 << bit
    for dimension, places in PAIR_PLACES.items():
        ordered = audience.get(dimension, [])
        lists.append((tuple([code for code, _ in ordered]) + _NO_PLACES[places])[:places])
        lists.append((tuple([share or 0 for _, share in ordered]) + _NO_PLACES[places])[:places])
        if len(ordered) > places:
            beside.append((dimension, tuple((code, share or 0) for code, share in ordered[places:])))
    for dimension, dense in DENSE.items():
        shares_of = [0] * dense
        more = []
        pairs = audience.get(dimension, [])
        for code, share in pairs:
            if code <= dense:
                shares_of[code - 1] = share or 0
            else:
                more.append((code, share or 0))
        lists.append(shares_of)
        lists.append(pairs[0][0] if pairs else 0)  # type: ignore[arg-type]
        if more:
            beside.append((dimension, tuple(more)))
    followers, rate = profile.followers, profile.engagement_rate
    return Row(
        _PLATFORM_NUMBERS[profile.platform or ""],
        codes["tier"].number(profile.tier),
        (
            owner,
            tie,
            ALIVE | (VERIFIED if profile.verified else 0) | (SEVERAL if several else 0),
            known,
            codes["country"].number(profile.country),
            -1 if followers is None else followers,
            NOT_KNOWN if followers is None else size_units(followers),
            float("nan") if rate is None else rate,
            _units(profile.engagement_percentile),
            _units(profile.performance),
            _units(profile.authenticity),
            codes["population"].number(profile.engagement_population),
            -1 if profile.price_minor is None else profile.price_minor,
            codes["currency"].number(profile.currency),
            NEVER if profile.available_from is None else (profile.available_from - _EPOCH).days,
            NEVER if profile.available_until is None else (profile.available_until - _EPOCH).days,
            0 if profile.last_active is None else max(0, int(profile.last_active.timestamp())),
            float("nan") if profile.average_views is None else profile.average_views,
        ),
        tuple(lists),
        tuple(beside),
    )


def _largest_first(share: Share) -> float:
    return -2.0 if share.weight is None else -share.weight


def _units(value: float | None) -> int:
    return NOT_KNOWN if value is None else share_units(value)


def profile_of(
    block: Block,
    row: int,
    name: str,
    display_name: str,
    past: PastPerformance | None,
    codes: dict[str, Codes],
    dimensions: Collection[AudienceDimension] = DIMENSIONS,
) -> Profile:
    """The account that a row holds, but for its handle and the creator's texts; of its audience some dimensions."""
    columns = block.columns
    value = {column: columns[column].item(row) for column in _READ}
    platform = Platform(PLATFORMS[block.platform]) if block.platform else None
    rate = None if value["engagement_rate"] != value["engagement_rate"] else value["engagement_rate"]
    return Profile(
        creator=name,
        display_name=display_name,
        country=codes["country"].words[value["country"]],
        languages=_words(block, row, "language", codes),
        categories=_words(block, row, "category", codes),
        verified=bool(value["flags"] & VERIFIED),
        platform=platform,
        followers=None if value["followers"] < 0 else value["followers"],
        tier=codes["tier"].words[block.tier],
        average_views=None if value["views"] != value["views"] else value["views"],
        engagement_rate=rate,
        engagement_basis=basis_of(platform) if platform and rate is not None else None,
        engagement_percentile=_share(value["engagement"]),
        engagement_population=codes["population"].words[value["population"]],
        audience=_audience(block, row, value["known"], codes, dimensions),
        past=past,
        performance=_share(value["performance"]),
        authenticity=_share(value["authenticity"]),
        price_minor=None if value["price"] < 0 else value["price"],
        currency=codes["currency"].words[value["currency"]],
        available_from=_day(value["available_from"]),
        available_until=_day(value["available_until"]),
        last_active=datetime.fromtimestamp(value["last_active"], UTC) if value["last_active"] else None,
    )


_READ = (
    "country", "flags", "followers", "engagement_rate", "engagement", "population", "known", "performance",
    "authenticity", "price", "currency", "available_from", "available_until", "last_active", "views",
)  # fmt: skip


def _share(units: int) -> float | None:
    return None if units == NOT_KNOWN else units / WHOLE


def _day(days: int) -> date | None:
    return None if days == NEVER else _EPOCH + timedelta(days=days)


def _words(block: Block, row: int, name: str, codes: dict[str, Codes]) -> tuple[str, ...]:
    numbers = [number for number in block.columns[name][:, row].tolist() if number]
    if name in block.beside:
        numbers += [number for number, _ in block.beside[name].of(row)]
    words = codes[name].words
    return tuple(words[number] for number in numbers)


def _audience(
    block: Block, row: int, known: int, codes: dict[str, Codes], dimensions: Collection[AudienceDimension]
) -> Audience:
    found: dict[str, tuple[Share, ...]] = {}
    for bit, dimension in enumerate(DIMENSIONS):
        if dimension not in dimensions:
            continue
        pairs, main = _pairs(block, row, dimension)
        if not pairs and not main:
            continue
        words = codes[dimension].words
        if not known & (1 << bit):
            found[AUDIENCE_FIELDS[dimension]] = (Share(words[main]),)
            continue
        if not pairs:
            found[AUDIENCE_FIELDS[dimension]] = (Share(words[main], 0.0),)
            continue
        # The main code of which no share is known, among others of which it is.
        shares = [Share(words[main])] if main and main not in dict(pairs) else []
        shares += [Share(words[code], share / WHOLE) for code, share in pairs]
        found[AUDIENCE_FIELDS[dimension]] = tuple(shares)
    return Audience(**found) if found else NO_AUDIENCE  # type: ignore[arg-type]


def _pairs(block: Block, row: int, dimension: AudienceDimension) -> tuple[list[tuple[int, int]], int]:
    """The shares that are known, and the main code."""
    if dimension in DENSE:
        shares = block.columns[f"{dimension}.share"][:, row].tolist()
        pairs = [(code, share) for code, share in enumerate(shares, start=1) if share]
        main = int(block.columns[f"{dimension}.main"][row])
    else:
        codes = block.columns[f"{dimension}.code"][:, row].tolist()
        shares = block.columns[f"{dimension}.share"][:, row].tolist()
        pairs = [(code, share) for code, share in zip(codes, shares, strict=True) if code and share]
        main = codes[0]
    if dimension in block.beside:
        pairs += [(code, share) for code, share in block.beside[dimension].of(row) if share]
    return sorted(pairs, key=lambda pair: -pair[1]), main
