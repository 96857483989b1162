"""Reads the tags of a TIFF directory, the structure that TIFF files and EXIF blocks share.

Only what decides about a picture before it is decoded: how many values a tag has, and the single numbers
among them, texts and lists of them up to `MAX_VALUE_BYTES`. The cost is bounded by the number of tags.
Format: TIFF 6.0 section 2; BigTIFF has 8-byte counts and offsets.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

ORIENTATION = 274
TILE_WIDTH = 322
TILE_LENGTH = 323

MAX_TAGS = 4096  # files in the wild have dozens; classic TIFF could claim 65,535 and BigTIFF 2**64

MAX_VALUE_BYTES = 64  # looked at, of a tag's values

_EXIF = b"Exif\0\0"
_WHOLE_NUMBERS = {1: 1, 3: 2, 4: 4, 6: 1, 8: 2, 9: 4, 13: 4, 16: 8, 17: 8, 18: 8}  # type → bytes
_TEXT_AND_BYTES = {1, 2, 6, 7}
_TEXT = 2


class Tag(NamedTuple):
    """One tag of a directory."""

    id: int
    values: int
    """How many it has."""
    is_bytes: bool
    """Whether these are text or plain bytes."""
    number: int | None
    """The value, where it is a single whole number."""
    first_numbers: tuple[int, ...] = ()
    """The first values, where they are whole numbers of two bytes and more."""
    text: bytes = b""
    """The beginning of a text."""


class TagDirectory(NamedTuple):
    """A page's tags, duplicates included, and where the next directory begins; 0 where there is none."""

    tags: list[Tag]
    next: int

    def number(self, identity: int) -> int | None:
        """The single whole number of the first tag of that id, where it has one."""
        return next((tag.number for tag in self.tags if tag.id == identity), None)


def read_tags(data: bytes) -> list[Tag]:
    """The tags of the first directory of a TIFF file or EXIF block, as `read_directory` gives them."""
    return read_directory(data, first_directory(data)).tags


def first_directory(data: bytes) -> int:
    """Where the first directory of a TIFF file or EXIF block begins; 0 where the header is none."""
    order = _order(data)
    big = _is_big(data)
    try:
        return struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)[0] if order else 0
    except struct.error:
        return 0


def read_directory(data: bytes, start: int) -> TagDirectory:
    """The directory of a TIFF file or EXIF block that begins at `start`.

    What is broken is left out: no header gives no tags, a directory that is cut off gives those before the cut.
    At most `MAX_TAGS` + 1 are returned, so that a caller can tell that there were more.
    """
    order, big = _order(data), _is_big(data)
    try:
        (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, start) if order and start else (0,)
    except (struct.error, OverflowError):
        count = 0
    if not count:
        return TagDirectory([], 0)
    entry = struct.Struct(order + ("HHQ8s" if big else "HHI4s"))
    first = start + (8 if big else 2)
    last = min(first + min(count, MAX_TAGS + 1) * entry.size, first + (len(data) - first) // entry.size * entry.size)
    found = [_tag(fields, order, data) for fields in entry.iter_unpack(memoryview(data)[first:last])]
    try:
        (following,) = struct.unpack_from(order + ("Q" if big else "I"), data, first + count * entry.size)
    except (struct.error, OverflowError):
        following = 0
    return TagDirectory(found, following)


def _order(data: bytes) -> str:
    return {b"II": "<", b"MM": ">"}.get(data[:2], "")


def _is_big(data: bytes) -> bool:
    return data[2:4] in (b"+\0", b"\0+")


def _tag(fields: tuple[int, int, int, bytes], order: str, data: bytes) -> Tag:
    identity, kind, values, inline = fields
    endian = "little" if order == "<" else "big"
    width = _WHOLE_NUMBERS.get(kind, 1)
    length = values * width
    if length > len(inline):
        start = int.from_bytes(inline, endian)
        there = data[start : start + min(length, MAX_VALUE_BYTES)]
    else:
        there = inline[:length]
    number, numbers = None, ()
    if kind in _WHOLE_NUMBERS and width > 1:
        numbers = tuple(int.from_bytes(there[i : i + width], endian) for i in range(0, len(there) - width + 1, width))
    if values == 1 and kind in _WHOLE_NUMBERS:
        number = int.from_bytes(inline[:width], endian)
    text = there.partition(b"\0")[0].strip() if kind == _TEXT else b""
    return Tag(identity, values, kind in _TEXT_AND_BYTES, number, numbers, text)


def orientation(exif: bytes) -> int:
    """The EXIF orientation, 1 to 8, of an EXIF block; 1 (upright) where it has none that can be read.

    Args:
        exif: The block, with or without the `Exif\\0\\0` that precedes it in a JPEG.
    """
    return orientation_in(read_tags(exif.removeprefix(_EXIF).removeprefix(_EXIF)))  # some writers put it twice


def orientation_in(found: list[Tag]) -> int:
    """The orientation, 1 to 8, that tags say; 1 (upright) where none does."""
    for tag in found:
        if tag.id == ORIENTATION and tag.number is not None and 1 <= tag.number <= 8:
            return tag.number
    return 1
