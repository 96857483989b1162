"""How few features would do: the weakest are taken away step by step, and what is left is judged by cross-validation.

Recursive elimination (Guyon, Weston, Barnhill and Vapnik, "Gene Selection for Cancer Classification using Support
Vector Machines", Machine Learning 46, 2002), ranked anew within every fold, so that no fold is judged by features that
it has helped to choose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from image_assets.classifier.report.subject import Cut, Learner
from image_assets.classifier.training.selection import OfFolds, TrainingRows
from image_assets.store.models.model import Model


@dataclass(frozen=True)
class CurvePoint(OfFolds):
    """Accuracies of one point of a curve: `size` features or images, a score for every fold."""

    size: int
    folds: tuple[float, ...]


def feature_counts(width: int) -> list[int]:
    """How many features are left, step by step: all, a half, a quarter … one."""
    counts = [width]
    while counts[-1] > 1:
        counts.append(counts[-1] // 2)
    return counts


def elimination_curve(
    learn: Learner, rows: TrainingRows, cuts: Sequence[Cut], counts: Sequence[int]
) -> list[CurvePoint]:
    """Take features away, those with the least weight in a model of what is left.

    Args:
        learn: The model's kind.
        rows: Training images.
        cuts: Folds of these.
        counts: How many features are left after every step, descending, the first is all.

    Returns:
        A point per step, all features first.
    """
    with threadpool_limits(limits=1):
        folds = [_one_fold(learn, rows, cut, counts) for cut in cuts]
    return [CurvePoint(count, scores) for count, scores in zip(counts, zip(*folds, strict=True), strict=True)]


def _one_fold(learn: Learner, rows: TrainingRows, cut: Cut, counts: Sequence[int]) -> list[float]:
    training, judged = cut
    features, labels = rows.features[training], rows.labels[training]
    left, scores = np.arange(features.shape[1]), []
    model = learn(features, labels)
    for count in counts:
        if count < len(left):
            weights = feature_weights(model, features[:, left], labels)
            left = left[np.sort(np.argsort(weights, kind="stable")[len(left) - count :])]
            model = learn(features[:, left], labels)
        scores.append(float(np.mean(model.predict(rows.features[judged][:, left]) == rows.labels[judged])))
    return scores


def feature_weights(model: Model, features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The weight of every feature: by the model's own account, or a substitute's.

    Kinds that have neither (support vectors with a kernel, boosting on histograms, networks) are represented by a
    logistic regression of the same images: shuffling every feature would take a thousand times as long.

    Args:
        model: Fitted on these features.
        features: float32 [N, D].
        labels: int16 [N].

    Returns:
        float64 [D], not negative; only their order means something.
    """
    if model.weights is not None:
        return model.weights
    substitute = LogisticRegression(C=1 / (0.01 * len(labels)), max_iter=300)
    substitute.fit(StandardScaler().fit_transform(features), labels)
    return np.square(substitute.coef_).sum(axis=0)
