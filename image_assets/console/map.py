"""The map: its page, its points as columns of bytes, and which of them are meant."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from image_assets.answers.map.columns import GREY, PALETTE
from image_assets.answers.map.density import density_png, slots_of
from image_assets.answers.map.points import MapPlaces, MapPoints, places_of, points_of, points_version
from image_assets.answers.map.selection import FILTERS, MapSelection, selection_in
from image_assets.console.body import body_of
from image_assets.console.guard import may_write
from image_assets.console.marks import Reviewing
from image_assets.console.refusals import Refused
from image_assets.console.rendering import html_page
from image_assets.console.selection import MapSaid, number_in, said_in
from image_assets.dataset import DatasetSpec
from image_assets.places import PlaceError
from image_assets.store.store import Store
from image_assets.store.tables.damage import Damaged
from image_assets.store.tables.versions import OtherVersion

_LOG = logging.getLogger(__name__)
POSITIONS, DEPTH = "positions", "depth"
_BYTES = "application/octet-stream"
_KEPT = {"cache-control": "private, max-age=31536000, immutable"}
_NEAR = 100


def map_routes(reviewing: Reviewing) -> list[Route]:
    """Its addresses."""
    dataset, store = reviewing.dataset, reviewing.store

    async def page(request: Request) -> Response:
        version = await run_in_threadpool(points_version, dataset, store)
        places = await run_in_threadpool(places_of, dataset, store)
        shown = {"may_write": may_write(request, reviewing.token), "categories": list(dataset.categories)}
        shown |= {"since": dt.datetime.now(dt.UTC).isoformat()}
        return html_page(
            request, "map.html", title=f"Map of {dataset.name}", version=version, extent=places.plane.extent, **shown
        )

    async def described(request: Request) -> Response:
        del request
        return JSONResponse(_described(await run_in_threadpool(points_of, dataset, store)))

    async def regions(request: Request) -> Response:
        version = request.query_params.get("version")

        points = await run_in_threadpool(points_of, dataset, store)
        _refuse_other(points, version)
        named = [one.as_json() for one in points.regions.named]
        return JSONResponse({"version": points.version, "nowhere": points.regions.nowhere, "regions": named})

    async def column(request: Request) -> Response:
        return await _kept(request, lambda: _column(request, points_of(dataset, store)), _BYTES)

    async def density(request: Request) -> Response:
        return await _kept(request, lambda: _density(request, reviewing), "image/png")

    async def select(request: Request) -> Response:
        async with body_of(request, reviewing.capacity) as body:
            said = said_in(MapSaid, body)
            return Response(await run_in_threadpool(_selected, said, reviewing), media_type=_BYTES)

    async def point(request: Request) -> Response:
        number = number_in(request.path_params, "point", 0, 0, 2**32)
        version = request.query_params.get("version")
        return JSONResponse(await run_in_threadpool(_point, reviewing, number, version))

    async def image(request: Request) -> Response:
        most = number_in(request.query_params, "most", 12, 1, _NEAR)
        selection = _selection(request.query_params)
        return JSONResponse(await run_in_threadpool(_near, reviewing, request.path_params["image_id"], most, selection))

    return [
        Route("/map", page),
        Route("/v1/map", described),
        Route("/v1/map/regions", regions),
        Route("/v1/map/columns/{name}", column),
        Route("/v1/map/density.png", density),
        Route("/v1/map/points/{point}", point),
        Route("/v1/map/images/{image_id}", image),
        Route("/v1/map:select", select, methods=["POST"]),
    ]


def prepare_map(dataset: DatasetSpec, store: Store) -> None:
    """Read the map before somebody asks for it; why it cannot be is told to whoever does."""
    try:
        _density_of_all(dataset, store)
        points_of(dataset, store)
    except (Damaged, OtherVersion, PlaceError, OSError) as error:
        _LOG.warning("the console has no map yet: %s", error)


def _described(points: MapPoints) -> dict[str, Any]:
    """What the columns are, and how positions become places."""
    columns = {
        name: {
            "called": column.called,
            "values": column.values,
            "several": column.several,
            "bytes": column.numbers.itemsize,
            "nothing": column.nothing,
        }
        for name, column in points.columns.items()
    }
    x, y = points.plane.corner.tolist()
    return {
        "version": points.version,
        "points": points.number,
        "corner": [x, y],
        "side": points.plane.side,
        "depth": points.depth and points.depth.side,
        "palette": PALETTE,
        "grey": GREY,
        "columns": columns,
        "named": [one._asdict() for one in points.named],
    }


async def _kept(request: Request, make: Callable[[], tuple[str, bytes]], kind: str) -> Response:
    """What a browser may keep for as long as the address names its version, and else asks whether it still holds."""
    etag, content = await run_in_threadpool(make)
    headers = {"etag": f'"{etag}"', **(_KEPT if "version" in request.query_params else {"cache-control": "no-cache"})}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=kind, headers=headers)


def _column(request: Request, points: MapPoints) -> tuple[str, bytes]:
    name = request.path_params["name"]
    _refuse_other(points, request.query_params.get("version"))
    if name == POSITIONS:
        numbers = points.plane.positions
    elif name == DEPTH and points.depth is not None:
        numbers = points.depth.steps
    elif name in points.columns:
        numbers = points.columns[name].numbers
    else:
        known = ", ".join([POSITIONS, *points.columns])
        raise Refused(404, "not_found", f"the map has no column {name!r}; there are {known}")
    return points.version, numbers.astype(numbers.dtype.newbyteorder("<"), copy=False).tobytes()


def _density(request: Request, reviewing: Reviewing) -> tuple[str, bytes]:
    colour = request.query_params.get("colour", FILTERS[0])
    if colour not in FILTERS:
        raise Refused(400, "bad_query", f"colour={colour!r}: expected one of {', '.join(FILTERS)}")
    selection = _selection(request.query_params)
    if colour == FILTERS[0] and "map" not in request.query_params:  # a first look, of one table alone
        return _density_of_all(reviewing.dataset, reviewing.store)
    points = points_of(reviewing.dataset, reviewing.store)
    return points.version, density_png(points.plane, slots_of(points.columns[colour]), selection.mask(points))


def _density_of_all(dataset: DatasetSpec, store: Store) -> tuple[str, bytes]:
    places = places_of(dataset, store)
    return places.version, _first_look(places, tuple(dataset.categories.values()))


@lru_cache(maxsize=1)
def _first_look(places: MapPlaces, labels: tuple[int, ...]) -> bytes:
    """The picture of all points by their categories, whose numbers are the labels."""
    slots = np.zeros(max(labels) + 1, np.uint8)
    slots[list(labels)] = np.arange(len(labels)) % len(PALETTE)
    known = np.where((places.labels >= 0) & (places.labels < len(slots)), places.labels, 0)
    return density_png(places.plane, slots[known])


def _selected(said: MapSaid, reviewing: Reviewing) -> bytes:
    points = points_of(reviewing.dataset, reviewing.store)
    _refuse_other(points, said.version)
    return np.packbits(selection_in(said.map).mask(points), bitorder="little").tobytes()


def _point(reviewing: Reviewing, number: int, version: str | None) -> dict[str, Any]:
    points = points_of(reviewing.dataset, reviewing.store)
    _refuse_other(points, version)
    if number >= points.number:
        raise Refused(404, "not_found", f"the map has {points.number:,} points, and none of number {number:,}")
    return _told(points, number)


def _near(reviewing: Reviewing, image_id: str, most: int, selection: MapSelection) -> dict[str, Any]:
    points = points_of(reviewing.dataset, reviewing.store)
    own = points.point_of(image_id)
    among = selection.shown(points)
    among[own] = False
    nearest = points.plane.nearest(points.plane.points[own], most, among)
    return {**_told(points, own), "near": [_told(points, number) for number in nearest.tolist()]}


def _told(points: MapPoints, number: int) -> dict[str, Any]:
    """A point and what is known of it."""
    x, y = points.plane.points[number].tolist()
    values = {name: column.told(number) for name, column in points.columns.items()}
    where = {"x": x, "y": y, "region": points.regions.name_of(number)}
    return {"point": number, "image_id": points.rows["image_id"][number], **values, **where}


def _selection(parameters: Mapping[str, str]) -> MapSelection:
    try:
        return selection_in(parameters.get("map", ""))
    except ValueError as error:
        raise Refused(400, "bad_query", f"map: {error}") from None


def _refuse_other(points: MapPoints, version: str | None) -> None:
    if version not in (None, points.version):
        raise Refused(409, "changed_meanwhile", "the map is another one by now; load the page again")
