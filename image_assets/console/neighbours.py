"""`/v1/neighbours` and the page *Search*: the loaded images that are most like one, which is loaded or comes along."""

from __future__ import annotations

import logging
from typing import Any

import polars as pl
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from image_assets.answers.known_names import refuse_unknown_category
from image_assets.answers.neighbours import Asked, like_image, neighbours_as_json
from image_assets.console.body import Bounds, Capacity, body_of
from image_assets.console.refusals import Refused, of_image
from image_assets.console.rendering import html_page
from image_assets.console.selection import number_in, query_in
from image_assets.console.uploads import only_one, uploads_in
from image_assets.features.errors import ExtractorError
from image_assets.marks.record import located
from image_assets.places import PlaceError
from image_assets.predict.answer import NoImage
from image_assets.predict.predictor import Predictor
from image_assets.search.search import ImageSearch
from image_assets.store.store import Store
from image_assets.store.tables.damage import Damaged
from image_assets.store.tables.versions import OtherVersion

_LOG = logging.getLogger(__name__)
PATIENCE = 2.0
"""So many seconds a request waits while the index is made, before it is told to come again."""
USUAL, MOST = 12, 1_000
"""So many images are told of where nobody says how many, and so many at most."""


class Searching:
    """Answers what is like what.

    Args:
        search: The dataset's images.
        store: Where they are.
        predictor: Whose door pictures come through, and whose extractor looks at them.
        capacity: How much may be worked on.
    """

    def __init__(self, search: ImageSearch, store: Store, predictor: Predictor, capacity: Capacity) -> None:
        self.search, self.capacity = search, capacity
        self._store, self._predictor = store, predictor

    def prepare(self) -> None:
        """Have the index made before somebody asks; why it cannot be is told to whoever does."""
        try:
            self.search.prepare()
        except (ExtractorError, Damaged, OtherVersion, PlaceError, OSError) as error:
            _LOG.warning("the console cannot search yet: %s", error)

    def like_image(self, image_id: str, asked: Asked) -> dict[str, Any]:
        """What is told of a loaded image. Raises `UnknownImage`, `UnknownName`, and as `ImageSearch.like`."""
        refuse_unknown_category(self.search.dataset, self._store, asked.category)
        return self._told(image_id, like_image(self.search, image_id, asked))

    def like_file(self, content: bytes, asked: Asked) -> dict[str, Any]:
        """What is told of a file. Raises `Refused` where the door does not let it in, and as `like_image`."""
        refuse_unknown_category(self.search.dataset, self._store, asked.category)
        picture = self._predictor.let_in(content)
        if isinstance(picture, NoImage):
            raise of_image(picture)
        (features,) = self._predictor.extractor.infer(picture.prepared[None])
        found = self.search.like(features, asked.besides(picture.image_id), asked.patience)
        return self._told(picture.image_id, found)

    def _told(self, image_id: str, found: pl.DataFrame) -> dict[str, Any]:
        own = located(self.search.dataset, self._store, pl.Series([image_id]))
        return {
            "image_id": image_id,
            "loaded": not own.is_empty(),
            "extractor": {"digest": self.search.extractor.digest},
            "neighbours": neighbours_as_json(found),
        }


def neighbours_routes(searching: Searching) -> list[Route]:
    """The address of the API."""

    async def of_image(request: Request) -> Response:
        image_id = request.query_params.get("id", "")
        if not image_id:
            raise Refused(400, "no_image", "give the id of a loaded image, or send a picture by POST")
        return JSONResponse(await run_in_threadpool(searching.like_image, image_id, _asked(request)))

    async def of_file(request: Request) -> Response:
        asked = _asked(request)
        async with body_of(request, searching.capacity) as body:
            content = only_one(await uploads_in(request.headers, body, searching.capacity.bounds.images))
            return JSONResponse(await run_in_threadpool(searching.like_file, content, asked))

    async def of_either(request: Request) -> Response:  # one route, so that a refusal names both methods
        return await (of_file if request.method == "POST" else of_image)(request)

    return [Route("/v1/neighbours", of_either, methods=["GET", "POST"])]


def search_page_routes(searching: Searching, bounds: Bounds) -> list[Route]:
    """The address of the page."""
    dataset = searching.search.dataset

    async def page(request: Request) -> Response:
        return html_page(
            request,
            "search.html",
            title=f"Search in {dataset.name}",
            categories=list(dataset.categories),
            most_bytes=bounds.body_bytes,
        )

    return [Route("/search", page)]


def _asked(request: Request) -> Asked:
    query = query_in({name: request.query_params.get(name, "") for name in ("day", "category")})
    return Asked(number_in(request.query_params, "k", USUAL, 1, MOST), query.day, query.category, PATIENCE)
