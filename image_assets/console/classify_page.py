"""The page that classifies: images dropped, pasted or chosen, and what the current model takes each for."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from image_assets.console.body import Bounds
from image_assets.console.rendering import html_page
from image_assets.model_assets import ModelAsset


def classify_page_routes(dataset: str, assets: Sequence[ModelAsset], bounds: Bounds) -> list[Route]:
    """Its address.

    Args:
        dataset: Whose model answers.
        assets: Whose models may be asked, the usual one first.
        bounds: How much its script may send at a time.
    """

    async def page(request: Request) -> Response:
        return html_page(
            request,
            "classify.html",
            title=f"Classify by {dataset}",
            assets=assets,
            most_bytes=bounds.body_bytes,
            most_images=bounds.images,
        )

    return [Route("/classify", page)]
