"""Feature vectors in fewer columns: what neighbours are sought in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

# Neighbours are sought in so many principal components: the rest is mostly noise, and distances cost by the column
# (van der Maaten and Hinton, "Visualizing data using t-SNE", JMLR 9, 2008, section 4.2, use 30).
COMPONENTS = 50


@dataclass(frozen=True)
class Reduction:
    """Principal components of the features that were fitted.

    Features are not standardised: how strongly one varies tells how much it matters, and standardising would blow up
    those that hardly ever fire.

    Attributes:
        mean: float64 [D].
        axes: float64 [C, D], orthonormal; those of the coordinates where there are no more features than components.
    """

    mean: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, features: np.ndarray, seed: int) -> Reduction:
        """The reduction of features, float32 [M, D], to 50 columns, or M or D where these are fewer."""
        width = features.shape[1]
        if width <= COMPONENTS:
            return cls(np.zeros(width), np.eye(width))
        with threadpool_limits(limits=1):  # the same bits on any number of cores
            found = PCA(min(COMPONENTS, len(features)), random_state=seed).fit(features)
        return cls(np.asarray(found.mean_, dtype=np.float64), np.asarray(found.components_, dtype=np.float64))

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Features, float32 [N, D], in fewer columns, float32 [N, C].

        Computed in double precision and rounded, so that a row does not depend on those beside it.
        """
        with threadpool_limits(limits=1):
            return ((features.astype(np.float64) - self.mean) @ self.axes.T).astype(np.float32)

    def left_out(self, features: np.ndarray) -> np.ndarray:
        """How much of each row, float32 [N, D], lies outside all components: a length, float64 [N]."""
        centred = features.astype(np.float64) - self.mean
        inside = (self.apply(features).astype(np.float64) ** 2).sum(axis=1)
        return np.sqrt(np.maximum((centred**2).sum(axis=1) - inside, 0))
