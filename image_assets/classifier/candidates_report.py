"""What a person gets to see of a selection: a table, a plot and a CSV file."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from image_assets.classifier.selection import Score

_SHOWN = 25


def candidates_frame(scores: Sequence[Score]) -> pl.DataFrame:
    """A row per candidate, in the order of `scores`.

    Returns:
        Columns candidate, family, images, mean, deviation, seconds, converged, and fold_1 … fold_F.
    """
    folds = range(len(scores[0].folds))
    return pl.DataFrame(
        {
            "candidate": [str(one.candidate) for one in scores],
            "family": [one.candidate.family for one in scores],
            "images": [one.rows for one in scores],
            "mean": [one.mean for one in scores],
            "deviation": [one.deviation for one in scores],
            "seconds": [one.seconds for one in scores],
            "converged": [one.converged for one in scores],
            **{f"fold_{fold + 1}": [one.folds[fold] for one in scores] for fold in folds},
        }
    )


def candidates_markdown(scores: Sequence[Score], scoring: str) -> str:
    """The best candidates as a table, and how many there were."""
    lines = [f"| candidate | images | {scoring} | deviation | seconds |", "|---|---:|---:|---:|---:|"]
    lines += [
        f"| {one.candidate}{'' if one.converged else ' (stopped at its limit)'} | {one.rows:,} | {one.mean:.4f} "
        f"| {one.deviation:.4f} | {one.seconds:.1f} |"
        for one in scores[:_SHOWN]
    ]
    if len(scores) > _SHOWN:
        lines.append(f"\n{len(scores) - _SHOWN} more are in candidates.csv.")
    return "\n".join(lines) + "\n"


def candidates_plot(scores: Sequence[Score], scoring: str) -> bytes:
    """Mean and deviation of the best candidates that were compared on all images, best on top.

    Returns:
        A PNG file; the same figures give the same bytes.
    """
    shown = [one for one in scores if one.rows == scores[0].rows][:_SHOWN][::-1]
    figure = Figure(figsize=(9, 1.2 + 0.32 * len(shown)), layout="constrained", dpi=110)
    axes = figure.subplots()
    places = np.arange(len(shown))
    axes.errorbar([one.mean for one in shown], places, xerr=[one.deviation for one in shown], fmt="o", capsize=3)
    axes.set_yticks(places, [str(one.candidate) for one in shown], fontsize=7)
    axes.set_xlabel(f"{scoring.replace('_', ' ')}: mean and standard deviation over {len(scores[0].folds)} folds")
    axes.set_title("Which classifier is best?", loc="left")
    axes.grid(axis="x", alpha=0.3)
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
