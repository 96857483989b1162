"""Faults in loaded partitions are caught by their check; clean partitions pass all."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from asset_checks import raw_images
from asset_checks.check import Check, Subject
from image_assets.schema import ARRIVALS, QUARANTINE, RAW_IMAGES
from tests.platform import FIRST, SECOND, Platform


def outcome(platform: Platform, check: Check, category: str = "plant", day=FIRST):
    return check.evaluate(Subject(platform.dataset, platform.store, platform.partition(category, day)))


@pytest.mark.parametrize("check", raw_images.CHECKS, ids=lambda check: check.name)
@pytest.mark.parametrize("day", [FIRST, SECOND], ids=str)
@pytest.mark.parametrize("category", ["plant", "animal", "human"])
def test_a_clean_partition_passes(loaded_platform: Platform, check: Check, category: str, day) -> None:
    assert outcome(loaded_platform, check, category, day).passed


def test_the_accounting_gives_its_figures(loaded_platform: Platform) -> None:
    figures = outcome(loaded_platform, raw_images.every_arrival_accounted_for).figures
    assert figures == {"listed": 20, "loaded": 16, "duplicates": 1, "quarantined": 3, "unaccounted": 0}


def change(schema, edit: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Platform], None]:
    def plant(platform: Platform) -> None:
        rows = platform.rows(schema, platform.partition())
        platform.replace_rows(schema, platform.partition(), edit(rows))

    return plant


def also_in_another_partition(platform: Platform) -> None:
    here = platform.rows(RAW_IMAGES, platform.partition()).head(1)
    there = platform.rows(RAW_IMAGES, platform.partition("animal"))
    platform.replace_rows(RAW_IMAGES, platform.partition("animal"), pl.concat([there, here]))


def original_lost(platform: Platform) -> None:
    rows = platform.rows(RAW_IMAGES, platform.partition())
    kept = rows.filter(~pl.col("source").str.ends_with("picture-0005.png"))
    assert kept.height == rows.height - 1
    platform.replace_rows(RAW_IMAGES, platform.partition(), kept)


def new_arrival(rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([rows, rows.head(1).with_columns(source=pl.lit("lost.png"))])


FAULTS = {
    "dropped row": (change(RAW_IMAGES, lambda rows: rows.slice(1)), "every_arrival_accounted_for"),
    "doubled row": (change(RAW_IMAGES, lambda rows: pl.concat([rows, rows.head(1)])), "every_arrival_accounted_for"),
    "file lost on the way": (change(ARRIVALS, new_arrival), "every_arrival_accounted_for"),
    "loaded but never listed": (change(ARRIVALS, lambda rows: rows.slice(1)), "every_arrival_accounted_for"),
    "quarantine lost": (change(QUARANTINE, lambda rows: rows.clear()), "every_arrival_accounted_for"),
    "same id twice": (
        change(RAW_IMAGES, lambda rows: rows.with_columns(pl.col("image_id").first())),
        "ids_loaded_once",
    ),
    "also in another partition": (also_in_another_partition, "ids_loaded_once"),
    "wrong label": (change(RAW_IMAGES, lambda rows: rows.with_columns(label=pl.lit(2, pl.Int16))), "label_is_category"),
    "the original of a duplicate lost": (original_lost, "duplicates_have_an_original"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_caught(damaged: Platform, fault: str) -> None:
    plant, caught_by = FAULTS[fault]
    plant(damaged)
    check = next(check for check in raw_images.CHECKS if check.name == caught_by)
    found = outcome(damaged, check)
    assert not found.passed
    assert found.advice


def test_too_much_quarantine_is_caught_and_its_reasons_shown(loaded_platform: Platform) -> None:
    strict = loaded_platform.dataset.limits.model_copy(update={"quarantine_rate": 0.14})
    dataset = loaded_platform.dataset.model_copy(update={"limits": strict})
    found = outcome(Platform(dataset, loaded_platform.root), raw_images.quarantine_rate)
    assert not found.passed
    assert found.figures["rate"] == 0.15
    assert found.sample is not None
    assert dict(found.sample.select("reason", "files").iter_rows()) == {"empty": 1, "not_an_image": 2}


def test_a_lost_original_names_the_partitions_to_run_again(damaged: Platform) -> None:
    original_lost(damaged)
    assert "2026-11-04 plant" in outcome(damaged, raw_images.duplicates_have_an_original).advice


def test_every_check_has_a_fault_that_it_catches() -> None:
    caught = {check for _, check in FAULTS.values()} | {"quarantine_rate"}
    assert caught == {check.name for check in raw_images.CHECKS}
