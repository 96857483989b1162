"""Every kind of pixel becomes upright, opaque, 8-bit RGB; compared with values computed here, not with Pillow's."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from image_assets.images.convert import to_rgb
from image_assets.images.decode import decode
from image_assets.images.reasons import Reason, Rejected
from image_assets.settings.stages import Limits
from tests.ingest.images import chunk, encode, exif, grey_tiff, picture, png

RAMP16 = np.arange(65_536, dtype=np.uint16).reshape(256, 256)


def pixels_of(content: bytes) -> np.ndarray:
    return decode(content, Limits()).pixels


def grey(values) -> np.ndarray:
    return np.repeat(np.asarray(values, np.uint8)[..., None], 3, axis=-1)


def over_white(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha[..., None] / 255
    return np.rint(rgb * share + 255 * (1 - share))


# --- 8 bits and fewer


@pytest.mark.parametrize("image_format", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "JPEG"])
def test_grey_has_three_equal_channels(image_format: str) -> None:
    options = {"lossless": True} if image_format == "WEBP" else {}
    found = pixels_of(encode(picture()[..., 0], image_format, **options))
    assert np.abs(found.astype(int) - grey(picture()[..., 0])).max() <= (4 if image_format == "JPEG" else 0)


@pytest.mark.parametrize("image_format", ["PNG", "BMP", "TIFF", "GIF"])
def test_one_bit_is_black_and_white(image_format: str) -> None:
    bits = picture()[..., 0] > 100
    assert np.array_equal(pixels_of(encode(Image.fromarray(bits), image_format)), grey(bits * 255))


@pytest.mark.parametrize("image_format", ["PNG", "BMP", "TIFF", "GIF"])
def test_palette_colours_are_looked_up(image_format: str) -> None:
    image = Image.fromarray(picture()).quantize(16)
    colours = np.array(image.getpalette(), np.uint8).reshape(-1, 3)
    assert np.array_equal(pixels_of(encode(image, image_format)), colours[np.asarray(image)])


def test_cmyk_is_converted_as_pillow_does() -> None:
    image = Image.fromarray(picture()).convert("CMYK")
    assert np.array_equal(pixels_of(encode(image, "TIFF")), np.asarray(image.convert("RGB")))
    assert np.abs(pixels_of(encode(image, "JPEG", quality=95)).astype(int) - picture()).mean() < 4


@pytest.mark.parametrize("mode", ["YCbCr", "LAB", "HSV", "RGBX"])
def test_other_colour_spaces_show_the_same_colours(mode: str) -> None:
    image = Image.fromarray(picture())
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.applyTransform(image, ImageCms.buildTransform(*profiles, "RGB", "LAB"))
        assert image is not None
    else:
        image = image.convert(mode)
    # TIFF has no HSV: it can only be handed over as an image.
    found = np.asarray(to_rgb(image, 1)) if mode == "HSV" else pixels_of(encode(image, "TIFF"))
    assert np.abs(found.astype(int) - picture()).mean() < 3


# --- transparency

ALPHA = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))


@pytest.mark.parametrize(
    ("image_format", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})]
)
def test_alpha_is_blended_with_white(image_format: str, options: dict) -> None:
    found = pixels_of(encode(np.dstack([picture(), ALPHA]), image_format, **options))
    assert np.abs(found - over_white(picture(), ALPHA)).max() <= 1
    assert (found[ALPHA == 0] == 255).all()
    assert np.array_equal(found[ALPHA == 255], picture()[ALPHA == 255])


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_grey_alpha_is_blended_with_white(image_format: str) -> None:
    image = Image.fromarray(picture()[..., 0])
    image.putalpha(Image.fromarray(ALPHA))
    assert np.abs(pixels_of(encode(image, image_format)) - over_white(grey(image.getchannel(0)), ALPHA)).max() <= 1


def test_premultiplied_alpha_and_palette_alpha_are_blended_with_white() -> None:
    image = Image.fromarray(np.dstack([picture(), np.full_like(ALPHA, 128)]))
    expected = over_white(picture(), np.full_like(ALPHA, 128))
    assert np.abs(np.asarray(to_rgb(image.convert("RGBa"), 1)) - expected).max() <= 2
    grey_alpha = Image.fromarray(picture()[..., 0])
    grey_alpha.putalpha(128)
    expected = over_white(grey(picture()[..., 0]), np.full_like(ALPHA, 128))
    assert np.abs(np.asarray(to_rgb(grey_alpha.convert("La"), 1)) - expected).max() <= 2
    palette = Image.fromarray(picture()).quantize(16)
    colours = np.asarray(palette.convert("RGB"))
    palette.putalpha(Image.fromarray(ALPHA))
    assert palette.mode == "PA"
    assert np.abs(pixels_of(encode(palette, "TIFF")) - over_white(colours, ALPHA)).max() <= 1


@pytest.mark.parametrize("image_format", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_white(image_format: str) -> None:
    image = Image.fromarray(picture()).quantize(16)
    index = np.asarray(image)
    found = pixels_of(encode(image, image_format, transparency=3))
    assert (found[index == 3] == 255).all()
    assert np.array_equal(found[index != 3], np.asarray(image.convert("RGB"))[index != 3])


def test_palette_entries_may_be_partly_transparent() -> None:
    image = Image.fromarray(picture()).quantize(4)
    found = pixels_of(encode(image, "PNG", transparency=bytes([0, 64, 128, 255])))
    alpha = np.array([0, 64, 128, 255], np.uint8)[np.asarray(image)]
    assert np.abs(found - over_white(np.asarray(image.convert("RGB")), alpha)).max() <= 1


@pytest.mark.parametrize(("depth", "row", "scale"), [(1, 0b01000000, 255), (2, 0b00011011, 85), (4, 0x01, 17)])
def test_the_transparent_grey_is_meant_in_the_files_own_depth(depth: int, row: int, scale: int) -> None:
    width = 8 // depth
    values = [row >> (8 - depth * (i + 1)) & (2**depth - 1) for i in range(width)]
    found = pixels_of(png((width, 1), depth, 0, [bytes([row])], chunk(b"tRNS", struct.pack(">H", 1))))
    assert np.array_equal(found, grey([[255 if value == 1 else value * scale for value in values]]))


def test_the_transparent_colour_of_16_bits_is_meant_in_16_bits() -> None:
    row = struct.pack(">6H", 0x1234, 0x5678, 0x9ABC, 0xBCBC, 0xDEDE, 0xF0F0)
    found = pixels_of(png((2, 1), 16, 2, [row], chunk(b"tRNS", row[:6])))
    assert found.tolist() == [[[255, 255, 255], [0xBC, 0xDE, 0xF0]]]
    row = struct.pack(">3H", 0x1234, 0x1235, 0x9ABC)
    found = pixels_of(png((3, 1), 16, 0, [row], chunk(b"tRNS", row[:2])))
    assert np.array_equal(found, grey([[255, 0x12, 0x9A]]))


# --- more than 8 bits


@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_grey_is_scaled_not_clipped(order) -> None:
    assert np.array_equal(pixels_of(encode(RAMP16, "PNG")), grey(RAMP16 // 256))
    assert np.array_equal(pixels_of(grey_tiff(RAMP16, order)), grey(RAMP16 // 256))


def test_16_bit_colour_is_scaled_as_16_bit_grey() -> None:
    row = RAMP16[::51, 7]
    content = png((len(row), 1), 16, 2, [np.repeat(row, 3).astype(">u2").tobytes()])
    assert np.array_equal(pixels_of(content), grey([row // 256]))


def test_12_bit_grey_reaches_white() -> None:
    # Two samples share three bytes, the high bits first.
    values = np.array([[0, 4095, 2048, 16]], np.uint16)
    packed = bytes.fromhex("000fff800010")
    content = grey_tiff(values, bits=12)[: -values.nbytes] + packed
    assert np.array_equal(pixels_of(content), grey([[0, 255, 128, 1]]))


def test_white_is_zero_is_turned_round_for_16_bits_as_for_8() -> None:
    assert np.array_equal(pixels_of(grey_tiff(RAMP16, photometric=0)), grey(255 - RAMP16 // 256))
    values = picture()[..., 0]
    assert np.array_equal(pixels_of(grey_tiff(values, photometric=0)), grey(255 - values))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([[0, 7, 255]], np.int32), [[0, 7, 255]]),
        (np.array([[0, 256]], np.int32), [[0, 255]]),
        (np.array([[-1000, 0, 1000]], np.int32), [[0, 128, 255]]),
        (np.array([[-(2**31), 2**31 - 1]], np.int32), [[0, 255]]),
        (np.array([[0, 2**31, 2**32 - 1]], np.uint32), [[0, 128, 255]]),
        (np.array([[-32_768, 32_767]], np.int16), [[0, 255]]),
        (np.array([[5000, 5000]], np.int32), [[0, 0]]),
        (np.array([[0, 0.5, 1]], np.float32), [[0, 128, 255]]),
        (np.array([[0.25, 0.25]], np.float32), [[64, 64]]),
        (np.array([[-1, 0, 3]], np.float32), [[0, 64, 255]]),
        (np.array([[-3e38, 3e38]], np.float32), [[0, 255]]),
        (np.array([[7, 7]], np.float32), [[0, 0]]),
        (np.array([[-1e-45, 0]], np.float32), [[0, 255]]),
    ],
)
def test_32_bit_values_keep_a_usual_range_or_are_stretched(values: np.ndarray, expected: list) -> None:
    assert np.array_equal(pixels_of(grey_tiff(values)), grey(expected))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_floats_must_be_finite(value: float) -> None:
    with pytest.raises(Rejected) as rejected:
        pixels_of(grey_tiff(np.array([[0, value, 1]], np.float32)))
    assert rejected.value.reason is Reason.NOT_FINITE


# --- orientation

TURNED = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, -1),
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize(
    ("image_format", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
def test_the_exif_orientation_is_applied(image_format: str, options: dict, orientation: int) -> None:
    stored = np.ascontiguousarray(TURNED[orientation](picture()))
    found = pixels_of(encode(stored, image_format, exif=exif(orientation), **options))
    assert found.shape == picture().shape
    assert np.abs(found.astype(int) - picture()).mean() < (6 if image_format == "JPEG" else 0.001)
    # The comparison tells them apart: without the tag the picture is not the same.
    left_alone = pixels_of(encode(stored, "PNG"))[:48, :48].astype(int)
    assert orientation == 1 or np.abs(left_alone - picture()[:48, :48]).mean() > 15


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"Exif\0\0",
        b"Exif\0\0junk that is no TIFF header",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff",
        b"Exif\0\0II+\0\x08\0\0\0" + b"\xff" * 8,
        b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\x09\0\0\0\0\0\0",
        b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\2\xff\xff\xff\xff\0\6\0\0\0\0\0\0",
    ],
)
def test_a_broken_exif_block_is_ignored(block: bytes) -> None:
    plain = encode(picture(), "JPEG")
    # As the first segment, so that no JFIF header is there to tell a resolution.
    content = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + plain[20:]
    assert np.array_equal(pixels_of(content), pixels_of(plain))
    assert np.array_equal(pixels_of(encode(picture(), "PNG", exif=block)), picture())
    assert np.array_equal(pixels_of(encode(picture(), "WEBP", lossless=True, exif=block)), picture())


def test_an_exif_block_may_begin_twice() -> None:
    stored = np.ascontiguousarray(TURNED[6](picture()))
    block = b"Exif\0\0" + exif(6).tobytes()
    assert np.array_equal(pixels_of(encode(stored, "WEBP", lossless=True, exif=block)), picture())
