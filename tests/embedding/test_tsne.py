"""Points are placed where their neighbours are: when a map is fitted, and later among those that were."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from threadpoolctl import threadpool_limits

from image_assets.embedding import tsne
from image_assets.embedding.quality import trustworthiness
from image_assets.embedding.reduction import Reduction
from image_assets.embedding.tsne import MIN_IMAGES, fit_places, place_among
from image_assets.settings.stages import Embedding
from tests.embedding.synthetic import clusters

FEATURES, KIND = clusters(300)


def reduced(features: np.ndarray) -> np.ndarray:
    return Reduction.of(features, 0).apply(features)


@pytest.fixture(scope="module")
def mapped() -> np.ndarray:
    return fit_places(reduced(FEATURES), Embedding())


def test_neighbours_stay_neighbours_and_clusters_apart(mapped: np.ndarray) -> None:
    assert mapped.shape == (300, 2)
    assert trustworthiness(FEATURES, mapped) > 0.85
    assert KNeighborsClassifier(10).fit(mapped[::2], KIND[::2]).score(mapped[1::2], KIND[1::2]) > 0.98


def test_the_same_rows_give_the_same_map_and_another_seed_another() -> None:
    few = reduced(FEATURES[:60])
    again, other = (fit_places(few, Embedding(seed=seed)) for seed in (0, 1))
    assert np.array_equal(fit_places(few, Embedding()), again)
    assert not np.array_equal(other, again)


def test_the_same_map_whatever_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    points = reduced(FEATURES[:150])
    monkeypatch.setattr(tsne, "_THREADED_FROM", 0)
    for phase in ("_EXAGGERATED", "_FREE", "_PLACED"):
        monkeypatch.setattr(tsne, phase, 50)
    maps = []
    for cores in (1, 2, 3):
        monkeypatch.setattr(tsne, "cores", lambda cores=cores: cores)
        with threadpool_limits(limits=cores):
            fitted = fit_places(points[:100], Embedding())
            maps.append(np.concatenate([fitted, place_among(points[:100], fitted, points[100:])]))
    assert np.array_equal(maps[0], maps[1])
    assert np.array_equal(maps[0], maps[2])


def test_neighbours_by_trees_make_a_map_as_good_and_always_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tsne, "_EXACT_TO", 0)
    few = FEATURES[:120]
    by_trees = fit_places(reduced(few), Embedding())
    assert trustworthiness(few, by_trees) > 0.85
    assert np.array_equal(fit_places(reduced(few), Embedding()), by_trees)


def test_a_map_may_have_three_dimensions() -> None:
    few = FEATURES[:100]
    space = fit_places(reduced(few), Embedding(dimensions=3))
    assert space.shape == (100, 3)
    assert trustworthiness(few, space) > 0.85
    assert place_among(reduced(few), space, reduced(few)[:5]).shape == (5, 3)


def test_further_points_are_placed_where_they_belong() -> None:
    points = reduced(FEATURES)
    fitted = fit_places(points[:100], Embedding())
    before = fitted.copy()
    placed = place_among(points[:100], fitted, points[100:])
    assert np.array_equal(fitted, before)
    assert KNeighborsClassifier(5).fit(fitted, KIND[:100]).score(placed, KIND[100:]) > 0.95
    assert trustworthiness(FEATURES, np.concatenate([fitted, placed])) > 0.8


def test_a_point_has_the_same_place_whatever_is_placed_with_it(mapped: np.ndarray) -> None:
    points = reduced(FEATURES)
    new = points + np.random.default_rng(0).normal(size=points.shape).astype(np.float32)
    together = place_among(points, mapped, new)
    alone = np.concatenate([place_among(points, mapped, new[row : row + 1]) for row in (0, 17, 299)])
    assert np.array_equal(together[[0, 17, 299]], alone)


def test_so_many_points_that_the_library_would_take_another_gradient_have_the_same_places(
    mapped: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tsne, "_PLACED", 3)
    points = reduced(FEATURES)
    few = place_among(points, mapped, points[::-1])
    assert np.array_equal(place_among(points, mapped, np.tile(points[::-1], (34, 1)))[-300:], few)


def test_progress_goes_up_to_the_total() -> None:
    fitting: list[tuple[int, int]] = []
    placing: list[tuple[int, int]] = []
    points = reduced(FEATURES[:60])
    places = fit_places(points[:50], Embedding(), progress=lambda done, of: fitting.append((done, of)))
    place_among(points[:50], places, points[50:], progress=lambda done, of: placing.append((done, of)))
    assert len(fitting) > 20
    assert fitting == sorted(fitting)
    assert fitting[-1] == (750, 750)
    assert placing[-1] == (10, 10)


@pytest.mark.parametrize("count", [MIN_IMAGES, 11, 31])
def test_few_images_make_a_map(count: int) -> None:
    points = reduced(FEATURES[:count])
    places = fit_places(points, Embedding())
    assert np.isfinite(places).all()
    assert np.isfinite(place_among(points, places, points)).all()


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
@pytest.mark.parametrize("width", [1, 2, 50, 60])
@pytest.mark.parametrize("kinds", [1, 2, 30])
def test_equal_features_and_narrow_ones_make_a_map(width: int, kinds: int) -> None:
    features = np.random.default_rng(0).normal(size=(kinds, width))[np.arange(30) % kinds].astype(np.float32)
    points = reduced(features)
    places = fit_places(points, Embedding())
    assert np.isfinite(places).all()
    assert np.isfinite(place_among(points, places, points)).all()
