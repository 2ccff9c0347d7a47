"""Requests as the domain's values, and the domain's values as answers."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date
from enum import StrEnum
from typing import Any

from google.protobuf.unknown_fields import UnknownFieldSet

from entente.matching.v1 import service_pb2 as pb
from entente.type.v1 import type_pb2
from entente_chassis.money import Money
from entente_chassis.protomap import from_proto, to_proto
from entente_chassis.refusal import Invalid, Violation
from entente_chassis.store import Outcome
from entente_matching.adapters.messages_brands import authenticity_message
from entente_matching.application.commands import ImportResult
from entente_matching.application.searching import Match, SearchPage
from entente_matching.domain.authenticity import judge
from entente_matching.domain.creators import (
    FIGURES,
    NO_AUDIENCE,
    NO_OFFER,
    Account,
    Audience,
    Creator,
    Observation,
    Offer,
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
from entente_matching.domain.words import Confidence, EngagementBasis, Feature, FitFactor, Platform

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


def read_offer(message: pb.Offer) -> Offer:
    """What a creator offers.

    Raises:
        Invalid: a day is not one of the calendar.
    """
    wrong = [
        Violation(f"offer.{name}", f"{day} is not a day of the calendar")
        for name in ("available_from", "available_until")
        if (day := getattr(message, name)) and not _is_day(day)
    ]
    if wrong:
        raise Invalid("OFFER_INVALID", "Some fields of the offer are not valid.", violations=wrong)
    return from_proto(Offer, message)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def read_filter(message: pb.CreatorFilter, path: str = "filter") -> CreatorFilter:
    """What creators are looked for.

    Raises:
        Invalid: it holds a field that is not known here, or a date that is none.
    """
    wrong = [*_unknown_fields(message, path), *_wrong_dates(message, path)]
    if wrong:
        raise Invalid("FILTER_INVALID", "Some fields of the filter are not valid.", violations=wrong)
    return from_proto(CreatorFilter, message)


def _parts(message: pb.CreatorFilter, path: str) -> Iterator[tuple[str, pb.CreatorFilter]]:
    yield path, message
    for joint in ("all_of", "any_of", "none_of"):
        for index, child in enumerate(getattr(message, joint)):
            yield from _parts(child, f"{path}.{joint}[{index}]")


def _unknown_fields(message: pb.CreatorFilter, path: str) -> Iterator[Violation]:
    """A demand of a newer caller must not be dropped in silence: it would find those that it should not."""
    for where, part in _parts(message, path):
        of_demands = [(f"{where}.audience[{at}]", demand) for at, demand in enumerate(part.audience)]
        for place, each in [(where, part), *of_demands]:
            unknown = UnknownFieldSet(each)
            for number in range(len(unknown)):
                yield Violation(f"{place}.{unknown[number].field_number}", "is a field that this version does not know")


def _wrong_dates(message: pb.CreatorFilter, path: str) -> Iterator[Violation]:
    for where, part in _parts(message, path):
        if part.available_on and not _is_day(part.available_on):
            yield Violation(f"{where}.available_on", f"{part.available_on} is not a day of the calendar")


def read_brief(message: pb.MatchBrief) -> Brief:
    """What creators are matched against."""
    return Brief(
        target=from_proto(Target, message.target_audience),
        categories=tuple(message.categories),
        platforms=tuple(platform for number in message.platforms if (platform := read_platform(number))),
        budget=from_proto(Money, message.budget) if message.HasField("budget") else None,
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
            "accounts": [_account(creator, account, reference, history=history) for account in creator.accounts],
            "past_performance": past,
            "offer": creator.offer if creator.offer != NO_OFFER else None,
        },
        strict=True,
    )


def match_message(match: Match) -> pb.CreatorMatch:
    """A creator on a page of results. Written out field by field: a page has up to a thousand of them."""
    profile = match.profile
    message = pb.CreatorMatch(
        creator=profile.creator,
        display_name=profile.display_name,
        platform=_PLATFORMS.get(profile.platform, 0),
        country=profile.country,
        categories=profile.categories,
        tier=profile.tier,
        followers=profile.followers,
        engagement_rate=profile.engagement_rate,
        engagement_basis=_BASES.get(profile.engagement_basis, 0),
        main_audience_country=profile.main_audience_country,
        verified=profile.verified,
        authenticity=None if profile.authenticity is None else profile.authenticity * 100,
    )
    if profile.last_active is not None:
        message.last_active_time.FromDatetime(profile.last_active)
    if profile.price_minor is not None:
        message.price.currency_code, message.price.minor_units = profile.currency, profile.price_minor
    if match.fit is not None:
        _fill_fit(message.fit, match.fit)
    if match.similarity is not None:
        message.similarity.score_hundredths = match.similarity.score_hundredths
        for likened in match.similarity.features:
            message.similarity.features.add(
                feature=_FEATURES[likened.feature],
                points_hundredths=likened.points_hundredths,
                max_points_hundredths=likened.max_points_hundredths,
                value=likened.value,
                evidence=likened.evidence,
            )
    return message


def _fill_fit(message: pb.FitScore, fit: FitScore) -> None:
    message.score_hundredths = fit.score_hundredths
    message.confidence = _CONFIDENCES[fit.confidence]
    message.formula_version = fit.formula_version
    for term in fit.contributions:
        message.contributions.add(
            factor=_FACTORS[term.factor],
            points_hundredths=term.points_hundredths,
            max_points_hundredths=term.max_points_hundredths,
            value=term.value,
            evidence=term.evidence,
            assumed=term.assumed,
        )
    for each in fit.missing:
        message.missing.add(factor=_FACTORS[each.factor], information=each.information)


def _numbers(enum: Any, words: type[StrEnum], prefix: str) -> dict[Any, Any]:
    return {word: enum.Value(f"{prefix}_{word}") for word in words}


_PLATFORMS = _numbers(type_pb2.Platform, Platform, "PLATFORM")
_BASES = _numbers(pb.EngagementBasis, EngagementBasis, "ENGAGEMENT_BASIS")
_FACTORS = _numbers(pb.FitFactor, FitFactor, "FIT_FACTOR")
_FEATURES = _numbers(pb.Feature, Feature, "FEATURE")
_CONFIDENCES = _numbers(pb.Confidence, Confidence, "CONFIDENCE")


def search_message(page: SearchPage) -> pb.SearchCreatorsResponse:
    """A page of results."""
    message = pb.SearchCreatorsResponse(
        matches=[match_message(match) for match in page.matches],
        next_page_token=page.next_page_token,
        total_size=page.found.total,
        facets=[
            pb.Facet(field=facet.field, values=[pb.FacetValue(value=value, count=n) for value, n in facet.values])
            for facet in page.found.facets
        ],
        unknown_audience=page.found.unknown_audience,
    )
    if page.found.seen_until is not None:
        message.index_time.FromDatetime(page.found.seen_until)
    return message


def lookalikes_message(page: SearchPage) -> pb.ListLookalikesResponse:
    """A page of lookalikes."""
    return pb.ListLookalikesResponse(
        matches=[match_message(match) for match in page.matches],
        next_page_token=page.next_page_token,
        total_size=page.found.total,
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


def _account(creator: Creator, account: Account, reference: Reference, *, history: bool) -> dict[str, object]:
    compared = comparisons(account, reference.benchmarks) if history else []
    return {
        "platform": account.platform,
        "handle": account.handle,
        "audience": account.audience if account.audience != NO_AUDIENCE else None,
        "metrics": _snapshot(account.platform, account.latest) if account.latest else None,
        "history": [_snapshot(account.platform, snapshot) for snapshot in account.history] if history else [],
        "tier": reference.tiers.of(latest_followers(account)),
        "authenticity": authenticity_message(judge(creator, account, reference)) if history else None,
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
