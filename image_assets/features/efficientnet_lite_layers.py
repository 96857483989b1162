"""What EfficientNet-Lite0, -Lite1 and -Lite2 are made of: convolutions in the order of the data, read off the weights.

Architecture: EfficientNet-B0 … B2 (Tan and Le, ICML 2019, https://arxiv.org/abs/1905.11946) without
squeeze-and-excitation and with ReLU6 for swish, as `efficientnet_lite_builder.py` of https://github.com/tensorflow/tpu
defines them. Every batch normalisation is folded into the convolution before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from image_assets.settings.stages import EfficientNetLayer

Weights = Mapping[str, np.ndarray]

CLASSES = 1000
# A pixel v in 0 … 255 enters the network as (v - MEAN) / STD.
MEAN = 127
STD = 128
BATCH_NORM_EPSILON = 1e-3


@dataclass(frozen=True)
class Convolution:
    """A convolution with the batch normalisation after it, and what is done with its output.

    Attributes:
        name: Of the convolution, as the weights call it.
        kernel: float64 `[out, in / groups, k, k]`; that of the first convolution takes v - MEAN.
        bias: float64 `[out]`.
        mean: float64 `[out]`, expectation of each output over the training images, before ReLU6 or addition.
        deviation: float64 `[out]`, standard deviation of the same.
        stride: In both directions; the padding is TensorFlow's SAME.
        relu6: Whether the output is clipped to 0 … 6.
        adds: The convolution whose output, with what was added to it, is added to this one's.
    """

    name: str
    kernel: np.ndarray
    bias: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray
    stride: int = 1
    relu6: bool = True
    adds: str | None = None

    @property
    def groups(self) -> int:
        """As many as there are channels where each is filtered by itself, else 1."""
        return len(self.kernel) if self.kernel.shape[1] == 1 else 1

    @property
    def filters(self) -> bool:
        """Whether it filters each channel by itself."""
        return self.groups > 1


@dataclass(frozen=True)
class _Stage:
    """A run of inverted residual blocks; the first one takes the stride and changes the number of channels.

    Attributes:
        blocks: How many, in Lite0.
        deeper: How many in Lite1 and Lite2: 1.1 and 1.2 times as many, rounded up, but for the ends.
    """

    blocks: int
    deeper: int
    stride: int
    expands: bool


# Kernel sizes and channels are read off the weights.
_STAGES = (
    _Stage(1, 1, 1, expands=False),
    _Stage(2, 3, 2, expands=True),
    _Stage(2, 3, 2, expands=True),
    _Stage(3, 4, 2, expands=True),
    _Stage(3, 4, 1, expands=True),
    _Stage(4, 5, 2, expands=True),
    _Stage(1, 1, 1, expands=True),
)


def convolutions(weights: Weights) -> Iterator[Convolution]:
    """All convolutions; each takes the output of the one before, the first one the pixels minus `MEAN`.

    Args:
        weights: Tensor name → array, as `efficientnet_lite_pytorch` names them.
    """
    stem = _folded(weights, "_conv_stem", "_bn0", stride=2)
    # The division by the standard deviation, a power of two, is exact in the weights and costs nothing there.
    yield replace(stem, kernel=stem.kernel / STD)
    index = 0
    deeper = f"_blocks.{sum(stage.blocks for stage in _STAGES)}._project_conv.weight" in weights
    for stage in _STAGES:
        for block in range(stage.deeper if deeper else stage.blocks):
            yield from _block(weights, index, stage, first=block == 0)
            index += 1
    yield _folded(weights, "_conv_head", "_bn1")


def convolutions_of(weights: Weights, layer: EfficientNetLayer) -> list[Convolution]:
    """Those that the features of a layer take, in their order; the features are the last one's output.

    Args:
        weights: As for `convolutions`.
        layer: `head`: all. `last_block`: up to where the last block has filtered its channels, before it projects them
            onto fewer; ReLU6 is behind that one, too.
    """
    found = list(convolutions(weights))
    if layer == "head":
        return found
    last = max(place for place, one in enumerate(found) if one.filters)
    return found[: last + 1]


def _block(weights: Weights, index: int, stage: _Stage, *, first: bool) -> Iterator[Convolution]:
    """An inverted residual block: expand, filter each channel, project, and add the input where shapes allow."""
    name = f"_blocks.{index}"
    if stage.expands:
        yield _folded(weights, f"{name}._expand_conv", f"{name}._bn0")
    yield _folded(weights, f"{name}._depthwise_conv", f"{name}._bn1", stride=stage.stride if first else 1)
    projection = _folded(weights, f"{name}._project_conv", f"{name}._bn2")
    yield replace(projection, relu6=False, adds=None if first else f"_blocks.{index - 1}._project_conv")


def _folded(weights: Weights, name: str, norm: str, *, stride: int = 1) -> Convolution:
    """A convolution with its batch normalisation: w·γ/√(σ²+ε) and β − μ·γ/√(σ²+ε)."""
    gamma, beta, mean, variance = (
        weights[f"{norm}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
    )
    factor = gamma / np.sqrt(variance + BATCH_NORM_EPSILON)
    return Convolution(
        name,
        kernel=weights[f"{name}.weight"].astype(np.float64) * factor[:, None, None, None],
        bias=beta - mean * factor,
        mean=beta,
        deviation=np.abs(factor) * np.sqrt(variance),
        stride=stride,
    )
