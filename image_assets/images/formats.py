"""Tells image formats apart by their first bytes; file names and media types are never asked.

Formats that are not accepted are known by name too, so that their rejection can say what they are.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import get_args

from image_assets.settings.stages import FormatName


class ImageFormat(StrEnum):
    """What `sniff` can recognise; the first nine are `ACCEPTED`."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    BMP = "bmp"
    TIFF = "tiff"
    AVIF = "avif"
    HEIC = "heic"
    JPEG_XL = "jxl"
    CANON_CR2 = "raw camera file (Canon CR2)"
    CANON_CR3 = "raw camera file (Canon CR3)"
    CANON_CRW = "raw camera file (Canon CRW)"
    DDS = "dds"
    EXR = "exr"
    FITS = "fits"
    FUJIFILM_RAF = "raw camera file (Fujifilm RAF)"
    ICNS = "icns"
    ICO = "ico"
    JPEG_2000 = "jpeg2000"
    MINOLTA_MRW = "raw camera file (Minolta MRW)"
    OLYMPUS_ORF = "raw camera file (Olympus ORF)"
    PANASONIC_RW2 = "raw camera file (Panasonic RW2)"
    PNM = "pnm"
    PSD = "psd"
    QOI = "qoi"
    RADIANCE = "radiance"
    SGI = "sgi"
    SIGMA_X3F = "raw camera file (Sigma X3F)"
    SVG = "svg"
    XCF = "xcf"


ACCEPTED = tuple(map(ImageFormat, get_args(FormatName)))

RAW_HINT = (
    "the sensor's data have to be developed: export the photo as JPEG or TIFF, or land the preview that most cameras "
    "put into the file (exiftool -b -JpgFromRaw FILE > FILE.jpg, or -PreviewImage)"
)
"""What to do with a raw camera file."""

# The second byte group of BMP is its header's length: "BM" alone would also be the start of many a text.
_BMP_HEADERS = b"|".join(re.escape(length.to_bytes(4, "little")) for length in (12, 16, 40, 52, 56, 64, 108, 124))

_MAGIC = {
    ImageFormat.JPEG: rb"\xff\xd8\xff",
    ImageFormat.PNG: rb"\x89PNG\r\n\x1a\n",
    ImageFormat.WEBP: rb"RIFF.{4}WEBP",
    ImageFormat.GIF: rb"GIF8[79]a",
    ImageFormat.BMP: rb"BM.{12}(" + _BMP_HEADERS + rb")",
    ImageFormat.CANON_CR2: rb"II\*\0.{4}CR\x02",  # a TIFF too, and the first of the two that fits counts
    ImageFormat.TIFF: rb"II[*+]\0|MM\0[*+]",  # + is BigTIFF
    ImageFormat.AVIF: rb".{4}ftyp(avi[fs]|m(if|sf)1.{4}(.{4}){0,7}avi[fs])",
    ImageFormat.CANON_CR3: rb".{4}ftypcrx ",
    ImageFormat.CANON_CRW: rb"II\x1a\0\0\0HEAPCCDR",
    ImageFormat.DDS: rb"DDS ",
    ImageFormat.EXR: rb"v/1\x01",
    ImageFormat.FITS: rb"SIMPLE  =",
    ImageFormat.FUJIFILM_RAF: rb"FUJIFILMCCD-RAW",
    ImageFormat.HEIC: rb".{4}ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)",
    ImageFormat.ICNS: rb"icns",
    ImageFormat.ICO: rb"\0\0[\x01\x02]\0(?!\0\0)",  # \x02 is a cursor
    ImageFormat.JPEG_2000: rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51",
    ImageFormat.JPEG_XL: rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n",
    ImageFormat.MINOLTA_MRW: rb"\0MRM",
    ImageFormat.OLYMPUS_ORF: rb"IIR[OS]|MMOR",
    ImageFormat.PANASONIC_RW2: rb"IIU\0",
    ImageFormat.PNM: rb"P[1-7][\s#]",
    ImageFormat.PSD: rb"8BPS",
    ImageFormat.QOI: rb"qoif",
    ImageFormat.RADIANCE: rb"#\?(RADIANCE|RGBE)",
    ImageFormat.SGI: rb"\x01\xda[\0\x01][\x01\x02]",
    ImageFormat.SIGMA_X3F: rb"FOVb",
    ImageFormat.SVG: rb"(\xef\xbb\xbf)?\s{0,99}<(svg|[?!].{0,900}<svg)",
    ImageFormat.XCF: rb"gimp xcf",
}
_ANY = re.compile(b"|".join(b"(?P<%s>%s)" % (f.name.encode(), magic) for f, magic in _MAGIC.items()), re.DOTALL)


_ARCHIVES = {
    "a zip archive, as office documents are too": b"PK\x03\x04",
    "a rar archive": b"Rar!\x1a\x07",
    "a 7z archive": b"7z\xbc\xaf\x27\x1c",
    "a cabinet archive": b"MSCF\0\0\0\0",
    "compressed by gzip": b"\x1f\x8b\x08",
    "compressed by bzip2": b"BZh",
    "compressed by xz": b"\xfd7zXZ\0",
    "compressed by zstd": b"\x28\xb5\x2f\xfd",
}


def archive_kind(content: bytes) -> str | None:
    """What the content is, in words, where it begins like an archive or a compressed file."""
    return next((kind for kind, magic in _ARCHIVES.items() if content.startswith(magic)), None)


def sniff(content: bytes) -> ImageFormat | None:
    """The format that the content begins like, or None where it is none that is known here.

    A format is a claim of the first bytes, not yet a picture: what follows may be damaged.
    """
    match = _ANY.match(content)
    if match is None:
        return None
    # Inner groups of a pattern have no name: the named ones that took part are exactly one.
    return next(ImageFormat[name] for name, found in match.groupdict().items() if found is not None)
