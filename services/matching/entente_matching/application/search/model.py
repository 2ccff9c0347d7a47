"""What a search is asked, and what it answers, whoever answers it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol

from entente_matching.domain.filters import EVERYBODY, CreatorFilter
from entente_matching.domain.fit import Brief
from entente_matching.domain.lookalikes import Likeness
from entente_matching.domain.profiles import Profile

FACET_VALUES = 50
FACETS = ("platform", "country", "main_audience_country", "category", "tier", "language", "verified")


class Order(StrEnum):
    """What results are ordered by. What is not known comes last, whichever way."""

    FIT = "fit"
    SIMILARITY = "similarity"
    FOLLOWERS = "followers"
    ENGAGEMENT_RATE = "engagement_rate"
    AUTHENTICITY = "authenticity"
    PRICE = "price"
    LAST_ACTIVE = "last_active"
    NAME = "name"


class Cursor(NamedTuple):
    """Where a page ends: the sort key of its last creator, and its name."""

    key: float
    name: str


@dataclass(frozen=True)
class Query:
    """A search.

    Args:
        wanted: the filter.
        brief: what creators are scored against, for the order by fit.
        likeness: what they are compared with, for the order by similarity.
        excluded: names of creators that are not found, whatever they are like.
        facets: which traits are counted among all matches.
    """

    wanted: CreatorFilter = EVERYBODY
    brief: Brief | None = None
    likeness: Likeness | None = None
    order: Order = Order.FOLLOWERS
    descending: bool = True
    limit: int = 50
    after: Cursor | None = None
    excluded: frozenset[str] = frozenset()
    facets: tuple[str, ...] = FACETS


class Hit(NamedTuple):
    """A creator that matches, through its best account, and its score or similarity in hundredths of a point."""

    creator: str
    profile: Profile
    score_hundredths: int | None


@dataclass(frozen=True)
class Facet:
    """How many of the matching creators have each value of a trait; "" is "not known"."""

    field: str
    values: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Found:
    """A page of hits, and what is true of all matches."""

    hits: tuple[Hit, ...]
    next: Cursor | None
    total: int
    facets: tuple[Facet, ...]
    unknown_audience: int
    seen_until: datetime | None


class Search(Protocol):
    """Whoever answers searches."""

    def search(self, query: Query) -> Found:
        """The creators that match, in order, and how they divide."""
        ...


@lru_cache(maxsize=100_000)
def tie(name: str) -> int:
    """What orders creators with the same sort key: a number of 63 bits that follows from the name alone."""
    return tie_of(name)


def tie_of(name: str) -> int:
    """As ``tie``, for names that come by once."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 1


SORT_KEYS: dict[Order, Callable[[Profile], float | None]] = {
    Order.FOLLOWERS: lambda profile: profile.followers,
    Order.ENGAGEMENT_RATE: lambda profile: profile.engagement_rate,
    Order.AUTHENTICITY: lambda profile: None if profile.authenticity is None else round(profile.authenticity * 10_000),
    Order.PRICE: lambda profile: profile.price_minor,
    Order.LAST_ACTIVE: lambda profile: None if profile.last_active is None else int(profile.last_active.timestamp()),
}


def facet(field: str, counts: dict[str, int]) -> Facet:
    """The values of a facet, the most frequent first."""
    ordered = sorted(((value, n) for value, n in counts.items() if n), key=lambda pair: (-pair[1], pair[0]))
    return Facet(field, tuple(ordered[:FACET_VALUES]))
