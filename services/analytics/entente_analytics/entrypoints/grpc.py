"""The gRPC API: who may call what, whose resources they are, and the messages of the use cases."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from entente.analytics.v1 import service_pb2 as pb
from entente.analytics.v1 import service_pb2_grpc
from entente.type.v1 import type_pb2
from entente_analytics.adapters import messages
from entente_analytics.adapters.qr import qr_code
from entente_analytics.adapters.reports import (
    campaign_kpis_message,
    comparison_message,
    progress_message,
    report_message,
)
from entente_analytics.application import queries
from entente_analytics.application.commands import content, links, rollups, sales
from entente_analytics.application.commands.sales import Visit
from entente_analytics.application.ports import ClickArchive
from entente_analytics.application.stores import Stores
from entente_analytics.domain import orders
from entente_analytics.domain.audience import Audience
from entente_analytics.domain.campaigns import Campaign, Collaboration
from entente_analytics.domain.clicks import ClickIds
from entente_analytics.domain.content import Figures
from entente_analytics.domain.links import Destination, TrackedLink, Utm
from entente_analytics.domain.reports import Dimension
from entente_analytics.domain.rollups import Clicks
from entente_analytics.metrics import conversions, refunds
from entente_chassis.clock import Clock, to_millisecond
from entente_chassis.money import Money
from entente_chassis.protomap import from_proto
from entente_chassis.refusal import NotFound
from entente_chassis.rpc import Access, Caller, Role, current_caller, new_id, request_key
from entente_chassis.store.model import Outcome

_QR_SCALE = 8
_BRAND = frozenset({Role.BRAND, Role.AGENCY, Role.OPERATOR, Role.SERVICE})
_BRAND_OR_CREATOR = _BRAND | {Role.CREATOR}

ACCESS: Access = {
    "CreateTrackedLink": _BRAND,
    "GetTrackedLink": _BRAND_OR_CREATOR,
    "ListTrackedLinks": _BRAND_OR_CREATOR,
    "GetTrackedLinkQrCode": _BRAND_OR_CREATOR,
    "CreatePromoCode": _BRAND,
    "RecordConversion": _BRAND,
    "RecordRefund": _BRAND,
    "ReportContentMetrics": _BRAND_OR_CREATOR,
    "GetCampaignKpis": _BRAND,
    "GetObjectiveProgress": _BRAND,
    "GetCampaignReport": _BRAND,
    "ExplainAttribution": _BRAND,
    "RecomputeAttribution": _BRAND,
    "GetCampaignComparison": _BRAND,
    "RebuildFigures": frozenset({Role.OPERATOR}),
}


class AnalyticsServicer(service_pb2_grpc.AnalyticsServiceServicer):
    """Serves AnalyticsService.

    Args:
        stores: the aggregates.
        ids: reads click ids; asked for at each call, since the key is made at the start.
        archive: the raw clicks.
        clock: the domain's clock.
        public_url: where the redirect is reached from outside.
    """

    def __init__(
        self, stores: Stores, ids: Callable[[], ClickIds], archive: ClickArchive, clock: Clock, public_url: str
    ) -> None:
        self._stores = stores
        self._ids = ids
        self._archive = archive
        self._clock = clock
        self._public_url = public_url

    async def CreateTrackedLink(self, request: pb.CreateTrackedLinkRequest, context: Any) -> pb.TrackedLink:
        asked = request.tracked_link
        collaboration = await self._collaboration(asked.collaboration, creators=False)
        key = request_key(request)
        outcome = await links.create_tracked_link(
            self._stores,
            collaboration,
            new_id=new_id(key),
            destination=Destination(asked.destination_url, asked.ios_url, asked.android_url),
            utm=from_proto(Utm, asked.utm),
            window=timedelta(days=asked.attribution_window_days),
            deliverable=asked.deliverable,
            public_url=self._public_url,
            request=key,
            now=self._clock.now(),
        )
        return messages.tracked_link(outcome, Clicks(), self._public_url)

    async def GetTrackedLink(self, request: pb.GetTrackedLinkRequest, context: Any) -> pb.TrackedLink:
        outcome = await self._link(request.name)
        clicks = await queries.clicks_of(self._stores, [outcome.state])
        return messages.tracked_link(outcome, clicks[outcome.state.name], self._public_url)

    async def GetTrackedLinkQrCode(self, request: pb.GetTrackedLinkQrCodeRequest, context: Any) -> pb.QrCode:
        url = (await self._link(request.name)).state.short_url(self._public_url)
        kind = "png" if request.format == pb.QR_CODE_FORMAT_PNG else "svg"
        content_type = {"png": "image/png", "svg": "image/svg+xml"}[kind]
        picture = qr_code(url, kind=kind, scale=request.scale or _QR_SCALE)
        return pb.QrCode(short_url=url, content_type=content_type, picture=picture)

    async def ListTrackedLinks(self, request: pb.ListTrackedLinksRequest, context: Any) -> pb.ListTrackedLinksResponse:
        if "/collaborations/" in request.parent:
            await self._collaboration(request.parent, creators=True)
        else:
            await self._campaign(request.parent)
        page, token = await queries.list_links(
            self._stores, request.parent, page_size=request.page_size, page_token=request.page_token
        )
        clicks = await queries.clicks_of(self._stores, [outcome.state for outcome in page])
        return pb.ListTrackedLinksResponse(
            tracked_links=[
                messages.tracked_link(outcome, clicks[outcome.state.name], self._public_url) for outcome in page
            ],
            next_page_token=token,
        )

    async def CreatePromoCode(self, request: pb.CreatePromoCodeRequest, context: Any) -> pb.PromoCode:
        asked = request.promo_code
        collaboration = await self._collaboration(asked.collaboration, creators=False)
        outcome = await links.create_promo_code(
            self._stores,
            collaboration,
            code=asked.code,
            deliverable=asked.deliverable,
            valid_from=_time(asked.valid_from_time) if asked.HasField("valid_from_time") else None,
            valid_until=_time(asked.valid_until_time) if asked.HasField("valid_until_time") else None,
            request=request_key(request),
            now=self._clock.now(),
        )
        return messages.promo_code(outcome)

    async def RecordConversion(self, request: pb.RecordConversionRequest, context: Any) -> pb.Conversion:
        _require_brand(request.brand)
        outcome = await sales.record_conversion(
            self._stores,
            self._ids(),
            brand=request.brand,
            order_id=request.order_id,
            amount=_money(request.amount),
            ordered_at=_time(request.order_time),
            visits=[
                Visit(
                    touch.click_id, touch.link_code, _time(touch.touch_time) if touch.HasField("touch_time") else None
                )
                for touch in request.touches
            ],
            promo_code=request.promo_code,
            new_customer=request.new_customer if request.HasField("new_customer") else None,
            request=request_key(request),
            now=self._clock.now(),
        )
        if outcome.applied:
            won = outcome.state.attribution
            conversions.labels(won.rule.value.lower() if won else "none").inc()
        return messages.conversion(outcome)

    async def RecordRefund(self, request: pb.RecordRefundRequest, context: Any) -> pb.Conversion:
        _require_brand(request.brand)
        outcome = await sales.record_refund(
            self._stores,
            brand=request.brand,
            order_id=request.order_id,
            refund_id=request.refund_id,
            amount=_money(request.amount),
            at=_time(request.refund_time),
            request=request_key(request),
            now=self._clock.now(),
        )
        refunds.inc(outcome.applied)
        return messages.conversion(outcome)

    async def ReportContentMetrics(self, request: pb.ReportContentMetricsRequest, context: Any) -> pb.ContentMetrics:
        collaboration = await self._collaboration(request.collaboration, creators=True)
        platform = type_pb2.Platform.Name(request.platform).removeprefix("PLATFORM_") if request.platform else ""
        outcome = await content.report_content_metrics(
            self._stores,
            collaboration,
            url=request.post_url,
            platform=platform,
            figures=from_proto(Figures, request.figures),
            at=_time(request.measure_time),
            audience=from_proto(Audience, request.audience) if request.HasField("audience") else None,
            request=request_key(request),
            now=self._clock.now(),
        )
        return messages.content_metrics(outcome.state, outcome.etag)

    async def GetCampaignKpis(self, request: pb.GetCampaignKpisRequest, context: Any) -> pb.CampaignKpis:
        campaign = await self._campaign(request.campaign)
        now = self._clock.now()
        report = await queries.campaign_report(self._stores, campaign, now)
        return campaign_kpis_message(report, now)

    async def GetObjectiveProgress(self, request: pb.GetObjectiveProgressRequest, context: Any) -> pb.ObjectiveProgress:
        campaign = await self._campaign(request.campaign)
        now = self._clock.now()
        progress, estimated = await queries.objective_progress(self._stores, campaign, now)
        return progress_message(campaign, progress, estimated, now)

    async def GetCampaignReport(self, request: pb.GetCampaignReportRequest, context: Any) -> pb.CampaignReport:
        campaign = await self._campaign(request.campaign)
        now = self._clock.now()
        return report_message(await queries.campaign_report(self._stores, campaign, now), now)

    async def ExplainAttribution(
        self, request: pb.ExplainAttributionRequest, context: Any
    ) -> pb.AttributionExplanation:
        outcome = await self._stores.orders.get(request.name)
        if outcome is None or not current_caller().acts_for_brand(outcome.state.brand):
            raise _not_found("Order", request.name)
        return pb.AttributionExplanation(
            conversion=messages.conversion(outcome),
            candidates=[messages.candidate(judged) for judged in orders.explain(outcome.state)],
            summary=orders.summary(outcome.state),
        )

    async def RecomputeAttribution(
        self, request: pb.RecomputeAttributionRequest, context: Any
    ) -> pb.RecomputeAttributionResponse:
        _require_brand(request.brand)
        days = request.attribution_window_days
        done = await sales.recompute_attribution(
            self._stores,
            brand=request.brand,
            start=_time(request.start_time),
            end=_time(request.end_time),
            window=timedelta(days=days) if days else None,
            validate_only=request.validate_only,
            now=self._clock.now(),
        )
        return pb.RecomputeAttributionResponse(
            order_count=done.orders,
            changed_count=done.changed,
            changes=[messages.attribution_change(before, after) for before, after in done.changes],
        )

    async def GetCampaignComparison(
        self, request: pb.GetCampaignComparisonRequest, context: Any
    ) -> pb.GetCampaignComparisonResponse:
        _require_brand(request.brand)
        name = pb.ComparisonDimension.Name(request.dimension).removeprefix("COMPARISON_DIMENSION_")
        found, campaigns = await queries.compare_campaigns(
            self._stores, request.brand, Dimension(name), request.currency_code
        )
        return pb.GetCampaignComparisonResponse(
            comparisons=[comparison_message(each) for each in found], campaign_count=campaigns
        )

    async def RebuildFigures(self, request: pb.RebuildFiguresRequest, context: Any) -> pb.RebuildFiguresResponse:
        campaign = await self._campaign(request.campaign)
        done = await rollups.rebuild(self._stores, self._archive, campaign.name, self._clock.now())
        return pb.RebuildFiguresResponse(
            bucket_count=done.buckets,
            changed_count=done.changed,
            unarchived_clicks=done.unarchived,
            archived_clicks=done.archived,
            order_count=done.orders,
        )

    async def _link(self, name: str) -> Outcome[TrackedLink]:
        outcome = await self._stores.links.get(name)
        caller = current_caller()
        if outcome is None or not (
            caller.acts_for_brand(outcome.state.owner.brand) or caller.acts_for_creator(outcome.state.owner.creator)
        ):
            raise _not_found("Tracked link", name)
        return outcome

    async def _campaign(self, name: str) -> Campaign:
        outcome = await self._stores.campaigns.get(name)
        if outcome is None or not current_caller().acts_for_brand(outcome.state.brand):
            raise _not_found("Campaign", name)
        return outcome.state

    async def _collaboration(self, name: str, *, creators: bool) -> Collaboration:
        outcome = await self._stores.collaborations.get(name)
        if outcome is None or not _may_see(current_caller(), outcome.state, creators):
            raise _not_found("Collaboration", name)
        return outcome.state


def _may_see(caller: Caller, collaboration: Collaboration, creators: bool) -> bool:
    return caller.acts_for_brand(collaboration.brand) or (creators and caller.acts_for_creator(collaboration.creator))


def _require_brand(brand: str) -> None:
    if not current_caller().acts_for_brand(brand):
        raise _not_found("Brand", brand)


def _not_found(what: str, name: str) -> NotFound:
    # The same answer for what is not there, what is another's, and what was made a moment ago and is still on its way.
    return NotFound(
        "NOT_FOUND", f"{what} {name} does not exist; if it was just made, try again in a moment.", resource=name
    )


def _time(timestamp: Timestamp) -> datetime:
    return to_millisecond(timestamp.ToDatetime(tzinfo=UTC))


def _money(amount: type_pb2.Money) -> Money:
    return Money(amount.currency_code, amount.minor_units)
