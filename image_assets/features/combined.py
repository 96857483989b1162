"""Several extractors side by side: a picture is decoded once, and the features of all follow each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from image_assets.features.digest import extractor_digest

if TYPE_CHECKING:
    from image_assets.features.extractor import Extractor


class CombinedExtractor:
    """The features of several extractors, one after another in each row.

    A prepared picture is what each of them takes, joined to one row of bytes.

    Args:
        parts: The extractors, in the order of their features.
    """

    def __init__(self, parts: Sequence[Extractor]) -> None:
        self._parts = parts
        self.name = "combined"
        self.digest = extractor_digest("none", {"extractor": self.name, "parts": [part.digest for part in parts]})
        self.width = sum(part.width for part in parts)
        self._ends = np.cumsum([np.prod(part.shape) for part in parts]).tolist()
        self.shape = (self._ends[-1],)

    def prepare(self, pixels: np.ndarray, whole: tuple[int, int] | None = None) -> np.ndarray:
        """One RGB image, uint8 `[H, W, 3]`, as all parts take it, uint8 `[*shape]`."""
        return np.concatenate([part.prepare(pixels, whole).ravel() for part in self._parts])

    def sufficient_size(self, width: int, height: int) -> tuple[int, int]:
        """What is large enough for every part, pixels."""
        wide, high = zip(*(part.sufficient_size(width, height) for part in self._parts), strict=True)
        return max(wide), max(high)

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Features, float32 `[N, width]`, of prepared images, uint8 `[N, *shape]`."""
        pieces = np.split(batch, self._ends[:-1], axis=1)
        return np.hstack(
            [
                part.infer(np.ascontiguousarray(piece).reshape(-1, *part.shape))
                for part, piece in zip(self._parts, pieces, strict=True)
            ]
        )
