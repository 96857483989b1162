"""A hash of what a picture looks like: pictures that look alike have hashes that differ in few bits."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.fft import dctn

_SIDE, _KEPT = 32, 8


def perceptual_hash(pixels: np.ndarray) -> int:
    """The 64-bit DCT hash of a picture, as signed integer with the same bits.

    The picture in grey at 32×32, its cosine transform, of that the 8×8 lowest frequencies: a bit for each that is above
    their median (Zauner, Implementation and benchmarking of perceptual image hash functions, 2010).

    Args:
        pixels: uint8 [height, width, 3], RGB.
    """
    small = Image.fromarray(pixels).convert("L").resize((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    lowest = dctn(np.asarray(small, np.float64), type=2)[:_KEPT, :_KEPT]
    bits = np.packbits(lowest > np.median(lowest))
    return int(bits.view(">i8")[0])
