"""The door as a whole: whatever the bytes, an image or a reason."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from image_assets.images.decode import decode
from image_assets.images.formats import ACCEPTED
from image_assets.images.reasons import Reason, Rejected
from image_assets.settings.stages import Limits
from tests.ingest.images import any_format, bombs, chunk, deflated_tiff, encode, exif, grey_tiff, picture, png, tiff

LIMITS = Limits()
# Elsewhere the warnings are silenced on import; pytest shows them all, and hostile files are full of them.
pytestmark = pytest.mark.filterwarnings("ignore:::PIL.TiffImagePlugin", "ignore:::PIL.PngImagePlugin")

# What mutated bytes may claim is kept small, so that the tests stay quick.
SMALL = Limits(max_pixels=100_000)

VALID = {
    **{str(f): any_format(picture(), f) for f in ACCEPTED},
    "jpeg progressive": encode(picture(), "JPEG", progressive=True, exif=exif(6)),
    "jpeg cmyk": encode(Image.fromarray(picture()).convert("CMYK"), "JPEG"),
    "png palette": encode(Image.fromarray(picture()).quantize(8), "PNG", transparency=b"\0\x80"),
    "png 16 bit": encode(np.arange(4096, dtype=np.uint16).reshape(64, 64) * 16, "PNG", exif=exif(3)),
    "png animated": encode(
        Image.fromarray(picture()), "PNG", save_all=True, append_images=[Image.fromarray(255 - picture())]
    ),
    "webp lossless": encode(np.dstack([picture(), picture()[..., :1]]), "WEBP", lossless=True, exif=exif(8)),
    "gif animated": encode(
        Image.fromarray(picture()), "GIF", save_all=True, append_images=[Image.fromarray(255 - picture())], disposal=2
    ),
    "bmp palette": encode(Image.fromarray(picture()).quantize(8), "BMP"),
    "tiff lzw": encode(picture(), "TIFF", compression="tiff_lzw"),
    "tiff jpeg": encode(picture(), "TIFF", compression="jpeg"),
    "tiff fax": encode(Image.fromarray(picture()[..., 0] > 99), "TIFF", compression="group4"),
    "tiff float": grey_tiff(picture()[..., 0].astype(np.float32)),
    "tiff big-endian": encode(picture(), "TIFF", big_tiff=True, exif=exif(5)),
}


def decode_or_reason(content: bytes, limits: Limits = LIMITS) -> np.ndarray | Reason:
    """Any other exception fails the test."""
    try:
        image = decode(content, limits)
    except Rejected as rejected:
        return rejected.reason
    assert image.pixels.dtype == np.uint8
    assert image.pixels.ndim == 3
    assert image.pixels.shape[2] == 3
    assert image.pixels.flags.c_contiguous
    return image.pixels


@pytest.mark.parametrize("name", VALID)
def test_a_plain_image_is_accepted_by_default(name: str) -> None:
    image = decode(VALID[name], LIMITS)
    assert image.format == name.split()[0]
    assert image.pixels.std() > 20


@pytest.mark.parametrize("image_format", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_give_the_very_pixels(image_format: str) -> None:
    options = {"lossless": True} if image_format == "WEBP" else {}
    assert np.array_equal(decode(encode(picture(), image_format, **options), LIMITS).pixels, picture())


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_several_pictures_the_first_is_taken(image_format: str) -> None:
    pages = [Image.fromarray(np.full((8, 9, 3), value, np.uint8)) for value in (10, 200, 90)]
    content = encode(pages[0], image_format, save_all=True, append_images=pages[1:])
    pixels = decode(content, LIMITS).pixels
    assert pixels.shape == (8, 9, 3)
    assert np.abs(pixels.astype(int) - 10).max() <= 2


def test_of_a_multi_picture_jpeg_the_first_is_taken_whatever_follows() -> None:
    first, second = (Image.fromarray(p) for p in (picture(), picture(8, 8)))
    content = encode(first, "MPO", save_all=True, append_images=[second])
    assert b"MPF\0" in content
    expected = decode(encode(first, "JPEG"), LIMITS).pixels
    assert np.array_equal(decode(content, LIMITS).pixels, expected)
    broken = content[: content.rindex(b"\xff\xd8") + 20]
    assert np.array_equal(decode(broken, LIMITS).pixels, expected)
    assert np.array_equal(decode(VALID["jpeg"] + b"trailing \xff\xd8\xff bytes", LIMITS).pixels, expected)


# --- nothing but Rejected, for any bytes


def rejected_or_within_limits(outcome: np.ndarray | Reason) -> bool:
    return isinstance(outcome, Reason) or outcome.shape[0] * outcome.shape[1] <= SMALL.max_pixels


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_rejected(content: bytes) -> None:
    assert isinstance(decode_or_reason(content, SMALL), Reason)


@given(st.sampled_from(sorted(VALID)), st.integers(2, 60), st.binary(max_size=100))
def test_arbitrary_bytes_after_a_real_beginning_are_an_image_or_rejected(name: str, kept: int, rest: bytes) -> None:
    assert rejected_or_within_limits(decode_or_reason(VALID[name][:kept] + rest, SMALL))


@settings(max_examples=400)
@given(st.data(), st.sampled_from(sorted(VALID)))
def test_mutated_files_are_an_image_or_rejected(data: st.DataObject, name: str) -> None:
    content = bytearray(VALID[name])
    # Headers are where the interesting bytes are.
    place = st.integers(0, 200) | st.integers(0, len(content) - 1)
    for at in data.draw(st.lists(place, min_size=1, max_size=6)):
        kind = data.draw(st.sampled_from(["flip", "set", "insert", "delete"]))
        if kind == "flip":
            content[at % len(content)] ^= 1 << data.draw(st.integers(0, 7))
        elif kind == "set":
            value = data.draw(st.sampled_from([b"\0", b"\xff", b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"]))
            content[at % len(content) : at % len(content) + len(value)] = value
        elif kind == "insert":
            content[at:at] = data.draw(st.binary(min_size=1, max_size=8))
        elif len(content) > 100:
            del content[at : at + data.draw(st.integers(1, 8))]
    assert rejected_or_within_limits(decode_or_reason(bytes(content), SMALL))


@pytest.mark.parametrize("name", [n for n in VALID if n != "png animated"])
def test_a_file_without_its_second_half_is_rejected(name: str) -> None:
    content = VALID[name]
    for share in (0.1, 0.25, 0.5):
        # An animated GIF is cut within its first frame, which takes a little less than half of it.
        kept = content[: int(len(content) * share * (0.8 if "animated" in name else 1))]
        assert isinstance(decode_or_reason(kept), Reason), f"{share:.0%} of {name} were accepted"


@pytest.mark.parametrize("name", ["jpeg", "jpeg progressive", "png", "png 16 bit", "webp", "webp lossless", "bmp"])
@given(share=st.floats(0, 1, exclude_max=True))
def test_every_beginning_of_a_file_is_called_truncated(name: str, share: float) -> None:
    # The last 12 bytes of a PNG are a chunk without content, which browsers do without.
    kept = VALID[name][: 30 + int((len(VALID[name]) - 42) * share)]
    assert decode_or_reason(kept) is Reason.TRUNCATED


def test_a_truncated_gif_or_tiff_is_told_from_a_corrupt_one_where_pillow_does() -> None:
    assert decode_or_reason(VALID["gif"][:-200]) is Reason.TRUNCATED
    assert decode_or_reason(VALID["tiff"][:-200]) is Reason.TRUNCATED


@pytest.mark.parametrize("tiles", [{278: (4, [24])}, {322: (4, [64]), 323: (4, [32])}], ids=["strips", "tiles"])
def test_a_tiff_that_lacks_strips_or_tiles_is_truncated(tiles: dict) -> None:
    tags = {256: (4, [64]), 258: (3, [8]), 259: (3, [1]), 262: (3, [1]), 277: (3, [1]), **tiles}
    samples = bytes(64 * 32)
    assert decode_or_reason(tiff({**tags, 257: (4, [48])}, samples)) is Reason.TRUNCATED
    assert isinstance(decode_or_reason(tiff({**tags, 257: (4, [24])}, samples)), np.ndarray)


def test_a_tiff_of_separate_planes_needs_all_of_them() -> None:
    tags = {256: (4, [64]), 257: (4, [48]), 258: (3, [8, 8, 8]), 259: (3, [1]), 262: (3, [2]), 277: (3, [3])}
    tags |= {278: (4, [48]), 284: (3, [2])}
    planes = np.ascontiguousarray(picture().transpose(2, 0, 1)).tobytes()
    assert np.array_equal(decode(tiff(tags, planes, parts=3), LIMITS).pixels, picture())
    assert decode_or_reason(tiff(tags, planes[: 2 * 48 * 64], parts=2)) is Reason.TRUNCATED


@pytest.mark.parametrize(
    ("bits", "kinds", "said"),
    [
        (
            [32] * 3,
            [3] * 3,
            "floating-point samples of 32 bits, 3 a pixel, is not read: save it with whole ones of 8 or 16",
        ),
        ([64], [3], "tiff with floating-point samples of 64 bits, 1 a pixel"),
        ([8, 32], [1, 1], "whole samples of 8 or 32 bits, 2 a pixel"),
        ([32] * 3, [77] * 3, None),
        ([77] * 3, [1] * 3, None),
        ([32] * 1_000, [3] * 1_000, None),
    ],
)
def test_a_tiff_of_samples_that_are_not_read_is_told_from_a_damaged_one(
    bits: list[int], kinds: list[int], said: str | None
) -> None:
    tags = {256: (4, [4]), 257: (4, [4]), 259: (3, [1]), 262: (3, [2 if len(bits) > 2 else 1]), 278: (4, [4])}
    tags |= {258: (3, bits), 277: (3, [len(bits)]), 339: (3, kinds)}
    with pytest.raises(Rejected) as rejected:
        decode(tiff(tags, bytes(16 * sum(bits) // 8)), LIMITS)
    assert rejected.value.reason is (Reason.UNSUPPORTED_FORMAT if said else Reason.CORRUPT)
    assert (said or "cannot be decoded") in rejected.value.detail


def test_a_damaged_png_is_corrupt() -> None:
    content = bytearray(VALID["png"])
    content[content.index(b"IDAT") + 40] ^= 0xFF
    assert decode_or_reason(bytes(content)) is Reason.CORRUPT


@pytest.mark.parametrize("key", [b"transparency", b"exif", b"xmp", b"bbox", b"interlace"])
def test_text_in_a_png_that_is_named_like_a_property_raises_nothing_else(key: bytes) -> None:
    for body in (chunk(b"tEXt", key + b"\0one"), chunk(b"iTXt", key + b"\0\0\0\0\0one")):
        decode_or_reason(png((2, 2), 8, 2, [bytes(6)] * 2, body))


def test_mistakes_of_the_program_are_not_called_corrupt() -> None:
    with pytest.raises(AttributeError):
        decode(VALID["png"], None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        decode("a text", LIMITS)  # type: ignore[arg-type]


# --- as a citizen of the process


def test_threads_decode_the_same_pixels() -> None:
    contents = list(VALID.values()) * 8
    alone = [decode_or_reason(content) for content in contents]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(decode_or_reason, contents))
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


# Pillow warns of each of these: tags beyond the end of the file, very many pixels.
WARNED_OF = [
    VALID["tiff lzw"][:-20],
    deflated_tiff((10_000, 9_000), b""),
]


def decode_what_pillow_warns_of(silenced: bool) -> None:
    """Run in a process of its own, whose standard error is looked at."""
    if not silenced:
        warnings.resetwarnings()
    for content in [*WARNED_OF, *bombs().values()]:
        decode_or_reason(content, Limits(max_pixels=10**8))


@pytest.mark.parametrize("silenced", [True, False])
def test_no_warning_is_printed(silenced: bool) -> None:
    code = f"from tests.images.test_decode import decode_what_pillow_warns_of as f; f({silenced})"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    assert run.stderr.count("Warning: ") == (0 if silenced else len(WARNED_OF)), run.stderr


def test_a_rejection_says_its_reason_and_survives_a_process_boundary() -> None:
    rejected = pickle.loads(pickle.dumps(Rejected(Reason.EMPTY, "the file has no bytes")))
    assert (rejected.reason, rejected.detail) == (Reason.EMPTY, "the file has no bytes")
    assert str(rejected) == "empty: the file has no bytes"
    assert all(reason.meaning.endswith(".") for reason in Reason)
    assert Reason("too_many_pixels") is Reason.TOO_MANY_PIXELS
