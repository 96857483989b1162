"""What a person gets to see of a nested cross-validation: a CSV file and a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from image_assets.classifier.comparing.nested import FamilyResult
from image_assets.pages.figures import COLOURS, picture

Compared = Mapping[str, Sequence[FamilyResult]]
"""Name of the features → what the families reached with them."""


def nested_frame(compared: Compared) -> pl.DataFrame:
    """A row per features, family and outer fold.

    Returns:
        Columns features, family, fold (from 1), candidate, inner, outer, images, converged.
    """
    return pl.DataFrame(
        [
            {
                "features": features,
                "family": result.family,
                "fold": number,
                "candidate": str(fold.candidate),
                "inner": fold.inner,
                "outer": fold.outer,
                "images": fold.images,
                "converged": fold.converged,
            }
            for features, results in compared.items()
            for result in results
            for number, fold in enumerate(result.folds, start=1)
        ]
    )


def nested_plot(compared: Compared, scoring: str) -> bytes:
    """Mean and deviation of every family, best on top; other features beside, in another colour.

    Returns:
        A PNG file; the same figures give the same bytes.
    """
    families = [one.family for one in next(iter(compared.values()))][::-1]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        offsets = np.linspace(0.15, -0.15, len(compared)) if len(compared) > 1 else np.zeros(1)
        for (features, results), offset, colour in zip(compared.items(), offsets, cycle(COLOURS)):
            of = {one.family: one for one in results}
            means, deviations = [of[name].mean for name in families], [of[name].deviation for name in families]
            places = np.arange(len(families)) + offset
            axes.errorbar(means, places, xerr=deviations, fmt="o", capsize=3, color=colour, label=features)
        axes.set_yticks(range(len(families)), [name.replace("_", " ") for name in families])
        folds = len(next(iter(compared.values()))[0].folds)
        axes.set_xlabel(f"{scoring.replace('_', ' ')}: mean and standard deviation over {folds} outer folds")
        axes.set_title("Which family of classifiers is best?", loc="left")
        axes.grid(axis="x")
        if len(compared) > 1:
            figure.legend(loc="outside lower center", ncols=len(compared))

    return picture(8, 1.4 + (0.3 + 0.25 * len(compared)) * len(families), paint)
