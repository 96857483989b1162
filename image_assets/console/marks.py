"""`/v1/marks` and `/v1/images`: what people say of images, what it would change, and what is known of an image."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from getpass import getuser
from threading import Lock
from typing import Any, TypeVar

import polars as pl
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from image_assets.answers.gallery import images_of
from image_assets.answers.images import content_of_image, facts_of, thumbnail_of
from image_assets.answers.mark_preview import preview_of
from image_assets.answers.marks import batch_named, batches_of, said_since
from image_assets.console.body import body_of
from image_assets.console.changing import Changing
from image_assets.console.guard import require_token
from image_assets.console.selection import Exported, MarksSaid, Selection, name_in, number_in, query_in, said_in
from image_assets.lookalikes.evidence import EvidenceReader
from image_assets.marks.record import Mark, keep_marks, marks_of, take_back
from image_assets.schema import RAW_IMAGES
from image_assets.spreadsheets import csv_of
from image_assets.store.store import Store

T = TypeVar("T", bound=Selection)
_KINDS = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
_LISTED = 10_000
_KEPT = {"cache-control": "private, max-age=86400, immutable"}


@dataclass(frozen=True)
class Reviewing(Changing):
    """What marks are made with."""

    _one_at_a_time: Lock = field(default_factory=Lock, init=False, repr=False)

    def rows(self, said: MarksSaid) -> pl.DataFrame:
        """The rows of marks that are asked for, not kept."""
        mark = Mark(said.what, said.reviewer or user_here(), said.category)
        return marks_of(self.dataset, self.store, said.rows(self.dataset, self.store), mark, _now())

    def mark(self, said: MarksSaid) -> dict[str, Any]:
        """Keep marks: their batch, as `/v1/marks` tells of it, and what others said of its images meanwhile."""
        with self._one_at_a_time:
            rows = self.rows(said)
            batch = keep_marks(self.dataset, Store.to_write(self.store.url), rows)
        told = batch_named(self.dataset, self.store, batch).as_json()
        return {**told, "meanwhile": self._meanwhile(said, rows, batch)}

    def preview(self, said: MarksSaid) -> dict[str, Any]:
        """What marks would change, and what others said of their images meanwhile. Nothing is kept."""
        rows = self.rows(said)
        told = preview_of(EvidenceReader(self.store, self.dataset), rows).as_json()
        return {**told, "meanwhile": self._meanwhile(said, rows)}

    def _meanwhile(self, said: MarksSaid, rows: pl.DataFrame, besides: str = "") -> list[dict[str, Any]]:
        if said.since is None:
            return []
        return [vars(one) for one in said_since(self.dataset, self.store, rows["image_id"], said.since, besides)]

    def undo(self, batch: str, reviewer: str | None) -> dict[str, Any]:
        """Take a batch back: as `mark`."""
        with self._one_at_a_time:
            take_back(self.dataset, Store.to_write(self.store.url), batch, reviewer or user_here(), _now())
        return batch_named(self.dataset, self.store, batch).as_json()

    def exported(self, said: Exported) -> bytes:
        """The images of a selection as a file, in their order."""
        chosen = said.rows(self.dataset, self.store)
        partitions = set(chosen.select("date", "category").unique().iter_rows())
        table = self.store.table(self.dataset.name, RAW_IMAGES)
        there = table.scan([part for part in table.partitions() if (part.date, part.category) in partitions])
        known = there.select("image_id", "source", "format", "width", "height", "bytes")
        rows = chosen.lazy().join(known, on="image_id", how="left", maintain_order="left").collect()
        if said.format == "csv":
            return csv_of(rows)
        buffer = io.BytesIO()
        rows.write_parquet(buffer)
        return buffer.getvalue()


def marks_routes(reviewing: Reviewing) -> list[Route]:
    """The addresses of marks."""

    async def said(request: Request, kind: type[T], answer: Callable[[T], Any]) -> Any:
        async with body_of(request, reviewing.capacity) as body:
            asked = said_in(kind, body)
            return await run_in_threadpool(answer, asked)

    async def listed(request: Request) -> Response:
        most = number_in(request.query_params, "most", 100, 1, _LISTED)
        batches = await run_in_threadpool(batches_of, reviewing.dataset, reviewing.store, most)
        return JSONResponse({"batches": [one.as_json() for one in batches]})

    async def make(request: Request) -> Response:
        require_token(request, reviewing.token)
        return JSONResponse(await said(request, MarksSaid, reviewing.mark))

    async def listed_or_made(request: Request) -> Response:  # one route, so that a refusal names both methods
        return await (make if request.method == "POST" else listed)(request)

    async def preview(request: Request) -> Response:
        return JSONResponse(await said(request, MarksSaid, reviewing.preview))

    async def undo(request: Request) -> Response:
        require_token(request, reviewing.token)
        reviewer = name_in(request.query_params, "reviewer")
        return JSONResponse(await run_in_threadpool(reviewing.undo, request.path_params["batch"], reviewer))

    async def export(request: Request) -> Response:
        kinds: list[str] = []

        def answer(asked: Exported) -> bytes:
            kinds.append(asked.format)
            return reviewing.exported(asked)

        content = await said(request, Exported, answer)
        name = f"{reviewing.dataset.name}.{kinds[0]}"
        return Response(content, media_type=_KINDS[kinds[0]], headers=_as_file(name))

    return [
        Route("/v1/marks", listed_or_made, methods=["GET", "POST"]),
        Route("/v1/marks:preview", preview, methods=["POST"]),
        Route("/v1/marks/{batch}", undo, methods=["DELETE"]),
        Route("/v1/images:export", export, methods=["POST"]),
    ]


def image_routes(reviewing: Reviewing) -> list[Route]:
    """The addresses of images."""
    dataset, store = reviewing.dataset, reviewing.store

    async def listed(request: Request) -> Response:
        query = query_in(request.query_params)
        start = number_in(request.query_params, "start", 0, 0, 2**40)
        most = number_in(request.query_params, "most", 100, 1, _LISTED)
        found = await run_in_threadpool(images_of, dataset, store, query, start, most)
        rows = found.rows.select("image_id", pl.col("date").cast(pl.String).alias("day"), "category", "note")
        return JSONResponse({"total": found.total, "images": rows.to_dicts()})

    async def one(request: Request) -> Response:
        facts = await run_in_threadpool(facts_of, dataset, store, request.path_params["image_id"])
        return JSONResponse(facts.as_json())

    async def content(request: Request) -> Response:
        kind, file = await run_in_threadpool(content_of_image, dataset, store, request.path_params["image_id"])
        # The door let it in by its first bytes, so that it is an image whatever it was called.
        return Response(file, media_type=f"image/{kind}")

    async def thumbnail(request: Request) -> Response:
        jpeg = await run_in_threadpool(thumbnail_of, dataset, store, request.path_params["image_id"])
        return Response(jpeg, media_type="image/jpeg", headers=_KEPT)  # an id is a digest: it means these bytes alone

    return [
        Route("/v1/images", listed),
        Route("/v1/images/{image_id}", one),
        Route("/v1/images/{image_id}/content", content),
        Route("/v1/images/{image_id}/thumbnail", thumbnail),
    ]


def user_here() -> str:
    """Who runs the console: who said something where nobody is named."""
    try:
        return getuser()
    except (KeyError, OSError):  # a number without a name, as in a container
        return "somebody at the console"


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _as_file(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}
