"""The thumbnails of loaded images, by their ids."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from image_assets.schema import Partition
from image_assets.store.tables.delta_tables import PartitionedTable


def thumbnails_of(raw_images: PartitionedTable, images: Mapping[str, Partition]) -> dict[str, bytes]:
    """The JPEG thumbnails of images, as far as they are still loaded; only their partitions are read.

    Args:
        raw_images: The table.
        images: Image id → where it lies.
    """
    rows = raw_images.scan(sorted(set(images.values()))).filter(pl.col("image_id").is_in(list(images)))
    return dict(rows.select("image_id", "thumbnail").collect().iter_rows())
