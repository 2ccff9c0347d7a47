"""entente campaign update, clone, pause, cancel, contract, ship, payables, review …: what a campaign agrees on."""

import asyncio
import json
import sys
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from google.protobuf.json_format import ParseDict, ParseError

from entente.campaign.v1 import service_pb2 as ca
from entente_cli import output
from entente_cli.errors import CommandError
from entente_cli.output import Json
from entente_cli.session import Session, all_pages

T = TypeVar("T")

contract_app = typer.Typer(help="Contracts: offer, counter, read, accept.", no_args_is_help=True)
payables_app = typer.Typer(help="What is owed: list it, export it, mark it as paid.", no_args_is_help=True)
account_app = typer.Typer(help="Bank accounts: keep, show, erase.", no_args_is_help=True)
agency_app = typer.Typer(help="Agencies that act for a brand.", no_args_is_help=True)

CampaignName = Annotated[str, typer.Argument(help="The campaign, campaigns/{id}.")]
Name = Annotated[str, typer.Argument(help="The collaboration, campaigns/{id}/collaborations/{creator}.")]
Reason = Annotated[str, typer.Option(help="Why; those concerned are told.")]
Brand = Annotated[str, typer.Argument(help="The brand, brands/{id}.")]
Owner = Annotated[str, typer.Argument(help="creators/{id} or brands/{id}.")]
Export = Annotated[str, typer.Argument(help="The export, brands/{id}/payableExports/{id}.")]
FORMATS = {"csv": ca.PAYABLE_FILE_FORMAT_CSV, "sepa": ca.PAYABLE_FILE_FORMAT_SEPA}


def register(app: typer.Typer) -> None:
    """Add the commands to those of campaigns."""
    app.command("register-brand")(register_brand)
    for command in (update, clone, pause, resume, cancel, archive, ship, review):
        app.command()(command)
    app.add_typer(contract_app, name="contract")
    app.add_typer(payables_app, name="payables")
    app.add_typer(account_app, name="account")
    app.add_typer(agency_app, name="agency")


def register_brand(
    brand: Brand,
    name: Annotated[str, typer.Option(help="Name to show.")],
    country: Annotated[str, typer.Option(help="Where it is, for example FR.")] = "",
    website: Annotated[str, typer.Option(help="Its site.")] = "",
) -> None:
    """Register the brand whose campaigns these are."""
    about = ca.Brand(display_name=name, country=country, website=website)
    request = ca.RegisterBrandRequest(brand_id=brand.removeprefix("brands/"), brand=about, request_id=_id())
    made = _call(lambda session: session.campaign.RegisterBrand(request))
    output.results.print(f"{made.name}  {made.display_name}", markup=False)


# -- the campaign -----------------------------------------------------------------------------------------------------


def update(
    name: CampaignName,
    file: Annotated[Path, typer.Argument(help="The fields to set as JSON, with the names of the proto.")],
    as_json: Json = False,
) -> None:
    """Set fields of a campaign, whole. What the state has fixed is named."""
    campaign = _read(file, ca.Campaign())
    campaign.name = name
    request = ca.UpdateCampaignRequest(campaign=campaign, request_id=_id())
    _campaign(_call(lambda session: session.campaign.UpdateCampaign(request)), as_json)


def clone(
    name: CampaignName,
    title: Annotated[str, typer.Option(help="Title of the new one.")] = "",
    start: Annotated[datetime | None, typer.Option(help="When it starts; the other dates move along.")] = None,
    as_json: Json = False,
) -> None:
    """Make a new draft of a campaign."""
    request = ca.CloneCampaignRequest(name=name, title=title, request_id=_id())
    if start is not None:
        request.start_time.FromDatetime(start.replace(tzinfo=start.tzinfo or UTC))
    _campaign(_call(lambda session: session.campaign.CloneCampaign(request)), as_json)


def pause(name: CampaignName, reason: Reason = "", as_json: Json = False) -> None:
    """Take nobody new for a while."""
    request = ca.PauseCampaignRequest(name=name, reason=reason, request_id=_id())
    _campaign(_call(lambda session: session.campaign.PauseCampaign(request)), as_json)


def resume(name: CampaignName, as_json: Json = False) -> None:
    """End a pause."""
    request = ca.ResumeCampaignRequest(name=name, request_id=_id())
    _campaign(_call(lambda session: session.campaign.ResumeCampaign(request)), as_json)


