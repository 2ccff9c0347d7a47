"""entente analytics: links, codes, orders, figures, reports."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypeVar

import typer

from entente.analytics.v1 import service_pb2 as an
from entente.type.v1.type_pb2 import Platform
from entente_cli import output
from entente_cli.errors import CommandError
from entente_cli.output import Json
from entente_cli.session import Session, all_pages

app = typer.Typer(help="Links, promo codes, orders, figures and reports of campaigns.", no_args_is_help=True)

_PIECE = 256 * 1024
R = TypeVar("R")
Campaign = Annotated[str, typer.Argument(help="The campaign, campaigns/{id}.")]
Brand = Annotated[str, typer.Argument(help="The brand, brands/{id}.")]
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The export, as it is.")]


class Shop(StrEnum):
    """Where a file of orders comes from."""

    auto = "auto"
    shopify = "shopify"
    woocommerce = "woocommerce"


class By(StrEnum):
    """What campaigns are compared by."""

    creator = "creator"
    campaign = "campaign"
    tier = "tier"
    mechanic = "mechanic"
    compensation = "compensation"
    platform = "platform"


class FileFormat(StrEnum):
    """A kind of file."""

    csv = "csv"
    parquet = "parquet"


@app.command("link")
def link(
    collaboration: Annotated[str, typer.Argument(help="The collaboration, campaigns/{id}/collaborations/{id}.")],
    url: Annotated[str, typer.Argument(help="The page it leads to.")],
    window: Annotated[int, typer.Option(min=0, max=90, help="Days in which a click can win a sale; 0 for 30.")] = 0,
    ios: Annotated[str, typer.Option(help="What opens the app on iPhones.")] = "",
    android: Annotated[str, typer.Option(help="What opens the app on Android.")] = "",
    deliverable: Annotated[str, typer.Option(help="Which deliverable carries it.")] = "",
    qr: Annotated[Path | None, typer.Option(help="Write its QR code here, .svg or .png.")] = None,
    as_json: Json = False,
) -> None:
    """Make a tracked link, and its QR code."""
    asked = an.TrackedLink(
        collaboration=collaboration,
        destination_url=url,
        attribution_window_days=window,
        ios_url=ios,
        android_url=android,
        deliverable=deliverable,
    )

    async def call(session: Session) -> an.TrackedLink:
        made = await session.analytics.CreateTrackedLink(an.CreateTrackedLinkRequest(tracked_link=asked))
        if qr:
            kind = an.QR_CODE_FORMAT_PNG if qr.suffix == ".png" else an.QR_CODE_FORMAT_SVG
            request = an.GetTrackedLinkQrCodeRequest(name=made.name, format=kind)
            qr.write_bytes((await session.analytics.GetTrackedLinkQrCode(request)).picture)
        return made

    made = _run(call)
    _show(
        made, as_json, lambda: output.results.print(f"{made.short_url} leads to {made.destination_url}", markup=False)
    )


@app.command("links")
def links(parent: Annotated[str, typer.Argument(help="A campaign or a collaboration.")], as_json: Json = False) -> None:
    """List tracked links with their clicks, and what was not counted by reason."""

    async def call(session: Session) -> list[an.TrackedLink]:
        return await all_pages(
            lambda token: session.analytics.ListTrackedLinks(
                an.ListTrackedLinksRequest(parent=parent, page_size=500, page_token=token)
            ),
            lambda page: page.tracked_links,
        )

    found = _run(call)
    rows = [
        (
            each.short_url,
            each.creator,
            each.clicks,
            ", ".join(f"{reason.reason.lower()} {reason.count}" for reason in each.filtered_clicks),
        )
        for each in found
    ]
    _show(found, as_json, lambda: output.show_table(["link", "creator", "clicks", "not counted"], rows))


@app.command("promo-codes")
def promo_codes(
    campaign: Campaign,
    pattern: Annotated[
        str, typer.Option(help='Reserve a code for each accepted creator by this pattern, such as "{handle}10".')
    ] = "",
    as_json: Json = False,
) -> None:
    """List the promo codes of a campaign, after making those of a pattern."""

    async def call(session: Session) -> tuple[list[an.PromoCode], list[an.SetAside]]:
        aside: list[an.SetAside] = []
        if pattern:
            request = an.GeneratePromoCodesRequest(campaign=campaign, pattern=pattern)
            aside = list((await session.analytics.GeneratePromoCodes(request)).set_aside)
        codes = await all_pages(
            lambda token: session.analytics.ListPromoCodes(
                an.ListPromoCodesRequest(parent=campaign, page_size=500, page_token=token)
            ),
            lambda page: page.promo_codes,
        )
        return codes, aside

    codes, aside = _run(call)
    _show(codes, as_json, lambda: output.show_table(["code", "creator"], [(each.code, each.creator) for each in codes]))
    _show_aside(aside, len(aside))


@app.command("secret")
def secret(brand: Brand, as_json: Json = False) -> None:
    """Give a brand's shop a new secret for postbacks and pixels; the one before stays good for a day."""
    made = _run(lambda session: session.analytics.RotatePostbackSecret(an.RotatePostbackSecretRequest(brand=brand)))
    rows = [("secret", made.secret), ("postback", made.postback_url), ("pixel", made.pixel_url)]
    _show(made, as_json, lambda: output.show_table(["", made.brand], rows))


