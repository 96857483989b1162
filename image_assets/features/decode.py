"""From an accepted image file to what a model takes, decoding no more pixels than that needs.

Orientation and colours follow the door's rules (`image_assets.images.convert`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from image_assets.features.preprocess import Prepares
from image_assets.images import jpeg
from image_assets.images.decode import decode
from image_assets.images.header import Size
from image_assets.settings.stages import Limits

# The files were let in at the door; limits that were lowered since do not take their features away.
_LET_IN = Limits(max_bytes=sys.maxsize, max_pixels=sys.maxsize, max_side=sys.maxsize)


class DecodedPicture(NamedTuple):
    """A decoded picture.

    Attributes:
        pixels: uint8 `[height, width, 3]`, RGB, upright, possibly at a fraction of the picture's size.
        size: Width and height of the whole picture, upright, pixels.
    """

    pixels: np.ndarray
    size: Size


def prepared(content: bytes, extractor: Prepares) -> np.ndarray:
    """Decode an accepted image file and resize it for an extractor.

    Returns:
        uint8 `[*shape]`, of an RGB picture, upright.

    Raises:
        Rejected: the content is no image that the door lets in.
    """
    picture = decode_at_least(content, extractor.sufficient_size)
    return extractor.prepare(picture.pixels, picture.size)


def all_prepared(contents: Sequence[bytes], extractor: Prepares) -> np.ndarray:
    """Accepted image files as a model takes them. Raises as `prepared`.

    Returns:
        uint8 `[N, *shape]`.
    """
    pictures = np.empty((len(contents), *extractor.shape), np.uint8)
    for picture, content in zip(pictures, contents, strict=True):
        picture[:] = prepared(content, extractor)
    return pictures


def decode_at_least(content: bytes, sufficient_size: Callable[[int, int], Size]) -> DecodedPicture:
    """Decode an accepted image file, possibly at a fraction of its size.

    Args:
        content: The file.
        sufficient_size: From the upright picture's width and height in pixels to the smallest that will do.

    Raises:
        Rejected: the content is no image that the door lets in.
    """
    frame = jpeg.ordinary_frame(content)
    if frame is not None:
        size = (frame.height, frame.width) if frame.lies_on_its_side else (frame.width, frame.height)
        pixels = jpeg.read(content, frame, _factor(size, sufficient_size(*size)))
        if pixels is not None:
            return DecodedPicture(pixels, size)
    pixels = decode(content, _LET_IN).pixels
    return DecodedPicture(pixels, (pixels.shape[1], pixels.shape[0]))


def _factor(size: Size, sufficient: Size) -> int:
    """The largest factor by which a picture may shrink."""
    return max(f for f in jpeg.FACTORS if f == 1 or all(-(-size[i] // f) >= sufficient[i] for i in (0, 1)))
