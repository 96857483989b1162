"""Partitions are replaced whole or not at all, whoever else writes at the same time."""

from __future__ import annotations

import datetime as dt
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from image_assets.places import PlaceError
from image_assets.schema import ARRIVALS, EMBEDDING, IMAGE_FEATURES, Column, Partition, TableSchema
from image_assets.store.store import Store
from image_assets.store.tables import delta_log
from image_assets.store.tables.delta_log import Snapshot
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.versions import OldTable
from tests.store_files import files_at, remove_files

PLANT = Partition(dt.date(2026, 11, 20), "plant")
ANIMAL = Partition(dt.date(2026, 11, 20), "animal")


@pytest.fixture
def arrivals(tmp_path: Path) -> PartitionedTable:
    return Store(str(tmp_path / "store")).table("sample", ARRIVALS)


def frame(*sources: str) -> pl.DataFrame:
    return pl.DataFrame(
        {"source": list(sources), "bytes": [1] * len(sources)}, schema={"source": pl.String, "bytes": pl.Int64}
    )


def put(table: PartitionedTable, partition: Partition, *sources: str) -> bool:
    return table.replace(partition, [table.write_frame(partition, frame(*sources))]).changed


def sources(table: PartitionedTable, *partitions: Partition) -> list[str]:
    return sorted(table.scan(partitions or None).collect()["source"])


def test_a_table_that_was_never_written_has_no_rows_but_its_columns(arrivals: PartitionedTable) -> None:
    assert arrivals.scan().collect().columns == ["source", "bytes", "date", "category"]
    assert arrivals.partitions() == []


def test_a_table_of_an_earlier_version_says_what_it_lacks_and_what_to_do(arrivals: PartitionedTable) -> None:
    put(arrivals, PLANT, "a")
    grown = TableSchema(ARRIVALS.name, "", (*ARRIVALS.columns, Column("brightness", pa.float32(), "")))
    delta_log._idle.clear()  # as in the process of the new version
    now = Store(str(files_at(arrivals.url).parents[1])).table("sample", grown)
    for use in (now.snapshot, now.scan, lambda: now.scan([PLANT]), lambda: now.replace(PLANT, [])):
        with pytest.raises(OldTable, match="earlier version and has no column brightness; give `image-assets migrate "):
            use()
    assert sources(arrivals) == ["a"]


def test_replacing_a_partition_leaves_the_others(arrivals: PartitionedTable) -> None:
    put(arrivals, PLANT, "a", "b")
    put(arrivals, ANIMAL, "c")
    put(arrivals, PLANT, "d")
    assert sources(arrivals, PLANT) == ["d"]
    assert sources(arrivals) == ["c", "d"]
    assert arrivals.partitions() == [ANIMAL, PLANT]


def test_the_same_rows_again_make_no_new_version(arrivals: PartitionedTable) -> None:
    assert put(arrivals, PLANT, "a")
    version = DeltaTable(arrivals.url).version()
    assert not put(arrivals, PLANT, "a")
    assert DeltaTable(arrivals.url).version() == version


def test_a_partition_can_become_empty(arrivals: PartitionedTable) -> None:
    put(arrivals, PLANT, "a")
    put(arrivals, PLANT)
    assert sources(arrivals) == []


def test_anyone_reads_the_table_with_polars(arrivals: PartitionedTable) -> None:
    put(arrivals, PLANT, "a")
    assert pl.read_delta(arrivals.url).rows() == [("a", 1, PLANT.date, "plant")]


def test_a_file_that_was_not_committed_is_not_part_of_the_table(arrivals: PartitionedTable) -> None:
    put(arrivals, PLANT, "a")
    written = arrivals.write_frame(PLANT, frame("b"))
    assert sources(arrivals) == ["a"]
    assert arrivals.find_file(PLANT, Path(written.path).stem) == written


