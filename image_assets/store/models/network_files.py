"""Networks as bytes: safetensors files, which say the name of a preset of ours and its numbers, and nothing that runs.

The network is built here, by its preset; a file is refused whose numbers do not fit it, one by one.
"""

from __future__ import annotations

import numpy as np
from pydantic import ValidationError

from image_assets.networks.presets import cnn
from image_assets.settings.section import faults_of
from image_assets.store.models.model import Model
from image_assets.store.models.network_model import NetworkDescription, NetworkModel
from image_assets.store.models.tensor_files import TensorFileError, dump_tensors, parse_tensors

_ABOUT = "image_assets.network"


def dump_network(model: Model) -> bytes:
    """A network as a file, the same bytes for the same network.

    Raises:
        TypeError: it is no network.
    """
    if not isinstance(model, NetworkModel):
        raise TypeError(f"a {type(model).__name__} cannot be written as safetensors")
    weights = {weight.path: np.asarray(weight, np.float32) for weight in model.network.weights}
    return dump_tensors(weights, {_ABOUT: model.about.model_dump_json()})


def parse_network(content: bytes) -> NetworkModel:
    """The network in a file, whose description and numbers are compared with the preset before any is taken.

    Raises:
        TensorFileError: no safetensors file, a damaged one, one that says nothing that we know, or whose numbers are
            not those of its preset.
    """
    tensors, about = parse_tensors(content)
    if _ABOUT not in about:
        raise TensorFileError("a safetensors file of something else: it does not say which network it is")
    try:
        description = NetworkDescription.model_validate_json(about[_ABOUT])
    except ValidationError as error:
        raise TensorFileError(f"describes no network of ours: {faults_of(error)}") from None
    network = cnn(description.preset, description.shape, len(description.classes))
    wanted = {weight.path: tuple(weight.shape) for weight in network.weights}
    if odd := sorted(set(wanted) ^ set(tensors)):
        raise TensorFileError(f"is not of the preset {description.preset}: {odd[0]} is in one of the two only")
    for weight in network.weights:
        found = tensors[weight.path]
        if found.shape != wanted[weight.path] or found.dtype != np.float32:
            raise TensorFileError(
                f"{weight.path} is {found.dtype} {list(found.shape)}, expected float32 {list(wanted[weight.path])}"
            )
        if not np.isfinite(found).all():
            raise TensorFileError(f"{weight.path} holds NaN or infinity")
        weight.assign(found)
    return NetworkModel(network, description)
