"""The report's figures are those of scikit-learn and SciPy, and see what is planted in the data."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.feature_selection import RFECV
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import permutation_importance as reference_importance
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.model_selection import learning_curve as reference_curve
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from image_assets.classifier.intervals import bootstrapped, wilson
from image_assets.classifier.report.calibrated import WAYS, calibrate, calibrator, log_loss
from image_assets.classifier.report.curve_plots import smallest_as_good
from image_assets.classifier.report.elimination import CurvePoint, elimination_curve, feature_counts
from image_assets.classifier.report.importance import (
    FeatureGroup,
    activation,
    correlated_groups,
    permutation_importance,
    single_features,
)
from image_assets.classifier.report.learning_curve import in_turns, learning_curve, training_sizes
from image_assets.classifier.report.split_fairness import split_fairness
from image_assets.classifier.report.subject import ReportSubject, folds_of
from image_assets.classifier.training.calibration import BINS, reliability
from image_assets.classifier.training.families import candidates_of, fit, logistic_regression, pipeline_of
from image_assets.classifier.training.selection import TrainingRows
from image_assets.settings.classifier import RandomForestFamily, SupportVectorFamily
from image_assets.store.models.sklearn_model import SklearnModel
from tests.classifier.report.made import made_subject

LOGISTIC = logistic_regression(0.01)
LEARN = partial(fit, LOGISTIC, 0)


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """Of such small matrices, threads only wait for each other."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="module")
def subject() -> ReportSubject:
    return made_subject()


def pipeline_in(subject: ReportSubject) -> Pipeline:
    assert isinstance(subject.model, SklearnModel)
    return subject.model.pipeline


# Importance


def test_importance_of_single_features_is_scikit_learns(subject: ReportSubject) -> None:
    features, labels = subject.features[subject.aside], subject.labels[subject.aside]
    found = permutation_importance(subject.model, features, labels, single_features(range(12), ()), 4, seed=7)
    expected: Any = reference_importance(pipeline_in(subject), features, labels, n_repeats=4, random_state=7)
    for one in found:
        (column,) = one.group.columns
        assert one.drops == pytest.approx(expected.importances[column], abs=1e-12)
        assert one.deviation == pytest.approx(expected.importances_std[column], abs=1e-12)
    assert [one.mean for one in found] == sorted((one.mean for one in found), reverse=True)


def test_what_tells_the_same_is_shuffled_together_or_its_weight_stays_hidden() -> None:
    """One feature decides, and there are eight copies of it among noise."""
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 150).astype(np.int16)
    copies = labels[:, None] * 2.0 + random.normal(0, 0.05, (300, 8))
    features = np.hstack([copies, random.normal(size=(300, 12)), np.full((300, 1), -0.37)]).astype(np.float32)
    assert features.std(axis=0)[20] > 0  # by rounding alone
    order = random.permutation(300)
    features, labels = features[order], labels[order]
    model = LEARN(features, labels, probabilities=True)
    groups = correlated_groups(features, most=13)
    assert groups[0].columns == tuple(range(8))
    assert groups[0].title == "8 features: 1, 2, 3, 4 …"
    assert 20 not in {column for group in groups for column in group.columns}  # it never varies
    alone = permutation_importance(model, features, labels, single_features(range(8), ()), 5, 0)
    together = permutation_importance(model, features, labels, groups, 5, 0)
    assert max(one.mean for one in alone) < 0.05
    assert together[0].group == groups[0]
    assert together[0].mean > 0.4


def test_images_are_strong_in_what_a_group_has_in_common() -> None:
    random = np.random.default_rng(0)
    common = random.normal(size=200)
    features = (common[:, None] * [1, 3, 0.5] + random.normal(0, 0.1, (200, 3)) + 5).astype(np.float32)
    strength = activation(features, FeatureGroup("", (0, 1, 2)))
    assert np.corrcoef(strength, common)[0, 1] > 0.98


# Curves


