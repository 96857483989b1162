"""Boxes are taken where it is certain which picture they were drawn on: the upright one, or the one that is stored."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from image_assets.boxes.crop import BoxFlaw
from image_assets.boxes.frames import UPRIGHT, PictureSize, Reach, drawn_on, same_shape, turned_sides
from image_assets.images.convert import upright

WIDE, TALL, SQUARE = PictureSize(96, 72), PictureSize(72, 96), PictureSize(80, 80)
SMALL = Reach(0.3, 0.3)
sides = st.integers(50, 5_000)


@pytest.mark.parametrize(
    ("sizes", "picture", "orientation", "reach", "expected"),
    [
        ([WIDE], WIDE, 1, SMALL, UPRIGHT),
        ([SQUARE], SQUARE, 1, SMALL, UPRIGHT),
        ([], WIDE, 1, SMALL, UPRIGHT),
        ([], TALL, 6, SMALL, BoxFlaw.ORIENTATION),
        ([], WIDE, 3, SMALL, BoxFlaw.ORIENTATION),
        ([TALL], TALL, 6, SMALL, UPRIGHT),
        ([TALL], TALL, 8, SMALL, UPRIGHT),
        ([WIDE], TALL, 6, SMALL, BoxFlaw.ORIENTATION),
        ([WIDE], TALL, 6, Reach(0.74, 1), BoxFlaw.ORIENTATION),
        ([WIDE], TALL, 6, Reach(0.8, 0.3), 6),
        ([WIDE], TALL, 8, Reach(1, 1), 8),
        ([TALL], WIDE, 5, Reach(1, 0.8), 5),
        ([WIDE], TALL, 1, SMALL, BoxFlaw.ORIENTATION),
        ([WIDE], TALL, 3, SMALL, BoxFlaw.ORIENTATION),
        ([WIDE], WIDE, 3, SMALL, BoxFlaw.ORIENTATION),
        ([WIDE], WIDE, 2, Reach(1, 1), BoxFlaw.ORIENTATION),
        ([SQUARE], SQUARE, 6, Reach(1, 1), BoxFlaw.ORIENTATION),
        ([SQUARE], WIDE, 1, SMALL, BoxFlaw.OTHER_SIZE),
        ([PictureSize(960, 720)], WIDE, 1, SMALL, UPRIGHT),
        ([PictureSize(500, 375)], PictureSize(1024, 768), 1, SMALL, UPRIGHT),
        ([PictureSize(640, 426)], PictureSize(1000, 667), 1, SMALL, UPRIGHT),
        ([PictureSize(960, 720)], TALL, 6, Reach(0.8, 0.3), 6),
        ([PictureSize(720, 960)], TALL, 6, SMALL, UPRIGHT),
        ([PictureSize(96, 60)], WIDE, 1, SMALL, BoxFlaw.OTHER_SIZE),
        ([WIDE, PictureSize(960, 720)], WIDE, 1, SMALL, UPRIGHT),
        ([WIDE, TALL], WIDE, 1, SMALL, BoxFlaw.ORIENTATION),
        ([WIDE, SQUARE], WIDE, 1, SMALL, BoxFlaw.OTHER_SIZE),
    ],
)
def test_only_what_is_certain_is_taken(
    sizes: list[PictureSize], picture: PictureSize, orientation: int, reach: Reach, expected: int | BoxFlaw
) -> None:
    assert drawn_on(sizes, picture, orientation, reach) == expected


@given(sides, sides, st.integers(1, 20))
def test_a_picture_that_was_made_smaller_has_its_shape(width: int, height: int, times: int) -> None:
    smaller = PictureSize(max(1, round(width / times)), max(1, round(height / times)))
    assert same_shape(smaller, PictureSize(width, height)) == same_shape(PictureSize(width, height), smaller)
    if min(smaller) > 1:
        assert same_shape(smaller, PictureSize(width, height))


@given(sides, sides)
def test_a_picture_that_is_turned_has_another_shape_unless_it_is_all_but_square(width: int, height: int) -> None:
    if abs(width - height) > 1:
        assert not same_shape(PictureSize(width, height), PictureSize(height, width))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_is_turned_as_its_picture_is(orientation: int) -> None:
    stored = np.zeros((60, 100, 3), np.uint8)
    stored[12:30, 10:70] = 255
    seen = np.asarray(upright(Image.fromarray(stored), orientation))
    height, width, _ = seen.shape
    rows, columns = np.nonzero(seen[..., 0])
    place = (columns.min() / width, (columns.max() + 1) / width, rows.min() / height, (rows.max() + 1) / height)
    assert turned_sides((0.1, 0.7, 0.2, 0.5), orientation) == pytest.approx(place)
