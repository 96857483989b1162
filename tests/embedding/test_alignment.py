"""A map that is turned, mirrored, shifted or scaled is brought back, and one that is another is not."""

from __future__ import annotations

import numpy as np
import pytest

from image_assets.embedding.alignment import aligned, displacement

PLACES = np.random.default_rng(0).normal(size=(200, 2)) * [30, 10]


@pytest.mark.parametrize("mirror", [1, -1])
def test_a_map_that_was_turned_mirrored_shifted_and_scaled_is_brought_back(mirror: int) -> None:
    turn = np.array([[0.6, -0.8], [0.8, 0.6]]) * [1, mirror]
    moved = PLACES @ turn * 3 + np.array([100, -7])
    np.testing.assert_allclose(aligned(moved, PLACES).apply(moved), PLACES, atol=1e-9)
    assert displacement(PLACES, moved).median > 0.5


def test_another_map_keeps_its_size() -> None:
    other = np.random.default_rng(1).normal(size=(200, 2)) * [5, 5]
    brought = aligned(other, PLACES).apply(other)
    assert np.linalg.norm(brought - brought.mean(axis=0)) == pytest.approx(np.linalg.norm(PLACES - PLACES.mean(axis=0)))
    assert displacement(PLACES, brought).median > 0.05


def test_displacement_is_a_share_of_the_width() -> None:
    before = np.array([[0.0, 0], [10, 0], [20, 5]])
    found = displacement(before, before + np.array([[0, 1], [0, 1], [0, 2]]))
    assert found.median == pytest.approx(0.05)
    assert found.p95 == pytest.approx(0.095)
