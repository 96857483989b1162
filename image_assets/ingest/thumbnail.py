"""Small pictures for the tables and the console."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

QUALITY = 80


def thumbnail(pixels: np.ndarray, side: int = 96) -> bytes:
    """Scale a picture down to fit a square, keeping its proportions; a smaller one keeps its size.

    The same pixels give the same bytes with the same release of Pillow.

    Args:
        pixels: uint8 [height, width, 3], RGB.
        side: Longest side of the thumbnail, pixels; the other has at least 1.

    Returns:
        A JPEG file.
    """
    image = Image.fromarray(pixels)
    # Both steps are antialiased. Averaging whole blocks as far as they fit, and resampling only what is left, is
    # three times as fast as resampling at once and cannot be told from it at this size.
    image.thumbnail((side, side), Image.Resampling.BICUBIC, reducing_gap=1.0)
    file = BytesIO()
    image.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()
