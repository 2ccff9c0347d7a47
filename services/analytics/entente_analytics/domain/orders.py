"""Orders: a sale is recorded once, belongs to at most one collaboration, and is refunded at most in full."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from entente_analytics.domain.links import Owner, PromoCode, TrackedLink
from entente_analytics.domain.names import bucket_name, link_name, order_name, promo_code_name
from entente_analytics.domain.times import refuse_future
from entente_chassis.money import Money
from entente_chassis.refusal import AlreadyExists, Exhausted, Precondition

MAX_TOUCHES = 50
MAX_REFUNDS = 100


class Rule(StrEnum):
    """By which rule a sale was attributed."""

    PROMO_CODE = "PROMO_CODE"
    LAST_CLICK = "LAST_CLICK"


class Verdict(StrEnum):
    """What became of one touch or promo code."""

    WON = "WON"
    BEATEN_BY_PROMO_CODE = "BEATEN_BY_PROMO_CODE"
    BEATEN_BY_LATER_CLICK = "BEATEN_BY_LATER_CLICK"
    OUTSIDE_WINDOW = "OUTSIDE_WINDOW"
    AFTER_ORDER = "AFTER_ORDER"
    OTHER_BRAND = "OTHER_BRAND"
    UNKNOWN_LINK = "UNKNOWN_LINK"
    FORGED_CLICK = "FORGED_CLICK"
    UNKNOWN_CODE = "UNKNOWN_CODE"
    CODE_NOT_VALID = "CODE_NOT_VALID"


@dataclass(frozen=True)
class Touch:
    """One visit that led to the shop, with all that decides about it, so that an order explains itself.

    Args:
        source: the click id or link code as reported.
        code: the link's code; "" for a click id that was not made here.
        at: when the visit was; None for a click id that was not made here.
        declared: the time is the shop's word, not a signed click id's.
        owner: whose link it is; None when there is no such link.
    """

    source: str
    code: str
    at: datetime | None
    declared: bool
    owner: Owner | None
    window: timedelta


def touch(source: str, code: str, at: datetime | None, declared: bool, link: TrackedLink | None) -> Touch:
    """A visit, with what is known of its link."""
    return Touch(source, code, at, declared, link.owner if link else None, link.window if link else timedelta(0))


@dataclass(frozen=True)
class UsedCode:
    """The promo code that the buyer entered; without an owner while no collaboration has it."""

    code: str
    owner: Owner | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None


def used_code(code: str, promo: PromoCode | None) -> UsedCode | None:
    """The code of an order, with what is known of it; None when the order has none."""
    if not code:
        return None
    if promo is None:
        return UsedCode(code.lower())
    return UsedCode(code.lower(), promo.owner, promo.valid_from, promo.valid_until)


@dataclass(frozen=True)
class Refund:
    """Money given back."""

    refund_id: str
    amount: Money
    at: datetime


@dataclass(frozen=True)
class Attribution:
    """To whom a sale belongs, by which rule, through which link or code; ``touch_time`` is None for a code."""

    rule: Rule
    campaign: str
    collaboration: str
    creator: str
    platform: str
    deliverable: str
    source: str
    touch_time: datetime | None


@dataclass(frozen=True)
class Candidate:
    """One touch or promo code that could have won, and what became of it."""

    source: str
    verdict: Verdict
    explanation: str
    touched_at: datetime | None = None
    window_end: datetime | None = None
    owner: Owner | None = None
    declared: bool = False


@dataclass(frozen=True)
class Report:
    """A sale as a shop reports it."""

    brand: str
    order_id: str
    amount: Money
    ordered_at: datetime
    new_customer: bool | None
    used_code: UsedCode | None
    touches: tuple[Touch, ...]


@dataclass(frozen=True)
class Order:
    """A sale of a brand: one, however often it is reported.

    Args:
        recorded: the sale itself was reported; else only refunds of it have come, with nothing to take them from yet.
        refunds_aside: refunds that came before the sale and do not fit it: of more than it, or in another currency.
        window: the window that a recomputation gave all its touches; None for that of each link.
        roll_ups: the buckets whose figures do not say yet what became of this order.
    """

    brand: str
    order_id: str
    amount: Money
    ordered_at: datetime
    new_customer: bool | None
    used_code: UsedCode | None
    touches: tuple[Touch, ...]
    refunds: tuple[Refund, ...]
    attribution: Attribution | None
    created_at: datetime
    recorded: bool = True
    refunds_aside: tuple[Refund, ...] = ()
    window: timedelta | None = None
    roll_ups: tuple[str, ...] = ()
    roll_at: datetime | None = None

    @property
    def name(self) -> str:
        """The resource name."""
        return order_name(self.brand, self.order_id)

    @property
    def refunded(self) -> Money:
        """What was given back so far."""
        return Money.sum(self.amount.currency_code, (refund.amount for refund in self.refunds))

    @property
    def net(self) -> Money:
        """What is left of it; nothing while the sale itself was not reported."""
        return self.amount - self.refunded if self.recorded else self.amount

    @property
    def bucket(self) -> str:
        """The bucket that counts it; "" for a sale that belongs to nobody."""
        won = self.attribution
        if won is None or not self.recorded:
            return ""
        return bucket_name(won.collaboration, won.platform, won.deliverable, self.ordered_at.date().isoformat())


@dataclass(frozen=True)
class ConversionRecorded:
    """A sale was reported for the first time."""

    order: str
    brand: str
    amount: Money
    order_time: datetime
    attribution: Attribution | None


@dataclass(frozen=True)
class ConversionAttributed(ConversionRecorded):
    """More became known of a sale, or its window changed, and it belongs to another collaboration than before."""

    previous_attribution: Attribution | None


@dataclass(frozen=True)
class ConversionRefunded:
    """A sale was refunded in part or in full."""

    order: str
    brand: str
    refund_id: str
    amount: Money
    net_amount: Money
    refund_time: datetime
    attribution: Attribution | None


Changed = tuple[Order, tuple[object, ...]]


def record(order: Order | None, report: Report, now: datetime) -> Changed | None:
    """The order with what a report adds to it, or None when it adds nothing.

    Reports of one order may come in any order and any number, its refunds before it: what they know adds up, and the
    sale stays one.

    Raises:
        AlreadyExists: the order is known with other facts.
        Invalid: it is placed in the future.
    """
    refuse_future(now, order_time=report.ordered_at)
    if order is None or not order.recorded:
        early = order.refunds if order else ()
        new = Order(
            brand=report.brand,
            order_id=report.order_id,
            amount=report.amount,
            ordered_at=report.ordered_at,
            new_customer=report.new_customer,
            used_code=report.used_code,
            touches=_together(report.touches),
            refunds=(),
            attribution=None,
            created_at=now,
            window=order.window if order else None,
        )
        new = _attributed(new)
        events: list[object] = [ConversionRecorded(**_told(new))]
        for back in early:
            if back.amount.currency_code != new.amount.currency_code or back.amount > new.net:
                new = replace(new, refunds_aside=(*new.refunds_aside, back))
                continue
            new = replace(new, refunds=(*new.refunds, back))
            events.append(_refunded(new, back))
        return _rolled(None, new, now), tuple(events)

    _refuse_other_facts(order, report)
    more = replace(
        order,
        new_customer=order.new_customer if order.new_customer is not None else report.new_customer,
        used_code=_better_known(order.used_code, report.used_code),
        touches=_together((*order.touches, *report.touches)),
    )
    return _changed(order, _attributed(more), now)


def settle(order: Order, promo: PromoCode, now: datetime) -> Changed | None:
    """The order once a collaboration has the promo code that it names, or None when that changes nothing."""
    if order.used_code is None or promo_code_name(order.brand, order.used_code.code) != promo.name:
        return None
    return _changed(order, _attributed(replace(order, used_code=used_code(order.used_code.code, promo))), now)


def recompute(order: Order, window: timedelta | None, now: datetime) -> Changed | None:
    """The order attributed with another window for all its touches (None: that of each link), or None if it has it."""
    if order.window == window or not order.recorded:
        return None
    after = _attributed(replace(order, window=window))
    return _changed(order, after, now) or (after, ())


def rolled_up(order: Order, buckets: tuple[str, ...]) -> Order:
    """The order once these buckets know of it."""
    left = tuple(bucket for bucket in order.roll_ups if bucket not in buckets)
    return replace(order, roll_ups=left, roll_at=order.roll_at if left else None)


def refund(
    order: Order | None, brand: str, order_id: str, refund_id: str, amount: Money, at: datetime, now: datetime
) -> Changed | None:
    """The order with a refund, or None when that refund is in it already. One that comes before its sale is kept.

    Raises:
        AlreadyExists: the refund is known with another amount.
        Invalid: it was made in the future.
        Precondition: it is in another currency, or more than is left of the order.
    """
    refuse_future(now, refund_time=at)
    if order is None:
        nothing = Money.zero(amount.currency_code)
        order = Order(brand, order_id, nothing, at, None, None, (), (), None, now, recorded=False)
    for known in (*order.refunds, *order.refunds_aside):
        if known.refund_id == refund_id:
            if known.amount != amount:
                raise AlreadyExists(
                    "REFUND_ALREADY_RECORDED",
                    f"Refund {refund_id} is recorded with another amount: give a further refund an id of its own.",
                )
            return None
    if len(order.refunds) >= MAX_REFUNDS:
        raise Exhausted("TOO_MANY_REFUNDS", f"An order holds {MAX_REFUNDS} refunds: report the rest as one.")
    made = Refund(refund_id, amount, at)
    after = replace(order, refunds=tuple(sorted((*order.refunds, made), key=lambda r: (r.at, r.refund_id))))
    if not order.recorded:
        return after, ()
    if amount.currency_code != order.amount.currency_code:
        raise Precondition(
            "REFUND_CURRENCY",
            f"The order is in {order.amount.currency_code}: report the refund in that currency.",
            currency_code=order.amount.currency_code,
        )
    if amount > order.net:
        raise Precondition(
            "REFUND_EXCEEDS_ORDER",
            f"Only {order.net.minor_units} of the order are left: check the amount, or whether it was refunded before.",
            left_minor_units=str(order.net.minor_units),
        )
    return _rolled(order, after, now), (_refunded(after, made),)


def explain(order: Order) -> tuple[Candidate, ...]:
    """Every touch and promo code of an order and what became of it, the winner first.

    The rule: a promo code that a collaboration of the brand has, and that was valid when the order was placed, wins.
    Else the last click does whose link belongs to the brand and whose window holds the order.
    """
    code = _judge_code(order)
    judged = [_judge_touch(order, visit) for visit in order.touches]
    able = [candidate for candidate in judged if candidate.verdict is Verdict.WON]
    # touches are sorted by time, then source: the last one able is the last click, whatever order they came in.
    winner = code if code and code.verdict is Verdict.WON else (able[-1] if able else None)
    candidates = [code] if code else []
    for candidate in reversed(judged):
        beaten = candidate.verdict is Verdict.WON and candidate is not winner
        candidates.append(_beaten(candidate, winner, by_code=winner is code) if beaten else candidate)
    return tuple(sorted(candidates, key=lambda candidate: candidate.verdict is not Verdict.WON))


def summary(order: Order) -> str:
    """The decision in one sentence."""
    won = order.attribution
    if not order.recorded:
        return "Only refunds of it were reported; the sale itself is still to come."
    if won is None:
        reason = "no touch or promo code could win it" if order.touches or order.used_code else "nothing led to it"
        return f"The sale belongs to no collaboration: {reason}."
    if won.rule is Rule.PROMO_CODE:
        return f"The sale belongs to {won.collaboration}: the buyer used its promo code, which beats any link."
    return f"The sale belongs to {won.collaboration}: its link had the last click within its window."


def _attributed(order: Order) -> Order:
    winner = next((candidate for candidate in explain(order) if candidate.verdict is Verdict.WON), None)
    if winner is None or winner.owner is None:
        return replace(order, attribution=None)
    rule = Rule.LAST_CLICK if winner.touched_at else Rule.PROMO_CODE
    owner = winner.owner
    won = Attribution(
        rule=rule,
        campaign=owner.campaign,
        collaboration=owner.collaboration,
        creator=owner.creator,
        platform=owner.platform,
        deliverable=owner.deliverable,
        source=winner.source,
        touch_time=winner.touched_at,
    )
    return replace(order, attribution=won)


def _changed(before: Order, after: Order, now: datetime) -> Changed | None:
    if after == before:
        return None
    after = _rolled(before, after, now)
    if after.attribution == before.attribution:
        return after, ()
    return after, (ConversionAttributed(**_told(after), previous_attribution=before.attribution),)


def _rolled(before: Order | None, after: Order, now: datetime) -> Order:
    # Written with the change itself, so that no crash lets a bucket miss it; a timer sees to what is left.
    counted = (before.bucket, before.net, before.new_customer) if before else ("", None, None)
    if counted == (after.bucket, after.net, after.new_customer):
        return after
    buckets = tuple(sorted({*after.roll_ups, counted[0], after.bucket} - {""}))
    return replace(after, roll_ups=buckets, roll_at=now if buckets else None)


def _told(order: Order) -> dict[str, Any]:
    return {
        "order": order.name,
        "brand": order.brand,
        "amount": order.amount,
        "order_time": order.ordered_at,
        "attribution": order.attribution,
    }


def _refunded(order: Order, made: Refund) -> ConversionRefunded:
    return ConversionRefunded(
        order=order.name,
        brand=order.brand,
        refund_id=made.refund_id,
        amount=made.amount,
        net_amount=order.net,
        refund_time=made.at,
        attribution=order.attribution,
    )


def _together(touches: Iterable[Touch]) -> tuple[Touch, ...]:
    # Each visit once, sorted, and the latest when there are too many: the same result in whatever order they came.
    visits: dict[tuple[str, datetime | None], Touch] = {}
    for visit in touches:
        known = visits.get((visit.source, visit.at))
        if known is None or known.owner is None:
            visits[visit.source, visit.at] = visit
    return tuple(sorted(visits.values(), key=lambda visit: (_when(visit), visit.source))[-MAX_TOUCHES:])


def _when(visit: Touch) -> float:
    return visit.at.timestamp() if visit.at else 0.0


def _better_known(one: UsedCode | None, other: UsedCode | None) -> UsedCode | None:
    if one is None or other is None:
        return one or other
    return one if one.owner else other


def _refuse_other_facts(order: Order, report: Report) -> None:
    differing = []
    if order.amount != report.amount:
        differing.append("amount")
    if order.ordered_at != report.ordered_at:
        differing.append("order_time")
    if order.used_code and report.used_code and order.used_code.code != report.used_code.code:
        differing.append("promo_code")
    if None not in (order.new_customer, report.new_customer) and order.new_customer != report.new_customer:
        differing.append("new_customer")
    if differing:
        raise AlreadyExists(
            "ORDER_ALREADY_RECORDED",
            f"Order {order.order_id} is recorded with another {', '.join(differing)}: repeat it as it was, "
            "or report what was given back as a refund.",
            fields=",".join(differing),
        )


def _judge_code(order: Order) -> Candidate | None:
    used = order.used_code
    if used is None:
        return None
    source = promo_code_name(order.brand, used.code)
    if used.owner is None:
        return Candidate(
            source, Verdict.UNKNOWN_CODE, "No collaboration has this promo code; if one gets it, the sale becomes its."
        )
    if (used.valid_from and order.ordered_at < used.valid_from) or (
        used.valid_until and order.ordered_at >= used.valid_until
    ):
        text = f"The code was valid from {_text(used.valid_from)} until {_text(used.valid_until)}, not at the order."
        return Candidate(source, Verdict.CODE_NOT_VALID, text, owner=used.owner)
    text = "The buyer entered this collaboration's promo code, which beats any link."
    return Candidate(source, Verdict.WON, text, owner=used.owner)


def _judge_touch(order: Order, visit: Touch) -> Candidate:
    if visit.at is None:
        return Candidate(visit.source, Verdict.FORGED_CLICK, "This click id was not made by Entente or was altered.")
    source = link_name(visit.code)
    if visit.owner is None:
        return Candidate(source, Verdict.UNKNOWN_LINK, "There is no such link.", visit.at, declared=visit.declared)
    if visit.owner.brand != order.brand:
        # Another brand's collaboration is none of this brand's business.
        text = "The link belongs to another brand."
        return Candidate(source, Verdict.OTHER_BRAND, text, visit.at, declared=visit.declared)
    end = visit.at + (visit.window if order.window is None else order.window)
    if visit.at > order.ordered_at:
        verdict, text = Verdict.AFTER_ORDER, f"The visit came after the order of {_text(order.ordered_at)}."
    elif order.ordered_at > end:
        whose = "the link" if order.window is None else "the recomputation"
        verdict, text = Verdict.OUTSIDE_WINDOW, f"The window of {whose} ended at {_text(end)}, before the order."
    else:
        verdict, text = Verdict.WON, f"The last click before the order; its window lasts until {_text(end)}."
    return Candidate(source, verdict, text, visit.at, end, visit.owner, visit.declared)


def _beaten(candidate: Candidate, winner: Candidate | None, *, by_code: bool) -> Candidate:
    assert winner is not None
    if by_code:
        text = "The buyer used a promo code, which beats a link."
        return replace(candidate, verdict=Verdict.BEATEN_BY_PROMO_CODE, explanation=text)
    text = f"A later click, at {_text(winner.touched_at)}, won."
    return replace(candidate, verdict=Verdict.BEATEN_BY_LATER_CLICK, explanation=text)


def _text(moment: datetime | None) -> str:
    return moment.isoformat(timespec="seconds") if moment else "no limit"
