"""MobileNetV1 0.50 as a SavedModel: a real TF Hub feature-vector module with 512 features, made on the spot.

The weights are the dequantised ones of the published 8-bit model where its file is given, else random ones.
Architecture: Howard et al., MobileNets, 2017, https://arxiv.org/abs/1704.04861, table 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

FEATURES = 512
CLASSES = 1001  # the first one is the background
_DEPTH_MULTIPLIER = 0.5
_STEM_CHANNELS = 32
# Stride and channels of every pair of a depthwise and a pointwise convolution.
_PAIRS = [(1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *[(1, 512)] * 5, (2, 1024), (1, 1024)]
_PREFIX = "MobilenetV1/MobilenetV1/Conv2d_"
_LOGITS = "MobilenetV1/Logits/Conv2d_1c_1x1/"
_KERNEL = "weights_quant/FakeQuantWithMinMaxVars"


class MobileNetV1(tf.Module):
    """Takes float32 RGB images `[N, S, S, 3]` in [0, 1], gives float32 `[N, 512]`."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        super().__init__()
        self.weights = {
            name.replace("/", "."): tf.Variable(tf.constant(value), trainable=False) for name, value in weights.items()
        }

    # TensorFlow insists on the name `self` in methods with an input signature.
    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)])
    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        x = (images * 255 - 128) / 128
        x = self._relu6(tf.nn.conv2d(x, self._get(f"{_PREFIX}0/{_KERNEL}"), 2, "SAME"), f"{_PREFIX}0/Conv2D_Fold_bias")
        for i, (stride, _) in enumerate(_PAIRS, start=1):
            name = f"{_PREFIX}{i}_depthwise/"
            x = tf.nn.depthwise_conv2d(x, self._get(name + _KERNEL), [1, stride, stride, 1], "SAME")
            x = self._relu6(x, name + "depthwise_Fold_bias")
            name = f"{_PREFIX}{i}_pointwise/"
            x = self._relu6(tf.nn.conv2d(x, self._get(name + _KERNEL), 1, "SAME"), name + "Conv2D_Fold_bias")
        return tf.reduce_mean(x, [1, 2])

    def probabilities(self, features: tf.Tensor) -> np.ndarray:
        """What the published head makes of features, float32 `[N, 1001]`; only with the published weights."""
        kernel = tf.reshape(self._get(_LOGITS + _KERNEL), [FEATURES, CLASSES])
        return tf.nn.softmax(features @ kernel + self._get(f"{_LOGITS}Conv2D_bias")).numpy()

    def _get(self, name: str) -> tf.Variable:
        return self.weights[name.replace("/", ".")]

    def _relu6(self, x: tf.Tensor, bias: str) -> tf.Tensor:
        return tf.nn.relu6(x + self._get(bias))


def published_weights(tflite: Path) -> dict[str, np.ndarray]:
    """Dequantise the constants of the published 8-bit TFLite file: (q − zero point) · scale, in TensorFlow's layout."""
    interpreter = tf.lite.Interpreter(str(tflite))
    weights = {}
    for tensor in interpreter.get_tensor_details():
        name, (scale, zero_point) = tensor["name"], tensor["quantization"]
        if not name.endswith((_KERNEL, "_bias")):
            continue
        values = (interpreter.get_tensor(tensor["index"]).astype(np.float64) - zero_point) * scale
        if values.ndim == 4:
            # TFLite keeps [out, height, width, in], and [1, height, width, channels] for depthwise kernels.
            values = values.transpose([1, 2, 3, 0])
        weights[name] = values.astype(np.float32)
    return weights


def random_weights(seed: int = 0) -> dict[str, np.ndarray]:
    """Weights of the right shapes without a meaning, scaled to keep the activations' variance (He et al., 2015)."""
    random = np.random.default_rng(seed)
    weights: dict[str, np.ndarray] = {}

    def add(layer: str, bias: str, shape: tuple[int, ...], fan_in: int, channels: int) -> None:
        weights[layer + _KERNEL] = random.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)
        weights[layer + bias] = np.zeros(channels, np.float32)

    channels = int(_STEM_CHANNELS * _DEPTH_MULTIPLIER)
    add(f"{_PREFIX}0/", "Conv2D_Fold_bias", (3, 3, 3, channels), 27, channels)
    for i, (_, full) in enumerate(_PAIRS, start=1):
        wider = int(full * _DEPTH_MULTIPLIER)
        add(f"{_PREFIX}{i}_depthwise/", "depthwise_Fold_bias", (3, 3, channels, 1), 9, channels)
        add(f"{_PREFIX}{i}_pointwise/", "Conv2D_Fold_bias", (1, 1, channels, wider), channels, wider)
        channels = wider
    return weights


def save_mobilenet_v1(folder: Path, tflite: Path | None = None) -> Path:
    """Write the module to `folder`: with the published weights of `tflite`, or with random ones. Returns `folder`."""
    weights = published_weights(tflite) if tflite is not None and tflite.exists() else random_weights()
    tf.saved_model.save(MobileNetV1(weights), str(folder))
    return folder
