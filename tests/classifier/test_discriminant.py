"""Discriminants from statistics are scikit-learn's own of the rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from image_assets.classifier.daily.discriminant import discriminant, discriminant_candidate
from image_assets.classifier.daily.statistics import class_statistics, merge, no_statistics
from image_assets.classifier.training.evaluate import evaluate
from image_assets.classifier.training.train import NotTrainableError
from image_assets.store.models.sklearn_model import SklearnModel
from image_assets.store.models.skops_files import dump_model, parse_model
from tests.classifier.synthetic import CLASSES, clusters

LABELS = (0, 1, 2)


def of_scikit_learn(features: np.ndarray, labels: np.ndarray, shrinkage: float) -> Pipeline:
    model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage))
    return model.fit(features.astype(np.float64), labels)


def of_parts(features: np.ndarray, labels: np.ndarray, shrinkage: float) -> SklearnModel:
    total = no_statistics(LABELS, features.shape[1])
    for start in range(0, len(labels), 77):
        part = class_statistics(features[start : start + 77], labels[start : start + 77], LABELS)
        total = merge(total, part)
    return discriminant(total, discriminant_candidate(shrinkage))


@pytest.mark.parametrize("shrinkage", [0.01, 0.2, 1.0])
@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_are_those_of_scikit_learn(classes: int, shrinkage: float) -> None:
    features, labels = clusters(600, width=30, separation=0.2)
    features[:, 4] = 3.7  # never varies
    features[:, 5] = 1e3 + features[:, 5] / 100
    there = labels < classes
    features, labels = features[there], labels[there]
    found, expected = of_parts(features, labels, shrinkage), of_scikit_learn(features, labels, shrinkage)
    judged = features.astype(np.float64)
    np.testing.assert_allclose(found.predict_proba(judged), expected.predict_proba(judged), atol=1e-6)
    assert found.classes.dtype == np.int16
    assert evaluate(found, features, labels, CLASSES).trained == len(labels)


def test_fewer_rows_than_columns_are_enough_with_shrinkage() -> None:
    features, labels = clusters(25, width=64)
    judged = features.astype(np.float64)
    found, expected = of_parts(features, labels, 0.05), of_scikit_learn(features, labels, 0.05)
    np.testing.assert_allclose(found.predict_proba(judged), expected.predict_proba(judged), atol=1e-6)


def test_of_roots_it_is_the_one_behind_a_root() -> None:
    features, labels = clusters(300, width=12)
    root = np.sign(features) * np.sqrt(np.abs(features))
    candidate = discriminant_candidate(0.1, "root")
    found = discriminant(class_statistics(root, labels, LABELS), candidate)
    expected = of_parts(root, labels, 0.1)
    np.testing.assert_allclose(found.predict_proba(features), expected.predict_proba(root), atol=1e-6)
    assert str(candidate) == "discriminant (shrinkage 0.1, transform root)"
    assert np.array_equal(parse_model(dump_model(found)).predict_proba(features), found.predict_proba(features))


def test_the_model_is_saved_like_any_other() -> None:
    features, labels = clusters(200, width=10)
    model = of_parts(features, labels, 0.1)
    content = dump_model(model)
    assert parse_model(content).predict_proba(features).tobytes() == model.predict_proba(features).tobytes()
    assert content == dump_model(of_parts(features, labels, 0.1))
    assert len(content) < 20_000


def test_too_little_says_what_is_missing() -> None:
    features, labels = clusters(60, width=5)
    with pytest.raises(NotTrainableError, match="0 of label 2"):
        discriminant(class_statistics(features[labels == 1], labels[labels == 1], LABELS), discriminant_candidate(0.1))
    one_each = [int(np.argmax(labels == label)) for label in LABELS]
    with pytest.raises(NotTrainableError, match="two different images"):
        discriminant(class_statistics(features[one_each], labels[one_each], LABELS), discriminant_candidate(0.1))
