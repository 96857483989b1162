"""Numbers in 8 bits: how reals become integers and what that does to a convolution. Knows arrays, no network.

No images are needed: what is known of activations is the mean and the variance that batch normalisation keeps
(Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019,
https://arxiv.org/abs/1906.04721).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

# Without VNNI, x86 multiplies uint8 by int8 (`vpmaddubsw`) and adds two products up in 16 bits, saturating: two weights
# of one sign are exact with any activations where 255·(|w| + |v|) < 2¹⁵. Which two meet is the runtime's affair, so the
# two largest have to obey; then the same integers come out on every processor. The usual remedy, 7 bits for every
# weight ("reduce range"), is coarser: here a lone large weight has 8. Cosine of EfficientNet-Lite0 features to float32
# on 300 photos, mean / worst: 0.993 / 0.972 with 7 bits, 0.9965 / 0.985 like this; with 8 bits for every weight 0.90 /
# 0.51 on a processor that saturates.
PAIR_LIMIT = 128
WEIGHT_LIMIT = 127
_BIAS_LIMIT = 1 << 30


@dataclass(frozen=True)
class Encoding:
    """Which real a uint8 stands for: scale × (q − zero_point)."""

    scale: np.float32
    zero_point: np.uint8

    @staticmethod
    def spanning(low: float, high: float) -> Encoding:
        """The finest one that reaches from `low`, at most 0, to `high`, at least 0; 0 is exact in it."""
        scale = np.float32((high - low) / 255)
        return Encoding(scale, np.uint8(round(-low / float(scale))))


@dataclass(frozen=True)
class QuantisedConvolution:
    """A convolution's parameters in integers.

    Attributes:
        kernel: int8, shaped as the kernel it was made from; stands for `scales` × kernel.
        scales: float32 `[out]`.
        bias: int32 `[out]`; stands for `scales` × the input's scale × bias.
    """

    kernel: np.ndarray
    scales: np.ndarray
    bias: np.ndarray


def quantise_convolution(
    kernel: np.ndarray, bias: np.ndarray, input_scale: np.float32, input_mean: np.ndarray
) -> QuantisedConvolution:
    """Round a convolution to integers, with a scale per output channel, and make good the shift that this causes.

    Args:
        kernel: float64 `[out, in, k, k]`, or `[channels, 1, k, k]` where each channel is filtered by itself.
        bias: float64 `[out]`.
        input_scale: Of the input's encoding.
        input_mean: float64 `[in]`, expectation of every input channel. Rounded weights change an output by
            (rounded − kernel)·input; its expectation is taken off the bias.
    """
    scales = _weight_scales(kernel, bias / float(input_scale))
    rounded = np.rint(kernel / scales[:, None, None, None]).astype(np.int8)
    error = (rounded * scales[:, None, None, None].astype(np.float64) - kernel).sum(axis=(2, 3))
    shift = error[:, 0] * input_mean if kernel.shape[1] == 1 else error @ input_mean
    steps = scales.astype(np.float64) * float(input_scale)
    return QuantisedConvolution(rounded, scales, np.rint((bias - shift) / steps).astype(np.int32))


def _weight_scales(kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The finest scale of every output channel, float32, with which weights and bias stay within their limits."""
    flat = kernel.reshape(len(kernel), -1)
    largest = np.abs(flat).max(axis=1)
    pairs = [np.sort(np.maximum(sign * flat, 0), axis=1)[:, -2:].sum(axis=1) for sign in (1, -1)]
    # A channel that is constant has no weights to speak of; without the bias its scale would be next to zero.
    bounds = [largest / WEIGHT_LIMIT, *(pair / PAIR_LIMIT for pair in pairs), np.abs(bias) / _BIAS_LIMIT]
    # One step up: a float32 rounded to nearest could be below the bound. Above it, two weights that add up to less than
    # PAIR_LIMIT still do so, or reach it, when each is rounded.
    return np.nextafter(np.max(bounds, axis=0).astype(np.float32), np.float32(np.inf))


def expected_relu6(mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """E[min(max(x, 0), 6)] for normally distributed x; all arrays float64 of one shape."""
    return _expected_relu(mean, deviation) - _expected_relu(mean - 6, deviation)


def _expected_relu(mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """E[max(x, 0)] = μ·Φ(μ/σ) + σ·φ(μ/σ)."""
    z = mean / np.maximum(deviation, 1e-12)
    positive = np.array([math.erfc(-value / math.sqrt(2)) / 2 for value in z.flat]).reshape(z.shape)
    return mean * positive + deviation * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
