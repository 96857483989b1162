"""Days × categories: every day once whatever the clocks do, and keys that lead there and back."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from zoneinfo import ZoneInfo, available_timezones

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_assets.dataset import DatasetError
from image_assets.orchestration.partitions import CATEGORY, DATE, partition_key, partitions_of
from image_assets.schema import Partition, partition_of
from tests.platform import small_dataset

ONE_DAY = dt.timedelta(days=1)
NAMES = st.from_regex(re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,63}"), fullmatch=True)
DAYS = st.dates(dt.date(1970, 1, 2), dt.date(2099, 12, 31))


def days_of(time_zone: str, start: dt.date) -> dg.DailyPartitionsDefinition:
    days = partitions_of(small_dataset(time_zone=time_zone, start_day=start)).get_partitions_def_for_dimension(DATE)
    assert isinstance(days, dg.DailyPartitionsDefinition)
    return days


@given(day=DAYS, category=NAMES)
def test_a_key_leads_back_to_its_partition_as_object_and_as_text(day: dt.date, category: str) -> None:
    partition = Partition(day, category)
    key = partition_key(partition)
    assert partition_of(key) == partition
    assert partition_of(str(key)) == partition


@given(start=DAYS.filter(lambda day: day < dt.date(2026, 1, 1)), categories=st.sets(NAMES, min_size=1, max_size=4))
def test_what_dagster_lists_is_every_day_times_every_category(start: dt.date, categories: set[str]) -> None:
    try:
        dataset = small_dataset(start_day=start, categories={name: label for label, name in enumerate(categories)})
    except DatasetError:  # names that differ only in case
        return
    end = dt.datetime.combine(start + 3 * ONE_DAY, dt.time(12), dt.UTC)
    listed = [partition_of(key) for key in partitions_of(dataset).get_partition_keys(current_time=end)]
    assert sorted(listed) == sorted(
        Partition(start + days * ONE_DAY, category) for days in range(3) for category in categories
    )


@given(
    time_zone=st.sampled_from(sorted(available_timezones())),
    # Samoa had no 30 December 2011 at all; since then no place has left out a day.
    start=st.dates(dt.date(2012, 1, 2), dt.date(2030, 12, 31)),
)
def test_days_follow_each_other_without_gap_or_overlap_in_every_time_zone(time_zone: str, start: dt.date) -> None:
    """Where the clocks change at midnight, too: there some days begin at one o'clock."""
    days = days_of(time_zone, start)
    windows = [days.time_window_for_partition_key((start + n * ONE_DAY).isoformat()) for n in range(180)]
    for number, window in enumerate(windows):
        there = window.start.astimezone(ZoneInfo(time_zone))
        # Of two zones with the same clock, such as UTC and Etc/UTC, either will do.
        assert (there.date(), there.utcoffset()) == (start + number * ONE_DAY, window.start.utcoffset())
    for window, following in itertools.pairwise(windows):
        assert window.end.timestamp() == following.start.timestamp()


@pytest.mark.parametrize(
    ("day", "hours"), [(dt.date(2026, 3, 28), 24), (dt.date(2026, 3, 29), 23), (dt.date(2026, 10, 25), 25)]
)
def test_a_day_in_berlin_is_as_long_as_its_clocks_say(day: dt.date, hours: int) -> None:
    window = days_of("Europe/Berlin", dt.date(2026, 1, 1)).time_window_for_partition_key(day.isoformat())
    assert window.end.timestamp() - window.start.timestamp() == hours * 3600


@pytest.mark.parametrize(
    ("time_zone", "now", "last"),
    [
        ("UTC", "2026-11-20T23:59:59+00:00", "2026-11-19"),
        ("UTC", "2026-11-21T00:00:00+00:00", "2026-11-20"),
        ("Europe/Berlin", "2026-11-20T23:00:00+00:00", "2026-11-20"),
        ("America/New_York", "2026-11-21T04:59:59+00:00", "2026-11-19"),
    ],
)
def test_a_day_is_there_once_it_is_over_where_the_dataset_lives(time_zone: str, now: str, last: str) -> None:
    days = days_of(time_zone, dt.date(2026, 1, 1))
    assert days.get_partition_keys(current_time=dt.datetime.fromisoformat(now))[-1] == last


def test_a_dataset_has_no_partitions_before_its_first_day_is_over() -> None:
    dataset = small_dataset(start_day=dt.date(2026, 11, 20))
    last_moment = dt.datetime.fromisoformat("2026-11-20T23:59:59+00:00")
    assert partitions_of(dataset).get_partition_keys(current_time=last_moment) == []


def test_dimensions_are_named_as_the_columns_of_the_tables() -> None:
    assert partitions_of(small_dataset()).partition_dimension_names == [CATEGORY, DATE] == ["category", "date"]
