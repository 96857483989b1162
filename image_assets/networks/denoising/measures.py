"""How close a restored picture is to the clean one, and a median filter, which any network has to beat."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, median_filter

MOST_PSNR = 100.0
"""dB of a picture that is restored exactly: by the formula it would be infinite, and so would every mean with it."""
_SSIM_DEVIATION = 1.5  # pixels
_SSIM_RADIUS = 5  # a window of 11 × 11
_K1, _K2 = 0.01, 0.03


def psnr(pixels: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Peak signal-to-noise ratio of pictures: 10 log10(1 / mean squared difference), dB; 1 is the largest value.

    Args:
        pixels: float [N, height, width, channels] in [0, 1].
        clean: The same pictures without noise.

    Returns:
        float64 [N], at most `MOST_PSNR`.
    """
    differences = pixels.astype(np.float64) - clean.astype(np.float64)
    squares = (differences**2).mean(axis=(1, 2, 3))
    return -10 * np.log10(np.maximum(squares, 10 ** (-MOST_PSNR / 10)))


def ssim(pixels: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Structural similarity of pictures, mean over pixels and channels.

    Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity", IEEE
    Transactions on Image Processing 13 (2004), equation 13 with their constants: a Gaussian window of 11 × 11 pixels
    of deviation 1.5, K1 = 0.01, K2 = 0.03. Only windows that lie within the picture count.

    Args:
        pixels: float [N, height, width, channels] in [0, 1], of at least 11 pixels a side.
        clean: The same pictures without noise.

    Returns:
        float64 [N], 1 where they are the same.

    Raises:
        ValueError: the pictures are smaller than a window.
    """
    height, width = pixels.shape[1:3]
    if min(height, width) < 2 * _SSIM_RADIUS + 1:
        raise ValueError(
            f"pictures of {width} × {height} pixels have no structural similarity: its window is "
            f"{2 * _SSIM_RADIUS + 1} pixels wide; take larger pictures"
        )
    one, other = pixels.astype(np.float64), clean.astype(np.float64)
    mean_one, mean_other = _windowed(one), _windowed(other)
    # Variances and covariance within a window.
    variances = _windowed(one**2) - mean_one**2 + _windowed(other**2) - mean_other**2
    covariance = _windowed(one * other) - mean_one * mean_other
    c1, c2 = _K1**2, _K2**2
    of_means = (2 * mean_one * mean_other + c1) / (mean_one**2 + mean_other**2 + c1)
    similar = of_means * (2 * covariance + c2) / (variances + c2)
    within = slice(_SSIM_RADIUS, -_SSIM_RADIUS)
    return similar[:, within, within].mean(axis=(1, 2, 3))


def _windowed(values: np.ndarray) -> np.ndarray:
    deviations = (0, _SSIM_DEVIATION, _SSIM_DEVIATION, 0)
    return gaussian_filter(values, deviations, radius=(0, _SSIM_RADIUS, _SSIM_RADIUS, 0))


def median_filtered(pixels: np.ndarray, side: int = 3) -> np.ndarray:
    """Pictures in which every number is the median of those around it, each channel by itself.

    Args:
        pixels: float [N, height, width, channels].
        side: Of the square around a pixel.
    """
    return median_filter(pixels, (1, side, side, 1), mode="nearest")
