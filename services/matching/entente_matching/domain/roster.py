"""Which creators to take together: the set that reaches the most people of the target, each counted once.

The model. In each country of the target there are so many people who can be reached at all. A creator reaches a person
of them with the probability (people it reaches there) / (people there), whoever else does: audiences overlap as if by
chance. So a set reaches

    people * (1 - product over the set of (1 - reached / people))

of a country (the reach of independent media; Agostini's and Sainsbury's formulas of media planning are of this kind),
and with ``weight = -ln(1 - reached / people)`` that is ``people * (1 - exp(-sum of weights))``: concave in a linear
sum, so that a solver can prove a set to be the best. What people like is not independent: creators of one niche overlap
more than this says. ``reachable`` makes the circle smaller, and the overlap so much larger.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from entente_chassis.refusal import Invalid, Violation

MOST_REACHED = 0.95
"""No creator is taken to reach more of a country's people than this."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A creator that may be taken.

    Args:
        creator: its name.
        tier: its size band.
        price: what it costs, in minor units of the budget's currency.
        reached: country -> people of the target whom it is expected to reach there.
        price_assumed: the price is not the creator's own.
        reach_assumed: what in the reach is assumed rather than known.
    """

    creator: str
    tier: str
    price: int
    reached: Mapping[str, float]
    price_assumed: bool = False
    reach_assumed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TierLimit:
    """How many creators of a size band there must be at least, and may be at most (None: any number)."""

    tier: str
    least: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a roster must keep to.

    Args:
        budget: what all may cost together, in minor units.
        most: how many creators at most; None for any number.
        price_cap: what one creator may cost at most; None for any price.
        tiers: limits by size band.
        required: creators that must be in it.
    """

    budget: int
    most: int | None = None
    price_cap: int | None = None
    tiers: tuple[TierLimit, ...] = ()
    required: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Problem:
    """What the solver gets: candidates and limits in figures.

    Args:
        people: country -> people of the target who can be reached there at all.
    """

    candidates: tuple[Candidate, ...]
    people: Mapping[str, float]
    limits: Limits


@dataclass(frozen=True, slots=True)
class Solution:
    """What the solver found.

    Args:
        chosen: the creators, as places in the problem's list of candidates; None when no set was found that keeps to
            the limits.
        bound: no set can reach more people than this.
        seconds: how long it took.
    """

    chosen: tuple[int, ...] | None
    bound: float
    seconds: float


def weight(reached: float, people: float) -> float:
    """What a creator adds to the sum under the exponential."""
    return -math.log1p(-min(reached / people, MOST_REACHED)) if people > 0 else 0.0


def reach_of(chosen: Iterable[Candidate], people: Mapping[str, float]) -> float:
    """People of the target whom a set reaches at least once."""
    sums = dict.fromkeys(people, 0.0)
    for candidate in chosen:
        for country, reached in candidate.reached.items():
            if country in sums:
                sums[country] += weight(reached, people[country])
    return math.fsum(people[country] * -math.expm1(-total) for country, total in sums.items())


def marginal_gains(chosen: Sequence[Candidate], people: Mapping[str, float]) -> list[float]:
    """What each creator of a set adds to all the others together: people whom nobody else of the set reaches."""
    whole = reach_of(chosen, people)
    return [whole - reach_of([other for other in chosen if other is not one], people) for one in chosen]


def keeps_to(problem: Problem, chosen: Sequence[int]) -> bool:
    """Whether a set keeps to all limits, to the last minor unit."""
    limits = problem.limits
    taken = [problem.candidates[index] for index in chosen]
    return (
        sum(candidate.price for candidate in taken) <= limits.budget
        and (limits.most is None or len(taken) <= limits.most)
        and limits.required <= {candidate.creator for candidate in taken}
        and all(
            limit.least
            <= sum(c.tier == limit.tier for c in taken)
            <= (len(taken) if limit.most is None else limit.most)
            for limit in limits.tiers
        )
    )


def admissible(problem: Problem) -> Problem:
    """The problem without the candidates that could never be taken.

    Raises:
        Invalid: the limits contradict each other, whoever is chosen; each is named with what would do.
    """
    limits = problem.limits
    cap = min(limits.budget, limits.price_cap if limits.price_cap is not None else limits.budget)
    closed = {limit.tier for limit in limits.tiers if limit.most == 0}
    kept = tuple(
        candidate
        for candidate in problem.candidates
        if candidate.creator in limits.required or (candidate.price <= cap and candidate.tier not in closed)
    )
    found = [*_required_problems(problem, cap), *_tier_problems(kept, limits)]
    if not found:
        found = _cost_problems(kept, limits)
    if found:
        raise Invalid("ROSTER_IMPOSSIBLE", "No set of creators keeps to these limits.", violations=found)
    return Problem(kept, problem.people, limits)


