"""What the layers of a network make of pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

# Layers that only pass on, thin out or rescale what the one before them found; a page of them would say all twice.
_SAY_NOTHING = (
    "InputLayer",
    "Rescaling",
    "Random",
    "ZeroPadding",
    "Dropout",
    "SpatialDropout",
    "BatchNormalization",
    "MaxPooling",
    "AveragePooling",
    "UpSampling",
    "Add",
    "Concatenate",
)


@dataclass(frozen=True)
class LayerActivations:
    """What one layer makes of a picture.

    Attributes:
        name: Of the layer.
        channels: How many it has.
        strongest: int [n], those of them that vary the most over the picture, the first the most.
        maps: float32 [n, height, width], what they answer where.
    """

    name: str
    channels: int
    strongest: np.ndarray
    maps: np.ndarray


def spatial_layers(network: keras.Model) -> list[keras.Layer]:
    """The layers of a network that answer for every place of a picture, in their order.

    One whose answers are only what the next one begins with, such as a convolution before its normalisation, is left
    out, unless all are like that.
    """
    layers = [
        layer
        for layer in network.layers
        if not type(layer).__name__.startswith(_SAY_NOTHING) and _answers_by_place(layer)
    ]
    return [layer for layer in layers if not _is_linear(layer)] or layers


def _is_linear(layer: Any) -> bool:
    return getattr(getattr(layer, "activation", None), "__name__", "") == "linear"


def _answers_by_place(layer: keras.Layer) -> bool:
    shape = getattr(layer.output, "shape", ())
    # One place says nothing of where.
    return len(shape) == 4 and min(shape[1] or 2, shape[2] or 2) > 1


def activations(network: keras.Model, picture: np.ndarray, most: int = 8) -> list[LayerActivations]:
    """What each layer makes of a picture.

    Args:
        network: Of Keras' functional kind.
        picture: float32 [height, width, channels], as the network takes it.
        most: So many channels of a layer.
    """
    import keras

    layers = spatial_layers(network)
    if not layers:
        return []
    looking = keras.Model(network.inputs, [layer.output for layer in layers])
    outputs = looking.predict_on_batch(picture[None])
    outputs = [outputs] if len(layers) == 1 and not isinstance(outputs, list) else outputs
    return [_strongest(layer.name, np.asarray(one)[0], most) for layer, one in zip(layers, outputs, strict=True)]


def _strongest(name: str, output: np.ndarray, most: int) -> LayerActivations:
    deviations = output.std(axis=(0, 1))
    # Of equals the first.
    chosen = np.argsort(-deviations, kind="stable")[:most]
    maps = np.moveaxis(output[:, :, chosen], -1, 0).astype(np.float32)
    return LayerActivations(name, output.shape[-1], chosen, maps)
