"""/openapi.json, and the page /docs that shows the same to people."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from image_assets.console.openapi import SCHEMAS, openapi
from image_assets.console.rendering import html_page


def documentation_routes() -> list[Route]:
    """Its addresses."""

    async def document(request: Request) -> Response:
        del request
        return JSONResponse(openapi())

    async def docs(request: Request) -> Response:
        return html_page(request, "docs.html", title="API", paths=openapi()["paths"], schemas=SCHEMAS)

    return [Route("/openapi.json", document), Route("/docs", docs)]
