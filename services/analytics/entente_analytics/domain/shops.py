"""A brand's shop: the secret with which it signs what it reports over HTTP."""

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

OLD_SECRET_KEPT = timedelta(days=1)


@dataclass(frozen=True)
class Shop:
    """The secrets of a brand's shop.

    Args:
        secret: in the form of Standard Webhooks.
        previous: the one before; "" when there is none.
        previous_until: until when that one is still taken.
    """

    brand: str
    secret: str
    previous: str = ""
    previous_until: datetime | None = None

    def secrets_at(self, now: datetime) -> tuple[str, ...]:
        """The secrets that are good at a time, the present one first."""
        old = self.previous and self.previous_until and now < self.previous_until
        return (self.secret, self.previous) if old else (self.secret,)


def rotated(shop: Shop | None, brand: str, secret: str, now: datetime) -> Shop:
    """The shop with a new secret; the one before stays good for a day, so that no sale is lost meanwhile."""
    if shop is None:
        return Shop(brand, secret)
    return Shop(brand, secret, shop.secret, now + OLD_SECRET_KEPT)


def pixel_signature(secret: str, parameters: Iterable[tuple[str, str]]) -> str:
    """What signs a pixel's parameters: the hexadecimal HMAC-SHA256 of the sorted query without the signature."""
    query = urlencode(sorted((name, value) for name, value in parameters if name != "sig"))
    return hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
