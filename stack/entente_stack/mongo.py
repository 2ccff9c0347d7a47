"""SecantusDB: a server that speaks MongoDB's wire protocol, with WiredTiger inside. For development, demo and tests."""

import sysconfig
from pathlib import Path

import pymongo
from pymongo.errors import PyMongoError

from entente_stack import ports, processes
from entente_stack.processes import Process

_START_SECONDS = 30


def start(data: Path, log: Path, *, port: int) -> Process:
    """Start the server on a data folder. `answers` says when it is ready."""
    data.mkdir(parents=True, exist_ok=True)
    return processes.start(
        "mongo",
        [
            str(Path(sysconfig.get_path("scripts")) / "secantusd-py"),
            *("--host", ports.HOST, "--port", str(port)),
            *("--storage-path", str(data), "--sync-on-commit"),
            *("--cache-size", "256M", "--log-level", "WARNING"),
        ],
        log=log,
        directory=data.parent,
        ports={"mongo": port},
    )


def wait(process: Process) -> None:
    """Wait until the server answers."""
    processes.wait_until(process, lambda: answers(uri(process.ports["mongo"])), seconds=_START_SECONDS)


def uri(port: int) -> str:
    """How to connect. Without retryable writes: this server's table of them slows it down past 10,000 writes."""
    return f"mongodb://{ports.HOST}:{port}/?retryWrites=false&w=majority"


def answers(address: str, *, milliseconds: int = 500) -> bool:
    """Whether a MongoDB server answers there."""
    try:
        with pymongo.MongoClient[dict[str, object]](address, serverSelectionTimeoutMS=milliseconds) as client:
            client.admin.command("ping")
    except PyMongoError:
        return False
    return True
