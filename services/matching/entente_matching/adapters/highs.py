"""How the best roster is found: HiGHS, through SciPy. Loaded only in the worker of `adapters/solver.py`.

The reach of a set is concave in a sum that is linear in the choice. It is approached from above by tangents: each round
solves a linear problem in whole numbers under the tangents there are, and adds those at the point found. The bound of
each round holds for every set; the rounds end when the best set found comes within the tolerance of it.
"""

import math
import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from entente_matching.domain.roster import Problem, Solution, greedy, keeps_to, reach_of, weight

TOLERANCE = 1e-4
"""A set within this share of the bound is called the best."""

_FIRST_TANGENTS = (0.0, 0.05, 0.15, 0.4, 1.0, 2.0)
_WHOLE = 0.999
_INFEASIBLE = 2

Array = np.ndarray[Any, Any]


def solve_all(problems: list[Problem], seconds: float) -> list[Solution]:
    """Solve several problems within a time: the first gets the most of it."""
    until = time.monotonic() + seconds
    solutions = []
    for number, problem in enumerate(problems):
        left = max(0.05, until - time.monotonic())
        share = left * 0.6 if number == 0 and len(problems) > 1 else left / (len(problems) - number)
        solutions.append(solve(problem, share))
    return solutions


def solve(problem: Problem, seconds: float) -> Solution:
    """The best set of one problem, as far as it is found in the time.

    First creators may be taken in parts, which is quick: that brings the tangents to where the best set is, gives a
    bound for every set, and prices that show who cannot be in a better set than the best one known. Then the few that
    remain are chosen whole.

    Args:
        problem: already admissible: some set keeps to its limits.
        seconds: of wall time.
    """
    began = time.monotonic()
    if not problem.candidates or not any(problem.people.values()):
        quick = greedy(problem)
        return Solution(quick if keeps_to(problem, quick) else None, 0.0, time.monotonic() - began)
    program = _Program(problem)
    best: tuple[int, ...] | None = None
    best_value, bound = 0.0, math.inf

    def consider(taken: tuple[int, ...]) -> None:
        # The solver's figures have a tolerance; a budget has none.
        nonlocal best, best_value
        if keeps_to(problem, taken) and (best is None or program.value(taken) > best_value):
            best, best_value = taken, program.value(taken)

    consider(greedy(problem))
    while (found := program.relaxed()) is not None:
        prices, parts, proven = found
        consider(greedy(problem, _places(parts > _WHOLE)))
        settled = bound - proven <= TOLERANCE / 10 * proven
        bound = min(bound, proven)
        if settled or time.monotonic() - began > seconds / 2:
            if best is not None:
                program.fix(prices, parts, bound, best_value)
            break
        program.add_tangents(parts)
    while best is None or bound - best_value > TOLERANCE * bound:
        left = seconds - (time.monotonic() - began)
        if left <= 0:
            break
        choice, proven = program.whole(left)
        # Whoever was left out for good could only be in a set that is no better than the best one known.
        bound = min(bound, max(proven, best_value))
        if choice is None:
            break
        consider(_places(choice > _WHOLE))
        if not program.add_tangents(choice):
            break
    return Solution(best, max(bound, best_value), time.monotonic() - began)


