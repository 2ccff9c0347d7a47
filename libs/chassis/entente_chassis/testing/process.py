"""For tests of a service as a process of its own: start it, kill it, start it again where it was, and talk to it.

As a program, ``python -m entente_chassis.testing.process entente_review`` runs that service beside others of its kind:
TEST_SERVICE takes the place of its name, and with it of its consumer group.
"""

import asyncio
import contextlib
import http.client
import importlib
import os
import random
import signal
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

import grpc
from google.protobuf.message import Message

from entente_chassis.auth import Role, Signer, make_keys
from entente_chassis.bus import Bus, make_broker
from entente_chassis.clock import FileClock
from entente_chassis.relay import Relay
from entente_chassis.rpc import open_channel
from entente_chassis.runtime import main
from entente_chassis.store import Outgoing

HOST = "127.0.0.1"
# Below the range of outgoing connections' ports, so that a port stays free while its service is down.
_PORTS = range(18000, 32000)
_READY_WITHIN = 60.0
_ENDS_WITHIN = 60.0
_LOG_SHOWN = 4000

Stub = TypeVar("Stub")


def free_port() -> int:
    """A port of the loopback address on which nothing listens."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            return port


async def eventually(holds: Callable[[], Awaitable[bool]], within: float = 60.0) -> None:
    """Wait until something holds.

    Raises:
        TimeoutError: it did not, for ``within`` seconds.
    """
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110 - what is waited for lives in another process
            await asyncio.sleep(0.05)


class Publish(Protocol):
    """Publishes one event. The same subject, epoch and n are the same event, however often they are given.

    Args:
        topic: where to.
        message: what happened.
        subject: the name of whom it happened to.
        epoch, n: its place in the subject's history.
        data: instead of the message's own bytes, for an event that cannot be read.

    Raises:
        Unavailable: the broker did not acknowledge it.
    """

    async def __call__(
        self, topic: str, message: Message, subject: str, *, epoch: int = 0, n: int = 1, data: bytes | None = None
    ) -> None: ...


@contextlib.asynccontextmanager
async def publisher(kafka: str, *, time: datetime | None = None) -> AsyncIterator[Publish]:
    """A connection to the broker, to publish events by hand, as a service's relay does.

    Args:
        kafka: bootstrap servers.
        time: when the events happened; now without it.
    """
    broker = make_broker(kafka, "test")
    await broker.connect()
    relay = Relay("test", Bus(broker).send)

    async def publish(
        topic: str, message: Message, subject: str, *, epoch: int = 0, n: int = 1, data: bytes | None = None
    ) -> None:
        event = Outgoing.of(message, topic=topic, subject=subject, epoch=epoch, n=n, time=time or datetime.now(UTC))
        await relay.publish(event if data is None else replace(event, data=data))

    try:
        yield publish
    finally:
        await broker.stop()


class ServiceProcess(Generic[Stub]):
    """A service as a process, which can be killed and started again where it was.

    ``async with`` starts it, and kills it at the end.

    Args:
        program: the package of the service, or a program of the test's own that runs one.
        folder: for keys, clock and log: the test's ``tmp_path``. Processes may share it, and then the keys and clock.
        kafka: bootstrap servers.
        mongo: connection string.
        database: name of its database.
        stub: makes the stub that ``stub`` gives, of a channel.
        brands: brands that callers act for.
        creators: creators that callers act for.
        group: in place of the service's name; one of its own without it. Replicas have the same.
        instance: tells replicas apart.
        clock_start: the domain's time, which stands still until ``move_clock``; without it, time is real.
        environment: more variables, or others than those which follow from the arguments.
    """

    def __init__(
        self,
        program: str | Path,
        folder: Path,
        *,
        kafka: str,
        mongo: str,
        database: str,
        stub: Callable[[grpc.aio.Channel], Stub],
        brands: Collection[str] = (),
        creators: Collection[str] = (),
        group: str | None = None,
        instance: str = "test",
        clock_start: datetime | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.kafka = kafka
        self.log = folder / f"{instance}.log"
        self.process: asyncio.subprocess.Process | None = None
        self._stub = stub
        self._brands = brands
        self._creators = creators
        self._clock_start = clock_start
        self._grpc, self._operations = free_port(), free_port()
        self._command = [str(program)] if isinstance(program, Path) else ["-m", __name__, program]
        key, jwks = folder / "signing.pem", folder / "jwks.json"
        if not jwks.exists():
            make_keys(key, jwks)
        self._signer = Signer(key, "entente", "entente")
        self._environment = {
            "ENTENTE_KAFKA_BOOTSTRAP": kafka,
            "ENTENTE_MONGO_URI": mongo,
            "ENTENTE_DATABASE": database,
            "ENTENTE_GRPC_BIND": f"{HOST}:{self._grpc}",
            "ENTENTE_METRICS_BIND": f"{HOST}:{self._operations}",
            "ENTENTE_AUTH_JWKS": str(jwks),
            "ENTENTE_INSTANCE": instance,
            "ENTENTE_TOPIC_REPLICATION": "1",
            "ENTENTE_TOPIC_PARTITIONS": "6",
            "TEST_SERVICE": group or f"{Path(program).stem.removeprefix('entente_')}-{uuid.uuid4().hex[:12]}",
        }
        if clock_start:
            self._environment["ENTENTE_CLOCK_FILE"] = str(folder / "clock")
            self.move_clock(timedelta())
        self._environment |= environment or {}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    async def start(self) -> None:
        """Start it and wait until it is ready; it does not stay when it does not get so far.

        Raises:
            RuntimeError: it ended, with the end of its log.
            TimeoutError: it was not ready in time.
        """
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ENTENTE_")}
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *self._command, stdout=log, stderr=log, env=inherited | self._environment
            )
        try:
            await self.until_ready()
        except BaseException:
            await self.kill()
            raise

    async def until_ready(self) -> None:
        """Wait until it says that it is ready; raises as ``start`` does."""

        async def is_ready() -> bool:
            if self.process is None or self.process.returncode is not None:
                raise RuntimeError(f"the service has ended: {self.log.read_text()[-_LOG_SHOWN:]}")
            return await self.health("ready") == 200

        await eventually(is_ready, _READY_WITHIN)

    async def health(self, probe: str) -> int | None:
        """The HTTP status of its ``live`` or ``ready``; None when nobody answers."""

        def ask() -> int | None:
            connection = http.client.HTTPConnection(HOST, self._operations, timeout=5)
            with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
                connection.request("GET", f"/healthz/{probe}")
                return connection.getresponse().status
            return None

        return await asyncio.to_thread(ask)

    async def kill(self) -> None:
        """End it as a crash does (SIGKILL), if it still runs."""
        await self._end(signal.SIGKILL)

    async def terminate(self) -> int:
        """Tell it to stop (SIGTERM), and wait until it has: its exit code.

        Raises:
            TimeoutError: it did not stop in time.
        """
        return await self._end(signal.SIGTERM)

    async def restart(self) -> None:
        """Kill it and start it again; raises as ``start`` does."""
        await self.kill()
        await self.start()

    async def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(_ENDS_WITHIN):
            return await self.process.wait()

    def move_clock(self, by: timedelta) -> None:
        """Set the domain's time to so much after ``clock_start``, also while the process is down.

        Raises:
            ValueError: the process was made without a ``clock_start``.
        """
        if self._clock_start is None:
            raise ValueError("its time is real: give it a clock_start")
        FileClock.write(self.folder / "clock", self._clock_start + by)

    @contextlib.asynccontextmanager
    async def stub(
        self,
        role: Role,
        *,
        brands: Collection[str] | None = None,
        creators: Collection[str] | None = None,
        subject: str = "accounts/test",
    ) -> AsyncIterator[Stub]:
        """A stub for a caller of a role, over a connection of its own: none shares the back-off of a process that died.

        Args:
            role: what the caller is.
            brands: brands it acts for, if others than those of the process.
            creators: creators it acts for, if others than those of the process.
            subject: who the caller is.
        """
        token = self._signer.issue(
            subject,
            [role],
            brands=self._brands if brands is None else brands,
            creators=self._creators if creators is None else creators,
        )
        channel = open_channel(f"{HOST}:{self._grpc}", token=lambda: token)
        try:
            yield self._stub(channel)
        finally:
            await channel.close()


def run(package: str) -> None:
    """Run the service of a package in this process, under the name that TEST_SERVICE gives."""
    build = importlib.import_module(f"{package}.bootstrap").build
    settings_type = importlib.import_module(f"{package}.settings").Settings
    main(lambda settings: build(settings, service=os.environ["TEST_SERVICE"]), settings_type)


if __name__ == "__main__":
    run(sys.argv[1])
