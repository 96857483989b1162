"""`/metrics`: what the console does, in figures for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from image_assets.console.classify import Classifier

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_NO_ROUTE = "none"
_METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH")


class Figures:
    """Of one console, from its start on.

    Args:
        classifier: Whose queue and model are told of.
    """

    def __init__(self, classifier: Classifier) -> None:
        self.registry = CollectorRegistry()
        labels = ("route", "method", "status")
        self._requests = Counter(
            "image_assets_requests", "Requests that were answered.", labels, registry=self.registry
        )
        self._seconds = Histogram(
            "image_assets_request_seconds",
            "From a request's head to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.registry.register(_OfClassifier(classifier))

    def note(self, route: str, method: str, status: int, seconds: float) -> None:
        """A request that was answered."""
        self._requests.labels(route, method if method in _METHODS else "other", str(status)).inc()
        self._seconds.labels(route).observe(seconds)


class _OfClassifier(Collector):
    """What the classifier knows of itself, asked when somebody looks."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    def collect(self) -> Iterable[Metric]:
        """The figures."""
        asked, capacity = self._classifier.asked, self._classifier.capacity
        every = asked.values()
        yield _gauge("waiting_images", "Images that wait for a model.", sum(one.depth for one in every))
        yield _gauge("requests_in_work", "Requests that brought something and are worked on.", capacity.requests)
        yield _gauge("held_bytes", "Bytes of these.", capacity.held_bytes)
        yield _counter("refused_requests", "Requests that came when too much was worked on.", capacity.refused)
        yield _counter("batches", "Batches that models answered.", sum(one.batches for one in every))
        yield _counter("images", "Images that models answered.", sum(one.images for one in every))
        swaps = sum(one.swaps for one in every)
        yield _counter("champions_swapped", "How often another model became the one that answers.", swaps)
        answered = InfoMetricFamily("image_assets_model", "The model of each asset that answered last.")
        for asset, one in asked.items():
            if one.model:
                answered.add_metric([], {"dataset": self._classifier.dataset, "sha256": one.model, "asset": asset})
        if answered.samples:
            yield answered


def _gauge(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(f"image_assets_{name}", said, value)


def _counter(name: str, said: str, value: float) -> Metric:
    return CounterMetricFamily(f"image_assets_{name}", said, value)


class Measured:
    """Notes every request that reaches the application under its route, never under the address that was asked for.

    Args:
        app: The application.
        figures: Where they are noted.
        routes: The application's.
    """

    def __init__(self, app: ASGIApp, figures: Figures, routes: Sequence[BaseRoute]) -> None:
        self._app, self._figures = app, figures
        self._paths: dict[object, str] = {one.endpoint: one.path for one in routes if isinstance(one, Route)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note how it went."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, statuses = time.perf_counter(), [500]

        async def with_status(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, with_status)
        finally:
            route = self._paths.get(scope.get("endpoint"), _NO_ROUTE)
            self._figures.note(route, scope["method"], statuses[-1], time.perf_counter() - began)


def metrics_routes(figures: Figures) -> Iterator[Route]:
    """Its address."""

    async def metrics(request: Request) -> Response:
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(figures.registry), headers={"content-type": kind})

    yield Route("/metrics", metrics)
