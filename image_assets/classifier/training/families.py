"""From a family's grid to its candidates, and from a candidate to a scikit-learn pipeline."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from image_assets.settings.classifier import AnyFamily, LogisticRegressionFamily, Transform
from image_assets.store.models.signed_root import SignedRoot
from image_assets.store.models.sklearn_model import SklearnModel

# scikit-learn takes `False` here and documents it; its type stubs say str only.
_ONE_MODEL: Any = False
_NEVER: Any = False

Value = str | float | int | tuple[int, ...] | None
TEMPERED = frozenset({"logistic_regression"})
"""Families whose log odds are linear, so that a temperature is part of their coefficients, and that are as certain when
they are fitted to a sample as when to all images: a discriminant is surer the fewer there are for its covariance."""
_TEMPERATURE, _TRANSFORM, _STRENGTH = "temperature", "transform", "regularisation"


@dataclass(frozen=True)
class Candidate:
    """One combination of a family's values."""

    family: str
    values: tuple[tuple[str, Value], ...]

    def number(self, name: str, otherwise: float | None = None) -> float:
        """One of its values that are numbers, by its name."""
        value = dict(self.values).get(name, otherwise)
        assert isinstance(value, int | float), f"{name} of {self.family} is no number"
        return float(value)

    @property
    def digest(self) -> str:
        """Names the candidate in files: 16 hexadecimal digits."""
        return hashlib.sha256(json.dumps([self.family, self.values]).encode()).hexdigest()[:16]

    def tempered(self, temperature: float) -> Candidate:
        """The same, its log odds divided by a temperature once it is fitted."""
        return self if temperature == 1 else Candidate(self.family, (*self.values, (_TEMPERATURE, temperature)))

    @property
    def temperature(self) -> float:
        """What its log odds are divided by; 1 where nothing is."""
        return self.number(_TEMPERATURE, 1.0)

    @property
    def untempered(self) -> Candidate:
        """The same without a temperature."""
        return Candidate(self.family, tuple(one for one in self.values if one[0] != _TEMPERATURE))

    def transformed(self, transform: Transform) -> Candidate:
        """The same, its features transformed before they are scaled."""
        return self if transform == "none" else Candidate(self.family, (*self.values, (_TRANSFORM, transform)))

    def of_strength(self, regularisation: float) -> Candidate:
        """The same with another penalty; itself where its family has none of that name."""
        return Candidate(
            self.family, tuple((name, regularisation if name == _STRENGTH else value) for name, value in self.values)
        )

    @property
    def strength(self) -> float:
        """Its penalty; 0 where its family has none of that name."""
        return self.number(_STRENGTH, 0.0)

    @property
    def rooted(self) -> bool:
        """Whether the square root of the features is taken before they are scaled."""
        return dict(self.values).get(_TRANSFORM) == "root"

    def __str__(self) -> str:
        shown = ", ".join(f"{name} {value}" for name, value in self.values)
        return f"{self.family} ({shown})" if shown else self.family


def candidates_of(families: Sequence[AnyFamily], transform: Transform = "none") -> list[Candidate]:
    """Every combination of every family, in the order of the dataset file; repeated ones once.

    Args:
        families: With their grids.
        transform: What all of them do with the features first.
    """
    found: dict[Candidate, None] = {}
    for family in families:
        values = {name: value for name, value in family if name != "kind"}
        # A single number is a value that every combination has.
        choices = [value if isinstance(value, tuple) else (value,) for value in values.values()]
        for combination in product(*choices):
            plain = Candidate(family.kind, tuple(zip(values, combination, strict=True)))
            found[plain.transformed(transform)] = None
    return list(found)


def logistic_regression(regularisation: float, l1_ratio: float = 0, max_iterations: int = 1_000) -> Candidate:
    """A logistic regression that no dataset file names; see `LogisticRegressionFamily`."""
    family = LogisticRegressionFamily(
        regularisation=(regularisation,), l1_ratio=(l1_ratio,), max_iterations=max_iterations
    )
    return candidates_of([family])[0]


