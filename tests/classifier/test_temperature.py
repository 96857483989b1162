from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from image_assets.classifier.training.families import fit, logistic_regression
from image_assets.classifier.training.temperature import fitting_temperature, modest_temperature
from tests.classifier.synthetic import of_sources

PENALTY = logistic_regression(0.001)


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


def test_a_candidate_knows_its_temperature_and_loses_it() -> None:
    assert PENALTY.tempered(1) == PENALTY
    assert PENALTY.tempered(2.5).temperature == 2.5
    assert PENALTY.temperature == 1
    assert PENALTY.tempered(2.5).untempered == PENALTY


def planted(temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of a model that is too certain by a temperature, and the truth."""
    random = np.random.default_rng(0)
    log_odds = 4 * random.normal(size=(4_000, 3))
    probabilities = softmax(log_odds / temperature, axis=1)
    truth = (probabilities.cumsum(axis=1) < random.random((4_000, 1))).sum(axis=1)
    return softmax(log_odds, axis=1), truth


def test_the_temperature_that_was_planted_is_found() -> None:
    assert fitting_temperature(*planted(2.5)) == pytest.approx(2.5, abs=0.2)
    assert modest_temperature(*planted(2.5)) == pytest.approx(2.5, abs=0.2)


def test_a_model_that_is_too_modest_stays_so() -> None:
    assert fitting_temperature(*planted(0.5)) == pytest.approx(0.5, abs=0.1)
    assert modest_temperature(*planted(0.5)) == 1


def test_where_some_images_may_be_strange_no_class_is_all_but_certain() -> None:
    sure = softmax(np.array([[30.0, 0, 0], [0, 30, 0], [0, 0, 30]]), axis=1)
    right = np.arange(3)
    assert modest_temperature(sure, right) == 1
    temperature = fitting_temperature(sure, right, strange=0.03)
    tempered = softmax(np.log(sure) / temperature, axis=1)
    np.testing.assert_allclose(tempered.max(axis=1), 0.98, atol=1e-3)