def test_the_elimination_is_scikit_learns(subject: ReportSubject) -> None:
    rows = subject.training_rows(10_000, 0)
    rows = TrainingRows(rows.features[:, :6], rows.labels, rows.groups)
    cuts = folds_of(rows, 3, 0)
    counts = list(range(6, 0, -1))
    found = elimination_curve(LEARN, rows, cuts, counts)
    # The penalty is per row: in each fold as many rows as in ours.
    expected = []
    for training, judged in cuts:
        reference = RFECV(
            pipeline_of(LOGISTIC, len(training), 0),
            cv=[(training, judged)],
            importance_getter="named_steps.classify.coef_",
        )
        expected.append(reference.fit(rows.features, rows.labels).cv_results_["mean_test_score"][::-1])
    assert [point.size for point in found] == counts
    assert np.array([point.folds for point in found]) == pytest.approx(np.array(expected).T, abs=1e-12)


def test_the_learning_curve_is_scikit_learns(subject: ReportSubject) -> None:
    rows = subject.training_rows(10_000, 0)
    cuts = folds_of(rows, 3, 0)
    sizes = training_sizes(100, 3)
    ordered = [(in_turns(training, rows.labels, 5), judged) for training, judged in cuts]
    found = learning_curve(LEARN, rows, cuts, sizes, seed=5)
    for point in found:
        model = pipeline_of(LOGISTIC, point.size, 0)
        size = np.array([point.size])
        expected: Any = reference_curve(model, rows.features, rows.labels, train_sizes=size, cv=ordered)
        assert point.folds == pytest.approx(expected[2][0], abs=1e-12)
    assert found[-1].size == 100
    assert found[0].mean < found[-1].mean


@settings(max_examples=40, deadline=None)
@given(counts=st.lists(st.integers(1, 60), min_size=2, max_size=6), seed=st.integers(0, 99))
def test_every_beginning_has_all_classes_in_their_shares(counts: list[int], seed: int) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    order = in_turns(np.arange(len(labels)), labels, seed)
    assert sorted(order) == list(range(len(labels)))
    assert len(set(labels[order][: len(counts)])) == len(counts)
    for size in training_sizes(len(labels), len(counts)):
        for label, count in enumerate(counts):
            assert abs(np.sum(labels[order][:size] == label) - size * count / len(labels)) <= len(counts)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5_000))
def test_halves_of_the_features_down_to_one(width: int) -> None:
    counts = feature_counts(width)
    assert (counts[0], counts[-1]) == (width, 1)
    assert len(counts) <= 13


@pytest.mark.parametrize(
    "family",
    [RandomForestFamily(kind="random_forest", trees=(8,)), SupportVectorFamily(kind="support_vector_machine")],
)
def test_features_that_matter_stay_to_the_end_with_kinds_that_have_no_coefficients(family: Any) -> None:
    random = np.random.default_rng(0)
    labels = np.tile([0, 1], 60).astype(np.int16)
    features = random.normal(size=(120, 8)).astype(np.float32)
    features[:, 5] += 4 * labels
    rows = TrainingRows(features, labels, pl.Series([str(number) for number in range(120)]))
    points = elimination_curve(partial(fit, candidates_of([family])[0], 0), rows, folds_of(rows, 3, 0), [8, 1])
    assert points[-1].mean > 0.9


def test_as_good_is_what_is_within_a_standard_error_of_the_best() -> None:
    points = [CurvePoint(8, (0.9, 0.92, 0.94)), CurvePoint(4, (0.9, 0.91, 0.92)), CurvePoint(1, (0.5, 0.5, 0.5))]
    assert smallest_as_good(points) == 4


# Calibration


@pytest.mark.parametrize("overconfident", [1.0, 4.0])
def test_temperature_scaling_is_scikit_learns(subject: ReportSubject, overconfident: float) -> None:
    pipeline = pipeline_in(subject)
    classify = pipeline.named_steps["classify"]
    features, labels = subject.features[subject.aside], subject.labels[subject.aside]
    kept = classify.coef_.copy()
    classify.coef_ = kept * overconfident
    try:
        frozen: Any = {"estimator": FrozenEstimator(pipeline), "ensemble": False}  # typed as str only
        reference = CalibratedClassifierCV(**frozen, method="temperature")
        expected = reference.fit(features, labels).predict_proba(features)
        raw = subject.model.predict_proba(features)
    finally:
        classify.coef_ = kept
    assert calibrator("temperature", raw, labels)(raw) == pytest.approx(expected, abs=1e-4)


