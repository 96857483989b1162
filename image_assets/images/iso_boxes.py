"""The boxes that AVIF, HEIC and most JPEG XL files consist of, as far as the door has to know them.

Formats: ISO/IEC 14496-12 (boxes, 4.2; item locations, 8.11.3; item types, 8.11.6) and 23008-12 (sizes, 6.5.3).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

_SIZE = re.compile(rb"ispe.{4}(.{4})(.{4})", re.DOTALL)
_CODED_PICTURE = re.compile(rb"infe(?:\x02.{3}(..)|\x03.{3}(.{4}))..(?:hvc1|av01)", re.DOTALL)
_MOST = 100_000  # boxes and items that are looked at: a hundred times what decoders take
_TAIL = 64  # bytes: no coder ends in so many zeros, and what a broken download never wrote does


def end_of_boxes(content: bytes) -> int:
    """Where the last box ends by its own account, which is beyond the content where that was cut off."""
    at = 0
    for _, _, end in itertools.islice(_boxes(content), _MOST):
        at = end
    return at


def claimed_sizes(content: bytes) -> Iterator[tuple[int, int]]:
    """Width and height, pixels, of every picture that the file says it holds: tiles and thumbnails too."""
    for found in _SIZE.finditer(_meta(content)):
        yield _number(found[1]), _number(found[2])


def lacks_samples(content: bytes) -> bool:
    """Whether the samples of a picture, or of a tile of it, end in zeros: something else was to be written there.

    Decoders make a picture of that, as neither format has a checksum.
    """
    meta = _meta(content)
    coded = {_number(found[1] or found[2]) for found in itertools.islice(_CODED_PICTURE.finditer(meta), _MOST)}
    for item, end, length in itertools.islice(_last_extents(meta), _MOST):
        tail = content[max(0, end - min(length, _TAIL)) : end]
        if item in coded and tail and not any(tail):
            return True
    return False


def _boxes(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and end of the outermost boxes."""
    at = 0
    while at < len(content):
        size = _number(content[at : at + 4])
        if size == 1:
            size = _number(content[at + 8 : at + 16])
        end = at + max(size, 8) if size else len(content)
        yield content[at + 4 : at + 8], at, end
        at = end


def _meta(content: bytes) -> bytes:
    return next((content[at:end] for name, at, end in itertools.islice(_boxes(content), _MOST) if name == b"meta"), b"")


def _last_extents(meta: bytes) -> Iterator[tuple[int, int, int]]:
    """Of every item that lies in the file: its id, where its last piece ends, and that piece's length."""
    at = meta.find(b"iloc") + 4
    if at < 4 or len(meta) < at + 8:
        return
    version, widths = meta[at], meta[at + 4 : at + 6]
    wide = 4 if version == 2 else 2
    offset, length, base, index = widths[0] >> 4, widths[0] & 15, widths[1] >> 4, widths[1] & 15 if version else 0
    at += 6 + wide
    while at + wide < len(meta):
        item = _number(meta[at : at + wide])
        at += wide
        # In which way the offsets are meant: 0 is within the file, and the only one of version 0.
        meant = _number(meta[at : at + 2]) & 15 if version else 0
        at += 4 if version else 2
        start = _number(meta[at : at + base])
        pieces = _number(meta[at + base : at + base + 2])
        at += base + 2 + pieces * (index + offset + length)
        size = _number(meta[at - length : at]) if length else 0
        if pieces and meant == 0:
            yield item, start + _number(meta[at - length - offset : at - length]) + size, size


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")
