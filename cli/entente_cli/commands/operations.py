"""entente operations: long work of the services, and how far it has come."""

import asyncio
from typing import Annotated, Any

import typer

from entente.ops.v1 import ops_pb2 as ops
from entente_cli import output
from entente_cli.errors import CommandError
from entente_cli.output import Json
from entente_cli.session import Session, all_pages
from entente_stack.services import SERVICES

app = typer.Typer(help="Long work: bulk answers, bulk messages, exports; and how far it is.", no_args_is_help=True)

Service = Annotated[str, typer.Argument(help=f"The service: {', '.join(SERVICES)}.")]
Name = Annotated[str, typer.Argument(help="The operation, as the command that began it printed it.")]


@app.command("list")
def list_(
    service: Service,
    parent: Annotated[str, typer.Argument(help="Whose, for example brands/lysandre.")],
    where: Annotated[str, typer.Option("--filter", help="For example: done = false AND verb = ShipParcels.")] = "",
    as_json: Json = False,
) -> None:
    """List operations, the newest first."""

    async def call() -> list[ops.Operation]:
        async with Session() as session:
            stub = session.operations(service)

            async def page(token: str) -> ops.ListOperationsResponse:
                request = ops.ListOperationsRequest(parent=parent, filter=where, page_size=500, page_token=token)
                return await stub.ListOperations(request)

            return await all_pages(page, lambda page: page.operations)

    found = asyncio.run(call())
    if as_json:
        output.show_json(found)
    elif found:
        columns = ["name", "verb", "done", "of", "failed", "state", "asked for"]
        output.show_table(columns, [_row(operation) for operation in found])
    else:
        output.results.print("No operations.")


@app.command()
def show(service: Service, name: Name, as_json: Json = False) -> None:
    """Show an operation and what it came to."""

    async def call() -> ops.Operation:
        async with Session() as session:
            return await session.operations(service).GetOperation(ops.GetOperationRequest(name=name))

    _show(asyncio.run(call()), as_json=as_json)


@app.command()
def watch(service: Service, name: Name, as_json: Json = False) -> None:
    """Follow an operation to its end, and show what it came to."""

    async def call() -> ops.Operation:
        async with Session() as session:
            with output.progress() as bar:
                task = bar.add_task(name, total=None)
                last = ops.Operation()
                async for last in session.operations(service).WatchOperation(ops.WatchOperationRequest(name=name)):
                    facts = metadata_of(last)
                    bar.update(task, description=facts.verb, completed=facts.processed, total=facts.total)
                return last

    _show(asyncio.run(call()), as_json=as_json)


@app.command()
def cancel(service: Service, name: Name, as_json: Json = False) -> None:
    """End an operation after the step that it is at; what was done stays done."""

    async def call() -> ops.Operation:
        async with Session() as session:
            return await session.operations(service).CancelOperation(ops.CancelOperationRequest(name=name))

    _show(asyncio.run(call()), as_json=as_json)


def metadata_of(operation: ops.Operation) -> ops.OperationMetadata:
    """What an operation says of itself."""
    metadata = ops.OperationMetadata()
    if not operation.metadata.Unpack(metadata):
        raise CommandError(f"{operation.name} does not say what it is.")
    return metadata


def _show(operation: ops.Operation, *, as_json: bool) -> None:
    if as_json:
        output.show_json(operation)
    else:
        facts = metadata_of(operation)
        output.results.print(
            f"{operation.name}: {facts.verb} for {facts.parent}, {facts.processed} of {facts.total} done, "
            f"{facts.failed} failed; {_state(operation, facts)}",
            markup=False,
        )
        if operation.HasField("response"):
            shown = output.plain(operation.response)
            shown.pop("@type", None)
            output.show_json(shown)
    if operation.HasField("error"):
        raise typer.Exit(1)


def _row(operation: ops.Operation) -> tuple[Any, ...]:
    facts = metadata_of(operation)
    asked = facts.create_time.ToDatetime().isoformat(" ", "minutes")
    return operation.name, facts.verb, facts.processed, facts.total, facts.failed, _state(operation, facts), asked


def _state(operation: ops.Operation, facts: ops.OperationMetadata) -> str:
    if operation.HasField("error"):
        return str(operation.error.message)
    if operation.done:
        return "ended"
    return "being cancelled" if facts.cancel_requested else "under way"
