"""How alike two images are: the cosine of their features as the classifier sees them.

A dataset's classifier takes the square root of the features or does not (`classifier.transform`), and so does this.
Of the square roots of features that are not negative the cosine is the Bhattacharyya coefficient of the two, each
divided by its sum: a few large features do not decide. What the classifier does next, scaling by the images that it was
trained on, is left out: it is another one with every model.
"""

from __future__ import annotations

import numpy as np

from image_assets.store.models.signed_root import signed_root


def directions(features: np.ndarray, rooted: bool) -> np.ndarray:
    """What is compared of images: float64 [N, D], rows of length 1.

    Args:
        features: float32 [N, D]. Rows of zeros stay; those with NaN or infinity become such: they are like nothing.
        rooted: Whether the square root is taken, with the sign kept.
    """
    rows = features.astype(np.float64)
    rows[~np.isfinite(features).all(axis=1)] = 0
    if rooted:
        rows = signed_root(rows)
    lengths = np.sqrt(np.add.reduce(rows * rows, axis=1, keepdims=True))
    return rows / np.where(lengths > 0, lengths, 1)


def likenesses(rows: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Cosines in [-1, 1], float32 [N], of directions [N, D] to one, [D].

    Each row is summed by itself, in double precision: equal rows have equal cosines, whatever they lie among.
    """
    return np.clip(np.add.reduce(rows * wanted, axis=1), -1, 1).astype(np.float32)
