"""Links are made and followed, orders and figures come in."""

import random
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import httpx

from entente.analytics.v1 import service_pb2 as an
from entente.type.v1.type_pb2 import Money
from entente_cli import texts
from entente_cli.errors import CommandError
from entente_cli.output import word
from entente_cli.patience import answered, observed
from entente_cli.scenario.seen import objective
from entente_cli.scenario.stage import Stage
from entente_cli.session import creator

_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{minor} like Mac OS X) AppleWebKit/605.1.15 Mobile/15E{build}"
_PREVIEW = "facebookexternalhit/1.1"


async def create_links(stage: Stage) -> None:
    """Each creator gets a tracked link, one also a promo code."""
    for name in stage.cast.taking_part:
        link = an.TrackedLink(collaboration=stage.collaboration(name), destination_url=texts.PRODUCT_URL)
        stage.links[name] = await stage.call(
            stage.brand,
            stage.session.analytics.CreateTrackedLink,
            an.CreateTrackedLinkRequest(tracked_link=link),
            name,
        )
    code = an.PromoCode(code="AUBE10", collaboration=stage.collaboration(stage.cast.taking_part[0]))
    await stage.call(stage.brand, stage.session.analytics.CreatePromoCode, an.CreatePromoCodeRequest(promo_code=code))
    first = stage.links[stage.cast.taking_part[0]].short_url
    stage.tell("analytics", "TrackedLinkCreated", f"{len(stage.links)} links, such as {first}, and one promo code")


async def click(stage: Stage) -> None:
    """People follow the links; so do a preview robot, and some twice."""
    await stage.day(23)
    total = 0
    async with httpx.AsyncClient(timeout=10) as http:
        for number, name in enumerate(stage.cast.taking_part):
            visitors = 8 + 2 * (number % 4)
            for visitor in [*range(visitors), *range(number % 3)]:
                await _visit(stage, http, name, _phone(number, visitor))
            await _visit(stage, http, name, _PREVIEW)
            total += visitors
    await _until_kpi(stage, "clicks", lambda kpis: kpis.clicks >= total)
    kpis = await _kpis(stage)
    stage.tell(
        "analytics",
        "LinkClicked",
        f"{kpis.clicks} through the redirect; {kpis.bot_clicks} of robots and {kpis.repeat_clicks} repeats apart",
    )


async def sell(stage: Stage) -> None:
    """The shop reports orders, one of them twice, and a refund."""
    await stage.day(24)
    async with httpx.AsyncClient(timeout=10) as http:
        clicks = [
            await _visit(stage, http, name, _phone(number, 500)) for number, name in enumerate(stage.cast.taking_part)
        ]
        stage.ordered_at = stage.time.now()
        for number, click_id in enumerate(clicks):
            await _order(stage, f"c{number}", 3900 + 500 * number, click_id=click_id)
    await _order(stage, "promo", 5200, promo_code="aube10")
    await _order(stage, "c0", 3900, again=True)
    refund = an.RecordRefundRequest(brand=stage.brand_name, order_id="c1", refund_id="r1", amount=_euros(4400))
    refund.refund_time.FromDatetime(stage.time.now())
    await stage.call(stage.brand, stage.session.analytics.RecordRefund, refund)
    stage.tell("analytics", "ConversionRefunded", "one order is refunded in full")
    orders = len(stage.cast.taking_part)
    await _until_kpi(stage, "conversions", lambda kpis: kpis.conversions == orders)
    why = await stage.call(
        stage.brand,
        stage.session.analytics.ExplainAttribution,
        an.ExplainAttributionRequest(name=stage.outcome.orders[0]),
    )
    stage.tell("analytics", "ConversionRecorded", f"{orders + 1} orders, one reported twice; {why.summary}")


