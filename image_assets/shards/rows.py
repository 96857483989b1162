"""The rows of a partition's shards: its features, and then those of images that a person put under its category."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pyarrow as pa

from image_assets.schema import IMAGE_FEATURES, Partition
from image_assets.store.tables.partition_files import PartitionFiles


def rows_to_publish(features: PartitionFiles, moved_in: pl.DataFrame, label: int) -> Iterator[pa.RecordBatch]:
    """Batches with the columns of `IMAGE_FEATURES`.

    Args:
        features: The table, and the partition's files.
        moved_in: image_id, date and category of what lies in other partitions, see `EvidenceReader.moved_into`.
        label: Of the category, that those rows are given.
    """
    table, columns = features.table, IMAGE_FEATURES.file_schema.names
    for file in features.files:
        yield from table.files.read(file.path, columns)
    for key, images in sorted(moved_in.partition_by("date", "category", as_dict=True).items()):
        rows = table.scan([Partition(*key)]).join(images.lazy(), on="image_id", how="semi").sort("image_id")
        here = rows.select(columns).with_columns(label=pl.lit(label, pl.Int16)).collect()
        yield from here.to_arrow().cast(IMAGE_FEATURES.file_schema).to_batches()
