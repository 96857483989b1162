"""The model of a day and what it is, and what it is made from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import polars as pl
from obstore.store import ObjectStore

from image_assets.categories.record import agree, in_use
from image_assets.classifier.daily.path_choice import PathChoice, Trust
from image_assets.classifier.familiarity_record import FamiliarityRecord
from image_assets.classifier.training.families import Candidate
from image_assets.classifier.training.row_index import RowIndex
from image_assets.classifier.training.selection import Score, TrainingRows
from image_assets.dataset import DatasetSpec
from image_assets.lookalikes.label_conflicts import in_doubt
from image_assets.marks.decisions import decisions_of
from image_assets.store.models.model import Model
from image_assets.store.store import Store
from image_assets.workers import Progress, no_progress

Track = Callable[[str, str], AbstractContextManager[Progress]]
"""Given what is done and the unit that is counted: where its progress goes."""


@contextmanager
def untracked(title: str, unit: str) -> Iterator[Progress]:  # noqa: ARG001  # as Track
    """Progress that nobody looks at."""
    yield no_progress


@dataclass(frozen=True)
class Tables:
    """The tables that a classifier is made of, lazily: `image_features`, `duplicate_groups`, `label_conflicts`.

    `raw_images` says where each image came from; without it, all are of one source set.
    """

    image_features: pl.LazyFrame
    duplicate_groups: pl.LazyFrame
    label_conflicts: pl.LazyFrame
    raw_images: pl.LazyFrame | None = None

    def as_decided(self, dataset: DatasetSpec, store: Store) -> Tables:
        """The same with what people decided, of categories in use, and of conflicts those alone that are in doubt.

        Raises:
            CategoriesDiffer: the dataset file gives a category another meaning than the tables have.
        """
        agree(dataset, store)
        decisions = decisions_of(dataset, store)
        return replace(
            self,
            image_features=decisions.applied(in_use(self.image_features, dataset)),
            label_conflicts=in_doubt(self.label_conflicts, decisions),
        )


class FeatureKind(Protocol):
    """What is asked for of an extractor."""

    @property
    def digest(self) -> str:
        """Changes with whatever changes a feature."""
        ...

    @property
    def width(self) -> int:
        """Number of features."""
        ...


@dataclass(frozen=True)
class Places:
    """Where things are kept: an object store, and the folders in it of totals and of the scores of candidates."""

    objects: ObjectStore
    statistics: str
    scores: str


@dataclass(frozen=True)
class DailyModel:
    """The day's model, and what it is.

    Attributes:
        model: What was fitted.
        candidate: What was fitted: of the dataset file's candidates the chosen one, or the discriminant.
        decision: `path` is "daily" or "full refit", `reason` says why in words.
        training: All images to train on, without features: ids, labels, groups, partitions.
        fitted_rows: As many of them were fitted: fewer where the kind cannot be fitted from disk.
        held_out: The images to evaluate on and to compare models on, see `RowIndex.evaluation`.
        held_out_features: float32 [M, D], in the order of `held_out`.
        sample: Of a full refit: training images in memory, at most `selection.max_rows`, for whatever else wants to
            train on some; none on the daily path.
        scores: Of the candidates that were compared in this run; none on the daily path, or with one candidate.
        trust: Of a full refit: the daily path beside it, where it was measured.
        totals: What became of the running totals, in words; empty where none are kept.
        remember: To be called once the model is saved: the next day's decision is based on this one.
        calibration: What its measure of familiarity was calibrated on; None where it has none.
    """

    model: Model
    candidate: Candidate
    decision: PathChoice
    training: RowIndex
    fitted_rows: int
    held_out: RowIndex
    held_out_features: np.ndarray
    sample: TrainingRows | None = None
    scores: tuple[Score, ...] = ()
    trust: Trust | None = None
    totals: str = ""
    remember: Callable[[], None] = lambda: None
    calibration: FamiliarityRecord | None = None

    def metadata(self) -> dict[str, str | int | float]:
        """What a person wants to know of the path, for the asset's metadata."""
        told: dict[str, str | int | float] = {"path": self.decision.path, "why this path": self.decision.reason}
        told["trained on"] = (
            f"{self.fitted_rows:,} images"
            if self.fitted_rows == len(self.training)
            else f"a sample of {self.fitted_rows:,} of {len(self.training):,} images: {self.candidate.family} cannot "
            "be trained from disk (classifier.max_fit_rows)"
        )
        told["familiarity"] = str(self.calibration or "the model cannot tell how familiar an image looks")
        if self.totals:
            told["running totals"] = self.totals
        if self.trust is not None:
            told |= {
                "accuracy of the daily path": self.trust.daily_accuracy,
                "accuracy of the full refit": self.trust.full_accuracy,
                "daily path minus full refit": self.trust.difference,
                "McNemar p": self.trust.p_value,
                "log loss of the daily path": self.trust.daily_log_loss,
                "log loss of the full refit": self.trust.full_log_loss,
            }
        return told
