"""Thumbnails: small, of the same shape and look, the same bytes every time."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from image_assets.images import thumbnail as thumbnails
from image_assets.images.decode import sniff
from tests.ingest.images import picture


def thumbnail(pixels: np.ndarray, side: int = thumbnails.THUMBNAIL_SIDE) -> bytes:
    return thumbnails.thumbnail(thumbnails.small_copy(pixels, side))


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 128))
def test_it_fits_and_keeps_the_proportions(height: int, width: int, side: int) -> None:
    small = opened(thumbnail(picture(height, width), side))
    shrink = min(1, side / max(height, width))
    # Of the two whole numbers around the shorter side, Pillow takes the one that keeps the proportions better.
    assert abs(small.width - max(1, width * shrink)) < 1
    assert abs(small.height - max(1, height * shrink)) < 1
    assert max(small.size) <= max(side, 1)


@pytest.mark.parametrize(("height", "width"), [(1, 5000), (5000, 1), (3, 2000)])
def test_a_strip_keeps_at_least_one_pixel(height: int, width: int) -> None:
    small = opened(thumbnail(picture(height, width)))
    assert sorted(small.size) == [1, 96]


def test_it_is_a_jpeg_that_looks_like_the_picture() -> None:
    pixels = picture(480, 640)
    content = thumbnail(pixels)
    assert sniff(content) == "jpeg"
    small = opened(content)
    assert small.size == (96, 72)
    averages = np.asarray(Image.fromarray(pixels).resize((96, 72), Image.Resampling.BOX)).astype(int)
    assert np.abs(np.asarray(small) - averages).mean() < 4
    assert len(content) < 4000


def test_it_is_antialiased() -> None:
    # Every other column is white: taken pixel by pixel it would be black or white, averaged it is grey.
    stripes = np.zeros((384, 384, 3), np.uint8)
    stripes[:, ::2] = 255
    grey = np.asarray(opened(thumbnail(stripes)))
    assert np.abs(grey.astype(int) - 128).max() < 10
    taken = np.asarray(Image.fromarray(stripes).resize((96, 96), Image.Resampling.NEAREST))
    assert np.abs(taken.astype(int) - 128).min() > 100


def test_the_same_pixels_give_the_same_bytes() -> None:
    assert thumbnail(picture(300, 200)) == thumbnail(picture(300, 200).copy())
    assert thumbnail(picture(300, 200)) != thumbnail(255 - picture(300, 200))


def test_a_small_picture_is_not_enlarged() -> None:
    assert opened(thumbnail(picture(10, 20))).size == (20, 10)
