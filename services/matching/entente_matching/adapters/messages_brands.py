"""What is a brand's own, and plans, as answers; and requests for plans as the domain's values."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from entente.matching.v1 import service_pb2 as pb
from entente.type.v1 import type_pb2
from entente_chassis.money import Money
from entente_chassis.protomap import to_proto
from entente_chassis.refusal import Invalid, Violation
from entente_chassis.store import Outcome
from entente_matching.application.rosters import PROVEN, Plan
from entente_matching.domain import planning
from entente_matching.domain.advice import Advice
from entente_matching.domain.again import Suggestion
from entente_matching.domain.authenticity import Authenticity
from entente_matching.domain.reference import Benchmarks
from entente_matching.domain.relations import Relation
from entente_matching.domain.roster import Limits, TierLimit
from entente_matching.domain.shortlists import Addition
from entente_matching.domain.words import Platform


def relation_message(found: Outcome[Relation]) -> pb.Relation:
    """What a brand keeps about a creator."""
    relation = found.state
    message = pb.Relation(name=found.id, creator=relation.creator, favourite=relation.favourite)
    if found.version:
        message.etag = found.etag
        message.update_time.FromDatetime(relation.updated_at)
    if relation.ban is not None:
        message.ban.reason = relation.ban.reason
        message.ban.create_time.FromDatetime(relation.ban.at)
    for note in relation.notes:
        message.notes.add(note_id=note.id, text=note.text).create_time.FromDatetime(note.at)
    return message


def addition_messages(results: Iterable[tuple[str, Addition]]) -> list[pb.ShortlistAdditionResult]:
    """What became of each creator."""
    return [
        pb.ShortlistAdditionResult(
            creator=creator, addition=pb.ShortlistAddition.Value(f"SHORTLIST_ADDITION_{addition}")
        )
        for creator, addition in results
    ]


def suggestion_message(found: Suggestion) -> pb.WorkAgain:
    """A creator to work with again."""
    return pb.WorkAgain(
        creator=found.creator,
        past_performance=to_proto(pb.PastPerformance, found.past, strict=True),
        score_hundredths=round(found.value * 10_000),
        reasons=found.reasons,
    )


def advice_message(advised: Iterable[Advice]) -> pb.PlatformAdvice:
    """One or two platforms."""
    return pb.PlatformAdvice(
        platforms=[
            pb.AdvisedPlatform(
                platform=type_pb2.Platform.Value(f"PLATFORM_{each.platform}"), points=each.points, reasons=each.reasons
            )
            for each in advised
        ]
    )


def benchmarks_message(benchmarks: Benchmarks, platform: Platform | None) -> pb.ListBenchmarksResponse:
    """The benchmarks in force."""
    chosen = [one for one in benchmarks if platform in (None, one.platform)]
    chosen.sort(key=lambda one: (one.metric, one.platform, one.min_followers, one.max_followers or 1 << 60))
    return pb.ListBenchmarksResponse(
        benchmarks=[
            pb.Benchmark(
                metric=one.metric,
                platform=type_pb2.Platform.Value(f"PLATFORM_{one.platform}"),
                min_followers=one.min_followers,
                max_followers=one.max_followers,
                creators=one.count,
                source=one.source,
                percentiles=[pb.Percentile(share=share, value=value) for share, value in one.percentiles],
            )
            for one in chosen
        ]
    )


def authenticity_message(found: Authenticity) -> pb.Authenticity:
    """A score with its evidence."""
    message = pb.Authenticity(
        score=found.score,
        computed_score=found.computed,
        confidence=pb.Confidence.Value(f"CONFIDENCE_{found.confidence}"),
        evidence=[
            pb.AuthenticityEvidence(
                signal=pb.AuthenticitySignal.Value(f"AUTHENTICITY_SIGNAL_{each.signal}"),
                value=each.value,
                points_hundredths=each.points_hundredths,
                max_points_hundredths=each.max_points_hundredths,
                evidence=each.line,
            )
            for each in found.evidence
        ],
        formula_version=found.formula_version,
    )
    if found.override is not None and found.override.score is not None:
        message.override.score, message.override.reason = found.override.score, found.override.reason
        message.override.create_time.FromDatetime(found.override.at)
    return message


def read_limits(request: pb.PlanRosterRequest, tiers: Sequence[str]) -> Limits:
    """The limits of a plan.

    Raises:
        Invalid: a size band is unknown or given twice, or the budget buys nothing.
    """
    names = [limit.tier for limit in request.tiers]
    found = [
        Violation(f"tiers[{index}].tier", f"{name!r} is not a tier: they are {', '.join(tiers)}")
        for index, name in enumerate(names)
        if name not in tiers
    ]
    found += [
        Violation(f"tiers[{index}].tier", f"{name!r} is given twice")
        for index, name in enumerate(names)
        if name in names[:index]
    ]
    if request.budget.minor_units <= 0:
        found.append(Violation("budget.minor_units", "must be more than 0"))
    if found:
        raise Invalid("ROSTER_INVALID", "Some limits of the roster are not valid.", violations=found)
    return Limits(
        budget=request.budget.minor_units,
        most=request.max_creators or None,
        price_cap=request.max_price_minor_units if request.HasField("max_price_minor_units") else None,
        tiers=tuple(
            TierLimit(limit.tier, limit.min_creators, limit.max_creators if limit.HasField("max_creators") else None)
            for limit in request.tiers
        ),
        required=frozenset(request.required_creators),
    )


def roster_message(plan: Plan, budget: Money) -> pb.Roster:
    """A roster, with what it rests on."""
    message = pb.Roster(
        reach_in_target=round(plan.reach),
        reach_with_overlap=round(sum(pick.reach for pick in plan.picks)),
        cost=_money(budget.currency_code, plan.cost),
        reach_bound=round(plan.bound),
        gap=plan.gap,
        optimal=plan.gap <= PROVEN,
        candidates=plan.candidates,
        assumptions=[
            *(f"{round(people):,} people of the target can be reached in {c}" for c, people in plan.people.items()),
            f"where no market is given: {planning.REACHABLE:.0%} of the people of the target's ages and genders",
            "audiences overlap as if by chance within a country",
            *([f"{plan.without_price} creators without a price are left out"] if plan.without_price else []),
        ],
    )
    message.solve_duration.FromTimedelta(timedelta(seconds=plan.seconds))
    for pick in plan.picks:
        profile = pick.match.profile
        message.picks.add(
            creator=profile.creator,
            display_name=profile.display_name,
            platform=type_pb2.Platform.Value(f"PLATFORM_{profile.platform}") if profile.platform else None,
            tier=profile.tier,
            price_minor_units=pick.candidate.price,
            price_assumed=pick.candidate.price_assumed,
            reach_in_target=round(pick.reach),
            marginal_reach=round(pick.gain),
            assumptions=pick.candidate.reach_assumed,
        )
    for other, reach in sorted(plan.alternatives.items()):
        message.alternatives.add(
            budget=_money(budget.currency_code, other),
            reach_in_target=round(reach),
            difference=round(reach) - round(plan.reach),
        )
    return message


def _money(currency: str, minor_units: int) -> type_pb2.Money:
    return type_pb2.Money(currency_code=currency, minor_units=minor_units)
