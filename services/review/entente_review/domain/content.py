"""What a creator wants to publish."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Content:
    """One version of one deliverable, as it was sent."""

    caption: str
    language: str = ""
    media: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    paid_partnership_label: bool = False
    audience_markets: tuple[str, ...] = ()
