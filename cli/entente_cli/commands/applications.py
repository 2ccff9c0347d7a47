"""entente campaign applications, waiting, history, watch, dispute: who takes part, and how it stands."""

import asyncio
import uuid
from pathlib import Path
from typing import Annotated, Any

import grpc
import typer

from entente.campaign.v1 import service_pb2 as ca
from entente.ops.v1 import ops_pb2 as ops
from entente.type.v1 import type_pb2
from entente_chassis.rpc import to_refusal
from entente_cli import output
from entente_cli.errors import CommandError
from entente_cli.output import Json
from entente_cli.session import Session, all_pages

app = typer.Typer(help="Applications: list them, and answer one, many, or those of a rule.", no_args_is_help=True)
dispute_app = typer.Typer(help="Disputes: either side opens one, the operator decides.", no_args_is_help=True)

CampaignName = Annotated[str, typer.Argument(help="The campaign, campaigns/{id}.")]
Name = Annotated[str, typer.Argument(help="The collaboration, campaigns/{id}/collaborations/{creator}.")]
Creators = Annotated[list[str] | None, typer.Argument(help="Whom, creators/{id} each; or --file, or --filter.")]
File = Annotated[Path | None, typer.Option("--file", help="A file with one creators/{id} in each line.")]
Where = Annotated[str, typer.Option("--filter", help='By rule, for example "fit < 60 AND platform = TIKTOK".')]
Comment = Annotated[str, typer.Option(help="A word to the creators.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would come of it.")]


