import itertools
import math
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entente_chassis.refusal import Invalid
from entente_matching.adapters.highs import TOLERANCE, solve
from entente_matching.adapters.solver import RosterSolver
from entente_matching.domain.roster import (
    Candidate,
    Limits,
    Problem,
    TierLimit,
    admissible,
    greedy,
    keeps_to,
    marginal_gains,
    reach_of,
)

PEOPLE = {"FR": 1_000_000.0, "BE": 200_000.0}
TIERS = ("nano", "micro", "macro")


def candidate(name: str, price: int, fr: float, be: float = 0.0, tier: str = "micro") -> Candidate:
    return Candidate(f"creators/{name}", tier, price, {"FR": fr, "BE": be})


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    drawn = draw(
        st.lists(
            st.tuples(st.integers(0, 100), st.integers(0, 900_000), st.integers(0, 150_000), st.sampled_from(TIERS)),
            min_size=1,
            max_size=9,
        )
    )
    candidates = tuple(candidate(f"c{n}", price, fr, be, tier) for n, (price, fr, be, tier) in enumerate(drawn))
    tiers = tuple(
        TierLimit(tier, draw(st.integers(0, 1)), draw(st.none() | st.integers(1, 3)))
        for tier in draw(st.sets(st.sampled_from(TIERS), max_size=2))
    )
    required = draw(st.sets(st.sampled_from([c.creator for c in candidates]), max_size=1))
    most = draw(st.none() | st.integers(1, 5))
    cap = draw(st.none() | st.integers(10, 100))
    limits = Limits(draw(st.integers(0, 300)), most, cap, tiers, frozenset(required))
    return Problem(candidates, PEOPLE, limits)


def best_of_all(problem: Problem) -> float | None:
    """By trying every set."""
    places = range(len(problem.candidates))
    sets = itertools.chain.from_iterable(itertools.combinations(places, size) for size in range(len(places) + 1))
    cap = problem.limits.price_cap
    reached = [
        reach_of((problem.candidates[index] for index in chosen), problem.people)
        for chosen in sets
        if keeps_to(problem, chosen)
        and (cap is None or all(problem.candidates[index].price <= cap for index in chosen))
    ]
    return max(reached, default=None)


@given(problems())
@settings(max_examples=150, deadline=None)
def test_the_solver_finds_the_best_of_all_sets_and_proves_it(problem: Problem) -> None:
    best = best_of_all(problem)
    try:
        problem = admissible(problem)
    except Invalid:
        # What is refused has no solution; the reverse may hold where several limits bind at once.
        assert best is None
        return
    solution = solve(problem, seconds=5)
    assert (solution.chosen is None) is (best is None)
    if best is None or solution.chosen is None:
        return
    assert keeps_to(problem, solution.chosen)
    value = reach_of((problem.candidates[index] for index in solution.chosen), problem.people)
    assert value >= best * (1 - 2 * TOLERANCE) - 1e-6
    assert solution.bound >= best * (1 - 1e-9) - 1e-6


def test_people_reached_by_two_creators_count_once() -> None:
    a, b = candidate("a", 1, 500_000), candidate("b", 1, 500_000)
    assert reach_of([a], PEOPLE) == pytest.approx(500_000)
    assert reach_of([a, b], PEOPLE) == pytest.approx(750_000)
    assert marginal_gains([a, b], PEOPLE) == pytest.approx([250_000, 250_000])


def test_a_roster_prefers_two_small_audiences_that_do_not_overlap_to_two_large_ones_that_do() -> None:
    large = [candidate(f"large{n}", 50, 800_000) for n in range(2)]
    elsewhere = candidate("elsewhere", 50, 0, 190_000)
    problem = admissible(Problem((*large, elsewhere), PEOPLE, Limits(100)))
    chosen = [problem.candidates[index].creator for index in solve(problem, 5).chosen or ()]
    assert sorted(chosen) == ["creators/elsewhere", "creators/large0"]


@given(problems())
@settings(max_examples=100)
def test_the_quick_set_keeps_to_the_upper_limits(problem: Problem) -> None:
    try:
        problem = admissible(problem)
    except Invalid:
        return
    chosen = [problem.candidates[index] for index in greedy(problem)]
    assert len({one.creator for one in chosen}) == len(chosen)
    assert problem.limits.required <= {one.creator for one in chosen}


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        (Limits(100, required=frozenset({"creators/nobody"})), "required_creators"),
        (Limits(100, required=frozenset({"creators/dear"})), "required_creators"),
        (Limits(100, tiers=(TierLimit("mega", 1),)), "tiers[0].min_creators"),
        (Limits(100, tiers=(TierLimit("micro", 2, 1),)), "tiers[0].max_creators"),
        (Limits(100, most=1, tiers=(TierLimit("micro", 2),)), "max_creators"),
        (Limits(5, tiers=(TierLimit("micro", 1),)), "tiers[0].min_creators"),
        (Limits(15, tiers=(TierLimit("micro", 2),)), "budget"),
    ],
)
def test_limits_that_contradict_each_other_are_named(limits: Limits, field: str) -> None:
    candidates = (candidate("a", 10, 100), candidate("b", 10, 100), candidate("dear", 1_000, 100))
    with pytest.raises(Invalid) as refused:
        admissible(Problem(candidates, PEOPLE, limits))
    assert field in [violation.field for violation in refused.value.violations]


async def test_five_thousand_candidates_are_answered_within_the_deadline_with_their_gap() -> None:
    random = Random(1)
    candidates = []
    for number in range(5_000):
        followers = 10 ** random.uniform(3.5, 7)
        tier = "nano" if followers < 1e4 else "micro" if followers < 1e5 else "macro"
        reached = {country: followers * 0.2 * random.random() * (1 if country == "FR" else 0.1) for country in PEOPLE}
        candidates.append(Candidate(f"creators/c{number}", tier, int(followers * random.uniform(0.5, 3)), reached))
    limits = Limits(3_000_000, most=20, price_cap=800_000, tiers=(TierLimit("nano", 2), TierLimit("micro", 3, 10)))
    problem = admissible(Problem(tuple(candidates), {"FR": 10e6, "BE": 2e6}, limits))
    solver = RosterSolver()
    try:
        await solver.solve([admissible(Problem(tuple(candidates[:5]), {"FR": 10e6}, Limits(3_000_000)))], seconds=1.0)
        began = time.monotonic()
        (solution,) = await solver.solve([problem], seconds=8.0)
        # One round may be at work when the time is up.
        assert time.monotonic() - began < 16.0
    finally:
        await solver.close()
    assert solution.chosen is not None
    assert keeps_to(problem, solution.chosen)
    value = reach_of((problem.candidates[index] for index in solution.chosen), problem.people)
    assert math.isfinite(solution.bound)
    assert 0 <= (solution.bound - value) / solution.bound < 0.05
