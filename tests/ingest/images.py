"""Generators of test images: real encodings by Pillow, and files written by hand that Pillow would not write."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, Literal

import numpy as np
from PIL import Image

# Width and height that a bomb claims: 3.6 billion pixels, more than any limit here.
BOMB_SIDE = 60_000


def picture(height: int = 48, width: int = 64) -> np.ndarray:
    """uint8 [height, width, 3]: smooth ramps and a bright corner, so that no flip or turn of it looks like another."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x + y) * 255 // (width + height)], axis=-1)
    pixels[: height // 3, : width // 4] = 250
    return pixels.astype(np.uint8)


def encode(image: np.ndarray | Image.Image, image_format: str, **options: Any) -> bytes:
    """A file of the format that Pillow writes, with its options of `save`."""
    file = BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(file, image_format, **options)
    return file.getvalue()


def heic(*pictures: np.ndarray | Image.Image, **options: Any) -> bytes:
    """A HEIC file of one picture or several, with the options of `save` that its coder has."""
    import pillow_heif

    file, pile = BytesIO(), pillow_heif.HeifFile()
    for one in pictures:
        pile.add_from_pillow(one if isinstance(one, Image.Image) else Image.fromarray(one))
    pile.save(file, **options)
    return file.getvalue()


def jxl(image: np.ndarray, **options: Any) -> bytes:
    """A JPEG XL file, with the options of its coder: a bare codestream, or with `exif` in a container."""
    import pylibjxl

    return pylibjxl.encode(image, **options)


def jxl_of_jpeg(content: bytes) -> bytes:
    """A JPEG XL file from which the JPEG can be had back."""
    import pylibjxl

    return pylibjxl.jpeg_to_jxl(content)


def jxl_bomb(side: int) -> bytes:
    """The header of a bare JPEG XL codestream of `side` × `side` pixels, least bit first, and nothing behind it."""
    # not small; the height's width is 18 bits, its value less 1; as wide as high; all else as is usual
    bits = 0 | 2 << 1 | side - 1 << 3 | 1 << 21 | 1 << 24
    return b"\xff\x0a" + bits.to_bytes(8, "little")


def claims(content: bytes, side: int) -> bytes:
    """An AVIF or HEIC file that claims another size."""
    return _patched(content, content.index(b"ispe") + 8, struct.pack(">II", side, side))


def any_format(image: np.ndarray, image_format: str) -> bytes:
    """A file of a format that the door takes, by its name there."""
    match image_format:
        case "heic":
            return heic(image)
        case "jxl":
            return jxl(image)
    return encode(image, image_format.upper())


def exif(orientation: int) -> Image.Exif:
    """An EXIF block with an orientation."""
    block = Image.Exif()
    block[274] = orientation
    return block


def chunk(name: bytes, body: bytes) -> bytes:
    """A PNG chunk."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(size: tuple[int, int], depth: int, colour_type: int, rows: Sequence[bytes], extra: bytes = b"") -> bytes:
    """A PNG of packed rows; `extra` are chunks between header and data."""
    header = struct.pack(">IIBBBBB", *size, depth, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


_TIFF_TYPES = {3: "H", 4: "I"}


def tiff(tags: Mapping[int, tuple[int, Sequence[int]]], data: bytes, order: str = "<", parts: int = 1) -> bytes:
    """A TIFF of one directory: tag → (type 3 SHORT or 4 LONG, values).

    `data` are the samples: strips of equal length or, where the tags have a tile width, tiles.
    """
    places = (324, 325) if 322 in tags else (273, 279)
    tags = {**tags, places[0]: (4, [0] * parts), places[1]: (4, [len(data) // parts] * parts)}
    packed = {tag: struct.pack(f"{order}{len(v)}{_TIFF_TYPES[t]}", *v) for tag, (t, v) in tags.items()}
    beyond = 8 + 2 + 12 * len(tags) + 4
    samples_at = beyond + sum(len(p) for p in packed.values() if len(p) > 4)
    offsets = (samples_at + i * len(data) // parts for i in range(parts))
    packed[places[0]] = struct.pack(f"{order}{parts}I", *offsets)
    entries = lists = b""
    for tag in sorted(tags):
        inline = packed[tag]
        if len(inline) > 4:
            inline, lists = struct.pack(order + "I", beyond + len(lists)), lists + inline
        entries += struct.pack(order + "HHI", tag, tags[tag][0], len(tags[tag][1])) + inline.ljust(4, b"\0")
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(tags))
    return head + entries + bytes(4) + lists + data


def grey_tiff(
    values: np.ndarray, order: Literal["<", ">"] = "<", photometric: int = 1, bits: int | None = None
) -> bytes:
    """An uncompressed TIFF of one sample per pixel, of the array's type; `bits` where it is not the type's."""
    kinds = {"u": 1, "i": 2, "f": 3}
    return tiff(
        {
            256: (4, [values.shape[1]]),
            257: (4, [values.shape[0]]),
            258: (3, [bits or values.itemsize * 8]),
            259: (3, [1]),
            262: (3, [photometric]),
            277: (3, [1]),
            278: (4, [values.shape[0]]),
            339: (3, [kinds[values.dtype.kind]]),
        },
        values.astype(values.dtype.newbyteorder(order)).tobytes(),
        order,
    )


def deflated_tiff(size: tuple[int, int], samples: bytes, tile: tuple[int, int] | None = None) -> bytes:
    """A grey deflate-compressed TIFF that claims a size, and perhaps one tile of another size."""
    tiles = {322: (4, [tile[0]]), 323: (4, [tile[1]])} if tile else {278: (4, [size[1]])}
    tags = {256: (4, [size[0]]), 257: (4, [size[1]]), 258: (3, [8]), 259: (3, [8]), 262: (3, [1]), 277: (3, [1])}
    return tiff({**tags, **tiles}, zlib.compress(samples))


def gif(canvas: tuple[int, int], frame: tuple[int, int], before: bytes = b"") -> bytes:
    """A black and white GIF whose one frame claims a size and holds a single pixel; `before` are blocks ahead of it."""
    screen = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    return screen + before + b"," + struct.pack("<HHHHB", 0, 0, *frame, 0) + b"\x02\x02\x44\x01\x00;"


GIF_RESTORES_BACKGROUND = b"!\xf9\x04\x08\0\0\0\0"


def run_length_bmp(size: tuple[int, int]) -> bytes:
    """A run-length encoded BMP with a single pixel on every line: slow to expand, small to send."""
    body = b"\1\1\0\0" * size[1]
    header = struct.pack("<IiiHHIIiiII", 40, *size, 1, 8, 1, len(body), 0, 0, 4, 4)
    return b"BM" + struct.pack("<IHHI", 70 + len(body), 0, 0, 70) + header + bytes(range(16)) + body


def scanned_jpeg(scans: int) -> bytes:
    """A progressive JPEG whose last scan is repeated until it has that many."""
    content = encode(np.full((16, 16), 90, np.uint8), "JPEG", progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * (scans - content.count(b"\xff\xda") + 1) + b"\xff\xd9"


def _patched(content: bytes, at: int, data: bytes) -> bytes:
    return content[:at] + data + content[at + len(data) :]


def bombs() -> dict[str, bytes]:
    """Small files whose headers claim enormous pictures: name → content. The name begins with the format."""
    side = BOMB_SIDE
    small = picture(8, 8)
    jpeg, progressive = encode(small, "JPEG"), encode(small, "JPEG", progressive=True)
    bmp, lossless, lossy = encode(small, "BMP"), encode(small, "WEBP", lossless=True), encode(small, "WEBP")
    canvas = (side - 1).to_bytes(3, "little") * 2
    extended = b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas + lossless[12:]
    rows = [bytes(1000)]
    return {
        "jpeg": _patched(jpeg, jpeg.index(b"\xff\xc0") + 5, struct.pack(">HH", side, side)),
        "jpeg progressive": _patched(progressive, progressive.index(b"\xff\xc2") + 5, struct.pack(">HH", side, side)),
        "png 1 bit": png((side, side), 1, 0, rows),
        "png 64 bits": png((side, side), 16, 6, rows),
        "webp canvas": b"RIFF" + struct.pack("<I", 4 + len(extended)) + b"WEBP" + extended,
        # 14 bits a side: 144 million pixels, about which Pillow would only warn, and the most.
        "webp lossless": _patched(lossless, 21, struct.pack("<I", 11_999 | 11_999 << 14)),
        "webp lossy": _patched(lossy, 26, struct.pack("<HH", 16_383, 16_383)),
        "gif canvas": gif((65_535, 65_535), (1, 1)),
        "gif frame": gif((1, 1), (65_535, 65_535)),
        "gif frame that Pillow only warns of": gif((1, 1), (13_000, 13_000), GIF_RESTORES_BACKGROUND),
        "bmp": _patched(bmp, 18, struct.pack("<ii", side, side)),
        "bmp from the top": _patched(bmp, 18, struct.pack("<ii", side, -side)),
        "tiff": grey_tiff(np.zeros((1, 1), np.uint8)).replace(
            struct.pack("<HHII", 256, 4, 1, 1), struct.pack("<HHII", 256, 4, 1, 2**31 - 1)
        ),
        "tiff deflated": deflated_tiff((side, side), bytes(1000)),
        "tiff tile": deflated_tiff((16, 16), bytes(1000), tile=(32_768, 32_768)),
        "avif": claims(encode(small, "AVIF"), side),
        "heic": claims(heic(small), side),
        "jxl": jxl_bomb(side),
    }
