"""Whether a JPEG file is all there, by its scans and not by its end mark.

Cameras and panorama programs leave the end mark out, and downloads that broke off get one from tools that mend files:
the two bytes say nothing about the picture. What does is whether the decoder had samples for every block. libjpeg fills
up what is lacking with grey and only warns, so its first warning is asked for here. Format: ITU-T T.81, annex B.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import simplejpeg

from image_assets.images.header import MAX_PARTS
from image_assets.images.reasons import Reason, Rejected

_START, _END, _START_OF_SCAN, _TEMPORARY = 0xD8, 0xD9, 0xDA, 0x01
_PROGRESSIVE = (0xC2, 0xCA)
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# Huffman-coded and arithmetically coded, sequential and progressive: neither lossless nor hierarchical.
_DECODABLE = frozenset((0xC0, 0xC1, 0xC2, 0xC9, 0xCA))
_AFTER_SAMPLES = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")  # neither stuffing nor a restart
_COEFFICIENTS = 64
# libjpeg's words for samples that are not there.
_ENDS_EARLY = re.compile(r"premature end|found marker 0xd9 instead", re.IGNORECASE)
# A file of this many zeros at its end, without an end mark, was given its length before its content.
_UNWRITTEN = bytes(32)


class Scan(NamedTuple):
    """A scan's header: components, coefficients from first to last, and how many of their bits are yet to come."""

    components: bytes
    first: int
    last: int
    bits_left: int


class Outline(NamedTuple):
    """What the markers of a JPEG file say: the frame, the scans, and whether an end mark follows.

    Attributes:
        content: The file up to its end mark, without what lies between the segments of its header.
    """

    code: int
    bits: int
    width: int
    height: int
    components: bytes
    scans: list[Scan]
    has_end: bool
    content: bytes

    @property
    def is_sent(self) -> bool:
        """Whether the scans hold all coefficients of all components to the last bit."""
        left = {(one, k): 1 for one in self.components for k in range(_COEFFICIENTS)}
        for scan in self.scans:
            # Only progressive scans are of some coefficients; what others say there is not asked for by decoders.
            some = range(scan.first, scan.last + 1) if self.code in _PROGRESSIVE else range(_COEFFICIENTS)
            left |= {
                (one, k): scan.bits_left if self.code in _PROGRESSIVE else 0 for one in scan.components for k in some
            }
        return not any(left.values())


def whole(content: bytes) -> bytes:
    """The file with an end mark and without foreign bytes in its header, as decoders want it.

    Args:
        content: A JPEG file of any kind, with the size in its frame already allowed.

    Raises:
        Rejected: `truncated` where samples are lacking, `unsupported_format` where it is of a kind that libjpeg lacks.
    """
    found = outline(content)
    if found is None:
        return content
    if found.code not in _DECODABLE or found.bits != 8:
        kind = f"of {found.bits} bits a sample" if found.bits != 8 else "lossless or hierarchical"
        raise Rejected(Reason.UNSUPPORTED_FORMAT, f"the JPEG is {kind}; those of 8 bits, with losses, can be decoded")
    if not found.scans:
        return content
    if not found.has_end and not found.is_sent:
        raise Rejected(Reason.TRUNCATED, f"the JPEG ends after {len(found.scans)} scans, of which more must follow")
    if not found.has_end and content.endswith(_UNWRITTEN):
        raise Rejected(Reason.TRUNCATED, "the JPEG ends in zeros, which were never overwritten with its samples")
    if (said := _first_warning(found)) and _ENDS_EARLY.search(said):
        end = "in spite of its end mark" if found.has_end else "and has no end mark"
        raise Rejected(Reason.TRUNCATED, f"the JPEG lacks samples, {end}: {said}")
    return found.content


def outline(content: bytes) -> Outline | None:
    """Walk over the markers as decoders do, passing by what lies between them; None where no frame is found.

    Raises:
        Rejected: `too_many_parts`.
    """
    at, frame, scans, pieces, markers = 2, None, [], [content[:2]], 0
    while (marker := _AFTER_SAMPLES.search(content, at)) is not None:
        code, at = marker[1][0], marker.end()
        markers += 1
        if markers > MAX_PARTS:
            raise Rejected(Reason.TOO_MANY_PARTS, f"the file has more than {MAX_PARTS:,} segments")
        if code == _END:
            return _outlined(frame, scans, pieces, has_end=True)
        if code in (_START, _TEMPORARY):
            continue
        length = max(2, int.from_bytes(content[at : at + 2], "big"))
        body = content[at + 2 : at + length]
        after = at + length
        if code in _FRAMES and frame is None and len(body) >= 6:
            frame = code, body
        if code == _START_OF_SCAN and body and len(body) >= 2 * body[0] + 4:
            parameters = body[1 + 2 * body[0] :]
            scans.append(Scan(body[1 : 1 + 2 * body[0] : 2], parameters[0], parameters[1], parameters[2] & 15))
            following = _AFTER_SAMPLES.search(content, after)
            after = following.start() if following else len(content)
        pieces.append(content[at - 2 : after])
        at = after
    return _outlined(frame, scans, pieces, has_end=False)


def _outlined(frame: tuple[int, bytes] | None, scans: list[Scan], pieces: list[bytes], has_end: bool) -> Outline | None:
    if frame is None:
        return None
    code, body = frame
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    components = body[6 : 6 + 3 * body[5] : 3]
    return Outline(code, body[0], width, height, components, scans, has_end, b"".join([*pieces, b"\xff\xd9"]))


def _first_warning(found: Outline) -> str:
    """What libjpeg says first of the file; nothing where it is content."""
    colours = {1: "GRAY", 3: "RGB", 4: "CMYK"}.get(len(found.components))
    if colours is None:
        return ""
    try:
        # All samples are read at any size; an eighth of the sides saves the rest of the work.
        simplejpeg.decode_jpeg(found.content, colours, min_width=-(-found.width // 8), min_height=-(-found.height // 8))
    except ValueError as error:
        return str(error)
    return ""
