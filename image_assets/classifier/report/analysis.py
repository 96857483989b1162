"""Everything that a report says beside the evaluation, found out in one go; bounded in cost by samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from image_assets.classifier.report.calibrated import Calibration, calibrate
from image_assets.classifier.report.elimination import (
    CurvePoint,
    elimination_curve,
    feature_counts,
    feature_weights,
)
from image_assets.classifier.report.galleries import Galleries, galleries, strongest_images
from image_assets.classifier.report.importance import (
    FeatureGroup,
    Importance,
    correlated_groups,
    permutation_importance,
    single_features,
)
from image_assets.classifier.report.learning_curve import learning_curve, training_sizes
from image_assets.classifier.report.split_fairness import SplitFairness, split_fairness
from image_assets.classifier.report.subject import Cut, ReportSubject, folds_of
from image_assets.classifier.training.selection import TrainingRows
from image_assets.settings.classifier import ModelReport
from image_assets.workers import Progress, no_progress

# Up to so many features, each is looked at by itself only; more are put into groups too.
_FEW_FEATURES = 40
# So many of more features, those with the most weight, are shuffled by themselves.
_SINGLE_FEATURES = 40


@dataclass(frozen=True)
class Findings:
    """What was found out about a model.

    Attributes:
        sampled: Training images that the curves and the calibration are of.
        judged: Images held out that the importance is of.
        fairness: Of the split.
        galleries: Images to show.
        importance: Of features by themselves, the most important first; of many features, of those with most weight.
        groups: Importance of groups of correlated features; empty of few features.
        strongest: Ids of the images that have most of what the first groups have in common.
        calibration, elimination, learning: None or empty where the training images do not suffice for folds.
        ranked_by: What the weakest features were found by.
        skipped: Why there are no curves; empty where there are.
    """

    sampled: int
    judged: int
    fairness: SplitFairness
    galleries: Galleries
    importance: list[Importance]
    groups: list[Importance]
    strongest: list[list[str]]
    calibration: Calibration | None
    elimination: list[CurvePoint]
    learning: list[CurvePoint]
    ranked_by: str
    skipped: str


def analyse(subject: ReportSubject, spec: ModelReport, share: float, progress: Progress = no_progress) -> Findings:
    """Find out what a report says. The same images, model and settings give the same findings.

    Args:
        subject: Model and images.
        spec: Samples, folds, repetitions and seed.
        share: Of the images that were to be held out.
        progress: Told the parts that are done, and of how many.
    """
    done, total = 0, 5

    def step() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    rows = subject.training_rows(spec.max_rows, spec.seed)
    judged = subject.sample(held_out=True, most=spec.max_rows, seed=spec.seed)
    fairness = split_fairness(subject, share, spec.max_rows, spec.seed)
    step()
    single, groups = _importances(subject, spec, rows, judged)
    strongest = strongest_images(subject, groups, judged)
    step()
    cuts = folds_of(rows, spec.folds, spec.seed)
    calibration = _calibration(subject, rows, cuts) if cuts else None
    step()
    elimination = elimination_curve(subject.learn, rows, cuts, feature_counts(rows.features.shape[1])) if cuts else []
    step()
    learning = _learning(subject, spec, rows, cuts) if cuts else []
    step()
    return Findings(
        len(rows.labels),
        len(judged),
        fairness,
        galleries(subject, spec.pictures),
        single,
        groups,
        strongest,
        calibration,
        elimination,
        learning,
        "by the model's own weights"
        if subject.model.weights is not None
        else "by a logistic regression, as the model has no weights to rank by",
        ""
        if cuts
        else f"There are no curves: every category needs {spec.folds} different training images, one for every fold.",
    )


def _importances(
    subject: ReportSubject, spec: ModelReport, rows: TrainingRows, judged: np.ndarray
) -> tuple[list[Importance], list[Importance]]:
    features, labels = subject.features[judged], subject.labels[judged]
    width = features.shape[1]

    def shuffled(groups: Sequence[FeatureGroup]) -> list[Importance]:
        return permutation_importance(subject.model, features, labels, groups, spec.repeats, spec.seed)

    if width <= _FEW_FEATURES:
        return shuffled(single_features(range(width), subject.feature_names)), []
    weights = feature_weights(subject.model, rows.features, rows.labels)
    heaviest = np.sort(np.argsort(-weights, kind="stable")[:_SINGLE_FEATURES]).tolist()
    return shuffled(single_features(heaviest, subject.feature_names)), shuffled(correlated_groups(rows.features))


def _calibration(subject: ReportSubject, rows: TrainingRows, cuts: list[Cut]) -> Calibration | None:
    known = subject.model.classes
    of_known = np.isin(subject.truth, known)
    truth = np.searchsorted(known, subject.truth[of_known])
    return calibrate(subject.learn, rows, cuts, subject.probabilities[of_known], truth)


def _learning(subject: ReportSubject, spec: ModelReport, rows: TrainingRows, cuts: list[Cut]) -> list[CurvePoint]:
    smallest = min(len(training) for training, _ in cuts)
    sizes = training_sizes(smallest, len(np.unique(rows.labels)))
    return learning_curve(subject.learn, rows, cuts, sizes, spec.seed)
