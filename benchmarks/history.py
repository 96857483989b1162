"""`python -m benchmarks.history`: a dataset with years of days that were never run, made in a minute or two.

What belongs here: making such a store, and small images for days to come. What is measured on them does not.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import io
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.transaction import AddAction
from PIL import Image

from image_assets.dataset import DatasetSpec, load_dataset
from image_assets.features.extractor import shared_extractor
from image_assets.schema import (
    ARRIVALS,
    DUPLICATES,
    IMAGE_FEATURES,
    METRIC_COLUMNS,
    QUARANTINE,
    RAW_IMAGES,
    Partition,
    TableSchema,
)
from image_assets.store.store import Store
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.key_index import hash_index, image_index, original_index
from image_assets.store.tables.parquet_files import WrittenFile

_IMAGES = 4
# Delta keeps the log of the last thirty days: that many partitions get a commit of their own, older ones share theirs.
_OWN_COMMITS = 90
_SHARED_BY = 100
_SIDE = 32


def main() -> None:
    """Fill a store with partitions, from the first day of the dataset on."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("--dataset", required=True, help="dataset file")
    parser.add_argument("--store", required=True, type=Path)
    parser.add_argument("--partitions", required=True, type=int)
    options = parser.parse_args()
    make_history(Store(str(options.store)), load_dataset(options.dataset), options.partitions)


def make_history(store: Store, dataset: DatasetSpec, partitions: int) -> None:
    """Fill the tables with partitions of four images, a duplicate and a refused file each, and index them."""
    days = range(-(-partitions // len(dataset.categories)))
    keys = [Partition(dataset.start_day + dt.timedelta(days=day), name) for day in days for name in dataset.categories]
    extractor = shared_extractor(dataset.extractor)
    makers: dict[TableSchema, Callable[[Partition], pl.DataFrame]] = {
        ARRIVALS: _arrivals,
        RAW_IMAGES: lambda p: _images(p, dataset.label_of(p.category)),
        DUPLICATES: _duplicate,
        QUARANTINE: _refused,
        IMAGE_FEATURES: lambda p: _features(p, dataset.label_of(p.category), extractor.width, extractor.digest),
    }
    for schema, make in makers.items():
        _fill(store.table(dataset.name, schema), keys[:partitions], make)
    for index_of in (image_index, hash_index, original_index):
        index = index_of(store, dataset.name)
        index.cover(index.table.snapshot())


def land_small_images(landing: Path, day: dt.date, category: str, kind: int, images: int) -> None:
    """Put JPEGs of 32 × 32 pixels into a landing zone: every one different, the colour according to `kind`."""
    folder = landing / day.isoformat() / category
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng([kind, images])
    for number in range(images):
        blocks = random.integers(0, 160, (4, 4, 3), np.uint8)
        blocks[..., kind % 3] += 60
        file = io.BytesIO()
        Image.fromarray(blocks).resize((_SIDE, _SIDE), Image.Resampling.BILINEAR).save(file, "JPEG", quality=85)
        (folder / f"{number:06d}.jpg").write_bytes(file.getvalue())


def add_files(table: PartitionedTable, files: Sequence[tuple[Partition, WrittenFile]]) -> None:
    """Add files of many partitions in one commit, with the transaction that each partition would have left."""
    modified = int(time.time() * 1000)
    delta = DeltaTable(table.url)
    delta.create_write_transaction(
        [
            AddAction(file.path, file.bytes, _values(key), modified, True, json.dumps({"numRecords": file.rows}))
            for key, file in files
        ],
        mode="append",
        schema=delta.schema(),
        partition_by=table.schema.partition_by,
        commit_properties=CommitProperties(
            app_transactions=[Transaction(app_id="|".join(_values(key).values()), version=1) for key, _ in files]
        ),
    )


def _values(key: Partition) -> dict[str, str]:
    return {"date": key.date.isoformat(), "category": key.category}


def _fill(table: PartitionedTable, keys: Sequence[Partition], make: Callable[[Partition], pl.DataFrame]) -> None:
    # The first commit makes the table.
    for key in (keys[-1], *keys[-_OWN_COMMITS:-1]):
        table.replace(key, [table.write_frame(key, make(key))])
    old = keys[:-_OWN_COMMITS]
    for start in range(0, len(old), _SHARED_BY):
        some = old[start : start + _SHARED_BY]
        add_files(table, [(key, table.write_frame(key, make(key))) for key in some])


def _files(partition: Partition) -> pl.DataFrame:
    """Four images, one of them again, and one that is none."""
    ids = [hashlib.sha256(f"{partition} {number}".encode()).hexdigest() for number in range(_IMAGES)]
    names = [*(f"{number}.jpg" for number in range(_IMAGES)), "again.jpg", "error.jpg"]
    sources = [f"{partition.date}/{partition.category}/{name}" for name in names]
    return pl.DataFrame({"image_id": [*ids, ids[0], None], "source": sources}).with_columns(bytes=pl.lit(700, pl.Int64))


def _arrivals(partition: Partition) -> pl.DataFrame:
    return _files(partition).select("source", "bytes")


def _images(partition: Partition, label: int) -> pl.DataFrame:
    return (
        _files(partition)
        .head(_IMAGES)
        .with_columns(
            label=pl.lit(label, pl.Int16),
            format=pl.lit("jpeg"),
            width=pl.lit(_SIDE, pl.Int32),
            height=pl.lit(_SIDE, pl.Int32),
            **{column.name: pl.lit(0) for column in METRIC_COLUMNS},
            thumbnail=pl.lit(bytes(700)),
            content=pl.lit(bytes(700)),
        )
    )


def _duplicate(partition: Partition) -> pl.DataFrame:
    files = _files(partition)
    return files.slice(_IMAGES, 1).with_columns(
        original_date=pl.lit(partition.date),
        original_category=pl.lit(partition.category),
        original_source=pl.lit(files["source"][0]),
    )


def _refused(partition: Partition) -> pl.DataFrame:
    return _files(partition).tail(1).with_columns(reason=pl.lit("empty"), detail=pl.lit("no bytes"))


def _features(partition: Partition, label: int, width: int, digest: str) -> pl.DataFrame:
    random = np.random.default_rng([partition.date.toordinal(), label])
    vectors = random.normal(0, 1, (_IMAGES, width)).astype(np.float32)
    vectors[:, label] += 5
    return (
        _files(partition)
        .head(_IMAGES)
        .select(
            "image_id",
            label=pl.lit(label, pl.Int16),
            features=pl.Series(vectors).arr.to_list(),
            extractor=pl.lit(digest),
        )
    )


if __name__ == "__main__":
    main()
