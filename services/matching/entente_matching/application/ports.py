"""What the application needs of the world outside."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from google.protobuf.message import Message

from entente_matching.domain.roster import Problem, Solution


class Heard(NamedTuple):
    """What came from the topic of creators: states, names of those that are gone, the offsets behind it, and whether
    everything that was there at the start has come."""

    states: Sequence[Any]
    gone: Sequence[str]
    offsets: Mapping[int, int]
    caught_up: bool


class States(Protocol):
    """The compacted topic of creators."""

    async def publish(self, states: Sequence[Message]) -> None:
        """Publish creators."""
        ...

    def follow(self, since: Mapping[int, int]) -> AsyncIterator[Heard]:
        """All that is published, from the given offsets on."""
        ...


class Solver(Protocol):
    """Finds the best sets of creators, beside the event loop."""

    async def solve(self, problems: Sequence[Problem], seconds: float) -> list[Solution]:
        """One solution for each problem; the first problem gets most of the time."""
        ...
