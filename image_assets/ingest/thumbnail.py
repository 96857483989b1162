"""Small pictures for the tables, the console and the metrics."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

QUALITY = 80
SIDE = 96
"""Longest side of a thumbnail, pixels."""


def small_copy(pixels: np.ndarray, side: int = SIDE) -> Image.Image:
    """Scale a picture down to fit a square, keeping its proportions; a smaller one keeps its size.

    Args:
        pixels: uint8 [height, width, 3], RGB.
        side: Longest side of the copy, pixels; the other has at least 1.

    Returns:
        An RGB image. The same pixels give the same copy with the same release of Pillow.
    """
    image = Image.fromarray(pixels)
    # Both steps are antialiased. Averaging whole blocks as far as they fit, and resampling only what is left, is
    # three times as fast as resampling at once and cannot be told from it at this size.
    image.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=1.0)
    return image


def thumbnail(copy: Image.Image) -> bytes:
    """A small copy as a JPEG file; the same bytes for the same copy with the same release of Pillow."""
    file = BytesIO()
    copy.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
