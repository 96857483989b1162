"""What a person sees of label conflicts: the pictures side by side, with their categories and sources."""

from __future__ import annotations

import base64

import dagster as dg
import polars as pl

from image_assets.schema import Partition
from image_assets.store.tables.delta_tables import PartitionedTable

_SHOWN = 20


def conflicts_markdown(files: pl.DataFrame, raw_images: PartitionedTable) -> dg.MarkdownMetadataValue:
    """The first files in conflicts, open ones first, with thumbnails.

    Args:
        files: Rows of `label_conflicts`.
        raw_images: Where the thumbnails are.
    """
    if files.is_empty():
        return dg.MetadataValue.md("no picture is under two categories")
    shown = files.sort(pl.col("state") != "open", "conflict_id", "date", "category").head(_SHOWN)
    pictures = _thumbnails(shown.filter("loaded"), raw_images)
    lines = ["| picture | category | day | source | kind | state | kept |", "|---|---|---|---|---|---|---|"]
    for row in shown.iter_rows(named=True):
        picture = pictures.get(row["image_id"])
        image = f"![](data:image/jpeg;base64,{base64.b64encode(picture).decode()})" if picture else ""
        source = str(row["source"]).replace("|", "\\|").replace("`", "'")
        lines.append(
            f"| {image} | {row['category']} | {row['date']} | `{source}` | {row['kind']} | {row['state']} "
            f"| {'yes' if row['kept'] else 'no'} |"
        )
    return dg.MetadataValue.md("\n".join(lines))


def _thumbnails(images: pl.DataFrame, raw_images: PartitionedTable) -> dict[str, bytes]:
    partitions = [Partition(*key) for key in images.select("date", "category").unique().iter_rows()]
    rows = raw_images.scan(partitions).select("image_id", "thumbnail")
    return dict(rows.filter(pl.col("image_id").is_in(images["image_id"].implode())).collect().iter_rows())
