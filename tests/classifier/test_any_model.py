"""Whoever judges, promotes, scores and reports asks a model for what `Model` promises, and for nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy.special import softmax

from image_assets.classifier.daily.trust import measured_trust
from image_assets.classifier.export.onnx_export import ExportRefusedError, export_onnx
from image_assets.classifier.export.probes import generated_probes
from image_assets.classifier.report.analysis import analyse
from image_assets.classifier.report.baselines import label_shuffle
from image_assets.classifier.report.subject import ReportSubject
from image_assets.classifier.report.write import report_page
from image_assets.classifier.training.evaluate import evaluate
from image_assets.classifier.training.families import candidates_of, fit
from image_assets.dataset import load_dataset
from image_assets.settings.classifier import AnyFamily, ModelReport, Transform
from image_assets.store.models.model import Input, Model, ModelFormat
from image_assets.store.models.sklearn_model import SklearnModel
from image_assets.store.models.skops_files import dump_model
from tests.classifier.report.made import made_manifest, made_mistakes, made_subject, thumbnails_of
from tests.classifier.synthetic import clusters


@dataclass(frozen=True)
class NearestMean:
    """A model of no library: the nearer a class's mean, the more probable the class."""

    classes: np.ndarray
    means: np.ndarray
    row_mean: np.ndarray
    row_deviation: np.ndarray
    trained_rows: int
    converged: bool = True
    weights: np.ndarray | None = None
    format: ModelFormat = "skops"
    input: Input = "features"

    @property
    def row_shape(self) -> tuple[int, ...]:
        return self.row_mean.shape

    def standardised(self, rows: np.ndarray) -> np.ndarray:
        return (rows - self.row_mean) / self.row_deviation

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        return np.linalg.norm(rows.reshape(len(rows), -1), axis=1)

    def rows_like(self, standardised: np.ndarray) -> np.ndarray:
        return self.row_mean + standardised * self.row_deviation

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        away = np.linalg.norm(rows[:, None].astype(np.float64) - self.means, axis=2)
        return softmax(-away, axis=1)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return self.classes[self.predict_proba(rows).argmax(axis=1)]

    def familiarity(self, rows: np.ndarray, answers: np.ndarray) -> None:
        """It keeps nothing to tell that by."""


def nearest_mean(features: np.ndarray, labels: np.ndarray, *, probabilities: bool = False) -> NearestMean:
    classes = np.unique(labels)
    means = np.stack([features[labels == one].mean(axis=0, dtype=np.float64) for one in classes])
    deviation = features.std(axis=0, dtype=np.float64)
    return NearestMean(
        classes, means, features.mean(axis=0, dtype=np.float64), np.where(deviation > 0, deviation, 1), len(labels)
    )


@pytest.fixture(scope="module")
def subject() -> ReportSubject:
    """A report's subject whose model, and all that are trained beside it, are nearest means."""
    made = made_subject(240, 12)
    training = ~made.aside
    model = nearest_mean(made.features[training], made.labels[training])
    evaluation = evaluate(model, made.features[made.aside], made.labels[made.aside], made.classes)
    return replace(made, model=model, learn=nearest_mean, evaluation=evaluation)


def test_a_model_of_another_library_is_evaluated(subject: ReportSubject) -> None:
    assert subject.evaluation.accuracy > 0.7
    assert (subject.evaluation.trained, subject.evaluation.converged) == (int((~subject.aside).sum()), True)
    features, labels = subject.features[subject.aside], subject.labels[subject.aside]
    trust = measured_trust(subject.model, subject.model, features, labels, subject.classes)
    assert (trust.difference, trust.p_value) == (0, 1)