def cancel(
    name: CampaignName, reason: Annotated[str, typer.Option(help="Why; creators are told.")], as_json: Json = False
) -> None:
    """End a campaign before its time: what is approved goes on, the rest is cancelled."""
    request = ca.CancelCampaignRequest(name=name, reason=reason, request_id=_id())
    _campaign(_call(lambda session: session.campaign.CancelCampaign(request)), as_json)


def archive(name: CampaignName, as_json: Json = False) -> None:
    """Put an ended campaign away."""
    request = ca.ArchiveCampaignRequest(name=name, request_id=_id())
    _campaign(_call(lambda session: session.campaign.ArchiveCampaign(request)), as_json)


def review(name: CampaignName, as_json: Json = False) -> None:
    """Look back: where the money went, whom to work with again, what to change."""
    found = _call(lambda session: session.campaign.GetCampaignReview(ca.GetCampaignReviewRequest(name=name)))
    if as_json:
        output.show_json(found)
        return
    money = found.budget
    output.show_table(
        ["budget", "committed", "spent", "payable", "released", "available"],
        [
            [
                output.money(amount)
                for amount in (
                    money.total,
                    money.committed,
                    money.spent,
                    money.payable,
                    money.released,
                    money.available,
                )
            ]
        ],
    )
    output.show_table(
        ["creator", "rating", "compliance", "on time", "cost", "again", "ask for"],
        [
            (
                each.creator_display_name,
                f"{each.rating_hundredths / 100:.2f}" if each.HasField("rating_hundredths") else "",
                f"{each.compliance_percent} %" if each.HasField("compliance_percent") else "",
                _yes(each, "on_time"),
                output.money(each.cost),
                _yes(each, "work_again"),
                ", ".join(output.word(ca.ReactivationKind, kind) for kind in each.reactivation),
            )
            for each in found.creators
        ],
    )
    output.show_table(
        ["advice", "field", "now", "proposed", "because"],
        [(each.code, each.field, each.current, each.proposed, each.evidence) for each in found.advice],
    )


# -- parcels ----------------------------------------------------------------------------------------------------------


def ship(
    name: Annotated[str, typer.Argument(help="campaigns/{id} with --csv, or one collaboration with --carrier.")],
    csv: Annotated[Path | None, typer.Option(help="Columns creator, carrier, tracking_number, tracking_url.")] = None,
    carrier: Annotated[str, typer.Option(help="Who brings it.")] = "",
    tracking: Annotated[str, typer.Option(help="Its number there.")] = "",
    as_json: Json = False,
) -> None:
    """Note that parcels were sent: one, or those of a file. Exits with 1 when a row was refused."""
    if (csv is None) == (not carrier):
        raise CommandError("Say what was sent: --csv with a file for a campaign, or --carrier for one collaboration.")
    if csv is None:
        one = ca.ShipParcelRequest(name=name, carrier=carrier, tracking_number=tracking, request_id=_id())
        sent = _call(lambda session: session.campaign.ShipParcel(one))
        if as_json:
            output.show_json(sent)
            return
        output.results.print(f"{sent.name}  {output.word(ca.CollaborationState, sent.state)}", markup=False)
        return
    request = ca.ShipParcelsRequest(campaign=name, csv=_text(csv), request_id=_id())
    response = _call(lambda session: session.campaign.ShipParcels(request))
    if as_json:
        output.show_json(response)
    else:
        output.show_table(
            ["row", "creator", "column", "result"],
            [
                (result.row, result.creator, column, said)
                for result in response.results
                for column, said in [(error.column, error.message) for error in result.errors] or [("", "sent")]
            ],
            title=f"{response.sent} sent, {response.refused} refused",
        )
    if response.refused:
        raise typer.Exit(1)


# -- contracts --------------------------------------------------------------------------------------------------------


@contract_app.command()
def offer(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The clauses as JSON, with the names of the proto ContractClauses.")],
    comment: Annotated[str, typer.Option(help="A word to the other side.")] = "",
    as_json: Json = False,
) -> None:
    """Offer a contract, or make a counter-offer."""
    clauses = _read(file, ca.ContractClauses())
    request = ca.OfferContractRequest(collaboration=name, clauses=clauses, comment=comment, request_id=_id())
    _contract(_call(lambda session: session.campaign.OfferContract(request)), as_json)


@contract_app.command("show")
def show_contract(
    name: Name,
    language: Annotated[str, typer.Option(help="fr or en; empty: that of the contract.")] = "",
    as_json: Json = False,
) -> None:
    """Show a contract: its versions, and the text of the last one."""

    async def both(session: Session) -> tuple[ca.Contract, ca.GetContractTextResponse]:
        contract = await session.campaign.GetContract(ca.GetContractRequest(collaboration=name))
        text = ca.GetContractTextRequest(collaboration=name, language=language)
        return contract, await session.campaign.GetContractText(text)

    contract, text = _call(both)
    if as_json:
        output.show_json({"contract": contract, "text": text})
        return
    _contract(contract, False)
    output.results.print(text.text, markup=False)


