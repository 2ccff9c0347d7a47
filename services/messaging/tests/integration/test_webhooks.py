"""Webhooks over real HTTP: what arrives, and what is not called."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from entente_chassis.http import HttpServer
from entente_messaging.adapters.webhooks import HttpPoster, is_public
from entente_messaging.application.commands.webhooks import new_secret
from entente_messaging.application.ports import Post, PostFailed

Answer = Callable[[Request], Awaitable[Response]]


@dataclass
class Receiver:
    """A webhook of a brand."""

    url: str = ""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)


@asynccontextmanager
async def receiving(answer: Answer) -> AsyncIterator[Receiver]:
    receiver = Receiver()

    async def take(request: Request) -> Response:
        receiver.came.append((dict(request.headers), await request.body()))
        return await answer(request)

    server = HttpServer(Starlette(routes=[Route("/{path:path}", take, methods=["POST", "GET"])]), "127.0.0.1:0")
    receiver.url = f"http://localhost:{await server.start()}/in?from=entente"
    try:
        yield receiver
    finally:
        await server.stop()


async def ok(request: Request) -> Response:
    return Response(status_code=204)


def post_to(url: str, *secrets: str) -> Post:
    body = '{"type":"entente.thank_you","data":{"title":"Merci, Līga"}}'
    return Post(url=url, id="msg_1", time=datetime.now(UTC), body=body, secrets=secrets or (new_secret(),))


async def test_what_arrives_is_signed_by_the_standard_with_each_secret_that_is_valid() -> None:
    new, old = new_secret(), new_secret()
    async with receiving(ok) as receiver:
        assert await HttpPoster(allow_private=True).post(post_to(receiver.url, new, old)) == "204"
    ((headers, body),) = receiver.came
    for secret in (new, old):
        assert Webhook(secret).verify(body, headers)["data"]["title"] == "Merci, Līga"
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers)
    assert headers["webhook-id"] == "msg_1"
    assert headers["host"].startswith("localhost:")


async def test_what_fails_hangs_or_leads_elsewhere_is_told_apart_and_nothing_follows_a_redirect() -> None:
    async def fail(request: Request) -> Response:
        return Response("x" * 1_000_000, status_code=500)

    async def gone(request: Request) -> Response:
        return Response(status_code=410)

    async def hang(request: Request) -> Response:
        await asyncio.sleep(1)
        return Response()

    async with receiving(ok) as inside:

        async def lead_inside(request: Request) -> Response:
            return RedirectResponse(inside.url, status_code=307)

        poster = HttpPoster(allow_private=True, timeout=0.3)
        found = {}
        for name, answer in (("fail", fail), ("gone", gone), ("hang", hang), ("lead", lead_inside)):
            async with receiving(answer) as receiver:
                with pytest.raises(PostFailed) as refused:
                    await poster.post(post_to(receiver.url))
                found[name] = (refused.value.detail, refused.value.gone)
    assert found == {
        "fail": ("500", False),
        "gone": ("410", True),
        "hang": ("TIMEOUT", False),
        "lead": ("307 REDIRECT_NOT_FOLLOWED", False),
    }
    assert inside.came == []


async def test_a_name_that_leads_into_a_private_network_is_not_called() -> None:
    async with receiving(ok) as receiver:
        poster = HttpPoster(allow_private=False)
        with pytest.raises(PostFailed) as refused:
            await poster.post(post_to(receiver.url.replace("http://", "https://")))
        assert refused.value.detail == "PRIVATE_ADDRESS"
        with pytest.raises(PostFailed) as nowhere:
            await poster.post(post_to("https://nowhere.invalid/"))
        assert nowhere.value.detail == "NAME_NOT_RESOLVED"
    assert receiver.came == []


async def test_nobody_listening_is_a_failure_like_any_other() -> None:
    async with receiving(ok) as receiver:
        post = post_to(receiver.url)
    with pytest.raises(PostFailed) as refused:
        await HttpPoster(allow_private=True).post(replace(post, id="msg_2"))
    assert refused.value.detail == "ConnectError"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("127.0.0.1", False),
        ("0.0.0.1", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("not-an-address", False),
    ],
)
def test_addresses_of_networks_are_told_apart_also_where_they_hold_another(address: str, public: bool) -> None:
    assert is_public(address) is public
