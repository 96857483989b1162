"""What runs by itself: the schedule's ticks, when the refresh fires, what is tried again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
from deltalake.exceptions import DeltaError
from obstore.exceptions import GenericError, PermissionDeniedError

from image_assets.asset_checks import drift, image_features, near_duplicates
from image_assets.asset_checks.check import checks_in
from image_assets.dataset import DatasetError, DatasetSpec
from image_assets.definitions import (
    build_definitions,
    build_resources,
)
from image_assets.features.efficientnet_lite import LITE0
from image_assets.features.extractor import Extractor
from image_assets.features.torch_weights import read_torch_weights
from image_assets.ingest.day_book import DayBook, DayRun
from image_assets.ingest.source import Source, SourceAway, SourceChanged, SourceError, SourceUnreadable
from image_assets.orchestration import retrying
from image_assets.orchestration.automation import daily_job_name, refresh_job_name
from image_assets.orchestration.daily_schedule import MISSED_DAYS
from image_assets.orchestration.partitions import partition_key
from image_assets.orchestration.retrying import retried
from image_assets.resources.extractors import ExtractorResource
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.schema import IMAGE_FEATURES, Partition, partition_of
from image_assets.store.tables.delta_tables import CommitConflict
from tests.asset_names import PARTITIONED, REFRESHED, REPORTS
from tests.daemon import ONE_DAY, SILENT, Ticks, zone_at_noon
from tests.pictures import land_pictures
from tests.platform import FIRST, Platform, small_dataset

BERLIN = ZoneInfo("Europe/Berlin")
EVERYTHING = list(REFRESHED)
CHECKS = len(checks_in(near_duplicates)) + len(checks_in(image_features)) + len([drift.features_drift])
# Of the ticks at a run's start, after its features and near-duplicates, after each of their checks and at its end: all
# that can be told is told with the last check.
ONCE_CHECKED = [*([[]] * (1 + 2 + CHECKS - 1)), EVERYTHING, []]


def definitions_of(*datasets: DatasetSpec) -> dg.Definitions:
    return build_definitions(datasets, build_resources(LandingResource(url="landing"), StoreResource(url="store")))


# The schedule


def tick(definitions: dg.Definitions, schedule: str, moment: dt.datetime) -> list[dg.RunRequest]:
    """The run requests of a schedule's tick at a moment."""
    repository = definitions.get_repository_def()
    with (
        dg.DagsterInstance.local_temp() as instance,
        dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=moment,
            repository_def=repository,
            resources=dict(repository.get_top_level_resources()),
        ) as context,
    ):
        return list(repository.get_schedule_def(schedule).evaluate_tick(context).run_requests or [])


def test_each_dataset_has_a_schedule_at_seven_where_it_lives() -> None:
    definitions = definitions_of(
        small_dataset(time_zone="Europe/Berlin"), small_dataset(name="other", time_zone="Asia/Tokyo")
    )
    schedules = definitions.get_repository_def().schedule_defs
    assert {
        (one.name, one.job_name, one.cron_schedule, one.execution_timezone, one.default_status.value)
        for one in schedules
    } == {
        ("drawn_at_seven", "drawn_daily", "0 7 * * *", "Europe/Berlin", "RUNNING"),
        ("other_at_seven", "other_daily", "0 7 * * *", "Asia/Tokyo", "RUNNING"),
    }


@pytest.mark.parametrize(
    "morning",
    [
        dt.date(2026, 11, 20),
        dt.date(2026, 3, 29),  # two o'clock became three in the night
        dt.date(2026, 3, 30),
        dt.date(2026, 10, 25),  # three o'clock became two
        dt.date(2026, 10, 26),
    ],
)
def test_the_tick_asks_for_yesterday_once_per_category_also_when_the_clocks_change(morning: dt.date) -> None:
    dataset = small_dataset(time_zone="Europe/Berlin", start_day=dt.date(2026, 3, 1))
    definitions = definitions_of(dataset)
    seven = dt.datetime.combine(morning, dt.time(7), BERLIN)
    requests = tick(definitions, "drawn_at_seven", seven)
    assert sorted(partition_of(str(request.partition_key)) for request in requests) == sorted(
        Partition(morning - ONE_DAY, category) for category in dataset.categories
    )
    # The key keeps the daemon from launching a run twice, should it be stopped in the middle of a tick.
    assert [request.run_key for request in requests] == [request.partition_key for request in requests]
    again = tick(definitions, "drawn_at_seven", seven)
    assert [request.run_key for request in again] == [request.run_key for request in requests]


