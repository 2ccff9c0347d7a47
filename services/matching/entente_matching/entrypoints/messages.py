"""Requests as the domain's values, and the domain's values as answers."""

from collections.abc import Iterable
from datetime import UTC

from entente.matching.v1 import service_pb2 as pb
from entente.type.v1 import type_pb2
from entente_chassis.protomap import from_proto, to_proto
from entente_chassis.store import Outcome
from entente_matching.application.commands import ImportResult
from entente_matching.application.queries import Match, SearchPage
from entente_matching.domain.creators import (
    FIGURES,
    NO_AUDIENCE,
    Account,
    Audience,
    Creator,
    Observation,
    Snapshot,
)
from entente_matching.domain.feedback import PastPerformance
from entente_matching.domain.figures import (
    basis_of,
    comparisons,
    engagement_rate,
    follower_growth_30d,
    latest_followers,
)
from entente_matching.domain.filters import CreatorFilter, Exclusion
from entente_matching.domain.fit import Brief, FitScore, Target
from entente_matching.domain.profiles import Profile
from entente_matching.domain.reference import Reference
from entente_matching.domain.shortlists import Shortlist
from entente_matching.domain.words import Platform

# -- requests ---------------------------------------------------------------------------------------------------------


def read_platform(number: int) -> Platform | None:
    """A platform; nothing when it is not said."""
    return Platform(type_pb2.Platform.Name(number).removeprefix("PLATFORM_")) if number else None  # type: ignore[arg-type]


def read_snapshot(message: pb.MetricSnapshot) -> Snapshot:
    """A measurement; what is not set is not in its figures."""
    figures = {name: float(getattr(message, name)) for name in sorted(FIGURES) if message.HasField(name)}  # type: ignore[arg-type]
    return Snapshot(message.measure_time.ToDatetime(tzinfo=UTC), figures)


def read_observation(request: pb.RecordMetricsRequest) -> Observation:
    """What a creator or an importer has measured."""
    snapshot = read_snapshot(request.metrics)
    platform = read_platform(request.platform)
    assert platform is not None, "the rules of the request say so"
    audience = from_proto(Audience, request.audience) if request.HasField("audience") else NO_AUDIENCE
    return Observation(at=snapshot.at, platform=platform, figures=snapshot.figures, audience=audience)


def read_accounts(accounts: Iterable[pb.PlatformAccount]) -> tuple[Account, ...]:
    """The accounts that a creator is registered with."""
    return tuple(
        Account(
            platform=Platform(type_pb2.Platform.Name(account.platform).removeprefix("PLATFORM_")),
            handle=account.handle.removeprefix("@"),
            audience=from_proto(Audience, account.audience) if account.HasField("audience") else NO_AUDIENCE,
            history=(read_snapshot(account.metrics),) if account.HasField("metrics") else (),
        )
        for account in accounts
    )


def read_filter(message: pb.CreatorFilter) -> CreatorFilter:
    """What creators are looked for."""
    return from_proto(CreatorFilter, message)


def read_brief(message: pb.MatchBrief) -> Brief:
    """What creators are matched against."""
    return Brief(
        target=from_proto(Target, message.target_audience),
        categories=tuple(message.categories),
        platforms=tuple(platform for number in message.platforms if (platform := read_platform(number))),
    )


# -- answers ----------------------------------------------------------------------------------------------------------


def creator_message(
    found: Outcome[Creator], past: PastPerformance | None, reference: Reference, *, history: bool
) -> pb.Creator:
    """A creator, with the history of its metrics or without."""
    creator = found.state
    return to_proto(
        pb.Creator,
        {
            "name": found.id,
            "etag": found.etag,
            "create_time": creator.created_at,
            "update_time": creator.updated_at,
            "display_name": creator.display_name,
            "company": creator.company,
            "country": creator.country,
            "languages": creator.languages,
            "categories": creator.categories,
            "verified": creator.verified,
            "accounts": [_account(account, reference, history=history) for account in creator.accounts],
            "past_performance": past,
        },
        strict=True,
    )


