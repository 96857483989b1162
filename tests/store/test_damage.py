"""Files of a table that are missing, cut or changed: who reads the table is told which, of what, and what mends it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from image_assets.orchestration.retrying import retried
from image_assets.schema import ARRIVALS, RAW_IMAGES, REVIEWS, TABLES
from image_assets.store.tables.damage import Damaged, DamagedFile, DamagedLog
from image_assets.store.tables.store_damage import damaged_files, unreadable_files
from tests.platform import FIRST, Platform
from tests.store_files import files_at, remove_file


def empty(path: Path) -> None:
    path.write_bytes(b"")


def halve(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def change_footer(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-40:-12] = bytes(byte ^ 255 for byte in content[-40:-12])
    path.write_bytes(content)


CUTS: list[Callable[[Path], None]] = [empty, halve, remove_file]


def a_file(platform: Platform, table: str = "raw_images") -> Path:
    return next((platform.files / "drawn" / table).glob(f"date={FIRST}/category=plant/*.parquet"))


def commits(platform: Platform, table: str = "raw_images") -> list[Path]:
    return sorted((platform.files / "drawn" / table / "_delta_log").glob("*.json"))


@pytest.mark.parametrize("damage", CUTS)
def test_a_file_that_is_missing_or_cut_is_named_with_its_partition_and_its_remedy(
    damaged: Platform, damage: Callable[[Path], None]
) -> None:
    file = a_file(damaged)
    damage(file)
    table = damaged.store.table("drawn", RAW_IMAGES)
    for read in (
        table.scan,
        lambda: table.scan([damaged.partition()]),
        lambda: list(table.files.read(f"date={FIRST}/category=plant/{file.name}", ["source"])),
    ):
        with pytest.raises(DamagedFile) as caught:
            read()
        said = str(caught.value)
        assert said.startswith(f"{FIRST} plant: {file} is ")
        assert "run 2026-11-03 again with --category plant, which writes it anew" in said
        assert "otherwise restore it from a copy of the store" in said
    # Other partitions can be read.
    assert table.scan([damaged.partition("animal")]).collect().height == 16
    assert [str(one).split(" ")[1] for one in damaged_files(damaged.store, "drawn")] == ["plant:"]


def test_a_footer_that_was_changed_is_found_by_opening(damaged: Platform) -> None:
    change_footer(a_file(damaged, "image_features"))
    assert damaged_files(damaged.store, "drawn") == []
    (found,) = unreadable_files(damaged.store, "drawn")
    assert f"{FIRST} plant: " in str(found)
    assert "image_features" in str(found)


def test_a_store_that_is_whole_has_no_damage(loaded_platform: Platform) -> None:
    assert damaged_files(loaded_platform.store, "drawn") == []
    assert unreadable_files(loaded_platform.store, "drawn") == []


def test_who_reads_one_partition_does_not_look_at_the_files_of_others(damaged: Platform) -> None:
    a_file(damaged).unlink()
    table = damaged.store.table("drawn", RAW_IMAGES)
    assert table.scan([damaged.partition("animal")]).collect()["category"].unique().to_list() == ["animal"]
    for partitions in (None, [damaged.partition("animal"), damaged.partition("plant")]):
        with pytest.raises(DamagedFile, match="is missing"):
            table.scan(partitions)


def test_what_people_decided_comes_only_from_a_copy(damaged: Platform) -> None:
    reviews = damaged.store.table("drawn", REVIEWS)
    now = dt.datetime(2026, 11, 5, tzinfo=dt.UTC)
    mark = ("a", "plant", True, "b", now, "one", False)
    reviews.append(pl.DataFrame([mark], REVIEWS.no_rows().schema, orient="row"))
    next(files_at(reviews.url).glob("*.parquet")).unlink()
    with pytest.raises(DamagedFile, match=r"is missing; restore it from a copy of the store$"):
        reviews.scan()


@pytest.mark.parametrize("damage", [empty, halve])
def test_a_commit_that_was_cut_is_named_and_without_it_the_table_is_as_before(
    damaged: Platform, damage: Callable[[Path], None]
) -> None:
    last = commits(damaged)[-1]
    damage(last)
    table = damaged.store.table("drawn", RAW_IMAGES)
    with pytest.raises(DamagedLog, match=f"{last} is damaged.*run again the days that were run last"):
        table.scan()
    with pytest.raises(DamagedLog), retried():  # nothing waits for it
        table.snapshot()
    with pytest.raises(DamagedLog):
        table.replace(damaged.partition(), [])
    last.unlink()
    assert table.scan([damaged.partition()]).collect().height == 16


def test_a_commit_in_the_middle_that_is_gone_is_named(damaged: Platform) -> None:
    commits(damaged)[1].unlink()
    with pytest.raises(DamagedLog, match=r"0001\.json is missing; .*move the folder .*raw_images away"):
        damaged.store.table("drawn", RAW_IMAGES).snapshot()


def test_a_checkpoint_that_was_cut_is_named(damaged: Platform) -> None:
    DeltaTable(damaged.store.location("drawn", "arrivals")).create_checkpoint()
    (checkpoint,) = (damaged.files / "drawn/arrivals/_delta_log").glob("*.checkpoint.parquet")
    halve(checkpoint)
    for commit in commits(damaged, "arrivals"):
        commit.unlink()
    with pytest.raises(DamagedLog, match=r"checkpoint\.parquet is damaged"):
        damaged.store.table("drawn", ARRIVALS).snapshot()


@pytest.mark.parametrize("damage", CUTS)
def test_a_days_run_writes_its_damaged_files_anew(damaged: Platform, damage: Callable[[Path], None]) -> None:
    """What the message promises, for every table of a day."""
    before = {schema.name: damaged.rows(schema) for schema in TABLES if schema.partitioned}
    for schema in TABLES:
        for file in (damaged.files / "drawn" / schema.name).glob(f"date={FIRST}/category=plant/*.parquet"):
            damage(file)
    assert len(damaged_files(damaged.store, "drawn")) >= 6
    result = damaged.load(FIRST, "plant")
    assert result.errors == []
    assert damaged_files(damaged.store, "drawn") == unreadable_files(damaged.store, "drawn") == []
    for schema in TABLES:
        if schema.partitioned:
            assert damaged.rows(schema).sort(pl.all()).equals(before[schema.name].sort(pl.all())), schema.name


@pytest.mark.long
def test_the_next_days_run_names_what_is_damaged_and_tries_nothing_again(damaged: Platform) -> None:
    # What is made of all days reads all features.
    a_file(damaged, "image_features").unlink()
    result = damaged.run(FIRST, "animal")
    assert result.errors
    assert all(f"{FIRST} plant: " in error and "restore it from a copy" in error for error in result.errors), result
    assert not result.ok
    assert isinstance(damaged_files(damaged.store, "drawn")[0], Damaged)
