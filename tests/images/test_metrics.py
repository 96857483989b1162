"""Metrics say what a person would: which picture is darker, sharper, richer, more colourful, and which look alike."""

from __future__ import annotations

from io import BytesIO

import imagehash
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image, ImageFilter

from image_assets.images.decode import decode
from image_assets.images.metrics import ImageMetrics, measure, measure_copies
from image_assets.images.thumbnail import small_copy
from image_assets.schema import METRIC_COLUMNS
from image_assets.settings.stages import Limits
from tests.ingest.images import picture
from tests.pictures import picture as striped

PIXELS = picture(300, 240)
LIMITS = Limits()
LEVELS = st.integers(0, 255)


def uniform(red: int, green: int, blue: int, height: int = 40, width: int = 60) -> np.ndarray:
    return np.full((height, width, 3), (red, green, blue), np.uint8)


def reference_hash(pixels: np.ndarray) -> int:
    return int.from_bytes(np.packbits(imagehash.phash(Image.fromarray(pixels)).hash).tobytes(), "big", signed=True)


def copy_hash(copy: np.ndarray) -> int:
    (found,) = measure_copies([copy])
    return found.perceptual_hash


def noise(seed: int, height: int = 90, width: int = 96) -> np.ndarray:
    """A picture of blurred noise, with structure at all scales; at most as large as the copy that is measured."""
    random = np.random.default_rng(seed)
    scales = [
        np.asarray(
            Image.fromarray(random.integers(0, 256, (side, side, 3), np.uint8)).resize(
                (width, height), Image.Resampling.BICUBIC
            )
        )
        for side in (3, 9, 30)
    ]
    return np.mean(scales, axis=0).astype(np.uint8)


def test_the_metrics_are_the_columns() -> None:
    assert ImageMetrics._fields == tuple(column.name for column in METRIC_COLUMNS)
    for value, column in zip(measure(PIXELS), METRIC_COLUMNS, strict=True):
        assert isinstance(value, {"float": float, "bool": bool, "int64": int}[str(column.type)])


def test_many_at_once_are_measured_as_one_by_one() -> None:
    pictures = [PIXELS, uniform(1, 2, 3), noise(0), noise(1, 5, 7), PIXELS]
    assert measure_copies([small_copy(one) for one in pictures]) == [measure(one) for one in pictures]
    assert measure_copies([]) == []


# What is known exactly


@given(LEVELS)
def test_a_grey_picture_is_as_bright_as_its_level_and_nothing_else(level: int) -> None:
    found = measure(uniform(level, level, level))
    assert (found.brightness, found.brightness_p05, found.brightness_p99) == (level / 255,) * 3
    assert found[3:8] == (0, 0, 0, 0, True)


@given(LEVELS, LEVELS, LEVELS)
def test_one_colour_has_the_colourfulness_of_its_distance_from_grey(red: int, green: int, blue: int) -> None:
    found = measure(uniform(red, green, blue))
    assert found.colourfulness == pytest.approx(0.3 * np.hypot(red - green, (red + green) / 2 - blue))
    assert found.greyscale == (max(red, green, blue) - min(red, green, blue) <= 8)
    assert (found.contrast, found.sharpness, found.entropy) == (0, 0, 0)


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(3))))
def test_the_figures_are_those_of_their_definitions(pixels: np.ndarray) -> None:
    found = measure(pixels)
    grey = np.asarray(Image.fromarray(pixels).convert("L")).astype(float)
    assert found.brightness == pytest.approx(grey.mean() / 255)
    assert found.contrast == pytest.approx(grey.std() / 255, abs=1e-7)
    for share, value in ((0.05, found.brightness_p05), (0.99, found.brightness_p99)):
        assert value == np.quantile(grey, share, method="inverted_cdf") / 255
    padded = np.pad(grey, 1, mode="edge")
    laplacian = padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:] - 4 * grey
    assert found.sharpness == pytest.approx(laplacian.var())
    shares = np.unique(grey, return_counts=True)[1] / grey.size
    assert found.entropy == pytest.approx(-(shares * np.log2(shares)).sum(), abs=1e-6)
    red, green, blue = pixels.reshape(-1, 3).T.astype(float)
    rg, yb = red - green, (red + green) / 2 - blue
    colourfulness = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    assert found.colourfulness == pytest.approx(colourfulness, abs=1e-5)
    assert found.greyscale == (np.ptp(pixels.astype(int), axis=2).max() <= 8)


# What a person would say


@given(st.integers(0, 20), st.floats(0.2, 0.9))
def test_a_darker_picture_is_darker_and_poorer_in_contrast(seed: int, factor: float) -> None:
    bright = noise(seed)
    dark = (bright * factor).astype(np.uint8)
    before, after = measure(bright), measure(dark)
    assert after.brightness < before.brightness
    assert after.brightness_p05 <= before.brightness_p05
    assert after.brightness_p99 < before.brightness_p99
    assert after.contrast < before.contrast


@given(st.integers(0, 20))
def test_every_blur_takes_sharpness_away(seed: int) -> None:
    image = Image.fromarray(noise(seed))
    blurred = [measure(np.asarray(image.filter(ImageFilter.GaussianBlur(radius)))) for radius in (0, 1, 2, 4)]
    sharpness = [one.sharpness for one in blurred]
    assert sharpness == sorted(sharpness, reverse=True)
    assert sharpness[2] < 0.1 * sharpness[0]


