"""Networks of Keras' own collection that others trained on many photos: how they are built.

Which network a preset names is said here. What they begin with is the matter of `learnt`: a model of ours holds numbers
of its own.
"""

from __future__ import annotations

from typing import Any

import keras

APPLICATIONS = {"mobilenet": "MobileNet", "mobilenet_v2": "MobileNetV2", "resnet50_v2": "ResNet50V2"}
"""Preset → the network in `keras.applications`; all of them are given pictures in [-1, 1]."""
POOLED = "mean"
"""The layer behind the backbone."""


def backbone(preset: str, pictures: Any, seed: int) -> Any:
    """A preset's layers up to the mean over the picture, and dropout: without weights that were learnt."""
    found = keras.layers.Rescaling(2.0, offset=-1.0, name="from_minus_one_to_one")(pictures)
    if pictures.shape[-1] == 1:
        found = keras.layers.Concatenate(name="grey_thrice")([found, found, found])
    made = getattr(keras.applications, APPLICATIONS[preset])(include_top=False, weights=None, input_tensor=found)
    found = keras.layers.GlobalAveragePooling2D(name=POOLED)(made.output)
    return keras.layers.Dropout(0.2, seed=seed, name="dropout")(found)
