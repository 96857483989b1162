"""`python -m tests.floors_picture docs/images/floors.svg`: the floors of the code and what imports what, drawn.

Drawn from `tests/floors.py` and the imports themselves, so that it cannot say what is not so.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from tests.floors import FLOORS, floor_of, imports, modules

ROOT = Path(__file__).resolve().parents[1]
# Pixels; letters of the font are at most this wide on average.
_WIDTH, _NAMES, _LETTER, _BOX, _GAP = 1200, 290, 7, 26, 10
_STYLE = """\
text { font: 12px Helvetica, Arial, sans-serif; fill: #222 }
.floor { fill: #f4f4f0 } .floor.dagster { fill: #e4eef6 }
.box { fill: #fff; stroke: #888 } .import { fill: none; stroke: #0072b2; stroke-opacity: .5 }"""

Place = tuple[int, str]
"""A floor's number and what stands on it: a folder, or a module where most of its folder stands elsewhere."""


@dataclass(frozen=True)
class _Box:
    x: float
    y: float
    width: float

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def places(names: Iterable[str]) -> dict[str, Place]:
    """Where each module stands."""
    floors = {name: floor_of(name) for name in names}
    of_folders: dict[str, Counter[int]] = defaultdict(Counter)
    for name, floor in floors.items():
        of_folders[_folder(name)][floor] += 1
    mostly = {folder: found.most_common(1)[0][0] for folder, found in of_folders.items()}
    return {
        name: (floor, _folder(name) if mostly[_folder(name)] == floor else _inside(name))
        for name, floor in floors.items()
    }


def _inside(name: str) -> str:
    return "/".join(name.removeprefix("image_assets.").split("."))


def _folder(name: str) -> str:
    return _inside(name).split("/")[0]


def arrows(sources: Mapping[str, str], where: Mapping[str, Place]) -> set[tuple[Place, Place]]:
    """From where to where on another floor imports lead, without those that others lead along as well.

    Args:
        sources: The text of every module.
        where: Where each of them stands.
    """
    found = {
        (where[name], where[other])
        for name, source in sources.items()
        for other in imports(source, where)
        if other in where and where[other][0] != where[name][0]
    }
    return {arrow for arrow in found if not _leads_along(arrow, found)}


def _leads_along(arrow: tuple[Place, Place], among: Collection[tuple[Place, Place]]) -> bool:
    """Whether its end is reached from its beginning by at least two others."""
    begin, end = arrow
    seen, ways = set(), [below for above, below in among if above == begin and below != end]
    while ways:
        place = ways.pop()
        if place == end:
            return True
        if place not in seen:
            seen.add(place)
            ways += [below for above, below in among if above == place]
    return False


def picture(root: Path) -> str:
    """The picture, SVG."""
    sources = {name: file.read_text(encoding="utf-8") for name, file in modules(root).items()}
    where = places(sources)
    bands, boxes, height = [], {}, 0.0
    for number in reversed(range(len(FLOORS))):
        here = sorted(place for place in set(where.values()) if place[0] == number)
        placed, bottom = _row(here, height)
        boxes |= placed
        kind = "floor dagster" if FLOORS[number].knows_dagster else "floor"
        bands.append(f'<rect class="{kind}" y="{height:g}" width="{_WIDTH}" height="{bottom - height - 3:g}"/>')
        bands.append(f'<text x="10" y="{height + 22:g}">{escape(FLOORS[number].name)}</text>')
        height = bottom
    lines = [_line(boxes[above], boxes[below]) for above, below in sorted(arrows(sources, where))]
    shown = [_shown(boxes[place], place[1]) for place in sorted(boxes)]
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" width="{_WIDTH}">'
    ground = f'<rect width="{_WIDTH}" height="{height:g}" fill="#fff"/>'
    return "\n".join([opening, f"<style>{_STYLE}</style>", ground, *bands, *lines, *shown, "</svg>", ""])


def _row(here: list[Place], top: float) -> tuple[dict[Place, _Box], float]:
    """The boxes of a floor side by side, in as many rows as they take; and where the floor ends."""
    rows: list[list[Place]] = [[]]
    for place in here:
        if rows[-1] and _width([*rows[-1], place]) > _WIDTH - _NAMES:
            rows.append([])
        rows[-1].append(place)
    boxes, y = {}, top + _GAP / 2
    for row in rows:
        x = _NAMES + (_WIDTH - _NAMES - _width(row)) / 2
        for place in row:
            boxes[place] = _Box(x, y, _width([place]) - _GAP)
            x += _width([place])
        y += _BOX + _GAP / 2
    return boxes, y + 3


def _width(row: list[Place]) -> float:
    return sum(len(name) * _LETTER + 14 + _GAP for _, name in row)


def _line(above: _Box, below: _Box) -> str:
    start, end = above.y + _BOX, below.y
    bend = (end - start) / 2
    path = (
        f"M{above.middle:g} {start:g}C{above.middle:g} {start + bend:g} {below.middle:g} {end - bend:g} "
        f"{below.middle:g} {end:g}"
    )
    return f'<path class="import" d="{path}"/>'


def _shown(box: _Box, name: str) -> str:
    return (
        f'<rect class="box" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" height="{_BOX}" rx="4"/>'
        f'<text x="{box.middle:g}" y="{box.y + 17:g}" text-anchor="middle">{escape(name)}</text>'
    )


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(picture(ROOT), encoding="utf-8")
