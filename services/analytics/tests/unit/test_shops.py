"""What shops report over HTTP: signed or not taken, counted once, and wrong reports name their fields."""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from entente.analytics.v1 import service_pb2 as pb
from entente_analytics.application.redirect import DailySalt, LinkBook, Redirect
from entente_analytics.application.reports import ShopReports
from entente_analytics.domain.amounts import AmountRefused, strict_amount, written_amount
from entente_analytics.domain.clicks import DayVisitors
from entente_analytics.domain.shops import pixel_signature
from entente_analytics.entrypoints.http import redirect_app
from entente_chassis.money import Money

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
SALE = {"order_id": "1001", "amount": "49.90", "currency": "EUR", "promo_code": "ANNA10"}


class Web:
    """The HTTP side of the service, and a shop that signs."""

    def __init__(self, http: httpx.AsyncClient, shop: pb.PostbackSecret) -> None:
        self.http = http
        self.shop = shop

    async def post(self, fields: Mapping[str, Any] | str, **headers: str) -> httpx.Response:
        """A postback, signed unless headers say otherwise."""
        body = fields if isinstance(fields, str) else json.dumps(fields)
        at = datetime.now(UTC)
        signed = {
            "webhook-id": "m1",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(self.shop.secret).sign("m1", at, body),
        }
        return await self.http.post("/v1/brands/maison/postback", content=body, headers=signed | headers)

    async def pixel(self, fields: Mapping[str, str], secret: str = "") -> httpx.Response:
        """A pixel."""
        signature = pixel_signature(secret or self.shop.secret, fields.items())
        return await self.http.get(f"/v1/brands/maison/pixel.gif?{urlencode({**fields, 'sig': signature})}")


@pytest.fixture
async def web(service: Any) -> AsyncIterator[Web]:
    async def keep(taken: object) -> None:
        return None

    redirect = Redirect(
        LinkBook(service.stores),
        lambda: service.ids,
        DailySalt(service.stores),
        DayVisitors(10),
        "1a",
        keep,
        service.clock,
    )
    reports = ShopReports(service.stores, lambda: service.ids, service.clock)
    app = redirect_app(redirect, reports, trusted_proxies=0)
    shop = await service.stub().RotatePostbackSecret(pb.RotatePostbackSecretRequest(brand="brands/maison"))
    await service.stub().CreatePromoCode(
        pb.CreatePromoCodeRequest(
            promo_code=pb.PromoCode(code="ANNA10", collaboration="campaigns/spring/collaborations/anna")
        )
    )
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://go.example") as http:
        yield Web(http, shop)


async def kpis(service: Any) -> pb.Kpis:
    found = await service.stub().GetCampaignKpis(pb.GetCampaignKpisRequest(campaign="campaigns/spring"))
    total: pb.Kpis = found.total
    return total


async def test_a_signed_postback_and_the_pixel_of_the_same_order_are_one_sale(service: Any, web: Web) -> None:
    at = {"order_time": START.isoformat()}
    first = await web.post({**SALE, **at})
    again = await web.post({**SALE, **at})
    pixel = await web.pixel({**SALE, **at})
    refund = await web.post({"order_id": "1001", "refund_id": "r1", "amount": "9.90", "currency": "EUR"})

    assert [answer.status_code for answer in (first, again, pixel, refund)] == [200] * 4
    assert first.json() == {"name": "orders/maison~1001", "attributed": True}
    assert pixel.headers["content-type"] == "image/gif"
    total = await kpis(service)
    assert (total.conversions, total.revenue.minor_units) == (1, 4_000)


