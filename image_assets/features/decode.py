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


def prepared(content: bytes, extractor: Prepares, at_the_door: np.ndarray | None = None) -> np.ndarray:
    """Decode an accepted image file and resize it for an extractor.

    Args:
        content: The file.
        extractor: Says which size will do.
        at_the_door: As in `decode_at_least`.

    Returns:
        uint8 `[*shape]`, of an RGB picture, upright.

    Raises:
        Rejected: the content is no image that the door lets in.
    """
    picture = decode_at_least(content, extractor.sufficient_size, at_the_door)
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


def decode_at_least(
    content: bytes, sufficient_size: Callable[[int, int], Size], at_the_door: np.ndarray | None = None
) -> DecodedPicture:
    """Decode an accepted image file, possibly at a fraction of its size.

    Args:
        content: The file.
        sufficient_size: From the upright picture's width and height in pixels to the smallest that will do.
        at_the_door: uint8 `[height, width, 3]`, its pixels as `images.decode` gave them, where that was asked: the
            file is then decoded again only where a fraction will do, whose pixels are others.

    Raises:
        Rejected: the content is no image that the door lets in.
    """
    frame = jpeg.ordinary_frame(content)
    if frame is not None:
        size = (frame.height, frame.width) if frame.lies_on_its_side else (frame.width, frame.height)
        factor = _factor(size, sufficient_size(*size))
        pixels = None if factor == 1 and at_the_door is not None else jpeg.read(content, frame, factor)
        if pixels is not None:
            return DecodedPicture(pixels, size)
    pixels = decode(content, _LET_IN).pixels if at_the_door is None else at_the_door
    return DecodedPicture(pixels, (pixels.shape[1], pixels.shape[0]))


def _factor(size: Size, sufficient: Size) -> int:
    """The largest factor by which a picture may shrink."""
    return max(f for f in jpeg.FACTORS if f == 1 or all(-(-size[i] // f) >= sufficient[i] for i in (0, 1)))
