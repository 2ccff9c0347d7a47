"""The way out of e-mails: one click in a mail program, or a page with a button in a browser."""

from html import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from entente_chassis.refusal import Unavailable
from entente_messaging.application.commands.preferences import stop_mails
from entente_messaging.application.commands.telling import contact_of
from entente_messaging.application.stores import Stores
from entente_messaging.application.words import locale_words

_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'",
}


def way_out_app(stores: Stores) -> Starlette:
    """The app that answers ``/u/{token}``: GET asks, POST does it (RFC 8058)."""

    async def ask(request: Request) -> Response:
        wish = stores.ways_out.read(request.path_params["token"])
        if wish is None:
            return PlainTextResponse("There is no such address.\n", status_code=404, headers=_HEADERS)
        words = await _words(wish.party)
        button = words["stop_kind"] if wish.category else words["stop_all"]
        form = f'<form method="post"><p>{escape(words["confirm"])}</p><button>{escape(button)}</button></form>'
        return HTMLResponse(_page(form), headers=_HEADERS)

    async def stop(request: Request) -> Response:
        wish = stores.ways_out.read(request.path_params["token"])
        if wish is None:
            return PlainTextResponse("There is no such address.\n", status_code=404, headers=_HEADERS)
        try:
            await stop_mails(stores, wish)
            words = await _words(wish.party)
        except Unavailable:
            text = "This cannot be done just now. Try again in a moment.\n"
            return PlainTextResponse(text, status_code=503, headers={**_HEADERS, "Retry-After": "5"})
        return HTMLResponse(_page(f"<p>{escape(words['stopped'])}</p>"), headers=_HEADERS)

    async def _words(party: str) -> dict[str, str]:
        contact = await contact_of(stores, party)
        locale = contact.locale if contact else stores.default_locale
        words: dict[str, str] = locale_words(stores.words.language(locale, stores.default_locale))["mail"]
        return words

    return Starlette(
        routes=[Route("/u/{token:str}", ask, methods=["GET"]), Route("/u/{token:str}", stop, methods=["POST"])]
    )


def _page(body: str) -> str:
    return f'<!DOCTYPE html>\n<meta charset="utf-8"><title>Entente</title>\n{body}\n'
