"""entente demo: a whole campaign, told as it happens."""

import asyncio
import json
import secrets
import shutil
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from entente_cli import output, summary
from entente_cli.commands.analytics import write_page
from entente_cli.commands.report import show
from entente_cli.creators_file import write_rejects
from entente_cli.domain_time import ScaledTime
from entente_cli.errors import CommandError
from entente_cli.figures import Broker
from entente_cli.output import Json
from entente_cli.paths import demo_paths
from entente_cli.scenario import Stage, play, seen
from entente_cli.session import Session
from entente_stack import ports
from entente_stack.paths import project_root
from entente_stack.services import SERVICES, Suite
from entente_stack.stack import Stack

_COLOURS = {"matching": "cyan", "campaign": "magenta", "messaging": "green", "review": "yellow", "analytics": "blue"}


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running; `entente down` stops it.")] = False,
    file: Annotated[Path | None, typer.Option(help="Creators to import. Default: the real figures in data/.")] = None,
    day: Annotated[float, typer.Option(min=0.2, max=60, help="Real seconds for one day of the campaign.")] = 1.0,
    out: Annotated[Path, typer.Option(help="Where report.html and summary.json go.")] = Path("build/demo"),
    as_json: Json = False,
) -> None:
    """Run a whole campaign through the five services, on a stack of its own, and tell each step."""
    began = time.monotonic()
    stack = Stack(demo_paths(), report=output.note)
    if any(process.alive for process in stack.processes()):
        raise CommandError("A demo is running or was kept: stop it with `entente down`, then begin another.")
    stack.down()
    # A fresh start each time; the keys stay.
    for leftover in (stack.paths.data, stack.paths.logs, stack.paths.mail, stack.paths.spans.parent):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        stack.up()
        domain_time = ScaledTime(day)
        suite = Suite(stack, extra=domain_time.settings, report=output.note)
        suite.up()
        output.note(f"everything is ready after {time.monotonic() - began:.1f} s; a day takes {day:g} s")
        source = file or project_root() / "data" / "creators_2022_snapshots.csv.gz"
        figures = asyncio.run(_play(suite, stack, domain_time, source, out, as_json=as_json))
    except BaseException:
        # Its logs tell why; what failed must not go on running.
        stack.down()
        raise
    figures["elapsed_s"] = round(time.monotonic() - began, 1)
    (out / "summary.json").write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    if as_json:
        output.show_json(figures)
    else:
        output.show_table(["counted", ""], [(key, "—" if value is None else value) for key, value in figures.items()])
    _say_where(suite, stack, out, keep=keep)
    if not keep:
        stack.down()


async def _play(
    suite: Suite, stack: Stack, domain_time: ScaledTime, file: Path, out: Path, *, as_json: bool
) -> dict[str, Any]:
    printer = output.messages if as_json else output.results

    def tell(service: str, event: str, line: str) -> None:
        # Days count from the publication of the campaign.
        day = f"day {stage.days:4.1f}" if stage.campaign else "prepared"
        colour = _COLOURS[service]
        printer.print(f"[dim]{day}[/dim]  [{colour}]{service:<9}[/{colour}]  [bold]{event}[/bold]", end="  ")
        printer.print(line, markup=False)

    async with Session(stack.paths) as session, Broker(stack.addresses().kafka) as broker:
        before = sum((await broker.ends()).values())
        stage = Stage(session, domain_time, file, run=secrets.token_hex(4), tell=tell)
        await play(stage)
        write_rejects(out / "rejects.csv", list(stage.outcome.imported.rejects))
        await broker.settled(suite)
        report = await seen.report(stage)
        page = out / "report.html"
        await write_page(session, stage.campaign, page)
        if not as_json:
            show(report)
        return await summary.collect(stage, session, suite, stack.paths, broker, written_before=before)


def _say_where(suite: Suite, stack: Stack, out: Path, *, keep: bool) -> None:
    say = output.note
    say(f"Report    {out / 'report.html'}")
    say(f"Figures   {out / 'summary.json'}")
    say(f"Rejects   {out / 'rejects.csv'} (rows of the creators' file that were refused, and why)")
    say(f"Traces    {stack.paths.spans} (one span a line, as the services exported them over OTLP)")
    say(f"Mails     {stack.paths.mail}")
    say(f"Logs      {stack.paths.logs} (JSON, with trace ids)")
    say("AsyncAPI  docs/events/asyncapi.yaml")
    for name in SERVICES if keep else ():
        say(
            f"{name:<9} http://{ports.HOST}:{suite.port(name, 'metrics')}/metrics   "
            f"gRPC with reflection: grpcurl -plaintext {ports.HOST}:{suite.port(name)} list"
        )
    if keep:
        say("Everything goes on running: `entente down` stops it.")
    else:
        say("Metrics and gRPC reflection: KEEP=1 make demo leaves the services running, and says where.")
