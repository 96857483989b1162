"""What content is, by its first bytes."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from image_assets.images.decode import decode
from image_assets.images.formats import ACCEPTED, ImageFormat, sniff
from image_assets.images.reasons import Reason, Rejected
from image_assets.settings.stages import FormatName, Limits
from tests.ingest.images import any_format, encode, grey_tiff, picture

OTHERS = {
    ImageFormat.CANON_CR2: b"II*\0\x10\0\0\0CR\x02\0",
    ImageFormat.CANON_CR3: b"\0\0\0\x18ftypcrx \0\0\0\1",
    ImageFormat.CANON_CRW: b"II\x1a\0\0\0HEAPCCDR\2\0\1\0",
    ImageFormat.DDS: b"DDS \x7c\0\0\0",
    ImageFormat.EXR: b"v/1\x01\x02\0\0\0",
    ImageFormat.FITS: b"SIMPLE  =                    T",
    ImageFormat.FUJIFILM_RAF: b"FUJIFILMCCD-RAW 0201",
    ImageFormat.ICNS: b"icns\0\0\1\0",
    ImageFormat.ICO: b"\0\0\1\0\1\0\x10\x10",
    ImageFormat.JPEG_2000: b"\0\0\0\x0cjP  \r\n\x87\n",
    ImageFormat.MINOLTA_MRW: b"\0MRM\0\0\1\0",
    ImageFormat.OLYMPUS_ORF: b"IIRO\x08\0\0\0",
    ImageFormat.PANASONIC_RW2: b"IIU\0\x18\0\0\0",
    ImageFormat.PNM: b"P6\n4 4\n255\n",
    ImageFormat.PSD: b"8BPS\0\1",
    ImageFormat.QOI: b"qoif\0\0\0\1",
    ImageFormat.RADIANCE: b"#?RADIANCE\n",
    ImageFormat.SGI: b"\x01\xda\1\1",
    ImageFormat.SIGMA_X3F: b"FOVb\0\0\2\0",
    ImageFormat.SVG: b'<?xml version="1.0"?>\n<!-- drawn by hand -->\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    ImageFormat.XCF: b"gimp xcf v011",
}


def test_every_known_format_is_tested() -> None:
    assert set(OTHERS) | set(ACCEPTED) == set(ImageFormat)


@pytest.mark.parametrize("image_format", ACCEPTED)
def test_an_accepted_format_is_recognised_and_accepted(image_format: ImageFormat) -> None:
    content = any_format(picture(), image_format)
    assert sniff(content) is image_format
    assert decode(content, Limits()).format == str(image_format)


@pytest.mark.parametrize("content", [b"GIF87a", b"MM\0*", b"II*\0", b"MM\0+\0\x08", b"II+\0\x08\0"])
def test_older_and_other_endian_kinds_are_recognised(content: bytes) -> None:
    assert sniff(content) in (ImageFormat.GIF, ImageFormat.TIFF)


def test_big_endian_and_big_tiff_are_decoded() -> None:
    assert decode(grey_tiff(picture()[..., 0], ">"), Limits()).format == "tiff"
    assert decode(encode(picture(), "TIFF", big_tiff=True), Limits()).format == "tiff"


@pytest.mark.parametrize("image_format", OTHERS)
def test_a_format_that_is_not_accepted_is_named(image_format: ImageFormat) -> None:
    with pytest.raises(Rejected, match=f"{re.escape(image_format)} is not accepted; accepted: jpeg, png") as rejected:
        decode(OTHERS[image_format], Limits())
    assert rejected.value.reason is Reason.UNSUPPORTED_FORMAT
    assert ("land the preview" in rejected.value.detail) == image_format.startswith("raw")


@pytest.mark.parametrize("image_format", ACCEPTED)
def test_a_dataset_lets_in_the_formats_that_it_names(image_format: ImageFormat) -> None:
    content = any_format(picture(), image_format)
    others: list[FormatName] = [name for name in get_args(FormatName) if name != image_format]
    assert decode(content, Limits(formats=(get_args(FormatName)[ACCEPTED.index(image_format)],))).pixels.any()
    with pytest.raises(
        Rejected, match=f"{image_format} is not among limits.formats, which are {', '.join(others)}"
    ) as no:
        decode(content, Limits(formats=tuple(others)))
    assert no.value.reason is Reason.FORMAT_NOT_LET_IN


@pytest.mark.parametrize(
    ("brands", "found"),
    [
        (b"avif\0\0\0\0mif1miaf", ImageFormat.AVIF),
        (b"mif1\0\0\0\0mif1avifmiaf", ImageFormat.AVIF),
        (b"msf1\0\0\0\0avis", ImageFormat.AVIF),
        (b"mif1\0\0\0\0mif1heicmiaf", ImageFormat.HEIC),
        (b"heix\0\0\0\0mif1", ImageFormat.HEIC),
        (b"crx \0\0\0\1crx isom", ImageFormat.CANON_CR3),
        (b"isom\0\0\0\0avif", None),
    ],
)
def test_what_lies_in_the_same_boxes_is_told_apart_by_its_brands(brands: bytes, found: ImageFormat | None) -> None:
    assert sniff((8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands) is found


@pytest.mark.parametrize(
    "content",
    [
        b"\xff",
        b"<!DOCTYPE html><html></html>",
        b"BMW, Audi and others: a list of cars",
        b"%PDF-1.7\n",
        b"\0" * 64,
        b"II",
    ],
)
def test_what_is_no_image_is_shown_by_its_first_bytes(content: bytes) -> None:
    with pytest.raises(Rejected) as rejected:
        decode(content, Limits())
    assert rejected.value.reason is Reason.NOT_AN_IMAGE
    assert repr(content[:16]) in rejected.value.detail
