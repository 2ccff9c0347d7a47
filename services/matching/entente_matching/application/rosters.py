"""The plan of a roster: candidates from the index, the best set from the solver, and what it says."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from entente_chassis.money import Money
from entente_chassis.refusal import Invalid, Unavailable, Violation
from entente_matching.application.ports import Solver
from entente_matching.application.search import Order, Query
from entente_matching.application.searching import Match, Searching
from entente_matching.domain import planning
from entente_matching.domain.filters import CreatorFilter
from entente_matching.domain.fit import Brief
from entente_matching.domain.planning import Prices
from entente_matching.domain.roster import (
    Candidate,
    Limits,
    Problem,
    Solution,
    admissible,
    marginal_gains,
    reach_of,
)

MOST_CANDIDATES = 5_000
PROVEN = 1e-4
OTHER_BUDGETS = ((4, 5), (11, 10), (5, 4))
"""What else is looked at: a fifth less, a tenth more, a quarter more."""


@dataclass(frozen=True)
class Wish:
    """What a roster is to be.

    Args:
        markets: country -> people who can be reached, where the brand knows better.
        seconds: how long the solver may take.
    """

    brief: Brief
    wanted: CreatorFilter
    budget: Money
    limits: Limits
    prices: Prices
    markets: Mapping[str, int]
    seconds: float
    brand: str = ""


@dataclass(frozen=True)
class Pick:
    """A creator of the roster, what it costs, and what it adds."""

    match: Match
    candidate: Candidate
    reach: float
    gain: float


@dataclass(frozen=True)
class Plan:
    """The roster.

    Args:
        reach: people of the target whom it reaches, each once.
        bound: no set reaches more.
        alternatives: another budget in minor units -> people whom the best set for it reaches.
    """

    picks: Sequence[Pick]
    reach: float
    bound: float
    cost: int
    alternatives: Mapping[int, float]
    candidates: int
    without_price: int
    people: Mapping[str, float]
    seconds: float

    @property
    def gap(self) -> float:
        """How far it may be from the best, as a share of the bound."""
        return max(0.0, (self.bound - self.reach) / self.bound) if self.bound > 0 else 0.0


async def plan(searching: Searching, solver: Solver, populations: Mapping[str, int], wish: Wish) -> Plan:
    """The best roster that is found in the time.

    Raises:
        Invalid: the target names no country of known size, nobody is left to choose from, or the limits contradict
            each other; what would help is said.
        Unavailable: no set was found in the time that keeps to the limits.
    """
    people = planning.people_of(wish.brief, populations, wish.markets)
    if not people:
        raise _refused("brief.target_audience.countries", "name one or more countries, or give their size in markets")
    query = Query(wanted=wish.wanted, brief=wish.brief, order=Order.FIT, limit=MOST_CANDIDATES, facets=())
    page = await searching.search(query, "", "roster", wish.brand)
    matches = {match.profile.creator: match for match in page.matches}
    scored = [(match.profile, match.fit) for match in matches.values() if match.fit is not None]
    found, without_price = await asyncio.to_thread(planning.candidates_of, scored, wish.brief.target, wish.prices)
    if not found:
        raise _refused(
            "filter",
            f"{len(matches)} creators match, and of {without_price} no price is known: loosen the filter, give prices, "
            "or assumed_price_per_thousand",
        )
    problem = await asyncio.to_thread(admissible, Problem(tuple(found), people, wish.limits))
    others = [
        budget for budget in (wish.limits.budget * n // d for n, d in OTHER_BUDGETS) if _possible(problem, budget)
    ]
    problems = [problem, *(_with_budget(problem, budget) for budget in others)]
    solution, *further = await solver.solve(problems, wish.seconds)
    if solution.chosen is None:
        raise Unavailable("ROSTER_NOT_FOUND", "No set within the limits was found in max_duration: allow more time.")
    chosen = [problem.candidates[index] for index in solution.chosen]
    reach = reach_of(chosen, people)
    picks = [
        Pick(matches[one.creator], one, sum(one.reached.values()), gain)
        for one, gain in zip(chosen, marginal_gains(chosen, people), strict=True)
    ]
    return Plan(
        picks=sorted(picks, key=lambda pick: (-pick.gain, pick.candidate.creator)),
        reach=reach,
        bound=max(reach, solution.bound),
        cost=sum(one.price for one in chosen),
        alternatives=_alternatives(problem, reach, others, problems[1:], further),
        candidates=len(found),
        without_price=without_price,
        people=people,
        seconds=solution.seconds,
    )


def _alternatives(
    problem: Problem, reach: float, budgets: Sequence[int], problems: Sequence[Problem], found: Sequence[Solution]
) -> dict[int, float]:
    """Reach by budget. More budget never buys less: the set for the smaller one would do."""
    reached = {
        budget: reach_of((other.candidates[index] for index in solution.chosen), other.people)
        for budget, other, solution in zip(budgets, problems, found, strict=True)
        if solution.chosen is not None
    }
    best, monotone = 0.0, {}
    for budget in sorted({*reached, problem.limits.budget}):
        best = max(best, reach if budget == problem.limits.budget else reached[budget])
        monotone[budget] = best
    return {
        budget: min(value, reach) if budget < problem.limits.budget else value
        for budget, value in monotone.items()
        if budget != problem.limits.budget
    }


def _with_budget(problem: Problem, budget: int) -> Problem:
    return replace(problem, limits=replace(problem.limits, budget=budget))


def _possible(problem: Problem, budget: int) -> bool:
    try:
        admissible(_with_budget(problem, budget))
    except Invalid:
        return False
    return budget != problem.limits.budget


def _refused(field: str, description: str) -> Invalid:
    return Invalid("ROSTER_IMPOSSIBLE", f"{field}: {description}.", violations=[Violation(field, description)])
