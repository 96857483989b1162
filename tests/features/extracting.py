"""Features of pictures that are arrays already, for tests of extractors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from image_assets.features.extractor import Extractor


def extract(extractor: Extractor, images: Sequence[np.ndarray]) -> np.ndarray:
    """float32 `[len(images), width]` of uint8 `[H, W, 3]` each, as one batch."""
    return extractor.infer(np.stack([extractor.prepare(pixels) for pixels in images]))
