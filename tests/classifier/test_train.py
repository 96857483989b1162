from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from image_assets.classifier.training.families import Candidate, logistic_regression
from image_assets.classifier.training.train import (
    NotTrainableError,
    UnusableFeaturesError,
    check_trainable,
    train,
    untested,
)
from tests.classifier.synthetic import CLASSES, clusters


def coefficients(features: np.ndarray, labels: np.ndarray, spec: Candidate) -> np.ndarray:
    return train(features, labels, spec, CLASSES).pipeline.named_steps["classify"].coef_


def test_separable_classes_are_learnt():
    features, labels = clusters(900)
    model = train(features[:600], labels[:600], logistic_regression(0.001), CLASSES)
    assert np.mean(model.predict(features[600:]) == labels[600:]) > 0.97


def test_features_that_say_nothing_teach_nothing():
    features, labels = clusters(900)
    shuffled = np.random.default_rng(1).permutation(labels)
    model = train(features[:600], shuffled[:600], logistic_regression(0.001), CLASSES)
    assert np.mean(model.predict(features[600:]) == shuffled[600:]) < 0.5


def test_same_model_bit_for_bit_whatever_the_threads():
    features, labels = clusters(700, width=300, separation=0.1)
    models = []
    for threads in (1, 2, 1):
        with threadpool_limits(limits=threads):
            models.append(coefficients(features, labels, logistic_regression(0.001)).tobytes())
    assert models[0] == models[1] == models[2]


def test_penalty_is_per_row():
    # The same data twice over is the same problem; with scikit-learn's own C it would be half as penalised.
    features, labels = clusters(300, width=10, separation=0.2)
    spec = logistic_regression(0.5)
    once = coefficients(features, labels, spec)
    twice = coefficients(np.tile(features, (2, 1)), np.tile(labels, 2), spec)
    np.testing.assert_allclose(once, twice, atol=1e-3)
    weaker = coefficients(features, labels, logistic_regression(0.25))
    assert np.abs(weaker - once).max() > 0.02


def test_constant_columns_are_harmless():
    features, labels = clusters(600)
    features[:, :10] = 3.7
    model = train(features, labels, logistic_regression(0.001), CLASSES)
    assert np.isfinite(model.predict_proba(features)).all()
    assert np.mean(model.predict(features) == labels) > 0.97


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_features_that_are_not_finite_are_refused_by_row(value):
    features, labels = clusters(100)
    features[[7, 20], 3] = value
    with pytest.raises(UnusableFeaturesError, match=r"2 of 100 feature vectors .* first in row 7"):
        train(features, labels, logistic_regression(0.001), CLASSES)


def test_rows_and_labels_must_agree():
    features, labels = clusters(100)
    with pytest.raises(UnusableFeaturesError, match=r"\(100, 64\) and 99 labels"):
        train(features, labels[:99], logistic_regression(0.001), CLASSES)
    with pytest.raises(UnusableFeaturesError, match="one feature vector per label"):
        train(features[:, 0], labels, logistic_regression(0.001), CLASSES)


def test_labels_of_no_category_are_refused():
    features, labels = clusters(100)
    with pytest.raises(UnusableFeaturesError, match=r"labels \[2\] are none"):
        train(features, labels, logistic_regression(0.001), {"plant": 0, "animal": 1})


def test_one_class_is_not_enough():
    features, labels = clusters(100)
    only = labels == 1
    with pytest.raises(NotTrainableError, match=rf"plant 0, animal {only.sum()}, human 0"):
        train(features[only], labels[only], logistic_regression(0.001), CLASSES)
    with pytest.raises(NotTrainableError, match="plant 0, animal 0, human 0"):
        train(features[:0], labels[:0], logistic_regression(0.001), CLASSES)


@pytest.mark.parametrize(
    ("training", "kept", "problem"),
    [
        ((0, 0, 0), (0, 0, 0), "fewer than two classes have training images"),
        ((9, 0, 0), (3, 3, 0), "fewer than two classes have training images"),
        ((9, 9, 0), (0, 0, 0), "no image is held out"),
    ],
)
def test_too_little_to_learn_or_to_measure_says_what_is_missing(training, kept, problem):
    labels = np.repeat([0, 1, 2, 0, 1, 2], [*training, *kept]).astype(np.int16)
    aside = np.repeat([False, True], [sum(training), sum(kept)])
    counts = f"plant {training[0]} \\+ {kept[0]}, animal {training[1]} \\+ {kept[1]}, human {training[2]} \\+ {kept[2]}"
    with pytest.raises(NotTrainableError, match=f"{problem}.*{counts}"):
        check_trainable(labels, aside, CLASSES, len(labels))


def test_of_lookalikes_other_pictures_are_asked_for_and_not_more():
    labels, aside = np.repeat([0, 1], 40).astype(np.int16), np.zeros(80, bool)
    with pytest.raises(NotTrainableError, match=r"Add images\.$"):
        check_trainable(labels, aside, CLASSES, 80)
    with pytest.raises(NotTrainableError, match=r"Only 2 of the 80 images are different pictures.*add other pictures"):
        check_trainable(labels, aside, CLASSES, 2)


def test_a_category_with_nothing_held_out_is_named_and_stops_nobody():
    labels = np.repeat([0, 1, 2, 0, 1], [9, 9, 1, 3, 3]).astype(np.int16)
    aside = np.repeat([False, True], [19, 6])
    check_trainable(labels, aside, CLASSES, len(labels))
    assert untested(labels[~aside], labels[aside], CLASSES) == ["human"]
    assert untested(labels[~aside], labels, CLASSES) == []


def test_a_category_without_images_yet_is_no_obstacle():
    check_trainable(np.array([0, 0, 1, 1], dtype=np.int16), np.array([False, True, False, True]), CLASSES, 4)
