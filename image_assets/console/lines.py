"""Figures over time as small lines: what of an SVG is numbers. The templates draw it, without a script."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from urllib.parse import urlencode

from image_assets.answers.quality_over_time import DayFigure, Line, QualityOverTime
from image_assets.images.issues import ISSUES

_ONE_DAY = dt.timedelta(days=1)
_ISSUES_OF_CHECKS = {
    **{f"{one.name.replace('_', ' ')} images": one.name.replace("_", " ") for one in ISSUES},
    "odd shaped images": "odd shape",
    "odd sized images": "odd size",
}
"""What the filter of the map calls that of which a check keeps the share."""


@dataclass(frozen=True)
class Size:
    """Of a picture: width and height, and how much of each is left free at the border."""

    width: int
    height: int
    border: int = 4


SMALL, LARGE = Size(132, 32), Size(960, 150, 8)


@dataclass(frozen=True)
class Mark:
    """A day on a line.

    Attributes:
        x: Of its middle.
        y: Of its middle.
        day: The day.
        text: Day, value, limit and who judged it bad.
        judged: Whether anything did.
        to: The images of that day; empty where there are none to be seen.
        on_map: The same on the map; empty likewise.
    """

    x: float
    y: float
    day: dt.date
    text: str
    judged: bool
    to: str
    on_map: str


@dataclass(frozen=True)
class Drawn:
    """A line as it is drawn.

    Attributes:
        name: Of the category, or `all`.
        path: Of SVG; it is interrupted where days have no figure.
        limit: The height of the limit that was told last; None where there is none within the picture.
        marks: All days that have a figure, in their order.
        said: The line in words.
        latest: The last figure.
        size: Of the picture.
    """

    name: str
    path: str
    limit: float | None
    marks: tuple[Mark, ...]
    said: str
    latest: str
    size: Size

    @property
    def judged(self) -> list[Mark]:
        """What was judged bad."""
        return [one for one in self.marks if one.judged]


def drawn(line: Line, whole: QualityOverTime, days: tuple[dt.date, dt.date], size: Size) -> Drawn:
    """Draw a line.

    Args:
        line: It, of these days alone.
        whole: What there is to be looked at on which day.
        days: The first and the last one that the picture has room for.
        size: Of the picture.
    """
    name = line.category or "all"
    limit = next((one.limit for one in reversed(line.days) if one.limit is not None), None)
    low, high = _range(line, limit)

    def across(day: dt.date) -> float:
        return round(size.border + (size.width - 2 * size.border) * (day - days[0]).days / _length(days), 1)

    def up(value: float) -> float:
        return round(size.height - size.border - (size.height - 2 * size.border) * (value - low) / (high - low), 1)

    marks = tuple(
        Mark(across(one.day), up(one.value), one.day, _told(line, one), bool(one.judged), *_links(line, one.day, whole))
        for one in line.days
    )
    height = up(limit) if limit is not None and low <= limit <= high else None
    latest = shown(line, line.days[-1].value) if line.days else ""
    return Drawn(name, _path(marks), height, marks, _said(line, name, days), latest, size)


def shown(line: Line, value: float) -> str:
    """A figure as people read it."""
    return f"{value:.1%}" if line.kind == "share" else f"{value:.2f}"


def _length(days: tuple[dt.date, dt.date]) -> int:
    return max((days[1] - days[0]).days, 1)


def _range(line: Line, limit: float | None) -> tuple[float, float]:
    """What the picture reaches from and to: shares of what is bad from 0, with room for the limit where it is near."""
    values = [one.value for one in line.days]
    if not values:
        return 0.0, 1.0
    low = 0.0 if line.good == "low" and line.kind == "share" else min(values)
    high = max(values)
    if limit is not None and limit < 3 * high:
        high = max(high, limit)
    return (low, high) if high > low else (low, low + max(abs(low), 0.01))


def _path(marks: tuple[Mark, ...]) -> str:
    parts: list[str] = []
    before: dt.date | None = None
    for number, mark in enumerate(marks):
        follows = before == mark.day - _ONE_DAY
        parts.append(f"{'L' if follows else 'M'}{mark.x:g} {mark.y:g}")
        alone = number + 1 == len(marks) or marks[number + 1].day != mark.day + _ONE_DAY
        if alone and not follows:
            parts.append("h0")  # with round ends it is a dot
        before = mark.day
    return "".join(parts)


def _told(line: Line, one: DayFigure) -> str:
    limit = "" if one.limit is None else f", limit {shown(line, one.limit)}"
    judged = f", judged bad by {one.judged}" if one.judged else ""
    return f"{one.day}: {shown(line, one.value)}{limit}{judged}"


def _said(line: Line, name: str, days: tuple[dt.date, dt.date]) -> str:
    if not line.days:
        return f"{line.measure} of {name}: no figure from {days[0]} to {days[1]}"
    values = [one.value for one in line.days]
    between = f"from {shown(line, min(values))} to {shown(line, max(values))} on {len(values)} of {_count(days)} days"
    bad = sum(bool(one.judged) for one in line.days)
    last = line.days[-1]
    judged = f"; {bad} judged bad" if bad else ""
    return f"{line.measure} of {name}: {shown(line, last.value)} on {last.day}, {between}{judged}"


def _count(days: tuple[dt.date, dt.date]) -> int:
    return (days[1] - days[0]).days + 1


def _links(line: Line, day: dt.date, whole: QualityOverTime) -> tuple[str, str]:
    """Where the images of a day are to be seen, in the gallery and on the map."""
    asked = {"day": str(day), **({"category": line.category} if line.category else {})}
    if line.measure == "quarantined":
        return f"/gallery/quarantine?{urlencode(asked)}", ""
    if not whole.loaded.get((day, line.category)):
        return "", ""
    issue = _ISSUES_OF_CHECKS.get(line.measure)
    on_map = {**asked, **({"quality": issue} if issue else {})}
    return f"/gallery?{urlencode(asked)}", f"/map?{urlencode(on_map)}"
