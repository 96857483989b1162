"""Small pictures for the tables, the console and the metrics."""

from __future__ import annotations

import numpy as np
import simplejpeg

from image_assets.images.resampling import resampled

QUALITY = 80
THUMBNAIL_SIDE = 96
"""Longest side of a thumbnail, pixels."""


def small_copy(pixels: np.ndarray, side: int = THUMBNAIL_SIDE) -> np.ndarray:
    """Scale a picture down to fit a square, keeping its proportions; a smaller one keeps its size.

    Args:
        pixels: uint8 [height, width, 3], RGB.
        side: Longest side of the copy, pixels; the other has at least 1.

    Returns:
        uint8 [height, width, 3], C-contiguous; the same pixels give the same copy.
    """
    height, width = pixels.shape[:2]
    shrink = side / max(height, width)
    if shrink >= 1:
        return np.ascontiguousarray(pixels)
    return resampled(pixels, max(1, round(width * shrink)), max(1, round(height * shrink)), "bicubic")


def thumbnail(copy: np.ndarray) -> bytes:
    """A small copy as a JPEG file; the same bytes for the same copy with the same release of libjpeg-turbo."""
    return simplejpeg.encode_jpeg(copy, QUALITY, "RGB", "420")
