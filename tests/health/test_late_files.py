"""Files that come after their day was run, of which nothing is loaded, are told until that day is run again."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import polars as pl
import pytest

from image_assets.health import late_files
from image_assets.health.days import OpenDay, never_run, open_days
from image_assets.ingest.registry import source_of
from image_assets.removal.tombstones import Tombstone, TombstoneBook, digest_of
from image_assets.schema import ARRIVALS, RAW_IMAGES
from tests.pictures import land_pictures, picture
from tests.platform import FIRST, SECOND, Platform, small_dataset

LATE: list[tuple[str, str]] = [("plant", "landed since it was run")]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Platform:
    """Two days of plants and animals, of which archives hold some."""
    root = tmp_path_factory.mktemp("late")
    platform = Platform(small_dataset(categories={"plant": 0, "animal": 1}), root)
    for day in (FIRST, SECOND):
        for kind, category in enumerate(platform.dataset.categories):
            land_pictures(platform.landing, str(day), category, kind, range(day.day * 10, day.day * 10 + 2))
    pack(platform.landing / str(FIRST) / "plant" / "own.zip", "a.png", 1)
    pack(platform.landing / str(FIRST) / "both.zip", "animal/b.png", 2)
    (platform.landing / str(FIRST) / "plant" / "closed.rar").write_bytes(b"not opened")
    for day in (FIRST, SECOND):
        platform.load(day)
    return platform


@pytest.fixture
def platform(run: Platform, tmp_path) -> Platform:
    """The same, to be changed."""
    return run.copy_to(tmp_path / "copy")


def pack(archive: Path, name: str, seed: int) -> None:
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(name, picture(0, 900 + seed))


def told(platform: Platform) -> list[tuple[str, str]]:
    """The open partitions of the first day."""
    source = source_of(platform.dataset, str(platform.landing))
    found = open_days(platform.dataset, platform.store, source, SECOND)
    return [(one.partition.category, one.state) for one in found if one.partition.date == FIRST]


def plants(platform: Platform) -> Path:
    return platform.landing / str(FIRST) / "plant"


def test_a_landing_zone_that_is_as_it_was_or_was_copied_or_pruned_has_nothing_late(platform: Platform) -> None:
    assert told(platform) == []
    (plants(platform) / "batch" / "picture-0030.png").unlink()
    (plants(platform) / "own.zip").unlink()
    assert told(platform) == []
    shutil.rmtree(platform.landing / str(FIRST))
    assert told(platform) == []


def test_a_file_that_came_late_is_told_until_its_day_is_run_again(platform: Platform) -> None:
    land_pictures(platform.landing, str(FIRST), "plant", 0, range(70, 71))
    assert told(platform) == LATE
    platform.load(FIRST)
    assert told(platform) == []
    assert platform.rows(RAW_IMAGES, platform.partition()).height == 4


def test_a_file_that_grew_since_is_told(platform: Platform) -> None:
    half = plants(platform) / "batch" / "picture-0030.png"
    half.write_bytes(half.read_bytes() + b"the rest")
    assert told(platform) == LATE


def test_archives_that_came_late_are_told_beside_categories_of_all_of_them(platform: Platform) -> None:
    pack(plants(platform) / "more.zip", "c.png", 3)
    assert told(platform) == LATE
    (plants(platform) / "more.zip").rename(plants(platform).parent / "more.zip")
    assert told(platform) == [("plant", "landed since it was run"), ("animal", "landed since it was run")]


def test_an_archive_that_is_another_one_under_its_name_is_told(platform: Platform) -> None:
    grown = plants(platform) / "own.zip"
    with zipfile.ZipFile(grown, "a") as file:
        file.writestr("more.png", picture(0, 950))
    assert told(platform) == LATE
    platform.load(FIRST)
    assert told(platform) == []
    assert platform.rows(RAW_IMAGES, platform.partition()).height == 4


def test_an_archive_that_was_half_there_is_told_once_it_is_whole(platform: Platform) -> None:
    whole, archive = (plants(platform) / "own.zip").read_bytes(), plants(platform) / "second.zip"
    archive.write_bytes(whole[:200])
    platform.load(FIRST)
    assert told(platform) == []
    pack(archive, "second.png", 4)
    assert told(platform) == LATE


def test_of_a_run_that_did_not_name_archives_those_are_known_by_what_came_out_of_them(platform: Platform) -> None:
    for record in (platform.files / "drawn/days_run" / str(FIRST)).glob("*.json"):
        content = json.loads(record.read_bytes())
        assert content.pop("archives")
        record.write_text(json.dumps(content))
    with zipfile.ZipFile(plants(platform) / "own.zip", "a") as file:
        file.writestr("more.png", picture(0, 950))
    assert told(platform) == []


def test_an_archive_that_holds_no_category_is_told_where_such_names_are_and_not_as_late(platform: Platform) -> None:
    pack(plants(platform).parent / "others.zip", "stone/d.png", 4)
    platform.load(FIRST)
    assert told(platform) == []


def test_what_was_removed_for_good_and_still_lies_there_is_not_late(platform: Platform) -> None:
    name = f"{FIRST}/plant/batch/picture-0030.png"
    rows = platform.rows(ARRIVALS, platform.partition())
    platform.replace_rows(ARRIVALS, platform.partition(), rows.filter(pl.col("source") != name))
    assert told(platform) == LATE
    gone = Tombstone.model_validate({"image_id": "0" * 64, "removed_on": SECOND, "reason": "asked", "names": ()})
    TombstoneBook(platform.store, "drawn").write(gone.model_copy(update={"names": (digest_of(name),)}))
    assert told(platform) == []


def test_days_of_more_files_than_are_listed_for_it_are_left_out(platform: Platform, monkeypatch) -> None:
    land_pictures(platform.landing, str(FIRST), "plant", 0, range(70, 71))
    land_pictures(platform.landing, str(SECOND), "plant", 0, range(80, 81))
    monkeypatch.setattr(late_files, "FILES", 4)
    source = source_of(platform.dataset, str(platform.landing))
    found = open_days(platform.dataset, platform.store, source, SECOND)
    assert found == [OpenDay(platform.partition("plant", SECOND), "landed since it was run")]


def test_the_daily_run_does_not_take_them_for_days_that_were_never_run(platform: Platform) -> None:
    land_pictures(platform.landing, str(FIRST), "plant", 0, range(70, 71))
    assert never_run(platform.dataset, platform.store, source_of(platform.dataset, str(platform.landing)), SECOND) == []
