"""What landed, what was run and what came of it are told apart, also without a landing zone to ask."""

from __future__ import annotations

import datetime as dt

import pytest

from image_assets.health.days import DayState, NeverRun, days_never_run, known_partitions, never_run, open_days
from image_assets.ingest.day_book import DayBook, DayRun
from image_assets.schema import Partition
from tests.ingest.folders import folder_source
from tests.pictures import land_pictures
from tests.platform import FIRST, Platform, small_dataset

DAY = dt.timedelta(days=1)
STATES: list[DayState | None] = [
    None,
    "landed and not run",
    "run and failed",
    "landed since it was run",
    "empty",
    "not landed",
]


@pytest.fixture
def platform(tmp_path) -> Platform:
    """A day of each kind: loaded, missed, failed, landed late, empty, nothing at all."""
    platform = Platform(small_dataset(categories={"plant": 0}), tmp_path)
    for number in range(4):
        land_pictures(platform.landing, str(FIRST + number * DAY), "plant", 0, range(2))
    platform.load(FIRST)
    book = DayBook(platform.store, platform.dataset.name)
    book.begin(Partition(FIRST + 2 * DAY, "plant"), "a run", "landing")
    for number in (3, 4):
        book.end(Partition(FIRST + number * DAY, "plant"), DayRun("a run", "", "landing", 0))
    return platform


def states(platform: Platform, *, landing: bool) -> list[DayState | None]:
    source = folder_source(platform.landing) if landing else None
    until = FIRST + 5 * DAY
    found: dict[dt.date, DayState] = {
        one.partition.date: one.state for one in open_days(platform.dataset, platform.store, source, until)
    }
    return [found.get(FIRST + number * DAY) for number in range(6)]


def test_each_kind_of_day_is_told_from_the_others(platform: Platform) -> None:
    assert states(platform, landing=True) == STATES


def test_without_a_landing_zone_nothing_is_said_of_what_arrived(platform: Platform) -> None:
    assert states(platform, landing=False) == [None, "not run", "run and failed", "empty", "empty", "not run"]


def test_only_what_landed_and_was_never_run_is_to_be_made_up_for(platform: Platform) -> None:
    source = folder_source(platform.landing)
    assert never_run(platform.dataset, platform.store, source, FIRST + 5 * DAY) == [Partition(FIRST + DAY, "plant")]
    assert never_run(platform.dataset, platform.store, source, FIRST) == []


def test_of_a_new_store_nothing_is_open(tmp_path) -> None:
    platform = Platform(small_dataset(), tmp_path)
    platform.landing.mkdir()
    assert open_days(platform.dataset, platform.store, folder_source(platform.landing), FIRST) == []


def test_a_day_that_was_run_before_start_day_was_set_later_is_not_called_never_run(platform: Platform) -> None:
    source, now = folder_source(platform.landing), dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    later = platform.dataset.model_copy(update={"start_day": FIRST + 3 * DAY})
    run = known_partitions(later, platform.store)
    # The first was loaded and the third run, whatever came of it; the second nobody has ever run.
    assert days_never_run(later, source, now, run) == NeverRun((FIRST + DAY,))
    assert days_never_run(later, source, now) == NeverRun(tuple(FIRST + number * DAY for number in range(3)))
