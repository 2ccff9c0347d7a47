"""Attribution: a sale belongs to at most one collaboration, whatever is reported in whatever order."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_analytics.domain import orders
from entente_analytics.domain.links import Owner, PromoCode, TrackedLink, Utm
from entente_analytics.domain.orders import Order, Recorded, Refunded, Report, Rule, UsedCode, Verdict
from entente_chassis.money import Money
from entente_chassis.refusal import AlreadyExists, Precondition

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
BRAND = "brands/maison"


def owner(creator: str, brand: str = BRAND) -> Owner:
    return Owner(brand, "campaigns/spring", f"campaigns/spring/collaborations/{creator}", f"creators/{creator}")


def link(code: str, creator: str, brand: str = BRAND, days: int = 30) -> TrackedLink:
    return TrackedLink(code, owner(creator, brand), "https://shop.example/", Utm(), timedelta(days=days), NOON)


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


def test_the_last_click_within_its_window_wins() -> None:
    order = recorded(report(touch(ANNA, NOON - timedelta(days=3)), touch(BELA, NOON - timedelta(days=5))))

    assert order.attribution is not None
    assert order.attribution.owner.creator == "creators/anna"
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
    assert order.attribution.owner.creator == "creators/anna"
    assert [c.verdict for c in orders.explain(order)] == [Verdict.WON, Verdict.BEATEN_BY_PROMO_CODE]


def test_a_promo_code_that_was_not_valid_leaves_the_sale_to_the_last_click() -> None:
    expired = PromoCode("ANNA10", owner("anna"), None, NOON, NOON, None)
    order = recorded(report(touch(BELA, NOON - timedelta(days=1)), code=orders.used_code("ANNA10", expired)))

    assert order.attribution is not None
    assert order.attribution.owner.creator == "creators/bela"
    assert {c.verdict for c in orders.explain(order)} == {Verdict.WON, Verdict.CODE_NOT_VALID}


def test_an_order_that_comes_before_its_promo_code_is_attributed_once_the_code_is_there() -> None:
    order = recorded(report(code=orders.used_code("anna10", None)))
    assert order.attribution is None

    settled = orders.settle(order, CODE)

    assert settled is not None
    assert settled[0].attribution is not None
    assert settled[0].attribution.owner.creator == "creators/anna"
    assert orders.settle(settled[0], CODE) is None


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

    assert recorded(*shuffled) == recorded(*made)


@given(st.lists(VISITS, max_size=12), st.booleans())
def test_a_sale_belongs_to_at_most_one_collaboration_and_its_explanation_says_so(
    visits: list[orders.Touch], with_code: bool
) -> None:
    order = recorded(report(*visits, code=orders.used_code("anna10", CODE) if with_code else None))
    winners = [c for c in orders.explain(order) if c.verdict is Verdict.WON]

    assert len(winners) == (1 if order.attribution else 0)
    if order.attribution:
        assert winners[0].owner == order.attribution.owner
        assert order.attribution.owner.brand == order.brand
        touched = order.attribution.touched_at
        assert touched is None or touched <= order.ordered_at


@given(st.lists(st.tuples(st.sampled_from(["r1", "r2", "r3", "r4"]), st.integers(1, 3_000)), max_size=20))
def test_refunds_never_exceed_the_order_and_each_counts_once(attempts: list[tuple[str, int]]) -> None:
    order = recorded(report())
    seen: dict[str, int] = {}
    for refund_id, units in attempts:
        try:
            changed = orders.refund(order, refund_id, Money("EUR", units), NOON)
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
        orders.refund(recorded(report()), "r1", Money("USD", 1), NOON)


def test_events_tell_of_the_sale_once_and_of_its_refund() -> None:
    first = orders.record(None, report(), NOON)
    assert first is not None
    assert [type(event) for event in first[1]] == [Recorded]
    refunded = orders.refund(first[0], "r1", Money("EUR", 100), NOON)
    assert refunded is not None
    assert [type(event) for event in refunded[1]] == [Refunded]
