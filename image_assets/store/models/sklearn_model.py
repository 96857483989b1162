"""A scikit-learn pipeline as a `Model`: the steps `scale`, a fitted `StandardScaler`, and `classify`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from image_assets.store.models.model import Input, ModelFormat


@dataclass(frozen=True)
class SklearnModel:
    """A fitted pipeline, see `Model`.

    Attributes:
        pipeline: Where it was fitted without probabilities, `predict_proba` raises `AttributeError`.
    """

    pipeline: Pipeline
    format: ModelFormat = "skops"
    input: Input = "features"

    @property
    def _scale(self) -> Any:  # what `fit` sets is not in the type stubs
        return self.pipeline.named_steps["scale"]

    @property
    def _classify(self) -> Any:
        return self.pipeline.named_steps["classify"]

    @property
    def row_shape(self) -> tuple[int, ...]:
        """See `Model`."""
        return (int(self.pipeline.n_features_in_),)

    @property
    def classes(self) -> np.ndarray:
        """See `Model`."""
        return self.pipeline.classes_

    @property
    def trained_rows(self) -> int:
        """See `Model`."""
        return int(self._scale.n_samples_seen_)

    @property
    def converged(self) -> bool:
        """See `Model`. Kinds that do not iterate up to a limit have converged."""
        if isinstance(self._classify, LogisticRegression | MLPClassifier):
            return bool(np.max(self._classify.n_iter_) < self._classify.max_iter)
        return True

    @property
    def row_mean(self) -> np.ndarray:
        """See `Model`."""
        return self._scale.mean_

    @property
    def row_deviation(self) -> np.ndarray:
        """See `Model`."""
        return self._scale.scale_

    @property
    def weights(self) -> np.ndarray | None:
        """See `Model`: squared coefficients of a linear model, a forest's own measure."""
        coefficients = getattr(self._classify, "coef_", None)
        if coefficients is not None:
            return np.square(np.atleast_2d(coefficients)).sum(axis=0)
        importances = getattr(self._classify, "feature_importances_", None)
        return None if importances is None else np.asarray(importances)

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        """See `Model`."""
        return self.pipeline.predict_proba(rows)

    def predict(self, rows: np.ndarray) -> np.ndarray:
        """See `Model`; of a pipeline without probabilities, its own answers."""
        if hasattr(self.pipeline, "predict_proba"):
            return self.classes[self.predict_proba(rows).argmax(axis=1)]
        return self.pipeline.predict(rows)
