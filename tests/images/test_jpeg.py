"""The fast reader of JPEG files: the same pixels as the thorough one, or none."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from image_assets.images import jpeg
from image_assets.images.decode import _read, decode
from image_assets.images.formats import ImageFormat
from image_assets.images.reasons import Reason, Rejected
from image_assets.settings.stages import Limits
from tests.ingest.images import encode, exif

PHOTO = Image.fromarray(skimage.data.chelsea()).resize((90, 60))


def thorough(content: bytes) -> np.ndarray:
    return _read(content, ImageFormat.JPEG, Limits())[0]


def fast(content: bytes, factor: int = 1) -> np.ndarray | None:
    frame = jpeg.ordinary_frame(content)
    return None if frame is None else jpeg.read(content, frame, factor)


@given(
    quality=st.integers(1, 100),
    subsampling=st.sampled_from(["4:4:4", "4:2:2", "4:2:0"]),
    progressive=st.booleans(),
    mode=st.sampled_from(["RGB", "L"]),
    orientation=st.integers(0, 9),
    size=st.tuples(st.integers(1, 90), st.integers(1, 60)),
)
def test_it_reads_the_pixels_of_the_thorough_reader(
    quality: int, subsampling: str, progressive: bool, mode: str, orientation: int, size: tuple[int, int]
) -> None:
    options = {"quality": quality, "subsampling": subsampling, "progressive": progressive, "exif": exif(orientation)}
    content = encode(PHOTO.resize(size).convert(mode), "JPEG", **options)
    pixels = fast(content)
    assert pixels is not None
    np.testing.assert_array_equal(pixels, thorough(content))


@given(data=st.data())
def test_damaged_files_are_read_alike_or_not_at_all(data: st.DataObject) -> None:
    content = bytearray(encode(PHOTO, "JPEG", progressive=data.draw(st.booleans()), exif=exif(6)))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(2, len(content) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(content[: data.draw(st.integers(4, len(content)))])
    pixels = fast(damaged)
    if pixels is not None:
        np.testing.assert_array_equal(pixels, thorough(damaged))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(encode(PHOTO.convert("CMYK"), "JPEG"), id="cmyk"),
        pytest.param(encode(PHOTO, "JPEG", keep_rgb=True), id="components that are RGB"),
        pytest.param(encode(PHOTO, "PNG"), id="another format"),
        pytest.param(encode(PHOTO, "JPEG")[:100], id="no frame yet"),
        pytest.param(b"\xff\xd8\xff", id="only its beginning"),
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_the_thorough_reader(content: bytes) -> None:
    assert jpeg.ordinary_frame(content) is None


def test_a_truncated_file_is_left_to_the_thorough_reader_which_says_why() -> None:
    content = encode(PHOTO, "JPEG")[:-200]
    assert jpeg.ordinary_frame(content) is not None
    assert fast(content) is None
    with pytest.raises(Rejected) as refused:
        decode(content, Limits())
    assert refused.value.reason is Reason.TRUNCATED


@pytest.mark.parametrize("factor", jpeg.FACTORS)
def test_sides_are_divided_and_rounded_up(factor: int) -> None:
    pixels = fast(encode(PHOTO.resize((71, 33)), "JPEG", exif=exif(6)), factor)
    assert pixels is not None
    assert pixels.shape == (-(-71 // factor), -(-33 // factor), 3)


def test_limits_are_held_before_anything_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jpeg, "read", None)
    with pytest.raises(Rejected) as refused:
        decode(encode(PHOTO, "JPEG"), Limits(max_side=80))
    assert refused.value.reason is Reason.SIDE_TOO_LONG
