"""Every file of a store that is not as it was written is named, and none that is."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from image_assets.answers.status import status_of
from image_assets.orchestration.recorded_run import JobRunner
from image_assets.orchestration.runner import check_day
from image_assets.schema import IMAGE_FEATURES, NEAR_DUPLICATES, PREDICTIONS, Partition, TableSchema
from image_assets.shards.manifest import MANIFESTS
from image_assets.store.store import Store
from image_assets.verification.finding import Finding, Part, Remedy, Verified
from image_assets.verification.whole_store import verify_store
from image_assets.wording import some
from tests.platform import FIRST, Platform, small_dataset
from tests.store.test_damage import change_footer, empty, halve
from tests.store_files import remove_file, remove_files
from tests.verification.shown import nothing_shown

PLANTS = Partition(FIRST, "plant")


def verified(platform: Platform) -> Verified:
    return verify_store(platform.store, platform.dataset, nothing_shown)


def only(platform: Platform) -> Finding:
    (one,) = verified(platform).findings
    return one


def file_of(platform: Platform, pattern: str) -> Path:
    return sorted((platform.files / "drawn").glob(pattern))[0]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_store_as_runs_left_it_is_sound_and_all_of_it_was_read(loaded_platform: Platform) -> None:
    found = verified(loaded_platform)
    assert found.findings == ()
    assert found.is_sound
    root = loaded_platform.files / "drawn"
    assert found.looked_at[Part.SHARDS].files == len([*root.glob("feature_shards/*/*/*.parquet")]) > 0
    written = sum(path.stat().st_size for path in root.glob("*/*/*/*.parquet") if "shards" not in str(path))
    assert 0 < written <= found.looked_at[Part.TABLES].bytes
    assert all(found.looked_at[part].files for part in Part)


def test_days_that_were_never_published_are_told_from_those_whose_shards_are_gone(damaged: Platform) -> None:
    root = damaged.files / "drawn"
    remove_files(root / "feature_shards" / f"date={FIRST}" / "category=plant")
    remove_files(root / MANIFESTS / f"date={FIRST}" / "category=plant")
    found = verified(damaged)
    (lost,) = found.findings
    assert (lost.remedy, lost.partitions, found.unpublished) == (Remedy.PUBLISH, (PLANTS,), [])
    remove_file(root / "check_results" / str(FIRST) / "plant" / "feature_shards.json")  # no check has looked at any
    found = verified(damaged)
    assert (found.findings, found.is_sound, found.unpublished) == ((), True, [PLANTS])
    assert found.as_json()["unpublished"] == [{"day": str(FIRST), "category": "plant"}]
    remove_files(root / "check_results" / str(FIRST) / "plant")  # and now nobody knows whether one has
    assert [one.partitions for one in verified(damaged).findings] == [(PLANTS,)]


def test_to_look_at_a_day_that_was_never_published_does_not_make_its_shards_lost(damaged: Platform) -> None:
    root = damaged.files / "drawn"
    for folder in ("feature_shards", MANIFESTS):
        remove_files(root / folder / f"date={FIRST}" / "category=plant")
    kept = damaged.copy_to(damaged.root.parent / "kept")
    remove_file(root / "check_results" / str(FIRST) / "plant" / "feature_shards.json")
    with dg.DagsterInstance.ephemeral() as instance:
        looked = check_day(JobRunner(damaged.definitions(), instance), damaged.dataset, [PLANTS])
        assert any("never made, so that there is nothing to be looked at: feature_shards" in w for w in looked.warnings)
        assert not [one for one in looked.checks if one.asset == "feature_shards"]
        found = verified(damaged)
        assert (found.findings, found.is_sound, found.unpublished) == ((), True, [PLANTS])
        # The control: where they had been looked at, they are looked for.
        looked = check_day(JobRunner(kept.definitions(), instance), kept.dataset, [PLANTS])
        assert not looked.ok
        assert [one.partitions for one in verified(kept).findings] == [(PLANTS,)]


def test_features_that_went_with_their_table_are_named_also_when_the_next_day_has_made_the_table_anew(
    damaged: Platform,
) -> None:
    def told() -> tuple[str, ...]:
        return status_of(damaged.dataset, damaged.store, [], None).damaged

    assert told() == ()
    table = damaged.store.table("drawn", IMAGE_FEATURES)
    *others, last = sorted(table.partitions())
    rows = damaged.rows(IMAGE_FEATURES, last)
    remove_files(damaged.files / "drawn" / IMAGE_FEATURES.name)
    assert "the table is gone" in told()[0]
    damaged.replace_rows(IMAGE_FEATURES, last, rows)  # as the run of that day does
    (line,) = told()
    assert f"image_features: of {some(others, 3)} images are loaded and features were made, and none are there" in line
    found = verified(damaged).findings
    assert [(one.partitions, one.remedy, one.table) for one in found] == [
        ((one,), Remedy.RUN, IMAGE_FEATURES.name) for one in others
    ]
    for one in others:  # of which nothing was ever made, as after `run --until raw_images`
        remove_file(damaged.files / "drawn/check_results" / str(one.date) / one.category / "image_features.json")
    assert told() == ()


@pytest.mark.parametrize("schema", [PREDICTIONS, NEAR_DUPLICATES])
def test_what_else_went_with_its_table_is_named_until_its_days_are_run_again(
    damaged: Platform, schema: TableSchema
) -> None:
    def told() -> list[str]:
        return [one.split("; run")[0] for one in status_of(damaged.dataset, damaged.store, [], None).damaged]

    assert told() == []
    checked = sorted({one.parent for one in (damaged.files / "drawn/check_results").rglob(f"{schema.name}.json")})
    remove_files(damaged.files / "drawn" / schema.name)
    for one in checked:  # that was before, by the clock of whoever checks
        _give_time(one / f"{schema.name}.json", "2026-11-05T07:00:00+00:00")
    *others, last = [Partition(dt.date.fromisoformat(one.parent.name), one.name) for one in checked]
    damaged.replace_rows(schema, last, schema.no_rows())  # as the run of that day does, though it has no rows
    _give_time(checked[-1] / f"{schema.name}.json", "2099-11-05T07:00:00+00:00")
    (line,) = told()
    assert f"{schema.name}: of {some(others, 3)} images are loaded" in line
    assert [(one.partitions, one.remedy, one.table) for one in verified(damaged).findings] == [
        ((one,), Remedy.RUN, schema.name) for one in others
    ]
    for one in checked:  # the control: run again, with or without rows
        _give_time(one / f"{schema.name}.json", "2099-11-05T07:00:00+00:00")
    assert told() == []


def _give_time(record: Path, at: str) -> None:
    record.write_text(json.dumps({**json.loads(record.read_text()), "at": at}))


def test_what_is_not_there_is_not_sound(tmp_path: Path) -> None:
    assert not verify_store(Store(str(tmp_path)), small_dataset(), nothing_shown).is_sound


@pytest.mark.parametrize("damage", [empty, halve, remove_file, change_footer, flip])
@pytest.mark.parametrize(
    ("pattern", "part", "remedy"),
    [
        (f"image_features/date={FIRST}/category=plant/*.parquet", Part.TABLES, Remedy.RUN),
        (f"raw_images/date={FIRST}/category=plant/*.parquet", Part.TABLES, Remedy.RUN_LANDED),
        (f"feature_shards/date={FIRST}/category=plant/*.parquet", Part.SHARDS, Remedy.PUBLISH),
    ],
)
def test_a_file_that_is_not_as_it_was_written_is_named(
    damaged: Platform, pattern: str, part: Part, remedy: Remedy, damage: Callable[[Path], None]
) -> None:
    file = file_of(damaged, pattern)
    damage(file)
    found = [one for one in verified(damaged).findings if one.part == part]
    assert {one.path for one in found} == {file.relative_to(damaged.files / "drawn").as_posix()}
    assert {(one.remedy, one.partitions) for one in found} == {(remedy, (PLANTS,))}


def test_a_table_s_file_of_other_rows_than_its_log_says_is_named(damaged: Platform) -> None:
    for commit in (damaged.files / "drawn/image_features/_delta_log").glob("*.json"):
        if "category=plant" in (content := commit.read_text()):
            commit.write_text(content.replace('numRecords\\": 16', 'numRecords\\": 17'))
    (one,) = verified(damaged).findings
    assert one.what == "has 16 rows, and the table's log says 17"


def test_a_partition_with_features_that_is_not_published_is_named(damaged: Platform) -> None:
    for file in (damaged.files / "drawn").glob(f"feature_shards*/date={FIRST}/category=plant/*"):
        file.unlink()
    one = only(damaged)
    assert (one.part, one.remedy, one.partitions) == (Part.SHARDS, Remedy.PUBLISH, (PLANTS,))


def test_shards_without_an_image_that_has_features_are_named(damaged: Platform) -> None:
    rows = damaged.rows(IMAGE_FEATURES, PLANTS)
    more = rows.head(1).with_columns(image_id=pl.lit("f" * 64))
    damaged.replace_rows(IMAGE_FEATURES, PLANTS, pl.concat([rows, more]))
    assert "ids of the features" in only(damaged).what


@pytest.mark.parametrize("damage", [empty, halve])
def test_a_record_that_is_no_json_is_named(damaged: Platform, damage: Callable[[Path], None]) -> None:
    file = file_of(damaged, "days_run/**/*.json")
    damage(file)
    one = only(damaged)
    assert (one.part, one.remedy) == (Part.RECORDS, Remedy.ASIDE)
    assert one.path == file.relative_to(damaged.files / "drawn").as_posix()


class TestLogs:
    @pytest.mark.parametrize("damage", [empty, halve])
    def test_the_last_commit_that_is_torn_is_of_the_partition_whose_files_nobody_names(
        self, damaged: Platform, damage: Callable[[Path], None]
    ) -> None:
        file = sorted((damaged.files / "drawn/image_features/_delta_log").glob("*.json"))[-1]
        written = [json.loads(line) for line in file.read_text().splitlines()]
        (added,) = {one["add"]["path"].rsplit("/", 1)[0] for one in written if "add" in one}
        damage(file)
        (one,) = (one for one in verified(damaged).findings if one.part == Part.LOGS)
        assert one.remedy == Remedy.RUN
        assert [f"date={of.date}/category={of.category}" for of in one.partitions] == [added]

    def test_a_commit_in_the_middle_that_is_missing_only_a_copy_brings_back(self, damaged: Platform) -> None:
        commits = sorted((damaged.files / "drawn/image_features/_delta_log").glob("*.json"))
        commits[1].unlink()
        (one,) = (one for one in verified(damaged).findings if one.part == Part.LOGS)
        assert (one.what, one.remedy) == ("is missing", Remedy.COPY)


LOADED = ("arrivals", "raw_images", "duplicates", "quarantine")


@pytest.mark.parametrize("table", [*LOADED, "image_features", "near_duplicates", "predictions"])
@pytest.mark.parametrize("of_it", ["", "_delta_log"], ids=["the table", "its log"])
def test_a_table_that_is_gone_as_a_whole_is_named(damaged: Platform, table: str, of_it: str) -> None:
    remove_files(damaged.files / "drawn" / table / of_it)
    (found,) = [one for one in verified(damaged).findings if one.part == Part.LOGS]
    assert (found.path, found.table) == (f"{table}/_delta_log", table)
    assert found.remedy == (Remedy.RUN_LANDED if table in LOADED else Remedy.RUN)
    assert PLANTS in found.partitions
    status = status_of(damaged.dataset, damaged.store, [], None)
    assert f"/drawn/{table}: the table is gone, or its log is; 6 days and categories of it" in status.damaged[0]


def test_a_table_that_was_never_made_is_not_gone(damaged: Platform) -> None:
    for folder in ("check_results", "near_duplicates"):
        remove_files(damaged.files / "drawn" / folder)
    assert status_of(damaged.dataset, damaged.store, [], None).damaged == ()
