"""The methods of tracked links and promo codes."""

from datetime import timedelta
from typing import Any

from entente.analytics.v1 import service_pb2 as pb
from entente_analytics.adapters import messages
from entente_analytics.adapters.qr import qr_code
from entente_analytics.application import queries
from entente_analytics.application.commands import links
from entente_analytics.domain.links import Destination, Utm
from entente_analytics.domain.rollups import Clicks
from entente_analytics.entrypoints.methods import Methods, time_of
from entente_chassis.protomap import from_proto
from entente_chassis.rpc import new_id, request_key

_QR_SCALE = 8


class LinkMethods(Methods):
    """Tracked links and promo codes."""

    async def CreateTrackedLink(self, request: pb.CreateTrackedLinkRequest, context: Any) -> pb.TrackedLink:
        asked = request.tracked_link
        collaboration = await self.collaboration(asked.collaboration, creators=False)
        key = request_key(request)
        outcome = await links.create_tracked_link(
            self.stores,
            collaboration,
            new_id=new_id(key),
            destination=Destination(asked.destination_url, asked.ios_url, asked.android_url),
            utm=from_proto(Utm, asked.utm),
            window=timedelta(days=asked.attribution_window_days),
            deliverable=asked.deliverable,
            public_url=self.public_url,
            request=key,
            now=self.clock.now(),
        )
        return messages.tracked_link(outcome, Clicks(), self.public_url)

    async def GetTrackedLink(self, request: pb.GetTrackedLinkRequest, context: Any) -> pb.TrackedLink:
        outcome = await self.link(request.name)
        clicks = await queries.clicks_of(self.stores, [outcome.state])
        return messages.tracked_link(outcome, clicks[outcome.state.name], self.public_url)

    async def GetTrackedLinkQrCode(self, request: pb.GetTrackedLinkQrCodeRequest, context: Any) -> pb.QrCode:
        url = (await self.link(request.name)).state.short_url(self.public_url)
        kind = "png" if request.format == pb.QR_CODE_FORMAT_PNG else "svg"
        content_type = {"png": "image/png", "svg": "image/svg+xml"}[kind]
        picture = qr_code(url, kind=kind, scale=request.scale or _QR_SCALE)
        return pb.QrCode(short_url=url, content_type=content_type, picture=picture)

    async def ListTrackedLinks(self, request: pb.ListTrackedLinksRequest, context: Any) -> pb.ListTrackedLinksResponse:
        await self.parent(request.parent)
        page, token = await queries.list_links(
            self.stores, request.parent, page_size=request.page_size, page_token=request.page_token
        )
        clicks = await queries.clicks_of(self.stores, [outcome.state for outcome in page])
        return pb.ListTrackedLinksResponse(
            tracked_links=[
                messages.tracked_link(outcome, clicks[outcome.state.name], self.public_url) for outcome in page
            ],
            next_page_token=token,
        )

    async def CreatePromoCode(self, request: pb.CreatePromoCodeRequest, context: Any) -> pb.PromoCode:
        asked = request.promo_code
        collaboration = await self.collaboration(asked.collaboration, creators=False)
        outcome = await links.create_promo_code(
            self.stores,
            collaboration,
            code=asked.code,
            deliverable=asked.deliverable,
            valid_from=time_of(asked.valid_from_time) if asked.HasField("valid_from_time") else None,
            valid_until=time_of(asked.valid_until_time) if asked.HasField("valid_until_time") else None,
            request=request_key(request),
            now=self.clock.now(),
        )
        return messages.promo_code(outcome)

    async def GeneratePromoCodes(
        self, request: pb.GeneratePromoCodesRequest, context: Any
    ) -> pb.GeneratePromoCodesResponse:
        campaign = await self.campaign(request.campaign)
        made, aside = await links.generate_promo_codes(
            self.stores,
            campaign.name,
            pattern=request.pattern,
            valid_from=time_of(request.valid_from_time) if request.HasField("valid_from_time") else None,
            valid_until=time_of(request.valid_until_time) if request.HasField("valid_until_time") else None,
            now=self.clock.now(),
        )
        return pb.GeneratePromoCodesResponse(
            promo_codes=[messages.promo_code(outcome) for outcome in made],
            set_aside=[messages.set_aside(one) for one in aside],
        )

    async def ListPromoCodes(self, request: pb.ListPromoCodesRequest, context: Any) -> pb.ListPromoCodesResponse:
        await self.parent(request.parent)
        page, token = await links.list_promo_codes(
            self.stores, request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListPromoCodesResponse(
            promo_codes=[messages.promo_code(outcome) for outcome in page], next_page_token=token
        )
