"""The folder of shards is what readers take it for: a data set of Parquet files, one partition or all of them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
from obstore.store import LocalStore

from image_assets.shards.manifest import (
    LEGACY_SHARDS_MANIFEST,
    MANIFEST,
    MANIFESTS,
    parse_manifest,
    path_of,
    read_manifest,
)
from image_assets.shards.verify import Code, verify
from image_assets.shards.writer import publish
from tests.shards.partition import EXPECTED, PREFIX, features, image_ids, publish_rows

READERS: dict[str, Callable[[Path], int]] = {
    "pandas": lambda folder: len(pd.read_parquet(folder)),
    "pyarrow": lambda folder: pads.dataset(folder, partitioning="hive").count_rows(),
    "polars": lambda folder: pl.read_parquet(folder, glob=False).height,
    "polars, lazily": lambda folder: pl.scan_parquet(folder, hive_partitioning=True, glob=False).collect().height,
    "duckdb": lambda folder: len(duckdb.from_arrow(pads.dataset(folder, partitioning="hive")).fetchall()),
}


@pytest.fixture
def published(tmp_path: Path) -> LocalStore:
    """A day of two categories, 25 and 12 rows."""
    store = LocalStore(tmp_path)
    publish_rows(store, 25)
    other = replace(EXPECTED, category="animal")
    publish([features(12, seed=1)], store, PREFIX.replace("plant", "animal"), other)
    return store


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["sample", "a b#1?x=2%20[x]*~é"])
def test_a_partition_and_the_whole_tree_open_by_their_folder(
    published: LocalStore, tmp_path: Path, reader: str, name: str
) -> None:
    tree = (tmp_path / "sample").rename(tmp_path / name) / "feature_shards"
    assert READERS[reader](tree / "date=2026-11-20" / "category=plant") == 25
    assert READERS[reader](tree) == 37


def test_duckdb_opens_it_by_a_pattern(published: LocalStore, tmp_path: Path) -> None:
    assert len(duckdb.read_parquet(f"{tmp_path}/sample/feature_shards/**/*.parquet").fetchall()) == 37


def test_shards_of_two_extractors_are_told_apart_by_their_manifests(published: LocalStore, tmp_path: Path) -> None:
    day = PREFIX.replace("11-20", "11-21")
    newer = replace(EXPECTED, date=dt.date(2026, 11, 21), width=5, extractor="cd" * 32)
    batch = features(7, width=5)
    column = batch.schema.get_field_index("extractor")
    made_by = pa.array([newer.extractor] * 7, batch.schema.field(column).type)
    publish([batch.set_column(column, batch.schema.field(column), made_by)], published, day, newer)
    tree = tmp_path / "sample"
    rows: Counter[tuple[str, int]] = Counter()
    for file in tree.glob(f"{MANIFESTS}/*/*/{MANIFEST}"):
        manifest = parse_manifest(file.read_bytes(), str(file))
        folder = tree / "feature_shards" / file.parent.relative_to(tree / MANIFESTS)
        for shard in manifest.shards:
            assert len(pq.read_schema(folder / shard.file)) == manifest.width + 2
            rows[manifest.extractor, manifest.width] += shard.rows
    assert rows == {(EXPECTED.extractor, 3): 37, (newer.extractor, 5): 7}
    with pytest.raises(pl.exceptions.PolarsError, match="feature_4"):
        READERS["polars"](tree / "feature_shards")


def test_a_manifest_among_the_shards_is_in_the_way(published: LocalStore, tmp_path: Path) -> None:
    (tmp_path / PREFIX / "any.json").write_text("{}")
    with pytest.raises(pl.exceptions.InvalidOperationError, match="different file extensions"):
        READERS["polars"](tmp_path / PREFIX)


def test_a_manifest_of_earlier_versions_is_read_where_it_lies_and_moved_by_the_next_publish(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    manifest = publish_rows(store, 25)
    legacy = tmp_path / PREFIX / LEGACY_SHARDS_MANIFEST
    (tmp_path / path_of(PREFIX, MANIFEST)).rename(legacy)
    assert read_manifest(store, PREFIX) == manifest
    assert verify(store, PREFIX, image_ids(25), EXPECTED).problems == []
    publish_rows(store, 25)
    assert not legacy.exists()
    assert read_manifest(store, PREFIX) == manifest
    legacy.write_text("{}")
    assert [p.code for p in verify(store, PREFIX, image_ids(25), EXPECTED).problems] == [Code.FILE_EXTRA]
