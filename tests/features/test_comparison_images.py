from __future__ import annotations

import numpy as np
import pytest

from image_assets.features.comparison_images import COMPARISON_IMAGES, comparison_batches


@pytest.mark.parametrize("size", [1, 7, 128, 299])
def test_there_are_enough_of_them_at_any_size_and_they_are_always_the_same(size: int) -> None:
    images = np.concatenate(list(comparison_batches(size)))
    assert (images.dtype, images.shape) == (np.uint8, (COMPARISON_IMAGES, size, size, 3))
    np.testing.assert_array_equal(images, np.concatenate(list(comparison_batches(size))))


def test_they_hold_the_extremes_and_everything_between() -> None:
    images = np.concatenate(list(comparison_batches(64)))
    for extreme in (0, 255):
        assert (images == extreme).all(axis=(1, 2, 3)).sum() == 1
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == COMPARISON_IMAGES
    assert len(np.unique(images)) == 256


def test_a_batch_of_large_ones_stays_small() -> None:
    assert next(comparison_batches(2048)).nbytes < 20_000_000
