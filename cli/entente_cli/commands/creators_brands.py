"""entente creators: what a brand keeps about creators, and plans with them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import typer
from google.protobuf.duration_pb2 import Duration

from entente.campaign.v1 import service_pb2 as ca
from entente.matching.v1 import service_pb2 as ma
from entente.type.v1 import type_pb2
from entente_cli import output
from entente_cli.commands.creators import app
from entente_cli.errors import CommandError
from entente_cli.output import Json, word
from entente_cli.session import Session, all_pages

T = TypeVar("T")

Brand = Annotated[str, typer.Argument(help="The brand, for example brands/lysandre.")]
Creator = Annotated[str, typer.Argument(help="The creator, for example creators/c00037f5256.")]

shortlists = typer.Typer(help="Shortlists of a brand.", no_args_is_help=True)
app.add_typer(shortlists, name="shortlist")


@app.command()
def favourite(
    brand: Brand,
    creator: Creator,
    off: Annotated[bool, typer.Option("--off", help="No longer a favourite.")] = False,
    as_json: Json = False,
) -> None:
    """Mark a creator as a favourite of a brand."""
    request = ma.SetFavouriteRequest(name=_relation(brand, creator), favourite=not off)
    _show_relation(_ask(lambda session: session.matching.SetFavourite(request)), as_json=as_json)


@app.command()
def ban(
    brand: Brand,
    creator: Creator,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "",
    lift: Annotated[bool, typer.Option("--lift", help="Lift the ban.")] = False,
    as_json: Json = False,
) -> None:
    """Ban a creator for a brand: it is neither found nor planned with any more."""
    request = ma.SetBanRequest(name=_relation(brand, creator), banned=not lift, reason=reason)
    _show_relation(_ask(lambda session: session.matching.SetBan(request)), as_json=as_json)


@app.command()
def note(
    brand: Brand,
    creator: Creator,
    text: Annotated[str, typer.Argument(help="The note; empty shows what is kept.")] = "",
    delete: Annotated[str, typer.Option(help="Delete the note with this id.")] = "",
    as_json: Json = False,
) -> None:
    """Keep a note on a creator, delete one, or show all."""
    name = _relation(brand, creator)

    def call(session: Session) -> Awaitable[ma.Relation]:
        if delete:
            return session.matching.DeleteNote(ma.DeleteNoteRequest(name=name, note_id=delete))
        if text:
            return session.matching.AddNote(ma.AddNoteRequest(name=name, text=text))
        return session.matching.GetRelation(ma.GetRelationRequest(name=name))

    _show_relation(_ask(call), as_json=as_json)


@app.command()
def relations(
    brand: Brand,
    where: Annotated[str, typer.Option("--filter", help="For example: favourite = true.")] = "",
    as_json: Json = False,
) -> None:
    """List a brand's favourites, bans and notes."""

    async def call(session: Session) -> list[ma.Relation]:
        async def page(token: str) -> ma.ListRelationsResponse:
            request = ma.ListRelationsRequest(parent=brand, filter=where, page_size=500, page_token=token)
            return await session.matching.ListRelations(request)

        return await all_pages(page, lambda page: page.relations)

    found = _ask(call)
    if as_json:
        output.show_json(found)
    else:
        rows = [(r.creator, "yes" if r.favourite else "", r.ban.reason, len(r.notes)) for r in found]
        output.show_table(["creator", "favourite", "banned because", "notes"], rows)


@app.command("work-again")
def work_again(brand: Brand, as_json: Json = False) -> None:
    """Show whom a brand should work with again, and why."""

    async def call(session: Session) -> list[ma.WorkAgain]:
        async def page(token: str) -> ma.ListWorkAgainResponse:
            request = ma.ListWorkAgainRequest(parent=brand, page_size=500, page_token=token)
            return await session.matching.ListWorkAgain(request)

        return await all_pages(page, lambda page: page.suggestions)

    found = _ask(call)
    if as_json:
        output.show_json(found)
    elif found:
        rows = [(each.creator, f"{each.score_hundredths / 100:.0f}", "; ".join(each.reasons)) for each in found]
        output.show_table(["creator", "points", "why"], rows)
    else:
        output.results.print("Nobody yet: suggestions come from completed and rated collaborations.")


