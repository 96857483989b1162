"""Pages from the templates beside this module, by the same rules as those of reports; and the files that they name."""

from __future__ import annotations

import json
from importlib.resources import files

from jinja2 import ChoiceLoader, PackageLoader
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from image_assets.console.refusals import Refused
from image_assets.pages.rendering import ENVIRONMENT

_OWN = PackageLoader("image_assets.console")
_ALL = ENVIRONMENT.overlay(loader=ChoiceLoader([_OWN, PackageLoader("image_assets.pages")]))
_ALL.filters["as_json"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
_KINDS = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
PAGES = (
    ("/", "Health"),
    ("/map", "Map"),
    ("/gallery", "Gallery"),
    ("/search", "Search"),
    ("/classify", "Classify"),
    ("/models", "Models"),
    ("/shares", "Links"),
    ("/docs", "API"),
)
"""What the head of every page leads to."""


def html_page(request: Request, template: str, status: int = 200, **values: object) -> Response:
    """A page.

    Args:
        request: Who asks.
        template: Its name.
        status: Of HTTP.
        values: What the template is given.
    """
    filled = _ALL.get_template(template).render(pages=PAGES, here=request.url.path, **values)
    return HTMLResponse(filled, status)


def static_routes() -> list[Route]:
    """Styles and scripts; those of reports come first, so that all pages look alike."""
    folder = files("image_assets.console") / "static"
    found = {one.name: one.read_text("utf-8") for one in folder.iterdir() if one.name.rpartition(".")[2] in _KINDS}
    style = files("image_assets.pages") / "templates" / "style.css"
    found["console.css"] = style.read_text("utf-8") + found["console.css"]

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in found:
            raise Refused(404, "not_found", f"there is no file {name!r} here")
        kind = _KINDS[name.rpartition(".")[2]]
        return Response(found[name], media_type=kind, headers={"cache-control": "no-cache"})

    return [Route("/static/{name}", static)]
