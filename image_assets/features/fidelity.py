"""How close an extractor's features are to those of a reference: one precision, decoder or runtime against another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from image_assets.features.extractor import Extractor

_BATCH_IMAGES = 32


class FidelityError(ValueError):
    """Features that have no cosine to each other; the message says what was found."""


@dataclass(frozen=True)
class Fidelity:
    """Cosines between the feature vectors of the same images, over all images; 1 is as good as equal."""

    mean: float
    worst: float


def fidelity(extractor: Extractor, reference: Extractor, images: Sequence[np.ndarray]) -> Fidelity:
    """Compare two extractors on the same images.

    Args:
        extractor: The one in question.
        reference: The one it should be close to.
        images: RGB, uint8 `[H, W, 3]` each, of any sizes; every extractor prepares them in its own way.

    Raises:
        FidelityError: there are no images, the widths differ, or a vector is zero or not finite.
    """
    cosines = [
        cosine_similarities(
            *(_features(each, images[start : start + _BATCH_IMAGES]) for each in (extractor, reference))
        )
        for start in range(0, len(images), _BATCH_IMAGES)
    ]
    if not cosines:
        raise FidelityError("no images to compare the extractors on; give at least one")
    joined = np.concatenate(cosines)
    return Fidelity(mean=float(joined.mean()), worst=float(joined.min()))


def cosine_similarities(features: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """The cosine between every two rows of the same index.

    Args:
        features: `[N, width]`.
        reference: `[N, width]`.

    Returns:
        float64 `[N]`, -1 … 1.

    Raises:
        FidelityError: the shapes differ or are no matrices, or a row is zero or not finite.
    """
    if features.shape != reference.shape or features.ndim != 2:
        raise FidelityError(
            f"expected two feature matrices of one shape [N, width]; found {list(features.shape)} "
            f"and, of the reference, {list(reference.shape)}"
        )
    directions = [_directions(features, "features"), _directions(reference, "reference features")]
    # Rounding may take the cosine of equal vectors beyond 1.
    return np.clip(np.einsum("ij,ij->i", *directions), -1, 1)


def _directions(matrix: np.ndarray, name: str) -> np.ndarray:
    """Every row at length 1, float64. Scaled by its largest number first, else squares of tiny ones would vanish."""
    rows = matrix.astype(np.float64)
    largest = np.abs(rows).max(axis=1, keepdims=True, initial=0)
    without = np.flatnonzero(~(np.isfinite(largest) & (largest > 0)))
    if without.size:
        raise FidelityError(f"row {without[0]} of the {name} is zero or not finite and has no direction")
    rows /= largest
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _features(extractor: Extractor, images: Sequence[np.ndarray]) -> np.ndarray:
    return extractor.infer(np.stack([extractor.prepare(pixels) for pixels in images]))
