"""The methods of what posts measured and what people said of them."""

from collections.abc import AsyncIterator
from typing import Any

from entente.analytics.v1 import service_pb2 as pb
from entente_analytics.adapters import messages
from entente_analytics.application.commands import content
from entente_analytics.application.commands.shops import SET_ASIDE_TOLD
from entente_analytics.domain.audience import Audience
from entente_analytics.domain.content import Figures
from entente_analytics.entrypoints.files import received
from entente_analytics.entrypoints.methods import Methods, platform_of, time_of
from entente_analytics.metrics import rows_set_aside
from entente_chassis.protomap import from_proto
from entente_chassis.rpc import request_key


class ContentMethods(Methods):
    """What posts measured, and comments."""

    async def ReportContentMetrics(self, request: pb.ReportContentMetricsRequest, context: Any) -> pb.ContentMetrics:
        collaboration = await self.collaboration(request.collaboration, creators=True)
        outcome = await content.report_content_metrics(
            self.stores,
            collaboration,
            url=request.post_url,
            platform=platform_of(request.platform),
            figures=from_proto(Figures, request.figures),
            at=time_of(request.measure_time),
            audience=from_proto(Audience, request.audience) if request.HasField("audience") else None,
            deliverable=request.deliverable,
            correction=request.correction,
            request=request_key(request),
            now=self.clock.now(),
        )
        return messages.content_metrics(outcome.state, outcome.etag)

    async def ImportContentMetrics(
        self, request_iterator: AsyncIterator[pb.ImportContentMetricsRequest], context: Any
    ) -> pb.ImportContentMetricsResponse:
        first, text = await received(request_iterator)
        campaign = await self.campaign(first.campaign)
        now = self.clock.now()
        done = await content.import_content_metrics(
            self.stores,
            campaign.name,
            text=text,
            platform=platform_of(first.platform),
            at=time_of(first.measure_time) if first.HasField("measure_time") else now,
            now=now,
        )
        for one in done.aside:
            rows_set_aside.labels("metrics", one.reason).inc()
        return pb.ImportContentMetricsResponse(
            recorded_count=done.recorded,
            repeated_count=done.repeated,
            set_aside=[messages.set_aside(one) for one in done.aside[:SET_ASIDE_TOLD]],
            set_aside_count=len(done.aside),
        )

    async def FetchContentMetrics(
        self, request: pb.FetchContentMetricsRequest, context: Any
    ) -> pb.FetchContentMetricsResponse:
        campaign = await self.campaign(request.campaign)
        done = await content.fetch_content_metrics(self.stores, self.connectors, campaign.name, now=self.clock.now())
        return pb.FetchContentMetricsResponse(
            recorded_count=done.recorded,
            repeated_count=done.repeated,
            set_aside=[messages.set_aside(one) for one in done.aside],
        )

    async def RecordComments(self, request: pb.RecordCommentsRequest, context: Any) -> pb.RecordCommentsResponse:
        collaboration = await self.collaboration(request.collaboration, creators=True)
        post, new = await content.record_comments(
            self.stores,
            collaboration,
            url=request.post_url,
            comments=[(c.id, c.text, c.language, time_of(c.publish_time)) for c in request.comments],
            request=request_key(request),
            now=self.clock.now(),
        )
        return pb.RecordCommentsResponse(new_count=new, total=messages.sentiment(post.total))
