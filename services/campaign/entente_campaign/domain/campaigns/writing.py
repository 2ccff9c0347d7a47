"""Writing a campaign: drafts, clones, changes, and what cannot be."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from entente_campaign.domain import places as places_rules
from entente_campaign.domain.calendars import is_time_zone
from entente_campaign.domain.campaigns.events import CampaignChanged, Decision
from entente_campaign.domain.campaigns.model import Campaign, Compensation
from entente_campaign.domain.editing import EDITABLE, concerns_participants, require_editable
from entente_chassis.money import Money
from entente_chassis.refusal import Invalid, Violation


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
        yield from contradicting_pay(campaign.compensation, campaign.budget, "compensation")
    if campaign.brief:
        ids = [element.id for element in campaign.brief.mandatory_elements]
        if len(set(ids)) < len(ids):
            yield Violation("brief.mandatory_elements", "each needs an id of its own", "DUPLICATE")


def contradicting_pay(pay: Compensation, budget: Money | None, where: str) -> Iterator[Violation]:
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