@app.command("import-orders")
def import_orders(
    brand: Brand,
    file: File,
    shop: Annotated[Shop, typer.Option(help="Where it comes from; told by its columns by default.")] = Shop.auto,
    currency: Annotated[str, typer.Option(help="Of amounts whose row names none.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be taken.")] = False,
    as_json: Json = False,
) -> None:
    """Record the orders of Shopify's or WooCommerce's export. The same file again changes nothing."""
    export = (
        an.ORDER_EXPORT_UNSPECIFIED if shop is Shop.auto else an.OrderExport.Value(f"ORDER_EXPORT_{shop.name.upper()}")
    )
    first = an.ImportOrdersRequest(brand=brand, export=export, currency_code=currency, validate_only=dry_run)
    done = _run(lambda session: session.analytics.ImportOrders(_sent(first, file)))
    _show(
        done,
        as_json,
        lambda: output.results.print(
            f"{done.recorded_count:,} orders new, {done.repeated_count:,} known, {done.refund_count:,} refunds, "
            f"{done.attributed_count:,} belong to a collaboration."
        ),
    )
    _show_aside(done.set_aside, done.set_aside_count)


@app.command("import-metrics")
def import_metrics(
    campaign: Campaign,
    file: File,
    platform: Annotated[str, typer.Option(help="instagram, tiktok or youtube; told by the columns by default.")] = "",
    as_json: Json = False,
) -> None:
    """Record the figures of a platform's export for the posts of a campaign."""
    name = f"PLATFORM_{platform.upper()}" if platform else "PLATFORM_UNSPECIFIED"
    if name not in Platform.keys():  # noqa: SIM118 (an enum wrapper is no mapping)
        raise CommandError(f"{platform} is no platform: say instagram, tiktok or youtube.")
    first = an.ImportContentMetricsRequest(campaign=campaign, platform=Platform.Value(name))
    done = _run(lambda session: session.analytics.ImportContentMetrics(_sent(first, file)))
    _show(done, as_json, lambda: _posts_taken(done))
    _show_aside(done.set_aside, done.set_aside_count)


@app.command("fetch")
def fetch(campaign: Campaign, as_json: Json = False) -> None:
    """Read the figures of a campaign's posts from the platforms that there is a connector for."""
    request = an.FetchContentMetricsRequest(campaign=campaign)
    done = _run(lambda session: session.analytics.FetchContentMetrics(request))
    _show(done, as_json, lambda: _posts_taken(done))
    _show_aside(done.set_aside, len(done.set_aside))


@app.command("explain")
def explain(
    order: Annotated[str, typer.Argument(help="The order, orders/{brand}~{id}.")], as_json: Json = False
) -> None:
    """Explain which link or code won a sale, and why the others did not."""
    why = _run(lambda session: session.analytics.ExplainAttribution(an.ExplainAttributionRequest(name=order)))

    def show() -> None:
        output.results.print(why.summary, markup=False)
        rows = [
            (each.source, output.word(an.CandidateVerdict, each.verdict), each.explanation) for each in why.candidates
        ]
        output.show_table(["touch or code", "verdict", "why"], rows)

    _show(why, as_json, show)


