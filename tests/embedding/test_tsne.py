from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from image_assets.embedding import tsne
from image_assets.embedding.tsne import (
    MIN_IMAGES,
    TooFewImagesError,
    UnusableFeaturesError,
    embed,
    spread,
    trustworthiness,
)
from image_assets.settings.stages import Embedding
from tests.embedding.synthetic import clusters


@pytest.fixture(scope="module")
def kinds_and_features() -> tuple[np.ndarray, np.ndarray]:
    features, kind = clusters(300)
    return kind, features


@pytest.fixture(scope="module")
def mapped(kinds_and_features) -> tuple[np.ndarray, np.ndarray]:
    _, features = kinds_and_features
    return features, embed(features, Embedding())


def test_neighbours_stay_neighbours(mapped):
    features, coordinates = mapped
    assert coordinates.shape == (300, 2)
    assert coordinates.dtype == np.float32
    assert trustworthiness(features, coordinates) > 0.85


def test_random_map_is_not_trustworthy(mapped):
    features, coordinates = mapped
    assert trustworthiness(features, np.random.default_rng(0).permutation(coordinates)) == pytest.approx(0.5, abs=0.05)


def test_clusters_are_kept_apart(kinds_and_features, mapped):
    kind, (_, coordinates) = kinds_and_features[0], mapped
    assert KNeighborsClassifier(10).fit(coordinates[::2], kind[::2]).score(coordinates[1::2], kind[1::2]) > 0.98


def test_same_rows_give_the_same_map(mapped):
    features, coordinates = mapped
    assert np.array_equal(embed(features, Embedding()), coordinates)


@pytest.mark.parametrize("fit_points", [200, 100])
def test_same_map_whatever_the_cores(fit_points, monkeypatch):
    features, _ = clusters(200)
    monkeypatch.setattr(tsne, "_THREADED_FROM", 0)
    for phase in ("_EXAGGERATED", "_FREE", "_PLACED"):
        monkeypatch.setattr(tsne, phase, 50)
    maps = []
    for cores in (1, 2, 3):
        monkeypatch.setattr(tsne, "cores", lambda cores=cores: cores)
        with threadpool_limits(limits=cores):
            maps.append(embed(features, Embedding(fit_points=fit_points)))
    assert np.array_equal(maps[0], maps[1])
    assert np.array_equal(maps[0], maps[2])


def test_seed_makes_a_difference(mapped):
    features, coordinates = mapped
    assert not np.array_equal(embed(features, Embedding(seed=1)), coordinates)


def test_rest_is_placed_where_it_belongs():
    features, kind = clusters(400)
    coordinates = embed(features, Embedding(fit_points=100))
    fitted = spread(400, 100)
    placed = np.setdiff1d(np.arange(400), fitted)
    neighbours = KNeighborsClassifier(5).fit(coordinates[fitted], kind[fitted])
    assert neighbours.score(coordinates[placed], kind[placed]) > 0.95
    assert trustworthiness(features, coordinates) > 0.8


@pytest.mark.parametrize(("fit_points", "total"), [(150, 750), (100, 1000)])
def test_progress_goes_up_to_the_total(fit_points, total):
    features, _ = clusters(150)
    seen: list[tuple[int, int]] = []
    embed(features, Embedding(fit_points=fit_points), lambda done, of: seen.append((done, of)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) > 20
    assert {of for _, of in seen} == {total}
    assert seen[-1] == (total, total)


@pytest.mark.parametrize("count", [MIN_IMAGES, 11, 31])
def test_few_images_make_a_map(count):
    features, _ = clusters(count)
    assert np.isfinite(embed(features, Embedding())).all()


def test_too_few_images_are_refused():
    features, _ = clusters(MIN_IMAGES - 1)
    with pytest.raises(TooFewImagesError, match="at least 10 images, found 9"):
        embed(features, Embedding())
    with pytest.raises(TooFewImagesError):
        trustworthiness(features, features[:, :2])


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("width", [1, 2, 50, 60])
@pytest.mark.parametrize("kinds", [1, 2, 30])
def test_equal_features_and_narrow_ones_make_a_map(width, kinds):
    features = np.random.default_rng(0).normal(size=(kinds, width))[np.arange(30) % kinds].astype(np.float32)
    assert np.isfinite(embed(features, Embedding())).all()


def test_features_that_are_not_finite_are_refused_by_row():
    features, _ = clusters(40)
    features[[4, 9], 0] = np.nan
    with pytest.raises(UnusableFeaturesError, match=r"2 of 40 feature vectors .* first in row 4"):
        embed(features, Embedding())
    with pytest.raises(UnusableFeaturesError, match="row 4"):
        trustworthiness(features, features[:, :2])
    with pytest.raises(UnusableFeaturesError, match=r"shape \(40,\)"):
        embed(features[:, 1], Embedding())


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_spread_rows_are_distinct_and_even(count, wanted):
    rows = spread(count, wanted)
    assert len(rows) == min(count, wanted)
    assert rows[0] == 0
    assert rows[-1] < count
    gaps = np.diff([*rows, count])
    assert gaps.min() >= 1
    assert gaps.max() - gaps.min() <= 1
