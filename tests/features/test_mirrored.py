from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from image_assets.features.extractor import Extractor, build_extractor
from image_assets.settings.stages import ColourStatistics, EfficientNetLite

BATCH = np.random.default_rng(0).integers(0, 256, (3, 224, 224, 3), dtype=np.uint8)
MIRRORED = np.ascontiguousarray(BATCH[:, :, ::-1])


@pytest.fixture(scope="module")
def both() -> Extractor:
    return build_extractor(EfficientNetLite(kind="efficientnet_lite0", mirrored=True))


@pytest.fixture(scope="module")
def plain() -> Extractor:
    return build_extractor(EfficientNetLite(kind="efficientnet_lite0"))


def test_a_mirror_image_has_the_same_features_bit_for_bit(both: Extractor, plain: Extractor) -> None:
    np.testing.assert_array_equal(both.infer(BATCH), both.infer(MIRRORED))
    assert (plain.infer(BATCH) != plain.infer(MIRRORED)).any()


def test_they_are_the_mean_of_both_pictures_features(both: Extractor, plain: Extractor) -> None:
    expected = np.mean([plain.infer(BATCH), plain.infer(MIRRORED)], axis=0)
    np.testing.assert_array_equal(both.infer(BATCH), expected)
    assert both.infer(BATCH).dtype == np.float32


def test_they_do_not_depend_on_the_other_rows(both: Extractor) -> None:
    np.testing.assert_array_equal(both.infer(BATCH)[1:2], both.infer(BATCH[1:2]))


def test_it_is_another_extractor_than_the_one_of_one_picture(both: Extractor, plain: Extractor) -> None:
    assert both.digest != plain.digest
    assert (both.name, both.width, both.shape) == (plain.name, plain.width, plain.shape)


def test_colours_are_the_same_in_the_mirror_and_counted_once() -> None:
    with pytest.raises(ValidationError, match="mirrored"):
        ColourStatistics.model_validate({"kind": "colour_statistics", "mirrored": True})
