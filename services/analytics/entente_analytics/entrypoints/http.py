"""The redirect of tracked links."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from entente_analytics.application.redirect import Redirect, Visit
from entente_analytics.metrics import unknown_links
from entente_chassis.refusal import Unavailable

# Each click must come here, and the page that follows must not learn where its visitor was before.
_HEADERS = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow"}


def redirect_app(redirect: Redirect, *, trusted_proxies: int) -> Starlette:
    """The app that answers ``GET /r/{code}``.

    Args:
        redirect: takes the clicks.
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

    return Starlette(routes=[Route("/r/{code:str}", follow, methods=["GET", "HEAD"])])


def _address(request: Request, trusted_proxies: int) -> str:
    # Only what our own proxies appended is believed: the rest of the header is the visitor's word.
    if trusted_proxies:
        hops = [hop.strip() for hop in request.headers.get("x-forwarded-for", "").split(",") if hop.strip()]
        if len(hops) >= trusted_proxies:
            return hops[-trusted_proxies]
    return request.client.host if request.client else ""
