"""Figures over time: those of `status`, gaps where there is none, and what was judged bad is marked."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest

from image_assets.answers.quality_over_time import DayFigure, Line, QualityOverTime, quality_over_time
from image_assets.answers.status import status_of
from image_assets.console.lines import SMALL, drawn
from image_assets.health.check_book import CheckBook, CheckState, Measure, latest_states
from image_assets.schema import RAW_IMAGES, Partition
from tests.platform import FIRST, SECOND, Platform

MONDAY = dt.date(2026, 11, 2)


def line(found: QualityOverTime, measure: str, category: str | None) -> Line:
    (one,) = [one for one in found.lines if (one.measure, one.category) == (measure, category)]
    return one


@pytest.fixture(scope="module")
def checks(loaded_platform: Platform) -> list[CheckState]:
    return latest_states(loaded_platform.store, loaded_platform.dataset)


def test_shares_of_files_are_those_of_status(loaded_platform: Platform, checks: list[CheckState]) -> None:
    dataset, store = loaded_platform.dataset, loaded_platform.store
    found, status = quality_over_time(dataset, store, checks), status_of(dataset, store, checks, None)
    for one in status.health.categories:
        last = line(found, "quarantined", one.category).days[-1]
        assert (last.day, last.value) == (one.last_day, one.quarantine_rate_last_day)
    plants = line(found, "quarantined", "plant").days[0]
    assert (plants.day, plants.value, plants.limit) == (FIRST, 3 / 20, 0.3)
    whole = line(found, "quarantined", None).days
    assert [one.value for one in whole] == [3 / 52, 0]
    assert [one.value for one in line(found, "duplicates", "plant").days] == [1 / 20, 1 / 5]


def test_what_checks_judge_is_kept_of_each_day(loaded_platform: Platform, checks: list[CheckState]) -> None:
    found = quality_over_time(loaded_platform.dataset, loaded_platform.store, checks)
    for name in ("dark", "bright", "blurred", "low information", "odd shaped", "odd sized"):
        days = line(found, f"{name} images", "plant").days
        assert [(one.day, one.limit) for one in days] == [(FIRST, 0.1), (SECOND, 0.1)]
    assert not any(name.startswith("metrics drift") for name in found.measures)  # too few images, and never zero


def test_a_day_without_a_figure_is_a_gap_and_what_is_bad_is_marked(loaded_platform: Platform, tmp_path) -> None:
    platform = loaded_platform.copy_to(tmp_path)
    book, asset = CheckBook(platform.store, platform.dataset.name), RAW_IMAGES.name
    dark = {"dark_images": {"share": Measure(0.5, 0.1)}}
    book.write(asset, Partition(FIRST, "plant"), {"dark_images": ("warned", "")}, "r", dark)
    book.write(asset, Partition(SECOND, "plant"), {"dark_images": ("passed", "")}, "r")
    nothing = {"dark_images": {"share": Measure(0.0, 0.1)}}
    for category in ("animal", "human"):
        book.write(asset, Partition(FIRST, category), {"dark_images": ("passed", "")}, "r", nothing)
    book.write(asset, Partition(SECOND + dt.timedelta(1), "plant"), {"dark_images": ("passed", "")}, "r", nothing)
    found = quality_over_time(platform.dataset, platform.store, latest_states(platform.store, platform.dataset))
    judged = "raw_images/dark_images"
    # Of the second day nothing is kept, and of the third no image is there.
    assert line(found, "dark images", "plant").days == (DayFigure(FIRST, 0.5, 0.1, judged),)
    whole, *_ = line(found, "dark images", None).days
    assert whole.judged == judged
    assert 0.1 < whole.value < 0.2  # 16 of 47 images or so are plants
    later = found.since(SECOND + dt.timedelta(1)).as_json()["lines"]
    assert "dark images" not in {one["measure"] for one in later}


def day(number: int, value: float, judged: str = "") -> DayFigure:
    return DayFigure(MONDAY + dt.timedelta(days=number), value, 0.2, judged)


def test_a_line_stops_where_a_day_has_no_figure() -> None:
    days = (day(0, 0.1), day(1, 0.3, "a/b"), day(4, 0.1), day(6, 0.1), day(7, 0.1))
    one = Line("dark images", "plant", "share", "low", days)
    loaded: dict[tuple[dt.date, str | None], int] = {(MONDAY, "plant"): 3}
    shown = drawn(one, QualityOverTime("drawn", (one,), loaded), (MONDAY, MONDAY + dt.timedelta(days=10)), SMALL)
    starts = [part for part in shown.path.replace("M", " M").replace("L", " L").split(" ") if part[:1] in ("M", "L")]
    assert [part[0] for part in starts] == ["M", "L", "M", "M", "L"]
    assert shown.path.count("h0") == 1  # the day that is alone is a dot
    assert [before.x < after.x for before, after in itertools.pairwise(shown.marks)] == [True] * 4
    assert [mark.judged for mark in shown.marks] == [False, True, False, False, False]
    assert shown.marks[1].y < shown.marks[0].y  # upwards is more
    assert shown.limit is not None
    assert shown.marks[1].y < shown.limit < shown.marks[0].y
    assert "on 5 of 11 days; 1 judged bad" in shown.said
    assert shown.marks[0].to == f"/gallery?day={MONDAY}&category=plant"
    assert shown.marks[0].on_map == f"/map?day={MONDAY}&category=plant&quality=dark"
    assert shown.marks[2].to == ""  # nothing of that day is loaded


def test_a_line_of_one_figure_and_one_of_none_are_drawn() -> None:
    days = (MONDAY, MONDAY)
    for figures in ((), (day(0, 0.0),)):
        one = Line("duplicates", None, "share", "low", figures)
        shown = drawn(one, QualityOverTime("drawn", (one,)), days, SMALL)
        assert len(shown.marks) == len(figures)
        assert shown.path.count("M") == len(figures)
