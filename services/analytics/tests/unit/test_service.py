"""The API over aggregates in memory: who may do what, what is done once, and what comes out."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import httpx
import pytest

from entente.analytics.v1 import service_pb2 as pb
from entente.type.v1 import type_pb2
from entente_analytics.application.commands import objectives, sales
from entente_analytics.application.redirect import DailySalt, LinkBook, Redirect, TakenClick, Visit
from entente_analytics.application.reports import ShopReports
from entente_analytics.domain.clicks import DayVisitors, Verdict
from entente_analytics.entrypoints.http import redirect_app
from entente_chassis.auth import Role
from entente_chassis.rpc import to_refusal

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
ANNA, BELA = (f"campaigns/spring/collaborations/{name}" for name in ("anna", "bela"))
PHONE = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"


def euros(units: int) -> type_pb2.Money:
    return type_pb2.Money(currency_code="EUR", minor_units=units)


def conversion(order_id: str, units: int, at: datetime, **given: Any) -> pb.RecordConversionRequest:
    request = pb.RecordConversionRequest(brand="brands/maison", order_id=order_id, amount=euros(units), **given)
    request.order_time.FromDatetime(at)
    return request


def refund(order_id: str, refund_id: str, units: int) -> pb.RecordRefundRequest:
    request = pb.RecordRefundRequest(brand="brands/maison", order_id=order_id, refund_id=refund_id, amount=euros(units))
    request.refund_time.FromDatetime(START)
    return request


def new_link(collaboration: str = ANNA, request_id: str = "") -> pb.CreateTrackedLinkRequest:
    link = pb.TrackedLink(collaboration=collaboration, destination_url="https://shop.example/p?id=1")
    return pb.CreateTrackedLinkRequest(tracked_link=link, request_id=request_id)


def new_code(code: str, collaboration: str = ANNA) -> pb.CreatePromoCodeRequest:
    return pb.CreatePromoCodeRequest(promo_code=pb.PromoCode(code=code, collaboration=collaboration))


async def reason_of(call: Any) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return to_refusal(caught.value).reason


async def test_the_same_request_makes_one_link(service: Any) -> None:
    stub = service.stub()

    first = await stub.CreateTrackedLink(new_link(request_id="r1"))
    again = await stub.CreateTrackedLink(new_link(request_id="r1"))
    other = await stub.CreateTrackedLink(new_link(request_id="r2"))

    assert first == again
    assert first.name != other.name
    assert first.short_url == f"https://go.example/r/{first.name.removeprefix('trackedLinks/')}"
    assert (first.brand, first.creator, first.attribution_window_days) == ("brands/maison", "creators/anna", 30)
    assert await reason_of(stub.CreateTrackedLink(new_link(BELA, "r1"))) == "REQUEST_ID_REUSED"


async def test_links_are_listed_by_the_page_with_their_clicks(service: Any) -> None:
    stub = service.stub()
    names = {(await stub.CreateTrackedLink(new_link())).name for _ in range(5)}
    seen: list[str] = []
    token = ""
    while True:
        page = await stub.ListTrackedLinks(
            pb.ListTrackedLinksRequest(parent="campaigns/spring", page_size=2, page_token=token)
        )
        seen += [link.name for link in page.tracked_links]
        token = page.next_page_token
        if not token:
            break

    assert sorted(names) == sorted(seen)


async def test_another_brand_finds_nothing(service: Any) -> None:
    link = await service.stub().CreateTrackedLink(new_link())
    order = await service.stub().RecordConversion(conversion("1", 100, START))
    other = service.stub(brands=("brands/autre",))

    for call in (
        other.CreateTrackedLink(new_link()),
        other.GetTrackedLink(pb.GetTrackedLinkRequest(name=link.name)),
        other.ListTrackedLinks(pb.ListTrackedLinksRequest(parent="campaigns/spring")),
        other.CreatePromoCode(new_code("X1")),
        other.RecordConversion(conversion("2", 100, START)),
        other.RecordRefund(refund("1", "r", 1)),
        other.GetCampaignKpis(pb.GetCampaignKpisRequest(campaign="campaigns/spring")),
        other.GetObjectiveProgress(pb.GetObjectiveProgressRequest(campaign="campaigns/spring")),
        other.GetCampaignReport(pb.GetCampaignReportRequest(campaign="campaigns/spring")),
        other.ExplainAttribution(pb.ExplainAttributionRequest(name=order.name)),
    ):
        assert await reason_of(call) == "NOT_FOUND"


async def test_a_creator_sees_own_links_reports_own_posts_and_nothing_of_others(service: Any) -> None:
    mine = await service.stub().CreateTrackedLink(new_link(ANNA))
    others = await service.stub().CreateTrackedLink(new_link(BELA))
    anna = service.stub(Role.CREATOR, creators=("creators/anna",))

    assert (await anna.GetTrackedLink(pb.GetTrackedLinkRequest(name=mine.name))).name == mine.name
    assert len((await anna.ListTrackedLinks(pb.ListTrackedLinksRequest(parent=ANNA))).tracked_links) == 1
    assert await reason_of(anna.GetTrackedLink(pb.GetTrackedLinkRequest(name=others.name))) == "NOT_FOUND"
    assert await reason_of(anna.ListTrackedLinks(pb.ListTrackedLinksRequest(parent=BELA))) == "NOT_FOUND"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anna.CreateTrackedLink(new_link(ANNA))
    assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_an_order_is_one_sale_however_often_it_is_reported_and_by_whatever_request(service: Any) -> None:
    stub = service.stub()
    link = await stub.CreateTrackedLink(new_link())
    code = link.name.removeprefix("trackedLinks/")
    touch = pb.Touch(click_id=service.ids.make(code, START, "1a"))
    at = START + timedelta(days=2, microseconds=123_456)
    service.clock.advance(timedelta(days=2))

    answers = await asyncio.gather(
        *(stub.RecordConversion(conversion("#A 1", 5_000, at, touches=[touch], request_id=f"r{n}")) for n in range(8))
    )

    assert {answer.name for answer in answers} == {answers[0].name}
    assert answers[0].attribution.collaboration == ANNA
    kpis = await stub.GetCampaignKpis(pb.GetCampaignKpisRequest(campaign="campaigns/spring"))
    assert (kpis.total.conversions, kpis.total.revenue.minor_units) == (1, 5_000)
    assert await reason_of(stub.RecordConversion(conversion("#A 1", 5_001, at))) == "ORDER_ALREADY_RECORDED"


async def test_orders_whose_ids_differ_only_in_case_are_two_sales(service: Any) -> None:
    stub = service.stub()

    names = {
        (await stub.RecordConversion(conversion(order_id, 100, START))).name for order_id in ("a-1", "A-1", "a-1 ")
    }

    assert len(names) == 3


async def test_a_refund_counts_once_and_never_beyond_the_order(service: Any) -> None:
    stub = service.stub()
    await stub.CreatePromoCode(new_code("ANNA10"))
    await stub.RecordConversion(conversion("1", 5_000, START, promo_code="anna10"))

    await stub.RecordRefund(refund("1", "r1", 2_000))
    again = await stub.RecordRefund(refund("1", "r1", 2_000))

    assert (again.net_amount, again.refunded_amount) == (euros(3_000), euros(2_000))
    assert await reason_of(stub.RecordRefund(refund("1", "r1", 2_001))) == "REFUND_ALREADY_RECORDED"
    assert await reason_of(stub.RecordRefund(refund("1", "r2", 3_001))) == "REFUND_EXCEEDS_ORDER"
    early = await stub.RecordRefund(refund("2", "r1", 1))
    assert (early.recorded, early.refunded_amount) == (False, euros(1))


async def test_a_promo_code_belongs_to_one_collaboration_of_the_brand_in_any_spelling(service: Any) -> None:
    stub = service.stub()
    made = await stub.CreatePromoCode(new_code("Anna10"))

    assert made.name == "brands/maison/promoCodes/anna10"
    assert await reason_of(stub.CreatePromoCode(new_code("ANNA10", BELA))) == "PROMO_CODE_TAKEN"


async def test_a_sale_before_its_promo_code_is_kept_and_attributed_when_the_code_comes(service: Any) -> None:
    stub = service.stub()
    before = await stub.RecordConversion(conversion("1", 5_000, START, promo_code="ANNA10"))
    promo = await stub.CreatePromoCode(new_code("anna10"))

    await sales.settle_promo_code(service.stores, promo.name, START)

    assert not before.HasField("attribution")
    explained = await stub.ExplainAttribution(pb.ExplainAttributionRequest(name=before.name))
    assert explained.conversion.attribution.collaboration == ANNA
    assert explained.candidates[0].verdict == pb.CANDIDATE_VERDICT_WON
    assert (await service.stores.promo_codes.get(promo.name)).state.settle_at is None


async def test_an_explanation_names_every_candidate(service: Any) -> None:
    stub = service.stub()
    links = [await stub.CreateTrackedLink(new_link(name)) for name in (ANNA, BELA)]
    codes = [link.name.removeprefix("trackedLinks/") for link in links]
    service.clock.advance(timedelta(days=10))
    order = await stub.RecordConversion(
        conversion(
            "1",
            5_000,
            START + timedelta(days=10),
            touches=[
                pb.Touch(click_id=service.ids.make(codes[0], START + timedelta(days=1), "1a")),
                pb.Touch(click_id=service.ids.make(codes[1], START + timedelta(days=3), "2b")),
                pb.Touch(click_id="forged.0.0.aaaa"),
            ],
        )
    )

    explained = await stub.ExplainAttribution(pb.ExplainAttributionRequest(name=order.name))

    assert [candidate.verdict for candidate in explained.candidates] == [
        pb.CANDIDATE_VERDICT_WON,
        pb.CANDIDATE_VERDICT_BEATEN_BY_LATER_CLICK,
        pb.CANDIDATE_VERDICT_FORGED_CLICK,
    ]
    assert explained.candidates[0].collaboration == BELA
    assert BELA in explained.summary


async def test_the_report_holds_figures_objective_funnel_costs_and_posts(service: Any) -> None:
    stub = service.stub()
    link = await stub.CreateTrackedLink(new_link())
    touch = pb.Touch(link_code=link.name.removeprefix("trackedLinks/"))
    service.clock.advance(timedelta(days=2))
    await stub.RecordConversion(conversion("1", 5_000, START + timedelta(days=1), touches=[touch], new_customer=True))
    measured = pb.ReportContentMetricsRequest(
        collaboration=ANNA,
        post_url="https://instagram.example/p/1",
        figures=pb.ContentFigures(reach=1_001, impressions=2_000, likes=30),
    )
    measured.measure_time.FromDatetime(START + timedelta(days=2))
    await service.stub(Role.CREATOR, creators=("creators/anna",)).ReportContentMetrics(measured)
    service.clock.advance(timedelta(days=18))

    report = await stub.GetCampaignReport(pb.GetCampaignReportRequest(campaign="campaigns/spring"))

    total = report.kpis.total
    assert (total.reach, total.reach_in_target, total.reach_in_target_estimated) == (1_001, 500, False)
    assert (total.revenue, total.cost, total.roi_basis_points) == (euros(5_000), euros(4_000), 2_500)
    assert not total.HasField("views")
    assert (report.objective.value, report.objective.pace_basis_points) == (5_000, 10_000)
    assert report.objective.status == pb.OBJECTIVE_STATUS_ON_TRACK
    assert report.objective.currency_code == "EUR"
    assert [(row.creator_display_name, row.kpis.HasField("clicks")) for row in report.kpis.creators] == [
        ("Anna", True),
        ("Bela", False),
    ]
    assert [day.day for day in report.kpis.days] == ["2026-03-02", "2026-03-03"]
    assert [(step.step, step.count) for step in report.funnel][-3:] == [
        ("COMPLETED", 0),
        ("CLICKS", 0),
        ("CONVERSIONS", 1),
    ]
    assert sum(line.total.minor_units for line in report.costs) == total.cost.minor_units
    assert [post.figures.likes for post in report.posts] == [30]
    assert report.notes


async def test_an_objective_is_told_when_it_is_met_and_when_a_refund_takes_that_back(service: Any) -> None:
    stub = service.stub()
    await stub.CreatePromoCode(new_code("ANNA10"))
    watch = "campaigns/spring/objective"

    async def look() -> str:
        due = [name for name, _ in await service.stores.watches.due(service.clock.now(), 10)]
        assert due == [watch]
        await objectives.evaluate_objective(
            service.stores, watch, now=service.clock.now(), again_after=timedelta(days=1), in_target_threshold=0
        )
        return str((await service.stores.watches.require(watch, what="Objective")).state.status)

    service.clock.advance(timedelta(days=20))
    await stub.RecordConversion(conversion("1", 10_000, START, promo_code="anna10"))
    assert await look() == "MET"
    await stub.RecordRefund(refund("1", "r1", 9_000))
    assert await look() == "AT_RISK"
    service.clock.advance(timedelta(days=20))
    assert await look() == "MISSED"
    assert await service.stores.watches.due(service.clock.now(), 10) == []

    outbox = (await service.stores.watches.documents.load(watch))["outbox"]
    assert [entry["type"].rpartition(".")[2] for entry in outbox] == ["ObjectiveStatusChanged"] * 3


async def test_clicks_are_redirected_judged_and_numbered(service: Any) -> None:
    link = await service.stub().CreateTrackedLink(new_link())
    code = link.name.removeprefix("trackedLinks/")
    kept: list[TakenClick] = []

    async def keep(taken: TakenClick) -> None:
        kept.append(taken)

    redirect = Redirect(
        LinkBook(service.stores),
        lambda: service.ids,
        DailySalt(service.stores),
        DayVisitors(10),
        "1a",
        keep,
        service.clock,
    )
    transport = httpx.ASGITransport(
        redirect_app(redirect, ShopReports(service.stores, lambda: service.ids, service.clock), trusted_proxies=1)
    )
    async with httpx.AsyncClient(transport=transport, base_url="https://go.example") as web:

        async def follow(address: str, user_agent: str = PHONE) -> httpx.Response:
            headers = {"user-agent": user_agent, "x-forwarded-for": f"203.0.113.9, {address}"}
            return await web.get(f"/r/{code}", headers=headers)

        answers = [
            await follow("192.0.2.1"),
            await follow("192.0.2.1"),
            await follow("192.0.2.2"),
            await follow("192.0.2.1", "Googlebot/2.1"),
        ]
        missing = await web.get("/r/nothing")

    assert [answer.status_code for answer in answers] == [302] * 4
    assert missing.status_code == 404
    assert answers[0].headers["location"].startswith("https://shop.example/p?id=1&utm_source=instagram&")
    assert answers[0].headers["cache-control"] == "no-store"
    assert [taken.click.verdict for taken in kept] == [
        Verdict.COUNTED,
        Verdict.REPEAT,
        Verdict.COUNTED,
        Verdict.BOT,
    ]
    assert [taken.click.n for taken in kept] == [1, 2, 3, 4]
    click_id = answers[0].headers["location"].rpartition("entente_click=")[2]
    assert service.ids.read(click_id) == (code, START)


async def test_a_click_that_the_disk_does_not_take_still_sends_the_visitor_on(service: Any) -> None:
    link = await service.stub().CreateTrackedLink(new_link())

    async def keep(taken: TakenClick) -> None:
        raise OSError(28, "No space left on device")

    redirect = Redirect(
        LinkBook(service.stores),
        lambda: service.ids,
        DailySalt(service.stores),
        DayVisitors(10),
        "1a",
        keep,
        service.clock,
    )

    location = await redirect.follow(link.name.removeprefix("trackedLinks/"), Visit("GET", "192.0.2.1", PHONE, ""))

    assert location is not None


async def test_bad_requests_name_their_fields(service: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await service.stub().RecordConversion(pb.RecordConversionRequest(brand="nobody", amount=euros(0)))

    refusal = to_refusal(caught.value)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert {violation.field for violation in refusal.violations} >= {"brand", "order_id", "amount", "order_time"}


async def test_a_links_qr_code_is_a_picture_of_its_address(service: Any) -> None:
    stub = service.stub()
    link = await stub.CreateTrackedLink(new_link())

    lines = await stub.GetTrackedLinkQrCode(pb.GetTrackedLinkQrCodeRequest(name=link.name))
    points = await stub.GetTrackedLinkQrCode(
        pb.GetTrackedLinkQrCodeRequest(name=link.name, format=pb.QR_CODE_FORMAT_PNG)
    )

    assert (lines.short_url, lines.content_type) == (link.short_url, "image/svg+xml")
    assert b"<svg" in lines.picture
    assert points.picture.startswith(b"\x89PNG")


async def test_the_sales_of_a_period_are_attributed_with_another_window_once_and_only_told_when_asked_so(
    service: Any,
) -> None:
    stub = service.stub()
    link = await stub.CreateTrackedLink(new_link())
    click = service.ids.make(link.name.removeprefix("trackedLinks/"), START, "1a")
    service.clock.advance(timedelta(days=40))
    sale = conversion("1", 5_000, START + timedelta(days=35), touches=[pb.Touch(click_id=click)])
    assert not (await stub.RecordConversion(sale)).HasField("attribution")
    request = pb.RecomputeAttributionRequest(brand="brands/maison", attribution_window_days=60, validate_only=True)
    request.start_time.FromDatetime(START)
    request.end_time.FromDatetime(START + timedelta(days=36))
    kpis = pb.GetCampaignKpisRequest(campaign="campaigns/spring")

    told = await stub.RecomputeAttribution(request)
    before = await stub.GetCampaignKpis(kpis)
    request.validate_only = False
    done = [await stub.RecomputeAttribution(request) for _ in range(2)]
    after = await stub.GetCampaignKpis(kpis)

    assert [(each.order_count, each.changed_count) for each in (told, *done)] == [(1, 1), (1, 1), (1, 0)]
    assert told.changes[0].attribution.collaboration == ANNA
    assert (before.total.conversions, after.total.conversions) == (0, 1)
    assert after.total.revenue.minor_units == 5_000


async def test_campaigns_of_a_brand_are_compared_in_one_currency(service: Any) -> None:
    stub = service.stub()
    await stub.CreatePromoCode(new_code("ANNA10"))
    await stub.RecordConversion(conversion("1", 10_000, START, promo_code="anna10"))

    by = pb.GetCampaignComparisonRequest(
        brand="brands/maison", dimension=pb.COMPARISON_DIMENSION_CREATOR, currency_code="USD"
    )
    found = await stub.GetCampaignComparison(by)

    assert found.campaign_count == 1
    assert [(each.code, each.collaboration_count) for each in found.comparisons] == [
        ("creators/anna", 1),
        ("creators/bela", 1),
    ]
    (rate, *_) = found.comparisons[0].kpis.rates
    assert (rate.source, rate.target, rate.provider) == ("EUR", "USD", "ECB")
    assert found.comparisons[0].kpis.revenue.minor_units == round(10_000 * float(rate.value))
