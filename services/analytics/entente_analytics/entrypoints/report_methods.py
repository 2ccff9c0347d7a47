"""The methods of figures and reports."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from entente.analytics.v1 import service_pb2 as pb
from entente_analytics.adapters.exports import PIECE, as_csv, as_parquet
from entente_analytics.adapters.page import page
from entente_analytics.adapters.reports import (
    campaign_kpis_message,
    comparison_message,
    progress_message,
    report_message,
)
from entente_analytics.application import queries
from entente_analytics.application.commands import rollups
from entente_analytics.domain.campaigns import Campaign
from entente_analytics.domain.reports import Dimension, figure_rows
from entente_analytics.entrypoints.methods import Methods, require_brand


class ReportMethods(Methods):
    """Figures and reports."""

    async def GetCampaignKpis(self, request: pb.GetCampaignKpisRequest, context: Any) -> pb.CampaignKpis:
        campaign = await self.campaign(request.campaign)
        now = self.clock.now()
        report = await queries.campaign_report(self.stores, campaign, now)
        return campaign_kpis_message(report, now)

    async def GetObjectiveProgress(self, request: pb.GetObjectiveProgressRequest, context: Any) -> pb.ObjectiveProgress:
        campaign = await self.campaign(request.campaign)
        now = self.clock.now()
        progress, estimated = await queries.objective_progress(self.stores, campaign, now)
        return progress_message(campaign, progress, estimated, now)

    async def GetCampaignReport(self, request: pb.GetCampaignReportRequest, context: Any) -> pb.CampaignReport:
        campaign = await self.campaign(request.campaign)
        now = self.clock.now()
        return report_message(await queries.campaign_report(self.stores, campaign, now), now)

    async def GetCampaignComparison(
        self, request: pb.GetCampaignComparisonRequest, context: Any
    ) -> pb.GetCampaignComparisonResponse:
        require_brand(request.brand)
        name = pb.ComparisonDimension.Name(request.dimension).removeprefix("COMPARISON_DIMENSION_")
        found, campaigns = await queries.compare_campaigns(
            self.stores, request.brand, Dimension(name), request.currency_code
        )
        return pb.GetCampaignComparisonResponse(
            comparisons=[comparison_message(each) for each in found], campaign_count=campaigns
        )

    async def RebuildFigures(self, request: pb.RebuildFiguresRequest, context: Any) -> pb.RebuildFiguresResponse:
        campaign = await self.campaign(request.campaign)
        done = await rollups.rebuild(self.stores, self.archive, campaign.name, self.clock.now())
        return pb.RebuildFiguresResponse(
            bucket_count=done.buckets,
            changed_count=done.changed,
            unarchived_clicks=done.unarchived,
            archived_clicks=done.archived,
            order_count=done.orders,
        )

    async def GetReportPage(self, request: pb.GetReportPageRequest, context: Any) -> AsyncIterator[pb.ReportChunk]:
        report = await self._report(await self.campaign(request.campaign))
        made = await asyncio.to_thread(page, report)
        for chunk in _pieces(made.encode()):
            yield chunk

    async def ExportFigures(self, request: pb.ExportFiguresRequest, context: Any) -> AsyncIterator[pb.ReportChunk]:
        campaign = await self.campaign(request.campaign)
        facts = await queries.load_facts(self.stores, campaign.name)
        rows = await asyncio.to_thread(figure_rows, facts)
        make = as_parquet if request.format == pb.EXPORT_FORMAT_PARQUET else as_csv
        for piece in await asyncio.to_thread(lambda: list(make(rows))):
            for chunk in _pieces(piece):
                yield chunk

    async def _report(self, campaign: Campaign) -> pb.CampaignReport:
        now = self.clock.now()
        return report_message(await queries.campaign_report(self.stores, campaign, now), now)


def _pieces(data: bytes) -> list[pb.ReportChunk]:
    return [pb.ReportChunk(chunk=data[start : start + PIECE]) for start in range(0, len(data), PIECE)]
