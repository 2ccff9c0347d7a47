"""What the outside reaches over HTTP: the redirect of tracked links, and what shops report of their sales."""

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from entente_analytics.application.redirect import Redirect, Visit
from entente_analytics.application.reports import ShopReports
from entente_analytics.domain.shops import pixel_signature
from entente_analytics.metrics import postbacks, unknown_links
from entente_chassis.refusal import AlreadyExists, Refusal, Unavailable, Violation

_BODY_BYTES = 16 * 1024
# One transparent point.
_PICTURE = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

# Each click must come here, and the page that follows must not learn where its visitor was before.
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}


def redirect_app(redirect: Redirect, reports: ShopReports, *, trusted_proxies: int) -> Starlette:
    """The app that answers ``GET /r/{code}``, and what shops report.

    Args:
        redirect: takes the clicks.
        reports: takes sales and refunds.
        trusted_proxies: how many proxies in front append to X-Forwarded-For.
    """

    async def follow(request: Request) -> Response:
        visit = Visit(
            method=request.method,
            address=_address(request, trusted_proxies),
            user_agent=request.headers.get("user-agent", ""),
            purpose=request.headers.get("sec-purpose", "") or request.headers.get("purpose", ""),
        )
        try:
            location = await redirect.follow(request.path_params["code"], visit)
        except Unavailable:
            text = "This link cannot be followed just now. Try again in a moment.\n"
            return PlainTextResponse(text, status_code=503, headers={**_HEADERS, "Retry-After": "5"})
        if location is None:
            unknown_links.inc()
            return PlainTextResponse("There is no such link.\n", status_code=404, headers=_HEADERS)
        return RedirectResponse(location, status_code=302, headers=_HEADERS)

    return Starlette(
        routes=[
            Route("/r/{code:str}", follow, methods=["GET", "HEAD"]),
            *shop_routes(reports),
        ],
        exception_handlers={404: _nowhere},
    )


def shop_routes(reports: ShopReports) -> list[Route]:
    """The routes of postbacks and pixels."""

    async def postback(request: Request) -> Response:
        brand = f"brands/{request.path_params['brand']}"
        body = await _body(request)
        if body is None:
            return _refused(413, "BODY_TOO_LARGE", f"A report has {_BODY_BYTES} bytes at most.")
        if not _is_signed(body, request, await reports.secrets_of(brand)):
            postbacks.labels("forged").inc()
            return _refused(
                401, "SIGNATURE_INVALID", "Sign the body as Standard Webhooks says, with the shop's secret."
            )
        try:
            fields = json.loads(body)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            postbacks.labels("refused").inc()
            return _refused(400, "BODY_MALFORMED", "The body must be one JSON object.")
        return await _take(brand, fields)

    async def pixel(request: Request) -> Response:
        brand = f"brands/{request.path_params['brand']}"
        given = request.query_params.multi_items()
        signature = request.query_params.get("sig", "")
        good = [pixel_signature(secret, given) for secret in await reports.secrets_of(brand)]
        if len(given) != len(dict(given)) or not any(hmac.compare_digest(signature.encode(), s.encode()) for s in good):
            postbacks.labels("forged").inc()
            answer = _refused(401, "SIGNATURE_INVALID", "")
        else:
            answer = await _take(brand, dict(given))
        # A page of thanks shows no broken picture, whatever became of the report.
        headers = {**_HEADERS, "X-Entente-Reason": answer.headers.get("X-Entente-Reason", "")}
        return Response(_PICTURE, status_code=answer.status_code, media_type="image/gif", headers=headers)

    async def _take(brand: str, fields: Mapping[str, Any]) -> Response:
        try:
            order = (await reports.take(brand, fields)).state
        except Unavailable as refusal:
            postbacks.labels("unavailable").inc()
            return _refused(503, refusal.reason, refusal.message)
        except Refusal as refusal:
            postbacks.labels("refused").inc()
            status = 409 if isinstance(refusal, AlreadyExists) else 400
            return _refused(status, refusal.reason, refusal.message, refusal.violations)
        postbacks.labels("taken").inc()
        return JSONResponse({"name": order.name, "attributed": order.attribution is not None}, headers=_HEADERS)

    return [
        Route("/v1/brands/{brand:str}/postback", postback, methods=["POST"]),
        Route("/v1/brands/{brand:str}/pixel.gif", pixel, methods=["GET"]),
    ]


async def _nowhere(request: Request, error: Exception) -> Response:
    # Also what was tried to be passed on to another site, as in /r//evil.example: nothing here takes an address.
    unknown_links.inc()
    return PlainTextResponse("There is no such page.\n", status_code=404, headers=_HEADERS)


async def _body(request: Request) -> bytes | None:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _BODY_BYTES:
            return None
    return body


def _is_signed(body: bytes, request: Request, secrets: Sequence[str]) -> bool:
    for secret in secrets:
        try:
            Webhook(secret).verify(body, dict(request.headers), json_parse=False)
            return True
        except (WebhookVerificationError, ValueError):
            continue  # Also a signature that is no base64.
    return False


def _refused(status: int, reason: str, message: str, violations: Sequence[Violation] = ()) -> Response:
    fields = [{"field": v.field, "description": v.description, "reason": v.reason} for v in violations]
    content = {"reason": reason, "message": message, "violations": fields}
    return JSONResponse(content, status_code=status, headers={**_HEADERS, "X-Entente-Reason": reason})


def _address(request: Request, trusted_proxies: int) -> str:
    # Only what our own proxies appended is believed: the rest of the header is the visitor's word.
    if trusted_proxies:
        hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
        if len(hops) >= trusted_proxies:
            return hops[-trusted_proxies]
    return request.client.host if request.client else ""