def greedy(problem: Problem, start: Sequence[int] = ()) -> tuple[int, ...]:
    """A good set, quickly: what the limits demand, then always whoever adds the most people for the price.

    It is what is answered when the solver finds nothing better in its time.

    Args:
        problem: admissible.
        start: creators to take in any case, as places among the candidates.
    """
    limits, candidates = problem.limits, problem.candidates
    least = {limit.tier: limit.least for limit in limits.tiers}
    most = {limit.tier: limit.most for limit in limits.tiers if limit.most is not None}
    required = [index for index, candidate in enumerate(candidates) if candidate.creator in limits.required]
    chosen = list(dict.fromkeys([*required, *start]))
    counts = {tier: sum(candidates[index].tier == tier for index in chosen) for tier in {*least, *most}}
    spent = sum(candidates[index].price for index in chosen)
    for tier, wanted in least.items():
        cheapest = sorted(
            (index for index, c in enumerate(candidates) if c.tier == tier and index not in chosen),
            key=lambda index: candidates[index].price,
        )
        for index in cheapest[: max(0, wanted - counts[tier])]:
            chosen.append(index)
            counts[tier] += 1
            spent += candidates[index].price
    sums = _sums(problem, chosen)
    left = set(range(len(candidates))) - set(chosen)
    while left and (limits.most is None or len(chosen) < limits.most):
        best, best_value = -1, 0.0
        for index in left:
            candidate = candidates[index]
            if spent + candidate.price > limits.budget:
                continue
            if candidate.tier in most and counts[candidate.tier] >= (most[candidate.tier] or 0):
                continue
            value = _gain(problem, sums, candidate) / max(candidate.price, 1)
            if value > best_value:
                best, best_value = index, value
        if best < 0:
            break
        chosen.append(best)
        left.discard(best)
        spent += candidates[best].price
        if candidates[best].tier in counts:
            counts[candidates[best].tier] += 1
        for country, reached in candidates[best].reached.items():
            if country in sums:
                sums[country] += weight(reached, problem.people[country])
    return tuple(sorted(chosen))


def _sums(problem: Problem, chosen: Iterable[int]) -> dict[str, float]:
    sums = dict.fromkeys(problem.people, 0.0)
    for index in chosen:
        for country, reached in problem.candidates[index].reached.items():
            if country in sums:
                sums[country] += weight(reached, problem.people[country])
    return sums


def _gain(problem: Problem, sums: Mapping[str, float], candidate: Candidate) -> float:
    gain = 0.0
    for country, reached in candidate.reached.items():
        if country in sums:
            people = problem.people[country]
            gain += people * math.exp(-sums[country]) * -math.expm1(-weight(reached, people))
    return gain


def _required_problems(problem: Problem, cap: int) -> list[Violation]:
    known = {candidate.creator: candidate for candidate in problem.candidates}
    found = []
    for creator in sorted(problem.limits.required):
        candidate = known.get(creator)
        if candidate is None:
            found.append(
                Violation("required_creators", f"{creator} is not among the candidates: the filter leaves it out")
            )
        elif candidate.price > cap:
            found.append(
                Violation("required_creators", f"{creator} costs {candidate.price}, more than the {cap} allowed")
            )
    return found


def _tier_problems(candidates: Sequence[Candidate], limits: Limits) -> list[Violation]:
    found = []
    for index, limit in enumerate(limits.tiers):
        available = sum(candidate.tier == limit.tier for candidate in candidates)
        needed = sum(c.tier == limit.tier and c.creator in limits.required for c in candidates)
        if limit.most is not None and limit.least > limit.most:
            found.append(
                Violation(f"tiers[{index}].max_creators", f"{limit.most} is less than the {limit.least} at least")
            )
        elif limit.least > available:
            found.append(
                Violation(
                    f"tiers[{index}].min_creators", f"{limit.least} {limit.tier} creators wanted, {available} there"
                )
            )
        if limit.most is not None and needed > limit.most:
            found.append(
                Violation(f"tiers[{index}].max_creators", f"{needed} of the required creators are {limit.tier}")
            )
    total = sum(limit.least for limit in limits.tiers)
    if limits.most is not None and max(total, len(limits.required)) > limits.most:
        wanted = max(total, len(limits.required))
        found.append(
            Violation("max_creators", f"{wanted} creators are demanded by other limits, more than {limits.most}")
        )
    return found


def _cost_problems(candidates: Sequence[Candidate], limits: Limits) -> list[Violation]:
    """Whether even the cheapest set that the other limits demand costs too much."""
    taken = [candidate for candidate in candidates if candidate.creator in limits.required]
    for limit in limits.tiers:
        missing = limit.least - sum(candidate.tier == limit.tier for candidate in taken)
        others = sorted(
            (c for c in candidates if c.tier == limit.tier and c.creator not in limits.required), key=lambda c: c.price
        )
        taken += others[: max(0, missing)]
    cost = sum(candidate.price for candidate in taken)
    if cost > limits.budget:
        return [Violation("budget", f"the cheapest set that is demanded costs {cost}, in minor units")]
    return []