@app.command("recompute")
def recompute(
    brand: Brand,
    start: Annotated[datetime, typer.Option(help="Orders from this day on (UTC).")],
    end: Annotated[datetime, typer.Option(help="Orders before this day (UTC).")],
    window: Annotated[int, typer.Option(min=0, max=365, help="Days; 0 gives each link its own window back.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    as_json: Json = False,
) -> None:
    """Attribute the sales of a period with another window."""
    request = an.RecomputeAttributionRequest(brand=brand, attribution_window_days=window, validate_only=dry_run)
    request.start_time.FromDatetime(start.replace(tzinfo=UTC))
    request.end_time.FromDatetime(end.replace(tzinfo=UTC))
    done = _run(lambda session: session.analytics.RecomputeAttribution(request))
    rows = [
        (each.order, each.previous_attribution.creator or "nobody", each.attribution.creator or "nobody")
        for each in done.changes
    ]

    def show() -> None:
        output.results.print(f"{done.changed_count:,} of {done.order_count:,} orders belong to another collaboration.")
        if rows:
            output.show_table(["order", "from", "to"], rows)

    _show(done, as_json, show)


@app.command("compare")
def compare(
    brand: Brand,
    by: Annotated[By, typer.Option(help="What to compare by.")] = By.creator,
    currency: Annotated[str, typer.Option(help="Of all amounts.")] = "EUR",
    as_json: Json = False,
) -> None:
    """Compare the figures of all campaigns of a brand."""
    dimension = an.ComparisonDimension.Value(f"COMPARISON_DIMENSION_{by.name.upper()}")
    request = an.GetCampaignComparisonRequest(brand=brand, dimension=dimension, currency_code=currency)
    found = _run(lambda session: session.analytics.GetCampaignComparison(request))
    rows = [
        (
            each.code or "not known",
            each.collaboration_count,
            *(
                getattr(each.kpis, name) if each.kpis.HasField(name) else "—"
                for name in ("reach", "clicks", "conversions")
            ),
            output.money(each.kpis.revenue) or "—",
            output.money(each.kpis.cost) or "—",
        )
        for each in found.comparisons
    ]
    columns = [by.name, "collaborations", "reach", "clicks", "sales", "revenue", "cost"]
    _show(found, as_json, lambda: output.show_table(columns, rows))


@app.command("page")
def page(
    campaign: Campaign, out: Annotated[Path, typer.Option(help="Where to write it.")] = Path("report.html")
) -> None:
    """Write the report of a campaign as one self-contained HTML page with plots."""
    request = an.GetReportPageRequest(campaign=campaign)
    _written(out, lambda session: session.analytics.GetReportPage(request))


@app.command("export")
def export(
    campaign: Campaign,
    out: Annotated[Path, typer.Option(help="Where to write it.")],
    file_format: Annotated[FileFormat, typer.Option("--format", help="What kind of file.")] = FileFormat.csv,
) -> None:
    """Write the figures of a campaign by day, creator, platform and deliverable as CSV or Parquet."""
    kind = an.EXPORT_FORMAT_CSV if file_format is FileFormat.csv else an.EXPORT_FORMAT_PARQUET
    request = an.ExportFiguresRequest(campaign=campaign, format=kind)
    _written(out, lambda session: session.analytics.ExportFigures(request))


@app.command("rebuild")
def rebuild(campaign: Campaign, as_json: Json = False) -> None:
    """Make the figures of a campaign anew from the raw events, and tell how many were not right."""
    request = an.RebuildFiguresRequest(campaign=campaign)
    done = _run(lambda session: session.analytics.RebuildFigures(request))
    _show(
        done,
        as_json,
        lambda: output.results.print(
            f"{done.bucket_count:,} roll-ups from {done.archived_clicks:,} archived clicks and {done.order_count:,} "
            f"orders: {done.changed_count:,} changed. {done.unarchived_clicks:,} clicks are not archived yet."
        ),
    )


async def write_page(session: Session, campaign: str, path: Path) -> None:
    """Write the report of a campaign as a page."""
    answer = session.analytics.GetReportPage(an.GetReportPageRequest(campaign=campaign))
    page = b"".join([piece.chunk async for piece in answer])
    await asyncio.to_thread(_write, path, page)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _run(call: Callable[[Session], Awaitable[R]]) -> R:
    async def run() -> R:
        async with Session() as session:
            return await call(session)

    return asyncio.run(run())


def _written(out: Path, call: Callable[[Session], Any]) -> None:
    # Written beside its place, so that what broke off is not taken for a whole file.
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f"{out.name}.partial")

    async def run(file: BinaryIO) -> int:
        async with Session() as session:
            return sum([file.write(piece.chunk) async for piece in call(session)])

    with partial.open("wb") as file:
        size = asyncio.run(run(file))
    partial.replace(out)
    output.note(f"written: {out} ({size:,} bytes)")


async def _sent(first: Any, file: Path) -> AsyncIterator[Any]:
    first.chunk, *rest = _pieces(file)
    yield first
    for piece in rest:
        yield type(first)(chunk=piece)


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        yield opened.read(_PIECE)
        while piece := opened.read(_PIECE):
            yield piece


def _show(value: Any, as_json: bool, show: Callable[[], None]) -> None:
    if as_json:
        output.show_json(value)
    else:
        show()


def _posts_taken(done: an.ImportContentMetricsResponse | an.FetchContentMetricsResponse) -> None:
    output.results.print(f"{done.recorded_count:,} posts with new figures, {done.repeated_count:,} as they were.")


def _show_aside(aside: Iterable[an.SetAside], count: int) -> None:
    for each in aside:
        where = f"row {each.row}" if each.row else each.subject
        column = f", {each.column}" if each.column else ""
        output.note(f"set aside: {where}{column}: {each.reason}: {each.message}")
    if count:
        output.note(f"{count:,} set aside in all")
