"""Takes out of a PNG file what its picture does not depend on, as browsers pass it by.

Text, XMP, a colour profile or a program's own data beside an intact picture may be of any length and may be damaged.
Pillow would inflate them, refuse them above a megabyte and refuse the file for a wrong checksum in a comment: they are
left out before it sees the file, never inflated. Format: PNG specification, section 5.
"""

from __future__ import annotations

import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_END = b"\0\0\0\0IEND\xaeB`\x82"
_ANCILLARY = 0x20  # the bit of a chunk's first letter
# What decides, besides the critical chunks, how the picture is shown: transparent colours, and which side is up.
_SHOWN = (b"tRNS", b"eXIf")


def picture_alone(content: bytes) -> bytes:
    """The file's critical chunks with transparency and EXIF, up to its end, which is added where only that is missing.

    An animation becomes its default image. A chunk that is left out costs nothing, however long it is.

    Args:
        content: A PNG file, whose number of chunks is already allowed.

    Returns:
        A PNG file; where a chunk is cut off, it stays cut off.
    """
    kept, at, has_samples = [_SIGNATURE], len(_SIGNATURE), False
    while at + 8 <= len(content):
        name = content[at + 4 : at + 8]
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        if name == b"IEND":
            if end > len(content):
                break
            return b"".join([*kept, _END])
        ancillary = bool(name[0] & _ANCILLARY)
        # An ancillary chunk with a wrong checksum is as good as none; a critical one is for the decoder to refuse.
        if not ancillary or (name in _SHOWN and _is_sound(content, at, end)):
            kept.append(content[at:end])
        if end > len(content):
            return b"".join(kept)
        has_samples = has_samples or name == b"IDAT"
        at = end
    # What is left is less than a chunk: the mark of the end or a part of it, or nothing.
    if has_samples and _END.startswith(content[at : at + 8]):
        kept.append(_END)
    else:
        kept.append(content[at:])
    return b"".join(kept)


def _is_sound(content: bytes, at: int, end: int) -> bool:
    return content[end - 4 : end] == zlib.crc32(memoryview(content)[at + 4 : end - 4]).to_bytes(4, "big")
