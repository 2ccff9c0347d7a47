"""How a collaboration begins: a creator applies, or a brand invites."""

from dataclasses import dataclass, replace
from datetime import datetime

from entente_campaign.domain import events
from entente_campaign.domain.calendars import Calendar, time_zone_of
from entente_campaign.domain.campaigns import Campaign, Compensation, Deliverable, compensation_problems
from entente_campaign.domain.collaborations.fit import ask_later, learn
from entente_campaign.domain.collaborations.model import Collaboration, Decision, Step
from entente_campaign.domain.collaborations.states import Action, State
from entente_campaign.domain.events import AgreedDeliverable, Option, Terms
from entente_campaign.domain.names import collaboration_name, id_of
from entente_campaign.domain.words import Actor, CreatorSummary, Party, Platform, Timeline
from entente_chassis.money import Money
from entente_chassis.refusal import Invalid, Violation


@dataclass(frozen=True)
class Proposal:
    """What a creator applies with, or a brand invites with.

    Args:
        creator: whom it is about.
        platform: where content would be published; None: whatever fits best.
        message: a personal word.
        fee: the fee asked or offered; None: the campaign's.
        options: kinds of collaboration to choose from; empty: the campaign's only.
        reference: what in the creator's own work an invitation refers to.
        contact: whom the creator can ask.
    """

    creator: str
    platform: Platform | None = None
    message: str = ""
    fee: Money | None = None
    options: tuple[Option, ...] = ()
    reference: str = ""
    contact: str = ""


def apply(
    campaign: Campaign, proposal: Proposal, summary: CreatorSummary | None, *, actor: Actor, now: datetime
) -> Decision:
    """A creator asks to take part. ``summary`` is None when matching did not answer.

    Raises:
        Invalid: the platform or the fee is not the campaign's.
    """
    applied = _begin(campaign, proposal, summary, Party.CREATOR, actor, now)
    score = applied.fit.score_hundredths if applied.fit else None
    event = events.ApplicationReceived(applied.ref, applied.platform, applied.message, applied.terms, score)
    return applied, (event,)


def invite(
    campaign: Campaign, proposal: Proposal, summary: CreatorSummary | None, *, actor: Actor, now: datetime
) -> Decision:
    """A brand asks a creator to take part. ``summary`` is None when matching did not answer.

    Raises:
        Invalid: the platform or the fee is not the campaign's.
    """
    invited = _begin(campaign, proposal, summary, Party.BRAND, actor, now)
    event = events.CreatorInvited(
        invited.ref,
        invited.platform,
        invited.message,
        invited.terms,
        invited.answer_deadline_time,
        invited.options,
        invited.reference,
        invited.contact,
    )
    return invited, (event,)


def _begin(
    campaign: Campaign,
    proposal: Proposal,
    summary: CreatorSummary | None,
    initiator: Party,
    actor: Actor,
    now: datetime,
) -> Collaboration:
    assert campaign.budget is not None
    applies = initiator is Party.CREATOR
    state, action = (State.APPLIED, Action.APPLY) if applies else (State.INVITED, Action.INVITE)
    collaboration = Collaboration(
        name=collaboration_name(campaign.name, proposal.creator),
        campaign=campaign.name,
        brand=campaign.brand,
        creator=proposal.creator,
        campaign_title=campaign.title,
        brand_display_name=campaign.brand_display_name,
        creator_display_name=id_of(proposal.creator),
        state=state,
        initiator=initiator,
        create_time=now,
        update_time=now,
        answer_deadline_time=campaign.answer_deadline_time,
        currency_code=campaign.budget.currency_code,
        terms=_terms(campaign, proposal.fee),
        timeline=campaign.timeline,
        calendar=calendar_of(campaign.timeline, campaign.markets),
        message=proposal.message,
        platform=_platform(campaign, proposal.platform),
        markets=campaign.markets,
        options=_options(campaign, proposal.options),
        reference=proposal.reference,
        contact=proposal.contact,
        history=(Step(now, action, state, actor.subject, actor.party),),
    )
    return learn(collaboration, summary, now) if summary else ask_later(collaboration, now)


def _platform(campaign: Campaign, platform: Platform | None) -> Platform | None:
    if platform and campaign.platforms and platform not in campaign.platforms:
        wanted = ", ".join(campaign.platforms)
        raise Invalid(
            "PLATFORM_NOT_WANTED",
            f"{campaign.name} does not run on {platform}: take one of {wanted}.",
            violations=[Violation("platform", f"must be one of {wanted}")],
        )
    if platform is None and len(campaign.platforms) == 1:
        return campaign.platforms[0]
    return platform


def _terms(campaign: Campaign, fee: Money | None) -> Terms:
    assert campaign.compensation is not None
    assert campaign.budget is not None
    assert campaign.brief is not None
    pay = campaign.compensation
    if fee is not None and pay.fee is None:
        raise Invalid(
            "FEE_NOT_OFFERED",
            f"{campaign.name} pays no fee: leave fee out.",
            violations=[Violation("fee", "must be left out")],
        )
    if fee is not None and fee.currency_code != campaign.budget.currency_code:
        raise Invalid(
            "CURRENCY_MISMATCH",
            f"{campaign.name} pays in {campaign.budget.currency_code}: give the fee in that currency.",
            violations=[Violation("fee.currency_code", f"must be {campaign.budget.currency_code}")],
        )
    return _terms_of(pay, campaign.brief.deliverables, fee)


def _terms_of(pay: Compensation, deliverables: tuple[Deliverable, ...], fee: Money | None = None) -> Terms:
    return Terms(
        fee=fee or pay.fee,
        gift_value=pay.gift_value,
        shipping_cost=pay.shipping_cost,
        deliverables=agreed_deliverables(deliverables),
        commission_basis_points=pay.commission_basis_points,
        scale_fee_with_compliance=pay.scale_fee_with_compliance,
        fee_steps=pay.fee_steps,
    )


def agreed_deliverables(deliverables: tuple[Deliverable, ...]) -> tuple[AgreedDeliverable, ...]:
    """What is to be delivered, one by one, each with an id of its own."""
    agreed: list[AgreedDeliverable] = []
    for wanted in deliverables:
        for _ in range(wanted.quantity or 1):
            number = sum(deliverable.kind is wanted.kind for deliverable in agreed) + 1
            agreed.append(AgreedDeliverable(f"{wanted.kind.lower()}-{number}", wanted.kind, wanted.platform))
    return tuple(agreed)


def _options(campaign: Campaign, options: tuple[Option, ...]) -> tuple[Option, ...]:
    """The options with the terms that each would have.

    Raises:
        Invalid: two have one id, or an amount is in another currency or missing; all of it is named.
    """
    assert campaign.budget is not None
    assert campaign.brief is not None
    problems: list[Violation] = []
    seen: set[str] = set()
    for number, option in enumerate(options):
        if option.id in seen:
            problems.append(Violation(f"options[{number}].id", "each needs an id of its own", "DUPLICATE"))
        seen.add(option.id)
        where = f"options[{number}].compensation"
        problems += compensation_problems(option.compensation, campaign.budget, where)
    if problems:
        raise Invalid("OPTIONS_INVALID", "The options cannot be offered: mend the fields.", violations=problems)
    wanted = campaign.brief.deliverables
    return tuple(
        replace(option, terms=_terms_of(option.compensation, option.deliverables or wanted)) for option in options
    )


def calendar_of(timeline: Timeline, markets: tuple[str, ...]) -> Calendar:
    """Whose days a campaign counts."""
    return Calendar(timeline.time_zone or time_zone_of(markets), markets, timeline.any_day_reminders)
