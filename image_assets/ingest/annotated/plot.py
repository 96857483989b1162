"""The selection as a picture: how many rows and images every step left."""

from __future__ import annotations

import io

import polars as pl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from image_assets.ingest.annotated.selecting import Step

_SHOWN = (Step.READ, Step.KNOWN, Step.CHOSEN, Step.WANTED, Step.POSITIVE, Step.DISTINCT_IMAGES, Step.SELECTED)
_SHOWN_AFTER = (Step.WITH_FILE,)
# Okabe and Ito's blue.
_COLOUR = "#0072B2"


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
    figure = Figure(figsize=(9, 4), dpi=100, facecolor="white", layout="constrained")
    axes = figure.subplots()
    bars = axes.barh([str(step) for step in steps], counts, color=_COLOUR)
    axes.bar_label(bars, [f"{count:,}" for count in counts], padding=4)
    axes.invert_yaxis()
    axes.set_xscale("symlog")
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(f"{dataset}: from labels to images", loc="left", fontsize=12)
    buffer = io.BytesIO()
    # The library would write its version into the file.
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
