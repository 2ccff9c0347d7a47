"""entente dlq: events that a service could not handle."""

import asyncio
from typing import Annotated

import typer

from entente.ops.v1.ops_pb2 import (
    DEAD_LETTER_STATE_PENDING,
    DeadLetter,
    DeadLetterState,
    DiscardDeadLetterRequest,
    GetDeadLetterRequest,
    ListDeadLettersRequest,
    ReplayDeadLettersRequest,
    ReplayDeadLettersResponse,
)
from entente_cli import output
from entente_cli.errors import CommandError
from entente_cli.output import Json
from entente_cli.session import Session, all_pages
from entente_stack.services import SERVICES

app = typer.Typer(
    help="Events that a service could not handle: look at them, replay them, give them up.", no_args_is_help=True
)

Service = Annotated[str, typer.Argument(help=f"The service: {', '.join(SERVICES)}.")]
Name = Annotated[str, typer.Argument(help="The dead letter, as `entente dlq list` names it.")]


@app.command("list")
def list_(
    service: Annotated[str | None, typer.Argument(help="Only of this service.")] = None,
    subject: Annotated[str, typer.Option(help="Only of this subject, for example campaigns/abc.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Also those that were replayed or discarded.")] = False,
    as_json: Json = False,
) -> None:
    """List dead letters; those that wait, unless --all is given."""
    services = [_known(service)] if service else list(SERVICES)

    async def fetch() -> list[tuple[str, DeadLetter]]:
        found = []
        async with Session() as session:
            for name in services:
                request = ListDeadLettersRequest(subject=subject, page_size=500)
                if not everything:
                    request.state = DEAD_LETTER_STATE_PENDING

                async def page(token: str, name: str = name, request: ListDeadLettersRequest = request) -> object:
                    request.page_token = token
                    return await session.dead_letters(name).ListDeadLetters(request)

                found += [(name, letter) for letter in await all_pages(page, lambda page: page.dead_letters)]
        return found

    letters = asyncio.run(fetch())
    if as_json:
        output.show_json([{"service": name} | output.plain(letter) for name, letter in letters])
        return
    rows = [
        (
            name,
            letter.name,
            output.word(DeadLetterState, letter.state),
            letter.subject,
            letter.event_type.rpartition(".")[2],
            f"behind {letter.blocked_by}" if letter.blocked_by else letter.reason,
        )
        for name, letter in letters
    ]
    if rows:
        output.show_table(["service", "name", "state", "subject", "event", "why"], rows)
    else:
        output.results.print("No dead letters.")


@app.command()
def show(service: Service, name: Name, as_json: Json = False) -> None:
    """Show one dead letter with the content of its event."""
    _known(service)

    async def fetch() -> DeadLetter:
        async with Session() as session:
            return await session.dead_letters(service).GetDeadLetter(GetDeadLetterRequest(name=name))

    letter = asyncio.run(fetch())
    if as_json:
        output.show_json(letter)
    else:
        output.show_table(["field", "value"], list(output.plain(letter).items()))


@app.command()
def replay(service: Service, name: Name, as_json: Json = False) -> None:
    """Handle the events that wait on the letter's subject again, in order. Exits with 1 when one fails again."""
    _known(service)

    async def call() -> ReplayDeadLettersResponse:
        async with Session() as session:
            return await session.dead_letters(service).ReplayDeadLetters(
                ReplayDeadLettersRequest(name=name), timeout=120
            )

    result = asyncio.run(call())
    if as_json:
        output.show_json(result)
    elif result.stopped_by:
        output.results.print(
            f"Replayed {result.replayed}; {result.stopped_by} failed again ({result.reason}); {result.remaining} wait.",
            markup=False,
        )
    else:
        output.results.print(f"Replayed {result.replayed}; nothing waits on this subject any more.")
    if result.stopped_by:
        raise typer.Exit(1)


@app.command()
def discard(
    service: Service,
    name: Name,
    reason: Annotated[str, typer.Option(help="Why it may be given up; it is kept.", prompt="Why may it be given up?")],
    as_json: Json = False,
) -> None:
    """Give one event up for good, so that those behind it can be replayed."""
    _known(service)

    async def call() -> DeadLetter:
        async with Session() as session:
            request = DiscardDeadLetterRequest(name=name, reason=reason)
            return await session.dead_letters(service).DiscardDeadLetter(request)

    letter = asyncio.run(call())
    if as_json:
        output.show_json(letter)
    else:
        output.results.print(f"{letter.name} is discarded.", markup=False)


def _known(service: str) -> str:
    if service not in SERVICES:
        raise CommandError(f"There is no service {service!r}: it is one of {', '.join(SERVICES)}.")
    return service
