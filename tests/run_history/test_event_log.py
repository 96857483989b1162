"""The run history keeps what Dagster's own event log keeps: in one file, also with several processes at once."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import dagster as dg
import pytest

from image_assets.orchestration.dagster_home import open_instance
from image_assets.run_history import RunHistory

_PARTITIONS = dg.StaticPartitionsDefinition(["owl", "duck"])
# One run of one asset, as a process of its own.
_PROGRAM = """
import sys, dagster as dg
@dg.asset
def numbers(): return dg.MaterializeResult(metadata={"rows": 3, "long": "x" * 3000})
with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    for _ in range(3):
        assert dg.materialize([numbers], instance=instance).success
"""


@dg.asset(partitions_def=_PARTITIONS)
def numbers(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"rows": 3, "plot": dg.MetadataValue.md("picture " * 1_000)})


@dg.asset_check(asset=numbers)
def many() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, metadata={"found": 3})


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home as the command line makes it."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    open_instance(str(tmp_path / "store")).dispose()
    return tmp_path / "dagster"


def _run(instance: dg.DagsterInstance) -> str:
    result = dg.materialize([numbers, many], instance=instance, partition_key="owl")
    assert result.success
    return result.run_id


def test_a_home_of_our_own_has_it(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert isinstance(instance.event_log_storage, RunHistory)
        run = _run(instance)
    # Another process finds what the first has written.
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert instance.get_run_by_id(run) is not None
        event = instance.get_latest_materialization_event(dg.AssetKey("numbers"))
        assert event is not None
        assert event.asset_materialization is not None
        assert event.asset_materialization.metadata["rows"].value == 3
        assert instance.get_materialized_partitions(dg.AssetKey("numbers")) == {"owl"}


def test_it_tells_of_a_run_what_dagsters_own_log_tells(home: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    told = []
    for folder in (home, tmp_path / "own"):
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            run = _run(instance)
            told.append([(e.dagster_event_type, e.step_key) for e in instance.all_logs(run)])
            evaluations = instance.all_logs(run, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
            found = [entry.asset_check_evaluation for entry in evaluations]
            assert [(one.passed, one.severity) for one in found if one] == [(False, dg.AssetCheckSeverity.WARN)]
    assert told[0] == told[1]


def test_it_keeps_of_checks_what_dagsters_own_log_keeps(home: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    key, kept = dg.AssetCheckKey(dg.AssetKey("numbers"), "many"), []
    job = dg.Definitions(assets=[numbers], asset_checks=[many]).resolve_implicit_global_asset_job_def()
    for folder in (home, tmp_path / "own"):
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            _run(instance)
            # Planned and never evaluated, and evaluated outside of a run.
            instance.create_run_for_job(job, tags={"dagster/partition": "owl"})
            instance.report_runless_asset_event(dg.AssetCheckEvaluation(key.asset_key, key.name, passed=True))
            found = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
            kept.append(
                [(one.status.value, one.partition, one.event and one.event.dagster_event_type) for one in found]
            )
            (made,) = instance.fetch_materializations(key.asset_key, limit=10).records
            evaluation = found[-1].evaluation
            assert evaluation is not None
            assert evaluation.target_materialization_data is not None
            assert evaluation.target_materialization_data.storage_id == made.storage_id
            assert found[-1].create_timestamp <= found[0].create_timestamp
    assert kept[0] == kept[1]
    assert [status for status, *_ in kept[0]] == ["SUCCEEDED", "PLANNED", "FAILED"]


def test_it_keeps_of_assets_what_dagsters_own_log_keeps(home: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    key, kept = dg.AssetKey("numbers"), []
    for folder in (home, tmp_path / "own"):
        with dg.DagsterInstance.from_config(str(folder)) as instance:
            runs = [_run(instance), _run(instance)]
            (record,) = instance.get_asset_records([key])
            latest = record.asset_entry.last_materialization_record
            assert latest is not None
            assert latest.asset_materialization is not None
            assert record.asset_entry.last_run_id == latest.run_id == runs[1]
            tags = instance.event_log_storage.get_latest_tags_by_partition(
                key, dg.DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
            )
            kept.append([{"owl": sorted(tags["owl"])}, latest.partition_key, latest.asset_materialization.metadata])
            assert instance.has_asset_key(key)
    assert kept[0] == kept[1]


def test_what_a_materialisation_has_is_not_kept_with_its_output_too(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        logs = instance.all_logs(_run(instance))
    outputs = [one for one in logs if one.dagster_event_type is dg.DagsterEventType.STEP_OUTPUT]
    made = [one.asset_materialization for one in logs if one.asset_materialization]
    assert outputs
    assert not any(one.get_dagster_event().step_output_data.metadata for one in outputs)
    assert made[0].metadata["plot"].value == "picture " * 1_000


def test_what_is_long_lies_there_compressed(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        _run(instance)
    with sqlite3.connect(home / "history" / "event_log.db") as database:
        kept = database.execute("SELECT typeof(event), count(*) FROM event_logs GROUP BY 1").fetchall()
        keys = database.execute("SELECT DISTINCT typeof(asset_key) FROM event_logs WHERE asset_key > ''").fetchall()
    assert dict(kept)["blob"] > 10
    assert keys == [("text",)]


def test_a_deleted_run_is_gone_from_it(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        run, other = _run(instance), _run(instance)
        instance.delete_run(run)
        assert not instance.all_logs(run)
        assert instance.all_logs(other)


def test_several_processes_make_it_and_write_at_once(home: Path) -> None:
    for file in (home / "history").glob("event_log.db*"):
        file.unlink()
    command = [sys.executable, "-c", _PROGRAM, str(home)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
    with dg.DagsterInstance.from_config(str(home)) as instance:
        found = instance.fetch_materializations(dg.AssetKey("numbers"), limit=100).records
    assert len(found) == 9


def test_who_watches_a_run_is_told_of_its_events(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance, dg.DagsterInstance.from_config(str(home)) as other:
        run = instance.add_run(dg.DagsterRun(job_name="numbers"))
        told = threading.Event()
        instance.watch_event_logs(run.run_id, None, lambda *_: told.set())
        other.report_engine_event("something happened", run)
        assert told.wait(60)
