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

from image_assets.classifier.familiarity_record import FamiliarityRecord
from image_assets.classifier.training.selection import TrainingRows, sample_of
from image_assets.classifier.training.source_sets import MOST_FOLDS, SourceFold, leave_sources_out
from image_assets.store.models.known_images import NEAREST, KnownImages, quantile_grid, unit_vectors, usual_lengths
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
LEAST_JUDGED = 30
"""Fewer images say nothing about where a tenth of them lies."""
_PARTS = 5
_PART = "\0part "  # no provenance holds it


@dataclass(frozen=True, eq=False)
class Familiar:
    """What makes a model able to say how familiar an image looks.

    Attributes:
        features: float32 [n, D], the images that are kept.
        labels: int16 [n].
        grid: float32 [Q], see `KnownImages.grid_`.
        calibration: What that comes from, without a limit.
        by_length: Whether the length of features counts; not where the grid is of before it did.
    """

    features: np.ndarray
    labels: np.ndarray
    grid: np.ndarray
    calibration: FamiliarityRecord
    by_length: bool = True

    def record(self, held_back: float) -> FamiliarityRecord:
        """What the manifest of a model says, with the limit of a share that is held back."""
        limit = float(np.interp(held_back, np.linspace(0, 1, len(self.grid)), self.grid))
        return self.calibration.model_copy(update={"held_back": held_back, "limit": limit})

    def on(self, model: SklearnModel) -> SklearnModel:
        """A model of the kind that was calibrated, able to say it; answers stay as they are.

        Args:
            model: Its classes are those of the images that are kept.
        """
        known = laid_out(model, self.features, self.labels)
        known.grid_ = self.grid
        if not self.by_length:
            known.usual_ = None
        steps = [step for step in model.pipeline.steps if step[0] != "known"]
        return replace(model, pipeline=Pipeline([*steps[:-1], ("known", known), steps[-1]]))


@threadpool_limits.wrap(limits=1)
def familiar(learn: Fit, rows: TrainingRows, seed: int, progress: Progress = no_progress) -> Familiar | None:
    """What makes models of a kind able to say how familiar an image looks; None of too few images.

    The same rows give the same.

    Args:
        learn: Fits a model of the kind.
        rows: Training images, or a sample of them.
        seed: Of the samples.
        progress: Told the models that were trained for it, and of how many.
    """
    some = sample_of(rows, _MOST_ROWS, seed)
    folds, own = folds_of_unseen(some)
    if sum(len(fold.judged) for fold in folds) < LEAST_JUDGED:
        return None
    measured = []
    for done, fold in enumerate(folds, start=1):
        training, features = some.take(fold.training), some.features[fold.judged]
        fitted = learn(training.features, training.labels)
        answers = fitted.predict_proba(features).argmax(axis=1)
        measured.append(measured_by(fitted, training, features, answers, seed))
        progress(done, len(folds))
    kept = kept_rows(rows, seed)
    judged = np.concatenate([fold.judged for fold in folds])
    sources = 1 if some.source_sets is None else some.source_sets.gather(judged).n_unique()
    calibration = FamiliarityRecord(
        images=len(judged), of_new_sources=int((~own[judged]).sum()), sources=sources, folds=len(folds)
    )
    return Familiar(rows.features[kept], rows.labels[kept], quantile_grid(np.concatenate(measured)), calibration)


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
    kept = kept_rows(training, seed)
    known = laid_out(model, training.features[kept], training.labels[kept])
    return known.measure(model.standardised(features), answers, model.lengths(features))


def kept_rows(rows: TrainingRows, seed: int) -> np.ndarray:
    """int64 [n], ascending: the rows that are kept, as many of every category, pictures that are alike last.

    Args:
        rows: Training images.
        seed: Of the choice.
    """
    quota = max(_KEPT // len(np.unique(rows.labels)), NEAREST)
    keys = [hashlib.sha256(f"{seed} {group}".encode()).hexdigest() for group in rows.groups]
    chosen = (
        pl.DataFrame({"row": np.arange(len(rows.labels)), "label": rows.labels, "group": rows.groups, "key": keys})
        .with_columns(pl.int_range(pl.len()).over("label", "group").alias("alike"))
        .sort("label", "alike", "key", "row")
        .group_by("label", maintain_order=True)
        .head(quota)
    )
    return chosen["row"].sort().to_numpy()


def laid_out(model: Model, features: np.ndarray, labels: np.ndarray) -> KnownImages:
    """Images as a model lays them side by side; not calibrated.

    Args:
        model: Fitted.
        features: float32 [n, D], of at least one image of every class of the model.
        labels: int16 [n].
    """
    known = KnownImages()
    known.counts_ = np.array([np.sum(labels == label) for label in model.classes], np.int64)
    known.vectors_ = np.zeros((len(model.classes), int(known.counts_.max()), features.shape[1]), np.float16)
    known.n_features_in_ = features.shape[1]
    known.usual_ = usual_lengths(model.lengths(features))
    for place, label in enumerate(model.classes):
        known.vectors_[place, : known.counts_[place]] = unit_vectors(model.standardised(features[labels == label]))
    return known
