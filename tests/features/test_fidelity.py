from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.features.fidelity import FidelityError, cosine_similarities, fidelity
from image_assets.features.preprocess import Resize

IMAGES = [np.random.default_rng(seed).integers(1, 256, (20 + seed, 30, 3), dtype=np.uint8) for seed in range(40)]


class Colours:
    """An extractor of as many features as its matrix has columns, each a mix of the image's average colours."""

    def __init__(self, mix: list[list[float]]) -> None:
        self.name = "colours"
        self.digest = "0" * 64
        self.shape = (8, 8, 3)
        self.width = len(mix[0])
        self._mix = np.array(mix, np.float32)
        self._resize = Resize(8, "squash")

    def prepare(self, pixels: np.ndarray, whole: tuple[int, int] | None = None) -> np.ndarray:
        return self._resize(pixels, whole)

    def sufficient_size(self, width: int, height: int) -> tuple[int, int]:
        return self._resize.sufficient_size(width, height)

    def infer(self, batch: np.ndarray) -> np.ndarray:
        return batch.mean(axis=(1, 2)).astype(np.float32) @ self._mix


SAME = Colours([[1, 0, 0], [0, 1, 0], [0, 0, 1]])


def test_an_extractor_is_as_good_as_itself_in_other_units() -> None:
    found = fidelity(Colours([[5, 0, 0], [0, 5, 0], [0, 0, 5]]), SAME, IMAGES)
    assert found.mean == pytest.approx(1)
    assert found.worst == pytest.approx(1)


def test_the_worst_image_is_reported_wherever_it_is() -> None:
    without_red = Colours([[0, 0, 0], [0, 1, 0], [0, 0, 1]])
    grey = [np.full((9, 9, 3), 100, np.uint8)] * 40
    grey[35] = np.full((9, 9, 3), [255, 1, 1], np.uint8)
    found = fidelity(without_red, SAME, grey)
    worst = math.hypot(1, 1) / math.hypot(255, 1, 1)
    assert found.worst == pytest.approx(worst)
    assert found.mean == pytest.approx((39 * math.sqrt(2 / 3) + worst) / 40)


def test_extractors_of_different_widths_are_refused() -> None:
    with pytest.raises(FidelityError, match=r"found \[32, 2\] and, of the reference, \[32, 3\]"):
        fidelity(Colours([[1, 0], [0, 1], [0, 0]]), SAME, IMAGES)


def test_no_images_are_refused() -> None:
    with pytest.raises(FidelityError, match="no images"):
        fidelity(SAME, SAME, [])


@given(st.floats(0, math.pi), st.floats(1e-30, 1e30), st.floats(1e-30, 1e30))
def test_the_cosine_is_that_of_the_angle_at_any_length(angle: float, length: float, other: float) -> None:
    features = np.array([[length, 0.0]], np.float32)
    turned = np.array([[other * math.cos(angle), other * math.sin(angle)]], np.float32)
    assert cosine_similarities(turned, features)[0] == pytest.approx(math.cos(angle), abs=1e-6)


def test_every_row_has_its_own_cosine() -> None:
    features = np.array([[1, 0], [1, 1], [0, -2]])
    reference = np.array([[3, 0], [1, 0], [0, 1]])
    np.testing.assert_allclose(cosine_similarities(features, reference), [1, math.sqrt(0.5), -1])


def test_no_rows_have_no_cosines() -> None:
    assert cosine_similarities(np.empty((0, 3)), np.empty((0, 3))).shape == (0,)


@pytest.mark.parametrize("shapes", [((2, 3), (3, 2)), ((2, 3), (2, 4)), ((1, 3), (2, 3)), ((3,), (3,))])
def test_matrices_that_do_not_fit_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(FidelityError, match="one shape"):
        cosine_similarities(np.ones(shapes[0]), np.ones(shapes[1]))


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf])
def test_a_row_without_a_direction_is_named(value: float) -> None:
    broken = np.ones((4, 3))
    broken[2] = value
    with pytest.raises(FidelityError, match="row 2 of the features"):
        cosine_similarities(broken, np.ones((4, 3)))
    with pytest.raises(FidelityError, match="row 2 of the reference features"):
        cosine_similarities(np.ones((4, 3)), broken)
