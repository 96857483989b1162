"""Training of the classifier on feature vectors, and what makes data too poor to train on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from threadpoolctl import threadpool_limits

from image_assets.classifier.training.families import Candidate, fit
from image_assets.features.table import UnusableFeaturesError, refuse_not_finite
from image_assets.store.models.sklearn_model import SklearnModel


class NotTrainableError(ValueError):
    """The images do not suffice for a classifier or its evaluation; the message says what is missing."""


def check_trainable(labels: np.ndarray, held_out: np.ndarray, classes: Mapping[str, int], pictures: int) -> None:
    """See that there is something to learn and something to measure it on.

    Args:
        labels: int16 [N], the labels of all images.
        held_out: bool [N], true where an image is kept for the evaluation.
        classes: Category → label.
        pictures: How many of the images are different pictures, lookalikes counted once.

    Raises:
        NotTrainableError: fewer than two classes have training images, or nothing is held out. The message gives both
            counts of every class, and what to add.
    """
    training = {name: int(np.sum((labels == label) & ~held_out)) for name, label in classes.items()}
    kept = {name: int(np.sum((labels == label) & held_out)) for name, label in classes.items()}
    if sum(count > 0 for count in training.values()) < 2:
        problem = "fewer than two classes have training images"
    elif not any(kept.values()):
        problem = "no image is held out for the evaluation"
    else:
        return
    counts = ", ".join(f"{name} {training[name]} + {kept[name]}" for name in classes)
    raise NotTrainableError(
        f"cannot train a classifier: {problem}. Training + held-out images: {counts}. "
        f"{what_to_add(len(labels), pictures)}"
    )


def what_to_add(images: int, pictures: int) -> str:
    """What helps where there are too few images: of lookalikes, which stay together, more of the same do not."""
    if pictures == images:
        return "Add images."
    return (
        f"Only {pictures:,} of the {images:,} images are different pictures, and lookalikes stay on one side: add "
        "other pictures."
    )


def untested(training: np.ndarray, held_out: np.ndarray, classes: Mapping[str, int]) -> list[str]:
    """The classes that are learnt and that no image is held out of: they are in no figure of the model.

    Args:
        training: int16 [N], the labels of the training images.
        held_out: int16 [M], those of the images that are held out.
        classes: Category → label.
    """
    return [name for name, label in classes.items() if (training == label).any() and not (held_out == label).any()]


def check_features(features: np.ndarray, labels: np.ndarray, classes: Mapping[str, int]) -> None:
    """See that features are finite, one row for a label, and labels those of the dataset.

    Raises:
        UnusableFeaturesError: naming what is wrong, in how many rows.
    """
    if features.ndim != 2 or len(features) != len(labels):
        raise UnusableFeaturesError(
            f"expected one feature vector per label; found features of shape {features.shape} and {len(labels)} labels"
        )
    refuse_not_finite(features)
    unknown = set(np.unique(labels).tolist()) - set(classes.values())
    if unknown:
        raise UnusableFeaturesError(f"labels {sorted(unknown)} are none of the dataset's: {dict(classes)}")


def train(
    features: np.ndarray, labels: np.ndarray, candidate: Candidate, classes: Mapping[str, int], seed: int = 0
) -> SklearnModel:
    """Fit a candidate to the training images.

    The same rows in the same order give the same model bit for bit, on any number of cores: linear algebra runs on
    one thread, because its sums depend on how the work is divided (one thread is also the fastest here: 0.3 s against
    0.55 s for a logistic regression of 15,000 × 512 on two cores).

    Args:
        features: float32 [N, D], the training images only. Columns that never vary are harmless.
        labels: int16 [N].
        candidate: What to fit.
        classes: Category → label.
        seed: For candidates that draw lots.

    Returns:
        A model that gives probabilities.

    Raises:
        NotTrainableError: fewer than two classes have images.
        UnusableFeaturesError: see `check_features`.
    """
    check_features(features, labels, classes)
    if len(np.unique(labels)) < 2:
        counts = ", ".join(f"{name} {int(np.sum(labels == label))}" for name, label in classes.items())
        raise NotTrainableError(f"a classifier needs images of two classes to train on; found: {counts}")
    with threadpool_limits(limits=1):
        return fit(candidate, seed, features, labels, probabilities=True)
