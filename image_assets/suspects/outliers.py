"""Outliers: images far from all others of their category."""

from __future__ import annotations

import numpy as np
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from image_assets.features.table import unit_rows

_REFERENCES = 10_000
# Median absolute deviation to standard deviation, of a normal distribution.
_MAD_TO_SIGMA = 1.4826
# As good as equal, relative to the distances themselves: copies of one image must not make all others outliers.
_SMALLEST_SPREAD = 0.05


def outlier_scores(features: np.ndarray, labels: np.ndarray, neighbours: int, seed: int = 0) -> np.ndarray:
    """How far every image is from its category, in robust standard deviations.

    The mean distance to the nearest neighbours within the category, on features of length 1; its logarithm, because
    distances are positive and skewed; minus the category's median, divided by 1.4826 × the median absolute deviation
    (Leys et al., "Detecting outliers: Do not use standard deviation around the mean", J. Exp. Soc. Psychol. 49, 2013).
    Neighbours are sought among at most 10,000 images of a category, chosen at random, so that time grows with the
    number of images and not with its square.

    Args:
        features: float32 [N, D].
        labels: int16 [N].
        neighbours: How many are looked at.
        seed: Of the choice.

    Returns:
        float64 [N]; NaN in categories with no more images than `neighbours`.
    """
    scores = np.full(len(labels), np.nan)
    random = np.random.default_rng(seed)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        if len(rows) > neighbours:
            distances = _neighbour_distances(unit_rows(features[rows]), neighbours, random)
            scores[rows] = _robust_scores(np.log(np.maximum(distances, 1e-6)))
    return scores


def _neighbour_distances(features: np.ndarray, neighbours: int, random: np.random.Generator) -> np.ndarray:
    """Mean distance of every row to its nearest others among the references."""
    chosen = np.sort(random.permutation(len(features))[:_REFERENCES])
    index = NearestNeighbors(n_neighbors=neighbours + 1, algorithm="brute").fit(features[chosen])
    with threadpool_limits(limits=1):
        distances, found = index.kneighbors(features)
    # A row is no neighbour of itself. Of copies, it may not be among those that are found.
    distances[chosen[found] == np.arange(len(features))[:, None]] = np.inf
    return np.sort(distances, axis=1)[:, :neighbours].mean(axis=1)


def _robust_scores(values: np.ndarray) -> np.ndarray:
    median = np.median(values)
    spread = _MAD_TO_SIGMA * np.median(np.abs(values - median))
    return (values - median) / max(spread, _SMALLEST_SPREAD)
