"""What a model keeps of the images that it was fitted to, so that it can say how familiar another one looks to it.

Distance in feature space as a sign of what a classifier was not trained on: Sun, Ming, Zhu, Li, "Out-of-Distribution
Detection with Deep Nearest Neighbors", ICML 2022; here by category, so that what lies between two of them counts too.
A cosine takes no notice of how long features are, by which pictures of nothing, such as noise, are told best: of some
extractors they are longer than those of nearly all photos, of others shorter. So an unusual length counts against an
image. On what it tells: Park, Chai, Yoon, Kim, "Understanding the Feature Norm for Out-of-Distribution Detection", ICCV
2023.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

NEAREST = 5
"""So many images of a category are looked at."""
WEIGHT = 0.5
"""What the closeness to the category itself counts, beside its lead over the next one."""
UNUSUAL = 0.5
"""What it counts that a length is as far out of the usual range, in logarithms, as that is wide."""
_USUAL = (0.05, 0.95)
# Features that all have one length, as some encoders give, differ in it by rounding alone.
_LEAST_RANGE = np.float32(0.01)
LEAST_LENGTH = np.float32(1e-12)
"""Whose logarithm stands for that of nothing."""
FAR = np.float32(-4)
"""Added to a cosine that is none: below every real one."""
_LEAST_STEP = np.float32(1e-4)


class KnownImages(TransformerMixin, BaseEstimator):
    """Some of the images that a model was fitted to, as a step of its pipeline that changes nothing.

    Attributes:
        vectors_: float16 [K, n, D], of each of K categories up to n images: standardised features of length 1. Zeros
            where a category has fewer.
        counts_: int64 [K], how many it has, at least one.
        grid_: float32 [Q], ascending: quantiles of `measure` of images that were left out of a training like the
            model's, from the least to the largest.
        usual_: float32 [2], the logarithms of the lengths between which nine tenths of the images lie, see
            `usual_lengths`; none where length does not count, as in models of before it was noted.
        n_features_in_: D.
    """

    vectors_: np.ndarray
    counts_: np.ndarray
    grid_: np.ndarray
    usual_: np.ndarray | None = None
    n_features_in_: int

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> KnownImages:  # noqa: N803, ARG002  # as scikit-learn
        """Note the width of X, float [N, D]: which images are kept is decided elsewhere."""
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:  # noqa: N803  # as scikit-learn
        """X as it is."""
        return X

    @property
    def weights(self) -> np.ndarray:
        """float32 [K, k], what the nearest images of a category count: the mean of k, or of all where it has fewer."""
        most = min(NEAREST, self.vectors_.shape[1])
        looked_at = np.minimum(self.counts_, most)[:, None]
        return ((np.arange(most) < looked_at) / looked_at).astype(np.float32)

    @property
    def absent(self) -> np.ndarray:
        """float32 [K, n], `FAR` where there is no image, else 0."""
        return np.where(np.arange(self.vectors_.shape[1]) < self.counts_[:, None], np.float32(0), FAR)

    def closeness(self, standardised: np.ndarray) -> np.ndarray:
        """float32 [N, K], mean cosine of rows [N, D] to the nearest images of each category; 0 of a row of zeros."""
        categories, images, _ = self.vectors_.shape
        cosines = unit_vectors(standardised) @ self._matrix
        weights = self.weights
        ascending = np.sort(cosines.reshape(-1, categories, images) + self.absent, axis=2)
        return (ascending[..., : -weights.shape[1] - 1 : -1] * weights).sum(axis=2)

    @cached_property
    def _matrix(self) -> np.ndarray:
        """float32 [D, K × n]: to turn the vectors into it takes longer than a picture's cosines."""
        categories, images, width = self.vectors_.shape
        return self.vectors_.reshape(categories * images, width).astype(np.float32).T

    def __getstate__(self) -> dict[str, Any]:
        """What is written into files: not what is made of it."""
        return {name: value for name, value in vars(self).items() if name != "_matrix"}

    def measure(self, standardised: np.ndarray, answers: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """float32 [N], the larger, the more rows look like what is known of the categories that they are taken for.

        Args:
            standardised: [N, D], as the model's scaler gives them.
            answers: int [N], the places of these categories among the K.
            lengths: float [N], see `Model.lengths`.
        """
        closeness = self.closeness(standardised)
        every = np.arange(len(closeness))
        own = closeness[every, answers]
        closeness[every, answers] = FAR
        measured = np.float32(1 + WEIGHT) * own - closeness.max(axis=1)
        if self.usual_ is None:
            return measured
        least, most = self.usual_
        logarithms = np.log(np.maximum(np.asarray(lengths, np.float32), LEAST_LENGTH))
        beyond = np.maximum(np.maximum(least - logarithms, logarithms - most), np.float32(0))
        return measured - np.float32(UNUSUAL) / (most - least) * beyond

    def familiarity(self, standardised: np.ndarray, answers: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """float32 [N] in [0, 1], the share of images like its own that looked less familiar when they were left out.

        Args:
            standardised: See `measure`.
            answers: See there.
            lengths: See there.
        """
        return familiarity_of(self.measure(standardised, answers, lengths), self.grid_)


def usual_lengths(lengths: np.ndarray) -> np.ndarray:
    """float32 [2], between which logarithms nine tenths of lengths, float [n], lie; never one and the same twice."""
    least, most = np.quantile(np.log(np.maximum(lengths, LEAST_LENGTH)), _USUAL)
    wider = max(float(_LEAST_RANGE) - (most - least), 0) / 2
    return np.array([least - wider, most + wider], np.float32)


def familiarity_of(measured: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """float32 [N], where values of `KnownImages.measure` lie among their quantiles, linear in between."""
    return np.interp(measured, grid, np.linspace(0, 1, len(grid))).astype(np.float32)


def quantile_grid(measured: np.ndarray, points: int = 101) -> np.ndarray:
    """float32 [points], the quantiles of values, float [N], at even steps; no two equal, so that lines slope."""
    grid = np.quantile(measured, np.linspace(0, 1, points)).astype(np.float32)
    steps = np.maximum(np.diff(grid), _LEAST_STEP)
    return np.concatenate([grid[:1], grid[0] + np.cumsum(steps, dtype=np.float32)])


def unit_vectors(rows: np.ndarray) -> np.ndarray:
    """float32 [N, D], rows of length 1; those of length 0 stay."""
    rows = np.asarray(rows, np.float32)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.float32(1e-12))
