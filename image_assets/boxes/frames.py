"""Which picture a box was drawn on: the one that is loaded, upright, or one of another orientation or size.

Annotations give a picture's size; the file may be turned by its EXIF orientation, which some programs that boxes are
drawn with heed and others do not. Only what is certain is taken: a size of the upright picture's shape, at any scale,
says that the box is upright too. A size of the shape in which the file is stored says nothing, since there are programs
that write it beside boxes of the upright picture, unless a box does not fit into that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from image_assets.boxes.crop import BoxFlaw

UPRIGHT = 1
"""The EXIF orientation of a picture that is stored as it is seen."""


class PictureSize(NamedTuple):
    """A picture's size in pixels."""

    width: float
    height: float

    @property
    def turned(self) -> PictureSize:
        """A quarter turn further."""
        return PictureSize(self.height, self.width)


class Reach(NamedTuple):
    """How far an image's boxes reach: the largest fraction of its declared width, and of its height."""

    right: float
    lower: float


def drawn_on(sizes: Iterable[PictureSize], upright: PictureSize, orientation: int, reach: Reach) -> int | BoxFlaw:
    """The EXIF orientation that an image's boxes need to lie on the upright picture, or why that is not certain.

    Args:
        sizes: Those that the annotations give the image; none where they give none.
        upright: The picture's own, upright.
        orientation: The file's EXIF orientation, 1 to 8.
        reach: Of all boxes of the image.
    """
    found = {_drawn_on(size, upright, orientation, reach) for size in sizes}
    if not found:
        return UPRIGHT if orientation == UPRIGHT else BoxFlaw.ORIENTATION
    if len(found) == 1:
        return found.pop()
    return BoxFlaw.OTHER_SIZE if BoxFlaw.OTHER_SIZE in found else BoxFlaw.ORIENTATION


def _drawn_on(size: PictureSize, upright: PictureSize, orientation: int, reach: Reach) -> int | BoxFlaw:
    stored = upright.turned if orientation >= 5 else upright
    fits_upright, fits_stored = same_shape(size, upright), same_shape(size, stored)
    if not fits_upright and not fits_stored:
        return BoxFlaw.ORIENTATION if same_shape(size, upright.turned) else BoxFlaw.OTHER_SIZE
    if fits_upright and (orientation == UPRIGHT or not fits_stored):
        return UPRIGHT
    if not fits_upright and _is_beyond(size.turned, size, reach):
        return orientation
    return BoxFlaw.ORIENTATION


def same_shape(one: PictureSize, other: PictureSize) -> bool:
    """Whether one is the other at another scale, give or take what is rounded off: a pixel of the smaller one."""
    return abs(one.width * other.height - one.height * other.width) <= max(*one, *other)


def _is_beyond(frame: PictureSize, declared: PictureSize, reach: Reach) -> bool:
    """Whether boxes of a declared size reach beyond a frame by more than the pixel that is rounded off."""
    return reach.right * declared.width > frame.width + 1 or reach.lower * declared.height > frame.height + 1


def turned_sides(sides: Sequence[float], orientation: int) -> tuple[float, float, float, float]:
    """A box of a stored picture as it lies on the upright one.

    Args:
        sides: xmin, xmax, ymin, ymax as fractions.
        orientation: The file's EXIF orientation, 1 to 8.
    """
    left, right, upper, lower = sides
    if orientation >= 5:
        left, right, upper, lower = upper, lower, left, right
    if orientation in (2, 3, 6, 7):
        left, right = 1 - right, 1 - left
    if orientation in (3, 4, 7, 8):
        upper, lower = 1 - lower, 1 - upper
    return left, right, upper, lower