async def test_forged_reports_are_refused_and_count_nothing(service: Any, web: Web) -> None:
    wrong = Webhook("whsec_" + "A" * 32).sign("m1", datetime.now(UTC), json.dumps(SALE))
    old = datetime.now(UTC) - timedelta(hours=1)
    body = json.dumps(SALE)
    stale = {
        "webhook-timestamp": str(int(old.timestamp())),
        "webhook-signature": Webhook(web.shop.secret).sign("m1", old, body),
    }
    answers = [
        await web.post(SALE, **{"webhook-signature": wrong}),
        await web.post(SALE, **{"webhook-signature": "v1,=?"}),
        await web.post(SALE, **{"webhook-signature": ""}),
        await web.post(SALE, **stale),
        await web.pixel(SALE, secret="whsec_guess"),
        await web.http.get(f"/v1/brands/maison/pixel.gif?{urlencode(SALE)}"),
        await web.http.get(f"/v1/brands/maison/pixel.gif?{urlencode(SALE)}&order_id=2&sig=x"),
        await web.http.post("/v1/brands/nobody/postback", content=body),
    ]

    assert [answer.status_code for answer in answers] == [401] * 8
    assert (await kpis(service)).conversions == 0


async def test_the_secret_before_is_good_for_a_day_and_not_longer(service: Any, web: Web) -> None:
    await service.stub().RotatePostbackSecret(pb.RotatePostbackSecretRequest(brand="brands/maison"))
    soon = await web.post({**SALE, "order_time": START.isoformat()})
    service.clock.advance(timedelta(days=1, seconds=1))
    late = await web.post({**SALE, "order_id": "1002"})

    assert (soon.status_code, late.status_code) == (200, 401)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": "49,90"}, "amount"),
        ({"amount": "1.234,50"}, "amount"),
        ({"amount": "49.901"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"currency": ""}, "currency"),
        ({"currency": "euro"}, "currency"),
        ({"order_id": ""}, "order_id"),
        ({"order_time": "2026-03-01 09:00"}, "order_time"),
        ({"order_time": "2026-04-01T00:00:00Z"}, "order_time"),
    ],
)
async def test_a_wrong_report_names_its_field_and_counts_nothing(
    service: Any, web: Web, change: dict[str, str], field: str
) -> None:
    answer = await web.post(SALE | change)

    assert answer.status_code == 400
    assert [violation["field"] for violation in answer.json()["violations"]] == [field]
    assert (await kpis(service)).conversions == 0


async def test_what_is_no_report_is_refused(web: Web) -> None:
    assert (await web.post("[]")).status_code == 400
    assert (await web.post("{" * 9_000)).status_code == 400
    assert (await web.post("x" * 20_000)).status_code == 413
    other = await web.post({**SALE, "amount": "1.00"})
    assert other.status_code == 200
    assert (await web.post(SALE)).status_code == 409


@pytest.mark.parametrize(
    "path",
    ["/r/nothing", "/r//evil.example", "/r/https://evil.example", "/r/..%2f..%2fevil", "/?url=https://evil.example"],
)
async def test_nothing_leads_to_an_address_that_a_visitor_brings(service: Any, web: Web, path: str) -> None:
    answer = await web.http.get(path)

    assert answer.status_code == 404
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    ("text", "currency", "units"),
    [
        ("12.50", "EUR", 1250),
        ("12,50", "EUR", 1250),
        ("1.234,50", "EUR", 123450),
        ("1,234.50", "USD", 123450),
        ("1 234,50", "EUR", 123450),
        ("€12.50", "EUR", 1250),
        ("1,234,567", "EUR", 123456700),
        ("1500", "JPY", 1500),
        ("0", "EUR", 0),
    ],
)
def test_amounts_of_spreadsheets_are_read_exactly(text: str, currency: str, units: int) -> None:
    assert written_amount(text, currency) == Money(currency, units)


@pytest.mark.parametrize("text", ["1,234", "12,50,3", "twelve", "", "1e3", "12.505"])
def test_amounts_that_could_mean_two_things_are_not_guessed(text: str) -> None:
    with pytest.raises(AmountRefused):
        written_amount(text, "EUR")
    with pytest.raises(AmountRefused):
        strict_amount(text, "EUR")
