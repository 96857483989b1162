"""The weights that others learnt, for a network whose last layers are then fine-tuned."""

from __future__ import annotations

import warnings
from pathlib import Path

import keras

from image_assets.features.errors import EncoderError
from image_assets.features.model_files import file_digest, model_file
from image_assets.networks.backbones import APPLICATIONS, POOLED
from image_assets.networks.errors import UnfitDataError
from image_assets.settings.networks import Backbone

_HUB = "imagenet"


def begin_with_learnt(network: keras.Model, preset: str, spec: Backbone) -> str:
    """Give a network of a preset the weights that were learnt elsewhere, and hold all but its last layers.

    Layers of batch normalisation are held throughout: few pictures would spoil their statistics.

    Args:
        network: Just built.
        preset: Its name.
        spec: Where the weights are, and how many layers learn.

    Returns:
        What says which weights they are: the file's SHA-256, or the hub's name and the version of Keras.

    Raises:
        UnfitDataError: they are not there, cannot be fetched, or are not of this network.
    """
    file = _file(spec)
    side = network.input_shape[1]
    make = getattr(keras.applications, APPLICATIONS[preset])
    try:
        with warnings.catch_warnings():
            # What a file does not hold, Keras leaves as it is, and only warns of it.
            warnings.simplefilter("error", UserWarning)
            learnt = make(include_top=False, weights=str(file) if file else _HUB, input_shape=(side, side, 3))
    except Exception as error:
        # What Keras, its reader of HDF5 and its downloader raise has no class in common.
        raise UnfitDataError(
            f"networks.cnn_classifier.backbone.weights: {spec.weights} cannot be taken for {APPLICATIONS[preset]} "
            f"without its last layer ({' '.join(str(error).split())[:200]}); give a file that "
            f"`keras.applications.{APPLICATIONS[preset]}(include_top=False).save_weights` wrote"
        ) from error
    body = network.layers[: [layer.name for layer in network.layers].index(POOLED)]
    ours, theirs = [layer for layer in body if layer.weights], [layer for layer in learnt.layers if layer.weights]
    for mine, other in zip(ours, theirs, strict=True):
        mine.set_weights(other.get_weights())
    for number, layer in enumerate(ours):
        held = number < len(ours) - spec.learning_layers or isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = not held
    return file_digest(file) if file else f"{_HUB} {keras.__version__}"


def _file(spec: Backbone) -> Path | None:
    if spec.weights == _HUB:
        return None
    try:
        return model_file(spec.weights, spec.sha256)
    except EncoderError as error:
        raise UnfitDataError(f"networks.cnn_classifier.backbone.weights: {error}") from None
