"""A creator: who it is, its platform accounts, what was measured of them and when."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from entente_chassis.money import Money
from entente_chassis.refusal import AlreadyExists, Invalid, Violation
from entente_matching.domain.words import AudienceDimension, Platform

HISTORY_KEPT = 120

FIGURES = frozenset(
    {
        "followers", "following", "posts", "average_views", "median_views", "average_likes", "average_comments",
        "average_shares", "average_engagements", "authentic_engagements", "median_likes", "median_comments",
        "posts_sampled", "sponsored_posts", "engagement_rate", "low_value_comment_share", "repeat_commenter_share",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Share:
    """A code and the share of the audience that has it; no weight: the largest one, its share not known."""

    code: str
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Audience:
    """Who follows an account. An empty list is not known."""

    countries: tuple[Share, ...] = ()
    ages: tuple[Share, ...] = ()
    genders: tuple[Share, ...] = ()
    languages: tuple[Share, ...] = ()
    devices: tuple[Share, ...] = ()
    active_share: float | None = None
    types: tuple[Share, ...] = ()

    def shares(self, dimension: AudienceDimension) -> tuple[Share, ...]:
        """The shares of one trait."""
        return {
            AudienceDimension.COUNTRY: self.countries,
            AudienceDimension.AGE: self.ages,
            AudienceDimension.GENDER: self.genders,
            AudienceDimension.LANGUAGE: self.languages,
            AudienceDimension.DEVICE: self.devices,
            AudienceDimension.TYPE: self.types,
        }[dimension]


NO_AUDIENCE = Audience()


def share_of(shares: Sequence[Share], codes: Iterable[str]) -> float | None:
    """The share of the audience that has one of the codes; nothing when no share is known."""
    if all(share.weight is None for share in shares):
        return None
    wanted = set(codes)
    return min(1.0, sum(share.weight for share in shares if share.weight is not None and share.code in wanted))


def main_code(shares: Sequence[Share]) -> str:
    """The largest code; "" when nothing is known."""
    if not shares:
        return ""
    # A code without a weight was named as the largest by its source.
    return max(shares, key=lambda share: 2.0 if share.weight is None else share.weight).code


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was measured at one time: figures by name (see FIGURES); what was not measured is not in it."""

    at: datetime
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Account:
    """A creator's presence on a platform. The history is in the order of time, one snapshot a day."""

    platform: Platform
    handle: str = ""
    audience: Audience = NO_AUDIENCE
    history: tuple[Snapshot, ...] = ()
    as_of: dict[str, datetime] = field(default_factory=dict)

    @property
    def latest(self) -> Snapshot | None:
        """The last measurement."""
        return self.history[-1] if self.history else None


@dataclass(frozen=True, slots=True)
class Override:
    """What an operator says of an account's authenticity instead of the formula, and why.

    Args:
        score: 0 to 100; None takes the one before back.
        by: the operator's account.
    """

    score: int | None
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class OfferedPrice:
    """The least price of a piece of content on a platform."""

    platform: Platform
    price: Money


@dataclass(frozen=True, slots=True)
class Offer:
    """What a creator says of itself and of its work."""

    bio: str = ""
    available_from: date | None = None
    available_until: date | None = None
    prices: tuple[OfferedPrice, ...] = ()


NO_OFFER = Offer()


def check_offer(offer: Offer) -> None:
    """Refuse an offer that contradicts itself.

    Raises:
        Invalid: with one violation for each wrong field.
    """
    violations = []
    if offer.available_until is not None and offer.available_from is None:
        violations.append(Violation("offer.available_from", "is needed where available_until is given"))
    elif offer.available_from and offer.available_until and offer.available_until < offer.available_from:
        violations.append(Violation("offer.available_until", f"is before available_from, {offer.available_from}"))
    for index, offered in enumerate(offer.prices):
        if offered.platform in {other.platform for other in offer.prices[:index]}:
            violations.append(Violation(f"offer.prices[{index}].platform", f"{offered.platform} is given twice"))
        if offered.price.minor_units < 0:
            violations.append(Violation(f"offer.prices[{index}].price.minor_units", "is negative"))
    if violations:
        raise Invalid("OFFER_INVALID", "Some fields of the offer are not valid.", violations=violations)


@dataclass(frozen=True, slots=True)
class Creator:
    """Who makes content for an audience.

    Args:
        as_of: from when each fact is, so that an older source does not overwrite a newer one.
        created_at: when it was registered, in the domain's time.
        updated_at: when it last changed, in the domain's time.
        changed_at: when it last changed, by the machine's clock: what the search index follows.
        overrides: platform -> what operators said of its authenticity, the last of which counts.
    """

    display_name: str
    created_at: datetime
    updated_at: datetime
    changed_at: datetime
    company: str = ""
    country: str = ""
    languages: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verified: bool = False
    accounts: tuple[Account, ...] = ()
    as_of: dict[str, datetime] = field(default_factory=dict)
    overrides: dict[str, tuple[Override, ...]] = field(default_factory=dict)
    offer: Offer = NO_OFFER

    def account(self, platform: Platform) -> Account | None:
        """The account on a platform."""
        return next((account for account in self.accounts if account.platform == platform), None)


@dataclass(frozen=True)
class CreatorRegistered:
    """A creator is known from now on."""

    creator: str
    country: str
    platforms: tuple[Platform, ...]


