"""The quality over time: small lines on the first page, a page of each measure, and the same for programs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from image_assets.answers.now import Now
from image_assets.answers.quality_over_time import QualityOverTime
from image_assets.console.answered import Answered
from image_assets.console.lines import LARGE, SMALL, Drawn, Size, drawn
from image_assets.console.refusals import Refused
from image_assets.console.rendering import html_page
from image_assets.console.selection import Day, number_in

_SAID_DAY = TypeAdapter(Day)
_SMALL_DAYS, _LARGE_DAYS, _MOST_DAYS = 92, 366, 3_660


@dataclass(frozen=True)
class Row:
    """A measure on the first page: its lines by category, and where its page is."""

    measure: str
    to: str
    lines: Mapping[str, Drawn]


def small_lines(found: QualityOverTime, due: dt.date) -> dict[str, Any]:
    """What the first page shows of it: the last three months."""
    days = _days(found, due, _SMALL_DAYS)
    rows = [Row(name, f"/over-time/{quote(name)}", _lines(found, name, days, SMALL)) for name in found.measures]
    return {"over_time": [row for row in rows if any(one.marks for one in row.lines.values())], "line_days": days}


def quality_routes(answered: Answered) -> list[Route]:
    """Its addresses."""

    async def page(request: Request) -> Response:
        number = number_in(request.query_params, "days", _LARGE_DAYS, 2, _MOST_DAYS)
        return await answered.response(request, lambda now: _of_measure(request, now, number))

    async def lines(request: Request) -> Response:
        said = request.query_params.get("since")
        try:
            since = _SAID_DAY.validate_python(said) if said else None
        except ValueError:
            raise Refused(400, "bad_day", f"since={said!r}: expected a day such as 2026-11-20") from None
        return await answered.response(request, lambda now: JSONResponse(now.quality.since(since).as_json()))

    return [Route("/over-time/{measure}", page), Route("/v1/quality", lines)]


def _of_measure(request: Request, now: Now, number: int) -> Response:
    """The page of one measure over a number of days. Raises `Refused` where there is no such measure."""
    found, measure = now.quality, request.path_params["measure"]
    if measure not in found.measures:
        raise Refused(404, "not_found", f"there is no figure of {measure!r}; there are {', '.join(found.measures)}")
    days = _days(found, now.status.health.due, number)
    lines = _lines(found, measure, days, LARGE)
    title = f"{measure[0].upper()}{measure[1:]} over time"
    shown = [one for one in lines.values() if one.marks]
    return html_page(request, "over_time.html", title=title, lines=shown, days=days, number=number)


def _days(found: QualityOverTime, due: dt.date, number: int) -> tuple[dt.date, dt.date]:
    """So many days, up to the one that is due or the last that has a figure: what stopped long ago is seen to have."""
    last = max(due, found.last or due)
    first = min((line.days[0].day for line in found.lines if line.days), default=last)
    return max(first, last - dt.timedelta(days=number - 1)), last


def _lines(found: QualityOverTime, measure: str, days: tuple[dt.date, dt.date], size: Size) -> dict[str, Drawn]:
    within = found.since(*days)
    of_measure = (one for one in within.lines if one.measure == measure)
    return {one.category or "": drawn(one, found, days, size) for one in of_measure}
