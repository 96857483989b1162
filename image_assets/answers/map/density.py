"""The map as a picture: how many points there are where, in the colours of their values."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageColor

from image_assets.answers.map.columns import GREY, PALETTE, MapColumn
from image_assets.answers.map.geometry import Plane

SIDE = 512
"""Pixels of the picture, to each side."""
_LEAST_OPAQUE = 90  # of 255: a single image among thousands can still be seen
_SHIFT = 7  # from 65,536 steps to 512 pixels
_COLOURS = np.array([ImageColor.getrgb(colour) for colour in (*PALETTE, GREY)], np.float64)


def slots_of(column: MapColumn) -> np.ndarray:
    """The place in the palette of each point's colour, [N]; where it has several values, that of the last.

    After the palette's colours comes the grey of what nothing is said of.
    """
    if column.nothing is not None:
        return np.where(column.numbers == column.nothing, len(PALETTE), column.numbers % len(PALETTE))
    if not column.several:
        return column.numbers % len(PALETTE)
    last = np.frexp(column.numbers.astype(np.float32))[1] - 1
    return last % len(PALETTE)


def density_png(plane: Plane, slots: np.ndarray, shown: np.ndarray | None = None) -> bytes:
    """Draw it, transparent where nothing is, so that it lies on light and on dark paper.

    Args:
        plane: The points; the picture is its square, y upwards.
        slots: The place of each point's colour in the palette, [N].
        shown: Only these, bool [N]; None: all.

    Returns:
        A PNG file of `SIDE` × `SIDE` pixels.
    """
    positions = plane.positions if shown is None else plane.positions[shown]
    slots = slots if shown is None else slots[shown]
    columns, rows = (positions >> _SHIFT).astype(np.int64).T
    pixels = (SIDE - 1 - rows) * SIDE + columns
    # Counted by pixel and colour at once; of as many colours as there are, each adds to its pixels' mean.
    counted = np.bincount(slots.astype(np.int64) * (SIDE * SIDE) + pixels, minlength=len(_COLOURS) * SIDE * SIDE)
    by_colour = counted.reshape(len(_COLOURS), SIDE * SIDE)
    total = by_colour.sum(0)
    filled = np.flatnonzero(total)
    picture = np.zeros((SIDE * SIDE, 4), np.uint8)
    if len(filled):
        picture[filled, :3] = np.rint(by_colour[:, filled].T @ _COLOURS / total[filled, None])
        share = np.log1p(total[filled]) / np.log1p(np.quantile(total[filled], 0.99))
        picture[filled, 3] = _LEAST_OPAQUE + (255 - _LEAST_OPAQUE) * share.clip(0, 1)
    buffer = io.BytesIO()
    Image.fromarray(picture.reshape(SIDE, SIDE, 4)).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
