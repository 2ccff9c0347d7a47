"""Sales: conversions, refunds, and to whom they belong."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from entente_analytics.application.commands.objectives import look_at_objective
from entente_analytics.application.commands.rollups import roll_up
from entente_analytics.application.stores import Stores, every
from entente_analytics.domain import orders
from entente_analytics.domain.clicks import ClickIds
from entente_analytics.domain.names import link_name, order_name, promo_code_name
from entente_analytics.domain.orders import Attribution, Order, Report, Touch
from entente_chassis.money import Money
from entente_chassis.refusal import Invalid, Violation
from entente_chassis.store.model import Change, Outcome, Request

CHANGES_TOLD = 1_000


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
        outcome = await _settle_if_just_created(stores, outcome, now)
    return await _told(stores, outcome, now)


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
    """Record a refund of a sale once; one that comes before its sale waits for it."""
    name = order_name(brand, order_id)

    def decide(state: Order | None) -> Change[Order] | None:
        changed = orders.refund(state, brand, order_id, refund_id, amount, at, now)
        return Change(*changed) if changed else None

    outcome = await stores.orders.change(name, decide, request=request)
    return await _told(stores, outcome, now)


async def settle_promo_code(stores: Stores, name: str, now: datetime) -> None:
    """Attribute the orders that came before the promo code that they name."""
    promo = (await stores.promo_codes.require(name, what="Promo code")).state
    where = {"brand": promo.owner.brand, "used_code.code": promo.code.lower()}
    async for order in every(stores.orders, where):

        def decide(state: Order | None) -> Change[Order] | None:
            changed = orders.settle(state, promo, now) if state else None
            return Change(*changed) if changed else None

        await roll_up(stores, await stores.orders.change(order.name, decide), now)
    await stores.promo_codes.change(name, lambda state: Change(state.settled()) if state else None)
    await look_at_objective(stores, promo.owner.campaign, now)


@dataclass
class Recomputed:
    """What a recomputation changed, or would change: the order as it was and as it is."""

    orders: int = 0
    changed: int = 0
    changes: list[tuple[Attribution | None, Order]] = field(default_factory=list)


async def recompute_attribution(
    stores: Stores,
    *,
    brand: str,
    start: datetime,
    end: datetime,
    window: timedelta | None,
    validate_only: bool,
    now: datetime,
) -> Recomputed:
    """Attribute the sales of a period with another window; repeating it changes nothing more.

    Raises:
        Invalid: the period is empty.
    """
    if end <= start:
        raise Invalid(
            "PERIOD_EMPTY",
            "There is no order in it: let end_time be after start_time.",
            violations=[Violation("end_time", "not after start_time")],
        )
    done = Recomputed()
    campaigns: set[str] = set()
    async for order in _of_period(stores, brand, start, end):
        done.orders += 1
        expected = orders.recompute(order, window, now)
        if expected is None:
            continue
        after = expected[0]
        if not validate_only:

            def decide(state: Order | None) -> Change[Order] | None:
                changed = orders.recompute(state, window, now) if state else None
                return Change(*changed) if changed else None

            outcome = await roll_up(stores, await stores.orders.change(order.name, decide), now)
            after = outcome.state
        if after.attribution == order.attribution:
            continue
        done.changed += 1
        campaigns |= {won.campaign for won in (order.attribution, after.attribution) if won}
        if len(done.changes) < CHANGES_TOLD:
            done.changes.append((order.attribution, after))
    if not validate_only:
        for campaign in sorted(campaigns):
            await look_at_objective(stores, campaign, now)
    return done


async def _of_period(stores: Stores, brand: str, start: datetime, end: datetime) -> AsyncIterator[Order]:
    where = {"brand": brand, "ordered_at": {"$gte": start, "$lt": end}}
    async for order in every(stores.orders, where, order_by="ordered_at"):
        yield order


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


async def _settle_if_just_created(stores: Stores, outcome: Outcome[Order], now: datetime) -> Outcome[Order]:
    # The code may have been reserved, and its earlier orders settled, between our look at it and the order's write.
    used = outcome.state.used_code
    promo = await stores.promo_codes.get(promo_code_name(outcome.state.brand, used.code)) if used else None
    if promo is None:
        return outcome
    found = promo.state

    def decide(state: Order | None) -> Change[Order] | None:
        changed = orders.settle(state, found, now) if state else None
        return Change(*changed) if changed else None

    return await stores.orders.change(outcome.id, decide)


async def _told(stores: Stores, outcome: Outcome[Order], now: datetime) -> Outcome[Order]:
    outcome = await roll_up(stores, outcome, now)
    if outcome.state.attribution is not None:
        await look_at_objective(stores, outcome.state.attribution.campaign, now)
    return outcome
