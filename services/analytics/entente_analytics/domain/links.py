"""Tracked links and promo codes: what attributes clicks and sales to a creator."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from entente_analytics.domain.names import link_name, promo_code_name
from entente_chassis.refusal import Invalid, Violation

DEFAULT_WINDOW = timedelta(days=30)
CLICK_PARAMETER = "entente_click"


@dataclass(frozen=True)
class Owner:
    """Whose a link or a code is: what it attributes goes to this collaboration."""

    brand: str
    campaign: str
    collaboration: str
    creator: str


@dataclass(frozen=True)
class Utm:
    """The UTM parameters of a link."""

    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""

    def or_defaults(self, *, platform: str, campaign: str, code: str) -> "Utm":
        """The same with every empty parameter at its default."""
        return replace(
            self,
            source=self.source or platform.lower() or "creator",
            medium=self.medium or "influencer",
            campaign=self.campaign or campaign.removeprefix("campaigns/"),
            content=self.content or code,
        )


@dataclass(frozen=True)
class TrackedLink:
    """A short link of one collaboration. It never changes."""

    code: str
    owner: Owner
    destination_url: str
    utm: Utm
    window: timedelta
    created_at: datetime

    @property
    def name(self) -> str:
        """The resource name."""
        return link_name(self.code)

    def short_url(self, public_url: str) -> str:
        """The address to publish, where the redirect is reached from outside."""
        return f"{public_url.rstrip('/')}/r/{self.code}"

    def landing_url(self, click_id: str) -> str:
        """Where a click lands: the destination with the UTM parameters and the click's id in place of older ones."""
        ours = {f"utm_{key}": value for key, value in vars(self.utm).items() if value} | {CLICK_PARAMETER: click_id}
        parts = urlsplit(self.destination_url)
        kept = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key not in ours]
        return urlunsplit(parts._replace(query=urlencode([*kept, *ours.items()])))


@dataclass(frozen=True)
class LinkCreated:
    """A tracked link was made, and this is the address to publish."""

    link: TrackedLink
    short_url: str


def new_link(
    code: str, owner: Owner, destination_url: str, utm: Utm, window: timedelta, now: datetime, *, platform: str
) -> TrackedLink:
    """A link for a collaboration.

    Raises:
        Invalid: the destination is not a page that a browser can be sent to.
    """
    parts = urlsplit(destination_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise Invalid(
            "DESTINATION_INVALID",
            "The destination must be a web page: give an http or https address without a user in it.",
            violations=[Violation("tracked_link.destination_url", "not an http or https address of a page")],
        )
    return TrackedLink(
        code=code,
        owner=owner,
        destination_url=destination_url,
        utm=utm.or_defaults(platform=platform, campaign=owner.campaign, code=code),
        window=window or DEFAULT_WINDOW,
        created_at=now,
    )


@dataclass(frozen=True)
class PromoCode:
    """A code that a creator's audience enters at the till.

    Args:
        settle_at: when the orders that came before the code must be looked at again; None once that is done.
    """

    code: str
    owner: Owner
    valid_from: datetime | None
    valid_until: datetime | None
    created_at: datetime
    settle_at: datetime | None

    @property
    def name(self) -> str:
        """The resource name."""
        return promo_code_name(self.owner.brand, self.code)

    def settled(self) -> "PromoCode":
        """The same once the earlier orders were looked at."""
        return replace(self, settle_at=None)


def new_promo_code(
    code: str, owner: Owner, valid_from: datetime | None, valid_until: datetime | None, now: datetime
) -> PromoCode:
    """A promo code for a collaboration.

    Raises:
        Invalid: its validity ends before it begins.
    """
    if valid_from and valid_until and valid_until <= valid_from:
        raise Invalid(
            "VALIDITY_EMPTY",
            "The code would never be valid: let valid_until_time be after valid_from_time.",
            violations=[Violation("promo_code.valid_until_time", "not after valid_from_time")],
        )
    return PromoCode(code, owner, valid_from, valid_until, created_at=now, settle_at=now)