async def measure(stage: Stage) -> None:
    """The posts' figures come in, and the objective is looked at."""
    await stage.day(25)
    for number, name in enumerate(stage.cast.taking_part):
        report = an.ReportContentMetricsRequest(
            collaboration=stage.collaboration(name), post_url=stage.post(name), figures=_figures(number)
        )
        report.measure_time.FromDatetime(stage.time.now())
        await stage.call(creator(name), stage.session.analytics.ReportContentMetrics, report, name)
    await _until_kpi(stage, "measured posts", lambda kpis: kpis.measured_posts == len(stage.cast.taking_part))
    stage.tell("analytics", "ContentMetricsReported", f"figures of {len(stage.cast.taking_part)} posts")
    said = await _comments(stage)
    stage.tell(
        "analytics",
        "RecordComments",
        f"comments: {said.positive} of approval, {said.neutral} of neither, {said.negative} of disapproval",
    )
    progress = await objective(stage)
    status = word(an.ObjectiveStatus, progress.status)
    stage.tell("analytics", "ObjectiveStatusChanged", f"{progress.value} of {progress.target} clicks: {status}")


async def _comments(stage: Stage) -> an.SentimentCounts:
    """What people wrote below the posts, of which only the judgement is kept."""
    total = an.SentimentCounts()
    for number, name in enumerate(stage.cast.taking_part):
        request = an.RecordCommentsRequest(collaboration=stage.collaboration(name), post_url=stage.post(name))
        for place in range(3 + number % 3):
            text = texts.COMMENTS[(number + place) % len(texts.COMMENTS)]
            at = stage.time.now()
            request.comments.add(id=f"{name}-{place}", text=text).publish_time.FromDatetime(at)
        answer = await stage.call(creator(name), stage.session.analytics.RecordComments, request, name)
        for field in ("positive", "neutral", "negative", "not_judged"):
            setattr(total, field, getattr(total, field) + getattr(answer.total, field))
    return total


async def _visit(stage: Stage, http: httpx.AsyncClient, name: str, user_agent: str) -> str:
    """Follow a creator's link; the click id that the shop gets."""

    async def follow() -> httpx.Response:
        response = await http.get(stage.links[name].short_url, headers={"User-Agent": user_agent})
        if response.status_code >= 500:
            raise httpx.ReadError(f"{response.status_code} {response.text.strip()}")
        return response

    response = await answered(follow)
    location = response.headers.get("location", "")
    if not location.startswith(texts.PRODUCT_URL):
        raise CommandError(
            f"{stage.links[name].short_url} does not lead to the shop: {response.status_code} {location}"
        )
    return str(parse_qs(urlsplit(location).query).get("entente_click", [""])[0])


async def _order(
    stage: Stage, order: str, cents: int, *, click_id: str = "", promo_code: str = "", again: bool = False
) -> None:
    request = an.RecordConversionRequest(
        brand=stage.brand_name, order_id=order, amount=_euros(cents), promo_code=promo_code
    )
    if click_id:
        request.touches.add(click_id=click_id)
    if not again:
        request.new_customer = order != "promo"
    request.order_time.FromDatetime(stage.ordered_at)
    conversion = await stage.call(stage.brand, stage.session.analytics.RecordConversion, request, order, again)
    if conversion.name not in stage.outcome.orders:
        stage.outcome.orders.append(conversion.name)


async def _kpis(stage: Stage) -> an.Kpis:
    request = an.GetCampaignKpisRequest(campaign=stage.campaign)
    return (await answered(lambda: stage.session.analytics.GetCampaignKpis(request))).total


async def _until_kpi(stage: Stage, what: str, wanted: Callable[[an.Kpis], bool]) -> None:
    await observed(f"{what} in the key figures", lambda: _kpis(stage), wanted)


def _phone(creator: int, visitor: int) -> str:
    return _PHONE.format(minor=visitor % 10, build=1000 * (creator + 1) + visitor)


def _euros(cents: int) -> Money:
    return Money(currency_code="EUR", minor_units=cents)


def _figures(number: int) -> an.ContentFigures:
    chance = random.Random(number)
    reach = chance.randrange(20_000, 90_000)
    return an.ContentFigures(
        reach=reach,
        impressions=reach * 13 // 10,
        views=reach * 11 // 10,
        likes=reach * chance.randrange(20, 60) // 1000,
        comments=reach * chance.randrange(1, 5) // 1000,
        shares=reach * chance.randrange(1, 4) // 1000,
        saves=reach * chance.randrange(2, 9) // 1000,
    )
