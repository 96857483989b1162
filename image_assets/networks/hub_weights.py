"""What a TF Hub module has learnt, as numbers: its program is neither run nor loaded.

A module is a SavedModel: a program for TensorFlow, and a checkpoint beside it, which is tensors with names. MobileNets
of TF Hub have the names of the library that they were trained with, TF-Slim; by these they go into the layers of the
same networks in Keras' collection.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np

from image_assets.networks.errors import UnfitDataError

_PROGRAM, _CHECKPOINT = "saved_model.pb", "variables/variables"
_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"
_NORMALISED = ("gamma", "beta", "moving_mean", "moving_variance")  # in the order of Keras' own layer
_FAMILIES = {"mobilenet": "MobilenetV1", "mobilenet_v2": "MobilenetV2"}


def is_hub_module(place: str) -> bool:
    """Whether there is a TF Hub module in a folder of this name."""
    return (Path(place) / _PROGRAM).is_file()


def take_hub_weights(network: keras.Model, preset: str, folder: Path) -> None:
    """Give a network of Keras' collection the numbers of a module.

    Args:
        network: Without its last layer; every layer that has weights gets them.
        preset: Its name.
        folder: Of the module, unpacked.

    Raises:
        UnfitDataError: there is no such family on TF Hub, the checkpoint cannot be read, or it is of another network:
            a layer's numbers are not there, or are of another shape.
    """
    if preset not in _FAMILIES:
        raise UnfitDataError(f"{folder}: of TF Hub modules only {' and '.join(_FAMILIES)} are read, not {preset}")
    tensors = read_variables(folder)
    family = _FAMILIES[preset]
    # Before the family's own name there may be one that the module was given.
    found = {name.partition(f"{family}/")[2]: array for name, array in tensors.items() if f"{family}/" in name}
    for layer in network.layers:
        if layer.weights:
            names = _names_of(preset, layer)
            if missing := [name for name in names if name not in found]:
                raise UnfitDataError(f"{folder}: no {preset} of TF Hub: it has no {family}/{missing[0]}")
            wanted = [tuple(weight.shape) for weight in layer.weights]
            shapes = [found[name].shape for name in names]
            if shapes != wanted:
                raise UnfitDataError(
                    f"{folder}: {family}/{names[0]} is {shapes[0]}, expected {wanted[0]}: another width"
                )
            layer.set_weights([found[name] for name in names])


def read_variables(folder: Path) -> dict[str, np.ndarray]:
    """The variables of a SavedModel by their own names, of TensorFlow 1 and 2; nothing of the program is read.

    Raises:
        UnfitDataError: there is no checkpoint, or a damaged one.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf.trackable_object_graph_pb2 import TrackableObjectGraph

    try:
        reader: Any = tf.train.load_checkpoint(str(folder / _CHECKPOINT))
        keys = dict(reader.get_variable_to_shape_map())
        names = {key: key for key in keys}
        if _OBJECTS in keys:
            objects = TrackableObjectGraph.FromString(reader.get_tensor(_OBJECTS))
            names = {one.checkpoint_key: one.full_name for node in objects.nodes for one in node.attributes}
        return {name: np.asarray(reader.get_tensor(key)) for key, name in names.items() if key in keys and name}
    except Exception as error:
        # What TensorFlow raises of a file has no class in common.
        said = " ".join(str(error).split())[:200]
        raise UnfitDataError(f"{folder}: the variables of this TF Hub module cannot be read ({said})") from error


def _names_of(preset: str, layer: keras.layers.Layer) -> list[str]:
    """What TF-Slim calls the weights of a layer of Keras', in their order."""
    normal = isinstance(layer, keras.layers.BatchNormalization)
    block = _block_of_v1(layer.name) if preset == "mobilenet" else _block_of_v2(layer.name)
    if normal:
        return [f"{block}/BatchNorm/{name}" for name in _NORMALISED]
    kernel = "depthwise_weights" if isinstance(layer, keras.layers.DepthwiseConv2D) else "weights"
    return [f"{block}/{kernel}"]


def _block_of_v1(name: str) -> str:
    match = re.fullmatch(r"conv_(dw|pw)_(\d+)(_bn)?", name)
    if match is None:
        return "Conv2d_0"
    return f"Conv2d_{match[2]}_{'depthwise' if match[1] == 'dw' else 'pointwise'}"


def _block_of_v2(name: str) -> str:
    match = re.fullmatch(r"(?:expanded_conv|block_(\d+))_(expand|depthwise|project)(?:_BN)?", name)
    if match is None:
        return "Conv_1" if name.startswith("Conv_1") else "Conv"
    return f"expanded_conv{f'_{match[1]}' if match[1] else ''}/{match[2]}"
