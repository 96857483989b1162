"""The refit from disk: scikit-learn's answer, the same on any number of cores, quicker from a good start."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from image_assets.classifier.daily import out_of_core_logistic as module
from image_assets.classifier.daily.discriminant import discriminant, discriminant_candidate
from image_assets.classifier.daily.out_of_core_logistic import carried_over, fit_out_of_core
from image_assets.classifier.daily.statistics import class_statistics, statistics_of_file
from image_assets.classifier.training.families import (
    Candidate,
    candidates_of,
    fit,
    logistic_regression,
    pipeline_of,
)
from image_assets.classifier.training.matrix_file import temporary_matrix
from image_assets.classifier.training.train import NotTrainableError
from image_assets.settings.classifier import RandomForestFamily, Transform
from image_assets.store.models.sklearn_model import SklearnModel
from image_assets.store.models.skops_files import dump_model, parse_model
from image_assets.workers import ordered_map
from tests.classifier.synthetic import clusters

LABELS = (0, 1, 2)
FEATURES, TRUTH = clusters(3_000, width=16, separation=0.25, seed=3)
FEATURES = FEATURES * np.linspace(0.01, 100, 16, dtype=np.float32) + 50
FEATURES[:, 7] = 3.7


def fitted(
    features: np.ndarray, labels: np.ndarray, candidate: Candidate, start: SklearnModel | None = None
) -> SklearnModel:
    with temporary_matrix(*features.shape) as matrix:
        matrix.write(np.arange(len(features)), features)
        statistics = statistics_of_file(matrix.as_rooted(candidate.rooted), labels, LABELS)
        return fit_out_of_core(matrix, labels, candidate, statistics, start)


def of_scikit_learn(features: np.ndarray, labels: np.ndarray, candidate: Candidate) -> SklearnModel:
    model = pipeline_of(candidate, len(labels), seed=0)
    model.named_steps["classify"].tol = 1e-7
    return SklearnModel(model.fit(features.astype(np.float64), labels))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("transform", ["root", "none"])
@pytest.mark.parametrize(("penalty", "ratio"), [(0.01, 0), (0.0001, 0), (0.01, 0.5), (0.01, 1)])
def test_probabilities_are_those_of_scikit_learn(
    classes: int, penalty: float, ratio: float, transform: Transform
) -> None:
    features, labels = FEATURES[classes > TRUTH], TRUTH[classes > TRUTH]
    candidate = logistic_regression(penalty, ratio, 5_000).transformed(transform)
    found, expected = fitted(features, labels, candidate), of_scikit_learn(features, labels, candidate)
    judged = features.astype(np.float64)
    np.testing.assert_allclose(found.predict_proba(judged), expected.predict_proba(judged), atol=1e-3)
    none = found.pipeline.named_steps["classify"].coef_ == 0
    # A column of one root varies by a rounding in scikit-learn.
    np.testing.assert_array_equal(none, np.abs(expected.pipeline.named_steps["classify"].coef_) < 1e-9)
    assert none.any()  # the column that never varies, and with an L1 part more
    assert found.classes.dtype == np.int16
    assert found.converged


def test_the_same_bytes_on_any_number_of_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    models = []
    for workers in (1, 2, 3):
        monkeypatch.setattr(module, "ordered_map", partial(ordered_map, workers=workers))
        models.append(dump_model(fitted(FEATURES, TRUTH, logistic_regression(0.001))))
    assert models[0] == models[1] == models[2]
    assert np.mean(parse_model(models[0]).predict(FEATURES) == TRUTH) > 0.45


def iterations(candidate: Candidate, start: SklearnModel | None) -> int:
    return int(fitted(FEATURES, TRUTH, candidate, start).pipeline.named_steps["classify"].n_iter_[0])


def test_a_good_start_saves_iterations_and_gives_the_same_answer() -> None:
    candidate = logistic_regression(0.001)
    cold = fitted(FEATURES, TRUTH, candidate)
    yesterday = fitted(FEATURES[:2_700] * 3, TRUTH[:2_700], candidate)  # another scaler
    warm = fitted(FEATURES * 3, TRUTH, candidate, yesterday)
    assert iterations(candidate, cold) == 0
    assert warm.pipeline.named_steps["classify"].n_iter_[0] < cold.pipeline.named_steps["classify"].n_iter_[0]
    np.testing.assert_allclose(warm.predict_proba(FEATURES * 3), cold.predict_proba(FEATURES), atol=1e-3)
    quick = discriminant(class_statistics(FEATURES, TRUTH, LABELS), discriminant_candidate(0.05))
    assert iterations(candidate, quick) < iterations(candidate, None)


def test_a_start_is_the_same_function_behind_another_scaler() -> None:
    before = of_scikit_learn(FEATURES[:1_000], TRUTH[:1_000], logistic_regression(0.01))
    scaler = StandardScaler().fit(FEATURES.astype(np.float64))
    weights = carried_over(before, np.array(LABELS), np.asarray(scaler.mean_), np.asarray(scaler.scale_))
    assert weights is not None
    logits = scaler.transform(FEATURES.astype(np.float64)) @ weights[:, :-1].T + weights[:, -1]
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected = before.predict_proba(FEATURES.astype(np.float64))
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), expected, atol=1e-9)


def test_a_start_of_other_classes_width_or_kind_is_passed_over() -> None:
    of_two = of_scikit_learn(FEATURES[TRUTH < 2], TRUTH[TRUTH < 2], logistic_regression(0.01))
    narrow = of_scikit_learn(FEATURES[:, :5], TRUTH, logistic_regression(0.01))
    trees = candidates_of([RandomForestFamily(kind="random_forest", trees=(1,))])[0]
    forest = fit(trees, 0, FEATURES[:50], TRUTH[:50], probabilities=True)
    rooted = of_scikit_learn(FEATURES, TRUTH, logistic_regression(0.01).transformed("root"))
    cold = dump_model(fitted(FEATURES, TRUTH, logistic_regression(0.01)))
    for start in (of_two, narrow, forest, rooted):
        assert dump_model(fitted(FEATURES, TRUTH, logistic_regression(0.01), start)) == cold


def test_progress_and_the_limit_of_iterations() -> None:
    seen: list[tuple[int, int]] = []
    with temporary_matrix(*FEATURES.shape) as matrix:
        matrix.write(np.arange(len(FEATURES)), FEATURES)
        statistics = class_statistics(FEATURES, TRUTH, LABELS)
        model = fit_out_of_core(
            matrix, TRUTH, logistic_regression(0.0001, 0, 3), statistics, None, lambda *one: seen.append(one)
        )
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert not model.converged


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(NotTrainableError, match=r"two classes to train on; found label \[1\]"):
        fitted(FEATURES[TRUTH == 1], TRUTH[TRUTH == 1], logistic_regression(0.01))
    with pytest.raises(ValueError, match=r"random_forest .* only logistic_regression can"):
        fitted(FEATURES, TRUTH, Candidate("random_forest", (("trees", 3),)))
