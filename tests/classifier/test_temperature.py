from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from obstore.store import MemoryStore
from scipy.special import softmax

from image_assets.classifier.training.calibration import calibration_error, reliability
from image_assets.classifier.training.choice import choose
from image_assets.classifier.training.families import Candidate, candidates_of, fit, logistic_regression
from image_assets.classifier.training.selection import TrainingRows
from image_assets.classifier.training.temperature import fitting_temperature, measured_temperature
from image_assets.settings.classifier import Classifier, RandomForestFamily

PENALTY = logistic_regression(0.001)


def of_sources(sources: int, seed: int, shift: float = 8.0) -> TrainingRows:
    """Three categories of 30 images from each source, whose features are shifted by the source and its category."""
    random = np.random.default_rng(seed)
    labels = np.tile(np.repeat(np.arange(3), 30), sources).astype(np.int16)
    source = np.repeat(np.arange(sources), 90)
    centres = np.random.default_rng(0).normal(size=(3, 60))
    features = centres[labels] + shift * random.normal(size=(sources, 3, 60))[source, labels] / 2
    features += random.normal(size=features.shape) / 2
    names = pl.Series([f"image{i}" for i in range(len(labels))])
    return TrainingRows(features.astype(np.float32), labels, names, pl.Series([f"source{one}" for one in source]))


def error_on(rows: TrainingRows, candidate: Candidate, others: TrainingRows) -> float:
    probabilities = fit(candidate, 0, rows.features, rows.labels).predict_proba(others.features)
    right = probabilities.argmax(axis=1) == others.labels
    return calibration_error(reliability(probabilities.max(axis=1), right))


def test_probabilities_are_honest_on_sources_that_were_never_seen() -> None:
    rows, others = of_sources(6, seed=1), of_sources(30, seed=2)
    temperature = measured_temperature(PENALTY, rows, 0)
    assert temperature > 1.5
    assert error_on(rows, PENALTY.tempered(temperature), others) < error_on(rows, PENALTY, others) / 1.5


def test_a_dataset_file_asks_for_it() -> None:
    rows = of_sources(6, seed=1)
    plain = choose(Classifier(), rows, MemoryStore(), "scores").candidate
    assert choose(Classifier(tempered_by_sources=True), rows, MemoryStore(), "scores").candidate == plain.tempered(
        measured_temperature(plain, rows, Classifier().selection.seed)
    )
    assert "temperature" not in str(plain)


def test_sources_that_are_alike_need_none() -> None:
    assert measured_temperature(logistic_regression(0.1), of_sources(8, seed=1, shift=0), 0) == pytest.approx(
        1, abs=0.01
    )


def test_without_other_sources_or_images_enough_nothing_is_changed() -> None:
    rows = of_sources(8, seed=1)
    alone = TrainingRows(rows.features, rows.labels, rows.groups, pl.Series(["one"] * len(rows.labels)))
    unknown = TrainingRows(rows.features, rows.labels, rows.groups)
    assert measured_temperature(PENALTY, alone, 0) == measured_temperature(PENALTY, unknown, 0) == 1
    assert measured_temperature(PENALTY, rows.take(np.arange(0, len(rows.labels), 10)), 0) == 1
    assert PENALTY.tempered(1) == PENALTY
    forest = candidates_of([RandomForestFamily(kind="random_forest", trees=(2,))])[0]
    assert measured_temperature(forest, rows, 0) == 1


@pytest.mark.parametrize("classes", [2, 3])
def test_a_temperature_divides_the_log_odds_and_changes_no_answer(classes: int) -> None:
    rows = of_sources(3, seed=1)
    some = rows.take(np.flatnonzero(rows.labels < classes))
    plain, tempered = (fit(one, 0, some.features, some.labels) for one in (PENALTY, PENALTY.tempered(2.5)))
    expected = plain.predict_proba(some.features) ** (1 / 2.5)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(tempered.predict_proba(some.features), expected, atol=1e-5)
    np.testing.assert_array_equal(tempered.predict(some.features), plain.predict(some.features))
    assert str(PENALTY.tempered(2.5)).endswith("temperature 2.5)")


def test_the_temperature_that_was_planted_is_found() -> None:
    random = np.random.default_rng(0)
    log_odds = 4 * random.normal(size=(4_000, 3))
    probabilities = softmax(log_odds / 2.5, axis=1)
    truth = (probabilities.cumsum(axis=1) < random.random((4_000, 1))).sum(axis=1)
    sharper = softmax(log_odds, axis=1)
    assert fitting_temperature(sharper, truth) == pytest.approx(2.5, abs=0.2)
