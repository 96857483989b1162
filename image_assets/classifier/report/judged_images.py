"""The images that a new model is held against, with their features: for the champion's defence and for the report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import polars as pl

from image_assets.classifier.daily.daily_model import DailyModel, Tables
from image_assets.classifier.promotion.champion import LabelledImages
from image_assets.classifier.report.subject import ReportSubject
from image_assets.classifier.training.by_sources import learner_of
from image_assets.classifier.training.evaluate import Evaluation
from image_assets.classifier.training.families import fit
from image_assets.classifier.training.leave_out import measure_unseen
from image_assets.classifier.training.selection import TrainingRows
from image_assets.classifier.training.split import held_out
from image_assets.classifier.training.training_rows import streamed_rows
from image_assets.classifier.unknown import unknown_to
from image_assets.dataset import DatasetSpec
from image_assets.features.colour_statistics import FEATURE_NAMES


@dataclass(frozen=True)
class JudgedImages:
    """Images of both sides of the split.

    Attributes:
        rows: As those of a `RowIndex`: the held-out images first, then training images.
        features: float32 [N, D], in their order.
    """

    rows: pl.DataFrame
    features: np.ndarray

    @cached_property
    def labels(self) -> np.ndarray:
        """int16 [N]."""
        return self.rows["label"].to_numpy()

    @cached_property
    def aside(self) -> np.ndarray:
        """bool [N], true where an image is held out."""
        return self.rows["held_out"].to_numpy()


def judged_images(refined: DailyModel, tables: Tables, most: int) -> JudgedImages:
    """Read the training images that the new model is looked at by, beside the held-out ones that it comes with.

    Args:
        refined: The new model.
        tables: What it was made of.
        most: Of more training images, the newest of every category: what the champion has not learnt from is among
            them, and no old partition is read.
    """
    training = refined.training.newest(most)
    with streamed_rows(tables.image_features, training, refined.held_out_features.shape[1]) as matrix:
        features = np.concatenate([refined.held_out_features, matrix.whole()])
    return JudgedImages(pl.concat([refined.held_out.rows, training.rows]), features)


def evidence_of(judged: JudgedImages) -> LabelledImages:
    """What champion and challenger are compared by."""
    return LabelledImages(
        judged.features,
        judged.labels,
        judged.rows["date"].to_numpy().astype("datetime64[D]"),
        judged.aside,
        lambda share: held_out(judged.rows["group"], share),
    )


def report_subject(
    dataset: DatasetSpec, refined: DailyModel, judged: JudgedImages, evaluation: Evaluation
) -> ReportSubject:
    """What a report of the new model is made from."""
    named = dataset.extractor.kind == "colour_statistics"
    return ReportSubject(
        model=refined.model,
        learn=partial(fit, refined.candidate, dataset.classifier.selection.seed),
        candidate=refined.candidate,
        classes=dataset.categories,
        feature_names=FEATURE_NAMES if named else (),
        images=judged.rows.select("image_id", "group", "date", "category", "source_set"),
        labels=judged.labels,
        features=judged.features,
        aside=judged.aside,
        evaluation=evaluation,
        scores=refined.scores,
        calibration=refined.calibration,
    )


def with_unseen(subject: ReportSubject, dataset: DatasetSpec, all_images: int) -> ReportSubject:
    """The same with its figures on sources that it never saw, measured on a sample of both sides of the split.

    Args:
        subject: Model and images.
        dataset: Its `classifier.report` says how many images serve.
        all_images: How many there are.
    """
    spec = dataset.classifier
    aside = round(spec.report.max_rows * spec.held_out)
    sides = [
        subject.sample(held_out=held, most=most, seed=spec.report.seed)
        for held, most in ((True, aside), (False, spec.report.max_rows - aside))
    ]
    # In the order of the ids, so that the figures do not depend on how the rows came.
    rows = np.concatenate(sides)
    rows = rows[np.argsort(subject.images["image_id"].gather(rows).to_numpy())]
    sample = TrainingRows(
        subject.features[rows],
        subject.labels[rows],
        subject.images["group"].gather(rows),
        subject.images["source_set"].gather(rows),
    )
    learn = learner_of(subject.candidate, sample, spec)
    unseen = measure_unseen(learn, sample, subject.classes, subject.evaluation, all_images, spec)
    held = subject.features[subject.held_out]
    unknown, familiarity = unknown_to(subject.model, held, subject.probabilities, spec.unknown_below, spec.held_back)
    if familiarity is None:
        # What its kind could tell, it cannot.
        return replace(subject, unseen=unseen.model_copy(update={"unknown": None, "answered_accuracy": None}))
    right = (subject.predicted == subject.truth)[~unknown]
    here = {"known_unknown": float(unknown.mean()), "known_answered": float(right.mean()) if len(right) else None}
    return replace(subject, unseen=unseen.model_copy(update=here))
