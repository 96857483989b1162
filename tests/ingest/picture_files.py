"""Writers of files of kinds that Pillow does not write."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tests.ingest.images import chunk


def segment(code: int, body: bytes) -> bytes:
    """A JPEG segment."""
    return struct.pack(">BBH", 0xFF, code, len(body) + 2) + body


def after_start(content: bytes, inserted: bytes) -> bytes:
    """A JPEG with something right after its first marker."""
    return content[:2] + inserted + content[2:]


def interlaced(values: np.ndarray) -> bytes:
    """An Adam7-interlaced greyscale PNG. Format: PNG specification, section 8.2."""
    passes = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
    rows = b"".join(b"\0" + row.tobytes() for y, x, dy, dx in passes for row in values[y::dy, x::dx])
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 8, 0, 0, 0, 1)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def bmp32(rgb: np.ndarray, alpha: np.ndarray, top_down: bool = False) -> bytes:
    """A BMP of 32 bits a pixel with masks for all four channels (BITMAPV4HEADER)."""
    pixels = np.dstack([rgb[..., ::-1], alpha])
    height, width = alpha.shape
    body = (pixels if top_down else pixels[::-1]).tobytes()
    size = (width, -height if top_down else height)
    header = struct.pack("<IiiHHIIiiII", 108, *size, 1, 32, 3, len(body), 0, 0, 0, 0)
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000) + bytes(52)
    return b"BM" + struct.pack("<IHHI", 122 + len(body), 0, 0, 122) + header + masks + body


def bmp16(masks: tuple[int, int, int]) -> bytes:
    """A black BMP of 16 bits a pixel with masks for its three channels."""
    body = bytes(8 * 8 * 2)
    header = struct.pack("<IiiHHIIiiII", 40, 8, 8, 1, 16, 3, len(body), 0, 0, 0, 0) + struct.pack("<III", *masks)
    return b"BM" + struct.pack("<IHHI", 66 + len(body), 0, 0, 66) + header + body


Tags = Mapping[int, tuple[int, Sequence[int] | bytes]]


class Page(NamedTuple):
    """A page of a TIFF: its tags but those of place and length (type 2 text, 3 SHORT, 4 LONG), samples, sub-pages."""

    tags: Tags
    samples: bytes
    sub_pages: Sequence[Page] = ()


def tiff_of(pages: Sequence[Page]) -> bytes:
    """A little-endian TIFF of several pages."""
    file = bytearray(b"II*\0\0\0\0\0")

    def add(data: bytes) -> int:
        at = len(file)
        file.extend(data + bytes(len(data) % 2))
        return at

    def write(page: Page) -> tuple[int, int]:
        """Where the directory is, and where its link to the next one."""
        tags = {**page.tags, 273: (4, [add(page.samples)]), 279: (4, [len(page.samples)])}
        if page.sub_pages:
            tags[330] = (4, [write(sub)[0] for sub in page.sub_pages])
        entries = b""
        for tag, (kind, values) in sorted(tags.items()):
            data = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{'HI'[kind - 3]}", *values)
            entries += struct.pack("<HHI", tag, kind, len(values))
            entries += data.ljust(4, b"\0") if len(data) <= 4 else struct.pack("<I", add(data))
        at = add(struct.pack("<H", len(tags)) + entries + bytes(4))
        return at, at + 2 + len(entries)

    link = 4
    for page in pages:
        at, following = write(page)
        struct.pack_into("<I", file, link, at)
        link = following
    return bytes(file)


def page(pixels: np.ndarray, more: Tags | None = None, sub_pages: Sequence[Page] = ()) -> Page:
    """An uncompressed page of the pixels."""
    height, width = pixels.shape[:2]
    bands = pixels.shape[2] if pixels.ndim == 3 else 1
    bits = [pixels.itemsize * 8] * bands
    tags: Tags = {
        256: (4, [width]),
        257: (4, [height]),
        258: (3, bits),
        259: (3, [1]),
        262: (3, [2 if bands > 2 else 1]),
    }
    return Page({**tags, 277: (3, [bands]), 278: (4, [height]), **(more or {})}, pixels.tobytes(), sub_pages)
