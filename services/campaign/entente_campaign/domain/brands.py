"""Brands, and the agencies that act for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from entente_chassis.refusal import Exhausted, Precondition

MOST_AGENCIES = 50


@dataclass(frozen=True)
class AgencyGrant:
    """An agency that may act for a brand.

    Args:
        agency: its account, the subject of its tokens.
    """

    agency: str
    grant_time: datetime
    granted_by: str


@dataclass(frozen=True)
class Brand:
    """A brand."""

    name: str
    display_name: str
    country: str
    website: str
    create_time: datetime
    update_time: datetime
    agencies: tuple[AgencyGrant, ...] = field(default_factory=tuple)

    def is_represented_by(self, account: str) -> bool:
        """Whether an agency's account may act for it."""
        return any(grant.agency == account for grant in self.agencies)


@dataclass(frozen=True)
class BrandRegistered:
    """A brand joined."""

    brand: str
    display_name: str
    country: str


@dataclass(frozen=True)
class AgencyGranted:
    """A brand let an agency act for it."""

    brand: str
    agency: str


@dataclass(frozen=True)
class AgencyRevoked:
    """A brand took that back."""

    brand: str
    agency: str


def register(
    name: str, *, display_name: str, country: str, website: str, now: datetime
) -> tuple[Brand, tuple[BrandRegistered, ...]]:
    """A new brand."""
    brand = Brand(name, display_name, country, website, create_time=now, update_time=now)
    return brand, (BrandRegistered(name, display_name, country),)


def grant(brand: Brand, agency: str, *, by: str, now: datetime) -> tuple[Brand, tuple[AgencyGranted, ...]] | None:
    """Let an agency act for a brand; nothing to do when it may already.

    Raises:
        Exhausted: the brand has as many agencies as it can.
    """
    if brand.is_represented_by(agency):
        return None
    if len(brand.agencies) >= MOST_AGENCIES:
        raise Exhausted("TOO_MANY_AGENCIES", f"{MOST_AGENCIES} agencies act for {brand.name} already: revoke one.")
    agencies = (*brand.agencies, AgencyGrant(agency, now, by))
    return replace(brand, agencies=agencies, update_time=now), (AgencyGranted(brand.name, agency),)


def revoke(brand: Brand, agency: str, *, now: datetime) -> tuple[Brand, tuple[AgencyRevoked, ...]]:
    """Take that back.

    Raises:
        Precondition: it does not act for the brand.
    """
    if not brand.is_represented_by(agency):
        raise Precondition("AGENCY_NOT_GRANTED", f"{agency} does not act for {brand.name}: there is nothing to revoke.")
    agencies = tuple(grant for grant in brand.agencies if grant.agency != agency)
    return replace(brand, agencies=agencies, update_time=now), (AgencyRevoked(brand.name, agency),)


def represented(brands: Mapping[str, Brand], account: str) -> frozenset[str]:
    """Those of the brands that an agency's account may act for."""
    return frozenset(name for name, brand in brands.items() if brand.is_represented_by(account))