@contract_app.command()
def accept(
    name: Name,
    version: Annotated[int, typer.Option(help="The version that was read.")],
    sha256: Annotated[str, typer.Option(help="SHA-256 of the text that was read.")],
    as_json: Json = False,
) -> None:
    """Accept the version that the other side offered."""
    request = ca.AcceptContractRequest(collaboration=name, version=version, sha256=sha256, request_id=_id())
    _contract(_call(lambda session: session.campaign.AcceptContract(request)), as_json)


def _contract(contract: ca.Contract, as_json: bool) -> None:
    if as_json:
        output.show_json(contract)
        return
    output.show_table(
        ["version", "offered by", "fee", "sha256", "comment"],
        [
            (
                each.version,
                output.word(ca.Party, each.offered_by),
                output.money(each.terms.fee),
                each.sha256,
                each.comment,
            )
            for each in contract.versions
        ],
        title=f"{contract.name}  {output.word(ca.ContractState, contract.state)}",
    )


# -- money ------------------------------------------------------------------------------------------------------------


@payables_app.command("list")
def list_payables(
    parent: Annotated[str, typer.Argument(help="brands/{id} or campaigns/{id}.")], as_json: Json = False
) -> None:
    """List what is owed, the earliest due first."""

    async def every(session: Session) -> list[ca.Payable]:
        async def page(token: str) -> ca.ListPayablesResponse:
            request = ca.ListPayablesRequest(parent=parent, page_size=500, page_token=token)
            return await session.campaign.ListPayables(request)

        return await all_pages(page, lambda page: page.payables)

    found = _call(every)
    if as_json:
        output.show_json(found)
        return
    output.show_table(
        ["collaboration", "amount", "fee", "share", "due", "export", "paid"],
        [
            (
                each.collaboration,
                output.money(each.amount),
                output.money(each.agreed_fee),
                f"{each.fee_percent} %",
                _day(each, "due_time"),
                each.export.rpartition("/")[2],
                _day(each, "pay_time"),
            )
            for each in found
        ],
    )


@payables_app.command()
def export(
    brand: Brand,
    to: Annotated[Path | None, typer.Option(help="Where the file goes; to the terminal without.")] = None,
    format: Annotated[str, typer.Option(help="csv or sepa.")] = "csv",
    campaign: Annotated[str, typer.Option(help="Only those of this campaign.")] = "",
    request_id: Annotated[str, typer.Option(help="The same one makes the same export again.")] = "",
    as_json: Json = False,
) -> None:
    """Gather what a brand owes, and write the file. A payable is in one export at most, unless that is void."""
    kind = _format(format)
    request = ca.CreatePayableExportRequest(parent=brand, campaign=campaign, request_id=request_id or _id())

    async def both(session: Session) -> tuple[ca.PayableExport, ca.GetPayableExportFileResponse]:
        made = await session.campaign.CreatePayableExport(request)
        return made, await session.campaign.GetPayableExportFile(
            ca.GetPayableExportFileRequest(name=made.name, format=kind)
        )

    _file(*_call(both), to, as_json)


@payables_app.command("file")
def export_file(
    name: Export,
    to: Annotated[Path | None, typer.Option(help="Where the file goes; to the terminal without.")] = None,
    format: Annotated[str, typer.Option(help="csv or sepa.")] = "csv",
    as_json: Json = False,
) -> None:
    """Write the file of an export again."""
    kind = _format(format)

    async def both(session: Session) -> tuple[ca.PayableExport, ca.GetPayableExportFileResponse]:
        request = ca.GetPayableExportFileRequest(name=name, format=kind)
        export = await session.campaign.GetPayableExport(ca.GetPayableExportRequest(name=name))
        return export, await session.campaign.GetPayableExportFile(request)

    _file(*_call(both), to, as_json)


@payables_app.command()
def paid(name: Export, as_json: Json = False) -> None:
    """Say that an export was paid."""
    request = ca.MarkPayableExportPaidRequest(name=name, request_id=_id())
    _export(_call(lambda session: session.campaign.MarkPayableExportPaid(request)), as_json)


@payables_app.command()
def void(name: Export, reason: Annotated[str, typer.Option(help="Why.")], as_json: Json = False) -> None:
    """Give an export up; its payables can be exported anew."""
    request = ca.VoidPayableExportRequest(name=name, reason=reason, request_id=_id())
    _export(_call(lambda session: session.campaign.VoidPayableExport(request)), as_json)