def test_a_model_of_another_library_has_a_whole_report(subject: ReportSubject) -> None:
    findings = analyse(subject, ModelReport(repeats=2, max_rows=150), 0.25)
    assert findings.ranked_by.startswith("by a logistic regression")
    assert findings.learning[-1].mean > 0.5
    assert findings.elimination[0].mean > findings.elimination[-1].mean
    assert findings.calibration is not None
    shuffled = label_shuffle(subject, np.flatnonzero(~subject.aside), subject.held_out, 0)
    assert shuffled is not None
    assert shuffled.accuracy <= shuffled.chance
    dataset = load_dataset("kingdoms")
    mistakes = made_mistakes(subject, findings.galleries.errors)
    html, plots = report_page(dataset, subject, findings, mistakes, made_manifest(subject), thumbnails_of(subject))
    assert html
    assert {"reliability", "learning_curve"} <= {plot.key for plot in plots}


def test_a_model_of_another_library_gives_probes_and_is_not_written_as_onnx(subject: ReportSubject) -> None:
    rows = generated_probes(subject.model, 500)
    assert rows.shape == (500, 12)
    with pytest.raises(ExportRefusedError, match="not written as ONNX"):
        export_onnx(subject.model, made_manifest(subject), rows)


SMALL: dict[str, dict] = {
    "logistic_regression": {"regularisation": [0.001]},
    "support_vector_machine": {"c": [1]},
    "neural_network": {"hidden": [[8]], "max_iterations": 5},
    "random_forest": {"trees": [5], "max_depth": [4]},
    "gradient_boosting": {"rounds": [5], "leaves": [5]},
}
FEATURES, LABELS = clusters(240, width=12)
FEATURES[:, 3] = 1.5  # never varies


@cache
def of(kind: str, transform: Transform = "none", *, probabilities: bool = True) -> SklearnModel:
    family = TypeAdapter(AnyFamily).validate_python({"kind": kind, **SMALL[kind]})
    return fit(candidates_of([family], transform)[0], 0, FEATURES, LABELS, probabilities=probabilities)


@pytest.mark.parametrize("transform", ["root", "none"])
@pytest.mark.parametrize("kind", SMALL)
def test_a_pipeline_of_scikit_learn_is_a_model(kind: str, transform: Transform) -> None:
    model: Model = of(kind, transform)
    assert (model.format, model.input, model.row_shape, model.trained_rows) == ("skops", "features", (12,), 240)
    assert model.classes.tolist() == [0, 1, 2]
    probabilities = model.predict_proba(FEATURES)
    assert probabilities.shape == (240, 3)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert np.array_equal(model.predict(FEATURES), model.classes[probabilities.argmax(axis=1)])
    assert np.array_equal(model.predict(FEATURES), of(kind, transform).pipeline.predict(FEATURES))
    assert model.standardised(FEATURES).mean(axis=0) == pytest.approx(np.zeros(12), abs=1e-5)
    assert model.standardised(FEATURES).std(axis=0) == pytest.approx(np.where(np.arange(12) == 3, 0, 1), abs=1e-5)
    assert model.rows_like(model.standardised(FEATURES)) == pytest.approx(FEATURES, abs=1e-5)
    assert model.converged is (kind != "neural_network")
    assert (model.weights is None) is (kind not in ("logistic_regression", "random_forest"))


def test_a_pipeline_that_was_fitted_without_probabilities_answers_all_the_same() -> None:
    model = of("support_vector_machine", probabilities=False)
    assert np.mean(model.predict(FEATURES) == LABELS) > 0.7
    with pytest.raises(AttributeError):
        model.predict_proba(FEATURES)


def test_features_are_compared_as_scikit_learn_scales_them() -> None:
    for transform, first in (("none", lambda rows: rows), ("root", lambda rows: np.sign(rows) * np.sqrt(np.abs(rows)))):
        model = of("logistic_regression", transform)
        steps = model.pipeline.named_steps
        assert np.array_equal(model.standardised(FEATURES), steps["scale"].transform(first(FEATURES)))
        assert np.array_equal(
            model.predict_proba(FEATURES), steps["classify"].predict_proba(model.standardised(FEATURES))
        )


def test_a_model_of_another_library_is_not_written_as_one_of_scikit_learn(subject: ReportSubject) -> None:
    with pytest.raises(TypeError, match="NearestMean cannot be written as skops"):
        dump_model(subject.model)
