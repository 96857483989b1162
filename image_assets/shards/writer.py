"""Publishing: feature batches to shard files of a fixed number of rows, and the manifest that makes them visible.

How a partition changes: new files are put beside the old ones under names that follow from their content, then the
manifest is replaced in one atomic write, then the files that it does not name are removed. A crash at any point
leaves the old or the new state readable; what it left behind goes with the next publish.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
import pyarrow as pa
from obstore.exceptions import BaseError
from obstore.store import ObjectStore
from pyarrow import csv, parquet

from image_assets.schema import IMAGE_FEATURES, shard_schema
from image_assets.shards.manifest import (
    AS_DELIVERED,
    MANIFEST,
    Exchange,
    Expected,
    ShardError,
    ShardFile,
    ShardManifest,
    list_files,
    path_of,
    put_manifest,
    read_manifest,
    shard_name,
    sole_publisher,
    stored_manifest,
    stored_sha256,
    sweep,
)

FileFormat = Literal["parquet", "csv"]

# Four parts of 8 MiB in flight: large enough for S3 (5 MiB at least), small enough to keep the memory flat.
PART_BYTES = 8 * 2**20
PARTS_IN_FLIGHT = 4


def publish(
    features: Iterable[pa.RecordBatch],
    store: ObjectStore,
    prefix: str,
    partition: Expected,
    *,
    exchange: Exchange = AS_DELIVERED,
    file_format: FileFormat = "parquet",
) -> ShardManifest:
    """Replace the published shards of one partition.

    The same rows give the same file bytes (with the same pyarrow), hence the same names and the same manifest; files
    that are stored already and whole are not written again, damaged ones are. Memory: one shard's features, one
    input batch, and the partition's ids.

    Args:
        features: Batches of any size with the columns of `IMAGE_FEATURES`, in the order in which to publish the rows.
        store: Where to publish.
        prefix: The partition's folder on the store, which holds nothing else.
        partition: What every row must agree with.
        exchange: What is left out of the rows, and what of them lies in other partitions.
        file_format: `parquet` (zstd, one row group) or `csv` (a header, LF, shortest exact decimals).

    Returns:
        The manifest that now stands; without rows it names no files.

    Raises:
        ShardError: rows that do not belong into the partition, an id twice, or another run on the same partition. What
            was published before stays as it was.
    """
    with sole_publisher(store, prefix), tempfile.TemporaryDirectory() as scratch:
        before, previous = list_files(store, prefix), stored_manifest(store, prefix)
        shards: list[ShardFile] = []
        ids: list[pl.Series] = []
        try:
            for table in _tables(_without(features, exchange.held_back), partition):
                file = Path(scratch, "shard")
                shard = _write(table, file, partition, len(shards), file_format)
                shards.append(shard)
                ids.append(pl.Series("image_id", table["picture_id"]))
                _store(file, shard, store, prefix, before)
            _refuse_duplicates(ids, partition)
        except BaseException:
            _take_back(store, prefix, {shard.file for shard in shards} - before.keys())
            raise
        manifest = ShardManifest(
            **asdict(partition),
            rows=sum(shard.rows for shard in shards),
            held_back=sorted(exchange.held_back),
            moved_in=sorted(exchange.moved_in),
            shards=shards,
        )
        named = {shard.file for shard in shards}
        try:
            put_manifest(store, prefix, manifest, previous)
        except ShardError:  # after any other error the store may still make the switch: its files must stay
            _take_back(store, prefix, named - before.keys())
            raise
        _confirm(store, prefix, named)
        sweep(store, prefix, before.keys() - named)
        return manifest


# Rows


def _without(features: Iterable[pa.RecordBatch], held_back: Collection[str]) -> Iterator[pa.RecordBatch]:
    ids = pl.Series(sorted(held_back), dtype=pl.String)
    for batch in features:
        # Without its column, a batch is refused below.
        if not held_back or "image_id" not in batch.schema.names:
            yield batch
        else:
            kept = ~pl.Series(batch["image_id"]).is_in(ids.implode())
            yield batch.filter(pa.array(kept.to_numpy()))


def _tables(features: Iterable[pa.RecordBatch], partition: Expected) -> Iterator[pa.Table]:
    """Wide tables of `shard_rows` rows, the last one shorter. A table is valid until the next one is asked for."""
    # Column-major, so that a column of a shard is a contiguous slice: the only copy of the features that is made.
    buffer = np.empty((partition.width, partition.shard_rows), dtype=np.float32)
    ids: list[pl.Series] = []
    filled = 0
    for batch in features:
        batch_ids, matrix = _checked(batch, partition)
        start = 0
        while start < len(matrix):
            taken = min(len(matrix) - start, partition.shard_rows - filled)
            buffer[:, filled : filled + taken] = matrix[start : start + taken].T
            ids.append(batch_ids.slice(start, taken))
            start, filled = start + taken, filled + taken
            if filled == partition.shard_rows:
                yield _wide(ids, buffer, filled, partition)
                ids, filled = [], 0
    if filled:
        yield _wide(ids, buffer, filled, partition)


def _wide(ids: list[pl.Series], buffer: np.ndarray, rows: int, partition: Expected) -> pa.Table:
    labels = np.full(rows, partition.label, dtype=np.int16)
    columns = [
        pl.concat(ids).to_arrow().cast(pa.string()),
        pa.array(labels),
        *(pa.array(column[:rows]) for column in buffer),
    ]
    return pa.table(columns, schema=shard_schema(partition.width))


def _checked(batch: pa.RecordBatch, partition: Expected) -> tuple[pl.Series, np.ndarray]:
    """Ids and features (float32[rows, width]) of a batch of which every row belongs into the partition."""
    frame = pl.DataFrame(batch)
    for column in IMAGE_FEATURES.file_schema.names:
        if column not in frame.columns:
            raise ShardError(f"{partition}: the features have no column {column!r}, only {', '.join(frame.columns)}")
    if frame.schema["features"] != pl.List(pl.Float32):
        raise ShardError(f"{partition}: features must be lists of float32; found {frame.schema['features']}")

    def refuse(wrong: pl.Expr | pl.Series, column: str, what: str) -> None:
        rows = frame.filter(wrong)
        if rows.height:
            raise ShardError(f"{partition}: image {rows['image_id'][0]}: {what}; found {rows[column][0]!r:.80}")

    for column in IMAGE_FEATURES.file_schema.names:
        refuse(pl.col(column).is_null(), column, f"{column} must not be null")
    refuse(pl.col("label") != partition.label, "label", f"the label of {partition.category} is {partition.label}")
    refuse(
        pl.col("extractor") != partition.extractor,
        "extractor",
        f"the partition's extractor is {partition.extractor!r}; extract all of its features with the same one",
    )
    lengths = pl.col("features").list.len()
    refuse(lengths != partition.width, "features", f"expected {partition.width} features")
    # A null among the features becomes NaN here.
    matrix = frame["features"].explode(empty_as_null=False).to_numpy().reshape(frame.height, partition.width)
    sound = np.isfinite(matrix).all(axis=1, out=np.empty(frame.height, dtype=bool))
    refuse(~pl.Series(sound), "features", "features must be finite, without nulls")
    return frame["image_id"], matrix


def _refuse_duplicates(ids: list[pl.Series], partition: Expected) -> None:
    if not ids:
        return
    column = pl.concat(ids)
    twice = column.filter(column.is_duplicated())
    if len(twice):
        raise ShardError(
            f"{partition}: image {twice[0]} is there more than once ({len(twice)} rows share ids with others); "
            "publish one feature row per image"
        )


# Files


def _write(table: pa.Table, file: Path, partition: Expected, index: int, file_format: FileFormat) -> ShardFile:
    """Write one shard to a local file and describe it. Text, clock and machine leave no trace in the bytes."""
    if file_format == "csv":
        csv.write_csv(table, file, csv.WriteOptions(quoting_header="none"))
    else:
        parquet.write_table(
            table,
            file,
            row_group_size=table.num_rows,
            compression="zstd",
            use_dictionary=False,  # features and ids hardly repeat
            write_statistics=False,  # one row group: nothing to skip, and half of the footer
            store_schema=False,
        )
    with file.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    return ShardFile(
        file=shard_name(partition.category, partition.date, index, sha256, file_format),
        rows=table.num_rows,
        columns=table.num_columns,
        bytes=file.stat().st_size,
        sha256=sha256,
    )


def _store(file: Path, shard: ShardFile, store: ObjectStore, prefix: str, before: dict[str, int]) -> None:
    """Put a shard, unless it is there: not only its name and size, which a damaged file may have kept."""
    path = path_of(prefix, shard.file)
    if before.get(shard.file) == shard.bytes and stored_sha256(store, path) == shard.sha256:
        return
    store.put(path, file, chunk_size=PART_BYTES, max_concurrency=PARTS_IN_FLIGHT)


def _take_back(store: ObjectStore, prefix: str, files: set[str]) -> None:
    """After a failure: remove what this run had put. What cannot be removed now goes with the next publish."""
    with suppress(BaseError, OSError, ShardError):
        standing = read_manifest(store, prefix)
        for name in files - {shard.file for shard in (standing.shards if standing else [])}:
            with suppress(FileNotFoundError):
                store.delete(path_of(prefix, name))


def _confirm(store: ObjectStore, prefix: str, named: set[str]) -> None:
    gone = named - list_files(store, prefix).keys()
    if stored_manifest(store, prefix) is None:
        gone = {MANIFEST}
    if gone:
        raise ShardError(
            f"{path_of(prefix, min(gone))}: vanished while the partition was published, which another run on the "
            "same partition can cause; publish it again"
        )