def test_the_bins_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    certainty = random.uniform(0.3, 1, 500)
    right = random.uniform(size=500) < certainty**2
    bins = reliability(certainty, right)
    shares, means = calibration_curve(right, certainty, n_bins=BINS)
    assert [one.accuracy for one in bins] == pytest.approx(shares)
    assert [one.certainty for one in bins] == pytest.approx(means)


def test_a_model_that_is_too_sure_is_put_right_by_folds_of_its_training_images() -> None:
    made = made_subject(600, 150, separation=0.2, candidate=logistic_regression(1e-6))
    rows = made.training_rows(10_000, 0)
    found = calibrate(made.learn, rows, folds_of(rows, 3, 0), made.probabilities, made.truth)
    assert found is not None
    assert found.way in WAYS
    assert found.losses[found.way] == min(found.losses.values())
    assert found.error < made.evaluation.calibration_error / 1.5
    assert found.log_loss < made.evaluation.log_loss


@pytest.mark.parametrize("way", WAYS)
def test_corrected_probabilities_are_probabilities(way: Any) -> None:
    random = np.random.default_rng(0)
    raw = random.dirichlet([0.3] * 4, 80)
    places = random.integers(0, 3, 80)  # the last class never occurs
    corrected = calibrator(way, raw, places)(random.dirichlet([0.1] * 4, 50))
    assert corrected.sum(axis=1) == pytest.approx(1)
    assert corrected.min() >= 0
    assert np.isfinite(log_loss(corrected, random.integers(0, 4, 50)))


# Intervals


@settings(max_examples=40, deadline=None)
@given(of=st.integers(1, 5_000), share=st.floats(0, 1))
def test_wilson_is_scipys(of: int, share: float) -> None:
    right = round(of * share)
    expected = binomtest(right, of).proportion_ci(0.95, "wilson")
    assert wilson(right, of) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_of_nothing_anything_is_possible() -> None:
    assert wilson(0, 0) == (0, 1)


def test_the_bootstrap_is_that_of_the_images(subject: ReportSubject) -> None:
    truth, predicted = subject.truth, subject.predicted
    random = np.random.default_rng(1)
    drawn = []
    for _ in range(2_000):
        chosen = random.integers(0, len(truth), len(truth))
        right = truth[chosen] == predicted[chosen]
        drawn.append(np.mean([right[truth[chosen] == label].mean() for label in range(3)]))
    found = bootstrapped(np.array(subject.evaluation.confusion))
    assert found["balanced_accuracy"] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.01)
    assert found["balanced_accuracy"].low < balanced_accuracy_score(truth, predicted) < found["balanced_accuracy"].high
    assert found["macro_f1"].low < f1_score(truth, predicted, average="macro") < found["macro_f1"].high


# The split


def test_a_fair_split_is_called_fair(subject: ReportSubject) -> None:
    found = split_fairness(subject, 0.25, 1_000, 0)
    assert found.unlikely_classes == []
    assert (found.groups, found.torn) == (0, 0)
    assert found.auc is not None
    assert not found.auc.alarms(0.5)
    assert found.classes["held_out"].sum() == found.days["held_out"].sum() == subject.aside.sum()
    right = round(subject.evaluation.accuracy * subject.evaluation.held_out)
    assert found.days["right"].sum() == right


def test_an_unfair_split_is_seen() -> None:
    """Held out are images of one class only, by their features, and lookalikes are torn."""
    whole = made_subject()
    aside = (whole.labels == 0) & (whole.features[:, 0] > np.median(whole.features[whole.labels == 0, 0]))
    aside[:40] = True
    groups = pl.Series("group", [f"{number // 2}" for number in range(240)])
    found = split_fairness(made_subject(aside=aside, groups=groups), 0.25, 1_000, 0)
    assert found.unlikely_classes
    assert found.groups == 120
    assert found.torn > 0
    assert found.auc is not None
    assert found.auc.alarms(0.5)
