"""Attribution: a sale belongs to at most one collaboration, whatever is reported in whatever order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_analytics.domain import orders
from entente_analytics.domain.links import Destination, Owner, PromoCode, TrackedLink, Utm
from entente_analytics.domain.orders import (
    ConversionRecorded,
    ConversionRefunded,
    Order,
    Report,
    Rule,
    UsedCode,
    Verdict,
)
from entente_analytics.domain.rollups import Sales, sales_of
from entente_chassis.money import Money
from entente_chassis.refusal import AlreadyExists, Invalid, Precondition

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
BRAND = "brands/maison"


def owner(creator: str, brand: str = BRAND) -> Owner:
    return Owner(brand, "campaigns/spring", f"campaigns/spring/collaborations/{creator}", f"creators/{creator}")


def link(code: str, creator: str, brand: str = BRAND, days: int = 30) -> TrackedLink:
    return TrackedLink(
        code, owner(creator, brand), Destination("https://shop.example/"), Utm(), timedelta(days=days), NOON
    )


ANNA, BELA, OTHER = link("anna0", "anna"), link("bela0", "bela", days=7), link("other", "zoe", brand="brands/autre")
CODE = PromoCode("ANNA10", owner("anna"), None, None, NOON, None)


def touch(of: TrackedLink, at: datetime, click: str = "") -> orders.Touch:
    return orders.touch(click or f"{of.code}.{at.timestamp()}", of.code, at, False, of)


def report(*touches: orders.Touch, code: UsedCode | None = None, amount: int = 5_000) -> Report:
    return Report(BRAND, "A-1", Money("EUR", amount), NOON, None, code, touches)


def recorded(*reports: Report) -> Order:
    order: Order | None = None
    for each in reports:
        changed = orders.record(order, each, NOON)
        order = changed[0] if changed else order
    assert order is not None
    return order


def refund(order: Order | None, refund_id: str, amount: Money) -> orders.Changed | None:
    return orders.refund(order, BRAND, "A-1", refund_id, amount, NOON, NOON)


def test_the_last_click_within_its_window_wins() -> None:
    order = recorded(report(touch(ANNA, NOON - timedelta(days=3)), touch(BELA, NOON - timedelta(days=5))))

    assert order.attribution is not None
    assert order.attribution.creator == "creators/anna"
    assert order.attribution.rule is Rule.LAST_CLICK
    assert [c.verdict for c in orders.explain(order)] == [Verdict.WON, Verdict.BEATEN_BY_LATER_CLICK]


@pytest.mark.parametrize(
    ("visit", "verdict"),
    [
        (touch(BELA, NOON - timedelta(days=7, seconds=1)), Verdict.OUTSIDE_WINDOW),
        (touch(BELA, NOON + timedelta(seconds=1)), Verdict.AFTER_ORDER),
        (touch(OTHER, NOON - timedelta(days=1)), Verdict.OTHER_BRAND),
        (orders.touch("nolink", "nolink", NOON, True, None), Verdict.UNKNOWN_LINK),
        (orders.touch("anna0.0.0.forged", "", None, False, None), Verdict.FORGED_CLICK),
    ],
)
def test_a_visit_that_cannot_win_is_explained(visit: orders.Touch, verdict: Verdict) -> None:
    order = recorded(report(visit))

    assert order.attribution is None
    assert [c.verdict for c in orders.explain(order)] == [verdict]


def test_a_click_wins_until_the_last_moment_of_its_window() -> None:
    assert recorded(report(touch(BELA, NOON - timedelta(days=7)))).attribution is not None


def test_another_brands_collaboration_is_not_shown_in_an_explanation() -> None:
    (candidate,) = orders.explain(recorded(report(touch(OTHER, NOON - timedelta(days=1)))))

    assert candidate.owner is None


def test_a_promo_code_beats_a_later_click_on_anothers_link() -> None:
    used = orders.used_code("anna10", CODE)
    order = recorded(report(touch(BELA, NOON - timedelta(minutes=1)), code=used))

    assert order.attribution is not None
    assert order.attribution.rule is Rule.PROMO_CODE
    assert order.attribution.creator == "creators/anna"
    assert [c.verdict for c in orders.explain(order)] == [Verdict.WON, Verdict.BEATEN_BY_PROMO_CODE]


def test_a_promo_code_that_was_not_valid_leaves_the_sale_to_the_last_click() -> None:
    expired = PromoCode("ANNA10", owner("anna"), None, NOON, NOON, None)
    order = recorded(report(touch(BELA, NOON - timedelta(days=1)), code=orders.used_code("ANNA10", expired)))

    assert order.attribution is not None
    assert order.attribution.creator == "creators/bela"
    assert {c.verdict for c in orders.explain(order)} == {Verdict.WON, Verdict.CODE_NOT_VALID}


def test_an_order_that_comes_before_its_promo_code_is_attributed_once_the_code_is_there() -> None:
    order = recorded(report(code=orders.used_code("anna10", None)))
    assert order.attribution is None

    settled = orders.settle(order, CODE, NOON)

    assert settled is not None
    assert settled[0].attribution is not None
    assert settled[0].attribution.creator == "creators/anna"
    assert orders.settle(settled[0], CODE, NOON) is None


def test_a_repeated_report_changes_nothing() -> None:
    once = report(touch(ANNA, NOON - timedelta(days=1)))

    assert orders.record(recorded(once), once, NOON + timedelta(days=1)) is None


def test_a_report_with_other_facts_is_refused_and_names_them() -> None:
    with pytest.raises(AlreadyExists) as refusal:
        orders.record(recorded(report()), report(amount=4_999), NOON)

    assert refusal.value.metadata == {"fields": "amount"}


VISITS = st.builds(
    lambda of, hours, serial: touch(of, NOON - timedelta(hours=hours), click=f"{of.code}.{hours}.{serial}"),
    st.sampled_from([ANNA, BELA, OTHER]),
    st.integers(-48, 24 * 40),
    st.integers(0, 3),
)


@given(st.lists(st.lists(VISITS, max_size=4), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_a_sale_ends_the_same_in_whatever_order_and_however_often_it_is_reported(
    reports: list[list[orders.Touch]], random: Random
) -> None:
    used = orders.used_code("anna10", CODE)
    made = [
        report(*visits, code=used if index == 0 and len(visits) > 2 else None) for index, visits in enumerate(reports)
    ]
    shuffled = [*made, *random.choices(made, k=3)]
    random.shuffle(shuffled)

    told = [replace(recorded(*each), roll_ups=()) for each in (shuffled, made)]
    assert told[0] == told[1]


@given(st.lists(VISITS, max_size=12), st.booleans())
def test_a_sale_belongs_to_at_most_one_collaboration_and_its_explanation_says_so(
    visits: list[orders.Touch], with_code: bool
) -> None:
    order = recorded(report(*visits, code=orders.used_code("anna10", CODE) if with_code else None))
    winners = [c for c in orders.explain(order) if c.verdict is Verdict.WON]

    assert len(winners) == (1 if order.attribution else 0)
    if order.attribution:
        assert winners[0].owner is not None
        assert winners[0].owner.collaboration == order.attribution.collaboration
        assert winners[0].owner.brand == order.brand
        touched = order.attribution.touch_time
        assert touched is None or touched <= order.ordered_at


@given(st.lists(st.tuples(st.sampled_from(["r1", "r2", "r3", "r4"]), st.integers(1, 3_000)), max_size=20))
def test_refunds_never_exceed_the_order_and_each_counts_once(attempts: list[tuple[str, int]]) -> None:
    order = recorded(report())
    seen: dict[str, int] = {}
    for refund_id, units in attempts:
        try:
            changed = refund(order, refund_id, Money("EUR", units))
        except (AlreadyExists, Precondition):
            continue
        if changed:
            assert refund_id not in seen
            order = changed[0]
            seen[refund_id] = units
        else:
            assert seen[refund_id] == units

    assert order.net == Money("EUR", 5_000 - sum(seen.values()))
    assert order.net.minor_units >= 0


def test_a_refund_in_another_currency_is_refused() -> None:
    with pytest.raises(Precondition, match="EUR"):
        refund(recorded(report()), "r1", Money("USD", 1))


def test_events_tell_of_the_sale_once_and_of_its_refund() -> None:
    first = orders.record(None, report(), NOON)
    assert first is not None
    assert [type(event) for event in first[1]] == [ConversionRecorded]
    refunded = refund(first[0], "r1", Money("EUR", 100))
    assert refunded is not None
    assert [type(event) for event in refunded[1]] == [ConversionRefunded]


def test_a_refund_that_comes_before_its_sale_waits_for_it_and_both_are_told_then() -> None:
    early = refund(None, "r1", Money("EUR", 100))
    assert early is not None
    assert (early[0].recorded, early[0].bucket, early[1]) == (False, "", ())

    sale = orders.record(early[0], report(), NOON)

    assert sale is not None
    assert sale[0].net == Money("EUR", 4_900)
    assert [type(event) for event in sale[1]] == [ConversionRecorded, ConversionRefunded]
    assert refund(sale[0], "r1", Money("EUR", 100)) is None


def test_an_early_refund_that_does_not_fit_its_sale_is_set_aside_and_not_counted() -> None:
    order: Order | None = None
    for refund_id, amount in (("r1", Money("EUR", 4_000)), ("r2", Money("EUR", 2_000)), ("r3", Money("USD", 1))):
        changed = refund(order, refund_id, amount)
        assert changed is not None
        order = changed[0]
    sale = orders.record(order, report(), NOON)

    assert sale is not None
    assert [each.refund_id for each in sale[0].refunds_aside] == ["r2", "r3"]
    assert sale[0].net == Money("EUR", 1_000)


def test_a_sale_from_the_future_is_refused() -> None:
    with pytest.raises(Invalid, match="TIME_IN_THE_FUTURE"):
        orders.record(None, report(), NOON - timedelta(days=1, seconds=1))


def test_another_window_gives_the_sale_to_another_and_the_links_own_window_gives_it_back() -> None:
    order = recorded(report(touch(BELA, NOON - timedelta(days=10)), touch(ANNA, NOON - timedelta(days=20))))
    assert order.attribution is not None
    assert order.attribution.creator == "creators/anna"

    wider = orders.recompute(order, timedelta(days=15), NOON)
    assert wider is not None
    assert wider[0].attribution is not None
    assert wider[0].attribution.creator == "creators/bela"
    assert orders.recompute(wider[0], timedelta(days=15), NOON) is None
    back = orders.recompute(wider[0], None, NOON)

    assert back is not None
    assert back[0].attribution == order.attribution
    assert "recomputation" in orders.explain(wider[0])[1].explanation


STEPS = st.one_of(
    st.tuples(st.just("report"), st.lists(VISITS, max_size=3)),
    st.tuples(st.just("code"), st.none()),
    st.tuples(st.just("refund"), st.integers(1, 3_000)),
    st.tuples(st.just("window"), st.sampled_from([None, timedelta(days=1), timedelta(days=60)])),
)


@given(st.lists(st.tuples(st.integers(0, 2), STEPS), max_size=14))
def test_no_sale_counts_twice_whatever_happens_to_it_and_whichever_buckets_it_moves_between(
    steps: list[tuple[int, tuple[str, Any]]],
) -> None:
    """Buckets are kept as the service keeps them: those that a change names are added up anew, and no others."""
    known: dict[int, Order] = {}
    buckets: dict[str, Sales] = {}
    for n, (what, given_) in steps:
        order = known.get(n)
        try:
            if what == "report":
                changed = orders.record(order, replace(report(*given_), order_id=f"A-{n}"), NOON)
            elif what == "refund":
                changed = orders.refund(order, BRAND, f"A-{n}", f"r{given_}", Money("EUR", given_), NOON, NOON)
            elif what == "window":
                changed = orders.recompute(order, given_, NOON) if order else None
            else:
                used = orders.used_code("anna10", CODE)
                changed = orders.record(order, replace(report(code=used), order_id=f"A-{n}"), NOON)
        except (AlreadyExists, Precondition):
            continue
        if changed is None:
            continue
        known[n] = changed[0]
        for name in changed[0].roll_ups:
            buckets[name] = sales_of(each for each in known.values() if each.bucket == name)
        known[n] = orders.rolled_up(changed[0], changed[0].roll_ups)

    attributed = [each for each in known.values() if each.attribution and each.recorded]
    assert sum(sales.orders for sales in buckets.values()) == sum(each.net.minor_units > 0 for each in attributed)
    assert sum(sales.revenue.get("EUR", 0) for sales in buckets.values()) == sum(e.net.minor_units for e in attributed)