def _format(name: str) -> "ca.PayableFileFormat.ValueType":
    if name not in FORMATS:
        raise CommandError(f"--format must be one of {', '.join(FORMATS)}.")
    return FORMATS[name]


def _file(export: ca.PayableExport, file: ca.GetPayableExportFileResponse, to: Path | None, as_json: bool) -> None:
    if to is not None:
        to.write_bytes(file.content)
        _export(export, as_json)
    elif as_json:
        output.show_json(export)
    else:
        sys.stdout.write(file.content.decode())


def _export(export: ca.PayableExport, as_json: bool) -> None:
    if as_json:
        output.show_json(export)
        return
    state = output.word(ca.PayableExportState, export.state)
    output.results.print(
        f"{export.name}  {state}  {len(export.lines)} lines, {output.money(export.total)}", markup=False
    )


# -- accounts and agencies --------------------------------------------------------------------------------------------


@account_app.command("set")
def set_account(
    owner: Owner,
    holder: Annotated[str, typer.Option(help="Name of the holder.", prompt=True)],
    iban: Annotated[
        str, typer.Option(help="The number; asked for when it is not given.", prompt=True, hide_input=True)
    ],
    bic: Annotated[str, typer.Option(help="The bank; may be left out.")] = "",
) -> None:
    """Keep a bank account."""
    request = ca.SetBankAccountRequest(owner=owner, holder_name=holder, iban=iban, bic=bic, request_id=_id())
    _account(_call(lambda session: session.campaign.SetBankAccount(request)))


@account_app.command("show")
def show_account(owner: Owner) -> None:
    """Show a bank account, but for its number."""
    _account(_call(lambda session: session.campaign.GetBankAccount(ca.GetBankAccountRequest(owner=owner))))


@account_app.command("erase")
def erase_account(owner: Owner) -> None:
    """Erase a bank account with all its former numbers."""
    request = ca.DeleteBankAccountRequest(owner=owner, request_id=_id())
    _account(_call(lambda session: session.campaign.DeleteBankAccount(request)))


def _account(account: ca.BankAccount) -> None:
    number = f"…{account.iban_ending}, {account.holder_name}" if account.iban_ending else "erased"
    output.results.print(f"{account.owner}  {number}", markup=False)


@agency_app.command("grant")
def grant_agency(brand: Brand, agency: Annotated[str, typer.Argument(help="The agency's account.")]) -> None:
    """Let an agency act for a brand."""
    request = ca.GrantAgencyRequest(name=brand, agency=agency, request_id=_id())
    _agencies(_call(lambda session: session.campaign.GrantAgency(request)))


@agency_app.command("revoke")
def revoke_agency(brand: Brand, agency: Annotated[str, typer.Argument(help="The agency's account.")]) -> None:
    """Take that back."""
    request = ca.RevokeAgencyRequest(name=brand, agency=agency, request_id=_id())
    _agencies(_call(lambda session: session.campaign.RevokeAgency(request)))


def _agencies(brand: ca.Brand) -> None:
    output.show_table(
        ["agency", "since", "granted by"],
        [(each.agency, _day(each, "grant_time"), each.granted_by) for each in brand.agencies],
        title=brand.name,
    )


# -- in common --------------------------------------------------------------------------------------------------------


def _call(ask: Callable[[Session], Awaitable[T]]) -> T:
    async def call() -> T:
        async with Session() as session:
            return await ask(session)

    return asyncio.run(call())


def _campaign(campaign: ca.Campaign, as_json: bool) -> None:
    if as_json:
        output.show_json(campaign)
        return
    state = output.word(ca.CampaignState, campaign.state)
    output.results.print(f"{campaign.name}  {campaign.title}  ({state})", markup=False)


def _read(file: Path, message: Any) -> Any:
    try:
        return ParseDict(json.loads(_text(file)), message)
    except json.JSONDecodeError as error:
        raise CommandError(f"{file} is not JSON: {error.msg} in line {error.lineno}.") from error
    except ParseError as error:
        raise CommandError(f"{file} is not what is asked for: {error}.") from error


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} is not UTF-8: save it as such.") from error


def _id() -> str:
    return str(uuid.uuid4())


def _yes(message: Any, field: str) -> str:
    return ("yes" if getattr(message, field) else "no") if message.HasField(field) else ""


def _day(message: Any, field: str) -> str:
    return getattr(message, field).ToDatetime().date().isoformat() if message.HasField(field) else ""
