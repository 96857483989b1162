"""Half the usual volume and empty days are caught; ordinary variation, weekends and small numbers are not."""

from __future__ import annotations

import datetime as dt
import io
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from image_assets.alerts.delivery import deliver, record
from image_assets.alerts.ledger import Ledger
from image_assets.alerts.run_report import CheckOutcome, RunReport
from image_assets.alerts.text import Links
from image_assets.answers.loaded import partition_facts
from image_assets.asset_checks import volume
from image_assets.asset_checks.check import checks_in
from image_assets.cli.day_report import DayReport
from image_assets.cli.summary import show_day
from image_assets.health.volume import expected_volume, may_be_empty, volume_trend
from image_assets.ingest.day_book import DayBook, DayRun
from image_assets.orchestration.partitions import partition_key
from image_assets.orchestration.recorded_run import JobRunner
from image_assets.orchestration.runner import run_day
from image_assets.schema import ARRIVALS, Partition
from image_assets.settings.quality import Volume
from tests.alerts.alerted import Channels
from tests.asset_checks.faults import failing, outcome
from tests.pictures import land_pictures
from tests.platform import Platform, small_dataset

SPEC = Volume()
MONDAY = dt.date(2026, 9, 7)
DAY = dt.timedelta(days=1)
CHECKS = checks_in(volume)


def days(number: int, start: dt.date = MONDAY) -> list[dt.date]:
    return [start + i * DAY for i in range(number)]


def simulated(
    random: np.random.Generator, number: int, files: float, spread: float, weekend: float = 1
) -> dict[dt.date, int]:
    """Days whose numbers vary by `spread` on a logarithmic scale, and by chance."""
    usual = {day: files * (weekend if day.weekday() >= 5 else 1) for day in days(number)}
    return {day: int(random.poisson(n * np.exp(random.normal(0, spread)))) for day, n in usual.items()}


def alarms(random: np.random.Generator, trials: int, change: float = 1, **ways: float) -> float:
    """Share of simulated days, after four weeks, that are found unusual; the day's number is multiplied first."""
    found = 0
    for trial in range(trials):
        counts = simulated(random, 29 + trial % 7, **ways)  # pyright: ignore[reportArgumentType]
        last = max(counts)
        files = max(round(counts.pop(last) * change), 1)
        found += not expected_volume(counts, last, SPEC).is_usual(files)
    return found / trials


@pytest.mark.parametrize(
    ("files", "spread", "weekend", "half_caught"),
    [
        (100, 0.05, 1, 0.95),
        (100, 0.1, 1, 0.9),
        (100, 0.15, 1, 0.7),
        (1_000, 0.1, 1, 0.95),
        (1_000, 0.15, 1, 0.85),
        (1_000, 0.05, 0.25, 0.95),
        (1_000, 0.1, 0.25, 0.7),
    ],
)
def test_ordinary_variation_is_no_alarm_and_half_of_it_is(
    files: float, spread: float, weekend: float, half_caught: float
) -> None:
    """Half of what a day would have had, which itself may have been more than usual."""
    random = np.random.default_rng(0)
    ways = {"files": files, "spread": spread, "weekend": weekend}
    assert alarms(random, 400, **ways) <= 0.03
    assert alarms(random, 200, change=0.5, **ways) >= half_caught
    assert alarms(random, 100, change=0.2, **ways) >= 0.97
    assert alarms(random, 100, change=4, **ways) >= 0.97


@pytest.mark.parametrize("files", [1, 3, 8])
def test_chance_among_a_few_files_is_no_alarm(files: float) -> None:
    assert alarms(np.random.default_rng(0), 400, files=files, spread=0) <= 0.02


@given(st.integers(40, 10_000), st.floats(0, 0.6), st.integers(0, 100), st.integers(5, 60))
def test_half_and_twice_the_median_are_always_caught(files: int, spread: float, seed: int, number: int) -> None:
    counts = simulated(np.random.default_rng(seed), number, files, spread)
    usual = expected_volume(counts, max(counts) + DAY, SPEC)
    if usual.median < 20:
        return
    assert not usual.is_usual(int(usual.median / 2))
    assert not usual.is_usual(int(np.ceil(usual.median * 2)))
    assert usual.is_usual(round(usual.median))


