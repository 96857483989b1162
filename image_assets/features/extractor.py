"""What an extractor is, and the registry that turns a dataset file's choice into one.

A new extractor is a module with a class that has these members, a section in `image_assets/settings/stages.py`, and a
line in `build_extractor`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Protocol, assert_never

import numpy as np

from image_assets.features.colour_statistics import ColourStatisticsExtractor
from image_assets.features.combined import CombinedExtractor
from image_assets.features.efficientnet_lite import EfficientNetLiteExtractor
from image_assets.features.mirrored import MirroredExtractor
from image_assets.features.onnx_encoder import OnnxExtractor
from image_assets.features.preprocess import Prepares
from image_assets.features.tf_hub import TfHubExtractor
from image_assets.features.timm_model import TimmExtractor
from image_assets.settings import encoders, stages


class Extractor(Prepares, Protocol):
    """Turns images into feature vectors. All methods may be called from several threads at once.

    Attributes:
        name: Kind of the extractor, as dataset files call it.
        digest: 64 hexadecimal digits that change with the weights and with every setting that changes a feature.
        width: Number of features.
    """

    name: str
    digest: str
    width: int

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Features, float32 `[N, width]`, of prepared images, uint8 `[N, *shape]`."""
        ...


def shared_extractor(spec: stages.AnyExtractor) -> Extractor:
    """The process's one extractor of its kind, built when it is first asked for. Raises as `build_extractor`."""
    return _built(spec)  # pyright: ignore[reportArgumentType]  # frozen, hence hashable


@lru_cache(maxsize=8)
def _built(spec: stages.AnyExtractor) -> Extractor:
    return build_extractor(spec)


def build_extractor(spec: stages.AnyExtractor) -> Extractor:
    """Build the extractor that a dataset asks for.

    Raises:
        ExtractorError: its weights or its module cannot be used.
    """
    extractor = _of_one_picture(spec)
    return MirroredExtractor(extractor) if isinstance(spec, encoders.MayBeMirrored) and spec.mirrored else extractor


def _of_one_picture(spec: stages.AnyExtractor) -> Extractor:
    match spec:
        case stages.EfficientNetLite():
            return EfficientNetLiteExtractor(spec.precision, spec.kind, spec.layer)
        case stages.TfHub():
            return TfHubExtractor(spec.module, spec.image_size, spec.width, spec.runtime)
        case stages.ColourStatistics():
            return ColourStatisticsExtractor()
        case encoders.OnnxModel():
            return OnnxExtractor(spec)
        case encoders.TimmModel():
            return TimmExtractor(spec)
        case stages.Combined():
            return CombinedExtractor([shared_extractor(part) for part in spec.extractors])
    assert_never(spec)
