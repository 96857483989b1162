"""How good a classifier is on images that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field
from sklearn.metrics import confusion_matrix, roc_auc_score

from image_assets.classifier.training.calibration import Bin, calibration_error, reliability
from image_assets.classifier.training.train import NotTrainableError, check_features
from image_assets.settings.section import Frozen
from image_assets.store.models.model import Model


class ClassFigures(Frozen):
    """How well one class is told apart from the others; a ratio without a denominator is 0."""

    name: str
    precision: float = Field(description="Share of the images called so that are so.")
    recall: float = Field(description="Share of the images that are so that are called so.")
    f1: float = Field(description="Harmonic mean of precision and recall.")
    support: int = Field(description="Held-out images of the class.")


class Evaluation(Frozen):
    """The figures of one classifier on held-out images."""

    accuracy: float
    macro_f1: float = Field(description="Mean F1 of the classes that have held-out images, each weighing the same.")
    balanced_accuracy: float = Field(description="Mean recall of the classes that have held-out images.")
    majority_accuracy: float = Field(description="Accuracy of always answering the most frequent held-out class.")
    weighted_precision: float = Field(description="Mean precision of the classes, weighed by their held-out images.")
    weighted_recall: float = Field(description="The same of recall, which is the accuracy.")
    auc: float | None = Field(
        description="Area under the ROC curve of each class against the others, by probability, mean of the classes "
        "that have held-out images and are known to the model; null where there are fewer than two."
    )
    log_loss: float = Field(description="Mean negative logarithm of the probability of the true class, nats.")
    calibration_error: float = Field(description="Expected calibration error, see `calibration`.")
    reliability: tuple[Bin, ...] = Field(description="Certainty and accuracy, bin by bin.")
    held_out: int = Field(description="Images evaluated.")
    trained: int = Field(description="Images that the classifier was trained on.")
    converged: bool = Field(description="False where training stopped at the limit of iterations.")
    per_class: tuple[ClassFigures, ...] = Field(description="In the order of the labels.")
    confusion: tuple[tuple[int, ...], ...] = Field(
        description="K × K counts: row is the true class, column the predicted one, in the order of `per_class`."
    )

    def headline(self) -> dict[str, float | None]:
        """The figures that fit on one line, for metadata and the manifest."""
        return self.model_dump(exclude={"per_class", "confusion", "reliability"})


def evaluate(model: Model, features: np.ndarray, labels: np.ndarray, classes: Mapping[str, int]) -> Evaluation:
    """Compare a classifier's answers with the truth.

    The classes are those that the model knows or that have held-out images; a category of the dataset without
    any image yet is left out.

    Args:
        model: What `train` returned.
        features: float32 [N, D], held-out images only.
        labels: int16 [N].
        classes: Category → label.

    Raises:
        NotTrainableError: nothing is held out.
        UnusableFeaturesError: see `check_features`.
    """
    if len(labels) == 0:
        raise NotTrainableError("no image is held out: there is nothing to evaluate the classifier on")
    check_features(features, labels, classes)
    return evaluate_answers(model, model.predict_proba(features), labels, classes)


def evaluate_answers(
    model: Model, probabilities: np.ndarray, labels: np.ndarray, classes: Mapping[str, int]
) -> Evaluation:
    """As `evaluate`, of a model's answers.

    Args:
        model: What answered.
        probabilities: float [N, K], of its classes, for held-out images only.
        labels: int16 [N].
        classes: Category → label.
    """
    present = sorted({*np.unique(labels).tolist(), *model.classes.tolist()})
    predicted = model.classes[probabilities.argmax(axis=1)]
    confusion = confusion_matrix(labels, predicted, labels=present)
    right, support, answers = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    precision = right / np.maximum(answers, 1)
    recall = right / np.maximum(support, 1)
    f1 = 2 * right / np.maximum(support + answers, 1)
    names = {label: name for name, label in classes.items()}
    seen = support > 0
    bins = reliability(probabilities.max(axis=1), predicted == labels)
    return Evaluation(
        weighted_precision=float((precision * support).sum() / len(labels)),
        weighted_recall=float((recall * support).sum() / len(labels)),
        auc=_auc(labels, probabilities, model.classes),
        log_loss=_log_loss(labels, probabilities, model.classes),
        calibration_error=calibration_error(bins),
        reliability=bins,
        accuracy=float(right.sum() / len(labels)),
        macro_f1=float(f1[seen].mean()),
        balanced_accuracy=float(recall[seen].mean()),
        majority_accuracy=float(support.max() / len(labels)),
        held_out=len(labels),
        trained=model.trained_rows,
        converged=model.converged,
        per_class=tuple(
            ClassFigures(
                name=names[label],
                precision=float(precision[i]),
                recall=float(recall[i]),
                f1=float(f1[i]),
                support=int(support[i]),
            )
            for i, label in enumerate(present)
        ),
        confusion=tuple(tuple(row) for row in confusion.tolist()),
    )


def _auc(labels: np.ndarray, probabilities: np.ndarray, known: np.ndarray) -> float | None:
    areas = [
        float(roc_auc_score(labels == label, probabilities[:, column]))
        for column, label in enumerate(known)
        if 0 < np.sum(labels == label) < len(labels)
    ]
    return float(np.mean(areas)) if len(areas) > 1 else None


def _log_loss(labels: np.ndarray, probabilities: np.ndarray, known: np.ndarray) -> float:
    # A class that the model does not know has the smallest probability that a float can tell from none.
    least = np.finfo(np.float64).eps
    columns = np.searchsorted(known, labels)
    of_truth = probabilities[np.arange(len(labels)), np.minimum(columns, len(known) - 1)]
    of_truth = np.where(np.isin(labels, known), of_truth, least)
    return mean_loss(of_truth, least)


def mean_loss(of_truth: np.ndarray, least: float) -> float:
    """Mean negative logarithm of the probabilities of the true classes, nats; none counts as less than `least`."""
    return float(-np.log(np.clip(of_truth, least, 1)).mean())
