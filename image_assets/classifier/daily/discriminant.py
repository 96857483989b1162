"""Linear discriminant analysis from running statistics: a model in the time that one linear system takes."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from sklearn.base import BaseEstimator
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from image_assets.classifier.daily.statistics import ClassStatistics
from image_assets.classifier.training.families import Candidate, root_step
from image_assets.classifier.training.train import NotTrainableError
from image_assets.settings.classifier import Transform
from image_assets.store.models.sklearn_model import SklearnModel

T = TypeVar("T")
DISCRIMINANT = "discriminant"
"""The kind of these models in manifests."""


def discriminant_candidate(shrinkage: float, transform: Transform = "none") -> Candidate:
    """How such a model is named beside the candidates of the dataset file."""
    return Candidate(DISCRIMINANT, (("shrinkage", shrinkage),)).transformed(transform)


def discriminant(statistics: ClassStatistics, candidate: Candidate) -> SklearnModel:
    """The model that scikit-learn's `LinearDiscriminantAnalysis(solver="lsqr", shrinkage=…)` fits behind a scaler.

    The shrunk covariance is the mean of the classes' own, weighed by their rows (Friedman, "Regularized Discriminant
    Analysis", JASA 84, 1989, with a fixed shrinkage towards the mean variance). Shrinkage is linear, so that the pooled
    scatter suffices. The covariance, which only training needs, is not kept in the model.

    Args:
        statistics: Of the training rows; of their roots, where the candidate takes these.
        candidate: See `discriminant_candidate`. Its shrinkage, in (0, 1], is the share that the mean variance has of
            the covariance.

    Returns:
        A model as `train` gives.

    Raises:
        NotTrainableError: fewer than two classes have rows, or none has two different ones.
    """
    shrinkage = candidate.number("shrinkage")
    there = statistics.counts > 0
    if there.sum() < 2:
        raise NotTrainableError(
            "a discriminant needs images of two classes; there are "
            + ", ".join(f"{n} of label {label}" for label, n in zip(statistics.classes, statistics.counts, strict=True))
        )
    scaler = fitted_scaler(statistics)
    scale = np.asarray(scaler.scale_)
    priors = statistics.counts[there] / statistics.rows
    means = (statistics.means[there] - statistics.mean) / scale
    covariance = statistics.scatter / statistics.rows / np.outer(scale, scale)
    mean_variance = covariance.trace() / len(covariance)
    if not mean_variance > 0:
        raise NotTrainableError("a discriminant needs a class with two different images; add images")
    shrunk = (1 - shrinkage) * covariance
    shrunk.flat[:: len(shrunk) + 1] += shrinkage * mean_variance
    with threadpool_limits(limits=1):
        coefficients = cho_solve(cho_factor(shrunk, lower=True), means.T).T
    intercepts = np.log(priors) - (means * coefficients).sum(axis=1) / 2
    if len(priors) == 2:
        coefficients, intercepts = np.diff(coefficients, axis=0), np.diff(intercepts)
    components = min(len(priors) - 1, len(scale))
    model = as_fitted(
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage),
        classes_=statistics.classes[there].astype(np.int16),
        priors_=priors,
        means_=means,
        n_features_in_=len(scale),
        _max_components=components,
        _n_features_out=components,
        coef_=coefficients,
        intercept_=intercepts,
    )
    return SklearnModel(fitted_pipeline(candidate, scaler, model))


def as_fitted(estimator: T, **found: object) -> T:
    """An estimator of scikit-learn as its `fit` would leave it, which sets what is not in its type stubs."""
    vars(estimator).update(found)
    return estimator


def fitted_pipeline(candidate: Candidate, scaler: StandardScaler, classify: BaseEstimator) -> Pipeline:
    """Steps that were fitted by themselves, as the pipeline that `pipeline_of` would make of the candidate."""
    pipeline = Pipeline([*root_step(candidate), ("scale", scaler), ("classify", classify)])
    if candidate.rooted:
        as_fitted(pipeline.named_steps["root"], n_features_in_=len(np.asarray(scaler.scale_)))
    return pipeline


def fitted_scaler(statistics: ClassStatistics) -> StandardScaler:
    """A scaler as `StandardScaler.fit` would leave it after the same rows."""
    mean, variance = statistics.mean, statistics.variance
    # What scikit-learn takes for a column that never varies: a variance that rounding explains.
    rounding = np.finfo(np.float64).eps * statistics.rows
    constant = variance <= rounding * variance + (rounding * mean) ** 2
    return as_fitted(
        StandardScaler(),
        mean_=mean,
        var_=variance,
        scale_=np.where(constant, 1.0, np.sqrt(variance)),
        n_samples_seen_=np.int64(statistics.rows),
        n_features_in_=statistics.width,
    )
