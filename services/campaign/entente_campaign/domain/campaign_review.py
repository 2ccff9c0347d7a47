"""A look back on a campaign: what happened, who to work with again, and what to change next time.

Everything is counted from the collaborations as they stand, by the rules in the tables below; the same collaborations
always give the same review.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from enum import StrEnum
from math import ceil
from statistics import median

from entente_campaign.domain import places
from entente_campaign.domain.campaigns import Campaign, CampaignState
from entente_campaign.domain.collaborations import Collaboration, State
from entente_campaign.domain.events import Ratings
from entente_campaign.domain.words import deadlines
from entente_chassis.money import Money

RULES_VERSION = "review-1"

WORK_AGAIN_RATING = 350
"""Mean rating, in hundredths, from which on the rule says to work together again, if the day was kept."""


class Reactivation(StrEnum):
    """What a good creator is asked for next."""

    PRODUCT_TEST = "PRODUCT_TEST"
    NEXT_CAMPAIGN = "NEXT_CAMPAIGN"
    PAID_PARTNERSHIP = "PAID_PARTNERSHIP"
    UGC = "UGC"


@dataclass(frozen=True)
class ReactivationRule:
    """From what on a creator is asked for it: ratings in hundredths, compliance in percent; None does not matter."""

    kind: Reactivation
    rating: int | None = None
    content_quality: int | None = None
    compliance: int | None = None
    on_time: bool = False


REACTIVATION: tuple[ReactivationRule, ...] = (
    ReactivationRule(Reactivation.PAID_PARTNERSHIP, rating=450, compliance=90, on_time=True),
    ReactivationRule(Reactivation.NEXT_CAMPAIGN, rating=400, compliance=75, on_time=True),
    ReactivationRule(Reactivation.UGC, content_quality=400, compliance=75),
    ReactivationRule(Reactivation.PRODUCT_TEST, rating=350),
)
"""The most is first. Nobody is asked for anything whom the brand would not work with again."""


@dataclass(frozen=True)
class CreatorReview:
    """What is said of a creator. None where it is not known."""

    creator: str
    creator_display_name: str
    state: State
    rating_hundredths: int | None
    compliance_percent: int | None
    on_time: bool | None
    cost: Money | None
    work_again: bool | None
    reactivation: tuple[Reactivation, ...]


@dataclass(frozen=True)
class Advice:
    """A proposal, and what it rests on."""

    code: str
    field: str
    current: str
    proposed: str
    evidence: str


@dataclass(frozen=True)
class MeanRatings:
    """Means of the six ratings, in hundredths, and how many were rated."""

    audience_relevance: int
    content_quality: int
    engagement: int
    professionalism: int
    deadlines: int
    transparency: int
    rated: int


@dataclass(frozen=True)
class StateCount:
    """How many collaborations stand somewhere."""

    state: State
    count: int


@dataclass(frozen=True)
class CampaignReview:
    """A look back on a campaign. None where nothing is known."""

    campaign: str
    state: CampaignState
    states: tuple[StateCount, ...]
    mean_ratings: MeanRatings | None
    compliance_percent: int | None
    on_time_percent: int | None
    median_publication_days: int | None
    lost_parcels_percent: int | None
    creators: tuple[CreatorReview, ...]
    advice: tuple[Advice, ...]
    rules_version: str = RULES_VERSION


def review(campaign: Campaign, collaborations: Sequence[Collaboration]) -> CampaignReview:
    """Look back on a campaign and all its collaborations."""
    accepted = [each for each in collaborations if each.was_accepted]
    published = [each for each in accepted if each.publish_time is not None]
    granted = [each.compliance_percent for each in accepted if each.compliance_percent is not None]
    sent = sum(each.parcels_sent for each in accepted)
    lost = sum(step.action == "LOST" for each in accepted for step in each.history)
    days = [_days(each) for each in published if each.publication_start_time is not None]
    counts = Counter(each.state for each in collaborations)
    return CampaignReview(
        campaign=campaign.name,
        state=campaign.state,
        states=tuple(StateCount(state, counts[state]) for state in State if counts[state]),
        mean_ratings=_means([each.ratings for each in accepted if each.ratings]),
        compliance_percent=sum(granted) // len(granted) if granted else None,
        on_time_percent=_percent(sum(each.on_time for each in published), len(published)),
        median_publication_days=ceil(median(days)) if days else None,
        lost_parcels_percent=_percent(lost, sent),
        creators=tuple(sorted((_creator(each) for each in accepted), key=_rank)),
        advice=tuple(advice for rule in ADVICE for advice in rule(campaign, accepted)),
    )


def rating_hundredths(ratings: Ratings) -> int:
    """The mean of the six, in hundredths, rounded down."""
    given: list[int] = [getattr(ratings, each.name) for each in fields(Ratings)]
    return sum(given) * 100 // len(given)


def _creator(collaboration: Collaboration) -> CreatorReview:
    rating = rating_hundredths(collaboration.ratings) if collaboration.ratings else None
    on_time = collaboration.on_time if collaboration.publish_time is not None else None
    again = collaboration.work_again
    if again is None and rating is not None:
        again = rating >= WORK_AGAIN_RATING and on_time is not False
    kinds = tuple(rule.kind for rule in REACTIVATION if _meets(collaboration, rating, on_time, rule)) if again else ()
    return CreatorReview(
        collaboration.creator,
        collaboration.creator_display_name,
        collaboration.state,
        rating,
        collaboration.compliance_percent,
        on_time,
        collaboration.cost,
        again,
        kinds,
    )


def _meets(collaboration: Collaboration, rating: int | None, on_time: bool | None, rule: ReactivationRule) -> bool:
    quality = collaboration.ratings.content_quality * 100 if collaboration.ratings else None
    pairs = (
        (rule.rating, rating),
        (rule.content_quality, quality),
        (rule.compliance, collaboration.compliance_percent),
    )
    enough = all(wanted is None or (had is not None and had >= wanted) for wanted, had in pairs)
    return enough and (not rule.on_time or on_time is True)


def _rank(creator: CreatorReview) -> tuple[int, int, str]:
    return (-(creator.rating_hundredths or 0), -(creator.compliance_percent or 0), creator.creator)


def _means(ratings: Sequence[Ratings]) -> MeanRatings | None:
    if not ratings:
        return None
    means: Mapping[str, int] = {
        each.name: sum(getattr(given, each.name) for given in ratings) * 100 // len(ratings) for each in fields(Ratings)
    }
    return MeanRatings(**means, rated=len(ratings))


def _percent(part: int, whole: int) -> int | None:
    return 100 * part // whole if whole else None


def _days(collaboration: Collaboration) -> float:
    assert collaboration.publish_time is not None
    assert collaboration.publication_start_time is not None
    return (collaboration.publish_time - collaboration.publication_start_time) / timedelta(days=1)


# -- advice -----------------------------------------------------------------------------------------------------------

LATE_PERCENT, EARLY_FACTOR, MARGIN_FACTOR = 25, 0.5, 1.2
LOST_PERCENT, UNSPENT_PERCENT, LOW_COMPLIANCE, LAPSED_PERCENT = 10, 20, 75, 25


def _deadline_advice(campaign: Campaign, accepted: Sequence[Collaboration]) -> Iterator[Advice]:
    """More time where at least 25 % were late; less where all were in time and half of them needed half of it."""
    done = [each for each in accepted if each.publish_time and each.publication_start_time]
    if not done:
        return
    given = deadlines(campaign.timeline, campaign.platforms[0] if len(campaign.platforms) == 1 else None).publication
    late = sum(not each.on_time for each in done)
    needed = sorted(_days(each) for each in done)
    ninth = needed[min(len(needed) - 1, ceil(0.9 * len(needed)) - 1)]
    proposed = max(1, ceil(ninth * MARGIN_FACTOR))
    middle = ceil(median(needed))
    if 100 * late >= LATE_PERCENT * len(done) and proposed > given:
        why = f"{late} of {len(done)} published late; nine of ten needed up to {ceil(ninth)} days"
        yield Advice("MORE_TIME", "timeline.publication_days", str(given), str(proposed), why)
    elif not late and middle <= EARLY_FACTOR * given and proposed < given:
        why = f"all {len(done)} published in time, half of them within {middle} days"
        yield Advice("LESS_TIME", "timeline.publication_days", str(given), str(proposed), why)


def _budget_advice(campaign: Campaign, accepted: Sequence[Collaboration]) -> Iterator[Advice]:
    """A budget of which at least 20 % was never promised is larger than it has to be."""
    if campaign.budget is None or not campaign.budget.minor_units or not accepted:
        return
    used = places.committed(campaign.held, campaign.budget.currency_code)
    free = campaign.budget - used
    if 100 * free.minor_units >= UNSPENT_PERCENT * campaign.budget.minor_units:
        why = f"{free.minor_units} of {campaign.budget.minor_units} minor units were not used"
        yield Advice("SMALLER_BUDGET", "budget", str(campaign.budget.minor_units), str(used.minor_units), why)


def _places_advice(campaign: Campaign, accepted: Sequence[Collaboration]) -> Iterator[Advice]:
    """Where at least 25 % of those who were accepted published nothing, as many more places make up for them."""
    ended = [each for each in accepted if each.state in (State.WITHDRAWN, State.EXPIRED)]
    if not accepted or 100 * len(ended) < LAPSED_PERCENT * len(accepted):
        return
    stayed = len(accepted) - len(ended)
    proposed = ceil(campaign.places * len(accepted) / stayed) if stayed else campaign.places * 2
    why = f"{len(ended)} of {len(accepted)} who were accepted left or published nothing"
    yield Advice("MORE_PLACES", "places", str(campaign.places), str(proposed), why)


def _parcel_advice(campaign: Campaign, accepted: Sequence[Collaboration]) -> Iterator[Advice]:
    """Where at least 10 % of the parcels were lost, another carrier."""
    lost: Counter[str] = Counter()
    sent: Counter[str] = Counter()
    for each in accepted:
        carrier = ""
        for step in each.history:
            if step.action == "SHIPPED":
                carrier = step.reason.split(" ")[0]
                sent[carrier] += 1
            elif step.action == "LOST":
                lost[carrier] += 1
    for carrier in sorted(lost):
        if 100 * lost[carrier] >= LOST_PERCENT * sent[carrier]:
            why = f"{lost[carrier]} of {sent[carrier]} parcels of {carrier} were lost"
            yield Advice("OTHER_CARRIER", "carrier", carrier, "another carrier, or with tracking", why)


def _brief_advice(campaign: Campaign, accepted: Sequence[Collaboration]) -> Iterator[Advice]:
    """Where the mean compliance is below 75 %, a clearer brief."""
    granted = [each.compliance_percent for each in accepted if each.compliance_percent is not None]
    mean = sum(granted) // len(granted) if granted else None
    if mean is not None and mean < LOW_COMPLIANCE and campaign.brief:
        elements = len(campaign.brief.mandatory_elements)
        why = f"mean compliance is {mean} % over {len(granted)} creators"
        yield Advice("CLEARER_BRIEF", "brief.mandatory_elements", str(elements), "fewer or clearer elements", why)


def _allocation_advice(campaign: Campaign, accepted: Sequence[Collaboration]) -> Iterator[Advice]:
    """More of the budget to the platform whose creators were rated best, where at least two platforms were rated."""
    rated: dict[str, list[int]] = {}
    for each in accepted:
        if each.ratings and each.platform:
            rated.setdefault(each.platform, []).append(rating_hundredths(each.ratings))
    if len(rated) < 2:
        return
    means = {platform: sum(all) // len(all) for platform, all in rated.items()}
    ordered = sorted(means, key=lambda platform: (-means[platform], platform))
    best, worst = ordered[0], ordered[-1]
    if means[best] > means[worst]:
        share = 100 * len(rated[best]) // sum(map(len, rated.values()))
        why = f"mean rating {means[best] / 100:.2f} on {best} and {means[worst] / 100:.2f} on {worst}"
        yield Advice("MORE_TO_PLATFORM", "platforms", f"{share} % {best}", f"more than {share} % {best}", why)


ADVICE: tuple[Callable[[Campaign, Sequence[Collaboration]], Iterator[Advice]], ...] = (
    _deadline_advice,
    _allocation_advice,
    _budget_advice,
    _places_advice,
    _parcel_advice,
    _brief_advice,
)
"""The rules, in the order of the advice; what each says is its first line."""
