"""Suspects among labels: images that a classifier, trained without them, takes for another category.

Confident learning (Northcutt, Jiang, Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 70,
2021) as cleanlab has it, on out-of-fold probabilities: every image is judged by a model that has seen neither it nor
any that looks like it. Otherwise a wrong picture that is there several times would vouch for itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from cleanlab.filter import find_label_issues
from sklearn.model_selection import StratifiedGroupKFold
from threadpoolctl import threadpool_limits

from image_assets.classifier.training.families import logistic_regression
from image_assets.classifier.training.train import train
from image_assets.settings.quality import LabelNoise

SUSPECTS_SCHEMA = pl.Schema(
    {"image_id": pl.String, "label": pl.Int16, "score": pl.Float32, "suggested": pl.Int16, "probability": pl.Float32}
)

# cleanlab holds every category to the mean certainty of its own images: where categories are told apart with near
# certainty, a wrong label at 0.9 stays below that. Of 60 wrong labels among 900 photos, over eight choices of the 60,
# cleanlab finds 92.5 % (precision 93.5 %); with those at 0.6 and above it is 95.6 % (91.5 %).
_CERTAIN = 0.6


@dataclass(frozen=True)
class LabelSuspects:
    """What was found, and what could not be judged.

    Attributes:
        suspects: Columns of `SUSPECTS_SCHEMA`, the most suspect first: `score` is one minus the probability of the
            image's own label, `suggested` the most probable other label and `probability` the one of that.
        judged: Images that were judged.
        skipped: Why some or all were not; empty where all were.
    """

    suspects: pl.DataFrame
    judged: int
    skipped: str = ""


def label_suspects(
    features: np.ndarray,
    labels: np.ndarray,
    image_ids: pl.Series,
    groups: np.ndarray,
    classes: Mapping[str, int],
    spec: LabelNoise,
) -> LabelSuspects:
    """Find images whose label is probably wrong.

    The same rows in the same order give the same suspects.

    Args:
        features: float32 [N, D].
        labels: int16 [N].
        image_ids: [N].
        groups: int [N], the same number for images that look alike.
        classes: Category → label.
        spec: Folds and regularisation.

    Raises:
        UnusableFeaturesError: see `check_features`.
    """
    judged, skipped = judged_labels(labels, groups, classes, spec.folds)
    if not len(judged):
        return LabelSuspects(pl.DataFrame(schema=SUSPECTS_SCHEMA), 0, skipped)
    rows = np.flatnonzero(np.isin(labels, judged))
    probabilities = out_of_fold_probabilities(features[rows], labels[rows], groups[rows], classes, spec)
    ranks = np.searchsorted(judged, labels[rows])
    # More processes than one would only be worth it for many thousands of categories.
    issues = np.asarray(find_label_issues(ranks, probabilities, filter_by="prune_by_noise_rate", n_jobs=1))
    everyone = _everyone(image_ids.gather(rows), labels[rows], judged, ranks, probabilities)
    found = everyone.filter(pl.Series(issues) | (pl.col("probability") >= _CERTAIN))
    return LabelSuspects(found.sort(["score", "image_id"], descending=[True, False]), len(rows), skipped)


def judged_labels(
    labels: np.ndarray, groups: np.ndarray, classes: Mapping[str, int], folds: int
) -> tuple[np.ndarray, str]:
    """The labels that can be judged, and why others, or all, cannot; empty where all can.

    Args:
        labels: int16 [N].
        groups: As of `label_suspects`.
        classes: Category → label.
        folds: So many images of a label that do not look alike are needed, and two such labels.
    """
    names = {label: name for name, label in classes.items()}
    # Of each label, every group once.
    present, counts = np.unique(np.unique(np.stack([labels, groups]), axis=1)[0], return_counts=True)
    present = present.astype(labels.dtype)
    # In every fold there must be an image of the class to train on and one to judge.
    judged = present[counts >= folds]
    few = [f"{names.get(int(label), label)} ({n})" for label, n in zip(present, counts, strict=True) if n < folds]
    different = f"{folds} images that do not look alike"
    if len(judged) < 2:
        return judged[:0], f"labels are judged from two categories with at least {different} on; found {len(judged)}"
    return judged, f"fewer than {different} of {', '.join(few)}: not judged" if few else ""


def out_of_fold_probabilities(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, classes: Mapping[str, int], spec: LabelNoise
) -> np.ndarray:
    """Every image's probabilities from a model that was trained without its fold, in which all its lookalikes are.

    Args:
        features: float32 [N, D].
        labels: int16 [N], of each of the K labels that occur at least `spec.folds` groups.
        groups: int [N], the same number for images that look alike.
        classes: Category → label.
        spec: Folds and regularisation.

    Returns:
        float64 [N, K], columns in the order of the labels; 0 for a label that was in no other fold.
    """
    # A weak penalty lets the model learn wrong labels by heart, and with them their neighbours.
    penalised = logistic_regression(spec.regularisation)
    present = np.unique(labels)
    probabilities = np.zeros((len(labels), len(present)))
    folds = StratifiedGroupKFold(spec.folds, shuffle=True, random_state=spec.seed)
    for training, judged in folds.split(features, labels, groups):
        model = train(features[training], labels[training], penalised, classes)
        with threadpool_limits(limits=1):
            probabilities[np.ix_(judged, np.searchsorted(present, model.classes))] = model.predict_proba(
                features[judged]
            )
    return probabilities


def _everyone(
    image_ids: pl.Series, labels: np.ndarray, judged: np.ndarray, ranks: np.ndarray, probabilities: np.ndarray
) -> pl.DataFrame:
    rows = np.arange(len(ranks))
    others = probabilities.copy()
    others[rows, ranks] = -1
    best = others.argmax(axis=1)
    return pl.DataFrame(
        {
            "image_id": image_ids,
            "label": labels,
            "score": 1 - probabilities[rows, ranks],
            "suggested": judged[best],
            "probability": probabilities[rows, best],
        },
        schema=SUSPECTS_SCHEMA,
    )
