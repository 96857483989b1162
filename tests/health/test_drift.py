"""A day that is like the days before raises no alarm, and one that is not does, whatever the size of the samples."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image_assets.asset_checks.drift import DRIFTING_METRICS
from image_assets.health.drift import (
    Figure,
    compare_features,
    compare_numbers,
    domain_auc,
    kolmogorov_smirnov,
    population_stability_index,
)
from image_assets.images.decode import decode
from image_assets.images.metrics import measure
from image_assets.settings.quality import Drift
from image_assets.settings.stages import Limits

LIMITS = Drift()
SPLITS = range(10)
WIDTH = 256


def vectors(random: np.random.Generator, images: int, subject: int = 0) -> np.ndarray:
    """float32 [images, 256]: not negative, correlated, of a few directions that the subject decides, with noise."""
    directions = np.random.default_rng(subject).normal(0, 1, (20, WIDTH))
    scale = 1 / np.sqrt(np.arange(1, 21))
    values = random.normal(0, scale, (images, 20)) @ directions + random.normal(0, 1, (images, WIDTH)) + directions[0]
    return np.maximum(values, 0).astype(np.float32)


@pytest.fixture(scope="module")
def photos(shared_data) -> pl.DataFrame:
    """Real photos as `metrics_drift` sees them, with their category; and dark ones, each beside its original."""
    rows = []
    for path in sorted((shared_data / "photos").rglob("*.jpg"))[::2]:
        pixels = decode(path.read_bytes(), Limits()).pixels
        size = {"height": pixels.shape[0], "width": pixels.shape[1], "category": path.parent.name, "file": path.name}
        for dark, factor in ((False, 1), (True, 0.15)):
            rows.append({**size, "dark": dark, **measure((pixels * factor).astype(np.uint8))._asdict()})
    metrics = {name: metric.cast(pl.Float64) for name, metric in DRIFTING_METRICS.items()}
    return pl.DataFrame(rows).select("category", "dark", **metrics)


def numbers(rows: pl.DataFrame) -> np.ndarray:
    return rows.select(list(DRIFTING_METRICS)).to_numpy()


def alarms(window: np.ndarray, day: np.ndarray) -> list[str]:
    return compare_numbers(window, day, list(DRIFTING_METRICS)).alarms(LIMITS)


# No alarm where nothing has changed


@pytest.mark.parametrize("seed", SPLITS)
def test_a_random_part_of_the_photos_is_like_the_rest(photos: pl.DataFrame, seed: int) -> None:
    rows = numbers(photos.filter(~pl.col("dark")).sample(fraction=1, shuffle=True, seed=seed))
    assert alarms(rows[150:], rows[:150]) == []


@pytest.mark.parametrize("seed", SPLITS)
def test_features_of_one_distribution_are_alike(seed: int) -> None:
    random = np.random.default_rng(seed)
    assert compare_features(vectors(random, 300), vectors(random, 120)).alarms(LIMITS) == []


@settings(max_examples=30, deadline=None)
@given(st.integers(20, 300), st.integers(20, 300), st.integers(0, 2**32 - 1), st.sampled_from(["normal", "few", "one"]))
def test_samples_of_any_size_from_one_distribution_are_alike(window: int, day: int, seed: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    draw = {"normal": random.standard_normal, "few": lambda size: random.integers(0, 3, size) * 1.0, "one": np.zeros}[
        kind
    ]
    before, now = draw((window, 3)), draw((day, 3))
    assert compare_numbers(before, now, list("abc")).alarms(LIMITS) == []


# An alarm where something has


@pytest.mark.parametrize("seed", SPLITS)
def test_thirty_per_cent_of_dark_photos_are_noticed_and_pointed_at(photos: pl.DataFrame, seed: int) -> None:
    ordinary, dark = (photos.filter(pl.col("dark") == is_dark) for is_dark in (False, True))
    order = np.random.default_rng(seed).permutation(ordinary.height)
    window, day, darkened = order[150:], order[45:150], order[:45]
    shown = np.concatenate([numbers(dark[darkened]), numbers(ordinary[day])])
    report = compare_numbers(numbers(ordinary[window]), shown, list(DRIFTING_METRICS))
    assert any(alarm.startswith("PSI of brightness") for alarm in report.alarms(LIMITS))
    assert (np.argsort(-report.scores)[:10] < 45).all()


@pytest.mark.parametrize(("category", "other"), [("animal", "human"), ("human", "plant"), ("plant", "animal")])
def test_photos_of_another_category_are_noticed(photos: pl.DataFrame, category: str, other: str) -> None:
    ordinary = photos.filter(~pl.col("dark"))
    before, now = (numbers(ordinary.filter(pl.col("category") == name)) for name in (category, other))
    assert alarms(before, now)


@pytest.mark.parametrize("seed", SPLITS)
def test_features_of_another_subject_are_noticed(seed: int) -> None:
    random = np.random.default_rng(seed)
    report = compare_features(vectors(random, 300), vectors(random, 120, subject=1))
    assert report.auc.value > 0.9
    assert report.alarms(LIMITS)


@pytest.mark.parametrize("seed", SPLITS)
def test_shifted_features_are_noticed(seed: int) -> None:
    random = np.random.default_rng(seed)
    window, day = vectors(random, 300), vectors(random, 120)
    assert compare_features(window, day + 0.5 * window.std(axis=0)).alarms(LIMITS)


def test_some_features_of_another_subject_are_those_with_the_highest_scores() -> None:
    random = np.random.default_rng(0)
    day = np.concatenate([vectors(random, 40, subject=1), vectors(random, 80)])
    report = compare_features(vectors(random, 300), day)
    assert report.alarms(LIMITS)
    assert (np.argsort(-report.scores)[:20] < 40).mean() > 0.8


# The figures


def test_psi_is_that_of_the_textbook() -> None:
    """Two bins of 50 % and 50 %, then 80 % and 20 %: (0.8 - 0.5) ln(0.8 / 0.5) + (0.2 - 0.5) ln(0.2 / 0.5)."""
    window, day = np.repeat([0.0, 1.0], 50_000), np.repeat([0.0, 1.0], [80_000, 20_000])
    assert population_stability_index(window, day).value == pytest.approx(
        0.3 * np.log(1.6) - 0.3 * np.log(0.4), rel=1e-3
    )


def test_psi_notices_values_on_either_side_of_what_was_always_the_same() -> None:
    window = np.full(100, 5.0)
    for day in (np.full(100, 4.9), np.full(100, 5.1), np.repeat([4.9, 5.1], 50)):
        assert population_stability_index(window, day).alarms(LIMITS.psi)
    assert population_stability_index(window, window).value == 0


def test_ks_is_the_largest_distance_of_the_distributions() -> None:
    assert kolmogorov_smirnov(np.arange(100.0), np.arange(100.0) + 30).value == pytest.approx(0.3)
    assert kolmogorov_smirnov(np.arange(100.0), np.arange(100.0) + 100).value == 1


@pytest.mark.parametrize("figure", [population_stability_index, kolmogorov_smirnov])
def test_what_is_called_chance_is_hardly_ever_reached_by_chance(figure) -> None:
    random = np.random.default_rng(0)
    found = [figure(random.normal(size=200), random.normal(size=100)) for _ in range(500)]
    assert sum(one.value > one.chance for one in found) <= 1
    # And it is not far above what chance does give.
    assert max(one.value for one in found) > 0.6 * found[0].chance


def test_an_auc_of_one_half_is_no_difference_and_the_same_every_time() -> None:
    random = np.random.default_rng(0)
    window, day = random.normal(size=(300, 5)), random.normal(size=(100, 5))
    (first, scores), (second, again) = domain_auc(window, day), domain_auc(window, day)
    assert abs(first.value - 0.5) < first.chance - 0.5
    assert first == second
    assert (scores == again).all()
    apart, _ = domain_auc(window, day + 10)
    assert apart.value == 1


def test_an_alarm_is_more_than_the_limit_and_no_accident() -> None:
    assert Figure(0.3, 0.2).alarms(0.25)
    assert not Figure(0.3, 0.4).alarms(0.25)
    assert not Figure(0.24, 0.1).alarms(0.25)
