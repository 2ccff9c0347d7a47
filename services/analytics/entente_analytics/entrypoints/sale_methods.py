"""The methods of sales and their attribution."""

import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from entente.analytics.v1 import service_pb2 as pb
from entente_analytics.adapters import messages
from entente_analytics.application.commands import sales, shops
from entente_analytics.application.commands.sales import Visit
from entente_analytics.domain import orders
from entente_analytics.domain.order_files import OrderExport
from entente_analytics.entrypoints.files import received
from entente_analytics.entrypoints.methods import Methods, money_of, not_found, require_brand, time_of
from entente_analytics.metrics import conversions, refunds, rows_set_aside
from entente_chassis.rpc import current_caller, request_key


class SaleMethods(Methods):
    """Sales and their attribution."""

    async def RecordConversion(self, request: pb.RecordConversionRequest, context: Any) -> pb.Conversion:
        require_brand(request.brand)
        outcome = await sales.record_conversion(
            self.stores,
            self.ids(),
            brand=request.brand,
            order_id=request.order_id,
            amount=money_of(request.amount),
            ordered_at=time_of(request.order_time),
            visits=[
                Visit(
                    touch.click_id, touch.link_code, time_of(touch.touch_time) if touch.HasField("touch_time") else None
                )
                for touch in request.touches
            ],
            promo_code=request.promo_code,
            new_customer=request.new_customer if request.HasField("new_customer") else None,
            request=request_key(request),
            now=self.clock.now(),
        )
        if outcome.applied:
            won = outcome.state.attribution
            conversions.labels(won.rule.value.lower() if won else "none").inc()
        return messages.conversion(outcome)

    async def RecordRefund(self, request: pb.RecordRefundRequest, context: Any) -> pb.Conversion:
        require_brand(request.brand)
        outcome = await sales.record_refund(
            self.stores,
            brand=request.brand,
            order_id=request.order_id,
            refund_id=request.refund_id,
            amount=money_of(request.amount),
            at=time_of(request.refund_time),
            request=request_key(request),
            now=self.clock.now(),
        )
        refunds.inc(outcome.applied)
        return messages.conversion(outcome)

    async def ExplainAttribution(
        self, request: pb.ExplainAttributionRequest, context: Any
    ) -> pb.AttributionExplanation:
        outcome = await self.stores.orders.get(request.name)
        if outcome is None or not current_caller().acts_for_brand(outcome.state.brand):
            raise not_found("Order", request.name)
        return pb.AttributionExplanation(
            conversion=messages.conversion(outcome),
            candidates=[messages.candidate(judged) for judged in orders.explain(outcome.state)],
            summary=orders.summary(outcome.state),
        )

    async def RecomputeAttribution(
        self, request: pb.RecomputeAttributionRequest, context: Any
    ) -> pb.RecomputeAttributionResponse:
        require_brand(request.brand)
        days = request.attribution_window_days
        done = await sales.recompute_attribution(
            self.stores,
            brand=request.brand,
            start=time_of(request.start_time),
            end=time_of(request.end_time),
            window=timedelta(days=days) if days else None,
            validate_only=request.validate_only,
            now=self.clock.now(),
        )
        return pb.RecomputeAttributionResponse(
            order_count=done.orders,
            changed_count=done.changed,
            changes=[messages.attribution_change(before, after) for before, after in done.changes],
        )

    async def RotatePostbackSecret(self, request: pb.RotatePostbackSecretRequest, context: Any) -> pb.PostbackSecret:
        require_brand(request.brand)
        shop = await shops.rotate_postback_secret(
            self.stores,
            request.brand,
            secrets.token_bytes(24),
            request=request_key(request),
            now=self.clock.now(),
        )
        return messages.postback_secret(shop, self.public_url)

    async def ImportOrders(
        self, request_iterator: AsyncIterator[pb.ImportOrdersRequest], context: Any
    ) -> pb.ImportOrdersResponse:
        first, text = await received(request_iterator)
        require_brand(first.brand)
        name = pb.OrderExport.Name(first.export).removeprefix("ORDER_EXPORT_")
        done = await shops.import_orders(
            self.stores,
            self.ids(),
            brand=first.brand,
            text=text,
            export=OrderExport(name) if first.export else None,
            currency=first.currency_code,
            validate_only=first.validate_only,
            now=self.clock.now(),
        )
        for one in done.aside:
            rows_set_aside.labels("orders", one.reason).inc()
        return pb.ImportOrdersResponse(
            recorded_count=done.recorded,
            repeated_count=done.repeated,
            refund_count=done.refunds,
            attributed_count=done.attributed,
            set_aside=[messages.set_aside(one) for one in done.aside[: shops.SET_ASIDE_TOLD]],
            set_aside_count=len(done.aside),
        )
