"""Scaling pictures: the same as Pillow, on any machine, in any thread."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import skimage.data
from cykooz_resizer import CpuExtensions, Resizer
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from image_assets.images import resampling
from image_assets.images.resampling import Cut, Filter, resampled

PHOTO = skimage.data.chelsea()
PILLOWS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
METHODS = st.sampled_from(["bilinear", "bicubic"])
SIDES = st.integers(1, 200)


def by_pillow(pixels: np.ndarray, width: int, height: int, method: str) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).resize((width, height), PILLOWS[method])).astype(int)


@given(SIDES, SIDES, SIDES, SIDES, METHODS)
def test_it_agrees_with_pillow(from_width: int, from_height: int, width: int, height: int, method: Filter) -> None:
    pixels = PHOTO[:from_height, :from_width]
    found = resampled(pixels, width, height, method)
    assert (found.shape, found.dtype) == ((height, width, 3), np.uint8)
    if min(from_width // width, from_height // height) < 4:
        assert np.abs(found - by_pillow(pixels, width, height, method)).max() <= 2


@pytest.mark.parametrize("method", ["bilinear", "bicubic"])
def test_a_far_larger_picture_looks_the_same_too(method: Filter) -> None:
    found = resampled(PHOTO, 37, 25, method)
    apart = np.abs(found - by_pillow(PHOTO, 37, 25, method))
    assert (apart.mean() < 2, apart.max() < 30) == (True, True)
    aliased = np.asarray(Image.fromarray(PHOTO).resize((37, 25), Image.Resampling.NEAREST)).astype(int)
    assert np.abs(aliased - by_pillow(PHOTO, 37, 25, method)).mean() > 4


@given(st.integers(20, 120), st.floats(0, 0.6), st.floats(0, 0.6), METHODS)
def test_a_part_is_what_would_be_cut_out_afterwards(side: int, left: float, top: float, method: Filter) -> None:
    width, height = side * PHOTO.shape[1] // PHOTO.shape[0], side
    x, y = int(left * width), int(top * height)
    wide, high = max(1, (width - x) // 2), max(1, (height - y) // 2)
    scale_x, scale_y = PHOTO.shape[1] / width, PHOTO.shape[0] / height
    found = resampled(PHOTO, wide, high, method, Cut(x * scale_x, y * scale_y, wide * scale_x, high * scale_y))
    whole = resampled(PHOTO, width, height, method)[y : y + high, x : x + wide]
    assert np.abs(found.astype(int) - whole).max() <= 2


# Height and width of pictures, and the sides that they are scaled to and cut to in the middle: the first or the last of
# the wanted pixels lies exactly on one of the picture's.
ON_PIXELS = [
    (47, 82, 256, 224),
    (53, 115, 256, 224),
    (76, 77, 256, 224),
    (73, 75, 219, 192),
    (73, 73, 219, 192),
    (78, 6, 30, 16),
]
IN_THE_MIDDLE = """
import sys
import numpy as np, skimage.data
from PIL import Image
from image_assets.features.preprocess import Resize
from image_assets.images import resampling
height, width, scaled, side, move = map(int, sys.argv[1:])
if not move:
    resampling._beside = lambda start, *_: start
pixels, least = skimage.data.chelsea()[:height, :width], min(height, width)
whole = Image.fromarray(pixels).resize((width * scaled // least, height * scaled // least), Image.Resampling.BICUBIC)
left, top = (round((one - side) / 2) for one in whole.size)
expected = np.asarray(whole.crop((left, top, left + side, top + side))).astype(int)
found = Resize(side, "crop", "bicubic", scaled)(pixels)
sys.exit(int(np.abs(found - expected).max() > 3))
"""


def middle_fails(picture: tuple[int, int, int, int], *, move: bool) -> bool:
    """Whether another process has other pixels than Pillow, or does not live to have any."""
    command = [sys.executable, "-c", IN_THE_MIDDLE, *map(str, picture), str(int(move))]
    return subprocess.run(command, check=False, capture_output=True).returncode != 0


@pytest.mark.parametrize("picture", ON_PIXELS)
def test_a_part_that_ends_on_a_pixel_is_whole(picture: tuple[int, int, int, int]) -> None:
    assert not middle_fails(picture, move=True)


def test_without_the_billionth_some_are_not() -> None:
    # Once this fails, the resizer is mended, and need not be helped.
    assert any(middle_fails(one, move=False) for one in ON_PIXELS)


def ends_on_a_pixel(start: float, length: float, wanted: int, side: int) -> bool:
    """Whether the first wanted pixel is centred on one with another before it, or the last on one before another."""
    scale = length / wanted
    first, last = start + scale / 2 - 0.5, start + length - scale / 2 - 0.5
    on_first = first > 0.5 and abs(first - round(first)) < 1e-10
    return on_first or (last < side - 1.5 and abs(last - round(last)) < 1e-10)


@given(st.integers(2, 60), st.floats(0.05, 0.95), st.integers(1, 60), st.integers(2, 9), st.booleans())
def test_no_part_ends_on_a_pixel(wanted: int, scale: float, pixel: int, behind: int, first: bool) -> None:
    length = wanted * scale
    start = pixel + 0.5 - scale / 2 if first else max(pixel, int(length) + 1) + 0.5 + scale / 2 - length
    side = int(start + length) + behind
    assert ends_on_a_pixel(start, length, wanted, side)
    moved = resampling._beside(start, length, wanted, side)
    assert not ends_on_a_pixel(moved, length, wanted, side)
    assert abs(moved - start) <= 2.1e-9
    assert 0 <= moved <= side - length


def test_every_instruction_set_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = resampled(PHOTO, 128, 85, "bilinear")
    for extensions in CpuExtensions:
        resizer = Resizer()
        resizer.cpu_extensions = extensions
        monkeypatch.setattr(resampling, "_resizer", lambda resizer=resizer: resizer)
        assert np.array_equal(resampled(PHOTO, 128, 85, "bilinear"), expected), extensions


def test_threads_do_not_disturb_each_other() -> None:
    sizes = [(8 + n, 90 - n) for n in range(80)] * 5

    def scaled(size: tuple[int, int]) -> bytes:
        return resampled(PHOTO, *size, method="bicubic").tobytes()

    alone = [scaled(size) for size in sizes]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(scaled, sizes)) == alone


def test_a_part_of_a_picture_is_scaled_as_a_copy_of_it() -> None:
    part = PHOTO[10:200:2, 30:300][:, ::-1]
    assert np.array_equal(resampled(part, 20, 30, "bilinear"), resampled(part.copy(), 20, 30, "bilinear"))
