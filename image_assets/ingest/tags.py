"""Reads the tags of a TIFF directory, the structure that TIFF files and EXIF blocks share.

Only what decides about a picture before it is decoded: how many values a tag has, and the single numbers
among them. Nothing here follows an offset but the first, so the cost is bounded by the number of tags.
Format: TIFF 6.0 section 2; BigTIFF has 8-byte counts and offsets.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

ORIENTATION = 274
TILE_WIDTH = 322
TILE_LENGTH = 323

MAX_TAGS = 4096  # files in the wild have dozens; classic TIFF could claim 65,535 and BigTIFF 2**64

_EXIF = b"Exif\0\0"
_WHOLE_NUMBERS = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8}  # type → bytes
_TEXT_AND_BYTES = {1, 2, 6, 7}


class Tag(NamedTuple):
    """One tag of a directory."""

    id: int
    values: int
    """How many it has."""
    is_bytes: bool
    """Whether these are text or plain bytes."""
    number: int | None
    """The value, where it is a single whole number."""


def read_tags(data: bytes) -> list[Tag]:
    """The tags of the first directory of a TIFF file or EXIF block, duplicates included.

    What is broken is left out: no header gives no tags, a directory that is cut off gives those before the cut.
    At most `MAX_TAGS` + 1 are returned, so that a caller can tell that there were more.
    """
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        return []
    big = data[2:4] in (b"+\0", b"\0+")
    try:
        (start,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
        (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, start)
    except (struct.error, OverflowError):
        return []
    entry = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
    first = start + (8 if big else 2)
    last = min(first + min(count, MAX_TAGS + 1) * entry.size, first + (len(data) - first) // entry.size * entry.size)
    return [_tag(fields, order) for fields in entry.iter_unpack(memoryview(data)[first:last])]


def _tag(fields: tuple[int, int, int, bytes], order: str) -> Tag:
    identity, kind, values, inline = fields
    number = None
    if values == 1 and kind in _WHOLE_NUMBERS:
        number = int.from_bytes(inline[: _WHOLE_NUMBERS[kind]], "little" if order == "<" else "big")
    return Tag(identity, values, kind in _TEXT_AND_BYTES, number)


def orientation(exif: bytes) -> int:
    """The EXIF orientation, 1 to 8, of an EXIF block or TIFF file; 1 (upright) where it has none that can be read.

    Args:
        exif: The block, with or without the `Exif\\0\\0` that precedes it in a JPEG.
    """
    for tag in read_tags(exif.removeprefix(_EXIF).removeprefix(_EXIF)):  # some writers put it twice
        if tag.id == ORIENTATION and tag.number is not None and 1 <= tag.number <= 8:
            return tag.number
    return 1
