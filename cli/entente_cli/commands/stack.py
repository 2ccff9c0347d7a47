"""entente up, down, status."""

import time
from typing import Annotated

import typer

from entente_cli import output
from entente_cli.output import Json
from entente_cli.paths import current_paths, demo_paths
from entente_stack.paths import default_paths
from entente_stack.services import Suite
from entente_stack.stack import Stack


def up(
    as_json: Json = False,
    only_stack: Annotated[bool, typer.Option("--stack-only", help="Start Kafka and the database, no service.")] = False,
) -> None:
    """Start Kafka, the database, mail and trace receivers, and the five services. Doing it twice changes nothing."""
    began = time.monotonic()
    stack = Stack(default_paths(), report=output.note)
    addresses = stack.up()
    suite = Suite(stack, report=output.note)
    if not only_stack:
        suite.up()
    if as_json:
        output.show_json(_status(stack, suite) | {"elapsed_s": round(time.monotonic() - began, 1)})
        return
    output.results.print(f"Up after {time.monotonic() - began:.1f} s, data in {stack.paths.root}.")
    output.results.print(f"Kafka {addresses.kafka}   MongoDB {addresses.mongo}", markup=False)
    if not only_stack:
        _show_services(suite)


def down(as_json: Json = False) -> None:
    """Stop what `entente up` or `entente demo --keep` started, the services first. The data stays."""
    stopped = [name for paths in (default_paths(), demo_paths()) for name in Stack(paths, report=output.note).down()]
    if as_json:
        output.show_json({"stopped": stopped})
    else:
        output.results.print(f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running.")


def status(as_json: Json = False) -> None:
    """Show what runs, where, and how it is. Exits with 1 unless everything is ready."""
    stack = Stack(current_paths())
    suite = Suite(stack)
    health = suite.health()
    ready = all(service.ready for service in health) and all(process.alive for process in stack.processes())
    if as_json:
        output.show_json(_status(stack, suite))
    else:
        _show_processes(stack)
        _show_services(suite)
    raise typer.Exit(0 if ready else 1)


def _status(stack: Stack, suite: Suite) -> dict[str, object]:
    services = {service.name: service for service in suite.health()}
    processes = []
    for process in stack.processes():
        entry: dict[str, object] = {
            "name": process.name,
            "pid": process.pid,
            "running": process.alive,
            "ports": process.ports,
            "memory_mb": process.memory_bytes >> 20,
            "log": process.log,
        }
        if process.name in services:
            entry["ready"] = services[process.name].ready
        processes.append(entry)
    ready = all(service.ready for service in services.values()) and all(process.alive for process in stack.processes())
    return {"processes": processes, "ready": ready}


def _show_processes(stack: Stack) -> None:
    names = ("kafka", "mongo", "smtp", "otlp")
    rows = [
        (p.name, "runs" if p.alive else "DEAD", _where(p.ports), p.pid, f"{p.memory_bytes >> 20}")
        for p in stack.processes()
        if p.name in names
    ]
    if rows:
        output.show_table(["stack", "state", "ports", "pid", "MB"], rows)


def _show_services(suite: Suite) -> None:
    rows = [
        (
            service.name,
            "ready" if service.ready else "NOT READY",
            _where(service.process.ports) if service.process else "",
            service.process.pid if service.process else "",
            service.process.memory_bytes >> 20 if service.process else "",
            "" if service.ready else service.detail,
        )
        for service in suite.health()
    ]
    output.show_table(["service", "state", "ports", "pid", "MB", ""], rows)


def _where(ports: dict[str, int]) -> str:
    return " ".join(f"{kind}:{port}" for kind, port in ports.items())
