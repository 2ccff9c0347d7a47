"""Calls that are repeated until they are answered, and states that are waited for."""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
import grpc.aio
import httpx

from entente_cli.errors import CommandError

T = TypeVar("T")

# "Not now" and "somebody was faster": the same request, with the same request_id, may be sent again.
_AGAIN = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED, grpc.StatusCode.DEADLINE_EXCEEDED}
_PAUSE = 0.1


async def answered(call: Callable[[], Awaitable[T]], *, seconds: float = 60) -> T:
    """What a call answers, repeating it while the service is away or a race was lost.

    Raises:
        grpc.aio.AioRpcError: it was refused for a reason that does not pass, or for too long.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            if error.code() not in _AGAIN or time.monotonic() > deadline:
                raise
        except httpx.TransportError as error:
            if time.monotonic() > deadline:
                raise CommandError(f"No answer over HTTP: {error}.") from error
        await asyncio.sleep(_PAUSE)


async def observed(
    what: str, look: Callable[[], Awaitable[T]], wanted: Callable[[T], Any] = bool, *, seconds: float = 60
) -> T:
    """What is seen once it is as wanted.

    Args:
        what: said when it does not come.
        look: how to see it; repeated while the service is away.
        wanted: whether that is it.
        seconds: how long to wait.

    Raises:
        CommandError: it did not come in time.
    """
    deadline = time.monotonic() + seconds
    while True:
        seen = await answered(look, seconds=max(deadline - time.monotonic(), 1))
        if wanted(seen):
            return seen
        if time.monotonic() > deadline:
            raise CommandError(f"Waited {seconds:.0f} s in vain for {what}; last seen: {str(seen)[:600]}")
        await asyncio.sleep(_PAUSE)


def request_id(run: str, *step: object) -> str:
    """The id of a request: the same whenever the same step of the same run is repeated."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(["entente", run, *map(str, step)])))
