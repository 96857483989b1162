from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageColor

from image_assets.embedding.plot import scatter_plot
from image_assets.pages.figures import COLOURS


def draw(names: list[str], count: int = 200, dataset: str = "kingdoms") -> bytes:
    rng = np.random.default_rng(0)
    return scatter_plot(
        rng.normal(size=(count, 2)).astype(np.float32), [names[i % len(names)] for i in range(count)], dataset
    )


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def painted(image: np.ndarray, colour: str) -> int:
    return int(np.sum(np.abs(image - ImageColor.getrgb(colour)).sum(axis=2) < 100))


@pytest.mark.parametrize("categories", [1, 3, 8, 20])
def test_picture_is_white_and_900_pixels_wide(categories):
    image = pixels(draw([f"name_{i}" for i in range(categories)]))
    assert image.shape == (680, 900, 3)
    assert (image[0] == 255).all()
    assert np.mean(image == 255) > 0.7


def test_many_categories_make_the_legend_wider_not_the_map_smaller():
    assert pixels(draw([f"name_{i}" for i in range(40)])).shape[1] > 900


def test_every_category_has_a_colour_of_its_own():
    blue, orange, green = COLOURS[:3]
    three, two = pixels(draw(["animal", "human", "plant"])), pixels(draw(["animal", "human"]))
    assert min(painted(three, green), painted(three, orange), painted(three, blue)) > 300
    assert min(painted(two, blue), painted(two, orange)) > 300
    assert painted(two, green) == 0


def test_long_names_leave_room_for_the_map():
    image = pixels(draw(["a" * 64, "b" * 64], dataset="d" * 64))
    coloured = np.flatnonzero((np.abs(image[60:, :, 0] - image[60:, :, 2]) > 60).any(axis=0))
    assert coloured.max() - coloured.min() > 300


def test_same_map_gives_the_same_bytes():
    assert draw(["animal", "plant"]) == draw(["animal", "plant"])


def test_no_category_covers_the_others():
    # Two categories in one dense heap, one category given last; two images far off keep the heap small.
    heap = np.random.default_rng(0).normal(size=(4000, 2)) * 0.05
    heap[0], heap[-1] = -1, 1
    image = pixels(scatter_plot(heap, ["animal"] * 2000 + ["human"] * 2000, "kingdoms"))[60:600, 60:700]
    greener, redder = (np.sum(image[..., a] > image[..., b] + 30) for a, b in ((1, 0), (0, 1)))
    assert 0.4 < greener / redder < 2.5
