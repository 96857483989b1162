"""A scikit-learn pipeline as a `Model`: its steps are maybe `root`, `scale`, a scaler, maybe `known`, `classify`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline

from image_assets.store.models.known_images import KnownImages
from image_assets.store.models.model import Input, ModelFormat
from image_assets.store.models.signed_root import signed_root, signed_square

STEPS = tuple((*root, "scale", *known, "classify") for root in ((), ("root",)) for known in ((), ("known",)))
"""What the steps of a pipeline may be called; models of before there were roots and known images have neither."""


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
    def scaler(self) -> Any:  # what `fit` sets is not in the type stubs
        """The fitted step `scale`, a `StandardScaler`."""
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
        return int(self.scaler.n_samples_seen_)

    @property
    def converged(self) -> bool:
        """See `Model`. Kinds that do not iterate up to a limit have converged."""
        if isinstance(self._classify, LogisticRegression | MLPClassifier):
            return bool(np.max(self._classify.n_iter_) < self._classify.max_iter)
        return True

    @property
    def rooted(self) -> bool:
        """Whether the square root of the features is taken before they are scaled."""
        return "root" in self.pipeline.named_steps

    @property
    def known(self) -> KnownImages | None:
        """The images that familiarity is told by; None where it is not."""
        return self.pipeline.named_steps.get("known")

    def standardised(self, rows: np.ndarray) -> np.ndarray:
        """See `Model`."""
        return self.scaler.transform(self._transformed(rows))

    def lengths(self, rows: np.ndarray) -> np.ndarray:
        """See `Model`."""
        return np.linalg.norm(self._transformed(rows), axis=1)

    def _transformed(self, rows: np.ndarray) -> np.ndarray:
        return signed_root(rows) if self.rooted else rows

    def rows_like(self, standardised: np.ndarray) -> np.ndarray:
        """See `Model`."""
        rows = self.scaler.inverse_transform(standardised)
        return signed_square(rows) if self.rooted else rows

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

    def familiarity(self, rows: np.ndarray, answers: np.ndarray) -> np.ndarray | None:
        """See `Model`."""
        if self.known is None:
            return None
        return self.known.familiarity(self.standardised(rows), answers, self.lengths(rows))
