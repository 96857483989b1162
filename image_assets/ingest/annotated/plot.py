"""The selection as a picture: how many rows and images every step left."""

from __future__ import annotations

import polars as pl
from matplotlib.figure import Figure

from image_assets.ingest.annotated.selection_sql import Step
from image_assets.pages.figures import MAIN, picture

_SHOWN = (Step.READ, Step.KNOWN, Step.CHOSEN, Step.WANTED, Step.POSITIVE, Step.DISTINCT_IMAGES, Step.SELECTED)
_SHOWN_AFTER = (Step.WITH_FILE,)


def selection_plot(rows: pl.DataFrame, dataset: str) -> bytes:
    """Draw a bar for every step, on a logarithmic scale.

    Args:
        rows: As `label_selection` has them.
        dataset: Its name.

    Returns:
        A PNG file; the same rows give the same bytes.
    """
    steps = [*_SHOWN, *_SHOWN_AFTER]
    counts = [int(rows.filter(pl.col("step") == step)["rows"].sum()) for step in steps]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        bars = axes.barh([str(step) for step in steps], counts, color=MAIN)
        axes.bar_label(bars, [f"{count:,}" for count in counts], padding=4)
        axes.invert_yaxis()
        axes.set_xscale("symlog")
        axes.margins(x=0.15)
        axes.set_title(f"{dataset}: from labels to images", loc="left", fontsize=12)

    return picture(9, 4, paint)
