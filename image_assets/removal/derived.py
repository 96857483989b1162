"""Taking removed images out of what was made of the loaded ones: tables, marks and published shards."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.removal.loaded import name_without, without
from image_assets.schema import (
    ARRIVALS,
    COMPANIONS,
    DUPLICATES,
    IMAGE_FEATURES,
    QUARANTINE,
    RAW_IMAGES,
    TABLES,
    Partition,
    TableSchema,
)
from image_assets.shards.manifest import Exchange, Expected, ShardManifest, read_manifest, shards_prefix
from image_assets.shards.rows import rows_to_publish
from image_assets.shards.writer import publish
from image_assets.store.store import Store
from image_assets.store.tables.delta_log import Snapshot
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.partition_files import PartitionFiles

_LOADED = (ARRIVALS, RAW_IMAGES, DUPLICATES, QUARANTINE, COMPANIONS, IMAGE_FEATURES)
_PATH = "path of the file"
_NAMED_AFTER = ("group_id", "conflict_id")
"""Columns that name a group by one of its images."""


def take_out_of_derived(dataset: DatasetSpec, store: Store, ids: Collection[str]) -> None:
    """Take images out of every table but those of the first stage, each partition in one commit."""
    for schema in TABLES:
        columns = id_columns(schema)
        if schema in _LOADED or not columns:
            continue
        table = store.table_to_write(dataset, schema)
        there = table.snapshot()
        holding = files_with(table, there, columns, ids)
        if not holding:
            continue
        if any(name in columns for name in _NAMED_AFTER):
            table.replace(None, [table.write_frame(None, _named_anew(table.scan().collect(), ids))])
            continue
        for partition in there.partitions() if schema.partitioned else [None]:
            files = (there if partition is None else there.of(partition)).written_files()
            if not any(one.path in holding for one in files):
                continue
            left = []
            for file in files:
                if file.path in holding:
                    rows = without(table, file, columns, ids)
                    file = table.write_file(partition, name_without(file.path, ids), rows)
                left.append(file)
            table.replace(partition, left)


def id_columns(schema: TableSchema) -> list[str]:
    """The columns of a table that name images."""
    return [name for name in ("image_id", "other_id", *_NAMED_AFTER) if name in schema.file_schema.names]


def files_with(table: PartitionedTable, there: Snapshot, columns: Sequence[str], ids: Collection[str]) -> set[str]:
    """The paths of those files of a table that hold an image in one of the columns."""
    paths = there.files["path"].to_list()
    if not paths or not ids:
        return set()
    table.files.see_whole(there.written_files())
    wanted = pl.Series([*ids], dtype=pl.String).implode()
    holds = pl.any_horizontal(pl.col(name).is_in(wanted) for name in columns)
    rows = table.files.scan(paths, _PATH).filter(holds).select(_PATH).unique().collect()
    found = {*rows[_PATH]}
    return {path for path in paths if f"{table.url}/{path}" in found}


def publish_without(dataset: DatasetSpec, store: Store, partitions: Sequence[Partition], ids: Collection[str]) -> None:
    """Publish the shards of partitions again, and of those of the same days that an image was put into by people."""
    days = {one.date for one in partitions}
    categories = {*dataset.categories, *dataset.retired, *(one.category for one in partitions)}
    for partition in sorted(Partition(day, category) for day in days for category in categories):
        manifest = read_manifest(store.objects(), shards_prefix(dataset, partition))
        if manifest is not None and (
            partition in partitions or not {*manifest.held_back, *manifest.moved_in}.isdisjoint(ids)
        ):
            _publish(dataset, store, partition, manifest, ids)


def _publish(
    dataset: DatasetSpec, store: Store, partition: Partition, manifest: ShardManifest, ids: Collection[str]
) -> None:
    """Publish a partition as it was published, but without the images."""
    table = store.table(dataset.name, IMAGE_FEATURES)
    moved = {*manifest.moved_in}.difference(ids)
    # What people put here lies in other partitions of the day.
    day = [one for one in table.partitions() if one.date == partition.date and one != partition]
    others = table.scan(day).filter(pl.col("image_id").is_in([*moved])) if day else table.scan().head(0)
    moved_in = others.select("image_id", "date", "category").collect()
    publish(
        rows_to_publish(PartitionFiles(table, table.partition_files(partition)), moved_in, manifest.label),
        store.objects(),
        shards_prefix(dataset, partition),
        Expected(
            dataset.name,
            partition.date,
            partition.category,
            manifest.label,
            manifest.width,
            manifest.extractor,
            manifest.shard_rows,
        ),
        exchange=Exchange({*manifest.held_back}.difference(ids), moved),
        file_format="csv" if manifest.shards and manifest.shards[0].file.endswith(".csv") else "parquet",
    )


def _named_anew(rows: pl.DataFrame, ids: Collection[str]) -> pl.DataFrame:
    """Without the images; a group that was named by one of them is named by the first of those that are left."""
    left = rows.filter(~pl.col("image_id").is_in([*ids]))
    for column in (name for name in _NAMED_AFTER if name in left.columns):
        gone = pl.col(column).is_in([*ids])
        left = left.with_columns(
            pl.when(gone).then(pl.col("image_id").min().over(column)).otherwise(column).alias(column)
        )
    return left
