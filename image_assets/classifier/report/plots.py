"""The plots on how a model answers: confusion, ROC curves and reliability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import roc_auc_score, roc_curve

from image_assets.classifier.report.calibrated import Calibration
from image_assets.classifier.report.evaluation import FEW_CLASSES, draw_confusion, row_shares
from image_assets.classifier.training.calibration import Bin
from image_assets.classifier.training.evaluate import Evaluation
from image_assets.pages.figures import COLOURS, MAIN, OTHERS, SECOND, WIDTH, Plot, draw, short

_NAMED_CLASSES = 60
_ROC_POINTS = 150


def confusion_plot(evaluation: Evaluation) -> Plot:
    """The confusion matrix, normalised by row; counts are written where there is room for them."""
    classes = len(evaluation.per_class)
    height = min(max(4.2, 2.4 + 0.42 * classes), 9.5)
    shares = row_shares(evaluation)
    off = shares - np.diag(np.diag(shares))
    row, column = np.unravel_index(off.argmax(), off.shape)
    asked, answered = (short(evaluation.per_class[place].name, 20) for place in (row, column))
    worst = (
        f"Most often taken for another: {asked}, of which {shares[row, column]:.1%} are called {answered}."
        if off.max() > 0
        else "None is taken for another."
    )

    def paint(figure: Figure) -> None:
        # Square, and on the left.
        axes, beside = figure.subplots(1, 2, width_ratios=[height, max(WIDTH - height, 0.1)])
        beside.set_visible(False)
        size = 8.5 if classes <= 30 else 6
        draw_confusion(axes, evaluation, size, named=classes <= _NAMED_CLASSES, written=classes <= FEW_CLASSES)

    return draw(
        "confusion_matrix",
        "Which categories are taken for which",
        f"A row is a true category, its shares are those of the answers. {worst} Alarming: a bright field off the "
        "diagonal, by which two categories are hard to tell apart or their labels are mixed up.",
        height,
        paint,
    )


def roc_plot(truth: np.ndarray, probabilities: np.ndarray, classes: Sequence[tuple[int, str]]) -> Plot | None:
    """ROC curves of the classes that are told apart worst; None where no class can have one.

    Args:
        truth: int [H], labels.
        probabilities: float [H, K], of the classes.
        classes: K labels with their names.
    """
    columns = [k for k, (label, _) in enumerate(classes) if 0 < int(np.sum(truth == label)) < len(truth)]
    if not columns:
        return None
    true = {k: truth == classes[k][0] for k in columns}
    areas = {k: float(roc_auc_score(true[k], probabilities[:, k])) for k in columns}
    worst = sorted(columns, key=lambda k: areas[k])[: len(COLOURS)]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        _diagonal(axes)
        for colour, k in zip(COLOURS, worst, strict=False):
            false_rate, true_rate, _ = roc_curve(true[k], probabilities[:, k])
            shown = np.unique(np.linspace(0, len(false_rate) - 1, _ROC_POINTS).astype(int))
            name = short(classes[k][1])
            axes.plot(false_rate[shown], true_rate[shown], color=colour, label=f"{name}  AUC {areas[k]:.3f}")
        axes.set(xlabel="share of the others that are taken for it", ylabel="share of it that is found")
        axes.legend(loc="lower right")

    some = f" The {len(worst)} worst of {len(columns)} are shown." if len(worst) < len(columns) else ""
    return draw(
        "roc_curves",
        "ROC curves, every category against the others",
        f"How much of a category is found, against how much of the others is taken for it, as the probability that is "
        f"asked for falls.{some} Alarming: a curve near the dashed line, which is what chance gives.",
        4.6,
        paint,
    )


def reliability_plot(evaluation: Evaluation, calibration: Calibration | None) -> Plot:
    """Accuracy against certainty: raw, and corrected where that could be learnt."""
    raw = evaluation.calibration_error
    words = "What is drawn are the model's own probabilities."
    if calibration is not None:
        words = (
            f"Raw, the expected calibration error is {raw:.3f}; corrected by {calibration.way}, which was learnt on "
            f"folds of the training images, {calibration.error:.3f}."
            if calibration.way
            else f"The expected calibration error is {raw:.3f}; no correction learnt on folds of the training images "
            "made the probabilities better."
        )

    def paint(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, width_ratios=[1, 1])
        _diagonal(left)
        _reliability(left, evaluation.reliability, MAIN, f"raw, error {raw:.3f}")
        _counts(right, evaluation.reliability, MAIN, -0.5)
        if calibration is not None and calibration.way:
            _reliability(left, calibration.bins, SECOND, f"{calibration.way}, error {calibration.error:.3f}")
            _counts(right, calibration.bins, SECOND, 0.5)
        left.set(xlabel="probability of the answer", ylabel="share of right answers")
        left.legend(loc="upper left")
        right.set(xlabel="probability of the answer", ylabel="images")

    return draw(
        "reliability",
        "Can its probabilities be believed?",
        f"Left, how many answers of a probability are right: on the dashed line, 80 % means four of five. Right, how "
        f"many images have which. {words} Alarming: points far below the line, for then it is surer than it may be.",
        3.8,
        paint,
    )


def _diagonal(axes: Axes) -> None:
    axes.plot([0, 1], [0, 1], color=OTHERS, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set(xlim=(0, 1.01), ylim=(0, 1.01))
    axes.grid()


def _reliability(axes: Axes, bins: Sequence[Bin], colour: str, title: str) -> None:
    x, y = [one.certainty for one in bins], [one.accuracy for one in bins]
    # Points at 0 and 1 lie on the frame, which would cut them.
    axes.plot(x, y, "o-", color=colour, label=title, ms=4, clip_on=False)


def _counts(axes: Axes, bins: Sequence[Bin], colour: str, shift: float) -> None:
    width = 1 / 40
    places = [one.certainty + shift * width for one in bins]
    axes.bar(places, [one.images for one in bins], width, color=colour, alpha=0.8)
    axes.set_xlim(0, 1.03)
    axes.grid(axis="y")
