"""Draws the line at what a file's header claims, before anything of that size is allocated or walked through.

Pillow tells the size of most pictures without allocating it; `check_size` judges that. Where its readers allocate
something else, or spend time on many tiny pieces, a small file could cost gigabytes or minutes: `check_header` reads
the headers itself for that. The pieces allowed are some hundred times what cameras and programs write.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from image_assets.images import iso_boxes, tags, tiff_pages
from image_assets.images.formats import ImageFormat
from image_assets.images.reasons import Reason, Rejected
from image_assets.settings.stages import Limits

Size = tuple[int, int]
"""Width and height, pixels."""

MAX_PARTS = 100_000  # JPEG segments, PNG chunks, GIF blocks, numbers of a TIFF tag: each costs Pillow microseconds
MAX_SCANS = 100  # of a progressive JPEG, which has about ten: each walks over the whole picture
MAX_RUN_LENGTH_PIXELS = 16_000_000  # of a run-length encoded BMP, which Pillow expands byte by byte in Python


def check_bytes(count: int, limits: Limits) -> None:
    """Refuse a file of too many bytes. Raises `Rejected` with `too_many_bytes`."""
    if count > limits.max_bytes:
        raise Rejected(Reason.TOO_MANY_BYTES, f"{count:,} bytes; at most {limits.max_bytes:,} are accepted")


def check_size(size: Size, limits: Limits, what: str = "the picture") -> None:
    """Refuse a picture that is too large or too small.

    Args:
        size: Width and height, pixels, as the header claims them.
        limits: What is allowed.
        what: What has this size, for the detail.

    Raises:
        Rejected: `too_many_pixels`, `side_too_long` or `side_too_short`.
    """
    width, height = size
    found = f"{what} has {width} × {height} pixels"
    if width * height > limits.max_pixels:
        raise Rejected(Reason.TOO_MANY_PIXELS, f"{found}, {width * height:,} in all; allowed are {limits.max_pixels:,}")
    if max(size) > limits.max_side:
        raise Rejected(Reason.SIDE_TOO_LONG, f"{found}; a side may have {limits.max_side:,}")
    if min(size) < limits.min_side:
        raise Rejected(Reason.SIDE_TOO_SHORT, f"{found}; a side must have {limits.min_side:,}")


def check_header(content: bytes, image_format: ImageFormat, limits: Limits) -> None:
    """Refuse what would cost too much memory or time on opening. A header that cannot be read is left to the reader.

    Raises:
        Rejected: as `check_size`, or `too_many_parts`; `unsupported_format` for raw camera files; `truncated` where
            samples are not there that a decoder would not miss.
    """
    match image_format:
        case ImageFormat.JPEG:
            _check_jpeg(content)
        case ImageFormat.PNG:
            _check_png(content)
        case ImageFormat.WEBP:
            # The decoder allocates its canvas on creation.
            for size in _webp_canvas(content):
                check_size(size, limits)
        case ImageFormat.GIF:
            # A frame may be larger than the canvas, and what it leaves behind is allocated on opening.
            for size in _gif_extents(content):
                check_size(size, limits, "the GIF's canvas or first frame")
        case ImageFormat.BMP:
            _check_bmp(content)
        case ImageFormat.TIFF:
            _check_tiff(content, limits)
        case ImageFormat.AVIF | ImageFormat.HEIC:
            for number, (width, height) in enumerate(iso_boxes.claimed_sizes(content)):
                _check_parts(number, "pictures")
                if width * height > limits.max_pixels:
                    check_size((width, height), limits, "a picture of the file")
            if iso_boxes.lacks_samples(content):
                raise Rejected(Reason.TRUNCATED, f"the samples of the {image_format} end in zeros: they are not whole")


def _check_parts(found: int, what: str, allowed: int = MAX_PARTS) -> None:
    if found > allowed:
        raise Rejected(Reason.TOO_MANY_PARTS, f"the file has more than {allowed:,} {what}")


_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")  # neither padding, nor stuffing, nor a restart
_START_OF_SCAN, _END_OF_IMAGE, _STAND_ALONE = 0xDA, 0xD9, (0x01, 0xD8)


def _check_jpeg(content: bytes) -> None:
    """Refuse endless segments and scans. Format: ITU-T T.81, annex B.1.1."""
    segments = scans = 0
    at = 2
    while (marker := _MARKER.search(content, at)) is not None:
        at = marker.end()
        code = marker[1][0]
        if code == _END_OF_IMAGE:
            return
        if code not in _STAND_ALONE:
            at += _big(content[at : at + 2])
        segments += 1
        _check_parts(segments, "segments")
        if code == _START_OF_SCAN:
            scans += 1
            _check_parts(scans, "scans", MAX_SCANS)
            # Counting is faster than walking, and most files pass by it.
            if content.count(b"\xff\xda", at) < MAX_SCANS - scans:
                return


def _check_png(content: bytes) -> None:
    """Refuse endless chunks. Format: PNG specification, section 5.3."""
    at, chunks = 8, 0
    while at + 8 <= len(content) and content[at + 4 : at + 8] != b"IEND":
        at += 12 + _big(content[at : at + 4])
        chunks += 1
        _check_parts(chunks, "chunks")


def _webp_canvas(content: bytes) -> Iterator[Size]:
    """Canvas of a WebP, from its first chunk. Format: RFC 9649, sections 2.5 to 2.7 and 3.4."""
    chunk, body = content[12:16], content[20:30]
    if len(body) < 10:
        return
    if chunk == b"VP8X":
        yield _little(body[4:7]) + 1, _little(body[7:10]) + 1
    elif chunk == b"VP8L":
        bits = _little(body[1:5])
        yield (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif chunk == b"VP8 ":
        yield _little(body[6:8]) & 0x3FFF, _little(body[8:10]) & 0x3FFF


def _gif_extents(content: bytes) -> Iterator[Size]:
    """Canvas of a GIF, and how far its first frame reaches. Format: GIF89a specification, sections 18 to 26."""
    if len(content) < 13:
        return
    yield _little(content[6:8]), _little(content[8:10])
    flags = content[10]
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    blocks = 0
    # Pillow skips bytes that introduce nothing; an extension is its label and then sub-blocks up to an empty one.
    while at < len(content) and content[at] not in b",;":
        if content[at] == ord("!"):
            at += 2
            while at < len(content) and content[at]:
                at += 1 + content[at]
                blocks += 1
                _check_parts(blocks, "blocks")
        at += 1
        blocks += 1
        _check_parts(blocks, "blocks")
    frame = content[at + 1 : at + 9]
    if content[at : at + 1] == b"," and len(frame) == 8:
        left, top, width, height = (_little(frame[i : i + 2]) for i in range(0, 8, 2))
        yield left + width, top + height


def _check_bmp(content: bytes) -> None:
    """Refuse large run-length encoded pictures. Format: BITMAPINFOHEADER."""
    width, height, compression = (_little(content[i : i + 4]) for i in (18, 22, 30))
    # A negative height means that the rows come from the top.
    pixels = width * min(height, 2**32 - height)
    if _little(content[14:18]) >= 40 and compression in (1, 2) and pixels > MAX_RUN_LENGTH_PIXELS:
        raise Rejected(
            Reason.TOO_MANY_PIXELS,
            f"the run-length encoded BMP has {pixels:,} pixels; allowed are {MAX_RUN_LENGTH_PIXELS:,}",
        )


def _check_tiff(content: bytes, limits: Limits) -> None:
    """Refuse tags that would cost far more than the picture: endless lists, tiles beyond it.

    Pillow reads the pages before the picture too.
    """
    picture = tiff_pages.picture_page(content)
    for page in itertools.islice(tiff_pages.pages_of(content), picture + 1):
        _check_tiff_page(page.tags, limits)


def _check_tiff_page(found: Sequence[tags.Tag], limits: Limits) -> None:
    _check_parts(len(found), "tags", tags.MAX_TAGS)
    for tag in found:
        if not tag.is_bytes:
            _check_parts(tag.values, f"numbers in tag {tag.id}")
    # A tile is decoded as a whole, also where the picture needs only a corner of it.
    widths = [tag.number for tag in found if tag.id == tags.TILE_WIDTH and tag.number]
    heights = [tag.number for tag in found if tag.id == tags.TILE_LENGTH and tag.number]
    if widths and heights and max(widths) * max(heights) > limits.max_pixels:
        check_size((max(widths), max(heights)), limits, "a TIFF tile")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")
