"""EfficientNet-Lite0 with its published weights as a SavedModel: what somebody serves who has TensorFlow.

`python -m benchmarks.service.lite0 FOLDER` writes it. Normalisations are folded into the convolutions: faster than
they mostly are.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from image_assets.features.efficientnet_lite import load_weights

SIDE = 224
# Blocks, stride of the first one, whether they expand.
_STAGES = [(1, 1, False), (2, 2, True), (2, 2, True), (3, 2, True), (3, 1, True), (4, 2, True), (1, 1, True)]


class EfficientNetLite0(tf.Module):
    """Takes float32 RGB images `[N, 224, 224, 3]` in [0, 1], gives float32 `[N, 1280]`."""

    def __init__(self, weights: Mapping[str, np.ndarray]) -> None:
        super().__init__()
        self._weights = weights
        self.kept: dict[str, tf.Variable] = {}
        self._fold("_conv_stem", "_bn0")
        for name, _, expands in _blocks():
            for conv, norm in (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")):
                if expands or conv != "_expand_conv":
                    self._fold(f"{name}.{conv}", f"{name}.{norm}")
        self._fold("_conv_head", "_bn1")

    # TensorFlow insists on the name `self` in methods with an input signature.
    @tf.function(input_signature=[tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32)])
    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Features of images."""
        x = tf.nn.relu6(self._convolved((images * 255 - 127) / 128, "_conv_stem", 2))
        for name, stride, expands in _blocks():
            y = tf.nn.relu6(self._convolved(x, f"{name}._expand_conv", 1)) if expands else x
            y = tf.nn.relu6(self._convolved(y, f"{name}._depthwise_conv", stride))
            y = self._convolved(y, f"{name}._project_conv", 1)
            x = x + y if x.shape[1:] == y.shape[1:] else y
        return tf.reduce_mean(tf.nn.relu6(self._convolved(x, "_conv_head", 1)), axis=(1, 2))

    def _fold(self, conv: str, norm: str) -> None:
        gamma, beta, mean, variance = (
            self._weights[f"{norm}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + 1e-3)
        kernel = self._weights[f"{conv}.weight"] * scale[:, None, None, None]
        depthwise = conv.endswith("_depthwise_conv")
        turned = kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(2, 3, 1, 0)
        self.kept[f"{conv}/kernel"] = tf.Variable(tf.constant(turned.astype(np.float32)), trainable=False)
        self.kept[f"{conv}/bias"] = tf.Variable(tf.constant((beta - mean * scale).astype(np.float32)), trainable=False)

    def _convolved(self, x: tf.Tensor, conv: str, stride: int) -> tf.Tensor:
        kernel, bias = self.kept[f"{conv}/kernel"], self.kept[f"{conv}/bias"]
        if conv.endswith("_depthwise_conv"):
            return tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], "SAME") + bias
        return tf.nn.conv2d(x, kernel, stride, "SAME") + bias


def _blocks() -> list[tuple[str, int, bool]]:
    """Name, stride and whether it expands, of every block."""
    strides = [(first if number == 0 else 1, expands) for blocks, first, expands in _STAGES for number in range(blocks)]
    return [(f"_blocks.{index}", stride, expands) for index, (stride, expands) in enumerate(strides)]


def main() -> None:
    """Write it."""
    folder = Path(sys.argv[1])
    tf.saved_model.save(EfficientNetLite0(load_weights()), str(folder))


if __name__ == "__main__":
    main()
