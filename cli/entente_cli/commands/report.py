"""entente report: what a campaign returned."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from entente.analytics.v1.service_pb2 import CampaignReport, GetCampaignReportRequest
from entente.analytics.v1.service_pb2 import ObjectiveStatus as Status
from entente_cli import output
from entente_cli.commands.analytics import write_page
from entente_cli.output import Json
from entente_cli.session import Session


def report(
    campaign: Annotated[str, typer.Argument(help="The campaign, campaigns/{id}.")],
    page: Annotated[Path | None, typer.Option("--html", help="Write one self-contained page with plots here.")] = None,
    as_json: Json = False,
) -> None:
    """Show what a campaign returned: objective, key figures, creators."""

    async def call() -> CampaignReport:
        async with Session() as session:
            found = await session.analytics.GetCampaignReport(GetCampaignReportRequest(campaign=campaign))
            if page:
                await write_page(session, campaign, page)
                output.note(f"written: {page}")
            return found

    found = asyncio.run(call())
    if as_json:
        output.show_json(found)
    else:
        show(found)


def show(found: CampaignReport) -> None:
    """Print a report as tables."""
    output.results.print(f"{found.title} ({found.brand_display_name})", style="bold", markup=False)
    if found.HasField("objective"):
        status = output.word(Status, found.objective.status)
        output.results.print(f"Objective {status}: {found.objective.summary}", markup=False)
    rows = [(figure.name, figure.value) for figure in found.readable_figures]
    half = (len(rows) + 1) // 2
    right = [*rows[half:], *[("", "")] * (2 * half - len(rows))]
    output.show_table(["figure", "value", "", ""], [(*a, *b) for a, b in zip(rows[:half], right, strict=True)])
    if found.ranking:
        ranked = [
            (each.rank, each.creator_display_name, output.money(each.revenue), output.money(each.return_low))
            for each in found.ranking
        ]
        output.show_table(["rank", "creator", "revenue", "returned at least, less cost"], ranked)
