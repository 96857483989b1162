"""Which days are missing in the history of a category: those without a file, but for weekends and what is irregular."""

from __future__ import annotations

import numpy as np

from image_assets.health.volume import missing_days
from tests.health.test_volume import DAY, MONDAY, SPEC, days


def test_a_day_without_any_file_is_missing_and_so_is_today() -> None:
    counts = dict.fromkeys(days(20), 10)
    today = max(counts)
    assert missing_days(counts, today, SPEC) == []
    del counts[MONDAY + 8 * DAY]
    counts[today] = 0
    assert missing_days(counts, today, SPEC) == [MONDAY + 8 * DAY, today]
    assert missing_days(counts, today - DAY, SPEC) == [MONDAY + 8 * DAY]


def test_days_before_the_first_arrival_and_before_the_window_are_not_missing() -> None:
    counts = dict.fromkeys(days(60), 10)
    del counts[MONDAY + 2 * DAY]
    assert missing_days(counts, MONDAY + 20 * DAY, SPEC) == [MONDAY + 2 * DAY]
    assert missing_days(counts, MONDAY + 59 * DAY, SPEC) == []
    assert missing_days({}, MONDAY, SPEC) == []


def test_weekends_on_which_nothing_ever_arrives_are_not_missing_but_a_monday_is() -> None:
    counts = {day: 10 for day in days(28) if day.weekday() < 5}
    friday = MONDAY + 25 * DAY
    assert missing_days(counts, friday, SPEC) == []
    assert missing_days(counts, friday + 2 * DAY, SPEC) == []
    del counts[MONDAY + 14 * DAY]
    assert missing_days(counts, friday, SPEC) == [MONDAY + 14 * DAY]


def test_a_category_that_arrives_now_and_then_has_no_missing_days() -> None:
    random = np.random.default_rng(0)
    counts = {day: 10 for day in days(60) if random.random() < 0.4}
    assert missing_days(counts, MONDAY + 59 * DAY, SPEC) == []


def test_a_category_that_ends_stays_missing_however_long_ago_that_is() -> None:
    counts = dict.fromkeys(days(20), 10)
    for gap in (1, 10, 100):
        missing = missing_days(counts, max(counts) + gap * DAY, SPEC)
        assert missing == days(min(gap, 29), max(counts) + max(gap - 28, 1) * DAY)
