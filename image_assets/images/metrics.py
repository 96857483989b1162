"""Measuring a picture: how bright, sharp, rich and colourful it is, and a hash of what it looks like.

What belongs here: numbers of one picture, from its pixels alone. What they are held against is in the dataset file and
in `asset_checks`.

Everything is measured on the copy that the thumbnail is made of: at most 96 pixels a side, antialiased. That costs a
fraction of the decoding, makes pictures of all sizes comparable, and is enough: a blur that cannot be seen at this size
does not reach a model either, whose input is hardly larger.

Sums are of whole numbers and below 2^53, hence exact in any order: the same copy gives the same metrics on every
machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import log2
from typing import NamedTuple

import numpy as np
from PIL import Image

from image_assets.images.thumbnail import THUMBNAIL_SIDE, small_copy

HASH_BITS = 64
_HASH_SIDE, _HASH_FREQUENCIES = 32, 8
_GREY_TOLERANCE = 8
_MOMENTS = np.arange(256, dtype=np.float64)[:, None] ** (1, 2)


class ImageMetrics(NamedTuple):
    """What is measured of a picture; the fields are columns of `raw_images`, in their order.

    Attributes:
        brightness: Mean luma (ITU-R BT.601), 0 black … 1 white.
        brightness_p05: Luma that 5 % of the pixels do not exceed: close to 1 where nearly everything is white.
        brightness_p99: Luma that 99 % of the pixels do not exceed: close to 0 where nearly everything is black.
        contrast: Standard deviation of luma, 0 … 0.5.
        sharpness: Variance of the Laplacian of the grey levels 0 … 255 (Pech-Pacheco et al., Diatom autofocusing in
            brightfield microscopy, ICPR 2000).
        entropy: Shannon entropy of the grey levels' histogram, 0 … 8 bits.
        colourfulness: M of Hasler and Süsstrunk, Measuring colourfulness in natural images, 2003: 0 for grey, about
            30 for ordinary photos, above 80 for vivid ones.
        greyscale: Whether no pixel's channels differ by more than 8 of 255 levels.
        perceptual_hash: pHash: the signs, against their median, of the 8 × 8 lowest frequencies of a cosine transform
            of 32 × 32 grey pixels, row by row, the first in the highest bit; the 64 bits as a signed integer.
    """

    brightness: float
    brightness_p05: float
    brightness_p99: float
    contrast: float
    sharpness: float
    entropy: float
    colourfulness: float
    greyscale: bool
    perceptual_hash: int


def measure(pixels: np.ndarray) -> ImageMetrics:
    """Measure a picture.

    Args:
        pixels: uint8 [height, width, 3], RGB, at least one pixel.
    """
    (found,) = measure_copies([small_copy(pixels)])
    return found


def measure_copies(copies: Sequence[np.ndarray]) -> list[ImageMetrics]:
    """Measure pictures by their small copies, where there are such already; many at once are done faster.

    Args:
        copies: As `small_copy` gives them.
    """
    if not copies:
        return []
    channels = [copy.reshape(-1, 3).T.astype(np.int32, order="C") for copy in copies]
    greys = [_luma(one).reshape(copy.shape[:2]) for one, copy in zip(channels, copies, strict=True)]
    histograms = np.stack([np.bincount(grey.ravel(), minlength=256) for grey in greys])
    columns = (
        *_light(histograms),
        [_sharpness(grey) for grey in greys],
        _entropy(histograms),
        *zip(*map(_colour, channels), strict=True),
        _bits(np.stack([_low_frequencies(grey) for grey in greys])),
    )
    return [ImageMetrics._make(row) for row in zip(*columns, strict=True)]


def _luma(channels: np.ndarray) -> np.ndarray:
    """uint8 [pixels] of int32 [3, pixels]: ITU-R BT.601, in whole numbers, as Pillow's mode L."""
    red, green, blue = channels
    return ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16).astype(np.uint8)


def _entropy(histograms: np.ndarray) -> list[float]:
    pixels = histograms.sum(axis=1)
    # -Σ p log p with p = n / N is log N - Σ n log n / N.
    return np.maximum(
        0, (_times_its_logarithm()[pixels] - _times_its_logarithm()[histograms].sum(axis=1)) / pixels
    ).tolist()


@lru_cache(maxsize=1)
def _times_its_logarithm() -> np.ndarray:
    """float64: n log2 n for all numbers of pixels that a small copy may have."""
    return np.array([0.0, *(number * log2(number) for number in range(1, THUMBNAIL_SIDE * THUMBNAIL_SIDE + 1))])