def pipeline_of(candidate: Candidate, rows: int, seed: int, *, probabilities: bool = False) -> Pipeline:
    """An unfitted pipeline of the steps `scale` and `classify`, behind `root` where the candidate takes one.

    The scaler belongs to the pipeline, so that in a cross-validation it never sees the fold it is judged on.

    Args:
        candidate: What to build.
        rows: Training images: the penalty of a logistic regression is given per row.
        seed: For candidates that draw lots.
        probabilities: Whether it must give probabilities. A support vector machine only does with Platt scaling on
            folds of the training images, which takes several times as long.
    """
    classify = _BUILDERS[candidate.family](dict(candidate.values), rows, seed)
    if probabilities and not hasattr(classify, "predict_proba"):
        classify = CalibratedClassifierCV(classify, ensemble=_ONE_MODEL)
    return Pipeline([*root_step(candidate), ("scale", StandardScaler()), ("classify", classify)])


def root_step(candidate: Candidate) -> list[tuple[str, SignedRoot]]:
    """What the pipeline of a candidate begins with."""
    return [("root", SignedRoot())] if candidate.rooted else []


def fit(
    candidate: Candidate, seed: int, features: np.ndarray, labels: np.ndarray, *, probabilities: bool = False
) -> SklearnModel:
    """Fit a candidate to rows, float32 [N, D], and their labels, int [N]; see `pipeline_of`."""
    pipeline = pipeline_of(candidate, len(labels), seed, probabilities=probabilities)
    return SklearnModel(tempered(pipeline.fit(features, labels), candidate))


def tempered(pipeline: Pipeline, candidate: Candidate) -> Pipeline:
    """A fitted pipeline with its candidate's temperature, where it has one: of linear log odds that is all it takes."""
    if candidate.temperature != 1:
        classify = pipeline.named_steps["classify"]
        classify.coef_ = classify.coef_ / candidate.temperature
        classify.intercept_ = classify.intercept_ / candidate.temperature
    return pipeline


def _logistic_regression(values: Mapping[str, Any], rows: int, seed: int) -> LogisticRegression:
    # scikit-learn weighs the penalty against the summed loss, the dataset file against the mean one. Only saga takes
    # an elastic net; lbfgs is faster without.
    ratio = values["l1_ratio"]
    return LogisticRegression(
        solver="saga" if ratio else "lbfgs",
        l1_ratio=ratio,
        C=1 / (values["regularisation"] * rows),
        max_iter=values["max_iterations"],
        random_state=seed if ratio else None,
    )


def _support_vector_machine(values: Mapping[str, Any], rows: int, seed: int) -> SVC:  # noqa: ARG001  # as the others
    return SVC(C=values["c"], gamma=values["gamma"], kernel=values["kernel"], cache_size=500, random_state=seed)


def _random_forest(values: Mapping[str, Any], rows: int, seed: int) -> RandomForestClassifier:  # noqa: ARG001
    return RandomForestClassifier(
        n_estimators=values["trees"],
        max_depth=values["max_depth"],
        max_features=values["max_features"],
        min_samples_leaf=values["min_leaf"],
        random_state=seed,
    )


def _gradient_boosting(values: Mapping[str, Any], rows: int, seed: int) -> HistGradientBoostingClassifier:  # noqa: ARG001
    return HistGradientBoostingClassifier(
        learning_rate=values["learning_rate"],
        max_iter=values["rounds"],
        max_leaf_nodes=values["leaves"],
        early_stopping=_NEVER,
        random_state=seed,
    )


def _neural_network(values: Mapping[str, Any], rows: int, seed: int) -> MLPClassifier:  # noqa: ARG001
    return MLPClassifier(
        hidden_layer_sizes=values["hidden"],
        activation=values["activation"],
        alpha=values["alpha"],
        learning_rate_init=values["learning_rate"],
        max_iter=values["max_iterations"],
        random_state=seed,
    )


def _discriminant(values: Mapping[str, Any], rows: int, seed: int) -> LinearDiscriminantAnalysis:  # noqa: ARG001
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=values["shrinkage"])


_BUILDERS = {
    "logistic_regression": _logistic_regression,
    "support_vector_machine": _support_vector_machine,
    "random_forest": _random_forest,
    "gradient_boosting": _gradient_boosting,
    "neural_network": _neural_network,
    "discriminant": _discriminant,
}
