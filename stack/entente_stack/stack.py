"""The stack as a whole: brings up what is missing, says what runs, takes down what it started."""

import os
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from entente_chassis.auth import make_keys
from entente_stack import kafka, mongo, ports, processes, state
from entente_stack.errors import StackError
from entente_stack.jars import ensure as ensure_jars
from entente_stack.paths import Paths
from entente_stack.processes import Process

KAFKA_VARIABLE = "ENTENTE_KAFKA_BOOTSTRAP"
MONGO_VARIABLE = "ENTENTE_MONGO_URI"
SMTP = "smtp"
OTLP = "otlp"
_SERVERS = {"kafka", "mongo", SMTP, OTLP}

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts of the stack are reached.

    Args:
        kafka: bootstrap servers, host:port separated by commas.
        mongo: connection string.
        smtp: host:port of the mail server; "" when it was not asked for.
        otlp: http://host:port of the trace receiver; "" when it was not asked for.
    """

    kafka: str
    mongo: str
    smtp: str = ""
    otlp: str = ""


class Stack:
    """One embedded stack, with its data in one folder.

    Args:
        paths: the folder.
        report: told in words what is being done.
    """

    def __init__(self, paths: Paths, report: Report = lambda line: None) -> None:
        # Processes run in folders of their own, so that a relative path would lead them astray.
        jars = paths.shared_jars.resolve() if paths.shared_jars else None
        self.paths = Paths(paths.root.resolve(), shared_jars=jars)
        self._report = report

    def up(self, parts: Iterable[str] = (SMTP, OTLP)) -> Addresses:
        """Start what does not run yet of Kafka, MongoDB and the parts named. Doing it twice changes nothing.

        Raises:
            StackError: something cannot be started.
        """
        with state.exclusive(self.paths.lock):
            current = state.load(self.paths.state)
            try:
                return self._up(current, set(parts))
            finally:
                state.save(self.paths.state, current)

    def down(self) -> list[str]:
        """Stop the processes that were started, the services first. Data stays. The names of those stopped."""
        with state.exclusive(self.paths.lock):
            current = state.load(self.paths.state)
            stopped = []
            # Services drain while what they drain into is still there; then come the servers.
            for names in (current.processes.keys() - _SERVERS, _SERVERS):
                group = [process for name, process in current.processes.items() if name in names]
                for process in processes.stop_together(group):
                    self._report(f"{process.name} stopped")
                    stopped.append(process.name)
                current.processes = {n: process for n, process in current.processes.items() if n not in names}
                state.save(self.paths.state, current)
            return stopped

    def processes(self) -> list[Process]:
        """Everything that was started and not stopped, dead or alive."""
        return list(state.load(self.paths.state).processes.values())

    def process(self, name: str) -> Process:
        """The running process of this name.

        Raises:
            StackError: there is none.
        """
        process = state.load(self.paths.state).running(name)
        if process is None:
            raise StackError(f"{name} does not run. Start it with `entente up`.")
        return process

    def make_keys(self) -> None:
        """Make the key pair that tokens are signed and checked with, unless it is there."""
        if not (self.paths.signing_key.exists() and self.paths.jwks.exists()):
            self.paths.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
            make_keys(self.paths.signing_key, self.paths.jwks)

    def _up(self, current: state.State, parts: set[str]) -> Addresses:
        self.make_keys()
        started: list[Process] = []
        kafka_given, mongo_given = os.environ.get(KAFKA_VARIABLE, ""), os.environ.get(MONGO_VARIABLE, "")
        # All are spawned before the first is waited for: Java's start hides the others'.
        if not kafka_given:
            started += self._start_kafka(current)
        if not mongo_given:
            started += self._start(current, "mongo", self._spawn_mongo)
        for part, spawn in ((SMTP, self._spawn_smtp), (OTLP, self._spawn_otlp)):
            if part in parts:
                started += self._start(current, part, spawn)
        state.save(self.paths.state, current)

        self._check_given(kafka_given, mongo_given)
        for process in started:
            self._wait(process)
        return self.addresses(current)

    def addresses(self, current: state.State | None = None) -> Addresses:
        """Where the parts are reached.

        Raises:
            StackError: Kafka or MongoDB neither runs nor is named by the environment.
        """
        current = current or state.load(self.paths.state)

        def port(name: str) -> int | None:
            process = current.running(name)
            return process.ports[name] if process else None

        kafka_address = os.environ.get(KAFKA_VARIABLE, "") or _address(port("kafka"))
        mongo_port = port("mongo")
        mongo_address = os.environ.get(MONGO_VARIABLE, "") or (mongo.uri(mongo_port) if mongo_port else "")
        if not kafka_address or not mongo_address:
            raise StackError("The stack does not run. Start it with `entente up`.")
        otlp = _address(port(OTLP))
        return Addresses(kafka_address, mongo_address, _address(port(SMTP)), f"http://{otlp}" if otlp else "")

    def _start(self, current: state.State, name: str, spawn: Callable[[int], Process]) -> list[Process]:
        if current.running(name):
            return []
        port = ports.pick(current.ports.get(name), taken=self._taken(current, name))
        current.ports[name] = port
        self._report(f"starting {name} on {ports.HOST}:{port}")
        current.processes[name] = spawn(port)
        return [current.processes[name]]

    def _start_kafka(self, current: state.State) -> list[Process]:
        if current.running("kafka"):
            return []
        archive = ensure_jars(self.paths.jars, report=self._report)
        # The controller writes its own address into its data, so its port comes back with the data.
        controller = ports.pick(current.ports.get("controller"), taken=self._taken(current, "controller"))
        current.ports["controller"] = controller
        data, log = self.paths.data / "kafka", self.paths.logs / "kafka.log"
        return self._start(
            current, "kafka", lambda port: kafka.start(data, log, archive, port=port, controller_port=controller)
        )

    def _spawn_mongo(self, port: int) -> Process:
        return mongo.start(self.paths.data / "mongo", self.paths.logs / "mongo.log", port=port)

    def _spawn_smtp(self, port: int) -> Process:
        return self._spawn_module(SMTP, port, ["--folder", str(self.paths.mail)])

    def _spawn_otlp(self, port: int) -> Process:
        return self._spawn_module(OTLP, port, ["--file", str(self.paths.spans)])

    def _spawn_module(self, name: str, port: int, arguments: Sequence[str]) -> Process:
        command = [sys.executable, "-m", f"entente_stack.{name}", "--port", str(port), *arguments]
        return processes.start(name, command, log=self.paths.logs / f"{name}.log", ports={name: port})

    def _wait(self, process: Process) -> None:
        if process.name == "kafka":
            kafka.wait(process)
        elif process.name == "mongo":
            mongo.wait(process)
        else:
            port = process.ports[process.name]
            processes.wait_until(process, lambda: ports.accepts(port), seconds=20)
        self._report(f"{process.name} is ready")

    def _check_given(self, kafka_given: str, mongo_given: str) -> None:
        if kafka_given and not any(_kafka_answers(server) for server in kafka_given.split(",")):
            raise StackError(
                f"No Kafka broker answers at {kafka_given}, which {KAFKA_VARIABLE} names. Correct or unset it."
            )
        if mongo_given and not mongo.answers(mongo_given, milliseconds=5000):
            raise StackError(f"No MongoDB answers at the address that {MONGO_VARIABLE} names. Correct or unset it.")

    def _taken(self, current: state.State, name: str) -> set[int]:
        return {port for owner, port in current.ports.items() if owner != name}


def read_port(address: str) -> int:
    """The port of host:port."""
    return int(address.rpartition(":")[2])


def _address(port: int | None) -> str:
    return f"{ports.HOST}:{port}" if port else ""


def _kafka_answers(server: str) -> bool:
    host, _, port = server.strip().rpartition(":")
    try:
        return kafka.answers(host.strip("[]"), int(port))
    except (ValueError, socket.gaierror):
        return False
