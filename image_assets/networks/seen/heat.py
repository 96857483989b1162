"""Which parts of a picture a network's answer rests on.

By HiResCAM (Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
networks", 2020): in the last layer that still knows places, what every channel answers at a place is multiplied by
how the answer's score changes with it there; the channels are summed, and what speaks against the answer is cut off.
Where a mean over all places follows that layer, this is Grad-CAM (Selvaraju et al., "Grad-CAM: Visual Explanations
from Deep Networks via Gradient-Based Localization", ICCV 2017). Where dense layers follow it, as in the original's
network, Grad-CAM's mean gradients would also point at places that the answer does not depend on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from image_assets.errors import Explained
from image_assets.networks.seen.layers import spatial_layers

if TYPE_CHECKING:
    import keras


class NoHeatError(Explained, RuntimeError):
    """The parts that an answer rests on cannot be found out; the message says why."""


def heat_maps(network: keras.Model, pictures: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Where the reasons for a network's answers lie in the pictures.

    Args:
        network: Of Keras' functional kind, whose last layer answers with a number for each of K categories.
        pictures: float32 [N, height, width, channels], as the network takes them.
        answers: int [N], the places among the categories of the answers asked about.

    Returns:
        float32 [N, h, w] in [0, 1], of the places of the network's last layer that knows places; the most important
        place of each picture is 1. All 0 where nothing in a picture speaks for the answer.

    Raises:
        NoHeatError: Keras runs on something else than TensorFlow, or no layer of the network knows places.
    """
    import keras

    if (backend := keras.config.backend()) != "tensorflow":
        raise NoHeatError(
            f"Keras runs on {backend} here, and heat maps take the gradients of TensorFlow: install the extra "
            "`tensorflow`, and set KERAS_BACKEND=tensorflow"
        )
    layers = spatial_layers(network)
    if not layers:
        raise NoHeatError(f"{network.name}: no layer of this network knows places, so that none can be pointed at")
    maps, gradients = _gradients(network, layers[-1], pictures, answers)
    heat = np.maximum((maps * gradients).sum(axis=-1), 0)
    most = heat.max(axis=(1, 2), keepdims=True)
    return np.divide(heat, most, out=np.zeros_like(heat), where=most > 0)


def _gradients(
    network: keras.Model, layer: keras.Layer, pictures: np.ndarray, answers: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What a layer answers for the pictures, and how the scores of the answers change with it: [N, h, w, channels]."""
    import keras
    import tensorflow as tf

    last = network.layers[-1]
    split = keras.Model(network.inputs, [layer.output, _before_activation(last)])
    given = tf.convert_to_tensor(pictures)
    with tf.GradientTape() as tape:
        # A layer that is kept as it was is not watched by itself.
        tape.watch(given)
        maps, before = split(given, training=False)
        scores: Any = tf.gather(_scores(last, before), answers[:, None], axis=1, batch_dims=1)
    return np.asarray(maps), np.asarray(tape.gradient(scores, maps))


def _before_activation(last: keras.Layer) -> Any:
    return last.input if _is_dense(last) else last.output


def _scores(last: keras.Layer, before: Any) -> Any:
    """The scores before softmax: behind it they hardly change any more where a network is certain."""
    return before @ last.kernel + last.bias if _is_dense(last) else before


def _is_dense(layer: Any) -> bool:
    return type(layer).__name__ == "Dense" and layer.use_bias