@app.command()
def advice(
    kind: Annotated[list[str], typer.Argument(help="visual, tutorial, community, gaming, b2b; several are added up.")],
    age: Annotated[list[str] | None, typer.Option(help="Ages wanted, for example 18-24.")] = None,
    as_json: Json = False,
) -> None:
    """Advise one or two platforms for a kind of product."""
    kinds = [_enum(ma.ProductKind, "PRODUCT_KIND", each) for each in kind]
    request = ma.GetPlatformAdviceRequest(kinds=kinds, ages=age or [])
    found = _ask(lambda session: session.matching.GetPlatformAdvice(request))
    if as_json:
        output.show_json(found)
    else:
        rows = [(word(type_pb2.Platform, p.platform), p.points, "; ".join(p.reasons)) for p in found.platforms]
        output.show_table(["platform", "points", "why"], rows)


@app.command()
def benchmarks(
    platform: Annotated[str, typer.Option(help="Only of this platform.")] = "",
    as_json: Json = False,
) -> None:
    """Show the benchmarks in force, and who was measured for them."""
    number = _enum(type_pb2.Platform, "PLATFORM", platform) if platform else type_pb2.PLATFORM_UNSPECIFIED
    found = _ask(lambda session: session.matching.ListBenchmarks(ma.ListBenchmarksRequest(platform=number)))
    if as_json:
        output.show_json(found)
        return
    rows = []
    for each in found.benchmarks:
        values = {round(p.share * 100): p.value for p in each.percentiles}
        most = f"to {each.max_followers:,}" if each.HasField("max_followers") else "and more"
        known = [f"{values[share]:.4f}" if share in values else "" for share in (10, 25, 50, 75, 90)]
        rows.append(
            (
                each.metric,
                word(type_pb2.Platform, each.platform),
                f"{each.min_followers:,} {most}",
                f"{each.creators:,}",
                each.source,
                *known,
            )
        )
    output.show_table(
        ["metric", "platform", "followers", "creators", "source", "p10", "p25", "p50", "p75", "p90"], rows
    )


@app.command()
def authenticity(creator: Creator, as_json: Json = False) -> None:
    """Show how authentic a creator's accounts are held to be, signal by signal."""
    found = _ask(lambda session: session.matching.GetCreator(ma.GetCreatorRequest(name=creator)))
    if as_json:
        told_of = {word(type_pb2.Platform, each.platform): each.authenticity for each in found.accounts}
        output.show_json(told_of)
        return
    for account in found.accounts:
        told = account.authenticity
        score = told.score if told.HasField("score") else "not known"
        confidence = word(ma.Confidence, told.confidence)
        title = (
            f"{word(type_pb2.Platform, account.platform)}: {score}, confidence {confidence} ({told.formula_version})"
        )
        if told.HasField("override"):
            title += (
                f"; an operator says {told.override.score} instead of {told.computed_score}: {told.override.reason}"
            )
        rows = [
            (
                word(ma.AuthenticitySignal, each.signal),
                f"{each.points_hundredths / 100:.1f} of {each.max_points_hundredths / 100:.1f}"
                if each.HasField("value")
                else "",
                each.evidence,
            )
            for each in told.evidence
        ]
        output.show_table(["signal", "points", "evidence"], rows, title=title)


