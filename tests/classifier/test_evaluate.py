from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics
from sklearn.exceptions import ConvergenceWarning

from image_assets.classifier.training.evaluate import evaluate
from image_assets.classifier.training.families import logistic_regression
from image_assets.classifier.training.train import NotTrainableError, train
from image_assets.features.table import UnusableFeaturesError
from tests.classifier.synthetic import CLASSES, clusters


@pytest.fixture(scope="module")
def trained():
    features, labels = clusters(900, width=8, separation=0.4)
    return train(features[:600], labels[:600], logistic_regression(0.001), CLASSES), features[600:], labels[600:]


def test_figures_are_scikit_learns(trained):
    model, features, labels = trained
    found, predicted = evaluate(model, features, labels, CLASSES), model.predict(features)
    assert 0.4 < found.accuracy < 0.95
    assert found.accuracy == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert found.macro_f1 == pytest.approx(metrics.f1_score(labels, predicted, average="macro"))
    assert found.balanced_accuracy == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))
    assert np.array_equal(found.confusion, metrics.confusion_matrix(labels, predicted))
    each = metrics.precision_recall_fscore_support(labels, predicted)
    assert [one.name for one in found.per_class] == ["plant", "animal", "human"]
    for figure, expected in zip(("precision", "recall", "f1", "support"), each, strict=True):
        assert [getattr(one, figure) for one in found.per_class] == pytest.approx(np.asarray(expected).tolist())
    assert (found.trained, found.held_out, found.converged) == (600, 300, True)


def test_majority_is_the_accuracy_of_a_constant_answer(trained):
    model, features, labels = trained
    rows = np.concatenate([np.flatnonzero(labels == 0)[:30], np.flatnonzero(labels == 1)[:10]])
    assert evaluate(model, features[rows], labels[rows], CLASSES).majority_accuracy == pytest.approx(0.75)


def test_class_without_held_out_images_does_not_weigh(trained):
    model, features, labels = trained
    rows = labels != 2
    found = evaluate(model, features[rows], labels[rows], CLASSES)
    assert [one.support for one in found.per_class][2] == 0
    assert found.macro_f1 == pytest.approx(np.mean([one.f1 for one in found.per_class[:2]]))
    assert found.balanced_accuracy == pytest.approx(np.mean([one.recall for one in found.per_class[:2]]))


def test_class_that_the_model_never_saw_counts_as_missed():
    features, labels = clusters(600)
    known = labels[:400] != 2
    model = train(features[:400][known], labels[:400][known], logistic_regression(0.001), CLASSES)
    human = evaluate(model, features[400:], labels[400:], CLASSES).per_class[2]
    assert human.support > 0
    assert (human.precision, human.recall, human.f1) == (0, 0, 0)


def test_category_without_images_yet_is_left_out(trained):
    model, features, labels = trained
    found = evaluate(model, features, labels, {**CLASSES, "fungus": 3})
    assert [one.name for one in found.per_class] == ["plant", "animal", "human"]


def test_training_cut_short_is_told():
    features, labels = clusters(300, separation=0.1)
    with pytest.warns(ConvergenceWarning):
        model = train(features, labels, logistic_regression(0.001, max_iterations=1), CLASSES)
    assert not evaluate(model, features, labels, CLASSES).converged


def test_nothing_held_out_is_refused(trained):
    model, features, labels = trained
    with pytest.raises(NotTrainableError, match="no image is held out"):
        evaluate(model, features[:0], labels[:0], CLASSES)


def test_features_that_are_not_finite_are_refused(trained):
    model, features, labels = trained
    broken = features.copy()
    broken[5] = np.nan
    with pytest.raises(UnusableFeaturesError, match="row 5"):
        evaluate(model, broken, labels, CLASSES)
