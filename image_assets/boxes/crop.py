"""From a box in fractions to pixels, and from pixels to a chip."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import polars as pl
from PIL import Image

# Decimals of a pixel that count. Fractions such as 0.1 are no binary numbers: 0.7 × 10 is 7.000000000000001, and
# without this its ceiling would be a pixel too far.
_DECIMALS = 6
# zlib's fastest level: a third larger than its best and several times as fast; the pixels are the same.
_COMPRESSION = 1
SIDES = ("xmin", "xmax", "ymin", "ymax")


class BoxFlaw(StrEnum):
    """Why nothing can be cut out by a box; of several reasons the first one is given."""

    NOT_FINITE = "not_finite"
    OUTSIDE = "outside"
    EMPTY = "empty"
    REPEATED = "repeated"
    ORIENTATION = "orientation"
    OTHER_SIZE = "other_size"


@dataclass(frozen=True)
class PixelBox:
    """A box of whole pixels, as Pillow's `Image.crop` takes it: columns left … right - 1, rows upper … lower - 1."""

    left: int
    upper: int
    right: int
    lower: int


def flaws(boxes: pl.DataFrame) -> pl.Series:
    """What is wrong with each box: a `BoxFlaw`, or null.

    Args:
        boxes: Rows with image_id, label_code and the four sides, all boxes of an image together.
    """
    sides = [pl.col(side) for side in SIDES]
    finite = pl.all_horizontal(side.is_finite().fill_null(False) for side in sides)
    within = pl.all_horizontal(side.is_between(0, 1) for side in sides)
    some_area = (pl.col("xmin") < pl.col("xmax")) & (pl.col("ymin") < pl.col("ymax"))
    first = pl.struct("image_id", "label_code", *SIDES).is_first_distinct()
    flaw = (
        pl.when(~finite)
        .then(pl.lit(BoxFlaw.NOT_FINITE.value))
        .when(~within)
        .then(pl.lit(BoxFlaw.OUTSIDE.value))
        .when(~some_area)
        .then(pl.lit(BoxFlaw.EMPTY.value))
        .when(~first)
        .then(pl.lit(BoxFlaw.REPEATED.value))
    )
    return boxes.select(flaw.alias("reason")).to_series()


def pixel_box(sides: Sequence[float], width: int, height: int) -> PixelBox:
    """Every pixel that a box touches: the floor of its left and upper side, the ceiling of its right and lower one.

    Args:
        sides: xmin, xmax, ymin, ymax as fractions, 0 ≤ min < max ≤ 1.
        width: Of the image, in pixels.
        height: Of the image, in pixels.

    Returns:
        At least one pixel, all within the image. Products are rounded to a millionth of a pixel before, so that a
        side on the border between two pixels stays there.
    """
    left, right = _span(sides[0], sides[1], width)
    upper, lower = _span(sides[2], sides[3], height)
    return PixelBox(left, upper, right, lower)


def _span(low: float, high: float, pixels: int) -> tuple[int, int]:
    first = min(math.floor(round(low * pixels, _DECIMALS)), pixels - 1)
    return first, max(math.ceil(round(high * pixels, _DECIMALS)), first + 1)


def chip_png(pixels: np.ndarray, box: PixelBox) -> bytes:
    """The PNG of a crop.

    Args:
        pixels: uint8 [height, width, 3], RGB.
        box: Within the image.
    """
    buffer = io.BytesIO()
    crop = np.ascontiguousarray(pixels[box.upper : box.lower, box.left : box.right])
    Image.fromarray(crop).save(buffer, "PNG", compress_level=_COMPRESSION)
    return buffer.getvalue()


def chip_id(png: bytes, image_id: str, label_code: str, sides: Sequence[float]) -> str:
    """SHA-256 of a crop's PNG and of what it is of: one id for one box with one label of one image."""
    origin = json.dumps([image_id, label_code, *sides])
    return hashlib.sha256(png + origin.encode()).hexdigest()
