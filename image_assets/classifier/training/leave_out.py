"""Measures how a kind of model does on sources that it never saw: every source is left out of a training once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits

from image_assets.classifier.intervals import wilson
from image_assets.classifier.training.by_sources import Learn
from image_assets.classifier.training.calibration import calibration_error, reliability
from image_assets.classifier.training.evaluate import Evaluation
from image_assets.classifier.training.familiarity import LEAST_JUDGED, measured_by
from image_assets.classifier.training.selection import TrainingRows
from image_assets.classifier.training.source_sets import MOST_FOLDS, SourceFold, leave_sources_out
from image_assets.classifier.unseen import CERTAIN, SourceShare, UnseenSources
from image_assets.settings.classifier import Classifier
from image_assets.store.models.known_images import familiarity_of, quantile_grid

_USUAL = Classifier()
# Above so many images × categories every fit takes seconds.
_COSTLY, _FEW_FOLDS = 100_000, 4
_MOST_SOURCES = 200  # kept in a manifest


@threadpool_limits.wrap(limits=1)
def measure_unseen(
    learn: Learn,
    rows: TrainingRows,
    classes: Mapping[str, int],
    evaluation: Evaluation,
    all_images: int,
    spec: Classifier = _USUAL,
) -> UnseenSources:
    """Judge every image by a model that saw no image of its source.

    Args:
        learn: Fits a model of the kind to rows, and chooses by them alone whatever it chooses, see `learner_of`.
        rows: A sample of all images, with their source sets.
        classes: Category → label.
        evaluation: Of the model itself, on the images held out: what the figures are to be seen beside.
        all_images: How many images the sample is of.
        spec: What is unknown to it.
    """
    sets, labels = rows.source_sets, rows.labels
    number = 1 if sets is None else sets.n_unique()
    most = MOST_FOLDS if len(labels) * len(np.unique(labels)) <= _COSTLY else _FEW_FOLDS
    folds = [] if sets is None or number < 2 else leave_sources_out(sets, labels, rows.groups, most)
    if sets is None or not folds:
        alone = "all images come from one source" if number < 2 else "every category comes from a source of its own"
        return UnseenSources(why=alone, sources=number, sampled=len(labels), all_images=all_images)
    judged = np.concatenate([fold.judged for fold in folds])
    answers = [answers_of(learn, rows, fold, spec) for fold in folds]
    predicted = np.concatenate([one.labels for one in answers])
    certainty = np.concatenate([one.certainty for one in answers])
    truth, right = labels[judged], predicted == labels[judged]
    unknown = unknown_of(answers, spec)
    shares = _shares(sets.gather(judged).to_numpy(), right)
    images = effective_images(shares)
    low, high = wilson(right.mean() * images, images)
    names = {label: name for name, label in classes.items()}
    known = set(np.unique(truth).tolist())
    return UnseenSources(
        sources=number,
        sampled=len(labels),
        all_images=all_images,
        folds=len(folds),
        images=len(truth),
        accuracy=float(right.mean()),
        low=low,
        high=high,
        macro_f1=float(f1_score(truth, predicted, labels=sorted(known), average="macro")),
        calibration_error=calibration_error(reliability(certainty, right)),
        mistakes=int((~right).sum()),
        certain_mistakes=int((~right & (certainty > CERTAIN)).sum()),
        known_accuracy=_accuracy_of(evaluation, {names[label] for label in known}),
        held_back=spec.held_back,
        unknown=None if unknown is None else float(unknown.mean()),
        answered_accuracy=None if unknown is None or unknown.all() else float(right[~unknown].mean()),
        unjudged=tuple(names[label] for label in np.unique(labels).tolist() if label not in known),
        per_source=tuple(sorted(shares, key=lambda one: (-one.images, one.name))[:_MOST_SOURCES]),
    )


@dataclass(frozen=True)
class Answers:
    """Of J images that a fold leaves out: labels [J], their probabilities [J], how familiar they are as measured.

    The last is empty where nothing is held back.
    """

    labels: np.ndarray
    certainty: np.ndarray
    measured: np.ndarray


def answers_of(learn: Learn, rows: TrainingRows, fold: SourceFold, spec: Classifier) -> Answers:
    """What a model of a fold's training images says of those that it judges.

    Args:
        learn: See `measure_unseen`.
        rows: All images.
        fold: Of these.
        spec: Whether familiarity is measured.
    """
    training, features = rows.take(fold.training), rows.features[fold.judged]
    model = learn(training)
    probabilities = model.predict_proba(features)
    answers = probabilities.argmax(axis=1)
    measured = measured_by(model, training, features, answers, spec.selection.seed) if spec.held_back else np.empty(0)
    return Answers(model.classes[answers], probabilities.max(axis=1), measured)


def unknown_of(answers: Sequence[Answers], spec: Classifier) -> np.ndarray | None:
    """bool [judged], which images are unknown by limits that were calibrated on other sources than theirs.

    None where nothing is held back, or there are too few images of other sources.
    """
    found = []
    for place, one in enumerate(answers):
        others = [other.measured for other in (*answers[:place], *answers[place + 1 :])]
        if sum(map(len, others)) < LEAST_JUDGED:
            return None
        familiarity = familiarity_of(one.measured, quantile_grid(np.concatenate(others)))
        found.append((familiarity < spec.held_back) | (one.certainty < spec.unknown_below))
    return np.concatenate(found)


def _shares(sets: np.ndarray, right: np.ndarray) -> list[SourceShare]:
    names, of = np.unique(sets, return_inverse=True)
    images, rights = np.bincount(of), np.bincount(of, weights=right)
    return [
        SourceShare(name=str(name), images=int(count), right=int(good))
        for name, count, good in zip(names, images, rights, strict=True)
    ]


def effective_images(shares: Sequence[SourceShare]) -> float:
    """How many independent images tell as much as these: fewer, where images of a source fare alike (Kish).

    Args:
        shares: At least one.
    """
    images, right = sum(one.images for one in shares), sum(one.right for one in shares)
    share, sources = right / images, len(shares)
    chance = images * share * (1 - share)
    if sources < 2 or chance == 0:
        return float(images)
    between = sum((one.right - share * one.images) ** 2 for one in shares) * sources / (sources - 1)
    return images / max(1.0, between / chance)


def _accuracy_of(evaluation: Evaluation, names: set[str]) -> float | None:
    """Accuracy on the held-out images of some categories; None where there are none."""
    of_those = [place for place, one in enumerate(evaluation.per_class) if one.name in names]
    images = sum(sum(evaluation.confusion[place]) for place in of_those)
    return sum(evaluation.confusion[place][place] for place in of_those) / images if images else None
