"""Tables say by which version they were written, and those of another are refused with a line that says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from image_assets.cli import main
from image_assets.schema import ACCOUNTING, ARRIVALS, Column, Partition, TableSchema
from image_assets.store.store import Store
from image_assets.store.tables import delta_log
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.versions import (
    NewerTable,
    OldTable,
    give_number,
    is_old,
    number_of,
    version_of,
)
from tests.migrations.old_store import give_number_in
from tests.platform import FIRST
from tests.store_files import files_at

PLANT = Partition(FIRST, "plant")
GROWN = replace(ARRIVALS, version=2, columns=(*ARRIVALS.columns, Column("colour", pa.string(), "", nullable=True)))
CHANGED = replace(ARRIVALS, version=2)


@pytest.fixture(autouse=True)
def _as_in_a_new_process() -> Iterator[None]:
    delta_log._idle.clear()
    yield
    delta_log._idle.clear()


def table_of(root: Path, schema: TableSchema) -> PartitionedTable:
    delta_log._idle.clear()
    return Store(str(root)).table("drawn", schema)


def put(table: PartitionedTable, source: str = "a") -> None:
    frame = pl.DataFrame({"source": [source], "bytes": [1]})
    if "colour" in table.schema.file_schema.names:
        frame = frame.with_columns(colour=pl.lit("red"))
    table.replace(PLANT, [table.write_frame(PLANT, frame)])


def take_number(table: PartitionedTable) -> None:
    """Make it one of before there were numbers."""
    give_number_in(files_at(table.url) / "_delta_log" / f"{0:020}.json", None)


def test_a_new_table_has_the_number_of_its_declaration(tmp_path: Path) -> None:
    table = table_of(tmp_path, GROWN)
    put(table)
    delta = DeltaTable(table.url)
    assert (number_of(delta), version_of(delta, GROWN), is_old(delta, GROWN)) == (2, 2, False)
    put(table, "b")
    assert number_of(DeltaTable(table.url)) == 2


def test_a_table_without_a_number_is_of_the_first_version_if_it_has_all_columns(tmp_path: Path) -> None:
    table = table_of(tmp_path, ARRIVALS)
    put(table)
    take_number(table)
    delta = DeltaTable(table.url)
    assert number_of(delta) is None
    assert (version_of(delta, ARRIVALS), is_old(delta, ARRIVALS)) == (1, False)
    assert (version_of(delta, GROWN), is_old(delta, GROWN)) == (0, True)
    assert (version_of(delta, CHANGED), is_old(delta, CHANGED)) == (1, True)
    table = table_of(tmp_path, ARRIVALS)
    put(table, "b")
    assert table.scan().collect()["source"].to_list() == ["b"]


@pytest.mark.parametrize("schema", [GROWN, CHANGED], ids=["a new column", "another meaning"])
def test_an_older_table_is_neither_read_nor_written(schema: TableSchema, tmp_path: Path) -> None:
    put(table_of(tmp_path, ARRIVALS))
    now = table_of(tmp_path, schema)
    for use in (now.snapshot, now.scan, lambda: now.scan([PLANT]), lambda: now.replace(PLANT, []), lambda: put(now)):
        with pytest.raises(
            OldTable, match=rf"earlier version.*; give `image-assets migrate --store {files_at(tmp_path)}`$"
        ):
            use()
    assert table_of(tmp_path, ARRIVALS).scan().collect()["source"].to_list() == ["a"]


def test_a_newer_table_is_neither_read_nor_written(tmp_path: Path) -> None:
    put(table_of(tmp_path, GROWN))
    before = table_of(tmp_path, ARRIVALS)
    for use in (before.snapshot, before.scan, lambda: before.replace(PLANT, []), lambda: put(before)):
        with pytest.raises(NewerTable, match="by a later version of the platform, as version 2; known here is 1: use"):
            use()


def test_a_table_that_is_made_anew_has_the_number_of_its_declaration_then(tmp_path: Path) -> None:
    before = replace(ACCOUNTING, columns=tuple(one for one in ACCOUNTING.columns if one.name != "unplaced"))
    row = {"date": FIRST, "category": "plant", "listed": 1, "loaded": 1, "duplicates": 0, "quarantined": 0}
    frame = pl.DataFrame([{**row, "companions": 0, "unplaced": 0, "near_duplicates": 0, "reasons": ""}])
    old = table_of(tmp_path, before)
    old.replace(None, [old.write_frame(None, frame.drop("unplaced"))])
    now = table_of(tmp_path, replace(ACCOUNTING, version=3))
    now.replace(None, [now.write_frame(None, frame)])
    assert number_of(DeltaTable(now.url)) == 3
    assert now.scan().collect().equals(frame)
    later = table_of(tmp_path, replace(ACCOUNTING, version=4))
    later.replace(None, [later.write_frame(None, frame)])
    assert number_of(DeltaTable(now.url)) == 4
    assert later.scan().collect().equals(frame)


def test_a_command_tells_a_newer_table_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = table_of(tmp_path / "store", replace(ARRIVALS))
    put(table)
    give_number(DeltaTable(table.url), replace(ARRIVALS, version=7))
    delta_log._idle.clear()
    dataset = tmp_path / "drawn.yaml"
    dataset.write_text("name: drawn\ncategories: {plant: 0}\nstart_day: 2026-11-03\n")
    assert main(["accounting", "--quiet", "--dataset", str(dataset), "--store", str(tmp_path / "store")]) == 2
    said = capsys.readouterr().err
    assert "written by a later version of the platform, as version 7; known here is 1" in said
    assert said.count("\n") == 1
    assert main(["migrate", "--store", str(tmp_path / "store")]) == 1
    assert "drawn/arrivals: the table at" in capsys.readouterr().err
