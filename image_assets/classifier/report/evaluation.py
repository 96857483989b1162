"""What a person gets to see of an evaluation: a picture and a table."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from image_assets.classifier.training.evaluate import Evaluation
from image_assets.markdown import markdown_table
from image_assets.pages.figures import INK, picture

_MAX_SIDE = 24  # of the matrix, inches
_MAX_WRITTEN = 120  # classes whose counts are still legible at that size


def confusion_plot(evaluation: Evaluation, title: str = "Held-out images") -> bytes:
    """Draw the confusion matrix: the counts are written, the colour is the share of the true class.

    Colours are normalised by row, so that a rare class shows its errors as clearly as a frequent one, and spread out
    near zero, where the errors are. The picture grows with the number of classes; beyond 12 only the counts above
    zero are written, beyond 120 none.

    Returns:
        A PNG file; the same figures give the same bytes.
    """
    names = [figures.name for figures in evaluation.per_class]
    counts = np.array(evaluation.confusion)
    many = len(names) > 12
    digits = len(str(counts.max()))
    cell = max(0.07 * digits + 0.08, 0.25) if many else 0.65
    side = min(max(cell * len(names), 2.4), _MAX_SIDE)
    margin = 0.9 + 0.075 * max(map(len, names))
    figures = f"accuracy {evaluation.accuracy:.1%}, macro F1 {evaluation.macro_f1:.3f}"

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        _draw_cells(axes, counts, many)
        _name_classes(axes, names, many)
        axes.set_title(f"{title}: {evaluation.held_out:,}\n{figures}", fontsize=11)

    return picture(side + margin + 0.9, side + margin + 0.5, paint)


def _draw_cells(axes: Axes, counts: np.ndarray, many: bool) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.6, vmin=0, vmax=1))
    written = np.full(counts.shape, not many) | (counts > 0) & (len(counts) <= _MAX_WRITTEN)
    for row, column in np.argwhere(written):
        axes.text(
            column,
            row,
            str(counts[row, column]),
            ha="center",
            va="center",
            fontsize=6 if many else 12,
            color="white" if shares[row, column] > 0.4 else INK,
        )
    # White lines between the cells.
    edges = np.arange(len(counts) + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", color="white", linewidth=0.5 if many else 2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.5 if many else 1.0, aspect=30, pad=0.02)
    bar.set_label("share of the true class", fontsize=8)
    bar.ax.tick_params(labelsize=7)


def _name_classes(axes: Axes, names: list[str], many: bool) -> None:
    axes.set_yticks(range(len(names)), names)
    if many:
        axes.set_xticks(range(len(names)), names, rotation=90)
    else:
        axes.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    axes.tick_params(labelsize=7 if many else 10)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")


def summary_markdown(evaluation: Evaluation) -> str:
    """The headline and a table with a line per class, in Markdown."""
    lines = [
        f"**Accuracy {evaluation.accuracy:.1%}**, macro F1 {evaluation.macro_f1:.3f}, balanced accuracy "
        f"{evaluation.balanced_accuracy:.1%}, on {evaluation.held_out:,} held-out images; trained on "
        f"{evaluation.trained:,}. Always answering the most frequent class: {evaluation.majority_accuracy:.1%}.",
    ]
    if not evaluation.converged:
        lines.append(
            "\nTraining stopped at the limit of iterations: raise `max_iterations` of the candidate in "
            "`classifier.candidates`."
        )
    rows = [
        (one.name, f"{one.precision:.3f}", f"{one.recall:.3f}", f"{one.f1:.3f}", f"{one.support:,}")
        for one in evaluation.per_class
    ]
    header = ("class", "precision", "recall", "F1", "held-out images")
    return "\n".join([*lines, "", markdown_table(header, rows, "lrrrr")]) + "\n"