@app.command()
def accept(
    campaign: CampaignName,
    creators: Creators = None,
    file: File = None,
    where: Where = "",
    comment: Comment = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Accept applications, as far as places and budget go. Exits with 1 when a row was refused."""
    whom = _whom(creators, file, where)
    _answer(campaign, whom, ca.APPLICATION_ANSWER_ACCEPT, as_json, comment=comment, validate_only=dry_run)


@app.command()
def decline(
    campaign: CampaignName,
    creators: Creators = None,
    file: File = None,
    where: Where = "",
    reason: Annotated[
        list[str] | None, typer.Option(help="audience, engagement, content, price …; else the fit score says why.")
    ] = None,
    comment: Comment = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Decline applications, with reasons or with those of the fit score. Exits with 1 when a row was refused."""
    reasons = [_number(ca.DeclineReason, "DECLINE_REASON_", each) for each in reason or ()]
    whom = _whom(creators, file, where)
    fields = {"reasons": reasons, "comment": comment, "validate_only": dry_run}
    _answer(campaign, whom, ca.APPLICATION_ANSWER_DECLINE, as_json, **fields)


@app.command()
def preselect(
    campaign: CampaignName,
    creators: Creators = None,
    file: File = None,
    where: Where = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Mark applications as ones to choose from."""
    _answer(campaign, _whom(creators, file, where), ca.APPLICATION_ANSWER_PRESELECT, as_json, validate_only=dry_run)


@app.command()
def waitlist(
    campaign: CampaignName,
    creators: Creators = None,
    file: File = None,
    where: Where = "",
    comment: Comment = "",
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Put applications on the waiting list: a place that becomes free is offered to who waits longest."""
    whom = _whom(creators, file, where)
    _answer(campaign, whom, ca.APPLICATION_ANSWER_WAITLIST, as_json, comment=comment, validate_only=dry_run)


@app.command("list")
def list_(
    campaign: CampaignName,
    where: Annotated[str, typer.Option("--filter", help='For example "state = OVERDUE AND platform = TIKTOK".')] = "",
    order: Annotated[str, typer.Option("--order", help='For example "fit desc".')] = "",
    as_json: Json = False,
) -> None:
    """List who applied, was invited, or takes part."""

    async def call() -> list[ca.Collaboration]:
        async with Session() as session:

            async def page(token: str) -> ca.ListCollaborationsResponse:
                return await session.campaign.ListCollaborations(
                    ca.ListCollaborationsRequest(
                        parent=campaign, filter=where, order_by=order, page_size=500, page_token=token
                    )
                )

            return await all_pages(page, lambda page: page.collaborations)

    found = asyncio.run(call())
    if as_json:
        output.show_json(found)
        return
    output.show_table(
        ["collaboration", "creator", "state", "fit", "platform", "can now"], [_row(each) for each in found]
    )


@app.command()
def waiting(campaign: CampaignName, as_json: Json = False) -> None:
    """Show the waiting list, and who is offered a place."""
    list_(campaign, "state = WAITLISTED OR state = OFFERED", "update_time", as_json)


def history(name: Name, as_json: Json = False) -> None:
    """Show who did what in a collaboration, when and why."""
    found = asyncio.run(_call(lambda session: session.campaign.GetCollaboration(ca.GetCollaborationRequest(name=name))))
    if as_json:
        output.show_json(found.history)
        return
    output.show_table(
        ["time", "step", "state", "by", "side", "why"],
        [
            (
                step.time.ToDatetime().isoformat(" ", "minutes"),
                step.action.replace("_", " ").lower(),
                output.word(ca.CollaborationState, step.state),
                step.actor,
                output.word(ca.Party, step.party),
                step.reason,
            )
            for step in found.history
        ],
    )


def watch(
    campaign: CampaignName,
    resume: Annotated[str, typer.Option(help="Go on after this token.")] = "",
    until_caught_up: Annotated[bool, typer.Option("--once", help="End when all that there is was shown.")] = False,
) -> None:
    """Follow a campaign: one line for each change. A stream that a restart ends is taken up where it was."""
    asyncio.run(_watch(campaign, resume, until_caught_up))


async def _watch(campaign: str, token: str, once: bool) -> None:
    async with Session() as session:
        while True:
            stream = session.campaign.WatchCampaign(ca.WatchCampaignRequest(name=campaign, resume_token=token))
            try:
                async for shown in stream:
                    token = shown.resume_token
                    if shown.HasField("collaboration"):
                        _tell(shown.collaboration)
                    elif shown.caught_up and once:
                        output.note(f"resume with --resume {token}")
                        return
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                token = to_refusal(error).metadata.get("resume_token") or token
                output.note("the service is away; going on when it is back")
                await asyncio.sleep(1)


def _tell(collaboration: ca.Collaboration) -> None:
    last = collaboration.history[-1]
    when = last.time.ToDatetime().isoformat(" ", "seconds")
    state = output.word(ca.CollaborationState, collaboration.state)
    output.results.print(f"{when}  {collaboration.name}  {state}  {last.action.lower()} by {last.actor}", markup=False)


@dispute_app.command("open")
def open_(
    name: Name,
    reason: Annotated[str, typer.Argument(help="What the disagreement is.")],
    as_json: Json = False,
) -> None:
    """Call for a decision of the operator; the clocks stand still until there is one."""
    request = ca.OpenDisputeRequest(name=name, reason=reason, request_id=str(uuid.uuid4()))
    _show(asyncio.run(_call(lambda session: session.campaign.OpenDispute(request))), as_json)


@dispute_app.command()
def resolve(
    name: Name,
    outcome: Annotated[str, typer.Argument(help="resume, settle or cancel.")],
    reason: Annotated[str, typer.Argument(help="Why; both sides see it.")],
    amount: Annotated[
        int | None, typer.Option(help="With settle: what the creator is paid in all, in minor units.")
    ] = None,
    currency: Annotated[str, typer.Option(help="Its currency.")] = "EUR",
    as_json: Json = False,
) -> None:
    """Decide a dispute: who gets what."""
    request = ca.ResolveDisputeRequest(
        name=name,
        outcome=_number(ca.DisputeOutcome, "DISPUTE_OUTCOME_", outcome),
        reason=reason,
        request_id=str(uuid.uuid4()),
    )
    if amount is not None:
        request.creator_amount.CopyFrom(type_pb2.Money(currency_code=currency, minor_units=amount))
    _show(asyncio.run(_call(lambda session: session.campaign.ResolveDispute(request))), as_json)


def _answer(campaign: str, whom: dict[str, Any], answer: Any, as_json: bool, **fields: Any) -> None:
    request = ca.AnswerApplicationsRequest(
        campaign=campaign, answer=answer, request_id=str(uuid.uuid4()), **whom, **fields
    )

    async def call() -> ops.Operation:
        async with Session() as session:
            begun = await session.campaign.AnswerApplications(request)
            output.note(f"{begun.name} goes on whatever becomes of this command: entente operations watch campaign")
            asked = ops.WatchOperationRequest(name=begun.name)
            return [each async for each in session.operations("campaign").WatchOperation(asked)][-1]

    operation = asyncio.run(call())
    if operation.HasField("error"):
        raise CommandError(operation.error.message)
    response = ca.AnswerApplicationsResponse()
    operation.response.Unpack(response)
    if as_json:
        output.show_json(response)
    else:
        output.show_table(["row", "creator", "result", "reasons"], [_result(result) for result in response.results])
    if any(result.HasField("error") for result in response.results):
        raise typer.Exit(1)


def _result(result: ca.ApplicationResult) -> tuple[Any, ...]:
    reasons = ", ".join(output.word(ca.DeclineReason, reason) for reason in result.reasons)
    state = output.word(ca.CollaborationState, result.state)
    return result.row, result.creator, result.error.message if result.HasField("error") else state, reasons


def _whom(creators: list[str] | None, file: Path | None, where: str) -> dict[str, Any]:
    given = [bool(creators), file is not None, bool(where)]
    if sum(given) != 1:
        raise CommandError("Say whom: creators, or --file, or --filter, and one of these only.")
    if file is None:
        return {"creators": creators or (), "filter": where}
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    return {"creators": [line.strip() for line in lines if line.strip()]}


def _number(enum: Any, prefix: str, word: str) -> Any:
    name = prefix + word.upper().replace("-", "_")
    if name not in enum.keys() or name == prefix + "UNSPECIFIED":  # noqa: SIM118  an enum wrapper is no mapping
        known = ", ".join(each.removeprefix(prefix).lower() for each in enum.keys() if "UNSPECIFIED" not in each)  # noqa: SIM118
        raise CommandError(f"There is no {word!r}: it is one of {known}.")
    return enum.Value(name)


async def _call(ask: Any) -> Any:
    async with Session() as session:
        return await ask(session)


def _row(each: ca.Collaboration) -> tuple[Any, ...]:
    fit = f"{each.fit.score_hundredths / 100:.1f}" if each.HasField("fit") else ""
    state = output.word(ca.CollaborationState, each.state)
    platform = output.word(type_pb2.Platform, each.platform)
    return each.name, each.creator_display_name, state, fit, platform, ", ".join(each.allowed_commands)


def _show(collaboration: ca.Collaboration, as_json: bool) -> None:
    if as_json:
        output.show_json(collaboration)
        return
    output.results.print(
        f"{collaboration.name}  ({output.word(ca.CollaborationState, collaboration.state)})", markup=False
    )
