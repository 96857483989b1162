"""The deployment as its own processes: definitions that load, and a daemon that works through a day."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import yaml

from image_assets.dataset import DatasetError, bundled_names
from image_assets.definitions import defs
from image_assets.environment import DATASETS, LANDING, STORE, UnknownVariable
from image_assets.orchestration.partitions import partition_key
from image_assets.schema import Partition
from tests.asset_names import REFRESHED, REPORTS
from tests.daemon import ONE_DAY, ROOT, WORKSPACE, Daemon, environment, zone_at_noon
from tests.dagster_internals import InstigatorType
from tests.pictures import land_pictures
from tests.platform import Platform, small_dataset


def test_definitions_load_as_the_environment_says(tmp_path: Path) -> None:
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(small_dataset().model_dump(mode="json")))
    done = subprocess.run(
        [Path(sys.executable).with_name("dagster"), "definitions", "validate", "-w", WORKSPACE],
        cwd=ROOT,
        env=environment(tmp_path, {DATASETS.name: f"kingdoms, {tmp_path}/drawn.yaml"}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout


def test_definitions_do_not_load_with_a_dataset_file_that_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wrong.yaml").write_text("name: wrong\n")
    monkeypatch.setenv(DATASETS.name, f"{tmp_path}/wrong.yaml")
    with pytest.raises(DatasetError, match=r"wrong\.yaml is not a usable dataset file"):
        defs()


def test_where_nothing_says_which_datasets_all_are_shown_and_none_runs_by_itself(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(DATASETS.name, "kingdoms")
    named = defs().get_repository_def()
    assert named.schedule_defs
    monkeypatch.setenv(DATASETS.name, " , ")
    shown = defs().get_repository_def()
    assert {key.path[0] for key in shown.asset_graph.get_all_asset_keys()} == set(bundled_names())
    assert "kingdoms_daily" in shown.job_names
    assert shown.schedule_defs == []
    assert {sensor.default_status for sensor in shown.sensor_defs} <= {dg.DefaultSensorStatus.STOPPED}
    assert "IMAGE_ASSETS_DATASETS is not set" in caplog.text


def test_definitions_do_not_load_with_a_misspelt_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATASETS.name, "sample")
    monkeypatch.setenv("IMAGE_ASSETS_LANDNG", "elsewhere")
    with pytest.raises(UnknownVariable, match=r"IMAGE_ASSETS_LANDNG, .* did you mean IMAGE_ASSETS_LANDING\?"):
        defs()


@pytest.mark.long
def test_a_daemon_that_was_down_at_seven_loads_the_day_and_refreshes_once(tmp_path: Path) -> None:
    """The real clock cannot be moved, so the daemon is: it finds the tick of seven o'clock missed and makes up for it.

    From there on all is the daemon's: the queue, a process for every run, the automation sensor at its own pace.
    """
    zone = zone_at_noon()
    now = dt.datetime.now(ZoneInfo(zone))
    yesterday = now.date() - ONE_DAY
    categories = {"plant": 0, "animal": 1}
    dataset = small_dataset(categories=categories, time_zone=zone, start_day=yesterday - 3 * ONE_DAY)
    platform = Platform(dataset, tmp_path)
    for category, kind in categories.items():
        land_pictures(platform.landing, str(yesterday), category, kind, range(8))
    (tmp_path / "drawn.yaml").write_text(yaml.safe_dump(dataset.model_dump(mode="json")))
    variables = {
        DATASETS.name: str(tmp_path / "drawn.yaml"),
        LANDING.name: str(platform.landing),
        STORE.name: platform.store.url,
    }
    seven = now.replace(hour=7, minute=0, second=0, microsecond=0)
    definitions = platform.definitions()
    daemon = Daemon(tmp_path / "home", variables)
    daemon.was_down_since(seven, definitions.resolve_schedule_def("drawn_at_seven"))
    whole_dataset = {dg.AssetKey(["drawn", name]) for name in (*REFRESHED, *REPORTS)}
    with daemon:
        *daily, refresh = runs = daemon.wait_for("three finished runs", lambda: daemon.finished_runs(3))
        assert daemon.next_tick_requests(definitions) == 0
        (missed,) = daemon.ticks(InstigatorType.SCHEDULE)
        sensor_ticks = daemon.ticks(InstigatorType.SENSOR)
        evaluations = [
            entry.asset_check_evaluation
            for run in runs
            for entry in daemon.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        ]
        loaded = daemon.instance.get_materialized_partitions(dg.AssetKey(["drawn", "feature_shards"]))
        made = [daemon.instance.get_latest_materialization_event(key) for key in whole_dataset]

    assert [run.status for run in runs] == [dg.DagsterRunStatus.SUCCESS] * 3
    assert missed.timestamp == seven.timestamp()
    assert sorted(missed.run_ids) == sorted(run.run_id for run in daily)
    partitions = {str(partition_key(Partition(yesterday, category))) for category in categories}
    assert {run.tags["dagster/partition"] for run in daily} == partitions == loaded
    # The first tick of the sensor came before the day was there; only one asked for anything, and that in one run.
    assert [tick.run_ids for tick in sensor_ticks if tick.run_ids] == [[refresh.run_id]]
    assert sensor_ticks[0].run_ids == []
    assert refresh.asset_selection == whole_dataset
    assert [event.run_id if event else None for event in made] == [refresh.run_id] * len(whole_dataset)
    assert evaluations
    assert all(evaluation is not None and evaluation.passed for evaluation in evaluations)


def test_definitions_load_without_the_libraries_that_only_some_assets_need() -> None:
    # They would cost every run, daemon and command seconds and a hundred megabytes.
    heavy = ("sklearn", "scipy", "matplotlib", "aiohttp", "tensorflow", "onnxruntime", "pandas", "skops", "cleanlab")
    heavy += ("keras", "safetensors")
    program = f"import sys, image_assets.definitions; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