@dataclass(frozen=True)
class CreatorMetricsUpdated:
    """New figures of an account are known."""

    creator: str
    platform: Platform
    measure_time: datetime
    followers: int | None
    engagement_rate: float | None
    tier: str


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, by both clocks."""

    domain: datetime
    technical: datetime


@dataclass(frozen=True)
class Observation:
    """What a source says of a creator at a date: facts that are not empty, and one account's figures."""

    at: datetime
    platform: Platform
    figures: Mapping[str, float]
    facts: Mapping[str, object] = field(default_factory=dict)
    handle: str = ""
    audience: Audience = NO_AUDIENCE


def register(
    existing: Creator | None,
    name: str,
    new: Creator,
) -> tuple[Creator, list[object]]:
    """Register a creator by hand.

    Raises:
        AlreadyExists: the name is taken.
        Invalid: an account is given twice, or shares of an audience add up to more than the whole.
    """
    if existing is not None:
        raise AlreadyExists("CREATOR_EXISTS", f"{name} is registered: choose another creator_id.", resource=name)
    violations = []
    for index, account in enumerate(new.accounts):
        if account.platform in {other.platform for other in new.accounts[:index]}:
            violations.append(Violation(f"accounts[{index}].platform", f"{account.platform} is given twice"))
        violations += audience_violations(account.audience, f"accounts[{index}].audience")
    if violations:
        raise Invalid("CREATOR_INVALID", "Some fields of the creator are not valid.", violations=violations)
    given = dict.fromkeys(("display_name", "company", "country", "languages", "categories"), new.created_at)
    created = replace(new, as_of={fact: at for fact, at in given.items() if getattr(new, fact)})
    platforms = tuple(account.platform for account in created.accounts)
    return created, [CreatorRegistered(name, created.country, platforms)]


def record(creator: Creator, observation: Observation, now: Moment) -> Creator:
    """The creator with one measurement more; the one of the same day is replaced.

    Raises:
        Invalid: shares of the audience add up to more than the whole, or the measurement is from the future.
    """
    violations = audience_violations(observation.audience, "audience")
    if observation.at > now.domain:
        violations.append(Violation("metrics.measure_time", f"{observation.at.isoformat()} is in the future"))
    if violations:
        raise Invalid("METRICS_INVALID", "The measurement is not valid.", violations=violations)
    return merge(creator, [observation], now)


def merge(creator: Creator, observations: Iterable[Observation], now: Moment) -> Creator:
    """The creator with what was observed. In whatever order observations come, the same is known in the end.

    A creator that knows all of it already is returned as it is.
    """
    merged = creator
    for observation in sorted(observations, key=lambda observed: observed.at):
        merged = _merge_facts(merged, observation)
        account = merged.account(observation.platform) or Account(observation.platform)
        updated = _merge_account(account, observation)
        others = [other for other in merged.accounts if other.platform != observation.platform]
        accounts = tuple(sorted([*others, updated], key=lambda each: each.platform))
        merged = replace(merged, accounts=accounts)
    if merged == creator:
        return creator
    return replace(merged, updated_at=now.domain, changed_at=now.technical)


def imported(name: str, observations: Iterable[Observation], now: Moment) -> Creator:
    """A new creator, from what was observed."""
    blank = Creator(name.removeprefix("creators/"), now.domain, now.domain, now.technical)
    return merge(blank, observations, now)


def audience_violations(audience: Audience, path: str) -> list[Violation]:
    """Lists of shares that add up to more than the whole, or name a code twice."""
    violations = []
    for name in ("countries", "ages", "genders", "languages", "devices", "types"):
        shares: tuple[Share, ...] = getattr(audience, name)
        total = sum(share.weight or 0.0 for share in shares)
        if total > 1.01:
            violations.append(Violation(f"{path}.{name}", f"the shares add up to {total:.2f}, more than 1"))
        if len({share.code for share in shares}) < len(shares):
            violations.append(Violation(f"{path}.{name}", "a code is given twice"))
        if sum(share.weight is None for share in shares) > 1:
            violations.append(Violation(f"{path}.{name}", "only the largest code may be without a share"))
    return violations


def _newer(as_of: Mapping[str, datetime], fact: str, at: datetime) -> bool:
    return fact not in as_of or as_of[fact] <= at


def _merge_facts(creator: Creator, observation: Observation) -> Creator:
    known = {
        fact: value
        for fact, value in observation.facts.items()
        if value not in ("", (), None) and _newer(creator.as_of, fact, observation.at)
    }
    if not known:
        return creator
    return replace(creator, **known, as_of=creator.as_of | dict.fromkeys(known, observation.at))  # type: ignore[arg-type]


def _merge_account(account: Account, observation: Observation) -> Account:
    as_of = dict(account.as_of)
    handle, audience = account.handle, account.audience
    if observation.handle and _newer(as_of, "handle", observation.at):
        handle, as_of["handle"] = observation.handle, observation.at
    traits = {}
    for trait in ("countries", "ages", "genders", "languages", "devices", "active_share", "types"):
        value = getattr(observation.audience, trait)
        if value not in ((), None) and _newer(as_of, trait, observation.at):
            traits[trait] = value
            as_of[trait] = observation.at
    history = account.history
    if observation.figures:
        day = _day(observation.at)
        snapshot = Snapshot(observation.at, dict(observation.figures))
        kept = [each for each in history if _day(each.at) != day]
        history = tuple(sorted([*kept, snapshot], key=lambda each: each.at)[-HISTORY_KEPT:])
    return replace(account, handle=handle, audience=replace(audience, **traits), history=history, as_of=as_of)


def _day(at: datetime) -> str:
    return at.astimezone(UTC).date().isoformat()
