"""Where on the map the name of a category is written."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from image_assets.answers.map.columns import MapColumn

_NAMED = 24


class Named(NamedTuple):
    """A category, and the place of its name."""

    category: str
    x: float
    y: float


def named_categories(column: MapColumn, places: np.ndarray) -> list[Named]:
    """The places of the largest categories' names, the largest first.

    Args:
        column: The category of each point.
        places: Of the points, [N, 2].
    """
    counts = np.bincount(column.numbers, minlength=len(column.values))
    largest = np.argsort(-counts, kind="stable")[:_NAMED]
    return [Named(column.values[one], *_middle(places[column.numbers == one])) for one in largest if counts[one]]


def _middle(places: np.ndarray) -> tuple[float, float]:
    """The point nearest to the median, which itself may lie between two crowds."""
    x, y = places[np.argmin(np.square(places - np.median(places, axis=0)).sum(1))].tolist()
    return x, y
