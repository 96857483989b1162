"""The thumbnails of loaded images, by their ids."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from image_assets.schema import Partition
from image_assets.store.tables.delta_tables import PartitionedTable


def thumbnails_of(
    raw_images: PartitionedTable, images: pl.DataFrame, partitions: Collection[Partition] | None = None
) -> dict[str, bytes]:
    """The JPEG thumbnails of images, as far as they are still loaded; only their partitions are read.

    Args:
        raw_images: The table.
        images: Rows with `image_id`, and with `date` and `category` where it is not told where they lie.
        partitions: Where they lie.
    """
    if partitions is None:
        partitions = sorted(Partition(*key) for key in images.select("date", "category").unique().iter_rows())
    rows = raw_images.scan(partitions).filter(pl.col("image_id").is_in(images["image_id"].unique().implode()))
    return dict(rows.select("image_id", "thumbnail").collect().iter_rows())
