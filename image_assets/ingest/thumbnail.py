"""Small pictures for the tables, the console and the metrics."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from image_assets.resampling import resampled

QUALITY = 80
SIDE = 96
"""Longest side of a thumbnail, pixels."""


def small_copy(pixels: np.ndarray, side: int = SIDE) -> Image.Image:
    """Scale a picture down to fit a square, keeping its proportions; a smaller one keeps its size.

    Args:
        pixels: uint8 [height, width, 3], RGB.
        side: Longest side of the copy, pixels; the other has at least 1.

    Returns:
        An RGB image.
    """
    height, width = pixels.shape[:2]
    shrink = min(1, side / max(height, width))
    if shrink < 1:
        pixels = resampled(pixels, max(1, round(width * shrink)), max(1, round(height * shrink)), "bicubic")
    return Image.fromarray(pixels)


def thumbnail(copy: Image.Image) -> bytes:
    """A small copy as a JPEG file; the same bytes for the same copy with the same release of Pillow."""
    file = BytesIO()
    copy.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
