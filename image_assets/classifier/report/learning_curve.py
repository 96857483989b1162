"""Whether more images would help: accuracy against the number of images that a model is trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from image_assets.classifier.report.elimination import CurvePoint
from image_assets.classifier.report.subject import Cut, Learner
from image_assets.classifier.training.selection import TrainingRows

_POINTS = 5
_LEAST_PER_CLASS = 2


def training_sizes(images: int, classes: int) -> list[int]:
    """Numbers of images to train on: up to all of them, each about 1.8 times the one before."""
    least = min(images, _LEAST_PER_CLASS * classes)
    shares = np.geomspace(0.1, 1, _POINTS)
    return sorted({max(least, round(images * share)) for share in shares})


def learning_curve(
    learn: Learner, rows: TrainingRows, cuts: Sequence[Cut], sizes: Sequence[int], seed: int
) -> list[CurvePoint]:
    """Train on the first images of every fold, and judge by all of those that the fold leaves out.

    The figures are those of `sklearn.model_selection.learning_curve` on folds whose training images are in the order
    of `in_turns`.

    Args:
        learn: The model's kind.
        rows: Training images.
        cuts: Folds of these.
        sizes: Numbers of images to train on, ascending, the last no larger than the smallest fold leaves.
        seed: Which images come first.

    Returns:
        A point per size.
    """
    points = []
    orders = [(in_turns(training, rows.labels, seed), judged) for training, judged in cuts]
    with threadpool_limits(limits=1):
        for size in sizes:
            scores = []
            for training, judged in orders:
                first = training[:size]
                model = learn(rows.features[first], rows.labels[first])
                scores.append(float(np.mean(model.predict(rows.features[judged]) == rows.labels[judged])))
            points.append(CurvePoint(size, tuple(scores)))
    return points


def in_turns(rows: np.ndarray, labels: np.ndarray, seed: int) -> np.ndarray:
    """Rows in an order drawn by lot of which every beginning holds the classes in nearly their shares.

    Args:
        rows: int64 [M].
        labels: int16 [N], of all rows.
        seed: Of the lots.
    """
    random = np.random.default_rng(seed)
    places = np.empty(len(rows))
    for label in np.unique(labels[rows]):
        of_class = np.flatnonzero(labels[rows] == label)
        # From 0 on: of a rare class too, one image is among the very first.
        places[random.permutation(of_class)] = np.arange(len(of_class)) / len(of_class)
    return rows[np.argsort(places, kind="stable")]
