"""The folder of shards is what readers take it for: a data set of Parquet files, one partition or all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as pads
import pytest
from obstore.store import LocalStore

from image_assets.shards.manifest import LEGACY_MANIFEST, MANIFEST, path_of, read_manifest
from image_assets.shards.verify import Code, verify
from image_assets.shards.writer import publish
from tests.shards.partition import EXPECTED, PREFIX, features, image_ids, publish_rows

READERS: dict[str, Callable[[Path], int]] = {
    "pandas": lambda folder: len(pd.read_parquet(folder)),
    "pyarrow": lambda folder: pads.dataset(folder, partitioning="hive").count_rows(),
    "polars": lambda folder: pl.read_parquet(folder).height,
    "polars, lazily": lambda folder: pl.scan_parquet(folder, hive_partitioning=True).collect().height,
    "duckdb": lambda folder: len(duckdb.read_parquet(f"{folder}/**/*.parquet").fetchall()),
}


@pytest.fixture
def published(tmp_path: Path) -> LocalStore:
    """A day of two categories, 25 and 12 rows."""
    store = LocalStore(tmp_path)
    publish_rows(store, 25)
    other = replace(EXPECTED, category="animal")
    publish([features(12, seed=1)], store, PREFIX.replace("plant", "animal"), **asdict(other))
    return store


@pytest.mark.parametrize("reader", READERS)
def test_a_partition_and_the_whole_tree_open_by_their_folder(
    published: LocalStore, tmp_path: Path, reader: str
) -> None:
    assert READERS[reader](tmp_path / PREFIX) == 25
    assert READERS[reader](tmp_path / "sample" / "feature_shards") == 37


def test_a_manifest_among_the_shards_is_in_the_way(published: LocalStore, tmp_path: Path) -> None:
    (tmp_path / PREFIX / "any.json").write_text("{}")
    with pytest.raises(pl.exceptions.InvalidOperationError, match="different file extensions"):
        READERS["polars"](tmp_path / PREFIX)


def test_a_manifest_of_earlier_versions_is_read_where_it_lies_and_moved_by_the_next_publish(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    manifest = publish_rows(store, 25)
    legacy = tmp_path / PREFIX / LEGACY_MANIFEST
    (tmp_path / path_of(PREFIX, MANIFEST)).rename(legacy)
    assert read_manifest(store, PREFIX) == manifest
    assert verify(store, PREFIX, image_ids(25), EXPECTED).problems == []
    publish_rows(store, 25)
    assert not legacy.exists()
    assert read_manifest(store, PREFIX) == manifest
    legacy.write_text("{}")
    assert [p.code for p in verify(store, PREFIX, image_ids(25), EXPECTED).problems] == [Code.FILE_EXTRA]
