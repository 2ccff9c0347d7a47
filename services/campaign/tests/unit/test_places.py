from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente_campaign.domain import places
from entente_campaign.domain.collaborations import fee_percent
from entente_campaign.domain.places import Place
from entente_campaign.domain.words import FeeStep
from entente_chassis.money import Money
from entente_chassis.refusal import Precondition

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
LATER = NOW + timedelta(seconds=30)


def euros(amount: int) -> Money:
    return Money("EUR", amount * 100)


def reserve(held: places.Held, creator: str, amount: int, *, key: str = "r", room: int = 2) -> dict[str, Place]:
    return places.reserve(held, creator, euros(amount), places=room, budget=euros(100), reservation=key, until=LATER)


def test_a_place_beyond_the_last_one_is_refused() -> None:
    held = reserve(reserve({}, "ana", 10), "bea", 10)
    with pytest.raises(Precondition) as refused:
        reserve(held, "cleo", 10)
    assert refused.value.reason == "NO_PLACES_LEFT"


def test_a_place_beyond_the_budget_is_refused_and_says_what_is_committed() -> None:
    held = reserve({}, "ana", 60)
    with pytest.raises(Precondition) as refused:
        reserve(held, "bea", 41)
    assert refused.value.reason == "BUDGET_EXCEEDED"
    assert refused.value.metadata == {"budget": "10000", "committed": "6000", "needed": "4100"}
    assert reserve(held, "bea", 40)["bea"].amount == euros(40)


def test_an_attempt_that_was_broken_off_is_taken_up_under_its_own_reservation() -> None:
    held = reserve(reserve({}, "ana", 60, key="first"), "ana", 60, key="second")
    assert held["ana"].reservation == "first"
    assert places.committed(held, "EUR") == euros(60)


def test_only_a_pending_reservation_is_given_back_and_only_under_its_own_key() -> None:
    pending = reserve({}, "ana", 60, key="first")
    assert places.give_back(pending, "ana", "other") == pending
    assert places.give_back(pending, "ana", "first") == {}
    confirmed = places.confirm(pending, "ana", "first")
    assert places.give_back(confirmed, "ana", "first") == confirmed


def test_a_creator_who_leaves_frees_the_place_but_not_what_cannot_be_taken_back() -> None:
    held = places.confirm(reserve({}, "ana", 60, room=1), "ana", "r")
    left = places.release(held, "ana", kept=euros(15))
    assert places.taken(left) == 0
    assert places.committed(left, "EUR") == euros(15)
    assert places.release(left, "ana", kept=euros(15)) == left
    assert places.committed(reserve(left, "bea", 85, room=1), "EUR") == euros(100)
    assert places.release(held, "ana", kept=None) == {}


def test_a_payable_takes_no_more_than_was_promised() -> None:
    held = places.confirm(reserve({}, "ana", 60), "ana", "r")
    settled = places.settle(held, "ana", amount=euros(50), owed=euros(40))
    assert (places.committed(settled, "EUR"), places.payable(settled, "EUR")) == (euros(50), euros(40))
    assert places.committed(places.settle(held, "ana", amount=euros(70), owed=euros(70)), "EUR") == euros(60)


def test_reservations_lapse_in_their_order_and_confirmed_ones_never() -> None:
    held = places.confirm(reserve({}, "ana", 10), "ana", "r") | reserve({}, "bea", 10)
    assert places.next_overdue(held) == LATER
    assert list(places.overdue(held, NOW)) == []
    assert [creator for creator, _ in places.overdue(held, LATER)] == ["bea"]


creators = st.sampled_from(["ana", "bea", "cleo", "dora"])
keys = st.sampled_from(["r1", "r2"])
amounts = st.integers(0, 60)
steps = st.one_of(
    st.tuples(st.just("reserve"), creators, keys, amounts),
    st.tuples(st.just("confirm"), creators, keys, amounts),
    st.tuples(st.just("give_back"), creators, keys, amounts),
    st.tuples(st.just("release"), creators, keys, amounts),
    st.tuples(st.just("settle"), creators, keys, amounts),
)


@given(st.lists(steps, max_size=40), st.integers(1, 3))
def test_whatever_the_order_never_more_is_promised_than_there_is(
    taken_steps: list[tuple[str, str, str, int]], room: int
) -> None:
    held: dict[str, Place] = {}
    for what, creator, key, amount in taken_steps:
        before = places.committed(held, "EUR")
        if what == "reserve":
            try:
                held = reserve(held, creator, amount, key=key, room=room)
            except Precondition:
                continue
        elif what == "confirm":
            held = places.confirm(held, creator, key)
        elif what == "give_back":
            held = places.give_back(held, creator, key)
        elif what == "release":
            held = places.release(held, creator, kept=euros(amount))
        else:
            held = places.settle(held, creator, amount=euros(amount), owed=euros(amount))
        assert places.committed(held, "EUR") <= euros(100)
        assert places.taken(held) <= room
        assert places.payable(held, "EUR") <= places.committed(held, "EUR")
        assert what == "reserve" or places.committed(held, "EUR") <= before


BUDGET = Money("EUR", 100)
MOVES: dict[str, Callable[[places.Held, str, Money], dict[str, Place]]] = {
    "reserve": lambda held, who, amount: places.reserve(
        held, who, amount, places=2, budget=BUDGET, reservation=who, until=LATER
    ),
    "confirm": lambda held, who, amount: places.confirm(held, who, who, lambda parcels: amount),
    "give back": lambda held, who, amount: places.give_back(held, who, who),
    "raise": lambda held, who, amount: places.raise_to(held, who, amount, parcels=2, budget=BUDGET),
    "fit": lambda held, who, amount: places.fit(held, who, lambda parcels: amount),
    "release": lambda held, who, amount: places.release(held, who, kept=amount),
    "settle": lambda held, who, amount: places.settle(held, who, amount=amount, owed=amount.scaled(1, 2)),
    "pay": lambda held, who, amount: places.pay(held, who),
}
ONCE = ("release", "settle", "pay")


@given(
    st.lists(
        st.tuples(st.sampled_from([*MOVES]), st.sampled_from(["ana", "bea", "cleo"]), st.integers(0, 90)), max_size=40
    )
)
def test_committed_and_spent_never_exceed_the_budget_and_nothing_is_spent_twice(
    steps: list[tuple[str, str, int]],
) -> None:
    held: dict[str, Place] = {}
    refused: set[str] = set()
    for what, who, units in steps:
        try:
            held = MOVES[what](held, who, Money("EUR", units))
        except Precondition as refusal:
            refused.add(refusal.reason)
            continue
        assert places.committed(held, "EUR") <= BUDGET
        assert places.taken(held) <= 2
        for place in held.values():
            assert Money("EUR", 0) <= (place.spent or Money("EUR", 0)) <= place.amount
            assert (place.payable or Money("EUR", 0)) <= place.amount
        if what in ONCE:
            assert MOVES[what](held, who, Money("EUR", units)) == held
    assert refused <= {"BUDGET_EXCEEDED", "NO_PLACES_LEFT"}


@given(st.integers(0, 100), st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=6))
def test_the_share_of_a_fee_is_that_of_the_highest_step_reached(compliance: int, steps: list[tuple[int, int]]) -> None:
    shares = dict(steps)
    share = fee_percent(compliance, [FeeStep(at, part) for at, part in shares.items()])
    reached = [at for at in shares if at <= compliance]
    assert share == (compliance if not shares else shares[max(reached)] if reached else 0)
