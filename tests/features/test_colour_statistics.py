"""Colour statistics: the channels as OpenCV defines them, and the extractor as any other."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from image_assets.engines.engine import Unit
from image_assets.features import colour_statistics as module
from image_assets.features.colour_statistics import (
    CHANNELS,
    FEATURE_NAMES,
    IMAGE_SIZE,
    ColourStatisticsExtractor,
    colour_statistics,
)
from image_assets.features.comparison_images import comparison_batches
from image_assets.features.decode import prepared
from image_assets.features.extractor import build_extractor, shared_extractor
from image_assets.features.fidelity import fidelity
from image_assets.features.preprocess import Resize
from image_assets.features.table import feature_matrix
from image_assets.features.units import extract_units
from image_assets.images.colour_spaces import hsv, lab
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES
from image_assets.settings.stages import ColourStatistics
from image_assets.store.tables.partition_files import PartitionFiles
from image_assets.workers import Progress
from tests.paintings import painting
from tests.platform import Platform
from tests.store_files import files_at

SPEC = ColourStatistics(kind="colour_statistics")
# Hue in degrees / 2, and L*a*b* of sRGB's corners as published (D65): L* × 2.55, a* + 128, b* + 128.
CORNERS = {
    (0, 0, 0): ((0, 0, 0), (0, 128, 128)),
    (255, 255, 255): ((0, 0, 255), (255, 128, 128)),
    (255, 0, 0): ((0, 255, 255), (136, 208, 195)),
    (0, 255, 0): ((60, 255, 255), (224, 42, 211)),
    (0, 0, 255): ((120, 255, 255), (82, 207, 20)),
    (0, 255, 255): ((90, 255, 255), (232, 80, 114)),
    (255, 0, 255): ((150, 255, 255), (154, 226, 67)),
    (128, 128, 128): ((0, 0, 128), (137, 128, 128)),
}


class Threads:
    """An engine that gives every unit so many threads."""

    def __init__(self, threads: int) -> None:
        self._threads = threads

    def run(self, units: Sequence[Unit], progress: Progress) -> list:
        return [unit.work(self._threads, progress) for unit in units]


@pytest.fixture(scope="module")
def extractor() -> ColourStatisticsExtractor:
    return ColourStatisticsExtractor()


@pytest.mark.parametrize("colour", CORNERS)
def test_known_colours_have_their_known_levels(colour: tuple[int, int, int]) -> None:
    pixel = np.array([[colour]], np.uint8)
    expected_hsv, expected_lab = CORNERS[colour]
    assert tuple(hsv(pixel)[0, 0].tolist()) == expected_hsv
    # In fixed point, as OpenCV computes, cyan is one level lighter than published.
    assert np.abs(lab(pixel)[0, 0].astype(int) - expected_lab).max() <= (colour == (0, 255, 255))


def test_every_colour_of_a_fine_grid_is_as_opencv_has_it() -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV, the reference, is not installed")
    levels = np.unique([*range(0, 256, 3), 1, 254, 255])
    colours = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, len(levels), 3)
    colours = colours.astype(np.uint8)
    np.testing.assert_array_equal(hsv(colours), cv2.cvtColor(colours, cv2.COLOR_RGB2HSV))
    difference = np.abs(lab(colours).astype(int) - cv2.cvtColor(colours, cv2.COLOR_RGB2LAB).astype(int))
    assert difference.max() <= 1
    assert (difference.max(axis=-1) > 0).mean() < 0.001


def test_the_features_are_those_of_opencv(extractor: ColourStatisticsExtractor) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV, the reference, is not installed")
    side = IMAGE_SIZE  # a picture of just this size is counted whole
    picture = np.asarray(Image.open(io.BytesIO(painting("purple", 3, side, side))))
    bgr = np.ascontiguousarray(picture[..., ::-1])
    spaces = [bgr, cv2.cvtColor(bgr, cv2.COLOR_BGR2HSV), cv2.cvtColor(bgr, cv2.COLOR_BGR2LAB)]
    expected = [np.stack([one.ravel() for one in cv2.meanStdDev(space)], -1) for space in spaces]
    found = extractor.infer(extractor.prepare(picture)[None])[0]
    np.testing.assert_allclose(found, np.concatenate(expected).ravel(), atol=2e-3)


def test_the_numbers_are_named_in_their_order() -> None:
    # Half red, half blue: (0, 0, 255) and (255, 0, 0) in BGR.
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[:2, :, 0], picture[2:, :, 2] = 255, 255
    found = dict(zip(FEATURE_NAMES, colour_statistics(picture).tolist(), strict=True))
    assert (len(FEATURE_NAMES), FEATURE_NAMES[:2]) == (18, ("blue_mean", "blue_std"))
    assert [found[f"{name}_mean"] for name in CHANNELS] == [127.5, 0, 127.5, 60, 255, 255, 109, 207.5, 107.5]
    assert [found[f"{name}_std"] for name in CHANNELS] == [127.5, 0, 127.5, 60, 0, 0, 27, 0.5, 87.5]


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_the_sums_are_exact_and_do_not_depend_on_the_order_of_pixels(picture: np.ndarray) -> None:
    shuffled = np.random.default_rng(0).permutation(picture.reshape(-1, 3))[None]
    found = colour_statistics(picture)
    np.testing.assert_array_equal(found, colour_statistics(shuffled))
    bgr = picture.reshape(-1, 3)[:, ::-1].astype(np.float64)
    np.testing.assert_allclose(found[:6], np.stack([bgr.mean(0), bgr.std(0)], -1).ravel(), rtol=1e-5, atol=1e-5)
    assert np.isfinite(found).all()


def test_a_dataset_file_chooses_it_and_the_digest_follows_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = build_extractor(SPEC)
    assert (extractor.name, extractor.width, extractor.shape) == ("colour_statistics", 18, (256, 256, 3))
    assert build_extractor(SPEC).digest == extractor.digest
    monkeypatch.setitem(module._SETTINGS, "sample", "every other pixel")
    assert build_extractor(SPEC).digest != extractor.digest


@pytest.mark.parametrize("batch", [np.zeros((1, 255, 256, 3), np.uint8), np.zeros((1, 256, 256, 3), np.float32)])
def test_what_is_no_prepared_batch_is_refused(extractor: ColourStatisticsExtractor, batch: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected a batch of prepared images"):
        extractor.infer(batch)


def test_what_is_no_picture_is_refused(extractor: ColourStatisticsExtractor) -> None:
    for pixels in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(ValueError, match="expected the pixels of an RGB image"):
            extractor.prepare(pixels)


@pytest.mark.parametrize("size", [(1, 1), (64, 64), (3, 700), (1_000, 750)])
def test_pictures_of_any_size_are_counted_as_if_whole(
    extractor: ColourStatisticsExtractor, size: tuple[int, int]
) -> None:
    picture = np.asarray(Image.open(io.BytesIO(painting("green", 1, *size))))
    found = extractor.infer(extractor.prepare(picture)[None])[0]
    np.testing.assert_allclose(found, colour_statistics(picture), atol=1.5)


def test_a_large_jpeg_is_decoded_whole_as_a_small_copy_mixes_its_colours(extractor: ColourStatisticsExtractor) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (2048, 2048, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG", quality=95, subsampling=0)
    whole = colour_statistics(np.asarray(Image.open(io.BytesIO(buffer.getvalue()))))
    found = extractor.infer(prepared(buffer.getvalue(), extractor)[None])[0]
    np.testing.assert_allclose(found, whole, atol=1)

    class Scaled(ColourStatisticsExtractor):
        """What it would be to count a copy that was scaled down."""

        def prepare(self, pixels: np.ndarray, whole: tuple[int, int] | None = None) -> np.ndarray:
            return Resize(256, "squash")(pixels)

    assert np.abs(Scaled().infer(prepared(buffer.getvalue(), Scaled())[None])[0] - whole).max() > 20


def test_it_is_as_good_as_itself_on_the_comparison_images_and_a_scaled_copy_is_not(
    extractor: ColourStatisticsExtractor,
) -> None:
    images = [image for batch in comparison_batches(512) for image in batch]

    class Coarse(ColourStatisticsExtractor):
        def prepare(self, pixels: np.ndarray, whole: tuple[int, int] | None = None) -> np.ndarray:
            return super().prepare(Resize(16, "squash")(pixels))

    assert fidelity(extractor, extractor, images[:40]).worst == pytest.approx(1)
    assert fidelity(Coarse(), extractor, images).worst < 0.95


def test_units_give_the_same_bytes_on_any_number_of_threads(loaded_platform: Platform, tmp_path: Path) -> None:
    raw = loaded_platform.store.table(loaded_platform.dataset.name, RAW_IMAGES)
    partition = loaded_platform.partition()
    files = raw.partition_files(partition)
    contents = set()
    for threads in (1, 3):
        table = Platform(loaded_platform.dataset, tmp_path / str(threads)).store.table("other", IMAGE_FEATURES)
        made = extract_units(PartitionFiles(raw, files), table, partition, SPEC, Threads(threads))
        contents.add(tuple((files_at(table.url) / file.path).read_bytes() for file in made.files))
        table.replace(partition, made.files)
        rows = table.scan([partition]).collect().sort("image_id")
        images = raw.scan([partition]).collect().sort("image_id")
        extractor = shared_extractor(SPEC)
        expected = extractor.infer(np.stack([prepared(content, extractor) for content in images["content"]]))
        np.testing.assert_array_equal(feature_matrix(rows), expected)
    assert len(contents) == 1