def match_message(match: Match) -> pb.CreatorMatch:
    """A creator on a page of results."""
    profile = match.profile
    return to_proto(
        pb.CreatorMatch,
        {
            "creator": profile.creator,
            "display_name": profile.display_name,
            "platform": profile.platform,
            "country": profile.country,
            "categories": profile.categories,
            "tier": profile.tier,
            "followers": profile.followers,
            "engagement_rate": profile.engagement_rate,
            "engagement_basis": profile.engagement_basis,
            "main_audience_country": profile.main_audience_country,
            "verified": profile.verified,
            "fit": match.fit,
        },
        strict=True,
    )


def search_message(page: SearchPage) -> pb.SearchCreatorsResponse:
    """A page of results."""
    return to_proto(
        pb.SearchCreatorsResponse,
        {
            "matches": [match_message(match) for match in page.matches],
            "next_page_token": page.next_page_token,
            "total_size": page.found.total,
            "facets": [
                {"field": facet.field, "values": [{"value": value, "count": n} for value, n in facet.values]}
                for facet in page.found.facets
            ],
            "unknown_audience": page.found.unknown_audience,
            "index_time": page.found.seen_until,
        },
        strict=True,
    )


def score_message(profile: Profile, fit: FitScore) -> pb.ScoreCreatorResponse:
    """How well a creator fits, and what the caller needs to know of it."""
    return to_proto(
        pb.ScoreCreatorResponse,
        {
            "creator": profile.creator,
            "display_name": profile.display_name,
            "country": profile.country,
            "platform": profile.platform,
            "handle": profile.handle,
            "followers": profile.followers,
            "tier": profile.tier,
            "audience": profile.audience if profile.audience != NO_AUDIENCE else None,
            "fit": fit,
            "average_views": profile.average_views,
            "languages": profile.languages,
        },
        strict=True,
    )


def exclusion_message(profile: Profile, exclusions: list[Exclusion]) -> pb.ExplainExclusionResponse:
    """Why a creator is not among the results."""
    return to_proto(
        pb.ExplainExclusionResponse,
        {
            "creator": profile.creator,
            "matches": not exclusions,
            "platform": profile.platform,
            "exclusions": exclusions,
        },
        strict=True,
    )


def import_message(result: ImportResult) -> pb.ImportCreatorsResponse:
    """What came of an import."""
    rejects = [reject._asdict() for reject in result.rejects]
    return to_proto(pb.ImportCreatorsResponse, vars(result) | {"rejects": rejects}, strict=True)


def shortlist_message(found: Outcome[Shortlist]) -> pb.Shortlist:
    """A shortlist."""
    shortlist = found.state
    return to_proto(
        pb.Shortlist,
        {
            "name": found.id,
            "etag": found.etag,
            "create_time": shortlist.created_at,
            "update_time": shortlist.updated_at,
            "display_name": shortlist.display_name,
            "description": shortlist.description,
            "creators": shortlist.creators,
        },
        strict=True,
    )


def _account(account: Account, reference: Reference, *, history: bool) -> dict[str, object]:
    compared = comparisons(account, reference.benchmarks) if history else []
    return {
        "platform": account.platform,
        "handle": account.handle,
        "audience": account.audience if account.audience != NO_AUDIENCE else None,
        "metrics": _snapshot(account.platform, account.latest) if account.latest else None,
        "history": [_snapshot(account.platform, snapshot) for snapshot in account.history] if history else [],
        "tier": reference.tiers.of(latest_followers(account)),
        "follower_growth_30d": follower_growth_30d(account),
        "benchmarks": [
            {
                "metric": each.metric,
                "value": each.value,
                "population": each.benchmark.population,
                "percentile": each.percentile,
            }
            | {f"p{round(share * 100)}": value for share, value in each.benchmark.percentiles}
            for each in compared
        ],
    }


def _snapshot(platform: Platform, snapshot: Snapshot) -> dict[str, object]:
    rate = engagement_rate(platform, snapshot)
    figures: dict[str, object] = {
        name: int(value) if name in _WHOLE else value for name, value in snapshot.figures.items()
    }
    return figures | {
        "measure_time": snapshot.at,
        "engagement_rate": rate,
        "engagement_basis": basis_of(platform) if rate is not None else None,
    }


_WHOLE = {"followers", "following", "posts", "posts_sampled", "sponsored_posts"}