@pytest.fixture
def missed(tmp_path) -> Platform:
    """Plants landed on fourteen days and nothing was run."""
    platform = Platform(small_dataset(), tmp_path)
    for number in range(14):
        land_pictures(platform.landing, str(FIRST + number * ONE_DAY), "plant", 0, range(1))
    return platform


def asked_for(platform: Platform, day: dt.date) -> list[Partition]:
    seven = dt.datetime.combine(day, dt.time(7), ZoneInfo("UTC"))
    return [partition_of(str(one.partition_key)) for one in tick(platform.definitions(), "drawn_at_seven", seven)]


def test_days_that_landed_and_were_never_run_are_made_up_for_the_oldest_first_and_not_all_at_once(
    missed: Platform,
) -> None:
    morning = FIRST + 14 * ONE_DAY
    *before, plant, animal, human = asked_for(missed, morning)
    assert [one.date for one in (plant, animal, human)] == [morning - ONE_DAY] * 3
    assert before == [Partition(FIRST + number * ONE_DAY, "plant") for number in range(MISSED_DAYS)]


def test_days_that_were_run_whatever_came_of_it_are_not_asked_for_again(missed: Platform) -> None:
    book = DayBook(missed.store, missed.dataset.name)
    book.begin(Partition(FIRST, "plant"), "failed", "landing")
    book.end(Partition(FIRST + ONE_DAY, "plant"), DayRun("empty", "", "landing", 0))
    assert asked_for(missed, FIRST + 4 * ONE_DAY)[:-3] == [Partition(FIRST + 2 * ONE_DAY, "plant")]


def test_a_landing_zone_that_is_away_does_not_keep_yesterday_from_being_asked_for(missed: Platform) -> None:
    missed.landing.rename(missed.root / "away")
    assert len(asked_for(missed, FIRST + 4 * ONE_DAY)) == 3


def test_nothing_is_asked_for_before_the_first_day_is_over() -> None:
    definitions = definitions_of(small_dataset(time_zone="Europe/Berlin", start_day=dt.date(2026, 11, 3)))
    seven = dt.datetime(2026, 11, 3, 7, tzinfo=BERLIN)
    assert tick(definitions, "drawn_at_seven", seven - ONE_DAY) == []
    assert tick(definitions, "drawn_at_seven", seven) == []
    assert len(tick(definitions, "drawn_at_seven", seven + ONE_DAY)) == 3


def test_the_daily_job_holds_the_partitioned_assets_and_the_refresh_the_others() -> None:
    definitions = definitions_of(small_dataset())
    for job, assets in ((daily_job_name, PARTITIONED), (refresh_job_name, (*REFRESHED, *REPORTS))):
        selected = definitions.resolve_job_def(job(small_dataset())).asset_layer.selected_asset_keys
        assert selected == {dg.AssetKey(["drawn", asset]) for asset in assets}


# The refresh


@pytest.fixture
def ticks(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ticks]:
    """Two categories, pictures of the latest day, four days before it without any; nothing is loaded yet.

    A parameter shifts the clock of the ticks.
    """
    zone = zone_at_noon()
    today = dt.datetime.now(ZoneInfo(zone)).date()
    dataset = small_dataset(categories={"plant": 0, "animal": 1}, start_day=today - 5 * ONE_DAY, time_zone=zone)
    with dg.DagsterInstance.ephemeral() as instance:
        ticks = Ticks(Platform(dataset, tmp_path), instance, getattr(request, "param", dt.timedelta()))
        for category in dataset.categories:
            ticks.land(category, range(6))
        yield ticks


@pytest.mark.long
def test_the_refresh_fires_once_when_the_last_category_has_passed_its_checks(ticks: Ticks) -> None:
    """Earlier days are missing all the while."""
    assert not any(ticks.load("plant", tick_within=True))
    assert ticks.requested() == []
    assert ticks.load("animal", tick_within=True) == ONCE_CHECKED
    assert ticks.requested() == []


