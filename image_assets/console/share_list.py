"""`/shares` and `/v1/shares`: the links to shards that were made, for whoever revokes them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from image_assets.console.guard import may_write, require_token
from image_assets.console.refusals import Refused
from image_assets.console.rendering import html_page
from image_assets.dataset import DatasetSpec
from image_assets.shares.record import ShareBook
from image_assets.shares.share import Share, ShareError
from image_assets.store.store import Store


@dataclass(frozen=True)
class Use:
    """How often files of a share were downloaded, in whole or in part, and when last; by this console."""

    downloads: int
    last: dt.datetime

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"downloads": self.downloads, "last": self.last.isoformat()}


class Uses:
    """What of each share was downloaded since this console began; what came before is in its log alone."""

    def __init__(self) -> None:
        self.since = _now()
        self._lock, self._found = Lock(), dict[str, Use]()

    def count(self, share_id: str) -> None:
        """A file of a share was asked for, and there."""
        with self._lock:
            before = self._found.get(share_id)
            self._found[share_id] = Use(1 + (before.downloads if before else 0), _now())

    def of(self, share_id: str) -> Use | None:
        """That of a share; None where nobody has."""
        return self._found.get(share_id)


@dataclass(frozen=True)
class Shares:
    """The shares of a dataset, as people look after them.

    Attributes:
        dataset: Whose they are.
        store: Where they are; who changes them opens it to write.
        token: That changes need.
        uses: What was downloaded.
    """

    dataset: DatasetSpec
    store: Store
    token: str = field(repr=False)
    uses: Uses

    def all(self) -> list[Share]:
        """The latest first."""
        return ShareBook(self.store, self.dataset.name).all()

    def revoke(self, share_id: str) -> Share:
        """Have one lead nowhere from now on. Raises `Refused` where there is none."""
        try:
            return self._written().revoke(share_id)
        except ShareError as error:
            raise Refused(404, "unknown_share", str(error)) from None

    def clear(self) -> list[Share]:
        """Forget those that lead nowhere."""
        return self._written().clear()

    def told(self, share: Share) -> dict[str, Any]:
        """A share as programs are told of it."""
        use = self.uses.of(share.id)
        return {**share.as_json(_now()), "used": use.as_json() if use else None}

    def _written(self) -> ShareBook:
        return ShareBook(Store.to_write(self.store.url), self.dataset.name)


def share_list_routes(shares: Shares) -> list[Route]:
    """Their addresses."""

    async def page(request: Request) -> Response:
        found, now = await run_in_threadpool(shares.all), _now()
        rows = [
            {"share": one, "state": one.state(now), "what": _what(one), "use": shares.uses.of(one.id)} for one in found
        ]
        shown = {"rows": rows, "since": shares.uses.since, "may_write": may_write(request, shares.token)}
        return html_page(request, "shares.html", title=f"Links to shards of {shares.dataset.name}", **shown)

    async def listed(request: Request) -> Response:
        del request
        found = await run_in_threadpool(shares.all)
        told = {"counted_since": shares.uses.since.isoformat(), "shares": [shares.told(one) for one in found]}
        return JSONResponse(told)

    async def revoke(request: Request) -> Response:
        require_token(request, shares.token)
        revoked = await run_in_threadpool(shares.revoke, request.path_params["share_id"])
        return JSONResponse(shares.told(revoked))

    async def clear(request: Request) -> Response:
        require_token(request, shares.token)
        return JSONResponse({"cleared": [one.id for one in await run_in_threadpool(shares.clear)]})

    return [
        Route("/shares", page),
        Route("/v1/shares", listed),
        Route("/v1/shares:clear", clear, methods=["POST"]),
        Route("/v1/shares/{share_id}:revoke", revoke, methods=["POST"]),
    ]


def _what(share: Share) -> str:
    """The days and categories that it leads to, in few words."""
    folders = {one.path.split("/", 1)[1].rpartition("/")[0] for one in share.files}
    parts = [dict(part.split("=", 1) for part in one.split("/") if "=" in part) for one in folders]
    days = sorted({one["date"] for one in parts if "date" in one})
    categories = sorted({one["category"] for one in parts if "category" in one})
    when = days[0] if len(days) == 1 else f"{len(days):,} days, {days[0]} to {days[-1]}" if days else ""
    which = ", ".join(categories) if len(categories) <= 3 else f"{len(categories):,} categories"
    return f"{which}; {when}"


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(microsecond=0)
