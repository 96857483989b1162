"""A denoising network as a file: its settings and its weights, nothing that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import ValidationError

from image_assets.errors import Explained
from image_assets.networks.denoising.presets import denoising_network
from image_assets.settings.networks import DenoisingAutoencoder
from image_assets.store.models.tensor_files import TensorFileError, dump_tensors, parse_tensors

if TYPE_CHECKING:
    import keras


class NetworkRefusedError(Explained, ValueError):
    """The file is no denoising network of ours; the message says what is wrong with it."""


def network_name(sha256: str) -> str:
    """Name of the file with that SHA-256."""
    return f"network-{sha256[:12]}.safetensors"


def dumped_network(network: keras.Model, spec: DenoisingAutoencoder) -> bytes:
    """A network as a file; the same bytes for the same weights."""
    tensors = {weight.path: np.asarray(weight, np.float32) for weight in network.weights}
    return dump_tensors(tensors, {"spec": spec.model_dump_json()})


def parsed_network(content: bytes) -> tuple[keras.Model, DenoisingAutoencoder]:
    """The network of a file, and the section that it was made by.

    Raises:
        NetworkRefusedError: it is no such file, or was cut or altered so that the weights do not fit.
    """
    try:
        tensors, about = parse_tensors(content)
        spec = DenoisingAutoencoder.model_validate_json(about.get("spec", ""))
    except (TensorFileError, ValidationError) as error:
        raise NetworkRefusedError(f"no denoising network ({error}); materialise denoising_autoencoder again") from None
    network = denoising_network(spec.preset, spec.size, 1 if spec.colour == "grey" else 3)
    shapes = {weight.path: tuple(weight.shape) for weight in network.weights}
    if shapes != {name: tensor.shape for name, tensor in tensors.items()}:
        raise NetworkRefusedError(
            f"weights that are not those of the preset {spec.preset}; materialise denoising_autoencoder again"
        )
    for weight in network.weights:
        weight.assign(tensors[weight.path])
    return network, spec
