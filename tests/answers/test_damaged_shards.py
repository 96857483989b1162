"""Published shards that are missing or cut are told by the status, by what lies there and what manifests say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from image_assets.answers.status import status_of
from tests.platform import FIRST, SECOND, Platform
from tests.store_files import remove_file, remove_files

PLANTS = f"date={FIRST}/category=plant"


def damaged_of(platform: Platform) -> tuple[str, ...]:
    return status_of(platform.dataset, platform.store, [], None).damaged


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def shards_of(platform: Platform) -> list[Path]:
    return sorted((platform.files / "drawn/feature_shards" / PLANTS).glob("*.parquet"))


def test_where_all_shards_are_there_nothing_is_said(loaded_platform: Platform) -> None:
    assert damaged_of(loaded_platform) == ()


@pytest.mark.parametrize("damage", [remove_file, cut])
def test_a_shard_that_is_missing_or_cut_is_named(damaged: Platform, damage: Callable[[Path], None]) -> None:
    file = shards_of(damaged)[1]
    damage(file)
    (said,) = damaged_of(damaged)
    assert said.startswith(f"{FIRST} plant: ")
    assert f"drawn/feature_shards/{PLANTS}/{file.name} is " in said
    assert "image-assets repair" in said


@pytest.mark.parametrize("damage", [remove_file, cut])
def test_a_manifest_that_is_missing_or_cut_is_named_and_all_else_told(
    damaged: Platform, damage: Callable[[Path], None]
) -> None:
    damage(damaged.files / "drawn/feature_shards_manifests" / PLANTS / "shards.json")
    (said,) = damaged_of(damaged)
    assert f"drawn/feature_shards_manifests/{PLANTS}/shards.json is {'cut' if damage is cut else 'missing'}" in said


def test_all_shards_that_are_gone_are_named(damaged: Platform) -> None:
    there = len([*(damaged.files / "drawn/feature_shards").rglob("*.parquet")])
    remove_files(damaged.files / "drawn/feature_shards")
    assert len(damaged_of(damaged)) == there
    remove_files(damaged.files / "drawn/feature_shards_manifests")
    assert len(damaged_of(damaged)) == 6


def test_a_day_that_was_never_published_lacks_no_shards(damaged: Platform) -> None:
    for folder in ("feature_shards", "feature_shards_manifests"):
        remove_files(damaged.files / "drawn" / folder / f"date={SECOND}")
    for category in damaged.dataset.categories:
        remove_file(damaged.files / f"drawn/check_results/{SECOND}/{category}/feature_shards.json")
    assert damaged_of(damaged) == ()
