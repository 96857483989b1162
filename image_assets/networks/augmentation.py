"""How pictures are changed while a network is trained on them: as layers, which do nothing when it is asked."""

from __future__ import annotations

from typing import Any

import keras

from image_assets.settings.networks import Augmentation


def augmentation_layers(spec: Augmentation, seed: int) -> list[keras.layers.Layer]:
    """Layers for pictures, float [N, H, W, C] in [0, 1], each with chance of its own; the same seed draws the same.

    Args:
        spec: What is changed, and by how much.
        seed: Of all of them.
    """
    layers: list[keras.layers.Layer] = []
    if spec.mirror:
        layers.append(keras.layers.RandomFlip("horizontal", seed=seed, name="mirror"))
    if spec.rotation:
        # Keras counts in full turns. What comes in at the corners is the picture's own edge, mirrored.
        turn = spec.rotation / 360
        layers.append(keras.layers.RandomRotation(turn, fill_mode="reflect", seed=seed + 1, name="rotation"))
    if spec.brightness != (1, 1):
        layers.append(RandomBrightnessFactor(*spec.brightness, seed=seed + 2, name="brightness"))
    return layers


class RandomBrightnessFactor(keras.layers.Layer):
    """Multiplies each picture by a factor of its own, as a picture that is taken with less light.

    Keras' own `RandomBrightness` adds, and clips what becomes too bright.

    Args:
        least: Factor.
        greatest: Factor.
        seed: Of the draws.
    """

    def __init__(self, least: float, greatest: float, seed: int, name: str | None = None) -> None:
        super().__init__(name=name)
        self.least, self.greatest = least, greatest
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, pictures: Any, training: bool = False) -> Any:  # tensors of whatever backend
        """Pictures [N, H, W, C], darker where it is trained."""
        if not training:
            return pictures
        shape = (keras.ops.shape(pictures)[0], 1, 1, 1)  # pyright: ignore
        factors = keras.random.uniform(
            shape, self.least, self.greatest, dtype=self.compute_dtype, seed=self.seed_generator
        )
        return keras.ops.multiply(pictures, factors)
