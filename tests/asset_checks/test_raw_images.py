"""Faults in loaded partitions are caught by their check; clean partitions pass all."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from image_assets.asset_checks import raw_images
from image_assets.asset_checks.check import checks_in
from image_assets.lookalikes.evidence import EvidenceReader
from image_assets.schema import ARRIVALS, QUARANTINE, RAW_IMAGES, Partition
from tests.asset_checks.faults import PLANT, change, failing, first_row_again, in_first_row, outcome
from tests.platform import FIRST, SECOND, Platform

CHECKS = checks_in(raw_images)
ANIMAL = Partition(FIRST, "animal")


@pytest.mark.parametrize("day", [FIRST, SECOND], ids=str)
@pytest.mark.parametrize("category", ["plant", "animal", "human"])
def test_a_clean_partition_passes(loaded_platform: Platform, category: str, day) -> None:
    assert failing(loaded_platform, CHECKS, Partition(day, category)) == set()


def test_the_accounting_gives_its_figures(loaded_platform: Platform) -> None:
    figures = outcome(loaded_platform, raw_images.every_arrival_accounted_for, PLANT).figures
    assert figures == {"listed": 20, "loaded": 16, "duplicates": 1, "quarantined": 3, "companions": 0, "unaccounted": 0}


def also_in_another_partition(platform: Platform) -> None:
    here = platform.rows(RAW_IMAGES, PLANT).head(1)
    change(RAW_IMAGES, lambda rows: pl.concat([rows, here]), ANIMAL)(platform)


def original_lost(platform: Platform) -> None:
    rows = platform.rows(RAW_IMAGES, PLANT)
    kept = rows.filter(~pl.col("source").str.ends_with("picture-0005.png"))
    assert kept.height == rows.height - 1
    platform.replace_rows(RAW_IMAGES, PLANT, kept)


def new_arrival(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([rows, rows.head(1).with_columns(source=pl.lit("lost.png"))])


def same_id_twice(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(image_id=pl.when(LAST).then(pl.col("image_id").first()).otherwise("image_id"))


# Nothing is a duplicate of the image whose source sorts last.
LAST = pl.col("source") == pl.col("source").max()
LOST = {"every_arrival_accounted_for"}
FAULTS = {
    "dropped row": (change(RAW_IMAGES, lambda rows: rows.filter(~LAST)), LOST),
    "doubled row": (change(RAW_IMAGES, first_row_again), {*LOST, "ids_loaded_once"}),
    "file lost on the way": (change(ARRIVALS, new_arrival), LOST),
    "loaded but never listed": (change(ARRIVALS, lambda rows: rows.slice(1)), LOST),
    "listed twice": (change(ARRIVALS, first_row_again), LOST),
    "quarantine lost": (change(QUARANTINE, lambda rows: rows.clear()), LOST),
    "a picture that ended the process": (
        change(QUARANTINE, in_first_row("reason", pl.lit("ends_the_process"))),
        {"nothing_ends_the_process"},
    ),
    "same id twice": (change(RAW_IMAGES, same_id_twice), {"ids_loaded_once"}),
    "also in another partition": (also_in_another_partition, {"ids_loaded_once"}),
    "wrong label": (change(RAW_IMAGES, in_first_row("label", pl.lit(2, pl.Int16))), {"label_is_category"}),
    "the original of a duplicate lost": (original_lost, {*LOST, "duplicates_have_an_original"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught_by_its_checks_alone(damaged: Platform, fault: str) -> None:
    plant, caught_by = FAULTS[fault]
    plant(damaged)
    assert failing(damaged, CHECKS, PLANT) == caught_by


@pytest.mark.long
def test_an_original_that_is_gone_is_no_fault_where_the_same_run_has_loaded_its_copy(
    damaged: Platform, tmp_path: Path
) -> None:
    name, plants = "picture-0006.png", damaged.landing / str(FIRST) / "plant"  # of which no other day has a copy
    shutil.copy(plants / "batch" / name, damaged.landing / str(FIRST) / "animal" / "zzz a copy.png")
    assert damaged.load(FIRST, "animal").ok
    (plants / "batch" / name).unlink()
    alone = damaged.copy_to(tmp_path / "alone")
    result = alone.load(FIRST, "plant")
    assert [str(one) for one in result.checks if not one.passed] == [
        "raw_images/duplicates_have_an_original [2026-11-03 plant]"
    ]
    result = damaged.load(FIRST, "plant", "animal")
    assert result.ok
    found = [one for one in result.checks if one.check == "duplicates_have_an_original"]
    assert [(str(one.partition), one.passed) for one in found] == [(str(PLANT), True), (str(ANIMAL), True)]


def test_too_much_quarantine_is_caught_and_its_reasons_shown(loaded_platform: Platform) -> None:
    strict = loaded_platform.dataset.limits.model_copy(update={"quarantine_rate": 0.14})
    dataset = loaded_platform.dataset.model_copy(update={"limits": strict})
    found = outcome(Platform(dataset, loaded_platform.root), raw_images.quarantine_rate, PLANT)
    assert not found.passed
    assert found.figures["rate"] == 0.15
    assert found.sample is not None
    assert dict(found.sample.select("reason", "files").iter_rows()) == {"empty": 1, "not_an_image": 2}


def test_a_lost_original_names_the_partitions_to_run_again(damaged: Platform) -> None:
    original_lost(damaged)
    assert "2026-11-04 plant" in outcome(damaged, raw_images.duplicates_have_an_original, PLANT).advice


@pytest.mark.long
def test_copies_of_an_image_that_was_moved_to_another_category_are_told_and_then_contradict_it(
    damaged: Platform,
) -> None:
    later = Partition(SECOND, "plant")  # has a copy of a plant of the first day
    name = "picture-0005.png"
    shutil.move(damaged.landing / str(FIRST) / "plant" / "batch" / name, damaged.landing / str(FIRST) / "animal" / name)
    result = damaged.load(FIRST, "plant", "animal")
    found = [one for one in result.checks if one.check == "duplicates_have_an_original" and not one.passed]
    assert [str(one.partition) for one in found] == [str(PLANT)]
    told = outcome(damaged, raw_images.duplicates_have_an_original, PLANT)
    assert (told.figures["original moved"], told.figures["without original"]) == (1, 0)
    assert f"Run again: {later.date} {later.category}" in told.advice
    assert not outcome(damaged, raw_images.duplicates_have_an_original, later).passed
    assert EvidenceReader(damaged.store, damaged.dataset).of_partition(ANIMAL).is_empty, "as nobody would be told"
    damaged.load(SECOND, "plant")
    assert outcome(damaged, raw_images.duplicates_have_an_original, PLANT).passed
    assert outcome(damaged, raw_images.duplicates_have_an_original, later).passed
    assert not EvidenceReader(damaged.store, damaged.dataset).of_partition(ANIMAL).is_empty


def test_what_was_never_loaded_holds_nothing_wrong(empty_platform: Platform) -> None:
    assert failing(empty_platform, CHECKS, PLANT) == set()


def test_every_check_has_a_fault_that_it_catches() -> None:
    caught = set().union(*(caught_by for _, caught_by in FAULTS.values())) | {"quarantine_rate"}
    assert caught == {check.name for check in CHECKS}
