"""The five services on this machine: started, watched, restarted and stopped, each as a process of its own."""

import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from entente_stack import ports, processes, state
from entente_stack.errors import StackError
from entente_stack.jars import REPOSITORY_VARIABLE
from entente_stack.paths import DIRECTORY_VARIABLE
from entente_stack.processes import Process
from entente_stack.stack import Addresses, Stack

# In the order of starting.
SERVICES = ("matching", "messaging", "review", "analytics", "campaign")
_READY_SECONDS = 60
# What is meant for the stack and the command alone; a service refuses variables that it does not know.
_NOT_FOR_SERVICES = {DIRECTORY_VARIABLE, REPOSITORY_VARIABLE, "ENTENTE_TOKEN"} | {
    f"ENTENTE_{name.upper()}_ADDRESS" for name in SERVICES
}
# Few, for one machine: every partition costs the broker and each consumer.
_PARTITIONS = "6"

Environment = dict[str, str]


@dataclass(frozen=True, slots=True)
class Health:
    """How one service is.

    Args:
        name: the service.
        process: its process; None when it was not started.
        ready: whether it takes calls.
        detail: what is wrong, in the service's own words.
    """

    name: str
    process: Process | None
    ready: bool
    detail: str = ""


class Suite:
    """The services on a stack that runs.

    Args:
        stack: where their keys, logs and state are.
        extra: variables that all of them get, such as the clock's; kept for restarts until everything is stopped.
        report: told in words what is being done.
    """

    def __init__(
        self, stack: Stack, *, extra: Mapping[str, str] | None = None, report: Callable[[str], None] = lambda line: None
    ) -> None:
        self._stack = stack
        self._extra = dict(extra) if extra is not None else None
        self._report = report

    def up(self, names: Iterable[str] = SERVICES) -> None:
        """Start the services that do not run, and wait until all are ready.

        Raises:
            StackError: one does not become ready.
        """
        started: list[Process] = []
        with state.exclusive(self._stack.paths.lock):
            current = state.load(self._stack.paths.state)
            addresses = self._stack.addresses(current)
            if self._extra is not None:
                current.settings = self._extra
            for name in SERVICES:
                self._reserve_ports(current, name)
            try:
                # Also those that another call has just started are waited for.
                started.extend(current.running(name) or self._start(current, name, addresses) for name in names)
            finally:
                state.save(self._stack.paths.state, current)
        for process in started:
            began = time.monotonic()
            processes.wait_until(process, lambda p=process: not problem(p), seconds=_READY_SECONDS)  # type: ignore[misc]
            self._report(
                f"{process.name} is ready" + (f" ({time.monotonic() - began:.1f} s)" if len(started) == 1 else "")
            )

    def restart(self, name: str) -> None:
        """Stop one service in order, and start it again where it was."""
        processes.stop(self._stack.process(name), seconds=40)
        self.up([name])

    def kill(self, name: str) -> None:
        """End one service as a crash would (kill -9)."""
        processes.kill(self._stack.process(name))

    def down(self) -> None:
        """Stop the services, and leave the stack running."""
        with state.exclusive(self._stack.paths.lock):
            current = state.load(self._stack.paths.state)
            running = [process for name, process in current.processes.items() if name in SERVICES]
            for process in processes.stop_together(running):
                self._report(f"{process.name} stopped")
            current.processes = {n: process for n, process in current.processes.items() if n not in SERVICES}
            current.settings = {}
            state.save(self._stack.paths.state, current)

    def health(self) -> list[Health]:
        """How each service is."""
        current = state.load(self._stack.paths.state)
        found = []
        for name in SERVICES:
            process = current.running(name)
            detail = problem(process) if process else "does not run"
            found.append(Health(name, process, not detail, detail))
        return found

    def port(self, name: str, kind: str = "grpc") -> int:
        """The port of a service: "grpc", "metrics", or "http" of analytics and messaging.

        Raises:
            StackError: it does not run.
        """
        return self._stack.process(name).ports[kind]

    def metrics(self, name: str) -> str:
        """What a service's /metrics says now."""
        url = f"http://{ports.HOST}:{self.port(name, 'metrics')}/metrics"
        with urllib.request.urlopen(url, timeout=10) as response:
            return str(response.read().decode())

    def _start(self, current: state.State, name: str, addresses: Addresses) -> Process:
        own = {kind: current.ports[f"{name}-{kind}"] for kind in _ports_of(name)}
        command = [sys.executable, "-m", f"entente_{name}"]
        log = self._stack.paths.logs / f"{name}.log"
        environment = self._environment(current, name, addresses)
        process = processes.start(name, command, log=log, environment=environment, ports=own)
        current.processes[name] = process
        self._report(f"starting {name}: gRPC on {ports.HOST}:{own['grpc']}")
        return process

    def _reserve_ports(self, current: state.State, name: str) -> None:
        if current.running(name):
            return
        for kind in _ports_of(name):
            key = f"{name}-{kind}"
            taken = {port for owner, port in current.ports.items() if owner != key}
            current.ports[key] = ports.pick(current.ports.get(key), taken=taken)

    def _environment(self, current: state.State, name: str, addresses: Addresses) -> Environment:
        def at(service: str, kind: str = "grpc") -> str:
            return f"{ports.HOST}:{current.ports[f'{service}-{kind}']}"

        inherited = {key: value for key, value in os.environ.items() if key not in _NOT_FOR_SERVICES}
        paths = self._stack.paths
        common = {
            "ENTENTE_KAFKA_BOOTSTRAP": addresses.kafka,
            "ENTENTE_MONGO_URI": addresses.mongo,
            "ENTENTE_GRPC_BIND": at(name),
            "ENTENTE_METRICS_BIND": at(name, "metrics"),
            "ENTENTE_INSTANCE": f"{name}-0",
            "ENTENTE_AUTH_JWKS": str(paths.jwks),
            "ENTENTE_AUTH_SIGNING_KEY": str(paths.signing_key),
            "ENTENTE_TOPIC_REPLICATION": "1",
            "ENTENTE_TOPIC_PARTITIONS": _PARTITIONS,
            "ENTENTE_OTLP_ENDPOINT": addresses.otlp,
        }
        own: dict[str, Environment] = {
            "matching": {"ENTENTE_INDEX_SNAPSHOT_FILE": str(paths.data / "creators-index.npz")},
            "campaign": {"ENTENTE_MATCHING_ADDRESS": at("matching")},
            "messaging": {
                "ENTENTE_SMTP_ADDRESS": addresses.smtp,
                "ENTENTE_HTTP_BIND": at("messaging", "http"),
                "ENTENTE_PUBLIC_URL": f"http://{at('messaging', 'http')}",
                "ENTENTE_MATCHING_ADDRESS": at("matching"),
                "ENTENTE_CAMPAIGN_ADDRESS": at("campaign"),
                "ENTENTE_WEBHOOK_ALLOW_PRIVATE": "true",
            },
            "analytics": {
                "ENTENTE_HTTP_BIND": at("analytics", "http"),
                "ENTENTE_PUBLIC_URL": f"http://{at('analytics', 'http')}",
                "ENTENTE_JOURNAL_DIR": str(paths.data / "click-journal"),
            },
        }
        return inherited | common | own.get(name, {}) | current.settings


def problem(process: Process) -> str:
    """What keeps a service from taking calls; "" when nothing does."""
    url = f"http://{ports.HOST}:{process.ports['metrics']}/healthz/ready"
    try:
        with urllib.request.urlopen(url, timeout=2):
            return ""
    except urllib.error.HTTPError as error:
        return error.read().decode()
    except OSError as error:
        return f"no answer: {error}"


def check_known(name: str) -> str:
    """The name of a service.

    Raises:
        StackError: there is no such service.
    """
    if name not in SERVICES:
        raise StackError(f"There is no service {name!r}: it is one of {', '.join(SERVICES)}.")
    return name


def _ports_of(name: str) -> tuple[str, ...]:
    return ("grpc", "metrics", "http") if name in ("analytics", "messaging") else ("grpc", "metrics")
