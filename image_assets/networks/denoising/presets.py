"""Networks that restore pictures: the original's, and one that loses less.

Each takes float32 [N, height, width, channels] in [0, 1] and gives the same; what comes out may lie a little outside,
since numbers cut off within a network are numbers that it cannot learn from. Whoever restores with one cuts them off.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
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

    lots = (keras.initializers.GlorotUniform(seed=1_000 * seed + number) for number in count())
    pictures: Any = keras.Input((side, side, channels), name="noisy")
    match preset:
        case "original":
            restored = _original(pictures, channels, lots)
        case "residual":
            restored = _residual(pictures, channels, lots)
        case _:
            assert_never(preset)
    return keras.Model(pictures, restored, name=f"denoising_{preset}")


def _original(pictures: Any, channels: int, lots: Iterator[Any]) -> Any:
    """Four times halved, down to 8 channels, and up again: all of a picture goes through a sixteenth of its side."""
    from keras import layers

    x = pictures
    for width in ORIGINAL_WIDTHS:
        x = _convolution(width, f"down_{width}", lots)(x)
        x = layers.MaxPooling2D(2, name=f"halve_{width}")(x)
    for width in reversed(ORIGINAL_WIDTHS):
        x = _convolution(width, f"up_{width}", lots)(x)
        x = layers.UpSampling2D(2, name=f"double_{width}")(x)
    return _convolution(channels, "restored", lots, activation="sigmoid")(x)


def _residual(pictures: Any, channels: int, lots: Iterator[Any]) -> Any:
    """The noise is estimated, and taken off the picture.

    After Zhang et al., "Beyond a Gaussian Denoiser: Residual Learning of Deep CNN for Image Denoising", IEEE
    Transactions on Image Processing 26 (2017); most of it at half the side, which costs a quarter, with what was found
    at the full side handed past that. The last layer begins at zero: an untrained network gives its input back.
    """
    from keras import layers

    fine = _convolution(_WIDTH, "fine", lots)(pictures)
    x = _convolution(_DEEP_WIDTH, "halve", lots, strides=2)(fine)
    for block in range(_BLOCKS):
        y = _convolution(_DEEP_WIDTH, f"block_{block}_first", lots)(x)
        y = _convolution(_DEEP_WIDTH, f"block_{block}_second", lots, activation=None)(y)
        x = layers.Activation("relu", name=f"block_{block}")(layers.Add(name=f"block_{block}_sum")([x, y]))
    x = layers.Conv2DTranspose(
        _WIDTH, 4, strides=2, padding="same", activation="relu", kernel_initializer=next(lots), name="double"
    )(x)
    x = layers.Concatenate(name="with_fine")([x, fine])
    x = _convolution(_WIDTH, "together", lots)(x)
    noise = layers.Conv2D(channels, 3, padding="same", kernel_initializer="zeros", name="noise")(x)
    return layers.Subtract(name="restored")([pictures, noise])


def _convolution(
    width: int, name: str, lots: Iterator[Any], *, activation: str | None = "relu", strides: int = 1
) -> Any:
    from keras import layers

    return layers.Conv2D(
        width, 3, strides, padding="same", activation=activation, kernel_initializer=next(lots), name=name
    )
