"""Files that no commit lists are removed by age, and never one that a commit lists, however the two meet."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import polars as pl
import pytest

from image_assets.schema import QUARANTINE, Partition
from image_assets.store.store import Store
from image_assets.store.tables.damage import DamagedFile, DamagedLog
from image_assets.store.tables.parquet_files import ParquetFiles
from image_assets.store.tables.store_damage import damaged_files
from image_assets.store.tables.unlisted import REMOVED, UnlistedFiles
from tests.platform import FIRST
from tests.store_files import files_at

PLANTS = Partition(FIRST, "plant")
ROUNDS = 200


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def rows(number: int) -> pl.DataFrame:
    """A row of the quarantine, another one for every number."""
    schema = QUARANTINE.no_rows().schema
    values = {name: str(number) if kind == pl.String else number for name, kind in schema.items()}
    return pl.DataFrame({name: [value] for name, value in values.items()}, schema=schema, strict=False)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.to_write(str(tmp_path / "store"))


def put(store: Store, number: int) -> None:
    table = store.table("drawn", QUARANTINE)
    table.replace(PLANTS, [table.write_frame(PLANTS, rows(number))])


def files_in(store: Store) -> set[str]:
    return {path.name for path in (files_at(store.url) / "drawn" / QUARANTINE.name).rglob("*.parquet")}


def test_earlier_versions_go_by_age_and_what_is_listed_stays(store: Store) -> None:
    put(store, 0)
    earlier = files_in(store)
    put(store, 1)
    files = UnlistedFiles(store, "drawn")
    assert files.find(now() - dt.timedelta(days=1)) == []
    (one,) = files.find(now())
    assert Path(one.path).name in earlier
    moved = files.collect(now(), now())
    assert (moved.moved, moved.put_back, moved.deleted) == ((one,), (), ())
    assert files_in(store) == {Path(path).name for path in store.table("drawn", QUARANTINE).snapshot().files["path"]}
    assert store.table("drawn", QUARANTINE).scan().collect().height == 1
    deleted = files.collect(now(), now())
    assert [Path(one.path).name for one in deleted.deleted] == [*earlier]
    assert files.moved_before(now()) == []


def test_one_that_a_run_lists_after_all_is_put_back(store: Store) -> None:
    table = store.table("drawn", QUARANTINE)
    put(store, 0)
    unfinished = table.write_frame(PLANTS, rows(1))
    files = UnlistedFiles(store, "drawn")
    seen = files.find(now())
    assert [Path(one.path).name for one in seen] == [Path(unfinished.path).name]
    moved = [*files._move(seen, now())]
    with pytest.raises(DamagedFile, match="is missing"):  # the run that had found it is told, and lists nothing
        table.replace(PLANTS, [unfinished])
    again = table.write_frame(PLANTS, rows(1))
    table.replace(PLANTS, [again])
    (files_at(store.url) / "drawn" / QUARANTINE.name / again.path).unlink()
    assert files.collect(now() - dt.timedelta(days=1), now()).put_back == (f"{QUARANTINE.name}/{again.path}",)
    assert table.scan().collect().height == 1
    assert moved[0].path.startswith(REMOVED)


def test_where_a_log_cannot_be_read_nothing_is_removed(store: Store) -> None:
    put(store, 0)
    put(store, 1)
    sorted((files_at(store.url) / "drawn" / QUARANTINE.name / "_delta_log").glob("*.json"))[-1].write_text('{"add"')
    there = files_in(store)
    with pytest.raises(DamagedLog):
        UnlistedFiles(Store(store.url), "drawn").collect(now(), now())
    assert files_in(store) == there


def test_without_the_look_before_a_commit_a_file_would_be_listed_that_is_not_there(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = store.table("drawn", QUARANTINE)
    put(store, 0)
    unfinished = table.write_frame(PLANTS, rows(1))
    UnlistedFiles(store, "drawn").collect(now(), now())
    monkeypatch.setattr(ParquetFiles, "see_whole", lambda *_: None)
    table.replace(PLANTS, [unfinished])
    assert len(damaged_files(store, "drawn")) == 1
    # And the next call gives it back.
    assert len(UnlistedFiles(store, "drawn").collect(now() - dt.timedelta(days=1), now()).put_back) == 1
    assert damaged_files(store, "drawn") == []


def test_where_there_are_no_tables_nothing_is_removed(store: Store) -> None:
    assert UnlistedFiles(store, "drawn").collect(now(), now()).moved == ()


@pytest.mark.long
def test_writers_and_collector_leave_a_table_whole(store: Store) -> None:
    """A run that finds a finished file again and one that removes it: two hundred times, whoever comes first."""
    put(store, 0)
    ended, refused = threading.Event(), 0

    def collect() -> None:
        while not ended.is_set():
            UnlistedFiles(Store(store.url), "drawn").collect(now(), now())

    collector = threading.Thread(target=collect)
    collector.start()
    table = store.table("drawn", QUARANTINE)
    try:
        for number in range(ROUNDS):
            frame = rows(number % 3)
            name = table.name_of(table.write_frame(PLANTS, frame))
            found = table.find_file(PLANTS, name) or table.write_frame(PLANTS, frame)
            try:
                table.replace(PLANTS, [found])
            except DamagedFile:
                refused += 1  # said, and nothing is listed that is not there
    finally:
        ended.set()
        collector.join()
    UnlistedFiles(store, "drawn").collect(now() - dt.timedelta(days=1), now())
    assert table.scan().collect().height == 1
    assert refused < ROUNDS
