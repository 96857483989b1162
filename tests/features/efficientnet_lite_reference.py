"""The EfficientNet-Lites once more, slowly, in numpy, with nothing folded: what the graph is compared with."""

from __future__ import annotations

import math

import numpy as np

Weights = dict[str, np.ndarray]
# Blocks of Lite0, stride of the first one, whether they expand; kernel sizes and channels are in the weights.
_STAGES = [(1, 1, False), (2, 2, True), (2, 2, True), (3, 2, True), (3, 1, True), (4, 2, True), (1, 1, True)]


def features(weights: Weights, image: np.ndarray, depth: float = 1) -> np.ndarray:
    """Features, float64 `[1280]`, of one prepared image, uint8 `[H, W, 3]`, by a network so many times as deep."""
    x, _ = _blocks(weights, image, depth)
    return _relu6(_norm(weights, "_bn1", convolve(x, weights["_conv_head.weight"], 1))).mean(axis=(0, 1))


def last_block(weights: Weights, image: np.ndarray, depth: float = 1) -> np.ndarray:
    """What its last block has filtered, on average over the image: float64 `[C]`."""
    return _blocks(weights, image, depth)[1].mean(axis=(0, 1))


def _blocks(weights: Weights, image: np.ndarray, depth: float) -> tuple[np.ndarray, np.ndarray]:
    """What the last block gives, and what it has filtered."""
    x = (image / 255 - 127 / 255) / (128 / 255)
    x = _relu6(_norm(weights, "_bn0", convolve(x, weights["_conv_stem.weight"], 2)))
    index, y = 0, x
    for blocks, first_stride, expands in _STAGES:
        deeper = blocks if blocks == 1 else math.ceil(depth * blocks)
        for stride in [first_stride] + [1] * (deeper - 1):
            x, y = _block(weights, f"_blocks.{index}", x, stride, expands)
            index += 1
    return x, y


def _block(weights: Weights, name: str, x: np.ndarray, stride: int, expands: bool) -> tuple[np.ndarray, np.ndarray]:
    y = x
    if expands:
        y = _relu6(_norm(weights, f"{name}._bn0", convolve(y, weights[f"{name}._expand_conv.weight"], 1)))
    filtered = _relu6(_norm(weights, f"{name}._bn1", convolve(y, weights[f"{name}._depthwise_conv.weight"], stride)))
    y = _norm(weights, f"{name}._bn2", convolve(filtered, weights[f"{name}._project_conv.weight"], 1))
    return (x + y if x.shape == y.shape else y), filtered


def convolve(x: np.ndarray, kernel: np.ndarray, stride: int) -> np.ndarray:
    """`[H, W, C]` with a kernel `[out, in, k, k]`, or `[C, 1, k, k]` channel by channel; padding SAME of TensorFlow."""
    side, k = x.shape[0], kernel.shape[2]
    outputs = -(-side // stride)
    padding = max((outputs - 1) * stride + k - side, 0)
    before = padding // 2
    x = np.pad(x, [(before, padding - before)] * 2 + [(0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(0, 1))[::stride, ::stride]
    if kernel.shape[1] == 1:
        return np.einsum("hwcij,cij->hwc", windows, kernel[:, 0], optimize=True)
    return np.einsum("hwcij,ocij->hwo", windows, kernel, optimize=True)


def _norm(weights: Weights, name: str, x: np.ndarray) -> np.ndarray:
    gamma, beta, mean, variance = (weights[f"{name}.{p}"] for p in ("weight", "bias", "running_mean", "running_var"))
    return gamma * (x - mean) / np.sqrt(variance.astype(np.float64) + 1e-3) + beta


def _relu6(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 6)
