"""Takes out of a PNG file what its picture does not depend on, as browsers pass it by.

Text, XMP, a colour profile or a program's own data beside an intact picture may be of any length and may be damaged.
Pillow would inflate them, refuse them above a megabyte and refuse the file for a wrong checksum in a comment: they are
left out before it sees the file, never inflated. Format: PNG specification, section 5.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from image_assets.images.reasons import Reason, Rejected

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\0\0\0\0IEND\xaeB`\x82"
_ANCILLARY = 0x20  # the bit of a chunk's first letter
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of each colour type
_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))  # Adam7
_PIECE = 2**14  # inflated at a time, bytes, of which at most a thousand times as many come out
# What decides, besides the critical chunks, how the picture is shown: transparent colours, and which side is up.
_SHOWN = (b"tRNS", b"eXIf")


def picture_alone(content: bytes) -> bytes:
    """The file's critical chunks with transparency and EXIF, up to its end, which is added where only that is missing.

    An animation becomes its default image. A chunk that is left out costs nothing, however long it is.

    Args:
        content: A PNG file, whose number of chunks is already allowed.

    Returns:
        A PNG file; where a chunk is cut off, it stays cut off.

    Raises:
        Rejected: `corrupt` where a critical chunk has a wrong checksum; Pillow does not look at those of samples.
    """
    kept: list[bytes | memoryview] = [_SIGNATURE]
    at, has_samples, view = len(_SIGNATURE), False, memoryview(content)
    while at + 8 <= len(content):
        name = content[at + 4 : at + 8]
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        if name == b"IEND":
            if end > len(content):
                break
            return b"".join([*kept, _END])
        is_critical = not name[0] & _ANCILLARY
        if end > len(content):
            return b"".join([*kept, content[at:]] if is_critical else kept)
        # An ancillary chunk with a wrong checksum is as good as none.
        if is_critical or name in _SHOWN:
            if _is_sound(content, at, end):
                kept.append(view[at:end])
            elif is_critical:
                raise Rejected(Reason.CORRUPT, f"the PNG's chunk {name!r} at byte {at:,} has a wrong checksum")
        has_samples = has_samples or name == b"IDAT"
        at = end
    # What is left is less than a chunk: the mark of the end or a part of it, or nothing.
    if has_samples and _END.startswith(content[at : at + 8]):
        kept.append(_END)
    else:
        kept.append(content[at:])
    return b"".join(kept)


def lacks_samples(content: bytes) -> bool:
    """Whether the samples of a PNG file, which can be inflated, are fewer than its size asks for."""
    width, height, depth, colours, _, _, interlaced = struct.unpack_from(">IIBBBBB", content, 16)
    bits = depth * _CHANNELS.get(colours, 1)
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    sizes = ((-(-(width - x) // dx), -(-(height - y) // dy)) for y, x, dy, dx in passes)
    missing = sum(high * (1 + -(-wide * bits // 8)) for wide, high in sizes if wide > 0 and high > 0)
    inflate = zlib.decompressobj()
    for packed in _samples(content):
        missing -= len(inflate.decompress(packed))
        if missing <= 0:
            return False
    return True


def _samples(content: bytes) -> Iterator[bytes]:
    """The deflated samples, in pieces."""
    at = len(_SIGNATURE)
    while at + 8 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        if content[at + 4 : at + 8] == b"IDAT":
            for start in range(at + 8, at + 8 + length, _PIECE):
                yield content[start : min(start + _PIECE, at + 8 + length)]
        at += 12 + length


def _is_sound(content: bytes, at: int, end: int) -> bool:
    return content[end - 4 : end] == zlib.crc32(memoryview(content)[at + 4 : end - 4]).to_bytes(4, "big")
