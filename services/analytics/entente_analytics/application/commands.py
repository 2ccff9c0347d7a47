"""What changes something."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from entente_analytics.application.queries import load_facts
from entente_analytics.application.stores import Stores, every
from entente_analytics.domain import content, objectives, orders
from entente_analytics.domain.audience import Audience
from entente_analytics.domain.campaigns import Campaign, Collaboration
from entente_analytics.domain.clicks import Click, ClickDay, ClickIds, Verdict, count_clicks
from entente_analytics.domain.content import Figures, Post
from entente_analytics.domain.kpis import campaign_kpis, objective_value
from entente_analytics.domain.links import LinkCreated, Owner, PromoCode, TrackedLink, Utm, new_link, new_promo_code
from entente_analytics.domain.names import (
    click_day_name,
    link_name,
    objective_name,
    order_name,
    post_name,
    promo_code_name,
)
from entente_analytics.domain.orders import Order, Report, Touch
from entente_analytics.metrics import objectives_changed
from entente_chassis.money import Money
from entente_chassis.refusal import AlreadyExists, NotFound
from entente_chassis.store.model import Cause, Change, Outcome, Request

CODE_LENGTH = 10


async def create_tracked_link(
    stores: Stores,
    collaboration: Collaboration,
    *,
    new_id: str,
    destination_url: str,
    utm: Utm,
    window: timedelta,
    public_url: str,
    request: Request | None,
    now: datetime,
) -> Outcome[TrackedLink]:
    """Make a short link for a collaboration."""
    code = new_id[:CODE_LENGTH]
    link = new_link(code, _owner(collaboration), destination_url, utm, window, now, platform=collaboration.platform)

    def decide(existing: TrackedLink | None) -> Change[TrackedLink]:
        if existing is not None:
            raise AlreadyExists("CODE_TAKEN", "The random code was taken already: repeat with another request_id.")
        return Change(link, (LinkCreated(link, link.short_url(public_url)),))

    return await stores.links.change(link.name, decide, request=request)


async def create_promo_code(
    stores: Stores,
    collaboration: Collaboration,
    *,
    code: str,
    valid_from: datetime | None,
    valid_until: datetime | None,
    request: Request | None,
    now: datetime,
) -> Outcome[PromoCode]:
    """Reserve a promo code for a collaboration. Orders that named it before are settled by its timer."""
    promo = new_promo_code(code, _owner(collaboration), valid_from, valid_until, now)

    def decide(existing: PromoCode | None) -> Change[PromoCode]:
        if existing is not None:
            raise AlreadyExists(
                "PROMO_CODE_TAKEN",
                f"The brand uses the promo code {existing.code} already: choose another one.",
                resource=existing.name,
            )
        return Change(promo)

    return await stores.promo_codes.change(promo.name, decide, request=request)


async def settle_promo_code(stores: Stores, name: str, now: datetime) -> None:
    """Attribute the orders that came before the promo code that they name."""
    promo = (await stores.promo_codes.require(name, what="Promo code")).state
    where = {"brand": promo.owner.brand, "used_code.code": promo.code.lower()}
    async for order in every(stores.orders, where):

        def decide(state: Order | None) -> Change[Order] | None:
            changed = orders.settle(state, promo) if state else None
            return Change(*changed) if changed else None

        await stores.orders.change(order.name, decide)
    await stores.promo_codes.change(name, lambda state: Change(state.settled()) if state else None)
    await look_at_objective(stores, promo.owner.campaign, now)


@dataclass(frozen=True)
class Visit:
    """A visit as a shop reports it: by the id of the click, or by the code of the link."""

    click_id: str = ""
    link_code: str = ""
    at: datetime | None = None


async def record_conversion(
    stores: Stores,
    click_ids: ClickIds,
    *,
    brand: str,
    order_id: str,
    amount: Money,
    ordered_at: datetime,
    visits: Sequence[Visit],
    promo_code: str,
    new_customer: bool | None,
    request: Request | None,
    now: datetime,
) -> Outcome[Order]:
    """Record a sale once and attribute it with all that is known of it."""
    promo = await stores.promo_codes.get(promo_code_name(brand, promo_code)) if promo_code else None
    report = Report(
        brand=brand,
        order_id=order_id,
        amount=amount,
        ordered_at=ordered_at,
        new_customer=new_customer,
        used_code=orders.used_code(promo_code, promo.state if promo else None),
        touches=tuple([await _touch(stores, click_ids, visit, ordered_at) for visit in visits]),
    )

    def decide(state: Order | None) -> Change[Order] | None:
        changed = orders.record(state, report, now)
        return Change(*changed) if changed else None

    outcome = await stores.orders.change(order_name(brand, order_id), decide, request=request)
    if outcome.state.used_code and outcome.state.used_code.owner is None:
        outcome = await _settle_if_just_created(stores, outcome)
    await _look_at_sale(stores, outcome.state, now)
    return outcome


async def record_refund(
    stores: Stores,
    *,
    brand: str,
    order_id: str,
    refund_id: str,
    amount: Money,
    at: datetime,
    request: Request | None,
    now: datetime,
) -> Outcome[Order]:
    """Record a refund of a sale once."""
    name = order_name(brand, order_id)

    def decide(state: Order | None) -> Change[Order] | None:
        if state is None:
            raise NotFound(
                "ORDER_NOT_FOUND", f"Order {order_id} was not recorded: record the conversion first.", resource=name
            )
        changed = orders.refund(state, refund_id, amount, at)
        return Change(*changed) if changed else None

    outcome = await stores.orders.change(name, decide, request=request)
    await _look_at_sale(stores, outcome.state, now)
    return outcome


async def report_content_metrics(
    stores: Stores,
    collaboration: Collaboration,
    *,
    url: str,
    platform: str,
    figures: Figures,
    at: datetime,
    audience: Audience | None,
    request: Request | None,
    now: datetime,
) -> Outcome[Post]:
    """Record what a post has measured."""

    def decide(state: Post | None) -> Change[Post] | None:
        changed = content.report(
            state,
            collaboration=collaboration.name,
            url=url,
            platform=platform or collaboration.platform,
            figures=figures,
            at=at,
            audience=audience,
        )
        return Change(*changed) if changed else None

    outcome = await stores.posts.change(post_name(collaboration.name, url), decide, request=request)
    await look_at_objective(stores, collaboration.campaign, now)
    return outcome


async def count(stores: Stores, link: TrackedLink, clicks: Sequence[Click], now: datetime) -> bool:
    """Count clicks of the stream; false when all were counted before."""
    applied = False
    for day in sorted({click.day for click in clicks}):
        of_day = [click for click in clicks if click.day == day]

        def decide(state: ClickDay | None, of_day: Sequence[Click] = of_day) -> Change[ClickDay] | None:
            counted = count_clicks(state, of_day, link.owner)
            return Change(counted) if counted else None

        applied |= (await stores.click_days.change(click_day_name(link.name, day), decide)).applied
    if any(click.verdict is Verdict.COUNTED for click in clicks):
        await look_at_objective(stores, link.owner.campaign, now)
    return applied


async def copy_campaign(stores: Stores, campaign: Campaign, cause: Cause, now: datetime) -> None:
    """Keep what the campaign service tells of a campaign, and look at its objective."""
    await stores.campaigns.change(campaign.name, lambda _: Change(campaign), cause=cause)
    if objectives.is_watched(campaign):
        await look_at_objective(stores, campaign.name, now)


async def copy_collaboration(stores: Stores, collaboration: Collaboration, cause: Cause, now: datetime) -> None:
    """Keep what the campaign service tells of a collaboration: its cost and its audience weigh in the objective."""
    await stores.collaborations.change(collaboration.name, lambda _: Change(collaboration), cause=cause)
    await look_at_objective(stores, collaboration.campaign, now)


async def look_at_objective(stores: Stores, campaign: str, at: datetime) -> None:
    """See to it that the campaign's objective is looked at by then."""

    def decide(state: objectives.Watch | None) -> Change[objectives.Watch] | None:
        watch = objectives.look_again(state, campaign, at)
        return Change(watch) if watch else None

    await stores.watches.change(objective_name(campaign), decide)