def test_a_few_odd_days_do_not_move_what_is_usual() -> None:
    counts = dict.fromkeys(days(28), 100) | {MONDAY + 3 * DAY: 100_000, MONDAY + 9 * DAY: 1}
    usual = expected_volume(counts, MONDAY + 28 * DAY, SPEC)
    assert usual.median == pytest.approx(100)
    assert (usual.is_usual(80), usual.is_usual(120), usual.is_usual(50), usual.is_usual(200)) == (
        True,
        True,
        False,
        False,
    )


def test_only_the_window_and_the_days_before_count_and_too_few_of_them_say_nothing() -> None:
    counts = dict.fromkeys(days(28), 100)
    long_ago = {MONDAY - 400 * DAY + i * DAY: 5 for i in range(30)}
    later = {MONDAY + 29 * DAY + i * DAY: 9_000 for i in range(60)}
    assert expected_volume(counts | long_ago | later, MONDAY + 28 * DAY, SPEC).median == pytest.approx(100)
    few = dict.fromkeys(days(4), 100)
    assert expected_volume(few, MONDAY + 4 * DAY, SPEC).is_usual(1)
    assert not expected_volume(few | {MONDAY + 4 * DAY: 100}, MONDAY + 5 * DAY, SPEC).is_usual(1)
    assert expected_volume({}, MONDAY, SPEC).is_usual(0)


# Slow decline


def declining(number: int = 60, first: float = 1_000, last: float = 165) -> dict[dt.date, int]:
    rate = (last / first) ** (1 / (number - 1))
    return {day: round(first * rate**place) for place, day in enumerate(days(number))}


def has_changed(counts: dict[dt.date, int], day: dt.date, spec: Volume = SPEC) -> bool:
    trend = volume_trend(counts, day, spec)
    return trend is not None and trend.changed


def test_what_declines_a_little_every_day_is_told_though_each_day_is_usual() -> None:
    counts = declining()
    assert all(expected_volume(counts, day, SPEC).is_usual(counts[day]) for day in counts)
    told = [place for place, day in enumerate(counts) if has_changed(counts, day)]
    assert told == list(range(told[0], 60))
    assert told[0] < 50
    assert has_changed(declining(first=165, last=1_000), max(counts))


def test_a_new_normal_begins_on_the_day_that_is_given() -> None:
    counts = dict.fromkeys(days(40), 1_000) | dict.fromkeys(days(60, MONDAY + 40 * DAY), 300)
    assert has_changed(counts, MONDAY + 99 * DAY)
    declared = Volume(reference_from=MONDAY + 40 * DAY)
    trend = volume_trend(counts, MONDAY + 99 * DAY, declared)
    assert trend is not None
    assert (round(trend.first), round(trend.latest), trend.changed) == (300, 300, False)
    assert volume_trend(counts, MONDAY + 20 * DAY, declared) is None


@pytest.mark.parametrize(("files", "spread", "weekend"), [(3, 0, 1), (100, 0.3, 1), (1_000, 0.15, 0.25), (20, 0.6, 1)])
def test_days_that_vary_about_the_same_number_have_not_changed(files: float, spread: float, weekend: float) -> None:
    random = np.random.default_rng(0)
    series = [simulated(random, 60, files, spread, weekend) for _ in range(200)]
    assert sum(has_changed(counts, MONDAY + 59 * DAY) for counts in series) <= 2


@given(st.dictionaries(st.integers(0, 90), st.integers(0, 50), max_size=40), st.integers(0, 90))
def test_any_history_can_be_looked_at_and_later_days_do_not_count(history: dict[int, int], place: int) -> None:
    counts, day = {MONDAY + one * DAY: n for one, n in history.items()}, MONDAY + place * DAY
    known = {one: n for one, n in counts.items() if one <= day}
    assert volume_trend(counts, day, SPEC) == volume_trend(known, day, SPEC)


def test_a_slow_decline_is_warned_of_and_says_what_to_do(delivered: Platform) -> None:
    for day, files in declining(60, first=100, last=16).items():
        list_files(delivered, day, files)
    found = outcome(delivered, volume.usual_volume, Partition(MONDAY + 59 * DAY, "plant"))
    assert not found.passed
    assert "from 2026-09-07 on" in found.advice
    assert "volume.reference_from" in found.advice
    assert "Much less" not in found.advice
    assert outcome(delivered, volume.usual_volume, Partition(MONDAY + 35 * DAY, "plant")).passed


