"""entente campaign: campaigns and who takes part in them."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from google.protobuf.json_format import ParseDict, ParseError

from entente.campaign.v1.service_pb2 import (
    Campaign,
    CampaignState,
    Collaboration,
    CollaborationState,
    CompleteCampaignRequest,
    CreateCampaignRequest,
    GetCampaignRequest,
    Invitation,
    InviteCreatorsRequest,
    InviteCreatorsResponse,
    ListCampaignsRequest,
    ListCampaignsResponse,
    ListCollaborationsRequest,
    ListCollaborationsResponse,
    PublishCampaignRequest,
)
from entente_cli import output
from entente_cli.commands import agreements, applications
from entente_cli.errors import CommandError
from entente_cli.output import Json
from entente_cli.session import Session, all_pages

app = typer.Typer(help="Campaigns: create, publish, invite, follow.", no_args_is_help=True)

app.add_typer(applications.app, name="applications")
app.add_typer(applications.dispute_app, name="dispute")
agreements.register(app)
app.command("history")(applications.history)
app.command("watch")(applications.watch)

Name = Annotated[str, typer.Argument(help="The campaign, campaigns/{id}.")]


@app.command()
def create(
    file: Annotated[Path, typer.Argument(help="The campaign as JSON, with the field names of its proto.")],
    brand: Annotated[str, typer.Option(help="Whose it is, brands/{id}, when the file does not say.")] = "",
    as_json: Json = False,
) -> None:
    """Create a campaign as a draft."""
    campaign = read(file)
    campaign.brand = brand or campaign.brand

    async def call() -> Campaign:
        async with Session() as session:
            return await session.campaign.CreateCampaign(CreateCampaignRequest(campaign=campaign))

    _show(asyncio.run(call()), as_json=as_json)


@app.command()
def publish(name: Name, as_json: Json = False) -> None:
    """Publish a draft. What is missing is named, all at once."""

    async def call() -> Campaign:
        async with Session() as session:
            return await session.campaign.PublishCampaign(PublishCampaignRequest(name=name))

    _show(asyncio.run(call()), as_json=as_json)


@app.command()
def complete(name: Name, as_json: Json = False) -> None:
    """End a campaign."""

    async def call() -> Campaign:
        async with Session() as session:
            return await session.campaign.CompleteCampaign(CompleteCampaignRequest(name=name))

    _show(asyncio.run(call()), as_json=as_json)


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show a campaign and who takes part in it."""

    async def call() -> tuple[Campaign, list[Collaboration]]:
        async with Session() as session:
            campaign = await session.campaign.GetCampaign(GetCampaignRequest(name=name))

            async def page(token: str) -> ListCollaborationsResponse:
                request = ListCollaborationsRequest(parent=name, page_size=500, page_token=token)
                return await session.campaign.ListCollaborations(request)

            return campaign, await all_pages(page, lambda page: page.collaborations)

    campaign, collaborations = asyncio.run(call())
    if as_json:
        output.show_json({"campaign": campaign, "collaborations": collaborations})
        return
    _show(campaign, as_json=False)
    output.show_table(
        ["creator", "state", "fit", "due", "cost"],
        [
            (
                collaboration.creator_display_name,
                output.word(CollaborationState, collaboration.state),
                f"{collaboration.fit.score_hundredths / 100:.1f}" if collaboration.HasField("fit") else "",
                _day(collaboration, "publication_due_time"),
                output.money(collaboration.cost),
            )
            for collaboration in collaborations
        ],
    )


@app.command("list")
def list_(
    brand: Annotated[str, typer.Option(help="Only those of this brand, brands/{id}.")] = "",
    as_json: Json = False,
) -> None:
    """List campaigns."""

    async def call() -> list[Campaign]:
        async with Session() as session:

            async def page(token: str) -> ListCampaignsResponse:
                request = ListCampaignsRequest(brand=brand, page_size=500, page_token=token)
                return await session.campaign.ListCampaigns(request)

            return await all_pages(page, lambda page: page.campaigns)

    campaigns = asyncio.run(call())
    if as_json:
        output.show_json(campaigns)
        return
    output.show_table(
        ["campaign", "title", "brand", "state", "places", "start", "end"],
        [
            (
                campaign.name,
                campaign.title,
                campaign.brand_display_name,
                output.word(CampaignState, campaign.state),
                f"{campaign.places_taken}/{campaign.places}",
                _day(campaign, "start_time"),
                _day(campaign, "end_time"),
            )
            for campaign in campaigns
        ],
    )


@app.command()
def invite(
    name: Name,
    creators: Annotated[list[str], typer.Argument(help="Whom, creators/{id} each.")],
    message: Annotated[str, typer.Option(help="A personal word.")] = "",
    as_json: Json = False,
) -> None:
    """Invite creators. There is one result for each; exits with 1 when one was refused."""

    async def call() -> InviteCreatorsResponse:
        invitations = [Invitation(creator=creator, message=message) for creator in creators]
        async with Session() as session:
            return await session.campaign.InviteCreators(InviteCreatorsRequest(campaign=name, invitations=invitations))

    response = asyncio.run(call())
    if as_json:
        output.show_json(response)
    else:
        output.show_table(
            ["creator", "result"],
            [
                (
                    result.creator,
                    result.error.message
                    if result.HasField("error")
                    else output.word(CollaborationState, result.collaboration.state),
                )
                for result in response.results
            ],
        )
    if any(result.HasField("error") for result in response.results):
        raise typer.Exit(1)


def read(file: Path) -> Campaign:
    """A campaign from its JSON form.

    Raises:
        CommandError: the file is missing, no JSON, or has fields that a campaign does not have.
    """
    try:
        return ParseDict(json.loads(file.read_text()), Campaign())
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    except json.JSONDecodeError as error:
        raise CommandError(f"{file} is not JSON: {error.msg} in line {error.lineno}.") from error
    except ParseError as error:
        raise CommandError(f"{file} is not a campaign: {error}.") from error


def _show(campaign: Campaign, *, as_json: bool) -> None:
    if as_json:
        output.show_json(campaign)
        return
    output.results.print(
        f"{campaign.name}  {campaign.title}  ({output.word(CampaignState, campaign.state)})", markup=False
    )


def _day(message: Any, field: str) -> str:
    return getattr(message, field).ToDatetime().date().isoformat() if message.HasField(field) else ""
