"""A creator seen through one of its accounts: what filters and scores look at."""

from dataclasses import dataclass, replace
from datetime import date, datetime

from entente_matching.domain.authenticity import judge as authenticity_of
from entente_matching.domain.creators import NO_AUDIENCE, Account, Audience, Creator, main_code
from entente_matching.domain.feedback import PastPerformance, performance_value
from entente_matching.domain.figures import authentic_share, basis_of, latest_engagement_rate, latest_followers
from entente_matching.domain.reference import AUTHENTIC_SHARE, ENGAGEMENT_METRICS, Reference
from entente_matching.domain.words import EngagementBasis, Platform


@dataclass(frozen=True, slots=True)
class Profile:
    """A creator through one account; through none, when it has none. What is not known is None, "" or empty.

    Args:
        engagement_percentile: which share of similar creators engage less, from 0 to 1.
        authentic_percentile: which share of similar creators have a smaller share of authentic engagements.
        performance: how good the past collaborations were, from 0 to 1.
        authenticity: how authentic the audience is held to be, from 0 to 1.
        price_minor: the least price that the account names, in minor units of ``currency``.
        available_from: the first day on which the creator takes work; nothing when it has not said.
        available_until: the last such day; nothing for no end.
        last_active: when it was last seen to do something.
        handles: its names on all platforms.
    """

    creator: str
    display_name: str
    country: str = ""
    languages: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verified: bool = False
    platform: Platform | None = None
    handle: str = ""
    followers: int | None = None
    tier: str = ""
    average_views: float | None = None
    engagement_rate: float | None = None
    engagement_basis: EngagementBasis | None = None
    engagement_percentile: float | None = None
    engagement_population: str = ""
    authentic_percentile: float | None = None
    audience: Audience = NO_AUDIENCE
    past: PastPerformance | None = None
    performance: float | None = None
    authenticity: float | None = None
    price_minor: int | None = None
    currency: str = ""
    available_from: date | None = None
    available_until: date | None = None
    last_active: datetime | None = None
    bio: str = ""
    handles: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """What a text search looks at."""
        return (self.display_name, self.bio, *self.handles, *self.categories)

    @property
    def main_audience_country(self) -> str:
        """The largest country of the audience; "" when not known. Not where the creator lives."""
        return main_code(self.audience.countries)


def profiles_of(name: str, creator: Creator, past: PastPerformance | None, reference: Reference) -> tuple[Profile, ...]:
    """A creator through each of its accounts, or through none when it has none."""
    if not creator.accounts:
        return (_profile(name, creator, None, past, reference),)
    return tuple(_profile(name, creator, account, past, reference) for account in creator.accounts)


def without_account(name: str, creator: Creator, past: PastPerformance | None, reference: Reference) -> Profile:
    """What is known of a creator whatever its accounts."""
    return _profile(name, creator, None, past, reference)


def _profile(
    name: str, creator: Creator, account: Account | None, past: PastPerformance | None, reference: Reference
) -> Profile:
    facts = Profile(
        creator=name,
        display_name=creator.display_name,
        country=creator.country,
        languages=creator.languages,
        categories=creator.categories,
        verified=creator.verified,
        past=past,
        performance=performance_value(past),
        handles=tuple(each.handle for each in creator.accounts if each.handle),
        bio=creator.offer.bio,
        available_from=creator.offer.available_from,
        available_until=creator.offer.available_until,
        last_active=max((each.latest.at for each in creator.accounts if each.latest), default=None),
    )
    if account is None:
        return facts
    price = next((each.price for each in creator.offer.prices if each.platform == account.platform), None)
    judged = authenticity_of(creator, account, reference)
    followers = latest_followers(account)
    basis = basis_of(account.platform)
    rate = latest_engagement_rate(account)
    engagement = reference.benchmarks.find(ENGAGEMENT_METRICS[basis], account.platform, followers)
    authentic = authentic_share(account)
    authenticity = reference.benchmarks.find(AUTHENTIC_SHARE, account.platform, followers)
    return replace(
        facts,
        platform=account.platform,
        handle=account.handle,
        followers=followers,
        tier=reference.tiers.of(followers),
        average_views=account.latest.figures.get("average_views") if account.latest else None,
        engagement_rate=rate,
        engagement_basis=basis if rate is not None else None,
        engagement_percentile=engagement.percentile(rate) if engagement and rate is not None else None,
        engagement_population=engagement.population if engagement else "",
        authentic_percentile=authenticity.percentile(authentic) if authenticity and authentic is not None else None,
        audience=account.audience,
        price_minor=price.minor_units if price else None,
        currency=price.currency_code if price else "",
        authenticity=None if judged.score is None else judged.score / 100,
    )
