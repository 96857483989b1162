"""Nearest neighbours among fitted points, the same whatever else is asked for at the same time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from image_assets.workers import cores

_ROWS = 2_048  # at a time; bounds what is in memory
# So many more than asked for are looked at with exact distances: the search itself multiplies matrices, whose last bits
# depend on how many rows are asked for together.
_MORE = 12


def nearest(points: np.ndarray, rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest points of every row by Euclidean distance, found exactly.

    Distances are computed per pair, in double precision, and ties go to the first point, so that a row's answer does
    not depend on the other rows or on the number of cores.

    Args:
        points: float32 [M, C], in which they are sought.
        rows: float32 [N, C].
        count: How many; at most M are found.

    Returns:
        Which points, int64 [N, count], the nearest first, and how far off they are, float64 of the same shape.
    """
    count = min(count, len(points))
    indices = np.empty((len(rows), count), dtype=np.int64)
    distances = np.empty((len(rows), count))
    if not len(rows):
        return indices, distances
    index = NearestNeighbors(n_neighbors=min(count + _MORE, len(points)), algorithm="brute").fit(points)
    with threadpool_limits(limits=cores()):
        for begin, candidates in _candidates(index, rows):
            part = slice(begin, begin + len(candidates))
            candidates.sort(axis=1)
            gaps = points[candidates].astype(np.float64) - rows[part, None, :].astype(np.float64)
            exact = np.sqrt((gaps**2).sum(axis=2))
            order = np.argsort(exact, axis=1, kind="stable")[:, :count]
            indices[part] = np.take_along_axis(candidates, order, axis=1)
            distances[part] = np.take_along_axis(exact, order, axis=1)
    return indices, distances


def nearest_others(points: np.ndarray, of: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """As `nearest`, of some of the points themselves, each without itself.

    Args:
        points: float32 [M, C].
        of: Which of them, int64 [N].
        count: How many; at most M - 1 are found.
    """
    indices, distances = nearest(points, points[of], count + 1)
    own = indices == of[:, None]
    own[~own.any(axis=1), -1] = True  # so many are in one place that it was not among the first
    shape = (len(of), indices.shape[1] - 1)
    return indices[~own].reshape(shape), distances[~own].reshape(shape)


def _candidates(index: NearestNeighbors, rows: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for begin in range(0, len(rows), _ROWS):
        yield begin, np.asarray(index.kneighbors(rows[begin : begin + _ROWS], return_distance=False))
