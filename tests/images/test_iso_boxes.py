"""Boxes of AVIF, HEIC and JPEG XL: how far they reach, and whether the samples in them are there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.images import iso_boxes
from image_assets.images.decode import decode
from image_assets.images.header import MAX_PARTS
from image_assets.images.reasons import Reason, Rejected
from image_assets.settings.stages import Limits
from tests.ingest.images import any_format, exif, heic, jxl, picture

PICTURE = picture()
FILES = {
    "avif": any_format(PICTURE, "avif"),
    "heic": heic(PICTURE, PICTURE[::-1], exif=exif(6).tobytes()),
    "jxl": jxl(PICTURE, exif=exif(6).tobytes()),
}


def box(name: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + name + content


@pytest.mark.parametrize("name", FILES)
def test_the_boxes_of_a_whole_file_reach_to_its_end_and_those_of_a_cut_one_beyond(name: str) -> None:
    content = FILES[name]
    assert iso_boxes.end_of_boxes(content) == len(content)
    assert iso_boxes.end_of_boxes(content[:-1]) == len(content)
    assert iso_boxes.end_of_boxes(content + b"more") > len(content)


def test_long_boxes_and_one_without_an_end_are_followed() -> None:
    long = (1).to_bytes(4, "big") + b"mdat" + (24).to_bytes(8, "big") + bytes(8)
    assert iso_boxes.end_of_boxes(long + box(b"free", b"")) == 32
    assert iso_boxes.end_of_boxes(box(b"ftyp", b"abcd") + bytes(4) + b"mdat" + bytes(99)) == 12 + 8 + 99


def test_the_sizes_are_those_of_all_pictures() -> None:
    assert list(iso_boxes.claimed_sizes(FILES["avif"])) == [(64, 48)]
    assert list(iso_boxes.claimed_sizes(heic(picture(100, 70), thumbnails=[64]))) == [(70, 100), (64, 64)]
    assert list(iso_boxes.claimed_sizes(b"ispe" + bytes(99))) == []


@given(st.binary(max_size=400), st.sampled_from([b"", b"\0\0\1\x90meta\0\0\0\0\0\0\1\0iloc", FILES["heic"][:300]]))
def test_boxes_of_any_bytes_cover_them_and_samples_without_a_zero_are_all_there(
    content: bytes, beginning: bytes
) -> None:
    found = beginning + content
    assert iso_boxes.end_of_boxes(found) >= len(found)
    assert all(0 <= side < 2**32 for size in iso_boxes.claimed_sizes(found) for side in size)
    assert not iso_boxes.lacks_samples(found.replace(b"\0", b"\1"))
    iso_boxes.lacks_samples(found)  # ends, whatever the bytes say of themselves


def test_endless_pictures_are_refused() -> None:
    sizes = box(b"ispe", bytes(4) + (64).to_bytes(4, "big") * 2) * (MAX_PARTS + 2)
    with pytest.raises(Rejected) as rejected:
        decode(box(b"ftyp", b"heic") + box(b"meta", sizes), Limits())
    assert rejected.value.reason is Reason.TOO_MANY_PARTS
