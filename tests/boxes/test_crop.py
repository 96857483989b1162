"""Boxes in fractions become pixels, and pixels the chips that Pillow would cut; what is no box is told apart."""

from __future__ import annotations

import io
import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from image_assets.boxes.crop import BoxFlaw, PixelBox, chip_id, chip_png, flaws, pixel_box

sizes = st.integers(1, 5000)
fractions = st.floats(0, 1)
spans = st.tuples(fractions, fractions).filter(lambda span: span[0] < span[1])


@given(across=spans, down=spans, width=sizes, height=sizes)
@settings(max_examples=150)
def test_a_box_has_pixels_and_lies_within_its_image(across: tuple, down: tuple, width: int, height: int) -> None:
    box = pixel_box((*across, *down), width, height)
    assert 0 <= box.left < box.right <= width
    assert 0 <= box.upper < box.lower <= height


@given(span=spans, pixels=sizes)
@settings(max_examples=150)
def test_a_box_has_every_pixel_that_it_touches_and_no_other(span: tuple[float, float], pixels: int) -> None:
    box = pixel_box((*span, 0, 1), pixels, 1)
    low, high = span[0] * pixels, span[1] * pixels
    assert box.left <= low + 1e-6
    assert box.right >= high - 1e-6
    assert box.left > low - 1 - 1e-6
    assert box.right < max(high, low) + 1 + 1e-6 or box.right == box.left + 1


@given(pixels=sizes, data=st.data())
def test_whole_pixels_come_back_as_they_were(pixels: int, data: st.DataObject) -> None:
    left = data.draw(st.integers(0, pixels - 1))
    right = data.draw(st.integers(left + 1, pixels))
    box = pixel_box((left / pixels, right / pixels, 0, 1), pixels, 1)
    assert (box.left, box.right) == (left, right)


@pytest.mark.parametrize(
    ("sides", "expected"),
    [
        ((0, 1, 0, 1), PixelBox(0, 0, 10, 20)),
        ((0.1, 0.7, 0.05, 0.5), PixelBox(1, 1, 7, 10)),
        ((0.11, 0.69, 0.06, 0.51), PixelBox(1, 1, 7, 11)),
        ((0.99, 1.0, 0.999, 1.0), PixelBox(9, 19, 10, 20)),
        ((1 - 1e-9, 1.0, 0.0, 1e-9), PixelBox(9, 0, 10, 1)),
    ],
)
def test_sides_are_rounded_outwards(sides: tuple, expected: PixelBox) -> None:
    assert pixel_box(sides, 10, 20) == expected


@given(across=spans, down=spans, seed=st.integers(0, 99), width=st.integers(1, 40), height=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_a_chip_is_the_crop_of_pillow(across: tuple, down: tuple, seed: int, width: int, height: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    box = pixel_box((*across, *down), width, height)
    chip = Image.open(io.BytesIO(chip_png(pixels, box)))
    crop = Image.fromarray(pixels).crop((box.left, box.upper, box.right, box.lower))
    assert chip.tobytes() == crop.tobytes()
    assert chip.size == (box.right - box.left, box.lower - box.upper)


def boxes(*sides: tuple, image: str = "i", label: str = "l") -> pl.DataFrame:
    rows = [(image, label, *map(float, some)) for some in sides]
    schema = {"image_id": pl.String, "label_code": pl.String} | dict.fromkeys(
        ("xmin", "xmax", "ymin", "ymax"), pl.Float64
    )
    return pl.DataFrame(rows, schema=schema, orient="row")


@pytest.mark.parametrize(
    ("sides", "flaw"),
    [
        ((0, 1, 0, 1), None),
        ((0.2, 0.3, 0.4, 0.5), None),
        ((math.nan, 1, 0, 1), BoxFlaw.NOT_FINITE),
        ((0, math.inf, 0, 1), BoxFlaw.NOT_FINITE),
        ((0, 1, -math.inf, 1), BoxFlaw.NOT_FINITE),
        ((-1e-9, 1, 0, 1), BoxFlaw.OUTSIDE),
        ((0, 1.0000001, 0, 1), BoxFlaw.OUTSIDE),
        ((0.5, 0.5, 0, 1), BoxFlaw.EMPTY),
        ((0, 1, 0.6, 0.5), BoxFlaw.EMPTY),
        ((-1, -2, 0, 1), BoxFlaw.OUTSIDE),
    ],
)
def test_a_box_that_is_none_has_a_reason(sides: tuple, flaw: BoxFlaw | None) -> None:
    assert flaws(boxes(sides)).to_list() == [flaw]


def test_a_missing_side_is_no_number() -> None:
    assert flaws(boxes((0, 1, 0, 1)).with_columns(xmin=pl.lit(None, pl.Float64))).to_list() == [BoxFlaw.NOT_FINITE]


def test_only_the_same_box_with_the_same_label_of_the_same_image_is_repeated() -> None:
    one = boxes((0, 1, 0, 1))
    rows = pl.concat(
        [one, one, boxes((0, 1, 0, 1), label="m"), boxes((0, 1, 0, 1), image="j"), boxes((0, 1, 0, 0.9)), one]
    )
    assert flaws(rows).to_list() == [None, BoxFlaw.REPEATED, None, None, None, BoxFlaw.REPEATED]


any_side = st.floats(-0.2, 1.2) | st.just(math.nan)


@given(sides=st.tuples(any_side, any_side, any_side, any_side), width=sizes, height=sizes)
@settings(max_examples=100, deadline=None)
def test_a_box_without_a_flaw_can_be_cut_and_every_other_has_one(sides: tuple, width: int, height: int) -> None:
    (flaw,) = flaws(boxes(sides)).to_list()
    xmin, xmax, ymin, ymax = sides
    assert (flaw is None) == (0 <= xmin < xmax <= 1 and 0 <= ymin < ymax <= 1)
    if flaw is None:
        assert pixel_box(sides, width, height).right <= width


def test_ids_differ_where_anything_differs() -> None:
    sides = (0.1, 0.2, 0.3, 0.4)
    ids = {
        chip_id(b"png", "i", "l", sides),
        chip_id(b"pnh", "i", "l", sides),
        chip_id(b"png", "j", "l", sides),
        chip_id(b"png", "i", "m", sides),
        chip_id(b"png", "i", "l", (0.1, 0.2, 0.3, 0.5)),
    }
    assert len(ids) == 5
    assert chip_id(b"png", "i", "l", sides) in ids