@app.command("override")
def override_(
    creator: Creator,
    platform: Annotated[str, typer.Argument(help="Which account, for example instagram.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept and shown.")],
    score: Annotated[
        int | None, typer.Option(min=0, max=100, help="0 to 100. Left out: the override is cleared.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Set or clear an operator's word on an account's authenticity."""
    request = ma.OverrideAuthenticityRequest(
        creator=creator, platform=_enum(type_pb2.Platform, "PLATFORM", platform), score=score, reason=reason
    )
    found = _ask(lambda session: session.matching.OverrideAuthenticity(request))
    if as_json:
        output.show_json(found)
    else:
        output.results.print(f"{creator} on {platform}: {'cleared' if score is None else score}.", markup=False)


@app.command()
def roster(
    brand: Brand,
    country: Annotated[list[str], typer.Option(help="A country of the target, for example FR; may be repeated.")],
    budget: Annotated[str, typer.Option(help="What all may cost together, for example 5000.00 EUR.")],
    gender: Annotated[list[str] | None, typer.Option(help="FEMALE, MALE, OTHER.")] = None,
    age: Annotated[list[str] | None, typer.Option(help="An age band, for example 25-34.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="What the content is about.")] = None,
    tier: Annotated[
        list[str] | None, typer.Option(help="A limit, for example nano:2: or micro:1:5 (least:most).")
    ] = None,
    most: Annotated[int, typer.Option(min=0, help="How many creators at most; 0 for any number.")] = 0,
    cap: Annotated[int | None, typer.Option(help="What one may cost at most, in minor units.")] = None,
    require: Annotated[list[str] | None, typer.Option(help="A creator that must be in it.")] = None,
    per_thousand: Annotated[
        int | None,
        typer.Option(help="Assumed price of a thousand people reached, in minor units, where none is known."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.2, max=20, help="How long the solver may take.")] = 5.0,
    as_json: Json = False,
) -> None:
    """Plan who reaches the most people of a target within a budget, and say what each adds."""
    target = type_pb2.TargetAudience(countries=country, genders=gender or [], ages=age or [])
    duration = Duration()
    duration.FromMilliseconds(round(seconds * 1000))
    request = ma.PlanRosterRequest(
        brand=brand,
        brief=ma.MatchBrief(target_audience=target, categories=category or []),
        budget=_money(budget),
        max_creators=most,
        max_price_minor_units=cap,
        tiers=[_tier(each) for each in tier or []],
        required_creators=require or [],
        assumed_price_per_thousand=per_thousand,
        max_duration=duration,
    )
    found = _ask(lambda session: session.matching.PlanRoster(request, timeout=60))
    if as_json:
        output.show_json(found)
        return
    rows = [
        (
            pick.creator,
            word(type_pb2.Platform, pick.platform),
            pick.tier,
            f"{pick.price_minor_units / 100:,.2f}{' (assumed)' if pick.price_assumed else ''}",
            f"{pick.reach_in_target:,}",
            f"{pick.marginal_reach:,}",
        )
        for pick in found.picks
    ]
    output.show_table(["creator", "platform", "tier", "price", "reaches", "adds"], rows)
    say = output.results.print
    took = found.solve_duration.ToTimedelta().total_seconds()
    say(f"{roster_summary(found)} {found.candidates:,} candidates, {took:.1f} s.", markup=False)
    for other in found.alternatives:
        say(f"For {_euros(other.budget)}: {other.reach_in_target:,} people ({other.difference:+,}).")
    for assumption in found.assumptions:
        say(f"Assumed: {assumption}.", style="dim", markup=False)


@shortlists.command("list")
def list_shortlists(brand: Brand, as_json: Json = False) -> None:
    """List a brand's shortlists."""

    async def call(session: Session) -> list[ma.Shortlist]:
        async def page(token: str) -> ma.ListShortlistsResponse:
            request = ma.ListShortlistsRequest(parent=brand, page_size=500, page_token=token)
            return await session.matching.ListShortlists(request)

        return await all_pages(page, lambda page: page.shortlists)

    found = _ask(call)
    if as_json:
        output.show_json(found)
    else:
        rows = [(each.name, each.display_name, len(each.creators), each.description) for each in found]
        output.show_table(["name", "called", "creators", "description"], rows)


@shortlists.command()
def create(
    brand: Brand,
    called: Annotated[str, typer.Argument(help="The name to show.")],
    creator: Annotated[list[str] | None, typer.Option(help="A creator on it; may be repeated.")] = None,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: Json = False,
) -> None:
    """Create a shortlist."""
    shortlist = ma.Shortlist(display_name=called, description=description, creators=creator or [])
    request = ma.CreateShortlistRequest(parent=brand, shortlist=shortlist)
    found = _ask(lambda session: session.matching.CreateShortlist(request))
    if as_json:
        output.show_json(found)
    else:
        output.results.print(f"{found.name}: {len(found.creators)} on “{found.display_name}”.", markup=False)


@shortlists.command()
def add(
    shortlist: Annotated[str, typer.Argument(help="The shortlist, as `shortlist list` names it.")],
    creator: Annotated[list[str], typer.Argument(help="Creators to add.")],
    as_json: Json = False,
) -> None:
    """Add creators to a shortlist, and say what became of each."""
    request = ma.AddToShortlistRequest(name=shortlist, creators=creator)
    found = _ask(lambda session: session.matching.AddToShortlist(request))
    if as_json:
        output.show_json(found)
    else:
        output.show_table(
            ["creator", ""], [(each.creator, word(ma.ShortlistAddition, each.addition)) for each in found.results]
        )


@shortlists.command()
def invite(
    shortlist: Annotated[str, typer.Argument(help="The shortlist, as `shortlist list` names it.")],
    campaign: Annotated[str, typer.Argument(help="The campaign, for example campaigns/abc.")],
    message: Annotated[str, typer.Option(help="What each is told; {creator} stands for its id.")],
    as_json: Json = False,
) -> None:
    """Invite everybody on a shortlist to a campaign."""

    async def call(session: Session) -> ca.InviteCreatorsResponse:
        found = await session.matching.GetShortlist(ma.GetShortlistRequest(name=shortlist))
        if not found.creators:
            raise CommandError(f"{shortlist} is empty: add creators first.")
        invitations = [
            ca.Invitation(creator=name, message=message.replace("{creator}", name.removeprefix("creators/")))
            for name in found.creators
        ]
        return await session.campaign.InviteCreators(
            ca.InviteCreatorsRequest(campaign=campaign, invitations=invitations)
        )

    response = _ask(call)
    if as_json:
        output.show_json(response)
        return
    rows = [(each.creator, each.error.message if each.HasField("error") else "invited") for each in response.results]
    output.show_table(["creator", ""], rows)
    if any(each.HasField("error") for each in response.results):
        raise typer.Exit(1)


def roster_summary(found: ma.Roster) -> str:
    """A roster in a sentence or two."""
    best = "the best there is" if found.optimal else f"at most {found.gap:.1%} below the best"
    overlap = 1 - found.reach_in_target / found.reach_with_overlap if found.reach_with_overlap else 0.0
    return (
        f"{len(found.picks)} creators for {_euros(found.cost)} reach {found.reach_in_target:,} people of the target, "
        f"each counted once ({overlap:.1%} overlap): {best}."
    )


def _ask(call: Callable[[Session], Awaitable[T]]) -> T:
    async def run() -> T:
        async with Session() as session:
            return await call(session)

    return asyncio.run(run())


def _relation(brand: str, creator: str) -> str:
    return f"{brand}/relations/{creator.removeprefix('creators/')}"


def _show_relation(relation: ma.Relation, *, as_json: bool) -> None:
    if as_json:
        output.show_json(relation)
        return
    said = ["favourite"] if relation.favourite else []
    said += [f"banned: {relation.ban.reason}"] if relation.HasField("ban") else []
    output.results.print(f"{relation.creator}: {'; '.join(said) or 'nothing special'}", markup=False)
    for each in relation.notes:
        output.results.print(f"  {each.note_id}  {each.create_time.ToDatetime():%Y-%m-%d}  {each.text}", markup=False)


def _enum(enum: Any, prefix: str, name: str) -> Any:
    known = {key.removeprefix(f"{prefix}_"): number for key, number in enum.items() if number}
    if name.upper() not in known:
        raise CommandError(f"{name!r} is not one of {', '.join(key.lower() for key in known)}.")
    return known[name.upper()]


def _money(text: str) -> type_pb2.Money:
    amount, _, currency = text.strip().partition(" ")
    whole, _, cents = amount.replace(",", "").partition(".")
    if not (
        whole.isascii() and whole.isdigit() and len(currency) == 3 and len(cents) <= 2 and (cents or "0").isdigit()
    ):
        raise CommandError(f"{text!r} is not an amount such as '5000.00 EUR'.")
    return type_pb2.Money(currency_code=currency.upper(), minor_units=int(whole) * 100 + int(cents.ljust(2, "0") or 0))


def _tier(text: str) -> ma.RosterTier:
    name, _, limits = text.partition(":")
    least, _, most = limits.partition(":")
    if not name or not (least or "0").isdigit() or not (most or "0").isdigit():
        raise CommandError(f"{text!r} is not a limit such as 'nano:2:' or 'micro:1:5'.")
    return ma.RosterTier(tier=name, min_creators=int(least or 0), max_creators=int(most) if most else None)


def _euros(money: type_pb2.Money) -> str:
    return f"{money.minor_units / 100:,.2f} {money.currency_code}"
