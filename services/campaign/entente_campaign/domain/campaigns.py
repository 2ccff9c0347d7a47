"""Campaigns: what they hold, what is missing before they can be published, and the states they go through."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from entente_campaign.domain import places as places_rules
from entente_campaign.domain import waiting as waiting_rules
from entente_campaign.domain.calendars import is_time_zone
from entente_campaign.domain.editing import EDITABLE, concerns_participants, require_editable
from entente_campaign.domain.places import Place
from entente_campaign.domain.waiting import Waiting
from entente_campaign.domain.words import (
    CompensationModel,
    DeliverableKind,
    FeeStep,
    Mechanic,
    Metric,
    Platform,
    TargetAudience,
    Timeline,
)
from entente_chassis.money import Money
from entente_chassis.refusal import Invalid, Precondition, Violation


class CampaignState(StrEnum):
    """Where a campaign stands."""

    DRAFT = "DRAFT"
    PUBLISHED = "PUBLISHED"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    ARCHIVED = "ARCHIVED"


_S = CampaignState
OPEN = frozenset({_S.PUBLISHED, _S.RUNNING})
STEPS: Mapping[CampaignState, frozenset[CampaignState]] = {
    _S.DRAFT: frozenset({_S.PUBLISHED, _S.CANCELLED}),
    _S.PUBLISHED: frozenset({_S.RUNNING, _S.PAUSED, _S.CANCELLED, _S.COMPLETED}),
    _S.RUNNING: frozenset({_S.PAUSED, _S.CANCELLED, _S.COMPLETED}),
    _S.PAUSED: frozenset({_S.PUBLISHED, _S.RUNNING, _S.CANCELLED, _S.COMPLETED}),
    _S.COMPLETED: frozenset({_S.ARCHIVED}),
    _S.CANCELLED: frozenset({_S.ARCHIVED}),
    _S.ARCHIVED: frozenset(),
}


@dataclass(frozen=True)
class Objective:
    """What a campaign is to achieve. Each part may be missing in a draft."""

    metric: Metric | None = None
    target: int = 0
    deadline_time: datetime | None = None


@dataclass(frozen=True)
class Persona:
    """The person whom a campaign has in mind."""

    description: str = ""
    purchases: tuple[str, ...] = ()


@dataclass(frozen=True)
class MandatoryElement:
    """Something that the content must show or say."""

    id: str
    description: str
    accepted_terms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deliverable:
    """Content that is asked for."""

    kind: DeliverableKind
    quantity: int = 1
    platform: Platform | None = None


@dataclass(frozen=True)
class Brief:
    """What the brand wants."""

    product_name: str = ""
    product_description: str = ""
    product_url: str = ""
    message: str = ""
    mandatory_elements: tuple[MandatoryElement, ...] = ()
    hashtags: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    forbidden_terms: tuple[str, ...] = ()
    competitors: tuple[str, ...] = ()
    deliverables: tuple[Deliverable, ...] = ()
    languages: tuple[str, ...] = ()
    required_link: str = ""
    promo_code: str = ""


@dataclass(frozen=True)
class Compensation:
    """How each creator is rewarded."""

    model: CompensationModel | None = None
    fee: Money | None = None
    gift_value: Money | None = None
    shipping_cost: Money | None = None
    commission_basis_points: int = 0
    scale_fee_with_compliance: bool = False
    fee_steps: tuple[FeeStep, ...] = ()

    @property
    def amounts(self) -> dict[str, Money]:
        """The amounts that are given, by field."""
        named = {"fee": self.fee, "gift_value": self.gift_value, "shipping_cost": self.shipping_cost}
        return {name: amount for name, amount in named.items() if amount is not None}


@dataclass(frozen=True)
class Campaign:
    """A campaign of a brand."""

    name: str
    brand: str
    brand_display_name: str
    title: str
    create_time: datetime
    update_time: datetime
    state: CampaignState = CampaignState.DRAFT
    mechanic: Mechanic | None = None
    objective: Objective | None = None
    target_audience: TargetAudience | None = None
    persona: Persona | None = None
    brief: Brief | None = None
    brief_revision: int = 0
    markets: tuple[str, ...] = ()
    platforms: tuple[Platform, ...] = ()
    compensation: Compensation | None = None
    budget: Money | None = None
    places: int = 0
    application_deadline_time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    timeline: Timeline = field(default_factory=Timeline)
    contract_required: bool = False
    cloned_from: str = ""
    released: Money | None = None
    publish_time: datetime | None = None
    started: bool = False
    held: dict[str, Place] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)

    @property
    def answer_deadline_time(self) -> datetime:
        """Until when one can apply or answer."""
        deadline = self.application_deadline_time or self.end_time
        assert deadline is not None, "a published campaign has an end"
        return deadline

    @property
    def is_visible_to_creators(self) -> bool:
        """Whether creators may know of it."""
        return self.publish_time is not None


# -- events -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CampaignPublished:
    """A campaign was published."""

    campaign: str
    brand: str
    brand_display_name: str
    campaign_title: str
    objective: Objective
    brief_revision: int
    start_time: datetime
    end_time: datetime


@dataclass(frozen=True)
class CampaignStarted:
    """A campaign started."""

    campaign: str
    brand: str
    campaign_title: str


@dataclass(frozen=True)
class CampaignPaused:
    """A campaign takes nobody new for a while."""

    campaign: str
    brand: str
    campaign_title: str
    reason: str


@dataclass(frozen=True)
class CampaignResumed:
    """A pause ended."""

    campaign: str
    brand: str
    campaign_title: str


@dataclass(frozen=True)
class CampaignCancelled:
    """A campaign ended before its time."""

    campaign: str
    brand: str
    campaign_title: str
    reason: str


@dataclass(frozen=True)
class CampaignCompleted:
    """A campaign ended."""

    campaign: str
    brand: str
    campaign_title: str


@dataclass(frozen=True)
class CampaignArchived:
    """A campaign was put away."""

    campaign: str
    brand: str
    campaign_title: str


@dataclass(frozen=True)
class CampaignChanged:
    """Fields changed after publication. ``creators`` are those to tell."""

    campaign: str
    brand: str
    campaign_title: str
    fields: tuple[str, ...]
    creators: tuple[str, ...]
    end_time: datetime | None
    application_deadline_time: datetime | None


CampaignEvent = (
    CampaignPublished
    | CampaignStarted
    | CampaignPaused
    | CampaignResumed
    | CampaignCancelled
    | CampaignCompleted
    | CampaignArchived
    | CampaignChanged
)
Decision = tuple[Campaign, tuple[CampaignEvent, ...]]


# -- writing it -------------------------------------------------------------------------------------------------------


def draft(
    name: str, brand: str, brand_display_name: str, title: str, values: Mapping[str, Any], now: datetime
) -> Campaign:
    """A new draft. ``values`` holds what the brand has set, by field of the campaign."""
    blank = Campaign(name, brand, brand_display_name, title, create_time=now, update_time=now)
    return edit(blank, values, now)[0]


def clone(
    campaign: Campaign,
    new_name: str,
    *,
    brand_display_name: str,
    title: str,
    start_time: datetime | None,
    now: datetime,
) -> Campaign:
    """A new draft with all that a brand sets of a campaign.

    Args:
        start_time: when the new one starts: every other date moves with it; None: it has no dates yet.

    Raises:
        Invalid: the start is in the past.
    """
    if start_time is not None and start_time <= now:
        raise _invalid([Violation("start_time", "must be in the future", "PAST")])
    values = {name: getattr(campaign, name) for name in EDITABLE if name not in _DATES}
    if title:
        values["title"] = title
    shift = start_time - campaign.start_time if start_time and campaign.start_time else None
    if start_time is not None:
        values["start_time"] = start_time
    for date in ("application_deadline_time", "end_time"):
        moment = getattr(campaign, date)
        if shift is not None and moment is not None:
            values[date] = moment + shift
    if objective := campaign.objective:
        moved = objective.deadline_time + shift if shift is not None and objective.deadline_time else None
        values["objective"] = replace(objective, deadline_time=moved)
    copy = draft(new_name, campaign.brand, brand_display_name, str(values["title"]), values, now)
    return replace(copy, cloned_from=campaign.name)


def edit(campaign: Campaign, values: Mapping[str, Any], now: datetime) -> Decision:
    """Set fields, whole. After publication the change is told, with whom it concerns.

    Raises:
        Invalid: what is set contradicts itself, or what was promised.
        Precondition: the state does not allow it.
    """
    require_editable(campaign.name, campaign.state, values.keys())
    changed = tuple(sorted(name for name, value in values.items() if getattr(campaign, name) != value))
    edited = replace(campaign, **values, update_time=now)
    if edited.brief != campaign.brief:
        edited = replace(edited, brief_revision=campaign.brief_revision + 1)
    violations = [*_contradictions(edited)]
    if edited.publish_time is not None:
        violations += [*_shortfalls(edited), *_past(edited, changed, now)]
    if violations:
        raise _invalid(violations)
    if edited.publish_time is None or not changed:
        return edited, ()
    creators = (
        tuple(sorted(f"creators/{id}" for id, place in edited.held.items() if place.occupied))
        if concerns_participants(changed)
        else ()
    )
    told = CampaignChanged(
        edited.name, edited.brand, edited.title, changed, creators, edited.end_time, edited.application_deadline_time
    )
    return edited, (told,)


def _invalid(violations: Sequence[Violation]) -> Invalid:
    return Invalid("CAMPAIGN_INVALID", "The campaign contradicts itself: mend the fields.", violations=violations)


_DATES = ("application_deadline_time", "start_time", "end_time")


def _past(campaign: Campaign, changed: Sequence[str], now: datetime) -> Iterator[Violation]:
    """A date that is set anew lies ahead."""
    for name in _DATES:
        moment = getattr(campaign, name)
        if name in changed and moment is not None and moment <= now:
            yield Violation(name, "must be in the future", "PAST")


def _contradictions(campaign: Campaign) -> Iterator[Violation]:
    """What cannot be, even in a draft."""
    if campaign.start_time and campaign.end_time and campaign.end_time <= campaign.start_time:
        yield Violation("end_time", "must be after start_time", "ORDER")
    if (
        campaign.application_deadline_time
        and campaign.end_time
        and campaign.application_deadline_time > campaign.end_time
    ):
        yield Violation("application_deadline_time", "must not be after end_time", "ORDER")
    if campaign.timeline.time_zone and not is_time_zone(campaign.timeline.time_zone):
        yield Violation("timeline.time_zone", "must be a name of the IANA database, such as Europe/Paris")
    half, close = campaign.timeline.half_time_percent or 50, campaign.timeline.close_percent or 80
    if half >= close:
        yield Violation("timeline.close_percent", f"must be above half_time_percent, {half}", "ORDER")
    if campaign.budget is not None and campaign.budget.minor_units < 0:
        yield Violation("budget", "must not be negative", "NEGATIVE")
    if campaign.compensation:
        yield from _contradicting_pay(campaign.compensation, campaign.budget, "compensation")
    if campaign.brief:
        ids = [element.id for element in campaign.brief.mandatory_elements]
        if len(set(ids)) < len(ids):
            yield Violation("brief.mandatory_elements", "each needs an id of its own", "DUPLICATE")


def _contradicting_pay(pay: Compensation, budget: Money | None, where: str) -> Iterator[Violation]:
    for name, amount in pay.amounts.items():
        if budget is not None and amount.currency_code != budget.currency_code:
            yield Violation(f"{where}.{name}", f"must be in {budget.currency_code}, as budget is", "CURRENCY")
        if amount.minor_units < 0:
            yield Violation(f"{where}.{name}", "must not be negative", "NEGATIVE")
    if pay.fee_steps and not pay.scale_fee_with_compliance:
        yield Violation(f"{where}.fee_steps", "only with scale_fee_with_compliance", "EXTRA")
    from_percents = [step.compliance_percent for step in pay.fee_steps]
    if len(set(from_percents)) < len(from_percents):
        yield Violation(f"{where}.fee_steps", "each needs a compliance_percent of its own", "DUPLICATE")


def compensation_problems(pay: Compensation, budget: Money, where: str) -> list[Violation]:
    """Everything that keeps a reward from being offered."""
    problems = [*_contradicting_pay(pay, budget, where)]
    return problems or [*_missing_pay(pay, budget, where, gives=pay.model is CompensationModel.GIFTED)]


def _shortfalls(campaign: Campaign) -> Iterator[Violation]:
    """What was promised cannot be taken away again."""
    if campaign.budget is None or campaign.end_time is None:
        yield Violation("budget" if campaign.budget is None else "end_time", "cannot be removed", "REQUIRED")
        return
    currencies = {place.amount.currency_code for place in campaign.held.values()}
    if currencies - {campaign.budget.currency_code}:
        yield Violation("budget", "its currency cannot be changed any more", "FIXED")
        return
    promised = places_rules.committed(campaign.held, campaign.budget.currency_code)
    if campaign.budget < promised:
        yield Violation("budget", f"{promised.minor_units} minor units are committed", "BELOW_COMMITTED")
    if campaign.places < (used := places_rules.taken(campaign.held)):
        yield Violation("places", f"{used} places are taken", "BELOW_TAKEN")


# -- publishing it ----------------------------------------------------------------------------------------------------


def missing(campaign: Campaign, now: datetime) -> list[Violation]:
    """Everything that keeps a campaign from being published, field by field."""
    return [
        *_missing_objective(campaign.objective, now),
        *_missing_target(campaign),
        *_missing_brief(campaign.brief),
        *_missing_frame(campaign, now),
        *_missing_compensation(campaign),
    ]


def _needed(field: str, description: str) -> Violation:
    return Violation(field, description, "REQUIRED")


def _missing_objective(objective: Objective | None, now: datetime) -> Iterator[Violation]:
    if objective is None:
        yield _needed("objective", "say what is measured, the value to reach and by when")
        return
    if objective.metric is None:
        yield _needed("objective.metric", "say what is measured")
    if objective.target <= 0:
        yield _needed("objective.target", "say the value to reach, above 0")
    if objective.deadline_time is None:
        yield _needed("objective.deadline_time", "say by when")
    elif objective.deadline_time <= now:
        yield Violation("objective.deadline_time", "must be in the future", "PAST")


def _missing_target(campaign: Campaign) -> Iterator[Violation]:
    target = campaign.target_audience or TargetAudience()
    for name, values, meaning in (
        ("countries", target.countries, "where the people live whom it wants to reach"),
        ("ages", target.ages, "how old they are"),
        ("genders", target.genders, "their genders; all three if it does not matter"),
        ("languages", target.languages, "the languages they understand"),
        ("interests", target.interests, "what they are interested in"),
    ):
        if not values:
            yield _needed(f"target_audience.{name}", f"say {meaning}")
    if campaign.persona is None or not campaign.persona.purchases:
        yield _needed("persona.purchases", "say what the person it has in mind buys")


def _missing_brief(brief: Brief | None) -> Iterator[Violation]:
    if brief is None:
        yield _needed("brief", "say what is wanted: the product, the mandatory elements, the deliverables")
        return
    if not brief.product_name:
        yield _needed("brief.product_name", "name the product as content has to name it")
    if not brief.mandatory_elements:
        yield _needed("brief.mandatory_elements", "say what content must show or say")
    if not brief.deliverables:
        yield _needed("brief.deliverables", "say what each creator delivers")


def _missing_frame(campaign: Campaign, now: datetime) -> Iterator[Violation]:
    if campaign.mechanic is None:
        yield _needed("mechanic", "say what creators take part in")
    if not campaign.markets:
        yield _needed("markets", "say whose disclosure rules hold")
    if campaign.start_time is None:
        yield _needed("start_time", "say when it starts")
    if campaign.end_time is None:
        yield _needed("end_time", "say when it ends")
    elif campaign.end_time <= now:
        yield Violation("end_time", "must be in the future", "PAST")
    if campaign.application_deadline_time is not None and campaign.application_deadline_time <= now:
        yield Violation("application_deadline_time", "must be in the future", "PAST")
    if campaign.places <= 0:
        yield _needed("places", "say how many creators can be accepted")


def _missing_compensation(campaign: Campaign) -> Iterator[Violation]:
    pay = campaign.compensation or Compensation()
    if campaign.budget is None:
        yield _needed("budget", "say what can be spent at most")
    gives = pay.model is CompensationModel.GIFTED or campaign.mechanic is Mechanic.PRODUCT_TEST
    yield from _missing_pay(pay, campaign.budget, "compensation", gives=gives)


def _missing_pay(pay: Compensation, budget: Money | None, where: str, *, gives: bool) -> Iterator[Violation]:
    if pay.model is None:
        yield _needed(f"{where}.model", "say how creators are rewarded")
    if pay.model in (CompensationModel.FIXED_FEE, CompensationModel.HYBRID) and not _is_positive(pay.fee):
        yield _needed(f"{where}.fee", "say the fee")
    if pay.model in (CompensationModel.COMMISSION, CompensationModel.HYBRID) and not pay.commission_basis_points:
        yield _needed(f"{where}.commission_basis_points", "say the share of the revenue")
    if pay.model is CompensationModel.GIFTED and pay.fee is not None:
        yield Violation(f"{where}.fee", "a gifted collaboration has no fee: leave it out, or take HYBRID", "EXTRA")
    if gives and not _is_positive(pay.gift_value):
        yield _needed(f"{where}.gift_value", "say what the product that is given is worth")
    if budget is not None and pay.amounts:
        one = Money.sum(budget.currency_code, pay.amounts.values())
        if budget < one:
            yield Violation("budget", f"does not suffice for one creator, who costs {one.minor_units}", "TOO_LOW")


def _is_positive(amount: Money | None) -> bool:
    return amount is not None and amount.minor_units > 0


def publish(campaign: Campaign, now: datetime) -> Decision:
    """Open a campaign to creators; its brief is pinned.

    Raises:
        Precondition: it is no draft, or something is missing: all of it is named.
    """
    published = _move(campaign, CampaignState.PUBLISHED, now)
    if problems := missing(campaign, now):
        raise Precondition(
            "CAMPAIGN_NOT_READY",
            f"{campaign.name} cannot be published yet: {', '.join(problem.field for problem in problems)}.",
            violations=problems,
        )
    assert campaign.objective is not None
    assert campaign.start_time is not None
    assert campaign.end_time is not None
    event = CampaignPublished(
        campaign.name,
        campaign.brand,
        campaign.brand_display_name,
        campaign.title,
        campaign.objective,
        campaign.brief_revision,
        campaign.start_time,
        campaign.end_time,
    )
    return replace(published, publish_time=now), (event,)


# -- its states -------------------------------------------------------------------------------------------------------


def start(campaign: Campaign, now: datetime) -> Decision | None:
    """The start has come. Nothing to do unless it is published and due."""
    if campaign.state is not CampaignState.PUBLISHED or campaign.start_time is None or campaign.start_time > now:
        return None
    started = replace(_move(campaign, CampaignState.RUNNING, now), started=True)
    return started, (CampaignStarted(campaign.name, campaign.brand, campaign.title),)


def pause(campaign: Campaign, reason: str, now: datetime) -> Decision:
    """Take nobody new for a while."""
    paused = _move(campaign, CampaignState.PAUSED, now)
    return paused, (CampaignPaused(campaign.name, campaign.brand, campaign.title, reason),)


def resume(campaign: Campaign, now: datetime) -> Decision:
    """End a pause. A campaign whose start has come meanwhile is started by its clock."""
    to = CampaignState.RUNNING if campaign.started else CampaignState.PUBLISHED
    if campaign.state is not CampaignState.PAUSED:
        raise _not_allowed(campaign, to)
    resumed = _move(campaign, to, now)
    return resumed, (CampaignResumed(campaign.name, campaign.brand, campaign.title),)


def cancel(campaign: Campaign, reason: str, now: datetime) -> Decision:
    """End it before its time."""
    cancelled = _move(campaign, CampaignState.CANCELLED, now)
    return cancelled, (CampaignCancelled(campaign.name, campaign.brand, campaign.title, reason),)


def complete(campaign: Campaign, now: datetime) -> Decision:
    """End it."""
    completed = _move(campaign, CampaignState.COMPLETED, now)
    return completed, (CampaignCompleted(campaign.name, campaign.brand, campaign.title),)


def archive(campaign: Campaign, now: datetime) -> Decision:
    """Put it away."""
    archived = _move(campaign, CampaignState.ARCHIVED, now)
    return archived, (CampaignArchived(campaign.name, campaign.brand, campaign.title),)


def require_open(campaign: Campaign, now: datetime) -> None:
    """Refuse unless creators can be taken.

    Raises:
        Precondition: it is not open, or the time to apply and answer is over.
    """
    if campaign.state not in OPEN:
        raise Precondition(
            "CAMPAIGN_NOT_OPEN", f"{campaign.name} is {campaign.state}: it takes nobody now.", state=campaign.state
        )
    if campaign.answer_deadline_time <= now:
        raise Precondition("CAMPAIGN_CLOSED", f"The time to apply to {campaign.name} and to answer is over.")


def reserve(
    campaign: Campaign, creator: str, amount: Money, *, reservation: str, until: datetime, meter: str = ""
) -> Campaign:
    """Take a place and a part of the budget for a creator.

    Raises:
        Precondition: the campaign is not open, or places or budget do not suffice.
    """
    if campaign.state not in OPEN:
        raise Precondition(
            "CAMPAIGN_NOT_OPEN", f"{campaign.name} is {campaign.state}: it takes nobody now.", state=campaign.state
        )
    assert campaign.budget is not None
    held = places_rules.reserve(
        campaign.held,
        creator,
        amount,
        places=campaign.places,
        budget=campaign.budget,
        reservation=reservation,
        until=until,
        meter=meter,
    )
    return replace(campaign, held=held, waiting=waiting_rules.without(campaign.waiting, creator))


def first_waiting(campaign: Campaign) -> str | None:
    """Who of the waiting list is offered a place now; None when nobody can be."""
    if campaign.state not in OPEN or campaign.budget is None:
        return None
    return waiting_rules.first(campaign.waiting, campaign.held, places_in_all=campaign.places, budget=campaign.budget)


def next_due(campaign: Campaign) -> datetime | None:
    """When the campaign's clocks ring next: its start, a reservation that lapses, a free place for who waits."""
    start_time = campaign.start_time if campaign.state is CampaignState.PUBLISHED else None
    waits = first_waiting(campaign)
    since = campaign.waiting[waits].since if waits else None
    lapses = places_rules.next_overdue(campaign.held)
    return min((due for due in (start_time, lapses, since) if due), default=None)


def _move(campaign: Campaign, to: CampaignState, now: datetime) -> Campaign:
    if to not in STEPS[campaign.state]:
        raise _not_allowed(campaign, to)
    return replace(campaign, state=to, update_time=now)


def _not_allowed(campaign: Campaign, to: CampaignState) -> Precondition:
    possible = ", ".join(sorted(STEPS[campaign.state])) or "nothing else"
    return Precondition(
        "CAMPAIGN_STEP_NOT_ALLOWED",
        f"{campaign.name} is {campaign.state} and cannot become {to}: it can become {possible}.",
        state=campaign.state,
    )
