"""entente creators: import and search."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer

from entente.matching.v1.service_pb2 import (
    Confidence,
    Creator,
    CreatorFilter,
    CreatorMatch,
    ExplainExclusionRequest,
    ExplainExclusionResponse,
    FitFactor,
    ImportCreatorsRequest,
    ImportCreatorsResponse,
    ListLookalikesRequest,
    ListLookalikesResponse,
    MatchBrief,
    Offer,
    OfferedPrice,
    ScoreCreatorRequest,
    ScoreCreatorResponse,
    SearchCreatorsRequest,
    SearchCreatorsResponse,
    SetOfferRequest,
)
from entente.type.v1.type_pb2 import Platform
from entente_cli import output
from entente_cli.creator_filter import brief_of, filter_of, money, required_platform, with_options
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
@with_options(wanted=filter_of, brief=brief_of)
def search(
    wanted: CreatorFilter,
    brief: MatchBrief | None,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each score is made of.")] = False,
    facets: Annotated[bool, typer.Option("--facets", help="Show how the matches divide.")] = False,
    brand: Annotated[str, typer.Option(help='Search for this brand: "brands/…", without those it has banned.')] = "",
    order_by: Annotated[str, typer.Option(help='For example "followers desc".')] = "",
    page_token: Annotated[str, typer.Option(help="Go on behind the page that gave this token.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    as_json: Json = False,
) -> None:
    """Find creators by what they are and by who follows them, with an explained score when a target is given."""
    request = SearchCreatorsRequest(
        filter=wanted, brief=brief, brand=brand, order_by=order_by, page_size=limit, page_token=page_token
    )
    request.skip_facets = not (facets or as_json)

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
    if facets:
        for facet in found.facets:
            values = ", ".join(f"{value.value or 'not known'} {value.count:,}" for value in facet.values[:8])
            output.results.print(f"{facet.field}: {values}", markup=False)
    output.note(f"{found.total_size:,} match in all")
    if found.unknown_audience:
        output.note(f"{found.unknown_audience:,} more may match: the shares of their audience are not known")
    if found.next_page_token:
        output.note(f"more with --page-token {found.next_page_token}")


@app.command()
@with_options(brief=brief_of)
def explain(
    creator: Annotated[str, typer.Argument(help='"creators/…", or its last part.')],
    brief: MatchBrief | None,
    as_json: Json = False,
) -> None:
    """Say how well a creator fits a target, term by term, and what is not known of it."""
    if brief is None:
        raise CommandError("Say what it shall fit: --target-country, --target-age, --interest, --budget …")

    async def call() -> ScoreCreatorResponse:
        async with Session() as session:
            return await session.matching.ScoreCreator(ScoreCreatorRequest(creator=_name(creator), brief=brief))

    answer = asyncio.run(call())
    if as_json:
        output.show_json(answer)
        return
    output.show_table(
        ["term", "points", "of", "because"],
        [
            (
                output.word(FitFactor, term.factor),
                f"{term.points_hundredths / 100:.2f}",
                f"{term.max_points_hundredths / 100:.2f}",
                f"{term.evidence}{' (assumed)' if term.assumed else ''}",
            )
            for term in answer.fit.contributions
        ],
        title=f"{answer.display_name}: {answer.fit.score_hundredths / 100:.2f} of 100, "
        f"confidence {output.word(Confidence, answer.fit.confidence)}, {answer.fit.formula_version}",
    )
    for missing in answer.fit.missing:
        output.note(f"not known: {missing.information}")


@app.command("why-not")
@with_options(wanted=filter_of)
def why_not(
    creator: Annotated[str, typer.Argument(help='"creators/…", or its last part.')],
    wanted: CreatorFilter,
    brand: Annotated[str, typer.Option(help="The brand that searches; its ban is named as well.")] = "",
    as_json: Json = False,
) -> None:
    """Say why a creator is not among the results of a search: what keeps it out, and by how much."""
    request = ExplainExclusionRequest(creator=_name(creator), filter=wanted, brand=brand)

    async def call() -> ExplainExclusionResponse:
        async with Session() as session:
            return await session.matching.ExplainExclusion(request)

    answer = asyncio.run(call())
    if as_json:
        output.show_json(answer)
        return
    if answer.matches:
        output.results.print(f"{answer.creator} matches.", markup=False)
        return
    output.show_table(
        ["field", "must be", "is", "misses by"],
        [
            (each.field, each.required, each.actual, f"{each.shortfall:g}" if each.HasField("shortfall") else "")
            for each in answer.exclusions
        ],
        title=f"{answer.creator} is kept out by",
    )


@app.command()
@with_options(wanted=filter_of)
def lookalikes(
    seeds: Annotated[list[str], typer.Argument(help="One to five creators to compare with.")],
    wanted: CreatorFilter,
    brand: Annotated[str, typer.Option(help="The brand that asks, without those it has banned.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 10,
    as_json: Json = False,
) -> None:
    """List the creators that are most like others, and in what they are alike."""
    request = ListLookalikesRequest(seeds=[_name(seed) for seed in seeds], filter=wanted, brand=brand, page_size=limit)

    async def call() -> ListLookalikesResponse:
        async with Session() as session:
            return await session.matching.ListLookalikes(request)

    found = asyncio.run(call())
    if as_json:
        output.show_json(found)
        return
    output.show_table(
        ["creator", "platform", "followers", "categories", "alike", "most in"],
        [
            (
                match.creator,
                output.word(Platform, match.platform),
                f"{match.followers:,}" if match.HasField("followers") else "",
                ", ".join(match.categories),
                f"{match.similarity.score_hundredths / 100:.1f}",
                "; ".join(
                    feature.evidence
                    for feature in sorted(match.similarity.features, key=lambda each: -each.points_hundredths)[:2]
                ),
            )
            for match in found.matches
        ],
    )
    output.note(f"{found.total_size:,} were compared")


@app.command()
def offer(
    creator: Annotated[str, typer.Argument(help='"creators/…", or its last part.')],
    bio: Annotated[str, typer.Option(help="What it says of itself.")] = "",
    available_from: Annotated[str, typer.Option(help='First day on which it takes work, "2026-03-01".')] = "",
    available_until: Annotated[str, typer.Option(help="Last such day.")] = "",
    price: Annotated[list[str] | None, typer.Option(help='"instagram=500.00 EUR"; may be repeated.')] = None,
    as_json: Json = False,
) -> None:
    """Say what a creator offers: bio, availability, prices. It replaces what it said before."""
    prices = []
    for each in price or ():
        platform, _, amount = each.partition("=")
        prices.append(OfferedPrice(platform=required_platform(platform), price=money(amount)))
    said = Offer(bio=bio, available_from=available_from, available_until=available_until, prices=prices)
    request = SetOfferRequest(creator=_name(creator), offer=said, request_id=str(uuid.uuid4()))

    async def call() -> Creator:
        async with Session() as session:
            return await session.matching.SetOffer(request)

    changed = asyncio.run(call())
    if as_json:
        output.show_json(changed)
        return
    output.results.print(f"{changed.name} offers it now.", markup=False)


def _name(creator: str) -> str:
    return creator if creator.startswith("creators/") else f"creators/{creator}"


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
    return required_platform(name) if name else None
