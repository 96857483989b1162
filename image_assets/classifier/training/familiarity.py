"""How familiar an image looks to a model: which training images it keeps for that, and against what it is calibrated.

Every image of a sample is measured once by a model that was trained without its source, so that the measure says where
a new image lies among good images of new suppliers. A category that comes from one source alone is cut at random
instead, lookalikes together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from image_assets.classifier.training.selection import TrainingRows, sample_of
from image_assets.classifier.training.source_sets import MOST_FOLDS, SourceFold, leave_sources_out
from image_assets.store.models.known_images import NEAREST, KnownImages, quantile_grid, unit_vectors
from image_assets.store.models.model import Model
from image_assets.store.models.sklearn_model import SklearnModel
from image_assets.workers import Progress, no_progress

Fit = Callable[[np.ndarray, np.ndarray], Model]
"""Features, float32 [N, D], and labels, int [N], to a model that gives probabilities."""
# All categories together; but of each as many as are looked at.
_KEPT = 600
# What the calibration is made on, so that it takes a fraction of the time of a selection.
_MOST_ROWS = 4_000
# Above so many images × categories every fit takes seconds.
_COSTLY, _FEW_FOLDS = 100_000, 4
LEAST_JUDGED = 50
"""Fewer images say nothing about where a tenth of them lies."""
_PARTS = 5
_PART = "\0part "  # no provenance holds it


@dataclass(frozen=True)
class Calibration:
    """What familiarity was calibrated on.

    Attributes:
        images: How many were measured, each by a model that was not trained on it.
        of_new_sources: How many of them by a model that saw no image of their source.
    """

    images: int
    of_new_sources: int

    def __str__(self) -> str:
        return (
            f"calibrated on {self.images:,} training images, of which {self.of_new_sources:,} are of sources that were "
            "left out; the others were left out at random"
        )


@threadpool_limits.wrap(limits=1)
def with_familiarity(
    model: SklearnModel, learn: Fit, rows: TrainingRows, seed: int, progress: Progress = no_progress
) -> tuple[SklearnModel, Calibration | None]:
    """A fitted model that can say how familiar an image looks to it, and what that was calibrated on.

    The same rows give the same model. Of too few images the model stays as it is, and there is no calibration.

    Args:
        model: Fitted to these rows, or to more.
        learn: Fits another one of its kind.
        rows: Training images, or a sample of them.
        seed: Of the samples.
        progress: Told the models that were trained for it, and of how many.
    """
    some = sample_of(rows, _MOST_ROWS, seed)
    folds, own = folds_of_unseen(some)
    if sum(len(fold.judged) for fold in folds) < LEAST_JUDGED:
        return model, None
    measured = []
    for done, fold in enumerate(folds, start=1):
        training, features = some.take(fold.training), some.features[fold.judged]
        fitted = learn(training.features, training.labels)
        answers = fitted.predict_proba(features).argmax(axis=1)
        measured.append(measured_by(fitted, training, features, answers, seed))
        progress(done, len(folds))
    known = known_images(model, rows, seed)
    known.grid_ = quantile_grid(np.concatenate(measured))
    steps = [step for step in model.pipeline.steps if step[0] != "known"]
    pipeline = Pipeline([*steps[:-1], ("known", known), steps[-1]])
    judged = np.concatenate([fold.judged for fold in folds])
    return replace(model, pipeline=pipeline), Calibration(len(judged), int((~own[judged]).sum()))


def folds_of_unseen(rows: TrainingRows) -> tuple[list[SourceFold], np.ndarray]:
    """Folds that leave every source out, and of categories of one source parts of it.

    Returns:
        The folds, none where nothing can be judged; and bool [N], true where an image is judged by a model that knows
        its source.
    """
    count = len(rows.labels)
    sets = pl.Series([""] * count) if rows.source_sets is None else rows.source_sets
    most = MOST_FOLDS if count * len(np.unique(rows.labels)) <= _COSTLY else _FEW_FOLDS
    own = np.ones(count, bool)
    if sets.n_unique() > 1:
        for fold in leave_sources_out(sets, rows.labels, rows.groups, most):
            own[fold.judged] = False
    parts = [f"{_PART}{int(hashlib.sha256(str(group).encode()).hexdigest(), 16) % _PARTS}" for group in rows.groups]
    mixed = pl.select(pl.when(pl.Series(own)).then(pl.Series(parts)).otherwise(sets)).to_series()
    return leave_sources_out(mixed, rows.labels, rows.groups, most), own


def measured_by(
    model: Model, training: TrainingRows, features: np.ndarray, answers: np.ndarray, seed: int
) -> np.ndarray:
    """float32 [J], how familiar images look to a model that was not trained on them, see `KnownImages.measure`.

    Args:
        model: Fitted to the training rows.
        training: These.
        features: float32 [J, D], of the images.
        answers: int [J], the places among its classes of what it takes them for.
        seed: Of the choice of training images that it is seen by.
    """
    return known_images(model, training, seed).measure(model.standardised(features), answers)


def known_images(model: Model, rows: TrainingRows, seed: int) -> KnownImages:
    """Some of the rows, as a model lays them side by side; not calibrated.

    Args:
        model: Fitted; every of its classes has a row.
        rows: Of which the same number of every class is taken, pictures that are alike last.
        seed: Of the choice.
    """
    quota = max(_KEPT // len(model.classes), NEAREST)
    keys = [hashlib.sha256(f"{seed} {group}".encode()).hexdigest() for group in rows.groups]
    chosen = (
        pl.DataFrame({"row": np.arange(len(rows.labels)), "label": rows.labels, "group": rows.groups, "key": keys})
        .with_columns(pl.int_range(pl.len()).over("label", "group").alias("alike"))
        .sort("label", "alike", "key", "row")
        .group_by("label", maintain_order=True)
        .head(quota)
    )
    known = KnownImages()
    known.counts_ = np.array([chosen.filter(pl.col("label") == label).height for label in model.classes], np.int64)
    vectors = np.zeros((len(model.classes), int(known.counts_.max()), rows.features.shape[1]), np.float16)
    for place, label in enumerate(model.classes):
        of_class = chosen.filter(pl.col("label") == label)["row"].sort().to_numpy()
        vectors[place, : len(of_class)] = unit_vectors(model.standardised(rows.features[of_class]))
    known.vectors_, known.n_features_in_ = vectors, rows.features.shape[1]
    return known
