"""Extractors side by side: each one's features as it gives them alone, of a picture that is decoded once."""

from __future__ import annotations

import io

import numpy as np
import pytest
import skimage.data
from PIL import Image
from pydantic import ValidationError

from image_assets.features.decode import all_prepared
from image_assets.features.extractor import build_extractor, shared_extractor
from image_assets.settings.stages import ColourStatistics, Combined, EfficientNetLite

LITE = EfficientNetLite(kind="efficientnet_lite0")
INT8 = EfficientNetLite(kind="efficientnet_lite0", precision="int8", mirrored=True)
COLOURS = ColourStatistics(kind="colour_statistics")
BOTH = Combined(kind="combined", extractors=(LITE, COLOURS))


def jpeg(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "jpeg", quality=92)
    return file.getvalue()


def test_the_features_of_each_follow_those_of_the_one_before() -> None:
    extractor = build_extractor(BOTH)
    contents = [jpeg(skimage.data.chelsea()), jpeg(skimage.data.astronaut())]
    features = extractor.infer(all_prepared(contents, extractor))
    assert (features.shape, features.dtype, extractor.width) == ((2, 1298), np.float32, 1298)
    for part, columns in ((LITE, slice(1280)), (COLOURS, slice(1280, None))):
        alone = shared_extractor(part)
        squares = np.stack([alone.prepare(np.asarray(Image.open(io.BytesIO(one)))) for one in contents])
        np.testing.assert_array_equal(features[:, columns], alone.infer(squares))


def test_a_picture_is_decoded_as_large_as_the_one_that_needs_most() -> None:
    extractor = build_extractor(BOTH)
    assert extractor.sufficient_size(3000, 2000) == (3000, 2000)
    assert build_extractor(Combined(kind="combined", extractors=(LITE, INT8))).sufficient_size(3000, 2000) == (280, 280)


def test_the_extractors_and_their_order_make_another_extractor() -> None:
    specs = [(LITE, COLOURS), (COLOURS, LITE), (LITE, INT8)]
    digests = {build_extractor(Combined(kind="combined", extractors=parts)).digest for parts in specs}
    assert len(digests) == 3
    assert build_extractor(BOTH).digest in digests


def test_one_extractor_is_not_combined_nor_is_a_combination() -> None:
    for parts in ([LITE], [LITE, BOTH]):
        with pytest.raises(ValidationError, match="extractors"):
            Combined.model_validate({"kind": "combined", "extractors": [part.model_dump() for part in parts]})