def test_writing_that_breaks_off_leaves_no_file(arrivals: PartitionedTable) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pylist([{"source": "a", "bytes": 1}], schema=ARRIVALS.file_schema)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        arrivals.write_file(PLANT, "unit", batches())
    assert arrivals.find_file(PLANT, "unit") is None
    assert list(files_at(arrivals.url).rglob("*.parquet")) == []


def test_vectors_keep_their_bits(tmp_path: Path) -> None:
    table = Store(str(tmp_path)).table("sample", IMAGE_FEATURES)
    vectors = [[0.1, -1e-30, 3.4e38], [float("nan"), float("inf"), 0.0]]
    rows = pl.DataFrame(
        {"image_id": ["a", "b"], "label": [0, 0], "features": vectors, "extractor": ["x", "x"]},
        schema={"image_id": pl.String, "label": pl.Int16, "features": pl.List(pl.Float32), "extractor": pl.String},
    )
    table.replace(PLANT, [table.write_frame(PLANT, rows)])
    assert table.scan().collect().select(rows.columns).equals(rows)


def test_an_unpartitioned_table_is_replaced_whole(tmp_path: Path) -> None:
    table = Store(str(tmp_path)).table("sample", EMBEDDING)
    for name in ("a", "b"):
        places = {"image_id": [name], "label": [0], "x": [0.5], "y": [1.0]}
        rows = pl.DataFrame(places).with_columns(EMBEDDING.no_rows().select("z", "how", "fit", "seal").clear(1))
        table.replace(None, [table.write_frame(None, rows)])
    assert table.scan().collect()["image_id"].to_list() == ["b"]


def test_two_runs_that_load_the_same_files_both_come_through(arrivals: PartitionedTable) -> None:
    barrier = threading.Barrier(2)
    written = arrivals.write_frame(PLANT, frame("a"))
    waited = threading.local()

    def choose(_: Snapshot) -> list:
        if not getattr(waited, "done", False):
            waited.done = True
            barrier.wait()
        return [written]

    arrivals.replace(ANIMAL, [])
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: arrivals.replace_exclusively(PLANT, choose), range(2)))
    assert sorted(report.changed for report in reports) == [False, True]
    assert sources(arrivals) == ["a"]


def test_without_transaction_names_the_race_doubles_the_rows(arrivals: PartitionedTable) -> None:
    """The control: the safeguard is what prevents the doubling, not chance."""
    put(arrivals, ANIMAL, "c")
    stale = [DeltaTable(arrivals.url), DeltaTable(arrivals.url)]
    for table, name in zip(stale, ["a", "b"], strict=True):
        written = arrivals.write_frame(PLANT, frame(name))
        arrivals._write_commit(table, PLANT, [written], {})
    assert sources(arrivals, PLANT) == ["a", "b"]


def test_what_was_chosen_by_looking_at_the_table_is_chosen_again_when_the_table_moved(
    arrivals: PartitionedTable,
) -> None:
    put(arrivals, ANIMAL, "a")
    seen: list[list[str]] = []

    def choose(there: Snapshot) -> list:
        seen.append(sorted(arrivals.scan_files(there).collect()["source"]))
        if len(seen) == 1:  # somebody else commits between the look and the commit
            other = Partition(PLANT.date, "human")
            arrivals.replace_exclusively(other, lambda _: [arrivals.write_frame(other, frame("h"))])
        return [arrivals.write_frame(PLANT, frame(*[f"after {name}" for name in seen[-1]]))]

    arrivals.replace_exclusively(PLANT, choose)
    assert seen == [["a"], ["a", "h"]]
    assert sources(arrivals, PLANT) == ["after a", "after h"]


def test_a_snapshot_stays_as_it_was(arrivals: PartitionedTable) -> None:
    put(arrivals, PLANT, "a")
    put(arrivals, ANIMAL, "b")
    before = arrivals.snapshot()
    put(arrivals, PLANT, "c")
    assert sorted(arrivals.scan_files(before).collect()["source"]) == ["a", "b"]
    assert arrivals.scan_files(before.of(PLANT)).collect()["source"].to_list() == ["a"]
    assert arrivals.scan_files(before.besides(PLANT)).collect()["source"].to_list() == ["b"]
    assert sources(arrivals) == ["b", "c"]


