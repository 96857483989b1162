"""What networks are tried on: small pictures, of which half are darker at the top."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from image_assets.networks.pixel_file import PixelFile, PixelRows, filled

IMAGES, SIDE = 48, 16


@pytest.fixture(scope="session")
def labels() -> np.ndarray:
    """int64 [IMAGES], 0 and 1."""
    return np.arange(IMAGES) % 2


@pytest.fixture(scope="session")
def pictures(labels: np.ndarray) -> np.ndarray:
    """uint8 [IMAGES, SIDE, SIDE, 1]."""
    pixels = np.random.default_rng(3).integers(0, 256, (IMAGES, SIDE, SIDE, 1), np.uint8)
    pixels[labels == 1, : SIDE // 2] //= 4
    return pixels


@pytest.fixture
def rows(pictures: np.ndarray, tmp_path: Path) -> PixelRows:
    """The same in a file."""
    images = pl.DataFrame({"image_id": [f"{row:064x}" for row in range(IMAGES)]})
    file = PixelFile(tmp_path / "some.pixels", (SIDE, SIDE, 1))
    return filled(file, images, lambda missing: [([one], pictures[[int(one, 16)]]) for one in missing["image_id"]])