# The checks


@pytest.fixture
def delivered(tmp_path) -> Platform:
    """Twenty days of about 40 listed plants; nothing else is there."""
    platform = Platform(small_dataset(start_day=MONDAY), tmp_path)
    for day in days(20):
        list_files(platform, day, 36 + day.day % 9)
    return platform


def list_files(platform: Platform, day: dt.date, files: int) -> None:
    table = platform.store.table(platform.dataset.name, ARRIVALS)
    partition = Partition(day, "plant")
    sources = pa.array([f"{number}.png" for number in range(files)], pa.string())
    rows = pa.record_batch([sources, pa.array([1] * files, pa.int64())], schema=ARRIVALS.file_schema)
    table.replace(partition, [table.write_file(partition, f"listing-{files}", [rows])])


def test_an_ordinary_day_passes_and_the_first_days_say_that_there_is_nothing_to_compare(delivered: Platform) -> None:
    for number in (0, 3, 12, 19):
        assert failing(delivered, CHECKS, Partition(MONDAY + number * DAY, "plant")) == set()
    first = outcome(delivered, volume.usual_volume, Partition(MONDAY + 3 * DAY, "plant"))
    assert first.not_evaluated.startswith("fewer than 5 days to compare with")
    assert not outcome(delivered, volume.usual_volume, Partition(MONDAY + 12 * DAY, "plant")).not_evaluated
    assert failing(delivered, CHECKS, Partition(MONDAY, "animal")) == {"day_is_not_empty"}


@pytest.mark.parametrize(("files", "said"), [(20, "less"), (80, "more"), (1, "less")])
def test_half_and_twice_as_many_files_are_warned_of(delivered: Platform, files: int, said: str) -> None:
    partition = Partition(MONDAY + 19 * DAY, "plant")
    list_files(delivered, partition.date, files)
    assert failing(delivered, CHECKS, partition) == {"usual_volume"}
    found = outcome(delivered, volume.usual_volume, partition)
    assert f"Much {said} arrived" in found.advice
    assert found.figures["files"] == files


def note_run(
    platform: Platform, day: dt.date, files: int, category: str = "plant", unplaced: tuple[str, ...] = ()
) -> None:
    DayBook(platform.store, platform.dataset.name).end(
        Partition(day, category), DayRun("a run", "", "landing", files, unplaced, len(unplaced))
    )


def test_a_day_on_which_nothing_arrived_is_named_on_that_day_and_after(delivered: Platform) -> None:
    empty, after = MONDAY + 10 * DAY, MONDAY + 11 * DAY
    list_files(delivered, empty, 0)
    note_run(delivered, empty, 0)
    assert failing(delivered, CHECKS, Partition(empty, "plant")) == {"day_is_not_empty"}
    assert "plant on 2026-09-17" in outcome(delivered, volume.day_is_not_empty, Partition(empty, "plant")).advice
    assert failing(delivered, CHECKS, Partition(after, "plant")) == {"no_day_missing"}
    said = outcome(delivered, volume.no_day_missing, Partition(after, "plant")).advice
    assert "Nothing had arrived for plant on 2026-09-17" in said


def test_what_came_in_no_category_is_told_with_a_category_that_had_nothing(delivered: Platform) -> None:
    day = Partition(MONDAY + 10 * DAY, "plant")
    list_files(delivered, day.date, 0)
    note_run(delivered, day.date, 0, unplaced=("plnats",))
    found = outcome(delivered, volume.day_is_not_empty, day)
    assert found.figures["in no category"] == 1
    assert "though 1 file came in no category: look at the folder's name in the landing zone" in found.advice
    source = {"kind": "coco", "categories_from": {one: [one] for one in delivered.dataset.categories}}
    annotated = Platform(small_dataset(start_day=MONDAY, source=source), delivered.root)
    advice = outcome(annotated, volume.day_is_not_empty, day).advice
    assert "look whether the annotation files are those of this delivery" in advice


