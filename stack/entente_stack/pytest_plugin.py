"""Fixtures for tests against real servers: those that the environment names, else an own stack for the session."""

import os
import uuid
from collections.abc import Iterator

import pytest

from entente_stack.paths import Paths, default_paths
from entente_stack.stack import KAFKA_VARIABLE, MONGO_VARIABLE, Addresses, Stack


@pytest.fixture(scope="session")
def stack_addresses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """A Kafka and a MongoDB that run."""
    if os.environ.get(KAFKA_VARIABLE) and os.environ.get(MONGO_VARIABLE):
        yield Addresses(os.environ[KAFKA_VARIABLE], os.environ[MONGO_VARIABLE])
        return
    # Data of its own, so that tests never meet a developer's; but the jars that are there already.
    stack = Stack(Paths(tmp_path_factory.mktemp("stack"), shared_jars=default_paths().jars), report=print)
    try:
        yield stack.up(parts=())
    finally:
        stack.down()


@pytest.fixture(scope="session")
def kafka_bootstrap(stack_addresses: Addresses) -> str:
    """Bootstrap servers of a real Kafka."""
    return stack_addresses.kafka


@pytest.fixture(scope="session")
def mongo_uri(stack_addresses: Addresses) -> str:
    """Connection string of a real MongoDB-wire server."""
    return stack_addresses.mongo


@pytest.fixture
def database_name() -> str:
    """The name of a database that no other test uses."""
    return f"test_{uuid.uuid4().hex[:16]}"
