"""Which points lie within a polygon, and which lie nearest to a place: exactly, for a million points at once."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

CELLS = 256
"""The map is so many cells wide and high: one that no edge of a polygon touches is inside or outside as a whole."""
STEPS = 65_535
"""And so many steps, in which positions are sent to pages."""


class Depth(NamedTuple):
    """The third coordinate of the points of a map in space.

    Attributes:
        steps: From the least, uint16 [N].
        side: How much of the plane's side all steps together take.
    """

    steps: np.ndarray
    side: float


def depth_of(third: np.ndarray, plane: Plane) -> Depth | None:
    """That of third coordinates, float [N]; None where there are none that are finite and differ."""
    if not len(third) or not np.isfinite(third).all() or np.ptp(third) == 0:
        return None
    least, extent = float(third.min()), float(np.ptp(third))
    return Depth(np.rint((third.astype(np.float64) - least) * (STEPS / extent)).astype(np.uint16), extent / plane.side)


class Plane:
    """Points in the plane, and the square that holds them.

    Args:
        points: float32 [N, 2], all finite.

    Attributes:
        points: The same.
        corner: The least x and y, float64 [2].
        side: Of the square; never 0.
        extent: How much of the side the points take in x and in y, (0, 1].
    """

    def __init__(self, points: np.ndarray) -> None:
        self.points = points
        least, most = (points.min(0), points.max(0)) if len(points) else (np.zeros(2), np.zeros(2))
        extent = most.astype(np.float64) - least
        self.side = float(extent.max()) or 1.0
        x, y = (extent / self.side).clip(0.01, 1).tolist()
        self.extent = (x, y)
        # The shorter side lies in the middle of the square.
        self.corner = (least.astype(np.float64) + most - self.side) / 2

    @cached_property
    def positions(self) -> np.ndarray:
        """Steps from the corner, uint16 [N, 2]."""
        steps = (self.points - self.corner) * (STEPS / self.side)
        return np.rint(steps).clip(0, STEPS).astype(np.uint16)

    @cached_property
    def _cells(self) -> np.ndarray:
        """The cell of each point, uint16 [N]: its row × 256 + its column."""
        column, row = (self.positions >> 8).T
        return row << 8 | column

    def inside(self, polygon: np.ndarray) -> np.ndarray:
        """Whether points lie within a polygon, bool [N], by the even-odd rule.

        Args:
            polygon: Its corners, float64 [K, 2]; the last is joined to the first.
        """
        in_cells = (polygon - self.corner) * (CELLS / self.side)
        touched = _touched_cells(in_cells)
        rows, columns = np.nonzero(~touched)
        whole = np.zeros((CELLS, CELLS), bool)
        whole[rows, columns] = within(np.column_stack([columns, rows]) + 0.5, in_cells)
        found = whole.reshape(-1)[self._cells]
        near_edge = np.flatnonzero(touched.reshape(-1)[self._cells])
        found[near_edge] = within(self.points[near_edge].astype(np.float64), polygon)
        return found

    def nearest(self, place: np.ndarray, number: int, among: np.ndarray | None = None) -> np.ndarray:
        """The points nearest to a place, nearest first, of those in the order of the points; int64 [≤ number].

        Args:
            place: float [2].
            number: So many at most.
            among: Only these, bool [N]; None: all.
        """
        distances = np.square(self.points - place.astype(np.float32)).sum(1)
        if among is not None:
            distances[~among] = np.inf
        first = np.argpartition(distances, number)[:number] if number < len(distances) else np.arange(len(distances))
        first = first[np.isfinite(distances[first])]
        return first[np.lexsort([first, distances[first]])]


def within(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """As `Plane.inside`, of points float64 [N, 2], edge by edge."""
    x, y = np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1])
    found = np.zeros(len(points), bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        if y0 == y1:
            continue  # crosses no line from left to right
        crossed = (y0 > y) != (y1 > y)
        crossed &= x < (x1 - x0) / (y1 - y0) * (y - y0) + x0
        found ^= crossed
    return found


def _touched_cells(polygon: np.ndarray) -> np.ndarray:
    """The cells that an edge passes through or next to, bool [row, column]. The polygon is in units of cells."""
    touched = np.zeros((CELLS + 2, CELLS + 2), bool)
    # What lies beyond the map touches nothing, however far away it is.
    for begin, end in zip(polygon, np.roll(polygon, -1, 0), strict=True):
        clipped = _clipped(begin, end)
        if clipped is None:
            continue
        number = int(np.ceil(np.abs(clipped[1] - clipped[0]).max() * 2)) + 1
        places = np.linspace(clipped[0], clipped[1], number + 1)
        columns, rows = np.floor(places).clip(-1, CELLS).astype(int).T + 1
        touched[rows, columns] = True
    wide = touched.copy()
    wide[1:] |= touched[:-1]
    wide[:-1] |= touched[1:]
    both = wide.copy()
    both[:, 1:] |= wide[:, :-1]
    both[:, :-1] |= wide[:, 1:]
    return both[1:-1, 1:-1]


def _clipped(begin: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The part of an edge on the map and a cell around it (Liang and Barsky, 1984); None where there is none."""
    along = end - begin
    first, last = 0.0, 1.0
    for axis in range(2):
        if along[axis] == 0:
            if not -1 <= begin[axis] <= CELLS + 1:
                return None
            continue
        one, other = sorted((bound - begin[axis]) / along[axis] for bound in (-1.0, CELLS + 1.0))
        first, last = max(first, one), min(last, other)
    return None if first > last else (begin + first * along, begin + last * along)
