"""The weights that others learnt, for a network whose last layers are then fine-tuned."""

from __future__ import annotations

import warnings
from pathlib import Path

import keras

from image_assets.features.digest import folder_digest
from image_assets.features.errors import EncoderError
from image_assets.features.model_files import file_digest, model_file
from image_assets.networks.backbones import APPLICATIONS, POOLED
from image_assets.networks.errors import UnfitDataError
from image_assets.networks.hub_weights import is_hub_module, take_hub_weights
from image_assets.settings.networks import Backbone

_HUB = "imagenet"
_KEY = "networks.cnn_classifier.backbone.weights"


def begin_with_learnt(network: keras.Model, preset: str, spec: Backbone) -> str:
    """Give a network of a preset the weights that were learnt elsewhere, and hold all but its last layers.

    Layers of batch normalisation are held throughout: few pictures would spoil their statistics.

    Args:
        network: Just built.
        preset: Its name.
        spec: Where the weights are, and how many layers learn.

    Returns:
        What says which weights they are: the SHA-256 of the file or of the module's folder (`folder_digest`), or the
        hub's name and the version of Keras.

    Raises:
        UnfitDataError: they are not there, cannot be fetched, or are not of this network.
    """
    learnt, digest = _learnt(preset, spec, network.input_shape[1])
    body = network.layers[: [layer.name for layer in network.layers].index(POOLED)]
    ours, theirs = [layer for layer in body if layer.weights], [layer for layer in learnt.layers if layer.weights]
    for mine, other in zip(ours, theirs, strict=True):
        mine.set_weights(other.get_weights())
    for number, layer in enumerate(ours):
        held = number < len(ours) - spec.learning_layers or isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = not held
    return digest


def _learnt(preset: str, spec: Backbone, side: int) -> tuple[keras.Model, str]:
    """The library's own network with the weights that were learnt, and what says which these are."""
    make = getattr(keras.applications, APPLICATIONS[preset])
    shape = (side, side, 3)
    if is_hub_module(spec.weights):
        learnt, folder = make(include_top=False, weights=None, input_shape=shape), Path(spec.weights)
        digest = folder_digest(folder)
        if spec.sha256 not in (None, digest):
            raise UnfitDataError(f"{_KEY}: the SHA-256 of {folder} is {digest}, not {spec.sha256}")
        try:
            take_hub_weights(learnt, preset, folder)
        except UnfitDataError as error:
            raise UnfitDataError(f"{_KEY}: {error}") from error
        return learnt, digest
    file = _file(spec)
    try:
        with warnings.catch_warnings():
            # What a file does not hold, Keras leaves as it is, and only warns of it.
            warnings.simplefilter("error", UserWarning)
            learnt = make(include_top=False, weights=str(file) if file else _HUB, input_shape=shape)
    except Exception as error:
        # What Keras, its reader of HDF5 and its downloader raise has no class in common.
        raise UnfitDataError(
            f"{_KEY}: {spec.weights} cannot be taken for {APPLICATIONS[preset]} "
            f"without its last layer ({' '.join(str(error).split())[:200]}); give a file that "
            f"`keras.applications.{APPLICATIONS[preset]}(include_top=False).save_weights` wrote"
        ) from error
    return learnt, file_digest(file) if file else f"{_HUB} {keras.__version__}"


def _file(spec: Backbone) -> Path | None:
    if spec.weights == _HUB:
        return None
    try:
        return model_file(spec.weights, spec.sha256)
    except EncoderError as error:
        raise UnfitDataError(f"{_KEY}: {error}") from None
