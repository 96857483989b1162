from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from image_assets.features.preprocess import Resize, check_batch

SIDES = st.integers(1, 300)
PHOTO = skimage.data.chelsea()


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


@given(height=SIDES, width=SIDES, resize_to=st.integers(16, 40))
def test_cropping_takes_the_square_in_the_middle_as_torchvision_does(height: int, width: int, resize_to: int) -> None:
    pixels = PHOTO[:height, :width]
    shortest = min(height, width)
    resized = Image.fromarray(pixels).resize(
        (width * resize_to // shortest, height * resize_to // shortest), Image.Resampling.BICUBIC
    )
    left, top = (round((side - 16) / 2) for side in resized.size)
    expected = np.asarray(resized.crop((left, top, left + 16, top + 16))).astype(int)
    found = Resize(16, "crop", "bicubic", resize_to)(pixels)
    assert (found.shape, found.dtype) == ((16, 16, 3), np.uint8)
    # A far larger picture is averaged in blocks first.
    assert np.abs(found - expected).max() <= (3 if shortest < 4 * resize_to else 60)


def test_a_squashed_picture_may_lose_its_edges() -> None:
    whole = np.asarray(Image.fromarray(PHOTO).resize((20, 20), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(Resize(16, "squash", resize_to=20)(PHOTO) - whole[2:18, 2:18]).mean() < 2


@pytest.mark.parametrize(("width", "height"), [(30_000, 1), (1, 30_000)])
def test_a_picture_of_one_pixel_by_thousands_takes_no_memory(width: int, height: int) -> None:
    resize = Resize(224, "crop", resize_to=256)
    assert resize(np.full((height, width, 3), 7, np.uint8)).tolist() == np.full((224, 224, 3), 7).tolist()


def test_what_is_decoded_is_large_enough_for_what_is_cut_out() -> None:
    assert Resize(224, "crop", resize_to=256).sufficient_size(4000, 3000) == (427, 320)
    assert Resize(224, "squash", resize_to=256).sufficient_size(4000, 3000) == (320, 320)
    assert Resize(224, "pad").sufficient_size(4000, 3000) == (280, 210)


def test_the_settings_of_what_there_was_before_are_what_they_were() -> None:
    assert Resize(224, "squash").settings == {
        "image_size": 224,
        "fit": "squash",
        "filter": "bilinear, antialiased, integers",
        "jpeg": "decoded at 1/2, 1/4 or 1/8 where that is 1.25 times the square, libjpeg-turbo",
    }


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
