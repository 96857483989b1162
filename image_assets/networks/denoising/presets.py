"""Networks that restore pictures: the original's, and one that loses less.

Each takes float32 [N, height, width, channels] in [0, 1] and gives the same; what comes out may lie a little outside,
since numbers cut off within a network are numbers that it cannot learn from. Whoever restores with one cuts them off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from image_assets.settings.denoising import DenoisingPreset

if TYPE_CHECKING:
    import keras

ORIGINAL_WIDTHS = (48, 32, 16, 8)
"""Of the original's encoder; its decoder has them the other way round."""
_WIDTH, _DEEP_WIDTH, _BLOCKS = 24, 48, 3


def denoising_network(preset: DenoisingPreset, side: int, channels: int, seed: int = 0) -> keras.Model:
    """A network that was not trained yet; the same seed gives the same weights.

    Args:
        preset: Which.
        side: Of the square pictures, pixels; a multiple of 16.
        channels: 1 grey, 3 colour.
        seed: Of the first weights.
    """
    # Loads the library that calculates, which takes seconds.
    import keras

    keras.utils.set_random_seed(seed)
    pictures: Any = keras.Input((side, side, channels), name="noisy")
    match preset:
        case "original":
            restored = _original(pictures, channels)
        case "residual":
            restored = _residual(pictures, channels)
        case _:
            assert_never(preset)
    return keras.Model(pictures, restored, name=f"denoising_{preset}")


def _original(pictures: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    """Four times halved, down to 8 channels, and up again: all of a picture goes through a sixteenth of its side."""
    from keras import layers

    x = pictures
    for width in ORIGINAL_WIDTHS:
        x = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"down_{width}")(x)
        x = layers.MaxPooling2D(2, name=f"halve_{width}")(x)
    for width in reversed(ORIGINAL_WIDTHS):
        x = layers.Conv2D(width, 3, padding="same", activation="relu", name=f"up_{width}")(x)
        x = layers.UpSampling2D(2, name=f"double_{width}")(x)
    return layers.Conv2D(channels, 3, padding="same", activation="sigmoid", name="restored")(x)


def _residual(pictures: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    """The noise is estimated, and taken off the picture.

    After Zhang et al., "Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image Denoising", IEEE
    Transactions on Image Processing 26 (2017); most of it at half the side, which costs a quarter, with what was found
    at the full side handed past that. The last layer begins at zero: an untrained network gives its input back.
    """
    from keras import layers

    fine = layers.Conv2D(_WIDTH, 3, padding="same", activation="relu", name="fine")(pictures)
    x = layers.Conv2D(_DEEP_WIDTH, 3, strides=2, padding="same", activation="relu", name="halve")(fine)
    for block in range(_BLOCKS):
        y = layers.Conv2D(_DEEP_WIDTH, 3, padding="same", activation="relu", name=f"block_{block}_first")(x)
        y = layers.Conv2D(_DEEP_WIDTH, 3, padding="same", name=f"block_{block}_second")(y)
        x = layers.Activation("relu", name=f"block_{block}")(layers.Add(name=f"block_{block}_sum")([x, y]))
    x = layers.Conv2DTranspose(_WIDTH, 4, strides=2, padding="same", activation="relu", name="double")(x)
    x = layers.Concatenate(name="with_fine")([x, fine])
    x = layers.Conv2D(_WIDTH, 3, padding="same", activation="relu", name="together")(x)
    noise = layers.Conv2D(channels, 3, padding="same", kernel_initializer="zeros", name="noise")(x)
    return layers.Subtract(name="restored")([pictures, noise])
