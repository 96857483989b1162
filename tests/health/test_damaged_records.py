"""What checks found and which days were run is kept in small files: one that is damaged is not taken for well."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from image_assets.answers.status import Status, status_of
from image_assets.health.acknowledged import Acknowledgements
from image_assets.health.check_book import CheckBook, latest_states
from image_assets.ingest.day_book import DayBook
from image_assets.verification.whole_store import verify_store
from tests.platform import FIRST, SECOND, Platform
from tests.verification.shown import nothing_shown

PLANTS = f"{FIRST}/plant"


def status(platform: Platform) -> Status:
    return status_of(platform.dataset, platform.store, latest_states(platform.store, platform.dataset), None)


def change(record: Path, way: Callable[[dict], object]) -> None:
    content = json.loads(record.read_text())
    way(content)
    record.write_text(json.dumps(content))


def cut(record: Path) -> None:
    record.write_bytes(record.read_bytes()[:-40])


def no_state(record: Path) -> None:
    change(record, lambda content: next(iter(content["checks"].values())).pop("state"))


def unknown_state(record: Path) -> None:
    change(record, lambda content: next(iter(content["checks"].values())).update(state="pasred"))


def half_a_figure(record: Path) -> None:
    change(record, lambda content: next(iter(content["checks"].values())).update(measures={"share": [1]}))


def no_time(record: Path) -> None:
    change(record, lambda content: content.update(at="yesterday"))


@pytest.mark.parametrize("damage", [cut, no_state, unknown_state, half_a_figure, no_time])
def test_checks_of_which_the_record_is_damaged_are_named_and_the_others_told(
    damaged: Platform, damage: Callable[[Path], None]
) -> None:
    whole = len(status(damaged).health.checks or ())
    damage(damaged.files / "drawn/check_results" / PLANTS / "raw_images.json")
    now = status(damaged)
    (named,) = now.damaged
    assert f"drawn/check_results/{PLANTS}/raw_images.json is damaged" in named
    assert 0 < len(now.health.checks or ()) < whole
    found = verify_store(damaged.store, damaged.dataset, nothing_shown)
    assert [one.path for one in found.findings] == [f"check_results/{PLANTS}/raw_images.json"]


@pytest.mark.parametrize("damage", [lambda content: content.pop("run"), lambda content: content.update(archives=5)])
def test_a_record_of_a_run_that_is_of_other_content_is_named(
    damaged: Platform, damage: Callable[[dict], object]
) -> None:
    change(damaged.files / "drawn/days_run" / f"{PLANTS}.json", damage)
    assert [line.split(" is ")[0].partition("drawn/")[2] for line in status(damaged).damaged] == [
        f"days_run/{PLANTS}.json"
    ]
    book = DayBook(damaged.store, "drawn")
    assert book.run_of(damaged.partition()) is None
    assert damaged.partition() not in book.runs()
    assert damaged.partition("animal") in book.runs()


@pytest.mark.local_store(reason="it is a folder that somebody copies on a disk")
@pytest.mark.parametrize("folder", ["check_results", "days_run"])
def test_a_copy_that_somebody_left_beside_the_days_is_named(damaged: Platform, folder: str) -> None:
    records = damaged.files / "drawn" / folder
    shutil.copytree(records / str(FIRST), records / f"{FIRST}.bak")
    told = status(damaged).damaged
    assert told
    assert all(f"drawn/{folder}/{FIRST}.bak/" in line for line in told)
    assert {*CheckBook(damaged.store, "drawn").looked_at()} == {*DayBook(damaged.store, "drawn").runs()}


def test_an_acknowledgement_of_other_content_is_named(damaged: Platform) -> None:
    record = damaged.files / "drawn/acknowledged/one.json"
    record.parent.mkdir(exist_ok=True)
    record.write_text('{"comment": "known"}')
    assert [line.split(" is ")[0].rpartition("/")[2] for line in status(damaged).damaged] == ["one.json"]
    assert Acknowledgements(damaged.store, "drawn").all() == {}


@pytest.mark.parametrize("asset", ["raw_images", "image_features", "predictions"])
def test_what_a_table_holds_and_no_check_has_looked_at_is_never_checked(damaged: Platform, asset: str) -> None:
    assert status(damaged).health.never_checked == []
    # Of the second day there are predictions, by the model of the first.
    (damaged.files / f"drawn/check_results/{SECOND}/plant/{asset}.json").unlink()
    assert status(damaged).health.never_checked == [damaged.partition("plant", SECOND)]
