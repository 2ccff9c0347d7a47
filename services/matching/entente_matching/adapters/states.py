"""Creators as the records of the compacted topic, and those records as profiles."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from entente.matching.v1.events_pb2 import AccountState, AudienceShares, CreatorState
from entente.type.v1 import type_pb2
from entente_chassis.store import Outcome
from entente_matching.domain.creators import NO_AUDIENCE, Audience, Creator, Share
from entente_matching.domain.feedback import PastPerformance, performance_value
from entente_matching.domain.figures import basis_of
from entente_matching.domain.filters import WHOLE, share_units
from entente_matching.domain.profiles import Profile, profiles_of
from entente_matching.domain.reference import ENGAGEMENT_METRICS, Reference
from entente_matching.domain.words import Platform

_EPOCH = date(1970, 1, 1)
_TRAITS = ("countries", "ages", "genders", "languages", "devices", "types")
_PLATFORMS = {number: Platform(name.removeprefix("PLATFORM_")) for name, number in type_pb2.Platform.items() if number}
_NUMBERS = {platform: number for number, platform in _PLATFORMS.items()}


def state_message(found: Outcome[Creator], reference: Reference) -> CreatorState:
    """A creator as the search sees it."""
    profiles = profiles_of(found.id, found.state, None, reference)
    facts = profiles[0]
    return CreatorState(
        creator=found.id,
        version=found.version,
        change_millis=round(found.state.changed_at.timestamp() * 1000),
        display_name=facts.display_name,
        bio=facts.bio,
        country=facts.country,
        languages=facts.languages,
        categories=facts.categories,
        verified=facts.verified,
        accounts=[_account(profile) for profile in profiles if profile.platform is not None],
        available_from_day=_day_number(facts.available_from),
        available_until_day=_day_number(facts.available_until),
        last_active_seconds=None if facts.last_active is None else int(facts.last_active.timestamp()),
    )


def _account(profile: Profile) -> AccountState:
    assert profile.platform is not None, "there is an account"
    price = None
    if profile.price_minor is not None:
        price = type_pb2.Money(currency_code=profile.currency, minor_units=profile.price_minor)
    return AccountState(
        platform=_NUMBERS[profile.platform],
        handle=profile.handle,
        followers=profile.followers,
        engagement_rate=profile.engagement_rate,
        average_views=profile.average_views,
        authenticity=None if profile.authenticity is None else share_units(profile.authenticity),
        price=price,
        **{trait: _shares(shares) for trait in _TRAITS if (shares := getattr(profile.audience, trait))},
    )


def _shares(shares: Sequence[Share]) -> AudienceShares:
    return AudienceShares(
        codes=[share.code for share in shares],
        shares=[-1 if share.weight is None else share_units(share.weight) for share in shares],
    )


def _day_number(day: date | None) -> int | None:
    return None if day is None else (day - _EPOCH).days


def profiles_of_state(state: CreatorState, past: PastPerformance | None, reference: Reference) -> tuple[Profile, ...]:
    """A creator through each of its accounts, or through none when it has none."""
    active, begin, end = state.last_active_seconds, state.available_from_day, state.available_until_day
    accounts = state.accounts
    performance = performance_value(past)
    name, display_name, bio, country = state.creator, state.display_name, state.bio, state.country
    languages, categories = tuple(state.languages), tuple(state.categories)
    verified = state.verified
    first_day = _EPOCH + timedelta(days=begin) if begin or state.HasField("available_from_day") else None
    last_day = _EPOCH + timedelta(days=end) if end or state.HasField("available_until_day") else None
    last_active = datetime.fromtimestamp(active, UTC) if active or state.HasField("last_active_seconds") else None
    handles = tuple([account.handle for account in accounts if account.handle])
    found = []
    for account in accounts or (None,):
        profile = Profile(
            name,
            display_name,
            country,
            languages,
            categories,
            verified,
            past=past,
            performance=performance,
            available_from=first_day,
            available_until=last_day,
            last_active=last_active,
            bio=bio,
            handles=handles,
            **({} if account is None else _of_account(account, reference)),
        )
        found.append(profile)
    return tuple(found)


def _of_account(account: AccountState, reference: Reference) -> dict[str, Any]:
    platform = _PLATFORMS[account.platform]
    followers = account.followers if account.HasField("followers") else None
    rate = account.engagement_rate if account.HasField("engagement_rate") else None
    basis = basis_of(platform)
    benchmark = reference.benchmarks.find(ENGAGEMENT_METRICS[basis], platform, followers)
    priced = account.HasField("price")
    audience = {trait: _read_shares(getattr(account, trait)) for trait in _TRAITS if account.HasField(trait)}  # type: ignore[arg-type]
    return {
        "platform": platform,
        "handle": account.handle,
        "followers": followers,
        "tier": reference.tiers.of(followers),
        "average_views": account.average_views if account.HasField("average_views") else None,
        "engagement_rate": rate,
        "engagement_basis": basis if rate is not None else None,
        "engagement_percentile": benchmark.percentile(rate) if benchmark and rate is not None else None,
        "engagement_population": benchmark.population if benchmark else "",
        "audience": Audience(**audience) if audience else NO_AUDIENCE,  # type: ignore[arg-type]
        "authenticity": account.authenticity / WHOLE if account.HasField("authenticity") else None,
        "price_minor": account.price.minor_units if priced else None,
        "currency": account.price.currency_code if priced else "",
    }


def _read_shares(message: AudienceShares) -> tuple[Share, ...]:
    return tuple(map(_share, message.codes, message.shares))


@lru_cache(maxsize=100_000)
def _share(code: str, units: int) -> Share:
    """Shares do not change, and the same ones come again and again."""
    return Share(code, None if units < 0 else units / WHOLE)
