"""HTTP in the same loop as everything else: metrics and health of every service, and a service's own app."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Mapping

import uvicorn
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from entente_chassis.settings import split_address

Probe = Callable[[], str]
"""Says what is wrong, or "" when all is well."""


class HttpServer:
    """Serves an ASGI app until it is stopped. It leaves the process's signals alone.

    Args:
        app: what to serve.
        bind: "host:port"; port 0 takes a free one.
        drain_seconds: how long requests may take to finish at the stop.
    """

    def __init__(self, app: ASGIApp, bind: str, *, drain_seconds: float = 5) -> None:
        self._bind = bind
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=max(1, round(drain_seconds)),
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Listen and serve, and return the port.

        Raises:
            OSError: the address is taken or not ours.
        """
        host, port = split_address(self._bind)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
        except OSError as error:
            listener.close()
            raise OSError(error.errno, f"HTTP cannot listen on {self._bind}: {error.strerror}") from error
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name=f"http {self._bind}")
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise OSError(f"HTTP on {self._bind} ended at its start")
            await asyncio.sleep(0.005)
        bound: int = listener.getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Take no new requests and let those in flight finish."""
        self._server.should_exit = True
        if self._task:
            await self._task


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The process has one owner of SIGTERM: the runtime, which stops everything in order.
        yield


def operations_app(*, live: Mapping[str, Probe], ready: Mapping[str, Probe]) -> Starlette:
    """/metrics, /healthz/live and /healthz/ready.

    Args:
        live: name -> probe. When one fails the process is beyond help and should be started anew.
        ready: name -> probe. When one fails the process should get no calls for now.
    """

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(REGISTRY), media_type=content_type)

    async def is_live(_: Request) -> Response:
        return _health(live)

    async def is_ready(_: Request) -> Response:
        return _health(ready)

    return Starlette(
        routes=[Route("/metrics", metrics), Route("/healthz/live", is_live), Route("/healthz/ready", is_ready)]
    )


def _health(probes: Mapping[str, Probe]) -> Response:
    failing = {name: problem for name, probe in probes.items() if (problem := probe())}
    status = "failing" if failing else "ok"
    return JSONResponse({"status": status, "failing": failing}, status_code=503 if failing else 200)
