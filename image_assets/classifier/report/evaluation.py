"""What a person gets to see of an evaluation: a picture and a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from image_assets.classifier.training.evaluate import Evaluation
from image_assets.markdown import markdown_table
from image_assets.pages.figures import AMOUNTS, colour_bar, picture, short

FEW_CLASSES = 12
"""So many at most have a matrix with room for all counts and shares."""
_LIMIT = "`max_iterations` of the candidate in `classifier.candidates`"
_MAX_SIDE = 24  # of the matrix, inches
_MAX_WRITTEN = 120  # classes whose counts are still legible at that size


def row_shares(evaluation: Evaluation) -> np.ndarray:
    """The confusion matrix as shares of the true class, float64 [K, K]."""
    counts = np.array(evaluation.confusion)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def confusion_picture(evaluation: Evaluation) -> bytes:
    """Draw the confusion matrix by itself; the picture grows with the number of classes.

    Returns:
        A PNG file; the same figures give the same bytes.
    """
    names, many = [one.name for one in evaluation.per_class], len(evaluation.per_class) > FEW_CLASSES
    digits = len(str(np.max(evaluation.confusion)))
    cell = max(0.07 * digits + 0.08, 0.25) if many else 0.65
    side = min(max(cell * len(names), 2.4), _MAX_SIDE)
    margin = 0.9 + 0.075 * max(map(len, names))
    figures = f"accuracy {evaluation.accuracy:.1%}, macro F1 {evaluation.macro_f1:.3f}"

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        draw_confusion(axes, evaluation, 6 if many else 9, named=True, written=len(names) <= _MAX_WRITTEN)
        axes.set_title(f"Held-out images: {evaluation.held_out:,}\n{figures}", fontsize=11)

    return picture(side + margin + 0.9, side + margin + 0.5, paint)


def draw_confusion(axes: Axes, evaluation: Evaluation, size: float, *, named: bool, written: bool) -> None:
    """Draw a confusion matrix.

    Colours are normalised by row, so that a rare class shows its errors as clearly as a frequent one, and spread out
    near zero, where the errors are.

    Args:
        axes: Where.
        evaluation: Whose.
        size: Of the letters, points.
        named: Whether the classes are named.
        written: Whether counts are: all, with the shares, of few classes; those above zero of more.
    """
    names = [short(one.name, 20) for one in evaluation.per_class] if named else []
    image = draw_counts(axes, np.array(evaluation.confusion), names, size, written=written)
    colour_bar(axes, image, "share of the true category", "{x:.0%}")


def draw_counts(axes: Axes, counts: np.ndarray, names: Sequence[str], size: float, *, written: bool) -> AxesImage:
    """Draw a confusion matrix without its scale of colours.

    Args:
        axes: Where.
        counts: int [K, K], a row for each true category.
        names: Of the categories; none to leave them out.
        size, written: As of `draw_confusion`.
    """
    shares, few = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), len(counts) <= FEW_CLASSES
    image = axes.imshow(shares, cmap=AMOUNTS, norm=PowerNorm(0.6, 0, 1), interpolation="none")
    for row, column in np.argwhere((counts > 0) | few) if written else ():
        text = f"{shares[row, column]:.0%}\n{counts[row, column]:,}" if few else str(counts[row, column])
        colour = "#111111" if shares[row, column] > 0.35 else "#FFFFFF"
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)
    places = range(len(names))
    axes.set_xticks(
        places,
        names,
        rotation=45 if few else 90,
        ha="right" if few else "center",
        rotation_mode="anchor" if few else "default",
        fontsize=size,
    )
    axes.set_yticks(places, names, fontsize=size)
    axes.tick_params(length=0)
    axes.set(xlabel="answer of the model", ylabel="true category")
    return image


def evaluation_markdown(evaluation: Evaluation, limit: str = _LIMIT) -> str:
    """The headline and a table with a line per class, in Markdown.

    Args:
        evaluation: The figures.
        limit: The key of the dataset file that training stops at.
    """
    lines = [
        f"**Accuracy {evaluation.accuracy:.1%}**, macro F1 {evaluation.macro_f1:.3f}, balanced accuracy "
        f"{evaluation.balanced_accuracy:.1%}, on {evaluation.held_out:,} held-out images; trained on "
        f"{evaluation.trained:,}. Always answering the most frequent class: {evaluation.majority_accuracy:.1%}.",
    ]
    if not evaluation.converged:
        lines.append(f"\nTraining stopped at the limit of iterations: raise {limit}.")
    rows = [
        (one.name, f"{one.precision:.3f}", f"{one.recall:.3f}", f"{one.f1:.3f}", f"{one.support:,}")
        for one in evaluation.per_class
    ]
    header = ("class", "precision", "recall", "F1", "held-out images")
    return "\n".join([*lines, "", markdown_table(header, rows, "lrrrr")]) + "\n"
