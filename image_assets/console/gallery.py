"""The gallery: thumbnails of everything, of a day or a category, or of a queue of what is in doubt; and one image."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import polars as pl
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from image_assets.answers.conditions import text_of
from image_assets.answers.gallery import ALL, MARKED, QUEUES, Query, images_of
from image_assets.answers.images import Said, facts_of, said_of
from image_assets.answers.known_names import UnknownName, refuse_unknown_category
from image_assets.answers.map.points import points_at_hand
from image_assets.answers.map.selection import MapSelection
from image_assets.answers.marks import batches_of
from image_assets.console.guard import may_write
from image_assets.console.marks import Reviewing
from image_assets.console.refusals import Refused
from image_assets.console.rendering import html_page
from image_assets.console.selection import number_in, query_in
from image_assets.dataset import DatasetSpec
from image_assets.ingest.let_go import QuarantineKept
from image_assets.schema import QUARANTINE, RAW_IMAGES, Partition
from image_assets.store.store import Store
from image_assets.store.tables.counts import rows_per_partition
from image_assets.store.tables.damage import Damaged
from image_assets.store.tables.versions import OtherVersion
from image_assets.store.thumbnails import thumbnails_of

PAGE = 60
"""Images on a page."""
_BATCHES = 200


def gallery_routes(reviewing: Reviewing) -> list[Route]:
    """Its addresses."""
    dataset, store = reviewing.dataset, reviewing.store

    def about(request: Request) -> dict[str, Any]:
        return {"may_write": may_write(request, reviewing.token), "categories": list(dataset.categories)}

    async def grid(request: Request) -> Response:
        query, problem = _said_in(request.query_params)
        page = number_in(request.query_params, "page", 1, 1, 10**9)
        try:
            shown = await run_in_threadpool(_grid, dataset, store, query, page)
        except UnknownName as error:
            if not query.where:
                raise
            problem = str(error)
            shown = await run_in_threadpool(_grid, dataset, store, replace(query, where=()), page)
        where = request.query_params.get("where", "")
        status = 400 if problem else 200
        return html_page(request, "gallery.html", status, **about(request), **shown, where=where, problem=problem)

    async def image(request: Request) -> Response:
        facts = await run_in_threadpool(facts_of, dataset, store, request.path_params["image_id"])
        return html_page(request, "image.html", title="Image", image=facts)

    async def quarantine(request: Request) -> Response:
        query = query_in(request.query_params)
        page = number_in(request.query_params, "page", 1, 1, 10**9)
        return html_page(
            request, "quarantine.html", **await run_in_threadpool(_quarantine, dataset, store, query, page)
        )

    async def marks(request: Request) -> Response:
        batches = await run_in_threadpool(batches_of, dataset, store, _BATCHES)
        return html_page(request, "marks.html", title="Marks", batches=batches, **about(request))

    return [
        Route("/gallery", grid),
        Route("/gallery/quarantine", quarantine),
        Route("/gallery/marks", marks),
        Route("/images/{image_id}", image),
    ]


def _said_in(parameters: Mapping[str, str]) -> tuple[Query, str]:
    """The query of an address, and what is wrong with its conditions, which are typed and then left out."""
    try:
        return query_in(parameters), ""
    except Refused as refused:
        if not parameters.get("where"):
            raise
        return query_in({**parameters, "where": ""}), refused.message


def _grid(dataset: DatasetSpec, store: Store, query: Query, page: int) -> dict[str, Any]:
    start, since = (page - 1) * PAGE, dt.datetime.now(dt.UTC)
    found = images_of(dataset, store, query, start, PAGE)
    places = {one: Partition(*rest) for one, *rest in found.rows.select("image_id", "date", "category").iter_rows()}
    raw, said = store.table(dataset.name, RAW_IMAGES), said_of(dataset, store, places)
    thumbnails = thumbnails_of(raw, places)
    tiles = [
        {"id": one, "partition": places[one], "note": note, "said": _word(said.get(one)), "jpeg": thumbnails.get(one)}
        for one, note in found.rows.select("image_id", "note").iter_rows()
    ]
    return {
        "title": f"Gallery of {dataset.name}",
        "queues": QUEUES,
        "leaves_queue": query.queue not in (ALL, MARKED),
        "query": query,
        "on_map": query.on_map and query.on_map.text(),
        "regions": _regions(dataset, store),
        "days": sorted({str(day) for day in rows_per_partition(store, dataset.name, RAW_IMAGES)["date"]}, reverse=True),
        "tiles": tiles,
        "since": since.isoformat(),
        "first": start + 1,
        **_pages("/gallery", query, page, found.total),
    }


def _regions(dataset: DatasetSpec, store: Store) -> dict[str, str]:
    """The regions of the map by their names, each as the selection of what lies in it.

    None where the map is not in memory, or cannot be read: a page of the gallery does not wait for it.
    """
    try:
        points = points_at_hand(dataset, store)
    except (Damaged, OtherVersion):
        return {}
    names = [one.name for one in points.regions.named] if points else []
    return {name: MapSelection({"region": (name,)}).text() for name in names}


def _quarantine(dataset: DatasetSpec, store: Store, query: Query, page: int) -> dict[str, Any]:
    refuse_unknown_category(dataset, store, query.category)
    table = store.table(dataset.name, QUARANTINE)
    rows = table.scan([one for one in table.partitions() if query.matches(one)])
    ordered = rows.select("date", "category", "source", "bytes", "reason", "detail").sort(
        "date", "category", "source", descending=[True, False, False]
    )
    found = ordered.collect()
    gone = QuarantineKept(store, dataset.name).counts()
    let_go = sum(
        files
        for date, category, files in gone.select("date", "category", "files").iter_rows()
        if query.matches(Partition(date, category))
    )
    reasons = found.group_by("reason").agg(pl.len().alias("files")).sort("files", "reason", descending=[True, False])
    return {
        "title": "Quarantine",
        "files": found.slice((page - 1) * PAGE, PAGE).to_dicts(),
        "reasons": reasons.rows(),
        "let_go": let_go,
        **_pages("/gallery/quarantine", query, page, found.height),
    }


def _word(said: Said | None) -> Mapping[str, str] | None:
    """What was said of an image as a badge: its kind and its text."""
    if said is None:
        return None
    texts = {"check": "right", "exclude": "left out", "label": f"→ {said.category}"}
    return {"kind": said.what, "text": texts[said.what]}


def _pages(address: str, query: Query, page: int, total: int) -> dict[str, Any]:
    last = max(-(-total // PAGE), 1)
    named = {
        "queue": query.queue,
        "day": query.day,
        "category": query.category,
        "map": query.on_map and query.on_map.text(),
        "where": text_of(query.where) or None,
    }

    def link(number: int) -> str:
        kept = {name: str(value) for name, value in named.items() if value is not None}
        return f"{address}?{urlencode({**kept, 'page': number})}"

    return {
        "total": total,
        "page": page,
        "last": last,
        "before": link(min(page - 1, last)) if page > 1 else None,
        "after": link(page + 1) if page < last else None,
    }