@pytest.mark.long
def test_a_failed_blocking_check_holds_back_until_the_partition_is_put_right(ticks: Ticks) -> None:
    ticks.load("animal")
    assert ticks.check_features("animal")
    partition = Partition(ticks.latest, "animal")
    rows = ticks.platform.rows(IMAGE_FEATURES, partition)
    ticks.platform.replace_rows(IMAGE_FEATURES, partition, rows[1:])
    assert not ticks.check_features("animal")
    assert not any(ticks.load("plant", tick_within=True))
    assert ticks.requested() == []
    assert ticks.load("animal", tick_within=True) == ONCE_CHECKED
    assert ticks.requested() == []


def test_features_that_are_made_again_by_hand_wait_for_their_checks(ticks: Ticks) -> None:
    ticks.load("plant")
    ticks.load("animal")
    assert ticks.requested() == EVERYTHING
    ticks.make_features("plant")
    assert ticks.requested() == []
    assert ticks.check_features("plant")
    assert ticks.requested() == EVERYTHING


@pytest.mark.long
def test_an_earlier_day_fires_once_when_it_is_loaded_late_and_holds_back_while_it_fails(
    ticks: Ticks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "_RETRY_SECONDS", 0)
    ticks.load("plant")
    ticks.load("animal")
    assert ticks.requested() == EVERYTHING
    assert ticks.load("plant", ticks.earlier, tick_within=True) == ONCE_CHECKED
    in_the_way = ticks.platform.landing / str(ticks.earlier)
    in_the_way.touch()  # a file where the day's folder should be
    ticks.load("plant", ticks.earlier)
    ticks.load("animal")
    assert ticks.requested() == []
    in_the_way.unlink()
    ticks.load("plant", ticks.earlier)
    assert ticks.requested() == EVERYTHING


@pytest.mark.long
@pytest.mark.parametrize("ticks", [-ONE_DAY], indirect=True)
def test_after_midnight_the_refresh_waits_for_the_new_day(ticks: Ticks) -> None:
    ticks.load("plant")
    ticks.load("animal")
    assert ticks.requested() == EVERYTHING
    ticks.shift += ONE_DAY
    ticks.load("plant", ticks.earlier)
    assert ticks.requested() == []
    ticks.load("plant", ticks.latest + ONE_DAY)  # nothing arrived, which is a day like any other
    assert ticks.requested() == []
    ticks.load("animal", ticks.latest + ONE_DAY)
    assert ticks.requested() == EVERYTHING


@pytest.mark.long
def test_a_backfill_is_waited_for_and_refreshed_after_once(ticks: Ticks) -> None:
    ticks.load("plant")
    ticks.load("animal")
    assert ticks.requested() == EVERYTHING
    with ticks.backfill(Partition(ticks.earlier, "plant"), Partition(ticks.earlier, "animal")):
        assert ticks.requested() == []
        ticks.load("plant", ticks.earlier)
        assert ticks.requested() == []
        ticks.load("animal", ticks.earlier)
        assert ticks.requested() == []
    assert ticks.requested() == EVERYTHING
    assert ticks.requested() == []


@pytest.mark.long
@pytest.mark.parametrize("tick_before", [False, True])
def test_what_arrives_while_a_refresh_is_running_is_not_forgotten(ticks: Ticks, tick_before: bool) -> None:
    ticks.load("plant")
    ticks.load("animal")
    assert ticks.requested() == EVERYTHING

    def meanwhile() -> None:
        if tick_before:
            assert ticks.requested() == []
        ticks.load("plant", ticks.earlier)
        # One of the two is made already and could be made again; the run that makes the other has just begun with it.
        assert "embedding" not in ticks.requested()

    ticks.refresh(meanwhile)
    assert "embedding" in ticks.requested()
    assert ticks.requested() == []


def test_reports_are_made_when_data_is_due_although_nothing_came(tmp_path: Path) -> None:
    definitions = Platform(small_dataset(time_zone="Europe/Berlin"), tmp_path).definitions()
    morning = dt.datetime.combine(FIRST + ONE_DAY, dt.time(9, 58), BERLIN)
    cursor, requested = None, []
    with dg.DagsterInstance.ephemeral() as instance:
        for minutes in (0, 1, 3, 4):
            now = morning + dt.timedelta(minutes=minutes)
            result = dg.evaluate_automation_conditions(definitions, instance, evaluation_time=now, cursor=cursor)
            cursor = result.cursor
            names = (*PARTITIONED, *REFRESHED, *REPORTS)
            requested.append([name for name in names if result.get_num_requested(dg.AssetKey(["drawn", name]))])
    assert requested == [[], [], list(REPORTS), []]