def _light(histograms: np.ndarray) -> list[list[float]]:
    """Brightness, its two quantiles and contrast, a list of each."""
    counts = histograms.astype(np.float64)
    upto = counts.cumsum(axis=1)
    pixels = upto[:, -1:]
    mean, square = (counts @ _MOMENTS / pixels).T
    deviation = np.sqrt(np.maximum(0, square - mean * mean))
    p05, p99 = ((upto < share * pixels).sum(axis=1) for share in (0.05, 0.99))
    return (np.stack([mean, p05, p99, deviation]) / 255).tolist()


def _sharpness(grey: np.ndarray) -> float:
    height, width = grey.shape
    # Beyond its edges the picture goes on as it ends: strips of one or two pixels have a Laplacian too, and its mean
    # is 0, as every difference between neighbours is counted once from either side.
    padded = np.empty((height + 2, width + 2), np.int16)
    padded[1:-1, 1:-1] = grey
    padded[0], padded[-1] = padded[1], padded[-2]
    padded[:, 0], padded[:, -1] = padded[:, 1], padded[:, -2]
    # One pass over rows that lie one after the other is faster than slices; the outer columns hold nothing of use.
    flat, row = padded.ravel(), width + 2
    laplacian = flat[row:-row] * np.int16(-4)
    laplacian += flat[: -2 * row]
    laplacian += flat[2 * row :]
    laplacian += flat[row - 1 : -row - 1]
    laplacian += flat[row + 1 : flat.size - row + 1]
    by_row = laplacian.reshape(height, row)
    by_row[:, 0] = by_row[:, -1] = 0
    values = laplacian.astype(np.float64)
    return float(values @ values) / (height * width)


def _colour(channels: np.ndarray) -> tuple[float, bool]:
    """Colourfulness, and whether it is greyscale."""
    opponents = (channels[:2] - channels[1:]).astype(np.float64)
    # rg = R - G and yb = (R + G) / 2 - B are sums of these two, and so are their moments.
    (rg, gb), size = opponents.sum(axis=1), opponents.shape[1]
    rg_rg, gb_gb = opponents[0] @ opponents[0], opponents[1] @ opponents[1]
    yb, yb_yb = rg / 2 + gb, rg_rg / 4 + opponents[0] @ opponents[1] + gb_gb
    means = (rg * rg + yb * yb) / size**2
    variances = max(0.0, (rg_rg + yb_yb) / size - means)
    # Only what is grey on average is looked at pixel by pixel.
    greyscale = max(rg_rg, gb_gb) <= size * _GREY_TOLERANCE**2 and np.ptp(channels, axis=0).max() <= _GREY_TOLERANCE
    return float(variances**0.5 + 0.3 * means**0.5), bool(greyscale)


def _low_frequencies(grey: np.ndarray) -> np.ndarray:
    """float64 [64] of whole numbers: the shares of the 8 × 8 lowest frequencies, row by row."""
    (down, whole_down), (across, whole_across) = _frequencies(grey.shape[0]), _frequencies(grey.shape[1])
    # A level is put aside, so that an even picture has no share of any other frequency, and not a rounding error
    # whose sign would decide over a bit.
    level = int(grey[0, 0])
    shares = down @ (grey.astype(np.float64) - level) @ across.T
    shares[0, 0] += level * whole_down * whole_across
    return shares.ravel()


def _bits(shares: np.ndarray) -> list[int]:
    """The hashes of float64 [pictures, 64] shares."""
    in_order = np.sort(shares, axis=1)
    medians = in_order[:, HASH_BITS // 2 - 1 : HASH_BITS // 2 + 1].sum(axis=1, keepdims=True) / 2
    return np.packbits(shares > medians, axis=1).view(">i8")[:, 0].tolist()


@lru_cache(maxsize=256)
def _frequencies(length: int) -> tuple[np.ndarray, float]:
    """What takes a line of pixels to its lowest frequencies: Lanczos resampling to 32 and a cosine transform, in one.

    Returns:
        float64 [8, length] of whole numbers; 14 bits keep all sums below 2^53. Every second row is antisymmetric to
        the last bit: of a mirrored picture, these frequencies are 0. And the sum of the first row, the share of 0.
    """
    unit = Image.fromarray(np.eye(length, dtype=np.float32))
    resampling = np.asarray(unit.resize((_HASH_SIDE, length), Image.Resampling.LANCZOS)).T
    frequency, place = np.mgrid[:_HASH_FREQUENCIES, :_HASH_SIDE]
    cosines = np.cos(np.pi * frequency * (2 * place + 1) / (2 * _HASH_SIDE))
    both = cosines @ resampling
    both += (-1.0) ** np.arange(_HASH_FREQUENCIES)[:, None] * both[:, ::-1]
    both = np.round(2**13 * both)
    return both, float(both[0].sum())
