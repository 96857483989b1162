"""Publishing: every row once, in order, in files of the right size; faulty rows leave what was there as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obstore.store import LocalStore, MemoryStore

from image_assets.schema import IMAGE_FEATURES, shard_schema
from image_assets.shards.manifest import MANIFEST, ShardError, ShardManifest, path_of, read_manifest
from image_assets.shards.verify import verify
from tests.shards.partition import (
    EXPECTED,
    PREFIX,
    SHARD_ROWS,
    WIDTH,
    contents,
    expected,
    features,
    image_ids,
    publish_rows,
    read_shard,
    split,
)


class CountingStore(MemoryStore):
    """Remembers what was written and removed."""

    def __init__(self) -> None:
        super().__init__()
        self.mutations: list[str] = []

    def put(self, path: str, *args: Any, **kwargs: Any) -> Any:
        self.mutations.append(f"put {path}")
        return super().put(path, *args, **kwargs)

    def delete(self, paths: Any) -> None:
        self.mutations.append(f"delete {paths}")
        super().delete(paths)


def assert_published(store: MemoryStore, manifest: ShardManifest, batch: pa.RecordBatch, shard_rows: int) -> None:
    """Sizes as promised, every row once, in the order given, bit for bit."""
    sizes = [shard.rows for shard in manifest.shards]
    full, rest = divmod(batch.num_rows, shard_rows)
    assert sizes == [shard_rows] * full + [rest] * (rest > 0)
    assert manifest.rows == batch.num_rows
    shards = [read_shard(store, shard.file) for shard in manifest.shards]
    assert [shard.height for shard in shards] == sizes
    if shards:
        table = pl.concat(shards)
        source = pl.DataFrame(batch)
        assert table["picture_id"].to_list() == source["image_id"].to_list()
        assert table["category_label"].unique().to_list() == [EXPECTED.label]
        wanted = np.array(source["features"].to_list(), dtype=np.float32)
        assert table.drop("picture_id", "category_label").to_numpy().tobytes("C") == wanted.tobytes("C")


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(0, 60),
    shard_rows=st.integers(1, 25),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=4),
)
def test_every_id_exactly_once_whatever_the_sizes(rows: int, shard_rows: int, sizes: list[int]) -> None:
    store, batch = MemoryStore(), features(rows)
    manifest = publish_rows(store, rows, features=split(batch, *sizes), shard_rows=shard_rows)
    assert_published(store, manifest, batch, shard_rows)
    assert verify(store, PREFIX, image_ids(rows), expected(shard_rows=shard_rows)).problems == []


@pytest.mark.parametrize("rows", [0, 1, 10_000, 10_001, 20_001, 20_002, 30_003])
def test_boundaries_of_real_shards(rows: int) -> None:
    store, batch = MemoryStore(), features(rows)
    manifest = publish_rows(store, rows, features=split(batch, 256, 7_000), shard_rows=10_001)
    assert_published(store, manifest, batch, 10_001)
    assert verify(store, PREFIX, image_ids(rows), expected(shard_rows=10_001)).problems == []


def test_no_rows_give_a_manifest_without_files() -> None:
    for batches in ([], [features(0)]):
        store = MemoryStore()
        manifest = publish_rows(store, 0, features=iter(batches))
        assert (manifest.rows, manifest.shards) == (0, [])
        assert list(contents(store)) == [path_of(PREFIX, MANIFEST)]


def test_columns_types_and_form_of_a_parquet_shard() -> None:
    store = MemoryStore()
    (shard,) = publish_rows(store, SHARD_ROWS).shards
    assert shard.file == f"plant_2026-11-20_00000-{shard.sha256[:12]}.parquet"
    file = pq.ParquetFile(pa.BufferReader(bytes(store.get(path_of(PREFIX, shard.file)).bytes())))
    assert file.schema_arrow.equals(shard_schema(WIDTH))
    assert file.num_row_groups == 1
    for column in range(WIDTH + 2):
        meta = file.metadata.row_group(0).column(column)
        assert meta.compression == "ZSTD"
        assert "DICTIONARY" not in str(meta.encodings)


def test_csv_holds_the_same_values_to_the_bit() -> None:
    odd = [0.1, -0.0, 1e-45, 3.4028235e38, 1 / 3, 16_777_217, 1.1754944e-38, -123456.79, 2**-24]
    noise = np.random.default_rng(0).integers(0, 0x7F800000, 3_000, dtype=np.uint32).view(np.float32)
    values = np.concatenate([np.array(odd, dtype=np.float32), noise, -noise])
    batch = with_column(features(len(values), width=1), "features", [[v] for v in values])
    parquet, text = MemoryStore(), MemoryStore()
    arguments: dict[str, Any] = {"width": 1, "shard_rows": 4_000}
    published = publish_rows(parquet, 0, features=[batch], **arguments)
    as_text = publish_rows(text, 0, features=split(batch, 77), file_format="csv", **arguments)
    assert [s.rows for s in as_text.shards] == [s.rows for s in published.shards]
    for one, other in zip(published.shards, as_text.shards, strict=True):
        assert other.file.endswith(".csv")
        wanted = read_shard(parquet, one.file)
        content = bytes(text.get(path_of(PREFIX, other.file)).bytes())
        lines = content.decode().split("\n")
        assert lines[0] == "picture_id,category_label,feature_1"
        assert lines[-1] == ""
        assert b"\r" not in content
        # Neither the writer's nor the checks' parser: Python's.
        rows = [line.split(",") for line in lines[1:-1]]
        assert [row[0].strip('"') for row in rows] == wanted["picture_id"].to_list()
        assert {row[1] for row in rows} == {str(EXPECTED.label)}
        found = np.array([float(row[2]) for row in rows]).astype(np.float32)
        assert found.tobytes() == wanted["feature_1"].to_numpy().tobytes()
    assert verify(text, PREFIX, image_ids(len(values)), expected(width=1, shard_rows=4_000)).problems == []


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_readers_take_a_folder_with_sql(tmp_path: Path, file_format: str) -> None:
    publish_rows(LocalStore(tmp_path), 25, file_format=file_format)
    files = str(tmp_path / PREFIX / f"*.{file_format}")
    query = f"SELECT count(*), count(DISTINCT picture_id), max(category_label) FROM '{files}'"
    assert duckdb.connect().execute(query).fetchall() == [(25, 25, EXPECTED.label)]


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_same_rows_give_the_same_bytes_however_they_come(tmp_path: Path, file_format: str) -> None:
    one, other = MemoryStore(), LocalStore(tmp_path)
    publish_rows(one, 35, file_format=file_format)
    publish_rows(other, 35, features=split(features(35), 4, 9), file_format=file_format)
    assert contents(one) == contents(other)


def test_publishing_again_writes_nothing() -> None:
    store = CountingStore()
    first, before = publish_rows(store, 35), contents(store)
    store.mutations.clear()
    assert publish_rows(store, 35) == first
    assert store.mutations == []
    assert contents(store) == before


def test_publishing_again_mends_damaged_files() -> None:
    store = CountingStore()
    manifest, whole = publish_rows(store, 35), contents(store)
    flipped, shortened = (path_of(PREFIX, manifest.shards[i].file) for i in (1, 2))
    store.put(flipped, whole[flipped][:-30] + b"\0" + whole[flipped][-29:])
    store.put(shortened, whole[shortened][:-1])
    store.mutations.clear()
    publish_rows(store, 35)
    assert store.mutations == [f"put {flipped}", f"put {shortened}"]
    assert contents(store) == whole


@pytest.mark.parametrize(("before", "after"), [(35, 12), (12, 35), (35, 0), (0, 5)])
def test_publishing_replaces_the_partition_and_no_other(tmp_path: Path, before: int, after: int) -> None:
    store = LocalStore(tmp_path)
    store.put("sample/feature_shards/date=2026-11-20/category=plants/a", b"neighbour")
    publish_rows(store, before, seed=1)
    publish_rows(store, after, seed=2)
    assert verify(store, PREFIX, image_ids(after, seed=2), EXPECTED).problems == []
    assert "sample/feature_shards/date=2026-11-20/category=plants/a" in contents(store)


def test_leftovers_of_killed_runs_are_removed(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    publish_rows(store, 15)
    left = [tmp_path / PREFIX / name for name in ("plant_2026-11-20_00001-000000000000.parquet", "x.parquet#1")]
    for file in left:
        file.write_bytes(b"half")
    publish_rows(store, 15)
    assert not any(file.exists() for file in left)
    assert verify(store, PREFIX, image_ids(15), EXPECTED).ok


def test_shards_are_stored_as_they_fill_up() -> None:
    store = MemoryStore()
    stored_when_asked: list[int] = []

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in split(features(40), 5):
            stored_when_asked.append(len(contents(store)))
            yield batch

    publish_rows(store, 40, features=batches())
    assert stored_when_asked == [0, 0, 1, 1, 2, 2, 3, 3]


def with_column(batch: pa.RecordBatch, name: str, values: Any) -> pa.RecordBatch:
    index = batch.schema.get_field_index(name)
    return batch.set_column(index, pa.field(name, batch.schema.field(name).type), pa.array(values, batch[name].type))


def changed(name: str, row: int, value: Any) -> pa.RecordBatch:
    """25 rows of which one has another value."""
    batch = features(25)
    values = batch[name].to_pylist()
    values[row] = value
    return with_column(batch, name, values)


def _twice() -> pa.RecordBatch:
    return changed("image_id", 23, image_ids(25)[1])  # in the third shard and in the first


ID_23 = image_ids(25)[23]
FAULTS = {
    "narrow vector": (
        lambda: changed("features", 23, [1.0] * (WIDTH - 1)),
        rf"{ID_23}.*expected {WIDTH} features.*found",
    ),
    "wide vector": (lambda: changed("features", 23, [1.0] * (WIDTH + 1)), rf"{ID_23}.*expected {WIDTH} features"),
    "all of another width": (lambda: features(25, width=WIDTH + 1), f"expected {WIDTH} features"),
    "null vector": (lambda: changed("features", 23, None), rf"{ID_23}.*features must not be null"),
    "null feature": (lambda: changed("features", 23, [1.0, None, 2.0]), rf"{ID_23}.*finite, without nulls"),
    "NaN": (lambda: changed("features", 23, [1.0, float("nan"), 2.0]), rf"{ID_23}.*finite"),
    "infinity": (lambda: changed("features", 23, [1.0, float("-inf"), 2.0]), rf"{ID_23}.*finite"),
    "null id": (lambda: changed("image_id", 23, None), "image_id must not be null"),
    "null label": (lambda: changed("label", 23, None), rf"{ID_23}.*label must not be null"),
    "another label": (lambda: changed("label", 23, 1), rf"{ID_23}.*the label of plant is 2; found 1"),
    "another extractor": (lambda: changed("extractor", 23, "cd" * 32), rf"{ID_23}.*extractor is 'abab.*found 'cdcd"),
    "no extractor": (lambda: changed("extractor", 23, None), rf"{ID_23}.*extractor must not be null"),
    "id twice": (_twice, rf"{image_ids(2)[1]} is there more than once"),
    "no label column": (lambda: features(25).select(["image_id", "features", "extractor"]), "no column 'label'"),
    "double precision": (
        lambda: features(25).set_column(2, "features", features(25)["features"].cast(pa.list_(pa.float64()))),
        "lists of float32",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_rows_are_refused_and_the_old_state_stands(fault: str) -> None:
    make, message = FAULTS[fault]
    store = MemoryStore()
    publish_rows(store, 12, seed=9)
    before = contents(store)
    with pytest.raises(ShardError, match=f"sample, 2026-11-20, plant.*{message}"):
        publish_rows(store, 0, features=split(make(), 5))
    assert contents(store) == before


def test_without_the_fault_the_same_rows_are_published() -> None:
    store = MemoryStore()
    publish_rows(store, 0, features=split(changed("features", 23, [1.0, 2.0, 3.0]), 5))
    assert verify(store, PREFIX, image_ids(25), EXPECTED).ok


def test_wider_arrow_types_of_the_same_columns_are_taken() -> None:
    store, other = MemoryStore(), MemoryStore()
    publish_rows(store, 25)
    publish_rows(other, 0, features=pl.DataFrame(features(25)).to_arrow().to_batches())
    assert contents(store) == contents(other)
    assert IMAGE_FEATURES.file_schema.names == pl.DataFrame(features(1)).columns


def test_two_runs_on_a_local_folder_one_is_turned_away(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)

    def with_another_run_inside() -> Iterator[pa.RecordBatch]:
        yield from split(features(25), 10)
        with pytest.raises(ShardError, match="another run is publishing"):
            publish_rows(store, 5, seed=7)

    publish_rows(store, 0, features=with_another_run_inside())
    assert verify(store, PREFIX, image_ids(25), EXPECTED).ok


@pytest.mark.parametrize("seen_before", [True, False])
@pytest.mark.parametrize("seed", [0, 7])
def test_two_runs_on_an_object_store_one_wins(seen_before: bool, seed: int) -> None:
    store = MemoryStore()
    if seen_before:
        publish_rows(store, 3, seed=1)

    def with_another_run_inside() -> Iterator[pa.RecordBatch]:
        yield from split(features(25), 10)
        publish_rows(store, 25, seed=seed)

    if seed == 0:  # both publish the same: the second has nothing to do
        publish_rows(store, 0, features=with_another_run_inside())
    else:
        with pytest.raises(ShardError, match="another run published this partition"):
            publish_rows(store, 0, features=with_another_run_inside())
    assert verify(store, PREFIX, image_ids(25, seed=seed), EXPECTED).problems == []
    assert read_manifest(store, PREFIX) is not None


def test_a_file_that_vanishes_while_publishing_is_no_success() -> None:
    class Losing(MemoryStore):
        def put(self, path: str, *args: Any, **kwargs: Any) -> Any:
            result = super().put(path, *args, **kwargs)
            if path.endswith(MANIFEST):
                self.delete(next(p for p in contents(self) if "_00001-" in p))
            return result

    with pytest.raises(ShardError, match=r"_00001-.*vanished"):
        publish_rows(Losing(), 25)
