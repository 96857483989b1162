"""Decoding for a model: orientation and colours as at the door, few pixels, features that stay close."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from image_assets.features import decode as scaled
from image_assets.features.decode import decode_at_least, prepared
from image_assets.features.extractor import Extractor, shared_extractor
from image_assets.images.decode import decode
from image_assets.images.reasons import Rejected
from image_assets.settings.stages import EfficientNetLite, Limits
from tests.ingest.images import encode

WHOLE = (10**6, 10**6)


def whole(width: int, height: int) -> tuple[int, int]:
    return width, height


def at_least(width: int, height: int):
    return lambda *_: (width, height)


def jpeg(picture: Image.Image, **options: object) -> bytes:
    file = BytesIO()
    picture.save(file, "JPEG", **options)
    return file.getvalue()


def oriented(picture: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[274] = orientation
    return jpeg(picture, exif=exif.tobytes())


PHOTO = Image.fromarray(skimage.data.chelsea())  # 451 × 300


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_seen_upright_at_any_scale(orientation: int) -> None:
    content = oriented(PHOTO, orientation)
    upright = decode(content, Limits()).pixels
    small = decode_at_least(content, lambda width, height: (width // 4, height // 4))
    assert small.size == (upright.shape[1], upright.shape[0])
    assert max(small.pixels.shape) == 113
    reduced = np.asarray(Image.fromarray(upright).resize(small.pixels.shape[1::-1], Image.Resampling.BOX))
    assert np.abs(small.pixels.astype(int) - reduced).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_whole_picture_is_the_door_s(orientation: int) -> None:
    content = oriented(PHOTO, orientation)
    np.testing.assert_array_equal(decode_at_least(content, whole).pixels, decode(content, Limits()).pixels)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(jpeg(PHOTO.convert("L")), id="grey"),
        pytest.param(jpeg(PHOTO.convert("CMYK")), id="cmyk"),
        pytest.param(jpeg(PHOTO, progressive=True), id="progressive"),
        pytest.param(jpeg(PHOTO, subsampling=0, quality=95), id="4:4:4"),
        pytest.param(jpeg(PHOTO, keep_rgb=True), id="components that are RGB"),
        pytest.param(jpeg(PHOTO, comment=b"x" * 300), id="comment"),
        pytest.param(jpeg(PHOTO) + b"trailing bytes", id="trailing bytes"),
        pytest.param(encode(PHOTO, "PNG"), id="png"),
        pytest.param(encode(PHOTO, "WEBP", lossless=True), id="webp"),
        pytest.param(encode(PHOTO.convert("P"), "GIF"), id="gif"),
        pytest.param(encode(PHOTO, "TIFF"), id="tiff"),
        pytest.param(encode(PHOTO, "BMP"), id="bmp"),
    ],
)
def test_every_kind_of_file_has_the_colours_of_the_door(content: bytes) -> None:
    expected = decode(content, Limits()).pixels
    np.testing.assert_array_equal(decode_at_least(content, whole).pixels, expected)
    small = decode_at_least(content, at_least(100, 60)).pixels
    reduced = np.asarray(Image.fromarray(expected).resize(small.shape[1::-1], Image.Resampling.BOX))
    assert np.abs(small.astype(int) - reduced).mean() < 4


def test_large_jpegs_are_really_decoded_at_a_fraction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaled, "decode", None)  # the door is not asked
    picture = decode_at_least(jpeg(PHOTO), at_least(100, 75))
    assert picture.pixels.shape == (75, 113, 3)
    assert picture.size == (451, 300)


@given(width=st.integers(1, 90), height=st.integers(1, 90), enough=st.tuples(st.integers(1, 120), st.integers(1, 120)))
def test_no_side_is_smaller_than_is_sufficient(width: int, height: int, enough: tuple[int, int]) -> None:
    pixels = decode_at_least(jpeg(Image.new("RGB", (width, height))), at_least(*enough)).pixels
    assert pixels.shape[1] >= min(width, enough[0])
    assert pixels.shape[0] >= min(height, enough[1])
    # And half of it would not have done.
    if pixels.shape[1::-1] != (-(-width // 8), -(-height // 8)):
        assert pixels.shape[1] / 2 < enough[0] + 1 or pixels.shape[0] / 2 < enough[1] + 1


def test_what_libjpeg_warns_of_is_left_to_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    content = jpeg(PHOTO)
    middle = len(content) // 2
    damaged = content[:middle] + b"\xff\xd3" + content[middle + 2 :]  # a restart marker where none may be
    try:
        expected = decode(damaged, Limits()).pixels
    except Rejected:
        with pytest.raises(Rejected):
            decode_at_least(damaged, at_least(50, 50))
    else:
        np.testing.assert_array_equal(decode_at_least(damaged, at_least(50, 50)).pixels, expected)


@given(data=st.data())
def test_bytes_that_are_no_image_are_refused_and_nothing_else(data: st.DataObject) -> None:
    content = bytearray(jpeg(PHOTO.resize((32, 24))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        picture = decode_at_least(content, at_least(8, 8))
    except Rejected:
        return
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.shape[2] == 3


def test_limits_that_were_lowered_since_do_not_take_a_loaded_picture_away() -> None:
    content = encode(PHOTO, "PNG")
    with pytest.raises(Rejected):
        decode(content, Limits(max_side=100))
    assert decode_at_least(content, at_least(50, 50)).pixels.shape == (300, 451, 3)


def cosines(extractor: Extractor, files: list[bytes]) -> np.ndarray:
    """Cosine of each picture's features to those of the picture decoded whole."""
    fast = extractor.infer(np.stack([prepared(content, extractor) for content in files]))
    full = extractor.infer(np.stack([extractor.prepare(decode(content, Limits()).pixels) for content in files]))
    return (fast * full).sum(1) / np.linalg.norm(fast, axis=1) / np.linalg.norm(full, axis=1)


