"""entente creators: import and search."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer

from entente.matching.v1.service_pb2 import (
    AUDIENCE_DIMENSION_COUNTRY,
    AudienceShareFilter,
    CreatorFilter,
    CreatorMatch,
    ImportCreatorsRequest,
    ImportCreatorsResponse,
    MatchBrief,
    SearchCreatorsRequest,
    SearchCreatorsResponse,
)
from entente.type.v1.type_pb2 import Platform, TargetAudience
from entente_cli import output
from entente_cli.creators_file import CreatorsFile, write_rejects
from entente_cli.errors import CommandError
from entente_cli.output import Json
from entente_cli.session import Session

app = typer.Typer(help="Creators: import them from a file, search them.", no_args_is_help=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help=".csv with a header, or .jsonl; may end in .gz.")],
    rejects: Annotated[
        Path | None,
        typer.Option(help="Where refused rows are written. Default: FILE.rejects.csv in the current folder."),
    ] = None,
    platform: Annotated[str, typer.Option(help="Platform of the rows when there is no such column.")] = "",
    snapshot: Annotated[str, typer.Option(help='Date of the rows when there is no such column, "2022-06".')] = "",
    as_json: Json = False,
) -> None:
    """Import creators. Good rows are kept; refused ones go to a file with row, column and reason."""
    source = CreatorsFile(file)
    response = asyncio.run(import_creators(source, platform=_platform(platform), snapshot=snapshot))
    rejects_file = rejects or Path(f"{file.name.split('.')[0]}.rejects.csv")
    if response.rejects:
        write_rejects(rejects_file, list(response.rejects))
    if as_json:
        output.show_json(
            {"rows": response.rows, "accepted_rows": response.accepted_rows, "rejected_rows": response.rejected_rows}
            | {"created": response.created, "updated": response.updated, "unchanged": response.unchanged}
            | {"rejected_creators": response.rejected_creators}
            | {"rejects_file": str(rejects_file) if response.rejects else None}
        )
        return
    output.results.print(
        f"{response.accepted_rows:,} of {response.rows:,} rows: {response.created:,} creators new, "
        f"{response.updated:,} changed, {response.unchanged:,} as they were."
    )
    if response.rejected_rows:
        output.results.print(f"{response.rejected_rows:,} rows were refused: see {rejects_file}.", markup=False)


async def import_creators(
    source: CreatorsFile,
    *,
    platform: "Platform.ValueType | None" = None,
    snapshot: str = "",
    session: Session | None = None,
) -> ImportCreatorsResponse:
    """Send a file to matching, with a progress bar."""
    if session is None:
        async with Session() as own:
            return await import_creators(source, platform=platform, snapshot=snapshot, session=own)
    with output.progress() as bar:
        # Counted first: an error in the messages themselves would only break the call off.
        task = bar.add_task("importing rows", total=source.count())

        async def messages() -> AsyncIterator[ImportCreatorsRequest]:
            for message in source.requests(platform=platform, snapshot=snapshot):
                yield message
                bar.advance(task, len(message.rows))

        response = await session.matching.ImportCreators(messages(), timeout=600)
    response.rejects.extend(source.rejects)
    response.rejects.sort(key=lambda reject: reject.row)
    unread = len({reject.row for reject in source.rejects})
    response.rows += unread
    response.rejected_rows += unread
    return response


@app.command()
def search(
    platform: Annotated[list[str] | None, typer.Option(help="instagram, tiktok, youtube …; may be repeated.")] = None,
    country: Annotated[list[str] | None, typer.Option(help="Where the creator lives, ISO code.")] = None,
    audience_country: Annotated[
        list[str] | None, typer.Option(help="Largest country of the audience, ISO code.")
    ] = None,
    audience_share: Annotated[
        list[str] | None, typer.Option(help='Least share of the audience in a country, "FR=0.4".')
    ] = None,
    category: Annotated[list[str] | None, typer.Option(help="What the creator talks about.")] = None,
    tier: Annotated[list[str] | None, typer.Option(help="nano, micro, macro or mega.")] = None,
    min_followers: Annotated[int | None, typer.Option(min=0)] = None,
    max_followers: Annotated[int | None, typer.Option(min=0)] = None,
    min_engagement: Annotated[float | None, typer.Option(min=0, help="Least engagement rate in percent.")] = None,
    target_country: Annotated[list[str] | None, typer.Option(help="Score against this target country.")] = None,
    interest: Annotated[list[str] | None, typer.Option(help="Score against this interest.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each score is made of.")] = False,
    order_by: Annotated[str, typer.Option(help='For example "followers desc".')] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: Json = False,
) -> None:
    """Find creators by what they are and by who follows them, with an explained score when a target is given."""
    wanted = CreatorFilter(
        platforms=[_required_platform(name) for name in platform or ()],
        countries=[code.upper() for code in country or ()],
        main_audience_countries=[code.upper() for code in audience_country or ()],
        categories=category or (),
        tiers=tier or (),
        min_followers=min_followers,
        max_followers=max_followers,
        min_engagement_rate=None if min_engagement is None else min_engagement / 100,
        audience=[_share(text) for text in audience_share or ()],
    )
    request = SearchCreatorsRequest(filter=wanted, order_by=order_by, page_size=limit)
    if target_country or interest:
        target = TargetAudience(countries=[code.upper() for code in target_country or ()], interests=interest or ())
        request.brief.CopyFrom(MatchBrief(target_audience=target))

    async def call() -> SearchCreatorsResponse:
        async with Session() as session:
            return await session.matching.SearchCreators(request)

    found = asyncio.run(call())
    if as_json:
        output.show_json(found)
        return
    output.show_table(
        ["creator", "platform", "followers", "engagement", "audience", "categories", "fit"],
        [_row(m) for m in found.matches],
    )
    if explain:
        for match in found.matches:
            output.results.print(explanation(match), markup=False)
    output.note(f"{found.total_size:,} match in all")


def explanation(match: CreatorMatch) -> str:
    """What a score is made of, in one line."""
    terms = " + ".join(
        f"{term.points_hundredths / 100:.1f} {term.evidence.rstrip('.')}" for term in match.fit.contributions
    )
    return f"{match.display_name or match.creator}: {match.fit.score_hundredths / 100:.1f} = {terms}"


def _row(match: CreatorMatch) -> tuple[object, ...]:
    return (
        match.creator,
        output.word(Platform, match.platform),
        f"{match.followers:,}" if match.HasField("followers") else "",
        f"{match.engagement_rate:.2%}" if match.HasField("engagement_rate") else "",
        match.main_audience_country,
        ", ".join(match.categories),
        f"{match.fit.score_hundredths / 100:.1f}" if match.HasField("fit") else "",
    )


def _platform(name: str) -> "Platform.ValueType | None":
    return _required_platform(name) if name else None


def _required_platform(name: str) -> "Platform.ValueType":
    known = {full.removeprefix("PLATFORM_").lower(): value for full, value in Platform.items() if value}
    if name.lower() not in known:
        raise CommandError(f"There is no platform {name!r}: it is one of {', '.join(known)}.")
    return known[name.lower()]


def _share(text: str) -> AudienceShareFilter:
    code, _, share = text.partition("=")
    try:
        return AudienceShareFilter(dimension=AUDIENCE_DIMENSION_COUNTRY, codes=[code.upper()], min_share=float(share))
    except ValueError as error:
        raise CommandError(f"{text!r} is not a share of the audience: write it like FR=0.4.") from error
