"""A partition to publish: synthetic features, and reading shards back with another library than the writer's."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from obstore.store import ObjectStore

from image_assets.schema import IMAGE_FEATURES
from image_assets.shards.manifest import ShardManifest, path_of
from image_assets.shards.verify import Expected
from image_assets.shards.writer import publish

PREFIX = "sample/feature_shards/date=2026-11-20/category=plant"
WIDTH, SHARD_ROWS = 3, 10
EXPECTED = Expected(
    dataset="sample",
    date=dt.date(2026, 11, 20),
    category="plant",
    label=2,
    width=WIDTH,
    extractor="ab" * 32,
    shard_rows=SHARD_ROWS,
)


def image_ids(rows: int, seed: int = 0) -> list[str]:
    return [hashlib.sha256(f"{seed}/{row}".encode()).hexdigest() for row in range(rows)]


def features(rows: int, *, seed: int = 0, width: int = WIDTH) -> pa.RecordBatch:
    """`rows` rows of image_features that belong into the partition."""
    values = np.random.default_rng(seed).normal(size=rows * width).astype(np.float32)
    vectors = pa.ListArray.from_arrays(np.arange(0, rows * width + 1, width, dtype=np.int32), values)
    columns = [
        pa.array(image_ids(rows, seed), pa.string()),
        pa.array(np.full(rows, EXPECTED.label, dtype=np.int16)),
        vectors.cast(IMAGE_FEATURES.file_schema.field("features").type),
        pa.array([EXPECTED.extractor] * rows, pa.string()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=IMAGE_FEATURES.file_schema)


def split(batch: pa.RecordBatch, *sizes: int) -> Iterator[pa.RecordBatch]:
    """The batch in pieces of these sizes, over and over."""
    start = turn = 0
    while start < batch.num_rows:
        size = sizes[turn % len(sizes)]
        yield batch.slice(start, size)
        start, turn = start + size, turn + 1


def publish_rows(store: ObjectStore, rows: int, **changes: Any) -> ShardManifest:
    """Publish `features(rows, seed=…)`, or other `features`, with whatever else is to differ."""
    batches = changes.pop("features", None) or [features(rows, seed=changes.pop("seed", 0))]
    differing = {name: changes.pop(name) for name in Expected.__dataclass_fields__ if name in changes}
    return publish(batches, store, PREFIX, replace(EXPECTED, **differing), **changes)


def expected(**changes: Any) -> Expected:
    return replace(EXPECTED, **changes)


def read_shard(store: ObjectStore, file: str) -> pl.DataFrame:
    content = io.BytesIO(bytes(store.get(path_of(PREFIX, file)).bytes()))
    return pl.read_csv(content) if file.endswith(".csv") else pl.read_parquet(content)


def contents(store: ObjectStore) -> dict[str, bytes]:
    """Everything on the store: path → bytes."""
    return {meta["path"]: bytes(store.get(meta["path"]).bytes()) for page in store.list() for meta in page}