def test_a_day_of_nothing_but_copies_is_told_and_one_with_a_new_image_is_not(tmp_path: Path) -> None:
    platform = Platform(small_dataset(start_day=MONDAY), tmp_path)
    for number, shown in enumerate([range(2), range(2), range(1, 3)]):
        land_pictures(platform.landing, str(MONDAY + number * DAY), "plant", 0, shown)
        platform.load(MONDAY + number * DAY, "plant")
    first, again, new = (Partition(MONDAY + number * DAY, "plant") for number in range(3))
    assert failing(platform, [volume.something_is_new], first) == set()
    assert failing(platform, [volume.something_is_new], again) == {"something_is_new"}
    found = outcome(platform, volume.something_is_new, again)
    assert found.figures == {"loaded": 0, "copies": 2}
    assert "All 2 images of plant on 2026-09-08 are copies of what is loaded under 2026-09-07" in found.advice
    assert failing(platform, [volume.something_is_new], new) == set()
    seldom = Platform(small_dataset(start_day=MONDAY, volume={"may_be_empty": ["plant"]}), tmp_path)
    assert failing(seldom, [volume.something_is_new], again) == set()


def test_a_day_of_copies_with_hardly_anything_new_is_told_beside_days_that_had_more(tmp_path: Path) -> None:
    platform = Platform(small_dataset(start_day=MONDAY), tmp_path)
    # Days of twelve new images; then the last one is sent again, with one new image, and with some besides.
    shown = [range(12 * number, 12 * number + 12) for number in range(6)]
    shown += [range(60, 73), [*range(60, 64), *range(73, 83)]]
    for number, pictures in enumerate(shown):
        land_pictures(platform.landing, str(MONDAY + number * DAY), "plant", 0, pictures)
        platform.load(MONDAY + number * DAY, "plant")
    *usual, again, some_copies = (Partition(MONDAY + number * DAY, "plant") for number in range(8))
    assert [failing(platform, [volume.something_is_new], one) for one in usual] == [set()] * 6
    assert failing(platform, CHECKS, again) == {"something_is_new"}  # as many files as ever
    found = outcome(platform, volume.something_is_new, again)
    assert found.advice.startswith(
        "12 of 13 images of plant on 2026-09-13 are copies of what is loaded under 2026-09-12"
    )
    assert found.figures["usually loaded"] == 12
    assert failing(platform, [volume.something_is_new], some_copies) == set()


@pytest.mark.parametrize("begun", [False, True], ids=["never run", "run and failed"])
def test_a_day_that_was_not_run_is_not_put_down_to_the_supplier(delivered: Platform, begun: bool) -> None:
    missed = MONDAY + 10 * DAY
    list_files(delivered, missed, 0)
    if begun:
        DayBook(delivered.store, delivered.dataset.name).begin(Partition(missed, "plant"), "a run", "landing")
    said = outcome(delivered, volume.no_day_missing, Partition(missed + DAY, "plant"))
    assert not said.passed
    assert said.figures["run and failed" if begun else "not run"] == "2026-09-17"
    assert ("The run of plant failed on 2026-09-17" if begun else "plant was never run on 2026-09-17") in said.advice
    assert "supplier" not in said.advice


def test_never_run_failed_and_empty_days_are_told_apart_in_one_message_of_all_categories(
    delivered: Platform, tmp_path: Path
) -> None:
    never, failed, empty = (MONDAY + number * DAY for number in (9, 10, 11))
    book = DayBook(delivered.store, delivered.dataset.name)
    for day in (never, failed, empty):
        list_files(delivered, day, 0)
    book.begin(Partition(failed, "plant"), "a run", "landing")
    note_run(delivered, empty, 0)
    said = outcome(delivered, volume.no_day_missing, Partition(empty + DAY, "plant"))
    states = {"not run": str(never), "run and failed": str(failed), "run and empty": str(empty)}
    assert {name: said.figures[name] for name in states} == states
    assert said.sample is not None
    assert said.sample["why"].to_list() == list(states)

    figures = {name: str(value) for name, value in said.figures.items()}
    where = [f"{empty + DAY} {category}" for category in ("plant", "animal", "human")]
    told = [
        CheckOutcome("drawn", "raw_images", "no_day_missing", partition, "run", 1, False, "WARN", said.advice, figures)
        for partition in where
    ]
    dataset = small_dataset(alerts={"channels": [{"url_env": "TEAM"}]})
    ledger, channels = Ledger(tmp_path / "alerts.sqlite"), Channels()
    record(RunReport(tuple(told)), dataset.alerts, ledger, Links(None))
    deliver(dataset, ledger, channels)
    ((title, _),) = channels.sent["TEAM"]
    body = ledger.messages()[0].text.body
    assert title == f"[drawn] WARN: raw_images/no_day_missing failed, {', '.join(where)}"
    assert all(f"- {name}: {day}" in body for name, day in states.items())
    assert "plant was never run on 2026-09-16" in body
    assert "The run of plant failed on 2026-09-17" in body
    assert "Nothing had arrived for plant on 2026-09-18" in body


