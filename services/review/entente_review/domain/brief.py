"""What a campaign asks for, as far as a caption can be checked against it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MandatoryElement:
    """Something that the content must show or say. Any of the terms proves it; without terms a person has to look."""

    id: str
    description: str
    accepted_terms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Brief:
    """A campaign's brief as it was pinned at publication. Empty means not asked for."""

    revision: int
    brand_name: str
    product: str = ""
    hashtags: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    mandatory_elements: tuple[MandatoryElement, ...] = ()
    forbidden_terms: tuple[str, ...] = ()
    competitors: tuple[str, ...] = ()
    link: str = ""
    promo_code: str = ""
    languages: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    compensation: str | None = None


@dataclass(frozen=True)
class AudienceShare:
    """A country of a creator's audience; without a share it is the largest one, of unknown size."""

    country: str
    share: float | None


def markets_of(
    brief: Brief, declared: tuple[str, ...], audience: tuple[AudienceShare, ...], least_share: float
) -> tuple[str, ...]:
    """The markets whose disclosure rules apply: the campaign's, the main countries of the creator's audience, and those
    that the creator named. Naming some never takes another away.
    """
    main = [entry.country for entry in audience if entry.share is None or entry.share >= least_share]
    codes = [*brief.markets, *main, *declared]
    return tuple(dict.fromkeys("GB" if code == "UK" else code for code in codes))
