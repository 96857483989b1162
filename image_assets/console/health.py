"""The first page: one state of each day and category, why it is so and what to do; and the same for programs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from image_assets.answers.day_states import STATES, OneDay
from image_assets.answers.now import Now
from image_assets.console.answered import Answered
from image_assets.console.guard import may_write
from image_assets.console.refusals import Refused
from image_assets.console.rendering import html_page
from image_assets.health.check_book import count_states
from image_assets.reports.health import bytes_text

_DAYS_SHOWN = 31
Lines = Callable[[Now], Mapping[str, Any]]


def health_routes(answered: Answered, token: str, lines: Lines) -> list[Route]:
    """Its addresses.

    Args:
        answered: What is known, and what was answered of it.
        token: That changes need: who brings it is shown how.
        lines: What the first page shows of the quality over time.
    """

    async def page(request: Request) -> Response:
        until = _until(request)
        return await answered.response(
            request, lambda now: html_page(request, "health.html", **_overview(now, until), **lines(now))
        )

    async def one(request: Request) -> Response:
        # Who brings the token is shown more than who does not: each is answered anew.
        days = await run_in_threadpool(lambda: answered.ask().days)
        day, category = request.path_params["day"], request.path_params["category"]
        wanted = (None, None) if day == "whole" else (day, category)
        for found in days:
            where = found.partition
            if ((str(where.date), where.category) if where else (None, None)) == wanted:
                return html_page(
                    request, "day.html", title=_title(found), one=found, may_write=may_write(request, token)
                )
        raise Refused(404, "not_found", f"nothing is known of {category} on {day}")

    async def status(request: Request) -> Response:
        return await answered.response(request, lambda now: JSONResponse(now.as_json()))

    async def days(request: Request) -> Response:
        return await answered.response(
            request, lambda now: JSONResponse({"days": [found.as_json() for found in now.days]})
        )

    return [
        Route("/", page),
        Route("/days/{day}/{category:path}", one),
        Route("/v1/status", status),
        Route("/v1/days", days),
    ]


def _overview(now: Now, until: dt.date | None) -> dict[str, Any]:
    health = now.status.health
    whole, *found = now.days
    by_place = {(one.partition.date, one.partition.category): one for one in found if one.partition}
    days = sorted({day for day, _ in by_place}, reverse=True)
    shown = [day for day in days if until is None or day <= until][:_DAYS_SHOWN]
    older = [day for day in days if shown and day < shown[-1]]
    others = {category for _, category in by_place}
    counts = {state: sum(one.state == state for one in (whole, *found)) for state in STATES}
    return {
        "title": f"Health of {health.dataset}",
        "health": health,
        "stored": bytes_text(health.stored),
        "checks": None if health.checks is None else count_states(health.checks),
        "damaged": now.status.damaged,
        "problems": now.problems,
        "whole": whole,
        "counts": counts,
        "categories": list(dict.fromkeys([*(one.category for one in health.categories), *sorted(others)])),
        "rows": [(day, by_place) for day in shown],
        "older": older[0] if older else None,
        "urgent": _urgent((whole, *found)),
        "acknowledged": [one for one in (whole, *found) if one.acknowledged],
    }


def _urgent(found: Sequence[OneDay]) -> list[OneDay]:
    """What wants somebody, the worst and then the latest first."""
    latest = sorted(found, key=lambda one: one.partition.date if one.partition else dt.date.max, reverse=True)
    wanting = [one for one in latest if one.wanting]
    return sorted(wanting, key=lambda one: STATES.index(one.wanting[0].state))[:20]


def _title(found: OneDay) -> str:
    return str(found.partition) if found.partition else "The whole dataset"


def _until(request: Request) -> dt.date | None:
    said = request.query_params.get("until")
    try:
        return dt.date.fromisoformat(said) if said else None
    except ValueError:
        raise Refused(400, "bad_day", f"until={said!r}: expected a day such as 2026-11-20") from None
