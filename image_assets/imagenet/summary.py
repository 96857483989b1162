"""Which labels of ImageNet a dataset has many confident pictures of: the table, as Markdown, as CSV and as a plot."""

from __future__ import annotations

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from image_assets.markdown import markdown_table
from image_assets.pages.figures import MAIN, SECOND, picture
from image_assets.schema import CONFIDENT_LABELS
from image_assets.settings.imagenet import Imagenet

_SHOWN = 25


def count_confident_labels(predictions: pl.LazyFrame, spec: Imagenet) -> tuple[pl.DataFrame, dict[str, int]]:
    """Count the confident predictions of each label.

    Args:
        predictions: Rows of `imagenet_predictions`, of the whole dataset.
        spec: Above which score a prediction is confident, and of how many more than `min_images` a label is listed.

    Returns:
        The table `confident_labels`, the most frequent label first, and figures: how many pictures were looked at, how
        many of them are confident, of how many labels, and how many of these are listed.
    """
    counts = predictions.group_by("imagenet_class", "imagenet_label", "delivered_as").agg(
        pl.len().alias("pictures"),
        (pl.col("score") > spec.confident).sum().cast(pl.Int64).alias("confident"),
        pl.col("score").cast(pl.Float64).filter(pl.col("score") > spec.confident).sum().alias("score"),
    )
    # One row per label and category: it fits into memory whatever the dataset's size.
    every = counts.sort("imagenet_class", "delivered_as").collect()
    pictures = int(every["pictures"].sum())
    confident = every.filter(pl.col("confident") > 0).sort(
        "imagenet_class", "confident", "delivered_as", descending=[False, True, False]
    )
    labels = confident.group_by("imagenet_class", "imagenet_label", maintain_order=True).agg(
        pl.col("confident").sum().alias("images"),
        (pl.col("score").sum() / pl.col("confident").sum()).alias("mean_score"),
        pl.col("delivered_as").first().alias("most_delivered_as"),
        (pl.col("confident").first() / pl.col("confident").sum()).alias("agreement"),
    )
    listed = (
        labels.filter(pl.col("images") > spec.min_images)
        .with_columns(share=pl.col("images") / max(pictures, 1))
        .sort("images", "imagenet_class", descending=[True, False])
        .select(CONFIDENT_LABELS.file_schema.names)
    )
    figures = {
        "pictures": pictures,
        "confident": int(confident["confident"].sum()),
        "labels with a confident picture": labels.height,
        "labels listed": listed.height,
    }
    return listed, figures


def summary_markdown(rows: pl.DataFrame, spec: Imagenet) -> str:
    """The listed labels as a table, the first of many."""
    if rows.is_empty():
        return f"no label has more than {spec.min_images:,} pictures with a score above {spec.confident:g}\n"
    cells = [
        (
            row["imagenet_label"],
            f"{row['images']:,}",
            f"{row['share']:.2%}",
            f"{row['mean_score']:.3f}",
            row["most_delivered_as"],
            f"{row['agreement']:.1%}",
        )
        for row in rows.head(_SHOWN).iter_rows(named=True)
    ]
    header = ("label", "images", "share", "mean score", "delivered as", "agreement")
    more = f"\n{rows.height - _SHOWN} more are in confident_labels.csv.\n" if rows.height > _SHOWN else ""
    return markdown_table(header, cells, "lrrrlr") + f"\n{more}"


def summary_plot(rows: pl.DataFrame, spec: Imagenet) -> bytes:
    """Images of the listed labels, the most frequent on top, and how many of each were delivered as one thing.

    Returns:
        A PNG file; the same rows give the same bytes.
    """
    shown = rows.head(_SHOWN)[::-1]
    places, images = np.arange(shown.height), shown["images"].to_numpy()
    agreed = images * shown["agreement"].to_numpy()
    names = [
        f"{label.split(',')[0]} ({most})" for label, most in shown.select("imagenet_label", "most_delivered_as").rows()
    ]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.barh(places, agreed, color=MAIN, label="delivered as the most frequent")
        axes.barh(places, images - agreed, left=agreed, color=SECOND, label="delivered as something else")
        axes.set_yticks(places, names, fontsize=8)
        axes.set_xlabel(f"images with a score above {spec.confident:g}")
        axes.set_title(f"Labels with more than {spec.min_images:,} confident images", loc="left")
        if shown.height:
            axes.legend(fontsize=8, loc="lower right")

    return picture(9, 1.5 + 0.32 * shown.height, paint)
