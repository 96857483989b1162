"""What is said of a map: whether its neighbours are neighbours in truth."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.embedding.quality import TooFewImagesError, UnusableFeaturesError, spread, trustworthiness
from tests.embedding.synthetic import clusters

FEATURES, _ = clusters(300)


def test_features_in_the_plane_are_a_perfect_map_of_themselves_and_a_random_one_is_none() -> None:
    plane = FEATURES[:, :2]
    assert trustworthiness(plane, plane) == 1
    assert trustworthiness(plane, np.random.default_rng(0).permutation(plane)) == pytest.approx(0.5, abs=0.05)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(TooFewImagesError, match="at least 10 images, found 9"):
        trustworthiness(FEATURES[:9], FEATURES[:9, :2])


def test_features_that_are_not_finite_are_refused_by_row() -> None:
    features = FEATURES[:40].copy()
    features[[4, 9], 0] = np.nan
    with pytest.raises(UnusableFeaturesError, match=r"2 of 40 feature vectors .* first in row 4"):
        trustworthiness(features, features[:, :2])
    with pytest.raises(UnusableFeaturesError, match=r"shape \(40,\)"):
        trustworthiness(features[:, 1], features[:, :2])


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_spread_rows_are_distinct_and_even(count: int, wanted: int) -> None:
    rows = spread(count, wanted)
    assert len(rows) == min(count, wanted)
    assert rows[0] == 0
    assert rows[-1] < count
    gaps = np.diff([*rows, count])
    assert gaps.min() >= 1
    assert gaps.max() - gaps.min() <= 1
