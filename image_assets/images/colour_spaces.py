"""HSV and CIE L*a*b* of 8-bit pixels, as OpenCV's `cvtColor` gives them.

The formulas are those of OpenCV's documentation ("Color conversions": RGB ↔ HSV, RGB ↔ CIE L*a*b*, 8-bit images): hue
in steps of 2 degrees, 0 … 179; saturation and value 0 … 255; L* scaled from 0 … 100 to 0 … 255; a* and b* shifted by
128. OpenCV computes them in fixed point, and so does this. Of all 16.7 million colours, HSV is the same to the last
bit; L*a*b* of one in 10,000 differs by one level, as OpenCV makes its table of roots in float32.
"""

from __future__ import annotations

from functools import cache

import numpy as np

_HSV_BITS = 12
_XYZ_BITS = 12
_GAMMA_BITS = 3
_LAB_BITS = _XYZ_BITS + _GAMMA_BITS
# Linear sRGB to XYZ (ITU-R BT.709 primaries), and the white point D65 that L*a*b* is relative to.
_TO_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]], np.float64
)
_WHITE = np.array([0.950456, 1.0, 1.088754])
# CIE 15: below this share of white the cube root gives way to a straight line.
_LINEAR_UP_TO, _SLOPE, _OFFSET = 216 / 24389, 841 / 108, 16 / 116


def hsv(rgb: np.ndarray) -> np.ndarray:
    """Hue, saturation and value.

    Args:
        rgb: uint8 `[…, 3]`, red, green, blue.

    Returns:
        uint8 `[…, 3]`: hue 0 … 179 (0 where there is none), saturation 0 … 255, value 0 … 255.
    """
    red, green, blue = _channels(rgb)
    value = np.maximum(np.maximum(red, green), blue)
    spread = value - np.minimum(np.minimum(red, green), blue)
    per_value, per_spread = _reciprocals()
    saturation = _rounded(spread * per_value[value], _HSV_BITS)
    sixths = np.where(
        value == red, green - blue, np.where(value == green, blue - red + 2 * spread, red - green + 4 * spread)
    )
    hue = _rounded(sixths * per_spread[spread], _HSV_BITS)
    return _stacked(hue + 180 * (hue < 0), saturation, value)


def lab(rgb: np.ndarray) -> np.ndarray:
    """L*, a* and b* of sRGB pixels, relative to D65.

    Args:
        rgb: uint8 `[…, 3]`, red, green, blue.

    Returns:
        uint8 `[…, 3]`: L* × 2.55, a* + 128, b* + 128.
    """
    gamma, root, weights = _lab_tables()
    linear = [gamma[channel] for channel in _channels(rgb)]
    x, y, z = (
        root[_rounded(linear[0] * row[0] + linear[1] * row[1] + linear[2] * row[2], _XYZ_BITS)] for row in weights
    )
    lightness = (116 * 255 + 50) // 100 * y - (16 * 255 * (1 << _LAB_BITS) + 50) // 100
    middle = 128 << _LAB_BITS
    return _stacked(
        *(_rounded(channel, _LAB_BITS) for channel in (lightness, 500 * (x - y) + middle, 200 * (y - z) + middle))
    )


def _channels(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # Each channel by itself and contiguous: what follows is done ten times over, and strides would cost each time.
    red, green, blue = np.moveaxis(rgb, -1, 0).astype(np.int32)
    return red, green, blue


def _stacked(*channels: np.ndarray) -> np.ndarray:
    return np.stack([np.clip(channel, 0, 255).astype(np.uint8) for channel in channels], axis=-1)


def _rounded(numbers: np.ndarray, bits: int) -> np.ndarray:
    """Fixed-point numbers with so many fractional bits as the nearest whole ones, halves up."""
    return (numbers + (1 << (bits - 1))) >> bits


@cache
def _reciprocals() -> tuple[np.ndarray, np.ndarray]:
    """255 / n and 30 / n for n of 0 … 255, in fixed point; 0 for n = 0. int32 `[256]` each."""
    steps = np.arange(1, 256)
    by_level = [np.concatenate([[0], np.rint((whole << _HSV_BITS) / steps)]).astype(np.int32) for whole in (255, 30)]
    return by_level[0], by_level[1]


@cache
def _lab_tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """In fixed point: light of an sRGB level, cube root of CIE of a share of white, and weights of the channels."""
    level = np.arange(256) / 255
    light = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    gamma = np.rint(light * (255 << _GAMMA_BITS)).astype(np.int32)
    # The rows of the weights sum to 1, give or take a rounding, so that shares reach little beyond 1.
    share = np.arange(256 * 3 // 2 << _GAMMA_BITS) / (255 << _GAMMA_BITS)
    curve = np.where(share < _LINEAR_UP_TO, share * _SLOPE + _OFFSET, np.cbrt(share))
    root = np.rint(curve * (1 << _LAB_BITS)).astype(np.int32)
    weights = np.rint(_TO_XYZ / _WHITE[:, None] * (1 << _XYZ_BITS)).astype(np.int32)
    return gamma, root, weights
