"""Brands."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Brand:
    """A brand."""

    name: str
    display_name: str
    country: str
    website: str
    create_time: datetime
    update_time: datetime


@dataclass(frozen=True)
class BrandRegistered:
    """A brand joined."""

    brand: str
    display_name: str
    country: str


def register(
    name: str, *, display_name: str, country: str, website: str, now: datetime
) -> tuple[Brand, tuple[BrandRegistered, ...]]:
    """A new brand."""
    brand = Brand(name, display_name, country, website, create_time=now, update_time=now)
    return brand, (BrandRegistered(name, display_name, country),)
