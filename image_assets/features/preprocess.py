"""From a decoded image of any size to the square that a model takes.

How it was done is part of an extractor's digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from image_assets.images.resampling import Cut, Filter, resampled

# A picture that is decoded at a fraction of its size must still be this much larger than the square. Cosine of the
# features to those of whole pictures on 900 photos of about 300 pixels, MobileNetV1 at 128 pixels: mean 0.9993, worst
# 0.988; with a margin of 1 they are 0.993 and 0.960.
_MARGIN = 1.25


Fit = Literal["squash", "pad", "crop"]


@dataclass(frozen=True)
class Resize:
    """Makes squares with antialiased interpolation.

    Attributes:
        size: Side of the square in pixels.
        fit: `squash` fills the square with the whole image and gives up the aspect ratio; `pad` keeps the aspect ratio,
            centres the image and leaves the rest black, as `tf.image.resize_with_pad` does; `crop` keeps the aspect
            ratio and takes the square in the middle, as `Resize` and `CenterCrop` of torchvision do.
        filter: How pixels are interpolated.
        resize_to: What the shorter side (`crop`) or both sides (`squash`) are resized to, of which the square in the
            middle is taken, pixels; default: `size`, so that nothing more is cut off.
    """

    size: int
    fit: Fit
    filter: Filter = "bilinear"
    resize_to: int | None = None

    def __call__(self, pixels: np.ndarray, whole: tuple[int, int] | None = None) -> np.ndarray:
        """Resize one image.

        Args:
            pixels: uint8 `[H, W, 3]`, RGB.
            whole: Width and height of the picture that `pixels` are a reduced copy of; its proportions count, as
                those of the copy are rounded to whole pixels.

        Returns:
            uint8 `[size, size, 3]`.

        Raises:
            ValueError: for any other array.
        """
        check_pixels(pixels)
        proportions = whole or (pixels.shape[1], pixels.shape[0])
        if self.fit == "pad":
            return self._padded(pixels, proportions)
        return self._middle(pixels, self._resized(*proportions))

    def _padded(self, pixels: np.ndarray, proportions: tuple[int, int]) -> np.ndarray:
        width, height = self._resized(*proportions)
        left, top = (self.size - width) // 2, (self.size - height) // 2
        square = np.zeros((self.size, self.size, 3), np.uint8)
        square[top : top + height, left : left + width] = resampled(pixels, width, height, self.filter)
        return square

    def _middle(self, pixels: np.ndarray, resized: tuple[int, int]) -> np.ndarray:
        """The square in the middle of the picture as it would be after resizing; the rest is never made."""
        if resized == (self.size, self.size):
            return resampled(pixels, self.size, self.size, self.filter)
        left, top = (round((side - self.size) / 2) for side in resized)
        wide, high = pixels.shape[1] / resized[0], pixels.shape[0] / resized[1]
        # Rounding must not take it beyond the edge.
        width = min(self.size * wide, pixels.shape[1] - left * wide)
        height = min(self.size * high, pixels.shape[0] - top * high)
        cut = Cut(left * wide, top * high, width, height)
        return resampled(pixels, self.size, self.size, self.filter, cut)

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        """Width and height, pixels, of a picture of this size after resizing, before anything is cut off or filled."""
        side = self.resize_to or self.size
        if self.fit == "squash":
            return side, side
        if self.fit == "pad":
            longest = max(width, height)
            return max(1, width * self.size // longest), max(1, height * self.size // longest)
        shortest = min(width, height)
        return width * side // shortest, height * side // shortest

    def sufficient_size(self, width: int, height: int) -> tuple[int, int]:
        """The smallest width and height, pixels, to decode a picture of this size at before it is resized."""
        side = round(_MARGIN * (self.resize_to or self.size))
        if self.fit == "squash":
            return side, side
        of_side = max(width, height) if self.fit == "pad" else min(width, height)
        return -(-width * side // of_side), -(-height * side // of_side)

    @property
    def settings(self) -> dict[str, object]:
        """What goes into an extractor's digest."""
        more = {} if self.resize_to in (None, self.size) else {"resize_to": self.resize_to}
        return {
            "image_size": self.size,
            "fit": self.fit,
            "filter": f"{self.filter}, antialiased, integers",
            "jpeg": f"decoded at 1/2, 1/4 or 1/8 where that is {_MARGIN} times the square, libjpeg-turbo",
            **more,
        }


class Prepares(Protocol):
    """What says how pictures become what a model takes."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a prepared picture; most take a square, `(image_size, image_size, 3)`."""
        ...

    def prepare(self, pixels: np.ndarray, whole: tuple[int, int] | None = None) -> np.ndarray:
        """Resize one RGB image, uint8 `[H, W, 3]`, to uint8 `[*shape]`."""
        ...

    def sufficient_size(self, width: int, height: int) -> tuple[int, int]:
        """The smallest width and height, pixels, at which a picture of this size may be decoded before `prepare`.

        Decoding a large JPEG at a fraction of its size is several times as fast, and the features stay close.
        """
        ...


class Resized:
    """What prepares pictures by resizing them to squares.

    Args:
        resize: How.
    """

    def __init__(self, resize: Resize) -> None:
        self.image_size, self.shape = resize.size, (resize.size, resize.size, 3)
        self.prepare, self.sufficient_size = resize.__call__, resize.sufficient_size


def check_pixels(pixels: np.ndarray) -> None:
    """Raise `ValueError` for anything but the pixels of an RGB image, uint8 `[H, W, 3]`."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ValueError(f"expected the pixels of an RGB image, uint8 [H, W, 3]; found {_describe(pixels)}")


def check_batch(batch: np.ndarray, size: int) -> None:
    """Raise `ValueError` for anything but uint8 `[N, size, size, 3]`, which a model might take and misread."""
    if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[1:] != (size, size, 3):
        raise ValueError(f"expected a batch of prepared images, uint8 [N, {size}, {size}, 3]; found {_describe(batch)}")


def _describe(array: np.ndarray) -> str:
    return f"{array.dtype} {list(array.shape)}"
