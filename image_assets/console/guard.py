"""Who may ask: this machine's own programs and pages, under this machine's own names; and what every answer says.

A browser on this machine also shows pages of others, which may send requests here. They are refused by what a browser
says of them: the host's name that they used (a name that was made to lead here), and the origin that they are of.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Message, Receive, Scope, Send

from image_assets.console.refusals import Refused, response_to
from image_assets.environment import CONSOLE_TOKEN
from image_assets.errors import UsageError

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""What this machine calls itself."""
SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""Of every answer, unless it says something stricter itself."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,}")
_COOKIE = "image_assets_token_{port}"
_OF_SHARES = ("/share/", "/static/")
_OTHERS_PAGES = ("cross-site", "same-site")


class Guard:
    """Stands before the application.

    Args:
        app: What it guards.
        hosts: Names that requests may use, lower case, without a port.
        share_hosts: Further names, under which links to shards are answered, and nothing else.
    """

    def __init__(self, app: Starlette, hosts: Collection[str] = LOOPBACK, share_hosts: Collection[str] = ()) -> None:
        self._app, self._hosts = app, frozenset(hosts)
        self._share_hosts = frozenset(share_hosts) - self._hosts

    @property
    def routes(self) -> list[BaseRoute]:
        """The addresses behind it."""
        return self._app.routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        headers, hosts = Headers(scope=scope), self._hosts
        if is_of_share(scope["method"], scope["path"]):
            hosts |= self._share_hosts
        refused = refusal_of(scope["method"], headers, hosts)
        if refused is None:
            await self._app(scope, receive, with_headers)
        else:
            await response_to(Request(scope), refused)(scope, receive, with_headers)


def is_of_share(method: str, path: str) -> bool:
    """Whether a request reads what a link to shards leads to, or what its page is drawn with."""
    return method in ("GET", "HEAD") and path.startswith(_OF_SHARES)


def refusal_of(method: str, headers: Mapping[str, str], hosts: Collection[str]) -> Refused | None:
    """Why a request is refused by who sends it; None where it is not."""
    host = headers.get("host", "")
    if _name(host) not in hosts:
        return _refused("host_not_allowed", f"{host!r} is no name of this console; use {', '.join(sorted(hosts))}")
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return _refused("other_origin", f"a page of {origin!r} may not ask this console")
    if headers.get("sec-fetch-site") in _OTHERS_PAGES and not _is_followed_link(method, headers):
        return _refused("other_origin", "a page of another origin may not ask this console")
    return None


def _refused(code: str, message: str) -> Refused:
    return Refused(403, code, message, {"connection": "close"})


def _is_followed_link(method: str, headers: Mapping[str, str]) -> bool:
    """A link that somebody follows shows a page here, and tells the page that it is on nothing."""
    return (
        method == "GET" and headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    )


def _name(host: str) -> str:
    """The name in a Host header: what comes before the port."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).lower()


def token_of(said: str) -> str:
    """The token that somebody chose; one that nobody guesses where none is said.

    Raises:
        UsageError: it is too short, or holds what no header carries.
    """
    if said and not _TOKEN.fullmatch(said):
        raise UsageError(
            f"{CONSOLE_TOKEN.name}: expected at least 16 letters, digits, - or _; leave it out for a new one"
        )
    return said or secrets.token_urlsafe(32)


def entrance_routes(token: str) -> list[Route]:
    """The link that is printed at the start: it leaves the token with the browser, and leads to the page `to`."""

    async def enter(request: Request) -> Response:
        if not hmac.compare_digest(request.query_params.get("token", "").encode(), token.encode()):
            raise Refused(
                401, "wrong_token", "this is not the console's token; use the link that it printed at its start"
            )
        answer = RedirectResponse(_page_here(request.query_params.get("to", "/")), 303)
        answer.set_cookie(cookie_name(request), token, path="/", httponly=True, samesite="strict")
        return answer

    return [Route("/enter", enter)]


def _page_here(said: str) -> str:
    """A page of the console's own to go on to; the first page for whatever would lead elsewhere."""
    return said if re.fullmatch(r"/(?![/\\])[!-\[\]-~]*", said) else "/"


def cookie_name(request: Request) -> str:
    """Of the token's cookie: cookies are one machine's, and each of several consoles on it has its own port."""
    return _COOKIE.format(port=request.url.port or 80)


def may_write(request: Request, token: str) -> bool:
    """Whether a request brings the token: as a bearer, or in the cookie that the link with the token leaves."""
    scheme, _, said = request.headers.get("authorization", "").partition(" ")
    given = said.strip() if scheme.lower() == "bearer" else request.cookies.get(cookie_name(request), "")
    return hmac.compare_digest(given.encode(), token.encode())


def require_token(request: Request, token: str) -> None:
    """Refuse a request that changes something and brings no token. Raises `Refused`."""
    if not may_write(request, token):
        raise Refused(
            401,
            "token_needed",
            "this changes something and needs the console's token: open the link that it printed at its start, or send "
            "the token as `Authorization: Bearer …`",
            {"www-authenticate": "Bearer"},
        )
