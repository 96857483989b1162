"""How many rows and bytes the tables hold, from their logs: no file is opened for it."""

from __future__ import annotations

import polars as pl

from image_assets.schema import TableSchema
from image_assets.store.store import Store


def rows_per_partition(store: Store, dataset: str, schema: TableSchema) -> pl.DataFrame:
    """Rows of every day and category of a table.

    Returns:
        Columns date, category, rows; sorted. Days and categories without rows are left out.
    """
    table = store.table(dataset, schema)
    files = table.snapshot().files
    if schema.partitioned and not files["rows"].null_count():
        counted = files.group_by("date", "category").agg(pl.col("rows").sum())
    else:
        # Whoever rewrote the files left out their statistics, or the table has no partitions: then rows are counted.
        counted = table.scan().group_by("date", "category").agg(pl.len().cast(pl.Int64).alias("rows")).collect()
    return counted.filter(pl.col("rows") > 0).sort("date", "category")


def table_bytes(store: Store, dataset: str, schema: TableSchema) -> int:
    """Size of the files that a table consists of now, bytes; without those of earlier versions."""
    return int(store.table(dataset, schema).snapshot().files["bytes"].sum())
