"""The application: its addresses, and what stands before them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from image_assets.answers.map.placing import MapPlace, place_of
from image_assets.answers.now import Now
from image_assets.console.acknowledging import Acknowledging, acknowledging_routes
from image_assets.console.answered import Answered, Asking
from image_assets.console.body import Bounds, Capacity, discard_rest
from image_assets.console.classify import Classifier, classify_routes
from image_assets.console.classify_page import classify_page_routes
from image_assets.console.documentation import documentation_routes
from image_assets.console.gallery import gallery_routes
from image_assets.console.guard import LOOPBACK, Guard, entrance_routes
from image_assets.console.health import health_routes
from image_assets.console.inference import InferenceThread
from image_assets.console.map import map_routes, prepare_map
from image_assets.console.marks import Reviewing, image_routes, marks_routes
from image_assets.console.measuring import Figures, Measured, metrics_routes
from image_assets.console.models import Choosing, models_routes
from image_assets.console.neighbours import Searching, neighbours_routes, search_page_routes
from image_assets.console.open_inference import open_inference_routes
from image_assets.console.parameters import Parameters
from image_assets.console.quality import quality_routes, small_lines
from image_assets.console.refusals import TOLD, Refused, of_error, of_status, response_to
from image_assets.console.rendering import static_routes
from image_assets.console.share_list import Shares, share_list_routes
from image_assets.console.shares import Sharing, share_routes
from image_assets.dataset import DatasetSpec
from image_assets.model_assets import ModelAsset
from image_assets.predict.answer import Prediction
from image_assets.predict.predictor import Predictor
from image_assets.predict.seen import SeenImages
from image_assets.search.search import ImageSearch
from image_assets.store.store import Store

_LAST_SECONDS = 10


@dataclass(frozen=True)
class ConsoleSettings:
    """What a console shows, and to whom.

    Attributes:
        dataset: The dataset.
        store: Where its tables and models are.
        ask: Gathers what is known of the dataset at this moment.
        token: That changes need.
        bounds: How much a request may bring.
        hosts: Names that requests may use.
        share_hosts: Further names, under which links to shards are answered, and nothing else.
        search_folder: Where the index of images is kept; None: in the cache.
    """

    dataset: DatasetSpec
    store: Store
    ask: Asking
    token: str = field(repr=False)
    bounds: Bounds = field(default_factory=Bounds)
    hosts: Collection[str] = LOOPBACK
    share_hosts: Collection[str] = ()
    search_folder: Path | None = None


def console_app(settings: ConsoleSettings) -> Guard:
    """The application as an ASGI server takes it.

    Raises:
        ExtractorError: the dataset's extractor cannot be used.
    """
    dataset, store, capacity = settings.dataset, settings.store, Capacity(settings.bounds)
    by_features, first = Predictor(dataset, store, "classifier"), dataset.predictions.model
    asked: dict[ModelAsset, InferenceThread] = {
        asset: InferenceThread(Predictor(dataset, store, asset)) for asset in (first, *dataset.model_assets)
    }
    search = ImageSearch(dataset, store, settings.search_folder)

    def placed(one: Prediction) -> MapPlace | None:
        if one.features is None:
            return None
        return place_of(dataset, store, one.image_id, one.features, by_features.extractor.digest)

    classifier = Classifier(dataset.name, asked, SeenImages(dataset, store), search, placed, capacity)
    searching = Searching(search, store, by_features, capacity)
    ending = Event()

    def prepare() -> None:
        try:
            prepare_map(dataset, store)
            searching.prepare()
        except RuntimeError:  # it was told to end, or the process is ending by itself and begins no thread any more
            if not ending.is_set():
                raise

    @asynccontextmanager
    async def running(app: Starlette) -> AsyncIterator[None]:
        del app
        classifier.begin()
        preparing = Thread(target=prepare, name="map and index", daemon=True)
        preparing.start()
        try:
            yield
        finally:
            ending.set()
            search.end()
            classifier.close()
            # A library that comes back from a bucket to an interpreter that is no more ends the process by a fault.
            # What waits for another process, which makes the index, is not waited for.
            preparing.join(_LAST_SECONDS)

    async def on_error(request: Request, error: Exception) -> Response:
        if isinstance(error, ClientDisconnect):
            return Response(status_code=400)  # nobody reads it
        refused = (
            of_status(error.status_code, error.detail, error.headers)
            if isinstance(error, HTTPException)
            else of_error(error)
        )
        if refused.headers.get("connection") == "close":
            await discard_rest(request, settings.bounds)
        return response_to(request, refused)

    handled = dict.fromkeys((HTTPException, Exception, ClientDisconnect, *TOLD), on_error)
    figures = Figures(classifier)
    addresses = [*routes(settings, classifier, searching), *metrics_routes(figures)]
    around = [Middleware(Measured, figures, addresses), Middleware(Parameters)]
    app = Starlette(routes=addresses, middleware=around, lifespan=running, exception_handlers=handled)
    return Guard(app, settings.hosts, settings.share_hosts)


def routes(settings: ConsoleSettings, classifier: Classifier, searching: Searching) -> list[BaseRoute]:
    """All addresses."""
    reviewing = Reviewing(settings.dataset, settings.store, settings.token, classifier.capacity)
    classify_page = classify_page_routes(settings.dataset.name, tuple(classifier.asked), settings.bounds)
    search_page = search_page_routes(searching, settings.bounds)

    def lines(now: Now) -> Mapping[str, Any]:
        return small_lines(now.quality, now.status.health.due)

    answered = Answered(settings.ask)
    pages = [
        *health_routes(answered, settings.token, lines),
        *gallery_routes(reviewing),
        *search_page,
        *classify_page,
    ]
    sharing = Sharing.of(settings.dataset, settings.store)
    shares = Shares(settings.dataset, settings.store, settings.token, sharing.uses)
    pages += [*entrance_routes(settings.token), *share_routes(sharing), *share_list_routes(shares)]
    programs = [
        *marks_routes(reviewing),
        *acknowledging_routes(Acknowledging(settings.dataset, settings.store, settings.token, classifier.capacity)),
        *image_routes(reviewing),
        *neighbours_routes(searching),
        *map_routes(reviewing),
        *models_routes(Choosing(settings.dataset, settings.store, settings.token)),
        *quality_routes(answered),
        *_health_routes(classifier),
        *documentation_routes(),
    ]
    programs += open_inference_routes(classifier)
    # Looked through from the front: what is asked most comes first.
    return [*classify_routes(classifier), *pages, *programs, *static_routes()]


def _health_routes(classifier: Classifier) -> list[Route]:
    """Whether it lives, and whether it can classify: for whoever starts it and sends it work."""

    def alive(request: Request) -> Response:
        del request
        return JSONResponse({"alive": True})

    def ready(request: Request) -> Response:
        del request
        if not classifier.inference.warm:
            raise Refused(503, "starting", "the model is being loaded; ask again in a moment", {"retry-after": "1"})
        manifest = classifier.inference.manifest()
        told = {"name": classifier.dataset, "asset": next(iter(classifier.asked)), "sha256": manifest.sha256}
        return JSONResponse({"ready": True, "model": told})

    return [Route("/healthz", alive), Route("/readyz", ready)]
