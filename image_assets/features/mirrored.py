"""Features of a picture and its mirror image, averaged: whatever the extractor underneath is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from image_assets.features.digest import extractor_digest

if TYPE_CHECKING:
    from image_assets.features.extractor import Extractor


class MirroredExtractor:
    """The mean of an extractor's features of a picture and of its mirror image, which has the same features then.

    A picture is decoded once and the model runs on both. The mean is rounded in one way only, so that the features
    depend as little on batches and threads as those of the extractor underneath.

    Args:
        inner: Makes the features.
    """

    def __init__(self, inner: Extractor) -> None:
        self._inner = inner
        self.name, self.width, self.shape = inner.name, inner.width, inner.shape
        self.prepare, self.sufficient_size = inner.prepare, inner.sufficient_size
        self.digest = extractor_digest(inner.digest, {"mirrored": True})

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """See `Extractor`."""
        return (self._inner.infer(batch) + self._inner.infer(np.ascontiguousarray(batch[:, :, ::-1]))) / 2
