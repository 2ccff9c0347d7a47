"""The entente command."""

import os
import sys

import grpc.aio
import typer
from typer.main import get_command

from entente_cli import errors, output
from entente_cli.commands import (
    analytics,
    campaign,
    creators,
    demo,
    dlq,
    messages,
    operations,
    report,
    stack,
    token,
    topics,
)
from entente_cli.commands import creators_brands as _creators_brands  # noqa: F401 - adds its commands to creators
from entente_cli.errors import CommandError
from entente_stack.errors import StackError

app = typer.Typer(
    name="entente",
    help="Influencer marketing through five services: run them, fill them, ask them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("up")(stack.up)
app.command("down")(stack.down)
app.command("status")(stack.status)
app.command("demo")(demo.demo)
app.add_typer(creators.app, name="creators")
app.add_typer(campaign.app, name="campaign")
app.add_typer(analytics.app, name="analytics")
app.command("report")(report.report)
app.add_typer(messages.app, name="messages")
app.add_typer(dlq.app, name="dlq")
app.add_typer(operations.app, name="operations")
app.command("topics")(topics.topics)
app.command("token")(token.token)


def main() -> None:
    """Run the command. Exits with 1 when it could not be carried out, and with 2 when it was not understood."""
    # gRPC writes about its own threads into whatever a person or a script reads.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        get_command(app)(standalone_mode=True)
    except (CommandError, StackError, grpc.aio.AioRpcError, OSError) as error:
        errors.report(error, as_json="--json" in sys.argv)
        sys.exit(1)
    except KeyboardInterrupt:
        output.note("interrupted")
        sys.exit(130)
