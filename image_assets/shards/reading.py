"""Reading a published shard, as any of its readers would: Parquet or CSV, on any store."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import polars.selectors as cs
import pyarrow as pa
from obstore.store import ObjectStore
from pyarrow import csv, parquet

from image_assets.store.ranges import open_ranges


def read_shard(store: ObjectStore, path: str, columns: list[str] | None = None) -> pa.Table:
    """A shard's columns; also broken text in them is an error."""
    file = open_ranges(store, path)
    if path.endswith(".csv"):
        header = io.BufferedReader(file, 2**20).readline().decode().rstrip("\n").split(",")
        types = dict.fromkeys(header, pa.float32()) | {"picture_id": pa.string(), "category_label": pa.int16()}
        options = csv.ConvertOptions(column_types=types, include_columns=columns, null_values=[])
        table = csv.read_csv(open_ranges(store, path), convert_options=options)
    else:
        table = parquet.ParquetFile(file, pre_buffer=True).read(columns)
    table.validate(full=True)
    return table


def shape_of(store: ObjectStore, path: str) -> tuple[int, pa.Schema]:
    """Rows and columns of a shard; of Parquet, only the footer is read."""
    if path.endswith(".csv"):
        table = read_shard(store, path)
        return table.num_rows, table.schema
    file = parquet.ParquetFile(open_ranges(store, path))
    return file.metadata.num_rows, file.schema_arrow


def ids_of(store: ObjectStore, path: str) -> pl.Series:
    """The ids of a shard, in the order of its rows."""
    return pl.Series("id", read_shard(store, path, ["picture_id"])["picture_id"]).cast(pl.String)


def non_finite_in(store: ObjectStore, path: str) -> tuple[int, str] | None:
    """How many features of a shard are NaN, infinite or null, and the first column that has one; None without any."""
    if path.endswith(".csv"):
        frame = pl.DataFrame(read_shard(store, path))
    else:  # polars reads a thousand columns in a tenth of the time that pyarrow takes
        frame = pl.read_parquet(bytes(store.get(path).bytes()))
    features = frame.select(cs.float())  # other types are found by the check of the columns
    bad = np.count_nonzero(~np.isfinite(features.to_numpy()), axis=0)
    first = next((name for name, count in zip(features.columns, bad, strict=True) if count), None)
    return None if first is None else (int(bad.sum()), first)
