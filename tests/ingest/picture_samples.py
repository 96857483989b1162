"""Named pictures of the kinds that people have, and what the door makes of each: a table in `what-is-accepted.md`.

The table is written by `tests.ingest.accepted_page`.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

import numpy as np
from PIL import Image

from image_assets.images.reasons import Reason
from tests.ingest.images import chunk, encode, exif, grey_tiff, heic, jxl, jxl_of_jpeg, picture, png
from tests.ingest.picture_files import Tags, after_start, bmp16, bmp32, interlaced, page, segment, tiff_of

PICTURE = picture(96, 128)
GREY = PICTURE[..., 0]
_IMAGE = Image.fromarray(PICTURE)
_SIDEWAYS = _IMAGE.transpose(Image.Transpose.ROTATE_90)  # orientation 6 puts it upright
_LONG = zlib.compress(b"step " * 300_000)  # 1.5 MB of text
_HALF_SEEN = np.where(np.arange(128) < 64, 255, 0).astype(np.uint8)[None].repeat(96, 0)

END = b"\xff\xd9"


class Sample(NamedTuple):
    """A file and what becomes of it.

    Attributes:
        kind: The format.
        name: What is special about the file.
        content: The file.
        refused: Why it is; None where it is loaded.
        shown: uint8 [height, width, 3], what is seen of a loaded one.
        within: Mean difference in 0 to 255 that the format's losses may make.
    """

    kind: str
    name: str
    content: bytes
    refused: Reason | None = None
    shown: np.ndarray = PICTURE
    within: float = 0


def grey_shown(values: np.ndarray) -> np.ndarray:
    return values[..., None].repeat(3, -1)


def over_white(alpha: np.ndarray, rgb: np.ndarray = PICTURE) -> np.ndarray:
    """The picture where alpha is 255, white where it is 0."""
    return np.where(alpha[..., None] == 255, rgb, 255).astype(np.uint8)


def _exif_segment(orientation: int) -> bytes:
    return segment(0xE1, exif(orientation).tobytes())


JPEGS = {
    "baseline": encode(_IMAGE, "JPEG", quality=95),
    "progressive": encode(_IMAGE, "JPEG", quality=95, progressive=True),
    "with restart markers": encode(_IMAGE, "JPEG", quality=95, restart_marker_rows=1),
    "greyscale": encode(GREY, "JPEG", quality=95),
    "CMYK": encode(_IMAGE.convert("CMYK"), "JPEG", quality=95),
    "of RGB components": encode(_IMAGE, "JPEG", quality=95, keep_rgb=True),
}


def _jpegs() -> list[Sample]:
    def loaded(name: str, content: bytes, shown: np.ndarray = PICTURE) -> Sample:
        return Sample("JPEG", name, content, shown=shown, within=4)

    plain = JPEGS["baseline"]
    sideways = encode(_SIDEWAYS, "JPEG", quality=95)
    xmp = b'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><rdf:Description tiff:Orientation="8"/></x:xmpmeta>'
    table = plain.index(b"\xff\xdb")
    found = []
    for name, content in JPEGS.items():
        shown = grey_shown(GREY) if name == "greyscale" else PICTURE
        found += [
            loaded(name, content, shown),
            loaded(f"{name}, without its end mark", content[:-2], shown),
            Sample("JPEG", f"{name}, half of it", content[: len(content) // 2], Reason.TRUNCATED),
            Sample("JPEG", f"{name}, half of it and an end mark", content[: len(content) // 2] + END, Reason.TRUNCATED),
        ]
    scan = JPEGS["progressive"].rindex(b"\xff\xc4")  # the tables of the last scan
    return [
        *found,
        loaded("with bytes after its end", plain + b"more \xff\xd8\xff bytes"),
        loaded(
            "two pictures in one file (MPO): the first", encode(_IMAGE, "MPO", save_all=True, append_images=[_SIDEWAYS])
        ),
        loaded("foreign bytes between its segments", plain[:table] + b"junk" + plain[table:]),
        loaded("fill bytes before its markers", plain[:table] + b"\xff\xff\xff" + plain[table:]),
        loaded("a colour profile in several parts", encode(_IMAGE, "JPEG", quality=95, icc_profile=bytes(200_000))),
        loaded("EXIF orientation", after_start(sideways, _exif_segment(6))),
        loaded(
            "EXIF orientation behind other segments",
            after_start(sideways, segment(0xE2, bytes(900)) + _exif_segment(6)),
        ),
        loaded("two EXIF blocks: the first counts", after_start(sideways, _exif_segment(6) + _exif_segment(3))),
        loaded("orientation in XMP, which does not count", after_start(plain, segment(0xE1, xmp))),
        Sample(
            "JPEG",
            "foreign bytes, half of it and an end mark",
            plain[:table] + b"junk" + plain[table:1500] + END,
            Reason.TRUNCATED,
        ),
        Sample(
            "JPEG", "half of it, zeros instead of the rest", plain[:1500] + bytes(len(plain) - 1500), Reason.TRUNCATED
        ),
        Sample(
            "JPEG", "progressive, without its last scan and its end mark", JPEGS["progressive"][:scan], Reason.TRUNCATED
        ),
        Sample(
            "JPEG",
            "of 12 bits a sample",
            plain.replace(b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"),
            Reason.UNSUPPORTED_FORMAT,
        ),
        Sample("JPEG", "lossless", plain.replace(b"\xff\xc0\0\x11", b"\xff\xc3\0\x11"), Reason.UNSUPPORTED_FORMAT),
    ]


def _pngs() -> list[Sample]:
    plain = encode(_IMAGE, "PNG")
    at = plain.index(b"IDAT") - 4
    middle = (at + len(plain)) // 2
    text = chunk(b"tEXt", b"Comment\0hello")

    def with_chunk(extra: bytes) -> bytes:
        return plain[:at] + extra + plain[at:]

    rows = [row.tobytes() for row in PICTURE]
    # The corner of the picture is the only place where all channels are 250.
    corner = over_white(np.where((PICTURE == 250).all(-1), 0, 255))
    grey_key = np.where(GREY == 250, 255, GREY).astype(np.uint8)
    palette = _IMAGE.quantize(16)
    index, colours = np.asarray(palette), np.asarray(palette.convert("RGB"))
    flipped = bytearray(plain)
    flipped[middle] ^= 255
    short = png((128, 96), 8, 2, rows[:48])
    return [
        Sample("PNG", "RGB", plain),
        Sample("PNG", "interlaced", interlaced(GREY), shown=grey_shown(GREY)),
        Sample(
            "PNG",
            "animated (APNG): the default image",
            encode(_IMAGE, "PNG", save_all=True, append_images=[_SIDEWAYS.resize((128, 96))]),
        ),
        Sample(
            "PNG",
            "16 bits: the high byte",
            png((128, 96), 16, 0, [(row.astype(">u2") * 257).tobytes() for row in GREY]),
            shown=grey_shown(GREY),
        ),
        Sample("PNG", "compressed text of more than a megabyte", with_chunk(chunk(b"zTXt", b"workflow\0\0" + _LONG))),
        Sample(
            "PNG", "XMP of more than a megabyte", with_chunk(chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + _LONG))
        ),
        Sample("PNG", "a colour profile of more than a megabyte", with_chunk(chunk(b"iCCP", b"printer\0\0" + _LONG))),
        Sample("PNG", "a wrong checksum of a comment", with_chunk(text[:-1] + bytes([text[-1] ^ 1]))),
        Sample("PNG", "a program's own chunk", with_chunk(chunk(b"prVt", bytes(99)))),
        Sample("PNG", "with bytes after its end", plain + b"more bytes"),
        Sample("PNG", "without its end mark (IEND)", plain[:-12]),
        Sample("PNG", "EXIF orientation", encode(_SIDEWAYS, "PNG", exif=exif(6))),
        Sample(
            "PNG",
            "a transparent colour, RGB",
            png((128, 96), 8, 2, rows, chunk(b"tRNS", struct.pack(">HHH", 250, 250, 250))),
            shown=corner,
        ),
        Sample(
            "PNG",
            "a transparent colour, greyscale",
            png((128, 96), 8, 0, [row.tobytes() for row in GREY], chunk(b"tRNS", b"\0\xfa")),
            shown=grey_shown(grey_key),
        ),
        Sample(
            "PNG",
            "a transparent palette entry",
            encode(palette, "PNG", transparency=3),
            shown=over_white(np.where(index == 3, 0, 255), colours),
        ),
        Sample("PNG", "alpha", encode(np.dstack([PICTURE, _HALF_SEEN]), "PNG"), shown=over_white(_HALF_SEEN)),
        Sample("PNG", "half of it", plain[:middle], Reason.TRUNCATED),
        Sample("PNG", "half of its rows, and its end mark", short, Reason.TRUNCATED),
        Sample("PNG", "a wrong checksum of its samples", bytes(flipped), Reason.CORRUPT),
    ]


def _webps() -> list[Sample]:
    lossless = encode(_IMAGE, "WEBP", lossless=True)
    body = lossless[12:]
    extended = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (127).to_bytes(3, "little") + (95).to_bytes(3, "little")
    unknown = extended + body + b"ABCD" + struct.pack("<I", 6) + b"secret"
    animated = encode(_IMAGE, "WEBP", save_all=True, append_images=[_SIDEWAYS.resize((128, 96))], lossless=True)
    return [
        Sample("WebP", "lossy", encode(_IMAGE, "WEBP", quality=95), within=4),
        Sample("WebP", "lossless", lossless),
        Sample(
            "WebP",
            "alpha",
            encode(np.dstack([PICTURE, _HALF_SEEN]), "WEBP", lossless=True),
            shown=over_white(_HALF_SEEN),
        ),
        Sample("WebP", "animated: the first frame", animated),
        Sample("WebP", "EXIF orientation", encode(_SIDEWAYS, "WEBP", lossless=True, exif=exif(6))),
        Sample("WebP", "a chunk that nobody knows", b"RIFF" + struct.pack("<I", 4 + len(unknown)) + b"WEBP" + unknown),
        Sample("WebP", "with bytes after its end", lossless + b"more bytes"),
        Sample("WebP", "half of it", lossless[: len(lossless) // 2], Reason.TRUNCATED),
    ]


def _gifs() -> list[Sample]:
    palette = _IMAGE.quantize(64)
    colours = np.asarray(palette.convert("RGB"))
    plain = encode(palette, "GIF")
    seen = over_white(np.where(np.asarray(palette) == 3, 0, 255), colours)
    return [
        Sample("GIF", "plain", plain, shown=colours),
        Sample(
            "GIF",
            "animated: the first frame",
            encode(palette, "GIF", save_all=True, append_images=[_SIDEWAYS]),
            shown=colours,
        ),
        Sample("GIF", "a comment", encode(palette, "GIF", comment=b"hello" * 99), shown=colours),
        Sample("GIF", "a transparent colour", encode(palette, "GIF", transparency=3), shown=seen),
        Sample("GIF", "without its end mark", plain[:-1], shown=colours),
        Sample("GIF", "half of it", plain[: len(plain) // 2], Reason.TRUNCATED),
    ]


def _bmps() -> list[Sample]:
    body = PICTURE[::-1, :, ::-1].tobytes()
    os2 = b"BM" + struct.pack("<IHHIIHHHH", 26 + len(body), 0, 0, 26, 12, 128, 96, 1, 24) + body
    runs = b"".join(b"".join(bytes((2, int(a))) for a in row[::2]) + b"\0\0" for row in GREY[::-1] // 4) + b"\0\1"
    header = struct.pack("<IiiHHIIiiII", 40, 128, 96, 1, 8, 1, len(runs), 0, 0, 64, 64)
    table = b"".join(bytes((4 * i, 4 * i, 4 * i, 0)) for i in range(64))
    run_length = b"BM" + struct.pack("<IHHI", 54 + 256 + len(runs), 0, 0, 54 + 256) + header + table + runs
    shown = grey_shown((GREY // 4 * 4)[:, ::2].repeat(2, 1))
    plain = encode(_IMAGE, "BMP")
    return [
        Sample("BMP", "24 bits", plain),
        Sample("BMP", "of OS/2", os2),
        Sample("BMP", "run-length encoded", run_length, shown=shown),
        Sample("BMP", "from the top", bmp32(PICTURE, np.full((96, 128), 255, np.uint8), top_down=True)),
        Sample("BMP", "alpha", bmp32(PICTURE, _HALF_SEEN), shown=over_white(_HALF_SEEN)),
        Sample("BMP", "alpha that is 0 everywhere: no alpha", bmp32(PICTURE, np.zeros((96, 128), np.uint8))),
        Sample("BMP", "16 bits with masks for 4 bits a channel", bmp16((0xF00, 0xF0, 0xF)), Reason.UNSUPPORTED_FORMAT),
        Sample("BMP", "half of it", plain[: len(plain) // 2], Reason.TRUNCATED),
    ]


_REDUCED: Tags = {254: (4, [1])}
_PREVIEW = np.ascontiguousarray(PICTURE[::4, ::4])
_SENSOR = page(GREY.astype("<u2") * 64, {262: (3, [32803])})


def _tiffs() -> list[Sample]:
    alpha = np.dstack([PICTURE, _HALF_SEEN])
    associated = np.dstack([np.where(_HALF_SEEN[..., None] == 255, PICTURE, 0).astype(np.uint8), _HALF_SEEN])
    in_floats = (PICTURE / 255).astype(np.float32)
    plain = encode(_IMAGE, "TIFF")
    jpeg = encode(_IMAGE, "TIFF", compression="jpeg", quality=95)
    one_strip_of = struct.pack("<HHI", 279, 4, 1)
    (length,) = struct.unpack_from("<I", jpeg, jpeg.index(one_strip_of) + 8)
    halved = jpeg.replace(one_strip_of + struct.pack("<I", length), one_strip_of + struct.pack("<I", length // 2))
    raw = {
        "raw camera file (DNG)": [page(_PREVIEW, {**_REDUCED, 50706: (4, [0x0401])}, [_SENSOR])],
        "raw camera file (Nikon NEF)": [page(_PREVIEW, {**_REDUCED, 271: (2, b"NIKON CORPORATION\0")}, [_SENSOR])],
        "raw camera file (Pentax PEF)": [page(GREY, {262: (3, [32803]), 271: (2, b"PENTAX\0")})],
        "raw camera file (Sony ARW)": [page(_PREVIEW, {271: (2, b"SONY\0")}, [_SENSOR])],
    }
    return [
        Sample("TIFF", "uncompressed", plain),
        Sample("TIFF", "LZW", encode(_IMAGE, "TIFF", compression="tiff_lzw")),
        Sample("TIFF", "deflate", encode(_IMAGE, "TIFF", compression="tiff_adobe_deflate")),
        Sample("TIFF", "JPEG within", jpeg, within=4),
        Sample("TIFF", "big-endian", grey_tiff(GREY, ">"), shown=grey_shown(GREY)),
        Sample("TIFF", "BigTIFF", encode(_IMAGE, "TIFF", big_tiff=True)),
        Sample("TIFF", "16 bits: the high byte", grey_tiff(GREY.astype(np.uint16) * 257), shown=grey_shown(GREY)),
        Sample("TIFF", "floating-point, 0 to 1", grey_tiff((GREY / 255).astype(np.float32)), shown=grey_shown(GREY)),
        Sample("TIFF", "alpha", tiff_of([page(alpha, {338: (3, [2])})]), shown=over_white(_HALF_SEEN)),
        Sample(
            "TIFF", "premultiplied alpha", tiff_of([page(associated, {338: (3, [1])})]), shown=over_white(_HALF_SEEN)
        ),
        Sample("TIFF", "orientation", encode(_SIDEWAYS, "TIFF", exif=exif(6))),
        Sample("TIFF", "several pages: the first", encode(_IMAGE, "TIFF", save_all=True, append_images=[_SIDEWAYS])),
        Sample(
            "TIFF", "reduced copies after the picture (pyramid)", tiff_of([page(PICTURE), page(_PREVIEW, _REDUCED)])
        ),
        Sample("TIFF", "a reduced copy before the picture", tiff_of([page(_PREVIEW, _REDUCED), page(PICTURE)])),
        Sample(
            "TIFF",
            "a reduced copy on its side before the picture",
            tiff_of([page(_PREVIEW, {**_REDUCED, 274: (3, [6])}), page(PICTURE)]),
        ),
        Sample("TIFF", "half of it", plain[: len(plain) // 2], Reason.TRUNCATED),
        Sample(
            "TIFF",
            "a reduced copy, the picture in a sub-directory",
            tiff_of([page(_PREVIEW, _REDUCED, [page(PICTURE)])]),
            Reason.UNSUPPORTED_FORMAT,
        ),
        Sample(
            "TIFF",
            "floating-point, in colour",
            tiff_of([page(in_floats, {339: (3, [3] * 3)})]),
            Reason.UNSUPPORTED_FORMAT,
        ),
        Sample("TIFF", "JPEG within, half of its samples", halved, Reason.TRUNCATED),
        *(Sample("TIFF", name, tiff_of(pages), Reason.UNSUPPORTED_FORMAT) for name, pages in raw.items()),
    ]


_SEEN_ALPHA = np.dstack([PICTURE, _HALF_SEEN])


def unwritten(content: bytes) -> bytes:
    """What a broken download leaves in a file that was given its length before: zeros instead of the last third."""
    kept = len(content) * 2 // 3
    return content[:kept] + bytes(len(content) - kept)


def _avifs() -> list[Sample]:
    def loaded(name: str, content: bytes, shown: np.ndarray = PICTURE) -> Sample:
        return Sample("AVIF", name, content, shown=shown, within=4)

    plain = encode(_IMAGE, "AVIF", quality=90)
    turned = encode(_SIDEWAYS, "AVIF", quality=90, exif=exif(6))
    return [
        loaded("plain", plain),
        loaded("greyscale", encode(GREY, "AVIF", quality=90), grey_shown(GREY)),
        loaded("alpha", encode(_SEEN_ALPHA, "AVIF", quality=90), over_white(_HALF_SEEN)),
        loaded("turned by its own properties", turned),
        loaded(
            "animated: the first frame",
            encode(_IMAGE, "AVIF", save_all=True, append_images=[Image.new("RGB", (128, 96))]),
        ),
        loaded("with bytes after its end", plain + b"more bytes"),
        Sample("AVIF", "half of it", plain[: len(plain) // 2], Reason.TRUNCATED),
        Sample("AVIF", "zeros instead of its last third", unwritten(plain), Reason.TRUNCATED),
    ]


def _heics() -> list[Sample]:
    def loaded(name: str, content: bytes, shown: np.ndarray = PICTURE) -> Sample:
        return Sample("HEIC", name, content, shown=shown, within=4)

    plain = heic(_IMAGE, quality=90)
    deep = Image.fromarray(GREY.astype(np.uint16) * 257)
    return [
        loaded("plain", plain),
        loaded("greyscale of 10 bits", heic(deep, quality=90), grey_shown(GREY)),
        loaded("alpha", heic(_SEEN_ALPHA, quality=90), over_white(_HALF_SEEN)),
        loaded("turned by its own properties", heic(_SIDEWAYS, quality=90, exif=exif(6).tobytes())),
        loaded(
            "several pictures: the one that it calls the first", heic(_SIDEWAYS, _IMAGE, quality=90, primary_index=1)
        ),
        loaded("with a thumbnail", heic(_IMAGE, quality=90, thumbnails=[64])),
        loaded("with bytes after its end", plain + b"more bytes"),
        Sample("HEIC", "half of it", plain[: len(plain) // 2], Reason.TRUNCATED),
        Sample("HEIC", "zeros instead of its last third", unwritten(plain), Reason.TRUNCATED),
    ]


def _jxls() -> list[Sample]:
    def loaded(name: str, content: bytes, shown: np.ndarray = PICTURE, within: float = 4) -> Sample:
        return Sample("JPEG XL", name, content, shown=shown, within=within)

    bare, boxed = jxl(PICTURE), jxl(PICTURE, exif=exif(3).tobytes())
    turned = after_start(encode(_SIDEWAYS, "JPEG", quality=95), _exif_segment(6))
    return [
        loaded("bare codestream", bare),
        loaded("in a container", boxed),
        loaded("lossless", jxl(PICTURE, lossless=True), within=0),
        loaded("greyscale", jxl(GREY), grey_shown(GREY)),
        loaded("alpha", jxl(_SEEN_ALPHA), over_white(_HALF_SEEN)),
        loaded("made of a JPEG, which has an orientation", jxl_of_jpeg(turned)),
        loaded("with bytes after its end", bare + b"more bytes"),
        Sample("JPEG XL", "in a container, half of it", boxed[: len(boxed) // 2], Reason.TRUNCATED),
        Sample(
            "JPEG XL",
            "bare codestream, which does not tell its length, half of it",
            bare[: len(bare) // 2],
            Reason.CORRUPT,
        ),
        Sample("JPEG XL", "zeros instead of its last third", unwritten(bare), Reason.CORRUPT),
    ]


SAMPLES = [*_jpegs(), *_pngs(), *_webps(), *_gifs(), *_bmps(), *_tiffs(), *_avifs(), *_heics(), *_jxls()]
