"""Promo codes by pattern, and codes that people take for one another."""

import re
import unicodedata
from collections.abc import Iterator

_HANDLE = "{handle}"
_LONGEST = 20
# What looks alike on a phone or sounds alike in a video; hyphens are left out when people type.
_ALIKE = str.maketrans({"O": "0", "Q": "0", "I": "1", "L": "1", "Z": "2", "S": "5", "B": "8", "G": "6", "-": None})


def shape_of(code: str) -> str:
    """What is left of a code when letters and digits that look alike are taken for the same."""
    return code.upper().replace("VV", "W").translate(_ALIKE).lower()


def handle_of(display_name: str, creator: str) -> str:
    """A creator's name as it stands in a code: capital letters and digits, without accents.

    A name without any, such as one in another script, gives the creator's id.
    """
    plain = unicodedata.normalize("NFKD", display_name).encode("ascii", "ignore").decode()
    return (
        re.sub(r"[^A-Z0-9]", "", plain.upper())[:_LONGEST]
        or re.sub(r"[^A-Z0-9]", "", creator.removeprefix("creators/").upper())[:_LONGEST]
    )


def codes_of(pattern: str, handle: str) -> Iterator[str]:
    """The codes that a pattern gives for a handle, to be tried in this order until one is free."""
    for suffix in ("", "X", "XX", "FAN", "VIP"):
        yield pattern.replace(_HANDLE, handle + suffix)
