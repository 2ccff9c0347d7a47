"""Tracked links and promo codes: what attributes clicks and sales to a creator."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from entente_analytics.domain.names import link_name, promo_code_name
from entente_chassis.refusal import Invalid, Violation

DEFAULT_WINDOW = timedelta(days=30)
CLICK_PARAMETER = "entente_click"
_NEVER = frozenset({"javascript", "data", "vbscript", "file", "blob", "about", "view-source", "ftp"})


@dataclass(frozen=True)
class Owner:
    """Whose a link or a code is: what it attributes goes to this collaboration.

    Args:
        platform: where it is published; "" when not known.
        deliverable: the deliverable that carries it; "" when it is not bound to one.
    """

    brand: str
    campaign: str
    collaboration: str
    creator: str
    platform: str = ""
    deliverable: str = ""


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
class Destination:
    """Where a link leads: a page, and what opens an app instead on some devices ("" for the page there, too)."""

    url: str
    ios_url: str = ""
    android_url: str = ""

    def on(self, user_agent: str) -> str:
        """The address for a device, by what it says of itself."""
        if self.ios_url and ("iPhone" in user_agent or "iPad" in user_agent or "iPod" in user_agent):
            return self.ios_url
        if self.android_url and "Android" in user_agent:
            return self.android_url
        return self.url


@dataclass(frozen=True)
class TrackedLink:
    """A short link of one collaboration. It never changes."""

    code: str
    owner: Owner
    destination: Destination
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

    def landing_url(self, click_id: str, user_agent: str = "") -> str:
        """Where a click lands: the destination with the UTM parameters and the click's id in place of older ones."""
        before, after = _around_click_id(self.destination.on(user_agent), self.utm)
        return f"{before}{quote(click_id)}{after}"


@lru_cache(maxsize=10_000)
def _around_click_id(url: str, utm: Utm) -> tuple[str, str]:
    """What stands before and after the click's id in the address where clicks land; the same for all of a link."""
    ours = {f"utm_{key}": value for key, value in vars(utm).items() if value}
    parts = urlsplit(url)
    kept = [
        (key, value)
        for key, value in parse_qsl(parts.query, keep_blank_values=True)
        if key not in ours and key != CLICK_PARAMETER
    ]
    query = urlencode([*kept, *ours.items(), (CLICK_PARAMETER, "")])
    after = f"#{parts.fragment}" if parts.fragment else ""
    return urlunsplit(parts._replace(query=query, fragment="")), after


@dataclass(frozen=True)
class TrackedLinkCreated:
    """A tracked link was made, and this is the address to publish."""

    link: str
    collaboration: str
    campaign: str
    brand: str
    creator: str
    short_url: str
    deliverable: str


def new_link(
    code: str, owner: Owner, destination: Destination, utm: Utm, window: timedelta, now: datetime
) -> TrackedLink:
    """A link for a collaboration.

    Raises:
        Invalid: a destination is not a page that a browser can be sent to, or not an address that an app opens.
    """
    wrong = [
        Violation(f"tracked_link.{field}", problem)
        for field, problem in (
            ("destination_url", _problem(destination.url, app=False)),
            ("ios_url", _problem(destination.ios_url, app=True) if destination.ios_url else ""),
            ("android_url", _problem(destination.android_url, app=True) if destination.android_url else ""),
        )
        if problem
    ]
    if wrong:
        raise Invalid(
            "DESTINATION_INVALID",
            "A visitor cannot be sent there: give the http or https address of a page, and for apps an https address "
            "or one of the app's own scheme; without a user, backslashes or control characters.",
            violations=wrong,
        )
    return TrackedLink(
        code=code,
        owner=owner,
        destination=destination,
        utm=utm.or_defaults(platform=owner.platform, campaign=owner.campaign, code=code),
        window=window or DEFAULT_WINDOW,
        created_at=now,
    )


def link_created(link: TrackedLink, public_url: str) -> TrackedLinkCreated:
    """What is told of a new link."""
    owner = link.owner
    return TrackedLinkCreated(
        link=link.name,
        collaboration=owner.collaboration,
        campaign=owner.campaign,
        brand=owner.brand,
        creator=owner.creator,
        short_url=link.short_url(public_url),
        deliverable=owner.deliverable,
    )


def _problem(url: str, *, app: bool) -> str:
    # Browsers read a backslash as a slash and drop control characters: such an address leads elsewhere than it says.
    if "\\" in url or any(ord(letter) < 33 or ord(letter) == 127 for letter in url):
        return "holds a backslash, a space or a control character"
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "is no address"
    if parts.scheme in _NEVER or (not app and parts.scheme not in ("http", "https")):
        return f"its scheme {parts.scheme!r} is not allowed"
    if not parts.netloc or (parts.scheme in ("http", "https") and not parts.hostname):
        return "names no host"
    return "holds a user" if "@" in parts.netloc else ""


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
