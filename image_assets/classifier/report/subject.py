"""What a report is about: a model, the images that it was trained and judged on, and samples of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import polars as pl
from sklearn.model_selection import StratifiedGroupKFold

from image_assets.classifier.familiarity_record import FamiliarityRecord
from image_assets.classifier.training.evaluate import Evaluation
from image_assets.classifier.training.families import Candidate
from image_assets.classifier.training.selection import Cut, Score, TrainingRows
from image_assets.classifier.unseen import UnseenSources
from image_assets.features.sample import stratified_sample
from image_assets.store.models.model import Model


class Learner(Protocol):
    """Fits another model of a kind."""

    def __call__(self, features: np.ndarray, labels: np.ndarray, *, probabilities: bool = False) -> Model:
        """Of rows, float32 [N, D], and labels, int [N]; without probabilities where `predict` is all that is asked."""
        ...


@dataclass(frozen=True)
class ReportSubject:
    """A trained model with its images.

    Attributes:
        model: What was trained.
        learn: Fits another one of its kind, to fewer images or features.
        candidate: Its kind with its settings.
        classes: Category → label.
        feature_names: [D], empty where features have no names.
        images: [N] rows `image_id`, `date`, `category`, `source_set` and `group`: what must not be torn apart, an
            image's own id where it is like no other.
        labels: int16 [N].
        features: float32 [N, D]; may be mapped into memory, as only samples and the held-out rows are read.
        aside: bool [N], true where an image is held out.
        evaluation: Of the model on the images held out.
        scores: Of the candidates that it was chosen from; may be empty.
        unseen: How its kind does on sources that it never saw; None where that was not measured.
        calibration: What its limit of what is unknown comes from; None where it has none.
    """

    model: Model
    learn: Learner
    candidate: Candidate
    classes: Mapping[str, int]
    feature_names: tuple[str, ...]
    images: pl.DataFrame
    labels: np.ndarray
    features: np.ndarray
    aside: np.ndarray
    evaluation: Evaluation
    scores: Sequence[Score] = ()
    unseen: UnseenSources | None = None
    calibration: FamiliarityRecord | None = None

    @cached_property
    def names(self) -> dict[int, str]:
        """Label → category."""
        return {label: name for name, label in self.classes.items()}

    @cached_property
    def held_out(self) -> np.ndarray:
        """int64 [H], the rows that are held out."""
        return np.flatnonzero(self.aside)

    @cached_property
    def probabilities(self) -> np.ndarray:
        """float64 [H, K], the model's for the images held out, in the order of its `classes`."""
        return self.model.predict_proba(self.features[self.held_out])

    @cached_property
    def predicted(self) -> np.ndarray:
        """[H], the labels that the model answers for the images held out."""
        return self.model.classes[self.probabilities.argmax(axis=1)]

    @cached_property
    def truth(self) -> np.ndarray:
        """int16 [H], the labels of the images held out."""
        return self.labels[self.held_out]

    def sample(self, *, held_out: bool, most: int, seed: int, among: np.ndarray | None = None) -> np.ndarray:
        """At most about so many rows of one side, every category with its share. Deterministic, sorted.

        Args:
            held_out: Which side.
            most: How many; but of every category 50, if there are so many.
            seed: Of the choice.
            among: bool [N], the rows to choose from; default: all.
        """
        side = self.aside if held_out else ~self.aside
        rows = np.flatnonzero(side if among is None else side & among)
        if len(rows) <= most:
            return rows
        ids = pl.DataFrame({"image_id": self.images["image_id"].gather(rows), "label": self.labels[rows]})
        chosen = stratified_sample(ids, most, seed)
        return rows[ids["image_id"].is_in(chosen.implode()).to_numpy()]

    def training_rows(self, most: int, seed: int) -> TrainingRows:
        """A sample of the training images, in memory."""
        rows = self.sample(held_out=False, most=most, seed=seed)
        return TrainingRows(self.features[rows], self.labels[rows], self.images["group"].gather(rows))


def folds_of(rows: TrainingRows, folds: int, seed: int) -> list[Cut]:
    """Cut training images into folds that are stratified and keep lookalikes together.

    Returns:
        Of each fold the rows to train on and those to judge by; none where a class has fewer different pictures than
        there are folds, or there is but one class.
    """
    pictures = pl.DataFrame({"label": rows.labels, "group": rows.groups}).group_by("label").n_unique()
    if pictures.height < 2 or (pictures["group"] < folds).any():
        return []
    cutter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return list(cutter.split(rows.features, rows.labels, rows.groups.to_numpy()))
