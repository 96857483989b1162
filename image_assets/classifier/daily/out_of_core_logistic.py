"""Logistic regression of rows on disk: as scikit-learn's, but the rows pass by in batches and are never in memory.

The problem is scikit-learn's: mean loss plus regularisation × (l1_ratio × |w|₁ + (1 - l1_ratio) / 2 × |w|²), the
intercept not penalised, on features that were scaled to mean 0 and deviation 1; one vector of coefficients for two
classes, one per class for more. The minimum is looked for by L-BFGS-B (Zhu, Byrd, Lu, Nocedal, "Algorithm 778", ACM
TOMS 23, 1997). With an L1 part each coefficient is the difference of two that are not negative, so that the penalty is
smooth and zeros are exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, minimize
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from image_assets.classifier.daily.discriminant import as_fitted, fitted_pipeline, fitted_scaler
from image_assets.classifier.daily.statistics import ClassStatistics
from image_assets.classifier.training.families import Candidate, pipeline_of, tempered
from image_assets.classifier.training.matrix_file import MatrixFile
from image_assets.classifier.training.train import NotTrainableError
from image_assets.store.models.sklearn_model import SklearnModel
from image_assets.workers import Progress, no_progress, ordered_map

STREAMED = "logistic_regression"
"""The family that is fitted here; others need their rows in memory."""

# scikit-learn's own tolerance of the gradient, 1e-4, leaves probabilities 1e-3 apart where it begins elsewhere.
_GRADIENT = 2e-5
_LOSS = 64 * np.finfo(np.float64).eps
_LINE_SEARCHES = 50
# 4 MB at 512 columns: what is read is still in the cache when it is multiplied.
_BATCH = 2_048


@dataclass(frozen=True)
class Objective:
    """What is minimised.

    Attributes:
        matrix: N rows, not scaled.
        columns: int [N], the place of each row's class among `classes`.
        mean: float32 [D], taken off each row.
        inverse_scale: float64 [D], by which it is then multiplied.
        outputs: Vectors of coefficients: 1 for two classes, else one per class.
        l1: Weight of |w|₁.
        l2: Weight of |w|² / 2.
    """

    matrix: MatrixFile
    columns: np.ndarray
    mean: np.ndarray
    inverse_scale: np.ndarray
    outputs: int
    l1: float
    l2: float

    def loss_and_gradient(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """Mean loss without the penalty, and its gradient, float64 [outputs, D + 1], the intercept last."""
        # Rows are centred, for the sake of digits; their scale goes into the slopes instead, which is quicker.
        slopes = np.ascontiguousarray((weights[:, :-1] * self.inverse_scale).T, dtype=np.float32)
        intercepts = weights[:, -1]

        def of_span(span: tuple[int, int]) -> tuple[float, np.ndarray, np.ndarray]:
            rows = self.matrix.read(*span)
            rows -= self.mean
            loss, slope_of_logits = _loss(rows @ slopes + intercepts, self.columns[span[0] : span[1]])
            return loss, slope_of_logits.T.astype(np.float32) @ rows, slope_of_logits.sum(axis=0)

        total, gradient = 0.0, np.zeros_like(weights)
        # In the order of the rows, whichever thread was first: the same sums on any number of cores.
        for loss, slope, at_intercept in ordered_map(of_span, self.matrix.spans(_BATCH)):
            total += loss
            gradient[:, :-1] += slope
            gradient[:, -1] += at_intercept
        gradient[:, :-1] *= self.inverse_scale
        return total / self.matrix.rows, gradient / self.matrix.rows


def _loss(logits: np.ndarray, columns: np.ndarray) -> tuple[float, np.ndarray]:
    """Summed cross-entropy of logits, float [n, outputs], and its derivative by them, float64 of the same shape."""
    logits = logits.astype(np.float64)
    binary = logits.shape[1] == 1
    if binary:
        logits = np.hstack([np.zeros_like(logits), logits])
    logits -= logits.max(axis=1, keepdims=True)
    slope = np.exp(logits)
    sums = slope.sum(axis=1, keepdims=True)
    every = np.arange(len(columns))
    loss = float((np.log(sums[:, 0]) - logits[every, columns]).sum())
    slope /= sums
    slope[every, columns] -= 1
    return loss, slope[:, 1:] if binary else slope


def fit_out_of_core(
    matrix: MatrixFile,
    labels: np.ndarray,
    candidate: Candidate,
    statistics: ClassStatistics,
    start: SklearnModel | None = None,
    progress: Progress = no_progress,
) -> SklearnModel:
    """Fit a logistic regression to rows on disk.

    The same rows and start give the same model bit for bit, on any number of cores.

    Args:
        matrix: N rows: the training images.
        labels: int16 [N].
        candidate: Of the family `STREAMED`.
        statistics: Of these rows, or of their roots where the candidate takes these: the scaler is made from them.
        start: A linear model to begin with, such as yesterday's model or a discriminant. It is passed over where its
            classes, width or transform differ. It only changes how long it takes.
        progress: Told the iterations that are done, and of how many at most.

    Returns:
        A model as `train` gives.

    Raises:
        NotTrainableError: fewer than two classes have images.
        ValueError: the candidate is of another family.
    """
    if candidate.family != STREAMED:
        raise ValueError(f"{candidate} cannot be fitted to rows on disk; only {STREAMED} can")
    classes, columns = np.unique(labels, return_inverse=True)
    if len(classes) < 2:
        raise NotTrainableError(f"a classifier needs images of two classes to train on; found label {classes.tolist()}")
    pipeline = pipeline_of(candidate, matrix.rows, seed=0)
    scaler = fitted_scaler(statistics)
    penalty, ratio = candidate.strength, candidate.number("l1_ratio")
    problem = Objective(
        matrix.as_rooted(candidate.rooted),
        columns,
        np.asarray(scaler.mean_).astype(np.float32),
        1 / np.asarray(scaler.scale_),
        1 if len(classes) == 2 else len(classes),
        l1=penalty * ratio,
        l2=penalty * (1 - ratio),
    )
    beginning = np.zeros((problem.outputs, matrix.width + 1))
    usable = start if start is not None and start.rooted == candidate.rooted else None
    carried = carried_over(usable, classes, np.asarray(scaler.mean_), np.asarray(scaler.scale_))
    with threadpool_limits(limits=1):
        result, weights = _minimise(
            problem, beginning if carried is None else carried, pipeline.named_steps["classify"].max_iter, progress
        )
    fitted = fitted_pipeline(candidate, scaler, _fitted(pipeline, classes, weights, int(result.nit)))
    return SklearnModel(tempered(fitted, candidate))


def _minimise(
    problem: Objective, start: np.ndarray, most: int, progress: Progress
) -> tuple[OptimizeResult, np.ndarray]:
    """The weights, float64 [outputs, D + 1], where loss and penalty are least."""
    split = problem.l1 > 0
    iterations = 0

    def joined(x: np.ndarray) -> np.ndarray:
        """Weights from what is searched: themselves, or intercepts and the two parts of the slopes."""
        if not split:
            return x.reshape(start.shape)
        intercepts, up, down = np.split(x, [len(start), len(start) + start[:, :-1].size])
        return np.hstack([(up - down).reshape(len(start), -1), intercepts[:, None]])

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        weights = joined(x)
        loss, gradient = problem.loss_and_gradient(weights)
        slopes = weights[:, :-1]
        gradient[:, :-1] += problem.l2 * slopes
        loss += problem.l2 / 2 * float((slopes**2).sum())
        if not split:
            return loss, gradient.ravel()
        steepness = gradient[:, :-1].ravel()
        loss += problem.l1 * float(x[len(start) :].sum())
        return loss, np.concatenate([gradient[:, -1], steepness + problem.l1, problem.l1 - steepness])

    def told(_: np.ndarray) -> None:
        nonlocal iterations
        iterations += 1
        progress(iterations, most)

    slopes, free = start[:, :-1].ravel(), len(start)
    x = np.concatenate([start[:, -1], np.maximum(slopes, 0), np.maximum(-slopes, 0)]) if split else start.ravel()
    result = minimize(
        objective,
        x,
        method="L-BFGS-B",
        jac=True,
        bounds=[(None, None)] * free + [(0, None)] * (len(x) - free) if split else None,
        callback=told,
        options={"maxiter": most, "maxfun": 2 * most, "maxls": _LINE_SEARCHES, "gtol": _GRADIENT, "ftol": _LOSS},
    )
    return result, joined(result.x)


def carried_over(
    model: SklearnModel | None, classes: np.ndarray, mean: np.ndarray, scale: np.ndarray
) -> np.ndarray | None:
    """The weights of a linear model as they are behind another scaler; none where it is of another kind.

    Args:
        model: A fitted one.
        classes: int [K], the labels to tell apart.
        mean: float64 [D] of the new scaler.
        scale: float64 [D] of the new scaler.

    Returns:
        float64 [outputs, D + 1], the intercept last.
    """
    if model is None:
        return None
    classify = model.pipeline.named_steps["classify"]
    slopes, intercepts = getattr(classify, "coef_", None), getattr(classify, "intercept_", None)
    if slopes is None or intercepts is None:
        return None
    outputs = 1 if len(classes) == 2 else len(classes)
    if not np.array_equal(model.classes, classes) or np.shape(slopes) != (outputs, len(mean)):
        return None
    before, slopes = model.scaler, np.asarray(slopes, np.float64)
    moved = slopes * (scale / before.scale_)
    shifted = np.asarray(intercepts, np.float64) + slopes @ ((mean - before.mean_) / before.scale_)
    if outputs > 1:
        # Only differences between classes count, but the penalty is least around a mean of 0.
        moved, shifted = moved - moved.mean(axis=0), shifted - shifted.mean()
    return np.hstack([moved, shifted[:, None]])


def _fitted(pipeline: Pipeline, classes: np.ndarray, weights: np.ndarray, iterations: int) -> LogisticRegression:
    """scikit-learn's own object, as its `fit` leaves it."""
    return as_fitted(
        pipeline.named_steps["classify"],
        classes_=classes,
        coef_=np.ascontiguousarray(weights[:, :-1]),
        intercept_=np.ascontiguousarray(weights[:, -1]),
        n_iter_=np.array([iterations], np.int32),
        n_features_in_=weights.shape[1] - 1,
    )
