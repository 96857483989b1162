"""A network as it is taken elsewhere: from pictures as bytes to calibrated probabilities, and what is said of it."""

from __future__ import annotations

import json

import keras

from image_assets.networks.pixels import PixelForm
from image_assets.networks.presets import ANSWERS, cnn
from image_assets.settings.classifier import Classifier
from image_assets.store.models.model_files import ModelManifest
from image_assets.store.models.network_model import NetworkModel

INPUT = "pictures"


def whole_network(model: NetworkModel) -> keras.Model:
    """From prepared pictures, uint8 [N, H, W, C], to probabilities, float32 [N, K] in the ascending order of labels.

    It scales what it is given, and what the log odds are divided by is in the weights of its last layer: nothing is
    left to whoever runs it. All layers are Keras' own.
    """
    about = model.about
    asked = cnn(about.preset, about.shape, len(about.classes))
    asked.set_weights(model.network.get_weights())
    last = asked.get_layer(ANSWERS)
    last.set_weights([weight / about.temperature for weight in last.get_weights()])
    pictures = keras.Input(about.shape, dtype="uint8", name=INPUT)
    scaled = keras.layers.Rescaling(1 / 255, name="from_zero_to_one")(pictures)
    return keras.Model(pictures, asked(scaled), name=f"{about.preset}_of_bytes")


def said_of(model: NetworkModel, manifest: ModelManifest, spec: Classifier) -> dict[str, str]:
    """What a file says of the network in it, key → text; what is no text is JSON.

    Args:
        model: The network.
        manifest: Of it.
        spec: What is unknown.
    """
    form = PixelForm(model.about.size, model.about.colour)
    return {
        "dataset": manifest.dataset,
        "classes": json.dumps(manifest.classes, ensure_ascii=False),
        "labels": json.dumps(model.classes.tolist()),
        "unknown_below": json.dumps(spec.unknown_below),
        "pictures": json.dumps(form.settings, ensure_ascii=False),
        "pictures_digest": manifest.extractor_digest,
        "sha256": manifest.sha256,
    }
