"""Files of shops and platforms are read as they are; what is wrong in them is named, and the rest is taken."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from entente.analytics.v1 import service_pb2 as pb
from entente_analytics.domain.campaigns import PublishedPost
from entente_analytics.domain.metric_files import post_key
from entente_chassis.rpc import to_refusal
from entente_chassis.store.model import Change

FILES = Path(__file__).parent / "files"
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
ANNA, BELA = (f"campaigns/spring/collaborations/{name}" for name in ("anna", "bela"))

# The columns of Shopify's export of orders, in part; each further article of an order has a row with little in it.
SHOPIFY = (FILES / "shopify_orders.csv").read_text()
# The table that WooCommerce's analytics of orders downloads.
WOO_ANALYTICS = (FILES / "woocommerce_analytics_orders.csv").read_text()
# What the usual export plug-ins write.
WOO_PLUGIN = (FILES / "woocommerce_plugin_orders.csv").read_text()
INSTAGRAM = (FILES / "instagram_posts.csv").read_text()


async def chunks(first: Any, text: str, size: int = 100) -> AsyncIterator[Any]:
    data = text.encode()
    first.chunk = data[:size]
    yield first
    for start in range(size, len(data), size):
        yield type(first)(chunk=data[start : start + size])


async def import_orders(service: Any, text: str, **given: Any) -> pb.ImportOrdersResponse:
    first = pb.ImportOrdersRequest(brand="brands/maison", **given)
    done: pb.ImportOrdersResponse = await service.stub().ImportOrders(chunks(first, text))
    return done


@pytest.fixture(autouse=True)
async def code(service: Any) -> None:
    await service.stub().CreatePromoCode(
        pb.CreatePromoCodeRequest(promo_code=pb.PromoCode(code="ANNA10", collaboration=ANNA))
    )


async def total(service: Any) -> pb.Kpis:
    found = await service.stub().GetCampaignKpis(pb.GetCampaignKpisRequest(campaign="campaigns/spring"))
    kpis: pb.Kpis = found.total
    return kpis


async def test_shopifys_orders_are_taken_as_they_are_and_twice_is_once(service: Any) -> None:
    told = await import_orders(service, SHOPIFY, validate_only=True)
    nothing = await total(service)
    done = await import_orders(service, SHOPIFY)
    again = await import_orders(service, SHOPIFY)

    assert nothing.conversions == 0
    assert (told.recorded_count, told.refund_count) == (done.recorded_count, done.refund_count) == (3, 1)
    assert (again.recorded_count, again.repeated_count, again.refund_count) == (0, 3, 0)
    assert [(one.row, one.column, one.reason) for one in done.set_aside] == [
        (5, "Financial Status", "NOT_PAID"),
        (6, "Subtotal", "AMOUNT_AMBIGUOUS"),
        (7, "Currency", "CURRENCY_MISSING"),
        (8, "Name", "ROW_REPEATED"),
        (9, "Created at", "TIME_IN_THE_FUTURE"),
    ]
    kpis = await total(service)
    assert (kpis.conversions, kpis.revenue.minor_units) == (2, 4_990 + 6_000)


async def test_a_refund_of_a_later_export_adds_what_is_new_of_it(service: Any) -> None:
    await import_orders(service, SHOPIFY)

    later = await import_orders(service, SHOPIFY.replace("40.00,5002", "70.00,5002"))

    assert later.refund_count == 1
    assert (await total(service)).revenue.minor_units == 4_990 + 3_000


@pytest.mark.parametrize(("text", "currency", "recorded"), [(WOO_ANALYTICS, "EUR", 2), (WOO_PLUGIN, "", 1)])
async def test_woocommerces_orders_are_taken_as_they_are(service: Any, text: str, currency: str, recorded: int) -> None:
    done = await import_orders(service, text, currency_code=currency)

    assert (done.recorded_count, done.attributed_count) == (recorded, 1)


async def test_a_file_of_which_nothing_is_known_is_refused(service: Any) -> None:
    for text in ("a,b\n1,2\n", "   "):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await import_orders(service, text)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_figures_of_an_export_go_to_the_posts_of_the_campaign_and_the_rest_is_set_aside(service: Any) -> None:
    def published(state: Any) -> Any:
        urls = ("https://instagram.com/p/AAA", "https://instagram.com/p/BBB")
        return Change(replace(state, posts=tuple(PublishedPost(url, "reel-1", START) for url in urls)))

    await service.stores.collaborations.change(ANNA, published)
    first = pb.ImportContentMetricsRequest(campaign="campaigns/spring")

    done = await service.stub().ImportContentMetrics(chunks(first, INSTAGRAM))

    assert (done.recorded_count, done.set_aside_count) == (1, 3)
    assert [(one.row, one.column, one.reason) for one in done.set_aside] == [
        (3, "", "POST_UNKNOWN"),
        (4, "Views", "COUNT_MALFORMED"),
        (5, "Permalink", "ROW_REPEATED"),
    ]
    report = await service.stub().GetCampaignReport(pb.GetCampaignReportRequest(campaign="campaigns/spring"))
    assert (report.kpis.total.views, report.kpis.total.reach, report.posts[0].deliverable) == (12_345, 10_000, "reel-1")
    assert [(day.day, day.count) for day in report.mentions] == [("2026-03-01", 2)]
    (deliverable,) = report.kpis.deliverables
    assert (deliverable.deliverable, deliverable.kpis.views) == ("reel-1", 12_345)


async def test_a_total_that_only_grows_and_fell_is_refused_unless_it_is_a_correction_which_is_kept(
    service: Any,
) -> None:
    request = pb.ReportContentMetricsRequest(
        collaboration=ANNA, post_url="https://p.example/1", figures=pb.ContentFigures(views=100, likes=10)
    )
    request.measure_time.FromDatetime(START - timedelta(days=2))
    await service.stub().ReportContentMetrics(request)
    request.measure_time.FromDatetime(START)
    request.figures.views, request.figures.likes = 90, 5

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await service.stub().ReportContentMetrics(request)
    request.correction = True
    corrected = await service.stub().ReportContentMetrics(request)

    refusal = to_refusal(caught.value)
    assert (refusal.reason, [v.field for v in refusal.violations]) == ("COUNTER_FELL", ["figures.views"])
    assert [(one.figure, one.before, one.after) for one in corrected.corrections] == [("views", 100, 90)]


@pytest.mark.parametrize(
    "address",
    [
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ&t=3",
        "https://youtu.be/dQw4w9WgXcQ",
        "https://m.youtube.com/shorts/dQw4w9WgXcQ",
        "dQw4w9WgXcQ",
    ],
)
def test_addresses_of_one_video_are_one_post(address: str) -> None:
    assert post_key(address) == "youtube/dQw4w9WgXcQ"


async def test_codes_of_a_pattern_are_unique_keep_their_owner_and_do_not_look_alike(service: Any) -> None:
    def named(name: str) -> Any:
        return lambda state: Change(replace(state, creator_display_name=name))

    await service.stores.collaborations.change(ANNA, named("Zoé L."))
    await service.stores.collaborations.change(BELA, named("ZOEL"))
    request = pb.GeneratePromoCodesRequest(campaign="campaigns/spring", pattern="{handle}15")

    made = await service.stub().GeneratePromoCodes(request)
    again = await service.stub().GeneratePromoCodes(request)

    assert [(each.code, each.creator) for each in made.promo_codes] == [
        ("ZOEL15", "creators/anna"),
        ("ZOELX15", "creators/bela"),
    ]
    assert again == made
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await service.stub().CreatePromoCode(
            pb.CreatePromoCodeRequest(promo_code=pb.PromoCode(code="ANNAIO", collaboration=BELA))
        )
    assert to_refusal(caught.value).reason == "PROMO_CODE_LOOKS_ALIKE"
    listed = await service.stub().ListPromoCodes(pb.ListPromoCodesRequest(parent="campaigns/spring"))
    assert sorted(each.code for each in listed.promo_codes) == ["ANNA10", "ZOEL15", "ZOELX15"]