def test_an_empty_day_is_an_error_that_blocks_where_the_dataset_says_so() -> None:
    usual = volume.as_wanted(volume.day_is_not_empty, small_dataset())
    dataset = small_dataset(volume={"empty_day": "error"})
    strict = volume.as_wanted(volume.day_is_not_empty, dataset)
    assert (usual.severity.value, usual.blocking) == ("WARN", False)
    assert (strict.severity.value, strict.blocking) == ("ERROR", True)


def test_the_first_days_must_not_be_empty_and_a_category_that_never_had_anything_is_not_nagged_about() -> None:
    assert [may_be_empty({}, MONDAY, SPEC, run_before) for run_before in (0, 4, 5)] == [False, False, True]
    working = {day: 10 for day in days(40) if day.weekday() < 5}
    assert may_be_empty(working, MONDAY + 33 * DAY, SPEC, 28)  # a Saturday
    assert not may_be_empty(working, MONDAY + 32 * DAY, SPEC, 28)


def test_a_category_may_be_said_to_have_nothing(tmp_path) -> None:
    for allowed in ([], ["plant"]):
        dataset = small_dataset(volume={"may_be_empty": allowed}, start_day=MONDAY)
        found = outcome(Platform(dataset, tmp_path), volume.day_is_not_empty, Partition(MONDAY, "plant"))
        assert found.passed == bool(allowed)


def test_a_day_on_which_nothing_arrived_says_so_in_its_arrivals_and_in_the_summary(tmp_path) -> None:
    platform = Platform(small_dataset(start_day=MONDAY), tmp_path)
    land_pictures(platform.landing, str(MONDAY), "animal", 0, range(2))
    partitions = [Partition(MONDAY, category) for category in ("animal", "plant")]
    with dg.DagsterInstance.ephemeral() as instance:
        result = run_day(JobRunner(platform.definitions(), instance), platform.dataset, partitions, refresh=False)
        found = instance.fetch_materializations(dg.AssetKey(["drawn", "arrivals"]), limit=9).records
        made = [one.asset_materialization for one in found]
    said = {one.partition: "nothing arrived" in one.metadata for one in made if one}
    assert said == {partition_key(partitions[0]): False, partition_key(partitions[1]): True}
    facts = partition_facts(platform.dataset, platform.store, partitions)
    printed = io.StringIO()
    report = DayReport(platform.dataset, MONDAY, facts, result, ())
    show_day(report, Console(width=200, file=printed))
    assert f"nothing arrived: {MONDAY}, plant" in printed.getvalue()
    # A partition that did not come to be loaded says nothing of what arrived.
    show_day(replace(report, result=replace(result, checks=[])), Console(file=printed))
    assert printed.getvalue().count("nothing arrived") == 1


def test_what_arrived_in_no_category_is_told_once_where_its_name_is_nearest(delivered: Platform) -> None:
    for category in delivered.dataset.categories:
        note_run(delivered, MONDAY, 1, category, ("Plants", "stray.png", "Annimal"))
    said = {
        category: outcome(delivered, volume.all_is_in_a_category, Partition(MONDAY, category))
        for category in delivered.dataset.categories
    }
    assert [one.passed for one in said.values()] == [False, False, True]
    assert "Plants (did you mean plant?), stray.png." in said["plant"].advice
    assert "Annimal (did you mean animal?)" in said["animal"].advice
