"""Rows of an earlier version become rows of today's: all of them, once, and not before they are all there."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from image_assets.cli import main
from image_assets.migrations.carry import Carried, carry
from image_assets.migrations.declared import DECLARED
from image_assets.migrations.plan import TablePlan, plan_table
from image_assets.migrations.steps import CannotDerive, Migrations, MigrationStep, RowsLost, Where
from image_assets.schema import (
    ARRIVALS,
    IMAGE_FEATURES,
    METRIC_COLUMNS,
    QUARANTINE,
    RAW_IMAGES,
    REVIEWS,
    Column,
    Partition,
    TableSchema,
)
from image_assets.store.store import Store
from image_assets.store.tables import delta_log
from image_assets.store.tables.delta_tables import CommitConflict, PartitionedTable
from image_assets.store.tables.versions import PROPERTY, OldTable
from tests.migrations.old_store import OldStore, in_order, made_older, unpacked, without
from tests.platform import FIRST
from tests.store_files import files_at

DERIVED = ("image_id", "format", "width", "height", "bytes", *(column.name for column in METRIC_COLUMNS), "thumbnail")


@pytest.fixture
def old(tmp_path: Path) -> OldStore:
    return unpacked(tmp_path)


def table_of(old: OldStore, schema: TableSchema) -> PartitionedTable:
    delta_log._idle.clear()
    return old.store.table("skies", schema)


def plan_of(old: OldStore, schema: TableSchema, migrations: Migrations = DECLARED) -> TablePlan:
    delta_log._idle.clear()
    (plan,) = plan_table(old.store, "skies", schema, migrations)
    return plan


def migrate(old: OldStore, schema: TableSchema, migrations: Migrations = DECLARED) -> Carried:
    return carry(plan_of(old, schema, migrations), old.store)


def rows_of(old: OldStore, schema: TableSchema) -> pl.DataFrame:
    return in_order(table_of(old, schema).scan().collect())


@pytest.mark.parametrize("columns", [("sharpness",), ("perceptual_hash", "greyscale"), DERIVED], ids=["1", "2", "all"])
def test_what_loading_finds_out_of_an_image_is_had_from_the_image(columns: tuple[str, ...], old: OldStore) -> None:
    before = rows_of(old, RAW_IMAGES)
    made_older(table_of(old, RAW_IMAGES), *columns)
    with pytest.raises(
        OldTable, match=f"no column {', '.join(name for name in RAW_IMAGES.file_schema.names if name in columns)}; give"
    ):
        table_of(old, RAW_IMAGES).scan()
    plan = plan_of(old, RAW_IMAGES)
    assert (plan.state, plan.version, plan.partitions, plan.rows) == ("older", 0, 4, 24)
    assert set(plan.comes) == set(columns)
    assert migrate(old, RAW_IMAGES) == Carried(rows=24, partitions=4)
    assert rows_of(old, RAW_IMAGES).equals(before)
    assert plan_of(old, RAW_IMAGES).state == "of today"


def test_a_column_that_is_there_is_left_as_it_is(old: OldStore) -> None:
    table = table_of(old, RAW_IMAGES)
    (first, *_) = table.partitions()
    rows = table.scan([first]).collect().with_columns(contrast=pl.lit(0.125, pl.Float32))
    table.replace(first, [table.write_frame(first, rows)])
    made_older(table_of(old, RAW_IMAGES), "sharpness")
    migrate(old, RAW_IMAGES)
    now = table_of(old, RAW_IMAGES).scan([first]).collect()
    assert now["contrast"].unique().to_list() == [0.125]
    assert (now["sharpness"] > 0).all()


def test_a_column_that_may_be_null_is_null(old: OldStore) -> None:
    before = rows_of(old, QUARANTINE)
    made_older(table_of(old, QUARANTINE), "image_id")
    migrate(old, QUARANTINE)
    assert rows_of(old, QUARANTINE).equals(before.with_columns(image_id=pl.lit(None, pl.String)))


@pytest.mark.parametrize(
    ("schema", "column", "says"),
    [
        (
            IMAGE_FEATURES,
            "features",
            r"features cannot be had .*; to have it made again, move the folder .* away and run its days again: ",
        ),
        (
            RAW_IMAGES,
            "content",
            r"content cannot be had from what the store holds; .* run its days again: `image-assets run",
        ),
        (REVIEWS, "reviewer", "it holds what people decided, which no run makes again"),
    ],
    ids=lambda value: value.name if isinstance(value, TableSchema) else "",
)
def test_what_cannot_be_had_is_named_with_what_to_do_and_the_rest_is_migrated(
    schema: TableSchema, column: str, says: str, old: OldStore, capsys: pytest.CaptureFixture[str]
) -> None:
    if schema is REVIEWS:
        migrate(old, schema)  # the old store's are older already
    made_older(table_of(old, schema), column)
    files = contents(files_at(table_of(old, schema).url))
    assert main(["migrate", "--store", old.store.url]) == 1
    captured = capsys.readouterr()
    assert f"skies/{schema.name}: " in captured.err
    assert pl.Series([captured.err]).str.contains(says).item(), captured.err
    assert contents(files_at(table_of(old, schema).url)) == files
    assert "birds/accounting: 1 partition; 2 rows before, 2 after" in captured.out


def test_a_column_of_which_nothing_is_known_is_not_dropped(old: OldStore) -> None:
    grown = replace(ARRIVALS, columns=(*ARRIVALS.columns, Column("colour", pa.string(), "", nullable=True)))
    later = replace(ARRIVALS, version=2)
    table = table_of(old, grown)
    delta = DeltaTable(table.url)
    delta.alter.add_columns([field for field in _delta_fields(grown) if field.name == "colour"])
    plan = plan_of(old, later)
    assert plan.state == "cannot be migrated"
    assert "nothing says what becomes of its column colour" in plan.reason


def _renamed(rows: pl.DataFrame, where: Where) -> pl.DataFrame:
    assert where.dataset == "skies"
    assert where.partition is not None
    return rows.with_columns(kilobytes=pl.col("bytes") / 1_000).drop("bytes")


KILOBYTES = replace(
    ARRIVALS, version=3, columns=(ARRIVALS.columns[0], Column("kilobytes", pa.float64(), "", "kilobytes"))
)
RENAMED = MigrationStep("arrivals", 3, _renamed, makes=("kilobytes",), takes=("bytes",))
CAPITALS = MigrationStep("arrivals", 2, lambda rows, _: rows.with_columns(pl.col("source").str.to_uppercase()))


def test_steps_are_taken_one_after_the_other(old: OldStore) -> None:
    before = rows_of(old, ARRIVALS)
    plan = plan_of(old, KILOBYTES, Migrations((RENAMED, CAPITALS)))
    assert (plan.version, plan.comes, plan.goes) == (0, ("kilobytes",), ("bytes",))
    migrate(old, KILOBYTES, Migrations((RENAMED, CAPITALS)))
    expected = before.select(
        "category", "date", kilobytes=pl.col("bytes") / 1_000, source=pl.col("source").str.to_uppercase()
    )
    assert rows_of(old, KILOBYTES).equals(in_order(expected))
    assert plan_of(old, KILOBYTES, Migrations((RENAMED, CAPITALS))).state == "of today"


def test_a_step_is_taken_once_also_where_the_command_was_stopped_before_the_number_was_written(
    old: OldStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    twice = Migrations((MigrationStep("arrivals", 2, lambda rows, _: rows.with_columns(bytes=pl.col("bytes") * 2)),))
    doubled = replace(ARRIVALS, version=2)
    total = rows_of(old, ARRIVALS)["bytes"].sum()

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("image_assets.store.tables.older.give_number", stopped)
        with pytest.raises(KeyboardInterrupt):
            migrate(old, doubled, twice)
    with pytest.raises(OldTable):
        table_of(old, doubled).scan()
    assert plan_of(old, doubled, twice).state == "without number"
    migrate(old, doubled, twice)
    assert rows_of(old, doubled)["bytes"].sum() == 2 * total
    assert plan_of(old, doubled, twice).state == "of today"


def lose_a_row(rows: pl.DataFrame, where: Where) -> pl.DataFrame:
    return rows.slice(1) if where.partition == Partition(FIRST, "noon") else rows


def test_a_step_that_loses_a_row_is_caught_and_the_table_stays_as_it_was(old: OldStore) -> None:
    before, version = rows_of(old, ARRIVALS), DeltaTable(table_of(old, ARRIVALS).url).version()
    later = replace(ARRIVALS, version=2)
    with pytest.raises(RowsLost, match=r"skies/arrivals 2026-11-03 noon: of 6 rows 5 were left by .* version 2; the"):
        migrate(old, later, Migrations((MigrationStep("arrivals", 2, lose_a_row),)))
    assert DeltaTable(table_of(old, ARRIVALS).url).version() == version
    assert rows_of(old, ARRIVALS).equals(before)
    assert (
        list(files_at(table_of(old, ARRIVALS).url).rglob("*migrated-*")) == []
    )  # what a faulty step made is used by no other
    assert migrate(old, later, Migrations()) == Carried(rows=before.height, partitions=4)


def test_rows_that_were_lost_before_are_caught_by_the_log(old: OldStore) -> None:
    """A file that has fewer rows than were counted when it was written."""
    made_older(table_of(old, RAW_IMAGES), "sharpness")
    plan = plan_of(old, RAW_IMAGES)
    log = files_at(table_of(old, RAW_IMAGES).url) / "_delta_log" / f"{1:020}.json"
    assert '\\"numRecords\\": 6' in log.read_text()
    log.write_text(log.read_text().replace('\\"numRecords\\": 6', '\\"numRecords\\": 7'))
    delta_log._idle.clear()
    with pytest.raises(RowsLost, match="2026-11-03 dawn: 7 rows became 6; the table stays as it was"):
        carry(plan, old.store)
    assert DeltaTable(table_of(old, RAW_IMAGES).url).version() == 4


def test_nulls_where_none_may_be_are_caught(old: OldStore) -> None:
    later = replace(ARRIVALS, version=2)
    nothing = MigrationStep("arrivals", 2, lambda rows, _: rows.with_columns(source=pl.lit(None, pl.String)))
    with pytest.raises(CannotDerive, match="skies/arrivals 2026-11-03 dawn: source may not be null"):
        migrate(old, later, Migrations((nothing,)))
    assert rows_of(old, ARRIVALS)["source"].null_count() == 0


def test_an_image_that_cannot_be_decoded_is_named(old: OldStore, capsys: pytest.CaptureFixture[str]) -> None:
    table = table_of(old, RAW_IMAGES)
    (first, *_) = table.partitions()
    rows = table.scan([first]).collect().with_columns(content=pl.lit(b"GIF89a is no picture"))
    table.replace(first, [table.write_frame(first, rows)])
    made_older(table_of(old, RAW_IMAGES), "sharpness")
    assert main(["migrate", "--store", old.store.url]) == 1
    said = capsys.readouterr().err
    assert "skies/raw_images: 2026-11-03 dawn: image " in said
    assert "to have it made again, move the folder " in said


@pytest.mark.parametrize(("day", "rows", "partitions", "found"), [(3, 0, 3, 3), (9, 2, 5, 4)], ids=["gone", "added"])
def test_a_table_that_somebody_changed_meanwhile_stays_as_it_is(
    day: int, rows: int, partitions: int, found: int, old: OldStore
) -> None:
    made_older(table_of(old, RAW_IMAGES), "sharpness")
    earlier = without(RAW_IMAGES, "sharpness")
    some = table_of(old, earlier).scan().collect().head(rows).select(earlier.file_schema.names)

    def change(done: int, _: int) -> None:
        if done == 2:
            table, partition = table_of(old, earlier), Partition(FIRST.replace(day=day), "dawn")
            table.replace(partition, [table.write_frame(partition, some)])

    with pytest.raises(
        CommitConflict, match="was changed meanwhile and stays as it is; stop what runs, and migrate ag"
    ):
        carry(plan_of(old, RAW_IMAGES), old.store, change)
    left = rows_of(old, earlier).height
    assert left == (18 if rows == 0 else 26)
    assert migrate(old, RAW_IMAGES) == Carried(rows=left, partitions=partitions - found, found=found)


@pytest.mark.parametrize("version", [1, 2])
def test_what_a_run_had_finished_for_the_earlier_version_is_not_found_again(version: int, old: OldStore) -> None:
    grown = replace(QUARANTINE, version=version)
    before = without(QUARANTINE, "image_id") if version == 1 else QUARANTINE
    made_older(table_of(old, QUARANTINE), *({"image_id"} if version == 1 else ()))
    table = table_of(old, before)
    (partition, *_) = table.partitions()
    unit = table.write_frame(partition, table.scan([partition]).collect().select(before.file_schema.names))
    name = Path(unit.path).stem
    assert table.find_file(partition, name) == unit
    migrate(old, grown)
    now = table_of(old, grown)
    assert now.find_file(partition, name) is None
    rows = rows_of(old, grown)
    own = now.scan([partition]).collect().select(grown.file_schema.names).to_arrow().cast(grown.file_schema)
    now.replace(partition, [now.write_file(partition, name, own.to_batches())])
    assert now.find_file(partition, name) is not None
    assert rows_of(old, grown).equals(rows)


MANY = replace(ARRIVALS, version=2)
TWICE = Migrations((MigrationStep("arrivals", 2, lambda rows, _: rows.with_columns(bytes=pl.col("bytes") * 2)),))
Sizes = dict[Partition, list[list[int]]]


@settings(max_examples=8, deadline=None)
@given(
    sizes=st.dictionaries(
        st.builds(Partition, st.dates(FIRST, FIRST.replace(day=6)), st.sampled_from(["dawn", "noon", "a-b"])),
        st.lists(st.lists(st.integers(0, 10**12), min_size=1, max_size=40), min_size=1, max_size=3),
        min_size=1,
        max_size=5,
    ),
    stops=st.lists(st.integers(0, 4), max_size=3),
)
def test_stopped_anywhere_any_number_of_times_every_row_is_carried_over_once(sizes: Sizes, stops: list[int]) -> None:
    with tempfile.TemporaryDirectory() as root:
        delta_log._idle.clear()
        store = Store(root)
        table = store.table("skies", ARRIVALS)
        for partition, files in sizes.items():
            frames = [pl.DataFrame({"source": [f"{n}"] * len(own), "bytes": own}) for n, own in enumerate(files)]
            table.replace(partition, [table.write_frame(partition, frame) for frame in frames])
        delta_log._idle.clear()
        (plan,) = plan_table(store, "skies", MANY, TWICE)
        for stop in stops:
            with suppress(KeyboardInterrupt):
                carry(plan, store, partial(_stopped_at, stop % len(sizes)))
            delta_log._idle.clear()
            assert store.table("skies", ARRIVALS).scan().collect().height == plan.rows
        done = carry(plan, store)
        delta_log._idle.clear()
        assert done.rows == plan.rows
        assert done.found == min(len(sizes), max((stop % len(sizes) for stop in stops), default=0))
        rows = store.table("skies", MANY).scan().collect()
        expected = {
            (one.date, one.category): sorted(2 * size for file in files for size in file)
            for one, files in sizes.items()
        }
        found = rows.group_by("date", "category").agg(pl.col("bytes").sort()).rows()
        assert {(date, category): own for date, category, own in found} == expected


def _stopped_at(stop: int, done: int, _: int) -> None:
    if done == stop:
        raise KeyboardInterrupt


KILLED_AT = 2
KILLED = """\
import os, signal, sys
from image_assets.migrations.carry import carry
from image_assets.migrations.declared import DECLARED
from image_assets.migrations.plan import plan_table
from image_assets.schema import RAW_IMAGES
from image_assets.store.store import Store

