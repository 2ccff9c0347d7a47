"""Addresses at which one click ends e-mails (RFC 8058): signed, so that nobody makes up another person's."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

from entente_messaging.domain.occasions import Category


@dataclass(frozen=True)
class Wish:
    """Whose e-mails are to end; without a category: all of them."""

    party: str
    category: Category | None


class WaysOut:
    """Makes and reads them.

    Args:
        public_url: where this service's HTTP is reached from outside; "" for no such addresses.
        key: signs; kept by the bootstrap.
    """

    def __init__(self, public_url: str = "", key: bytes = b"") -> None:
        self._public_url = public_url.rstrip("/")
        self.key = key

    def address(self, party: str, category: Category | None) -> str:
        """The address for somebody's e-mails of a kind; "" when there is none."""
        if not self._public_url or not self.key:
            return ""
        told = f"{party}|{category or ''}".encode()
        return f"{self._public_url}/u/{_text(told)}.{_text(self._sign(told))}"

    def read(self, token: str) -> Wish | None:
        """What a token asks for; None when it is none of ours."""
        told_text, _, signature = token.partition(".")
        try:
            told, given = _bytes(told_text), _bytes(signature)
        except (binascii.Error, ValueError):
            return None
        if not self.key or not hmac.compare_digest(given, self._sign(told)):
            return None
        party, _, category = told.decode().partition("|")
        return Wish(party, Category(category) if category else None)

    def _sign(self, told: bytes) -> bytes:
        return hmac.new(self.key, told, hashlib.sha256).digest()[:16]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