def test_features_of_pictures_decoded_at_a_fraction_stay_close(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field", "retina")
    pictures = [Image.fromarray(getattr(skimage.data, name)()[..., :3]) for name in names]
    files = [jpeg(picture.resize((side, side * 3 // 4)), quality=85) for picture in pictures for side in (600, 1300)]
    extractor = shared_extractor(EfficientNetLite(kind="efficientnet_lite0"))
    close = cosines(extractor, files)
    assert close.mean() >= 0.99
    assert close.min() >= 0.97

    # The control: with every eighth pixel only, which a wrong factor would give, it shows.
    monkeypatch.setattr(scaled, "_factor", lambda *_: 8)
    assert cosines(extractor, files).min() < 0.97


def test_features_of_real_photos_stay_close(shared_data: Path) -> None:
    photos = sorted(shared_data.glob("photos/*/*.jpg"))[::9]
    extractor = shared_extractor(EfficientNetLite(kind="efficientnet_lite0"))
    close = cosines(extractor, [photo.read_bytes() for photo in photos])
    assert close.mean() >= 0.99
    assert close.min() >= 0.97


@pytest.mark.parametrize(
    ("content", "enough", "again"),
    [
        pytest.param(encode(PHOTO, "PNG"), (50, 50), [], id="png"),
        pytest.param(jpeg(PHOTO), WHOLE, [], id="jpeg, whole"),
        pytest.param(jpeg(PHOTO.convert("CMYK")), (50, 50), [], id="out of the ordinary"),
        pytest.param(jpeg(PHOTO), (50, 50), [4], id="jpeg, a fraction"),
        pytest.param(oriented(PHOTO, 6), (100, 150), [2], id="lies on its side, a fraction"),
    ],
)
def test_what_the_door_decoded_is_decoded_again_only_where_a_fraction_will_do(
    content: bytes, enough: tuple[int, int], again: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = decode_at_least(content, at_least(*enough))
    pixels = decode(content, Limits()).pixels
    factors: list[int] = []
    read = scaled.jpeg.read

    def decoded_again(*_: object) -> None:
        raise AssertionError("the whole picture was decoded a second time")

    monkeypatch.setattr(scaled, "decode", decoded_again)
    monkeypatch.setattr(scaled.jpeg, "read", lambda *given: factors.append(given[2]) or read(*given))
    found = decode_at_least(content, at_least(*enough), pixels)
    assert factors == again
    assert found.size == alone.size
    np.testing.assert_array_equal(found.pixels, alone.pixels)
