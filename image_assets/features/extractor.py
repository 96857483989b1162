"""What an extractor is, and the registry that turns a dataset file's choice into one.

A new extractor is a module with a class that has these members, a section in `image_assets/settings/stages.py`, and a
line in `build_extractor`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol, assert_never

import numpy as np

from image_assets.features.colour_statistics import ColourStatisticsExtractor
from image_assets.features.efficientnet_lite import EfficientNetLite0Extractor
from image_assets.features.tf_hub import TfHubExtractor
from image_assets.settings import stages


class Extractor(Protocol):
    """Turns images into feature vectors. All methods may be called from several threads at once.

    Attributes:
        name: Kind of the extractor, as dataset files call it.
        digest: 64 hexadecimal digits that change with the weights and with every setting that changes a feature.
        image_size: Side of the square that `infer` takes, in pixels.
        width: Number of features.
    """

    name: str
    digest: str
    image_size: int
    width: int

    def prepare(self, pixels: np.ndarray, whole: tuple[int, int] | None = None) -> np.ndarray:
        """Resize one RGB image, uint8 `[H, W, 3]`, to uint8 `[image_size, image_size, 3]`."""
        ...

    def sufficient_size(self, width: int, height: int) -> tuple[int, int]:
        """The smallest width and height, pixels, at which a picture of this size may be decoded before `prepare`.

        Decoding a large JPEG at a fraction of its size is several times as fast, and the features stay close.
        """
        ...

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Features, float32 `[N, width]`, of prepared images, uint8 `[N, image_size, image_size, 3]`."""
        ...


def shared_extractor(spec: stages.Extractor) -> Extractor:
    """The process's one extractor of its kind, built when it is first asked for. Raises as `build_extractor`."""
    return _built(spec)  # pyright: ignore[reportArgumentType]  # frozen, hence hashable


@lru_cache(maxsize=4)
def _built(spec: stages.Extractor) -> Extractor:
    return build_extractor(spec)


def build_extractor(spec: stages.Extractor) -> Extractor:
    """Build the extractor that a dataset asks for.

    Raises:
        ExtractorError: its weights or its module cannot be used.
    """
    match spec:
        case stages.EfficientNetLite0():
            return EfficientNetLite0Extractor(spec.precision)
        case stages.TfHub():
            return TfHubExtractor(spec.module, spec.image_size, spec.width, spec.runtime)
        case stages.ColourStatistics():
            return ColourStatisticsExtractor()
    assert_never(spec)
