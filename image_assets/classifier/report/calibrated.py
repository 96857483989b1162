"""Whether the model's probabilities can be put right, and how they would then do on the images held out.

What corrects them is learnt from probabilities that the model's kind gives for folds of the training images, each by a
model that has not seen the fold; the images held out only judge. Of three ways the one is taken that has the least log
loss in a second cross-validation: temperature scaling (Guo et al., ICML 2017), a sigmoid (Platt 1999) and isotonic
regression (Zadrozny and Elkan 2002), the latter two for every class against the others. None, where none helps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np
from scipy.special import softmax
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from image_assets.classifier.report.subject import Cut, Learner
from image_assets.classifier.training.calibration import Bin, calibration_error, reliability
from image_assets.classifier.training.evaluate import mean_loss
from image_assets.classifier.training.selection import TrainingRows
from image_assets.classifier.training.temperature import LEAST_PROBABILITY, fitting_temperature, logarithms

Way = Literal["temperature", "sigmoid", "isotonic"]
WAYS: tuple[Way, ...] = ("temperature", "sigmoid", "isotonic")
Calibrator = Callable[[np.ndarray], np.ndarray]
"""From probabilities, float64 [N, K], to better ones."""


@dataclass(frozen=True)
class Calibration:
    """What became of the probabilities of the images held out.

    Attributes:
        way: How they were corrected; empty where raw ones were the best.
        losses: Log loss of every way in the second cross-validation, nats; `raw` is without any.
        bins: Reliability of the corrected probabilities.
        error: Their expected calibration error.
        log_loss: Their log loss, nats.
    """

    way: str
    losses: dict[str, float]
    bins: tuple[Bin, ...]
    error: float
    log_loss: float


def calibrate(
    learn: Learner, rows: TrainingRows, cuts: Sequence[Cut], probabilities: np.ndarray, truth: np.ndarray
) -> Calibration | None:
    """Learn a correction from training images, and apply it to the images held out.

    Args:
        learn: The model's kind.
        rows: Training images.
        cuts: Folds of these.
        probabilities: float64 [H, K], the model's for the images held out, in the order of the sorted labels.
        truth: int [H], places of the true classes in that order.

    Returns:
        None where a fold lacks a class, so that there are no probabilities of it.
    """
    known = np.unique(rows.labels)
    if len(known) != probabilities.shape[1] or any(
        len(np.unique(rows.labels[training])) < len(known) for training, _ in cuts
    ):
        return None
    unseen, places = _out_of_fold(learn, rows, cuts, len(known)), np.searchsorted(known, rows.labels)
    losses = {"raw": log_loss(unseen, places), **{way: _judged(way, unseen, places, cuts) for way in WAYS}}
    best = min(losses, key=lambda name: losses[name])
    corrected = next((calibrator(way, unseen, places)(probabilities) for way in WAYS if way == best), probabilities)
    bins = reliability(corrected.max(axis=1), corrected.argmax(axis=1) == truth)
    way = "" if best == "raw" else best
    return Calibration(way, losses, bins, calibration_error(bins), log_loss(corrected, truth))


def _out_of_fold(learn: Learner, rows: TrainingRows, cuts: Sequence[Cut], classes: int) -> np.ndarray:
    found = np.full((len(rows.labels), classes), 1 / classes)
    with threadpool_limits(limits=1):
        for training, judged in cuts:
            model = learn(rows.features[training], rows.labels[training], probabilities=True)
            found[judged] = model.predict_proba(rows.features[judged])
    return found


def _judged(way: Way, probabilities: np.ndarray, places: np.ndarray, cuts: Sequence[Cut]) -> float:
    corrected = probabilities.copy()
    for training, judged in cuts:
        corrected[judged] = calibrator(way, probabilities[training], places[training])(probabilities[judged])
    return log_loss(corrected, places)


def log_loss(probabilities: np.ndarray, places: np.ndarray) -> float:
    """Mean negative logarithm of the probability of the true class, nats; none counts as less than 1e-6."""
    return mean_loss(probabilities[np.arange(len(places)), places], LEAST_PROBABILITY)


def calibrator(way: Way, probabilities: np.ndarray, places: np.ndarray) -> Calibrator:
    """Learn a correction.

    Args:
        way: Which kind.
        probabilities: float64 [N, K], of images that the model was not trained on.
        places: int [N], columns of the true classes.
    """
    match way:
        case "temperature":
            return _temperature(probabilities, places)
        case "sigmoid":
            return _one_by_one([_sigmoid(column, places == k) for k, column in enumerate(probabilities.T)])
        case "isotonic":
            return _one_by_one([_isotonic(column, places == k) for k, column in enumerate(probabilities.T)])
    assert_never(way)


def _temperature(probabilities: np.ndarray, places: np.ndarray) -> Calibrator:
    temperature = fitting_temperature(probabilities, places)
    return lambda given: softmax(logarithms(given) / temperature, axis=1)


def _log_odds(column: np.ndarray) -> np.ndarray:
    inside = np.clip(column, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return np.log(inside / (1 - inside))[:, None]


def _sigmoid(column: np.ndarray, true: np.ndarray) -> Calibrator:
    if true.all() or not true.any():
        return lambda given: given
    line = LogisticRegression(C=1e6).fit(_log_odds(column), true)
    return lambda given: line.predict_proba(_log_odds(given))[:, 1]


def _isotonic(column: np.ndarray, true: np.ndarray) -> Calibrator:
    return IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(column, true).predict


def _one_by_one(columns: Sequence[Calibrator]) -> Calibrator:
    """Every class against the others, then normalised; where all are 0, all are equally probable."""

    def apply(given: np.ndarray) -> np.ndarray:
        found = np.stack([column(given[:, k]) for k, column in enumerate(columns)], axis=1)
        sums = found.sum(axis=1, keepdims=True)
        return np.where(sums > 0, found / np.where(sums > 0, sums, 1), 1 / len(columns))

    return apply
