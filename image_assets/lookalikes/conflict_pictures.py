"""What a person sees of label conflicts: the pictures side by side, with their categories and sources."""

from __future__ import annotations

import polars as pl

from image_assets.markdown import code, markdown_table, picture
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.thumbnails import thumbnails_of

_SHOWN = 20


def conflicts_markdown(files: pl.DataFrame, raw_images: PartitionedTable) -> str:
    """The first files in conflicts, open ones first, with thumbnails.

    Args:
        files: Rows of `label_conflicts`.
        raw_images: Where the thumbnails are.
    """
    if files.is_empty():
        return "no picture is under two categories"
    shown = files.sort(pl.col("state") != "open", "conflict_id", "date", "category").head(_SHOWN)
    pictures = thumbnails_of(raw_images, shown.filter("loaded"))
    rows = [
        (
            picture(pictures.get(row["image_id"])),
            row["category"],
            row["date"],
            code(row["source"]),
            row["kind"],
            row["state"],
            "yes" if row["kept"] else "no",
        )
        for row in shown.iter_rows(named=True)
    ]
    header = ("picture", "category", "day", "source", "kind", "state", "kept")
    return markdown_table(header, rows)
