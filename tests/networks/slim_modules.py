"""MobileNets as TF Hub modules, written down in TensorFlow's own operations, with the names that TF-Slim gives.

Nothing of Keras is in them: what Keras' networks give with their numbers is compared with what these programs give.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

_V1 = [(1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *[(1, 512)] * 5, (2, 1024), (1, 1024)]
# Expansion, channels, how often, stride of the first.
_V2 = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]


class _Slim(tf.Module):
    """Variables by name, made at the first use, of numbers that keep activations alive through many layers."""

    def __init__(self, prefix: str, channels: int, seed: int = 0) -> None:
        super().__init__()
        self.numbers = np.random.default_rng(seed)
        self.prefix, self.first = prefix, channels
        self.kept: dict[str, Any] = {}

    def variable(self, name: str, shape: tuple[int, ...], low: float, high: float) -> Any:
        key = name.replace("/", ".")
        if key not in self.kept:
            value = self.numbers.uniform(low, high, shape).astype(np.float32)
            self.kept[key] = tf.Variable(tf.constant(value), name=f"{self.prefix}{name}")
        return self.kept[key]

    def normalised(self, x: Any, name: str, *, active: bool = True) -> Any:
        width = (x.shape[-1],)
        beta, gamma, mean, variance = (
            self.variable(f"{name}/BatchNorm/{part}", width, *between)
            for part, between in (
                ("beta", (-0.2, 0.8)),
                ("gamma", (0.8, 1.4)),
                ("moving_mean", (-0.1, 0.1)),
                ("moving_variance", (0.6, 1.4)),
            )
        )
        found = (x - mean) * gamma / tf.sqrt(variance + 1e-3) + beta
        return tf.nn.relu6(found) if active else found

    def full(self, x: Any, name: str, width: int, side: int, stride: int = 1, *, active: bool = True) -> Any:
        fan = side * side * x.shape[-1]
        kernel = self.variable(f"{name}/weights", (side, side, x.shape[-1], width), -np.sqrt(6 / fan), np.sqrt(6 / fan))
        return self.normalised(tf.nn.conv2d(x, kernel, stride, "SAME"), name, active=active)

    def depthwise(self, x: Any, name: str, stride: int) -> Any:
        kernel = self.variable(f"{name}/depthwise_weights", (3, 3, x.shape[-1], 1), -0.8, 0.8)
        return self.normalised(tf.nn.depthwise_conv2d(x, kernel, [1, stride, stride, 1], "SAME"), name)


class MobileNetV1(_Slim):
    """Of width 1, or less."""

    def features(self, images: Any) -> Any:
        x = self.full(images * 2 - 1, "MobilenetV1/Conv2d_0", self.first, 3, 2)
        for number, (stride, width) in enumerate(_V1, start=1):
            x = self.depthwise(x, f"MobilenetV1/Conv2d_{number}_depthwise", stride)
            x = self.full(x, f"MobilenetV1/Conv2d_{number}_pointwise", width * self.first // 32, 1)
        return tf.reduce_mean(x, [1, 2])


class MobileNetV2(_Slim):
    """Of width 1."""

    def features(self, images: Any) -> Any:
        x = self.full(images * 2 - 1, "MobilenetV2/Conv", self.first, 3, 2)
        number = 0
        for expansion, width, times, first_stride in _V2:
            for turn in range(times):
                name = f"MobilenetV2/expanded_conv{f'_{number}' if number else ''}"
                given, stride = x, first_stride if turn == 0 else 1
                if expansion > 1:
                    x = self.full(x, f"{name}/expand", expansion * given.shape[-1], 1)
                x = self.depthwise(x, f"{name}/depthwise", stride)
                x = self.full(x, f"{name}/project", width, 1, active=False)
                x = x + given if stride == 1 and given.shape[-1] == width else x
                number += 1
        return tf.reduce_mean(self.full(x, "MobilenetV2/Conv_1", 1280, 1), [1, 2])


def save_slim_module(folder: Path, family: str, prefix: str = "", channels: int = 32) -> Path:
    """A module of a family with a path before its names, as TF2 writes it. Returns the folder."""
    module: Any = {"mobilenet": MobileNetV1, "mobilenet_v2": MobileNetV2}[family](prefix, channels)
    module.features(tf.zeros([1, 32, 32, 3]))
    module.__call__ = tf.function(module.features, input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)])
    tf.saved_model.save(module, str(folder))
    return folder


def save_slim_module_of_tf1(folder: Path, family: str) -> Path:
    """The checkpoint of a module as TF1 writes it: tensors under their own names. Returns the folder."""
    made: Any = {"mobilenet": MobileNetV1, "mobilenet_v2": MobileNetV2}[family]("", 32)
    made.features(tf.zeros([1, 32, 32, 3]))
    numbers = {variable.name.partition(":")[0]: variable.numpy() for variable in made.kept.values()}
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        for name, value in numbers.items():
            v1.get_variable(name, initializer=value, use_resource=True)
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, tags=[])
        builder.save()
    return folder
