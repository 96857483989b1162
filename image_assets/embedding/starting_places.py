"""Where the points of a new fit begin: where they were, and new ones in the midst of their neighbours."""

from __future__ import annotations

import numpy as np

from image_assets.embedding.map_table import finite
from image_assets.embedding.neighbours import nearest

_AMONG = 15
_LEAST = 3  # points, from which a map can be continued


def starting_places(reduced: np.ndarray, places: np.ndarray) -> np.ndarray | None:
    """A place for every point to be fitted.

    Args:
        reduced: Features of the points, float32 [M, C].
        places: Where they were on the map before, float32 [M, d]; NaN where they were not on it.

    Returns:
        float64 [M, d]: of a point that was not on the map, the median of its 15 nearest that were. None where hardly
        any of them was on it, or all were in one place.
    """
    known = finite(places)
    if known.sum() < _LEAST or not (places[known].std(axis=0) > 0).all():
        return None
    start = places.astype(np.float64)
    new = np.flatnonzero(~known)
    if len(new):
        near, _ = nearest(reduced[known], reduced[new], _AMONG)
        start[new] = np.median(start[known][near], axis=1)
    return start
