"""Pictures as networks are given them: of the files of raw_images, each decoded once."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from image_assets.networks import pixels
from image_assets.networks.errors import UnfitDataError
from image_assets.networks.pixels import PixelForm, as_floats, pixel_rows
from image_assets.schema import RAW_IMAGES
from tests.platform import Platform


def images_of(platform: Platform) -> pl.DataFrame:
    return platform.rows(RAW_IMAGES).select("image_id", "date", "category", "content").sort("content")


def test_pictures_are_those_of_the_files_in_the_order_that_is_asked_for(
    loaded_platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, told = images_of(loaded_platform), []
    table = loaded_platform.store.table(loaded_platform.dataset.name, RAW_IMAGES)
    found = pixel_rows(table, images, PixelForm(24, "rgb"), tmp_path, lambda done, total: told.append((done, total)))
    assert found.shape == (images.height, 24, 24, 3)
    assert told[-1] == (images.height, images.height)
    for picture, content in zip(found.read()[:5], images["content"], strict=False):
        wanted = np.asarray(Image.open(io.BytesIO(content)).convert("RGB").resize((24, 24), Image.Resampling.BILINEAR))
        assert np.abs(picture.astype(int) - wanted.astype(int)).max() <= 2

    def nothing_is_decoded(*_: object) -> np.ndarray:
        raise AssertionError

    monkeypatch.setattr(pixels, "all_prepared", nothing_is_decoded)
    again = pixel_rows(table, images.reverse(), PixelForm(24, "rgb"), tmp_path)
    np.testing.assert_array_equal(again.read(), found.read()[::-1])


def test_an_image_that_is_not_there_is_named(loaded_platform: Platform, tmp_path: Path) -> None:
    images = images_of(loaded_platform).head(2).with_columns(image_id=pl.lit("f" * 64))
    table = loaded_platform.store.table(loaded_platform.dataset.name, RAW_IMAGES)
    with pytest.raises(UnfitDataError, match=f"2 of 2 images are not in raw_images, the first is {'f' * 64}"):
        pixel_rows(table, images, PixelForm(16, "grey"), tmp_path)


def test_grey_is_the_luma_of_pillow() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    grey = PixelForm(16, "grey").prepare(picture)
    np.testing.assert_array_equal(grey[..., 0], np.asarray(Image.fromarray(picture).convert("L")))


def test_floats_reach_from_nought_to_one() -> None:
    found = as_floats(np.array([[0, 51, 255]], np.uint8))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([[0, 0.2, 1]], np.float32))


def test_the_digest_tells_forms_apart() -> None:
    forms = [PixelForm(16, "grey"), PixelForm(16, "rgb"), PixelForm(32, "grey")]
    assert len({one.digest for one in forms}) == 3