async def evaluate_objective(stores: Stores, name: str, *, now: datetime, again_after: timedelta) -> None:
    """Look at an objective: tell of it when it stands otherwise than before, and say when to look again."""

    def begin(state: objectives.Watch | None) -> Change[objectives.Watch] | None:
        watch = objectives.begun(state) if state else None
        return Change(watch) if watch else None

    watch = (await stores.watches.change(name, begin)).state
    copied = await stores.campaigns.get(watch.campaign)
    campaign = copied.state if copied else None
    progress = None
    if campaign is not None and campaign.objective is not None and objectives.is_watched(campaign):
        kpis = campaign_kpis(await load_facts(stores, campaign.name), until=campaign.objective.deadline)
        value = objective_value(campaign.objective.metric, kpis.total)
        progress = objectives.progress_of(campaign.objective, campaign.start, value, now)

    def decide(state: objectives.Watch | None) -> Change[objectives.Watch] | None:
        if state is None or state.evaluate_at is None or state.evaluate_at > now:
            return None  # Another process has looked.
        return Change(*objectives.evaluated(state, campaign, progress, now, again_after))

    outcome = await stores.watches.change(name, decide)
    if outcome.applied and outcome.state.status and outcome.state.status is not watch.status:
        objectives_changed.labels(outcome.state.status.value.lower()).inc()


async def _touch(stores: Stores, click_ids: ClickIds, visit: Visit, ordered_at: datetime) -> Touch:
    if visit.click_id:
        read = click_ids.read(visit.click_id)
        if read is None:
            return orders.touch(visit.click_id, "", None, False, None)
        code, at = read
        source, declared = visit.click_id, False
    else:
        # Without a click id the shop's word must do; without a time the visit is taken to have led to the order.
        code, at = visit.link_code, visit.at or ordered_at
        source, declared = visit.link_code, True
    link = await stores.links.get(link_name(code))
    return orders.touch(source, code, at, declared, link.state if link else None)


async def _settle_if_just_created(stores: Stores, outcome: Outcome[Order]) -> Outcome[Order]:
    # The code may have been reserved, and its earlier orders settled, between our look at it and the order's write.
    used = outcome.state.used_code
    promo = await stores.promo_codes.get(promo_code_name(outcome.state.brand, used.code)) if used else None
    if promo is None:
        return outcome
    found = promo.state

    def decide(state: Order | None) -> Change[Order] | None:
        changed = orders.settle(state, found) if state else None
        return Change(*changed) if changed else None

    return await stores.orders.change(outcome.id, decide)


async def _look_at_sale(stores: Stores, order: Order, now: datetime) -> None:
    if order.attribution is not None:
        await look_at_objective(stores, order.attribution.owner.campaign, now)


def _owner(collaboration: Collaboration) -> Owner:
    return Owner(collaboration.brand, collaboration.campaign, collaboration.name, collaboration.creator)
