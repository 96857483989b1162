"""From a decoded image of any size to the square that a model takes.

Pillow's resize is antialiased and gives the same bytes on every machine; how it was done is part of an
extractor's digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Resize:
    """Makes squares with antialiased bilinear interpolation.

    Attributes:
        size: Side of the square in pixels.
        fit: `squash` fills the square with the whole image and gives up the aspect ratio; `pad` keeps the aspect ratio,
            centres the image and leaves the rest black, as `tf.image.resize_with_pad` does.
    """

    size: int
    fit: Literal["squash", "pad"]

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Resize one image, uint8 `[H, W, 3]`, to uint8 `[size, size, 3]`. Raises `ValueError` for any other array."""
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise ValueError(f"expected the pixels of an RGB image, uint8 [H, W, 3]; found {_describe(pixels)}")
        image = Image.fromarray(pixels)
        if self.fit == "squash":
            return np.array(image.resize((self.size, self.size), Image.Resampling.BILINEAR))
        longest = max(image.size)
        width, height = (max(1, side * self.size // longest) for side in image.size)
        square = Image.new("RGB", (self.size, self.size))
        place = (self.size - width) // 2, (self.size - height) // 2
        square.paste(image.resize((width, height), Image.Resampling.BILINEAR), place)
        return np.array(square)

    @property
    def settings(self) -> dict[str, object]:
        """What goes into an extractor's digest."""
        return {"image_size": self.size, "fit": self.fit, "filter": "bilinear, antialiased, Pillow"}


def check_batch(batch: np.ndarray, size: int) -> None:
    """Raise `ValueError` for anything but uint8 `[N, size, size, 3]`, which a model might take and misread."""
    if batch.dtype != np.uint8 or batch.ndim != 4 or batch.shape[1:] != (size, size, 3):
        raise ValueError(f"expected a batch of prepared images, uint8 [N, {size}, {size}, 3]; found {_describe(batch)}")


def _describe(array: np.ndarray) -> str:
    return f"{array.dtype} {list(array.shape)}"
