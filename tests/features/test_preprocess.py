from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.features.preprocess import Resize, check_batch

SIDES = st.integers(1, 300)


@given(height=SIDES, width=SIDES, fit=st.sampled_from(["squash", "pad"]), size=st.integers(1, 64))
def test_every_image_becomes_a_square_of_bytes(height: int, width: int, fit: str, size: int) -> None:
    square = Resize(size, "squash" if fit == "squash" else "pad")(np.full((height, width, 3), 200, np.uint8))
    assert (square.shape, square.dtype) == ((size, size, 3), np.uint8)
    assert set(np.unique(square)) <= ({200} if fit == "squash" else {0, 200})


@given(height=SIDES, width=SIDES)
def test_padding_keeps_the_aspect_ratio_and_centres_the_image(height: int, width: int) -> None:
    size = 32
    inside = Resize(size, "pad")(np.full((height, width, 3), 255, np.uint8))[:, :, 0] > 0
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    assert inside.sum() == len(rows) * len(columns)
    longest = max(height, width)
    assert (len(rows), len(columns)) == (max(1, height * size // longest), max(1, width * size // longest))
    for filled in (rows, columns):
        assert abs(filled[0] - (size - 1 - filled[-1])) <= 1


def test_squashing_uses_the_whole_image() -> None:
    pixels = np.zeros((40, 400, 3), np.uint8)
    pixels[:, :40] = [255, 0, 0]
    pixels[:, -40:] = [0, 0, 255]
    square = Resize(20, "squash")(pixels)
    assert square[10, 0].tolist() == [255, 0, 0]
    assert square[10, -1].tolist() == [0, 0, 255]


@pytest.mark.parametrize("fit", ["squash", "pad"])
def test_fine_patterns_become_grey_and_no_moire(fit: str) -> None:
    checkerboard = np.indices((256, 256)).sum(axis=0) % 2 * 255
    pixels = np.repeat(checkerboard[:, :, None], 3, axis=2).astype(np.uint8)
    square = Resize(32, "squash" if fit == "squash" else "pad")(pixels)
    assert np.abs(square.astype(int) - 127).max() <= 3
    assert set(np.unique(pixels[::8, ::8])) == {0}  # what an aliased resize would see: all black


@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(np.zeros((8, 8), np.uint8), id="greyscale"),
        pytest.param(np.zeros((8, 8, 4), np.uint8), id="alpha"),
        pytest.param(np.zeros((8, 8, 3), np.float32), id="floats"),
        pytest.param(np.zeros((0, 8, 3), np.uint8), id="no rows"),
    ],
)
def test_other_arrays_than_rgb_images_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"uint8 \[H, W, 3\]; found"):
        Resize(8, "squash")(pixels)


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param(np.zeros((8, 8, 3), np.uint8), id="one image"),
        pytest.param(np.zeros((1, 9, 8, 3), np.uint8), id="another size"),
        pytest.param(np.zeros((1, 3, 8, 8), np.uint8), id="channels first"),
        pytest.param(np.zeros((1, 8, 8, 3), np.float32), id="floats"),
    ],
)
def test_other_arrays_than_prepared_batches_are_refused(batch: np.ndarray) -> None:
    check_batch(np.zeros((0, 8, 8, 3), np.uint8), 8)
    with pytest.raises(ValueError, match=r"uint8 \[N, 8, 8, 3\]; found"):
        check_batch(batch, 8)