class _Program:
    """A problem as linear programs. Reach is counted as a share of all people, as solvers like it."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        candidates, limits = problem.candidates, problem.limits
        self._countries = [country for country, people in problem.people.items() if people > 0]
        self._scale = math.fsum(problem.people[country] for country in self._countries)
        self._people = np.array([problem.people[country] / self._scale for country in self._countries])
        self._weights = np.array(
            [[weight(c.reached.get(k, 0.0), problem.people[k]) for c in candidates] for k in self._countries]
        )
        self._size, self._parts = len(candidates), len(self._countries)
        self._rows, self._most = self._limits()
        self._tangents: set[tuple[int, float]] = set()
        self._cuts: list[Array] = []
        self._cut_most: list[float] = []
        for part, ceiling in enumerate(self._weights.sum(axis=1)):
            for at in _FIRST_TANGENTS:
                if at <= ceiling:
                    self._add(part, at)
        self._low = np.concatenate([[float(c.creator in limits.required) for c in candidates], np.zeros(self._parts)])
        self._high = np.concatenate([np.ones(self._size), self._people])
        self._objective = np.concatenate([np.zeros(self._size), -np.ones(self._parts)])

    def value(self, taken: Iterable[int]) -> float:
        """People whom a set reaches."""
        return reach_of((self._problem.candidates[index] for index in taken), self._problem.people)

    def relaxed(self) -> tuple[Array, Array, float] | None:
        """The best choice in parts: what each creator's place is worth, the parts, and the bound; None without any."""
        rows, most = self._all_rows()
        result = linprog(
            self._objective, A_ub=rows, b_ub=most, bounds=np.column_stack([self._low, self._high]), method="highs"
        )
        if result.x is None:
            return None
        prices = result.lower.marginals + result.upper.marginals
        return prices[: self._size], result.x[: self._size], -float(result.fun) * self._scale

    def fix(self, prices: Array, parts: Array, bound: float, best_value: float) -> None:
        """Settle those whose other choice would cost so much that no better set is left."""
        hopeless = np.abs(prices) * self._scale > bound - best_value
        self._high[: self._size][hopeless & (parts < 1 - _WHOLE)] = 0.0
        self._low[: self._size][hopeless & (parts > _WHOLE)] = 1.0

    def whole(self, seconds: float) -> tuple[Array | None, float]:
        """The best choice of whole creators as far as it is found, and the bound."""
        rows, most = self._all_rows()
        result = milp(
            self._objective,
            integrality=np.concatenate([np.ones(self._size), np.zeros(self._parts)]),
            bounds=Bounds(self._low, self._high),
            constraints=LinearConstraint(rows, np.full(len(most), -np.inf), most),
            options={"time_limit": seconds, "mip_rel_gap": TOLERANCE / 2},
        )
        if result.status == _INFEASIBLE:
            return None, 0.0  # No better set is left.
        proven = math.inf if result.mip_dual_bound is None else -float(result.mip_dual_bound) * self._scale
        return (None if result.x is None else np.round(result.x[: self._size])), proven

    def add_tangents(self, choice: Array) -> bool:
        """Tangents at a point; whether any is new."""
        new = [self._add(part, float(at)) for part, at in enumerate(self._weights @ choice)]
        return any(new)

    def _add(self, part: int, at: float) -> bool:
        """Reach of a country <= its tangent at u: people * (1 - e^-u + e^-u * (sum - u))."""
        if (part, round(at, 9)) in self._tangents:
            return False
        self._tangents.add((part, round(at, 9)))
        slope = self._people[part] * math.exp(-at)
        unit = np.zeros(self._parts)
        unit[part] = 1.0
        self._cuts.append(np.concatenate([-slope * self._weights[part], unit]))
        self._cut_most.append(float(self._people[part] * -math.expm1(-at) - slope * at))
        return True

    def _limits(self) -> tuple[Array, Array]:
        candidates, limits = self._problem.candidates, self._problem.limits
        rows, most = [[float(c.price) / max(limits.budget, 1) for c in candidates]], [1.0]
        if limits.most is not None:
            rows.append([1.0] * self._size)
            most.append(float(limits.most))
        for limit in limits.tiers:
            row = [float(c.tier == limit.tier) for c in candidates]
            if limit.least:
                rows.append([-of_tier for of_tier in row])
                most.append(-float(limit.least))
            if limit.most is not None:
                rows.append(row)
                most.append(float(limit.most))
        return np.hstack([np.array(rows), np.zeros((len(rows), self._parts))]), np.array(most)

    def _all_rows(self) -> tuple[Array, Array]:
        return np.vstack([self._rows, *self._cuts]), np.concatenate([self._most, self._cut_most])


def _places(mask: Array) -> tuple[int, ...]:
    return tuple(int(index) for index in np.flatnonzero(mask))