# What is tried again


@pytest.mark.parametrize(
    "error",
    [
        OSError("stale file handle"),
        SourceAway("landing: no such folder"),
        SourceChanged("a.png: the content changed"),
        CommitConflict("another run replaced it"),
        GenericError("503 Slow Down"),
        DeltaError("timed out"),
    ],
)
def test_what_can_pass_is_tried_again_for_half_a_minute(error: Exception) -> None:
    with pytest.raises(dg.RetryRequested) as retry, retried():
        raise error
    assert retry.value.__cause__ is error
    assert retry.value.max_retries * (retry.value.seconds_to_wait or 0) == 30


@pytest.mark.parametrize(
    "error",
    [
        DatasetError("no category 'rock'"),
        ValueError("negative"),
        SourceError("classes.csv: a column is there twice"),
        SourceUnreadable("a.png: permission denied"),
        PermissionError("the store is read-only"),
        PermissionDeniedError("403"),
        DeltaError("Generic S3 error: 403 Forbidden: SignatureDoesNotMatch"),
        KeyboardInterrupt(),
    ],
)
def test_what_cannot_pass_and_an_interrupt_end_the_step(error: BaseException) -> None:
    with pytest.raises(type(error)), retried():
        raise error


class LateLanding(LandingResource):
    """A landing zone that is mounted while a run is being tried for the first time."""

    def source(self, dataset: DatasetSpec) -> Source:
        asked_before = Path(f"{self.url}.asked")
        if asked_before.exists():
            land_pictures(Path(self.url), str(FIRST), "plant", 0, range(3))
        asked_before.touch()
        return super().source(dataset)


class TamperedWeights(ExtractorResource):
    """An extractor whose weights file is not the published one."""

    def extractor(self, dataset: DatasetSpec) -> Extractor:
        read_torch_weights(Path(__file__), LITE0.sha256)
        raise AssertionError("these weights should have been refused")


def run_daily(platform: Platform, changes: dict[str, object]) -> tuple[dg.ExecuteInProcessResult, list[str]]:
    """Run the first day's plants with other resources; the result and the steps that were tried again."""
    resources = build_resources(
        LandingResource(url=str(platform.landing)), StoreResource(url=str(platform.root / "store"))
    )
    definitions = build_definitions([platform.dataset], {**resources, **changes})
    with dg.DagsterInstance.ephemeral() as instance:
        result = definitions.resolve_job_def(daily_job_name(platform.dataset)).execute_in_process(
            instance=instance,
            partition_key=partition_key(platform.partition()),
            raise_on_error=False,
            run_config=SILENT,
        )
    return result, [str(event.step_key) for event in result.all_events if event.is_step_up_for_retry]


def test_a_landing_zone_that_is_away_for_a_moment_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "_RETRY_SECONDS", 0)
    platform = Platform(small_dataset(), tmp_path)
    result, tried_again = run_daily(platform, {"landing": LateLanding(url=str(platform.landing))})
    assert result.success
    assert tried_again == ["drawn__raw_images"]
    assert platform.rows(IMAGE_FEATURES).height == 3


def test_a_landing_zone_that_stays_away_fails_after_three_retries_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrying, "_RETRY_SECONDS", 0)
    result, tried_again = run_daily(Platform(small_dataset(), tmp_path), {})
    assert not result.success
    assert tried_again == ["drawn__raw_images"] * 3
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    error = failure.step_failure_data.error
    assert error is not None
    assert error.cause is not None
    assert error.cause.cls_name == "SourceAway"


def test_what_is_wrong_for_good_fails_at_once(tmp_path: Path) -> None:
    platform = Platform(small_dataset(), tmp_path)
    land_pictures(platform.landing, str(FIRST), "plant", 0, range(3))
    result, tried_again = run_daily(platform, {"extractors": TamperedWeights()})
    assert not result.success
    assert tried_again == []
