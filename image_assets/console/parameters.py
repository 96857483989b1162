"""What an address of the API may ask: what its document names, each once. Anything else would go unheard."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from image_assets.console.openapi import PATHS
from image_assets.console.refusals import Refused, response_to
from image_assets.wording import did_you_mean

_API = "/v1/"
_NAME = re.compile(r"\{[a-z_]+\}")


class Parameters:
    """Refuses requests to `/v1` that name a parameter which the address does not have, or one twice.

    Whoever misspells a filter would else be told of everything, and take it for what was asked.

    Args:
        app: Is asked what is understood.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._known = app, _known()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or have it answered."""
        said = scope.get("query_string", b"")
        if scope["type"] == "http" and said and scope["path"].startswith(_API):
            known = self._of(scope["path"], scope["method"])
            refused = None if known is None else _refused(said.decode("latin-1"), known)
            if refused is not None:
                await response_to(Request(scope), refused)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _of(self, path: str, method: str) -> frozenset[str] | None:
        """The parameters of an address; None where there is no such."""
        method = {"HEAD": "GET"}.get(method, method).lower()
        return next((names.get(method) for pattern, names in self._known.items() if pattern.fullmatch(path)), None)


def _known() -> dict[re.Pattern[str], Mapping[str, frozenset[str]]]:
    """Address → method → parameters; those without a name in them first, as the routes are looked through."""
    found = {}
    for path in sorted((one for one in PATHS if one.startswith(_API)), key=lambda one: "{" in one):
        pattern = "[^/]+".join(map(re.escape, _NAME.sub("\0", path).split("\0")))
        found[re.compile(pattern)] = {
            method: frozenset(one["name"] for one in operation.get("parameters", ()) if one["in"] == "query")
            for method, operation in PATHS[path].items()
        }
    return found


def _refused(said: str, known: frozenset[str]) -> Refused | None:
    names = [name for name, _ in parse_qsl(said, keep_blank_values=True)]
    for name in names:
        if name not in known:
            there = f"there are {', '.join(sorted(known))}" if known else "it takes none"
            meant = did_you_mean(name, sorted(known)) or there
            return Refused(400, "bad_parameter", f"this address has no parameter {name[:40]!r}; {meant}")
        if names.count(name) > 1:
            return Refused(400, "bad_parameter", f"the parameter {name!r} is given twice; give it once")
    return None
