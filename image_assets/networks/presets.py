"""The networks that are known by name: what a model's file says is a name and numbers, never how to compute.

A preset does not change once models of it are kept: another shape of network is another name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from image_assets.networks.backbones import APPLICATIONS, backbone
from image_assets.settings.networks import CnnPreset

ANSWERS = "answers"
"""The layer that answers."""
Build = Callable[[Any, int], Any]
"""From a tensor of pictures in [0, 1] and a seed to a tensor of what the last layer is given."""


def cnn(preset: CnnPreset, shape: tuple[int, int, int], classes: int, seed: int = 0) -> keras.Model:
    """A network that tells classes apart, with the first weights that its seed gives.

    Args:
        preset: Its name.
        shape: Height, width and channels of pictures, float in [0, 1].
        classes: How many.
        seed: Of its weights and its dropout.

    Returns:
        From pictures [N, *shape] to probabilities, float32 [N, classes], whatever it calculates in.
    """
    pictures = keras.Input(shape, name="pictures")
    if preset in APPLICATIONS:
        found = backbone(preset, pictures, seed)
    else:
        build: Build = {"original": _original, "separable": _separable}[preset]
        found = build(pictures, seed)
    answers = keras.layers.Dense(
        classes, activation="softmax", dtype="float32", kernel_initializer=_drawn(seed, 0, "linear"), name=ANSWERS
    )(found)
    return keras.Model(pictures, answers, name=preset)


def _original(found: Any, seed: int) -> Any:
    """Six convolutions of 32, 32, 64, 64, 128 and 128, a pool and dropout after every two, and two dense layers.

    First weights are after Glorot and Bengio, the library's own: after He et al. the first steps of so many weights are
    so large that nothing is learnt any more.
    """
    layers = keras.layers
    for block, width in enumerate((32, 64, 128), start=1):
        for half in "ab":
            name = f"convolution_{block}{half}"
            drawn = _drawn(seed, 10 * block + (half == "b"), "linear")
            found = layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer=drawn, name=name)(
                found
            )
        found = layers.MaxPooling2D(2, name=f"pool_{block}")(found)
        found = layers.Dropout(0.4, seed=seed + block, name=f"dropout_{block}")(found)
    found = layers.Flatten(name="flat")(found)
    for number in (1, 2):
        drawn = _drawn(seed, 100 + number, "linear")
        found = layers.Dense(128, activation="relu", kernel_initializer=drawn, name=f"dense_{number}")(found)
        found = layers.Dropout(0.4, seed=seed + 10 + number, name=f"dropout_dense_{number}")(found)
    return found


def _separable(found: Any, seed: int) -> Any:
    """Separable convolutions with batch normalisation and a way past every block, then the mean over the picture.

    As Xception (F. Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017), much smaller.
    """
    layers = keras.layers
    found = _normalised(
        layers.Conv2D(
            32, 3, strides=2, padding="same", use_bias=False, kernel_initializer=_drawn(seed, 1), name="stem"
        )(found),
        "stem",
    )
    for block, width in enumerate((64, 128, 256), start=1):
        past = layers.Conv2D(
            width, 1, strides=2, padding="same", kernel_initializer=_drawn(seed, 10 * block), name=f"past_{block}"
        )(found)
        for half in "ab":
            found = _separated(found, width, f"{block}{half}", seed + 10 * block + 3 * (half == "b"))
        found = layers.MaxPooling2D(3, strides=2, padding="same", name=f"pool_{block}")(found)
        found = layers.Add(name=f"block_{block}")([found, past])
    found = _separated(found, 384, "last", seed + 50)
    found = layers.GlobalAveragePooling2D(name="mean")(found)
    return layers.Dropout(0.3, seed=seed + 60, name="dropout")(found)


def _separated(found: Any, width: int, name: str, seed: int) -> Any:
    depthwise, pointwise = _drawn(seed, 200), _drawn(seed, 201)
    separable = keras.layers.SeparableConv2D(
        width,
        3,
        padding="same",
        use_bias=False,
        depthwise_initializer=depthwise,
        pointwise_initializer=pointwise,
        name=f"separable_{name}",
    )
    return _normalised(separable(found), name)


def _normalised(found: Any, name: str) -> Any:
    # Statistics of few batches must do: with the library's .99 they are those of the first weights for epochs.
    found = keras.layers.BatchNormalization(momentum=0.9, name=f"normal_{name}")(found)
    return keras.layers.Activation("relu", name=f"active_{name}")(found)


def _drawn(seed: int, which: int, before: str = "relu") -> Any:
    """First weights, after He et al. before a ReLU, after Glorot and Bengio before anything else."""
    number = 1_000 * seed + which
    kind = keras.initializers.HeNormal if before == "relu" else keras.initializers.GlorotUniform
    return kind(seed=number)