store = Store(sys.argv[1])
(plan,) = plan_table(store, "skies", RAW_IMAGES, DECLARED)
carry(plan, store, lambda done, _: done == int(sys.argv[2]) and os.kill(os.getpid(), signal.SIGKILL))
"""


def test_killed_in_the_middle_it_goes_on_and_does_no_partition_twice(
    old: OldStore, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows_of(old, RAW_IMAGES)
    made_older(table_of(old, RAW_IMAGES), "sharpness", "perceptual_hash")
    was = rows_of(old, without(RAW_IMAGES, "sharpness", "perceptual_hash"))
    killed = subprocess.run([sys.executable, "-c", KILLED, old.store.url, str(KILLED_AT)], check=False)
    assert killed.returncode == -9
    finished = new_files(old)
    assert len(finished) == KILLED_AT
    # Nobody sees a table of two kinds: today's code refuses it, and it is what it was for the version that wrote it.
    with pytest.raises(OldTable):
        table_of(old, RAW_IMAGES).scan()
    assert rows_of(old, without(RAW_IMAGES, "sharpness", "perceptual_hash")).equals(was)
    assert main(["migrate", "--store", old.store.url]) == 0
    said = capsys.readouterr().out
    assert "skies/raw_images: 4 partitions, 2 of them by an earlier call; 24 rows before, 24 after" in said
    now = new_files(old)
    assert len(now) == 4
    assert {name: now[name] for name in finished} == finished
    assert rows_of(old, RAW_IMAGES).equals(before)
    assert DeltaTable(table_of(old, RAW_IMAGES).url).metadata().configuration[PROPERTY] == "1"


def new_files(old: OldStore) -> dict[str, float]:
    """Files that were made by migrating, with the time at which they were."""
    files = files_at(table_of(old, RAW_IMAGES).url).rglob("migrated-*.parquet")
    return {str(file): file.stat().st_mtime for file in files}


def contents(root: Path) -> dict[str, bytes]:
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def _delta_fields(schema: TableSchema) -> Iterator:
    from deltalake import Schema

    yield from Schema.from_arrow(schema.arrow).fields