def test_the_rows_of_a_partition_are_those_of_the_whole_table(tmp_path: Path) -> None:
    table = Store(str(tmp_path)).table("sample", IMAGE_FEATURES)
    for number, partition in enumerate((PLANT, ANIMAL)):
        rows = pl.DataFrame(
            {"image_id": ["a"], "label": [number], "features": [[0.5, number]], "extractor": ["x"]},
            schema={"image_id": pl.String, "label": pl.Int16, "features": pl.List(pl.Float32), "extractor": pl.String},
        )
        table.replace(partition, [table.write_frame(partition, rows)])
    whole = table.scan().collect()
    assert table.scan([PLANT]).collect().equals(whole.filter(category="plant"))
    assert table.scan([ANIMAL, PLANT]).collect().sort("category").equals(whole.sort("category"))
    nothing = table.scan([Partition(PLANT.date, "human")]).collect()
    assert nothing.equals(whole.clear())


@pytest.mark.local_store(reason="names that a folder may have and the prefix of a bucket may not")
def test_a_store_may_have_any_name(tmp_path: Path) -> None:
    table = Store(str(tmp_path / "category=x/[ab]* {c}?")).table("sample", ARRIVALS)
    put(table, PLANT, "a")
    assert table.scan([PLANT]).collect().rows() == [("a", 1, PLANT.date, "plant")]


def test_commits_of_other_processes_are_seen(arrivals: PartitionedTable) -> None:
    put(arrivals, PLANT, "a")
    other = DeltaTable(arrivals.url)  # what another process has open
    put(arrivals, ANIMAL, "b")
    other.update_incremental()
    arrivals._write_commit(other, PLANT, [arrivals.write_frame(PLANT, frame("c"))], {"2026-11-20|plant": 2})
    assert sources(arrivals, PLANT) == ["c"]
    put(arrivals, PLANT, "d")
    assert sources(arrivals) == ["b", "d"]


@pytest.mark.parametrize("commits", [1, 3], ids=["with fewer commits", "with as many commits"])
def test_a_table_that_was_removed_and_made_anew_is_seen_as_it_is(arrivals: PartitionedTable, commits: int) -> None:
    for name in "abc":
        put(arrivals, PLANT, name)
    assert sources(arrivals, PLANT) == ["c"]
    remove_files(arrivals.url)
    assert arrivals.snapshot().partitions() == []
    for name in "xyz"[:commits]:
        put(arrivals, ANIMAL, name)
    assert arrivals.snapshot().partitions() == [ANIMAL]
    assert sources(arrivals, ANIMAL) == ["xyz"[commits - 1]]


WRITES = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 2), st.text("abc", max_size=2)), max_size=12)


@settings(max_examples=15, deadline=None)
@given(writes=WRITES)
def test_a_table_that_is_kept_open_is_as_one_opened_anew(writes: list[tuple[int, int, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        table = Store(folder).table("sample", ARRIVALS)
        put(table, PLANT, "first")
        for writer, day, names in writes:
            with as_another_process() if writer else nullcontext():
                put(table, Partition(PLANT.date + dt.timedelta(days=day), "plant"), *names)
        kept = table.snapshot()
        with as_another_process():
            anew = table.snapshot()
        assert kept.version == anew.version
        assert kept.files.equals(anew.files)


@contextmanager
def as_another_process() -> Iterator[None]:
    """Without the tables that this process has open, which stay as they are."""
    kept = dict(delta_log._idle)
    delta_log._idle.clear()
    yield
    delta_log._idle.clear()
    delta_log._idle.update(kept)


@pytest.mark.parametrize("url", ["gs://bucket/store", "http://example.com/store"])
def test_a_store_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(PlaceError, match=r"expected a folder, file:///… or s3://bucket/prefix"):
        Store(url)


@pytest.mark.local_store(reason="files and rights of a disk")
def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(PlaceError, match="is a file"):
        Store(str(tmp_path / "file"))