def test_less_colour_is_less_colourful_down_to_grey() -> None:
    pixels = noise(1)
    grey = np.asarray(Image.fromarray(pixels).convert("L").convert("RGB")).astype(float)
    found = [measure((grey + share * (pixels - grey)).astype(np.uint8)) for share in (1, 0.5, 0.2, 0)]
    assert [one.colourfulness for one in found] == sorted((one.colourfulness for one in found), reverse=True)
    assert [one.greyscale for one in found] == [False, False, False, True]


def test_one_coloured_corner_makes_no_grey_picture() -> None:
    pixels = uniform(100, 100, 100, 90, 90)
    pixels[:4, :4] = (100, 140, 100)
    assert not measure(pixels).greyscale


def test_fewer_levels_hold_less_information() -> None:
    entropies = [measure(noise(1) & mask).entropy for mask in (255, 240, 192, 0)]
    assert entropies == sorted(entropies, reverse=True)
    assert entropies[-1] == 0


def test_the_size_of_a_picture_hardly_matters() -> None:
    large = np.asarray(Image.fromarray(noise(3)).resize((1200, 1125), Image.Resampling.LANCZOS))
    found, expected = measure(large), measure(small_copy(large))
    assert found == expected
    assert hash_distance(found.perceptual_hash, measure(noise(3)).perceptual_hash) <= 4


# The hash


@pytest.mark.parametrize("seed", range(40))
def test_the_hash_is_imagehashs_but_for_frequencies_next_to_the_median(seed: int) -> None:
    """Pillow rounds to whole grey levels between the steps of resizing; here nothing is rounded."""
    copy = small_copy(noise(seed, 90 - seed, 96))
    assert hash_distance(copy_hash(copy), reference_hash(copy)) <= 4


def test_on_photos_the_hash_is_imagehashs_mostly_to_the_bit(shared_data) -> None:
    copies = [small_copy(one) for one in photos(shared_data)]
    of_copies = [hash_distance(copy_hash(copy), reference_hash(copy)) for copy in copies]
    assert np.mean([bits == 0 for bits in of_copies]) > 0.9
    assert max(of_copies) <= 4
    # Of the whole picture, not of its copy, which two ways of resizing have led to.
    of_pictures = [hash_distance(measure(one).perceptual_hash, reference_hash(one)) for one in photos(shared_data)]
    assert max(of_pictures) <= 6


def hash_distance(one: int, other: int) -> int:
    """Bits in which two perceptual hashes differ."""
    return ((one ^ other) & (2**64 - 1)).bit_count()


def photos(shared_data) -> list[np.ndarray]:
    paths = sorted((shared_data / "photos").rglob("*.jpg"))[::15]
    return [decode(path.read_bytes(), LIMITS).pixels for path in paths]


def test_saved_again_or_resized_a_photo_keeps_its_hash_and_no_two_share_one(shared_data) -> None:
    pictures = photos(shared_data)
    hashes = [measure(one).perceptual_hash for one in pictures]
    for one, known in zip(pictures, hashes, strict=True):
        image, file = Image.fromarray(one), BytesIO()
        image.save(file, "JPEG", quality=40)
        half = image.resize((image.width // 2, image.height // 2), Image.Resampling.BILINEAR)
        for again in (Image.open(file), half):
            assert hash_distance(measure(np.asarray(again)).perceptual_hash, known) <= 10
    apart = [hash_distance(a, b) for i, a in enumerate(hashes) for b in hashes[:i]]
    assert np.median(apart) == 32
    assert np.quantile(apart, 0.001) > 10


@given(st.integers(0, 255), st.integers(1, 40), st.integers(1, 40))
def test_an_even_picture_has_one_hash_whatever_its_level_and_size(level: int, height: int, width: int) -> None:
    found = measure(uniform(level, level, level, height, width)).perceptual_hash
    assert found == (-(2**63) if level else 0)


def test_a_mirrored_picture_has_no_odd_frequencies_across() -> None:
    half = noise(5, 60, 40)
    whole = np.concatenate([half, half[:, ::-1]], axis=1)
    bits = np.unpackbits(np.frombuffer(measure(whole).perceptual_hash.to_bytes(8, "big", signed=True), np.uint8))
    assert len({tuple(bits.reshape(8, 8)[:, column]) for column in (1, 3, 5, 7)}) == 1


# Any picture


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 5000), (5000, 1), (2, 2), (3, 200)])
def test_the_smallest_and_narrowest_pictures_have_metrics(shape: tuple[int, int]) -> None:
    found = measure(np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8))
    assert np.isfinite(found).all()
    assert 0 <= found.brightness_p05 <= found.brightness_p99 <= 1
    assert (found.sharpness > 0) == (shape != (1, 1))


def test_the_test_platforms_drawings_are_ordinary() -> None:
    found = measure(decode(striped(0, 0), LIMITS).pixels)
    assert 0.2 < found.brightness < 0.8
    assert found.sharpness > 100
    assert found.entropy > 5
