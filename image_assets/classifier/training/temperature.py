"""How much less certain a model is to be, so that it is right as often as it says on sources that it never saw.

Temperature scaling (Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks", ICML 2017, section 4.2),
with every source left out of a training once: images of a known source say little of how certain to be of a new one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from threadpoolctl import threadpool_limits

from image_assets.classifier.training.evaluate import mean_loss
from image_assets.classifier.training.families import TEMPERED, Candidate, fit
from image_assets.classifier.training.selection import TrainingRows, sample_of
from image_assets.classifier.training.source_sets import leave_sources_out

# What one number is measured on, so that it takes a fraction of the time of a selection.
_MOST_ROWS, _MOST_FOLDS = 4_000, 10
# Fewer images say nothing about how certain to be.
_LEAST_JUDGED = 100
_HOTTEST = 10.0
LEAST_PROBABILITY = 1e-6
"""No probability counts as less in a loss: that of 0 would be infinite."""


@threadpool_limits.wrap(limits=1)
def measured_temperature(candidate: Candidate, rows: TrainingRows, seed: int) -> float:
    """What the log odds of a candidate are to be divided by, at least 1: a model is never made more certain.

    Args:
        candidate: Of any family; only those of `TEMPERED` have one.
        rows: The training images.
        seed: Of the sample that is taken of many images.

    Returns:
        In [1, 10], two decimals. 1 where no source can be left out, or too few images.
    """
    if candidate.family not in TEMPERED or rows.source_sets is None:
        return 1.0
    some = sample_of(rows, _MOST_ROWS, seed)
    assert some.source_sets is not None
    folds = leave_sources_out(some.source_sets, some.labels, some.groups, _MOST_FOLDS)
    if sum(len(fold.judged) for fold in folds) < _LEAST_JUDGED:
        return 1.0
    known = np.unique(some.labels)
    found, places = [], []
    for fold in folds:
        model = fit(candidate, seed, some.features[fold.training], some.labels[fold.training])
        found.append(model.predict_proba(some.features[fold.judged]).astype(np.float64))
        places.append(np.searchsorted(known, some.labels[fold.judged]))
    return round(min(max(1.0, fitting_temperature(np.concatenate(found), np.concatenate(places))), _HOTTEST), 2)


def fitting_temperature(probabilities: np.ndarray, places: np.ndarray) -> float:
    """The temperature of the least log loss.

    Args:
        probabilities: float64 [N, K], of images that the model was not trained on.
        places: int [N], columns of the true classes.
    """
    log_odds, every = logarithms(probabilities), np.arange(len(places))

    def loss(log_temperature: float) -> float:
        return mean_loss(softmax(log_odds / np.exp(log_temperature), axis=1)[every, places], LEAST_PROBABILITY)

    found: Any = minimize_scalar(loss, bounds=(-5, 5), method="bounded", options={"xatol": 1e-8})
    return float(np.exp(found.x))


def logarithms(probabilities: np.ndarray) -> np.ndarray:
    """Natural logarithms, finite ones of probabilities of 0 too."""
    return np.log(np.maximum(probabilities, np.finfo(np.float64).eps))
