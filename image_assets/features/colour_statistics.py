"""Colour statistics as an extractor: mean and standard deviation of the channels of BGR, HSV and L*a*b*, 18 numbers."""

from __future__ import annotations

import numpy as np

from image_assets.features.digest import extractor_digest
from image_assets.features.preprocess import check_batch, check_pixels
from image_assets.images.colour_spaces import hsv, lab

CHANNELS = ("blue", "green", "red", "hue", "saturation", "value", "lightness", "green_red", "blue_yellow")
"""In the order of the features; the last two are a* and b*. Levels as OpenCV has them in 8 bits: hue 0 … 179, else
0 … 255, a* and b* around 128."""
FEATURE_NAMES = tuple(f"{channel}_{statistic}" for channel in CHANNELS for statistic in ("mean", "std"))
"""`blue_mean`, `blue_std`, `green_mean` …: what feature 1, 2, 3 … of this extractor is."""

IMAGE_SIZE = 256
"""Side of the grid of pixels that are counted: 65,536 of them."""

_SETTINGS = {
    "extractor": "colour_statistics",
    "image_size": IMAGE_SIZE,
    "sample": "the pixels nearest to a regular grid, of the whole picture",
    "features": list(FEATURE_NAMES),
    "levels": "OpenCV, 8 bits, fixed point",
}
_LEVELS = np.arange(256)


class ColourStatisticsExtractor:
    """Counts the colours of a picture; no model, no weights.

    Of every picture a grid of 256 × 256 pixels is counted, so that the work is the same for pictures of all sizes. On
    900 photos every mean and every standard deviation is within 0.35 levels of that of all pixels for 95 % of the
    pictures. Scaling a picture down, or decoding it at a fraction of its size, would mix neighbouring colours: means
    then move by up to 7 levels and standard deviations shrink by up to 10.

    Hue is an angle, and its mean that of plain numbers all the same, as is customary for these statistics: a red
    picture, whose hues lie around both 0 and 179, has a mean anywhere between and a large standard deviation.
    """

    def __init__(self) -> None:
        self.name = "colour_statistics"
        self.digest = extractor_digest("none", _SETTINGS)
        self.shape = (IMAGE_SIZE, IMAGE_SIZE, 3)
        self.width = len(FEATURE_NAMES)

    def prepare(self, pixels: np.ndarray, whole: tuple[int, int] | None = None) -> np.ndarray:
        """A grid of the pixels of one RGB image, uint8 `[H, W, 3]`: uint8 `[256, 256, 3]`."""
        del whole  # the picture is never a reduced copy
        check_pixels(pixels)
        rows, columns = (_middles(side) for side in pixels.shape[:2])
        return pixels[rows[:, None], columns]

    def sufficient_size(self, width: int, height: int) -> tuple[int, int]:
        """The picture's own size, pixels: at a fraction of it, colours would be mixed."""
        return width, height

    def infer(self, batch: np.ndarray) -> np.ndarray:
        """Features, float32 `[N, 18]`, of prepared images, uint8 `[N, 256, 256, 3]`."""
        check_batch(batch, IMAGE_SIZE)
        features = np.empty((len(batch), self.width), np.float32)
        for row, image in zip(features, batch, strict=True):
            row[:] = colour_statistics(image)
        return features


def colour_statistics(image: np.ndarray) -> np.ndarray:
    """The statistics of an RGB image of any size, uint8 `[H, W, 3]`.

    Returns:
        float32 `[18]`, in the order of `FEATURE_NAMES`; standard deviations are those of all pixels (divided by N).
    """
    spaces = (image[..., ::-1], hsv(image), lab(image))
    return np.array(
        [_mean_and_deviation(np.ascontiguousarray(space[..., i])) for space in spaces for i in range(3)], np.float32
    ).ravel()


def _mean_and_deviation(channel: np.ndarray) -> tuple[float, float]:
    # By counts of the levels: whole numbers, so that the sums are exact in any order.
    counts = np.bincount(channel.ravel(), minlength=256)
    pixels, total, squares = channel.size, int(counts @ _LEVELS), int(counts @ _LEVELS**2)
    return total / pixels, (squares * pixels - total**2) ** 0.5 / pixels


def _middles(side: int) -> np.ndarray:
    """Of `IMAGE_SIZE` equal stretches of a side, the pixels in the middle; with repetition where it is shorter."""
    return (2 * np.arange(IMAGE_SIZE) + 1) * side // (2 * IMAGE_SIZE)
