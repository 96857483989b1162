"""Old runs leave Dagster's records; what they made and what the checks last found stays known."""

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from image_assets.cli import main
from image_assets.environment import KEEP_RUNS_DAYS
from image_assets.orchestration.dagster_home import open_instance
from image_assets.run_history.job import JOB_NAME, prune_definitions
from image_assets.run_history.prune import Pruned, PruneError, prune_runs
from tests.cli.shapes import assert_told
from tests.dagster_internals import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    TickData,
    TickStatus,
)

_PARTITIONS = dg.StaticPartitionsDefinition(["owl", "duck"])
_NUMBERS, _PAGE = dg.AssetKey("numbers"), dg.AssetKey("page")
_CHECK = dg.AssetCheckKey(_NUMBERS, "many")


class _Config(dg.Config):
    fails: bool = False


@dg.asset(partitions_def=_PARTITIONS)
def numbers(config: _Config) -> dg.MaterializeResult:
    if config.fails:
        raise ValueError("the disk is on fire")
    return dg.MaterializeResult(metadata={"rows": 3})


@dg.asset_check(asset=numbers, partitions_def=_PARTITIONS)
def many() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=False, severity=dg.AssetCheckSeverity.WARN, metadata={"found": 3})


@dg.asset
def page() -> dg.MaterializeResult:
    return dg.MaterializeResult(metadata={"plot": dg.MetadataValue.md("".join(str(n) for n in range(20_000)))})


@pytest.fixture(params=["one file", "a file per run"])
def instance(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """A home as the command line makes it, and one as Dagster makes it."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    if request.param == "one file":
        open_instance(str(tmp_path / "store")).dispose()
    else:
        (tmp_path / "dagster").mkdir()
        (tmp_path / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(tmp_path / "dagster")) as opened:
        yield opened


def _numbers(instance: dg.DagsterInstance, partition: str = "owl", *, fails: bool = False) -> str:
    config = dg.RunConfig({"numbers": _Config(fails=fails)})
    made = dg.materialize(
        [numbers, many], instance=instance, partition_key=partition, run_config=config, raise_on_error=False
    )
    assert made.success is not fails
    return made.run_id


def _page(instance: dg.DagsterInstance) -> str:
    return dg.materialize([page], instance=instance).run_id


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _known(instance: dg.DagsterInstance) -> object:
    """What pages, conditions and `status` ask Dagster for."""
    log = instance.event_log_storage
    checks = [
        (one.partition_key, one.latest_execution_status, one.latest_check_event_storage_id, one.latest_planned_run_id)
        for one in log.get_asset_check_partition_info([_CHECK])
    ]
    latest = [instance.get_latest_materialization_event(key) for key in (_NUMBERS, _PAGE)]
    by_partition = log.get_latest_storage_id_by_partition(_NUMBERS, dg.DagsterEventType.ASSET_MATERIALIZATION)
    history = log.get_latest_asset_check_execution_by_key([_CHECK])
    evaluation = history[_CHECK].event
    assert evaluation is not None
    versions = log.get_latest_tags_by_partition(
        _NUMBERS, dg.DagsterEventType.ASSET_MATERIALIZATION, ["dagster/data_version"]
    )
    return checks, latest, dict(by_partition), evaluation, versions, instance.get_materialized_partitions(_NUMBERS)


def _events(instance: dg.DagsterInstance, run: str) -> int:
    return len(instance.all_logs(run))


def test_what_was_made_and_checked_stays_known_when_every_run_is_gone(instance: dg.DagsterInstance) -> None:
    runs = [_numbers(instance, "owl"), _numbers(instance, "duck"), _page(instance)]
    known = _known(instance)
    pruned = prune_runs(instance, _now())
    assert (pruned.runs, pruned.kept) == (3, 0)
    assert instance.get_runs_count() == 0
    assert all(instance.get_run_by_id(run) is None for run in runs)
    assert _known(instance) == known
    assert instance.get_materialized_partitions(_NUMBERS) == {"owl", "duck"}


def test_dagsters_own_deletion_would_forget_the_partition(instance: dg.DagsterInstance) -> None:
    run = _numbers(instance)
    instance.delete_run(run)
    assert instance.get_materialized_partitions(_NUMBERS) == set()


def test_what_is_younger_stays_whole(instance: dg.DagsterInstance) -> None:
    old = _page(instance)
    moment = _now()
    young = _page(instance)
    events = _events(instance, young)
    assert prune_runs(instance, moment).runs == 1
    assert instance.get_run_by_id(old) is None
    assert instance.get_run_by_id(young) is not None
    assert _events(instance, young) == events


def test_what_a_later_run_has_replaced_goes_also_after_its_run_was_pruned(instance: dg.DagsterInstance) -> None:
    _numbers(instance, "owl")
    prune_runs(instance, _now())
    assert len(instance.fetch_materializations(_NUMBERS, limit=9).records) == 1
    _numbers(instance, "owl")
    _numbers(instance, "owl")
    assert len(instance.fetch_materializations(_NUMBERS, limit=9).records) == 3
    known = _known(instance)
    prune_runs(instance, _now())
    assert len(instance.fetch_materializations(_NUMBERS, limit=9).records) == 1
    assert len(instance.event_log_storage.get_asset_check_execution_history(_CHECK, limit=9)) == 1
    assert _known(instance) == known


def test_a_run_that_failed_stays_until_its_partition_went_well(instance: dg.DagsterInstance) -> None:
    failed = _numbers(instance, "owl", fails=True)
    _numbers(instance, "duck")
    events = _events(instance, failed)
    pruned = prune_runs(instance, _now())
    assert (pruned.runs, pruned.kept) == (1, 1)
    assert _events(instance, failed) == events
    _numbers(instance, "owl")
    assert prune_runs(instance, _now()).runs == 2
    assert instance.get_run_by_id(failed) is None


def test_a_run_that_has_not_ended_stays_however_old(instance: dg.DagsterInstance) -> None:
    run = instance.add_run(dg.DagsterRun(job_name="long", status=dg.DagsterRunStatus.STARTED))
    instance.report_engine_event("it goes on", run)
    pruned = prune_runs(instance, _now())
    assert (pruned.runs, pruned.kept) == (0, 1)
    assert _events(instance, run.run_id) == 1


def test_a_dry_run_removes_nothing(instance: dg.DagsterInstance) -> None:
    run = _page(instance)
    events = _events(instance, run)
    would = prune_runs(instance, _now(), dry_run=True)
    assert would.runs == 1
    assert _events(instance, run) == events
    assert 0 < would.events <= events + 1
    assert prune_runs(instance, _now()) == would
    assert prune_runs(instance, _now()) == Pruned(0, 0, 0, 0)


def test_the_bytes_that_are_told_are_those_that_go(instance: dg.DagsterInstance) -> None:
    for _ in range(8):
        _page(instance)
    root = Path(instance.root_directory)

    def stored() -> int:
        return sum(file.stat().st_size for file in root.rglob("*") if file.is_file())

    prune_runs(instance, _now() - dt.timedelta(days=1))  # free pages are given back
    before = stored()
    told = prune_runs(instance, _now()).bytes
    assert told > 8 * 20_000 * 0.1  # each page has so much text, which may be kept compressed
    assert before - stored() > 0.7 * told


def test_nothing_of_a_removed_run_is_left_in_the_home(instance: dg.DagsterInstance) -> None:
    run = _page(instance)
    _page(instance)
    root = Path(instance.root_directory)
    before = sum(file.stat().st_size for file in root.rglob("*.db*"))
    assert any(run.encode() in file.read_bytes() for file in root.rglob("*") if file.is_file())
    prune_runs(instance, _now())
    assert not any(run.encode() in file.read_bytes() for file in root.rglob("*") if file.is_file())
    assert not any(run in str(file) for file in root.rglob("*"))
    assert sum(file.stat().st_size for file in root.rglob("*.db*")) < before


def test_ticks_of_that_time_go_too(instance: dg.DagsterInstance) -> None:
    # As the daemon keeps a schedule and its ticks.
    from tests.dagster_internals import (
        InProcessCodeLocationOrigin,
        LoadableTargetOrigin,
        RemoteInstigatorOrigin,
        RemoteRepositoryOrigin,
    )

    location = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="image_assets.definitions"))
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "all"), "at_seven")
    state = InstigatorState(
        origin, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, ScheduleInstigatorData("0 7 * * *")
    )
    instance.add_instigator_state(state)
    moments = [_now().timestamp() - 1_000, _now().timestamp() + 1_000]
    for moment in moments:
        instance.create_tick(
            TickData(
                instigator_origin_id=origin.get_id(),
                instigator_name="at_seven",
                instigator_type=InstigatorType.SCHEDULE,
                status=TickStatus.SKIPPED,
                timestamp=moment,
                selector_id=state.selector_id,
            )
        )
    prune_runs(instance, _now())
    left = instance.get_ticks(origin.get_id(), state.selector_id)
    assert [one.timestamp for one in left] == pytest.approx(moments[1:])


def test_a_store_of_runs_of_another_kind_is_refused() -> None:
    with dg.DagsterInstance.ephemeral() as instance:

        class Elsewhere:
            event_log_storage = object()
            run_storage = instance.run_storage

        with pytest.raises(PruneError, match="object, which cannot be pruned"):
            prune_runs(Elsewhere(), _now())  # pyright: ignore[reportArgumentType]


def test_the_command_says_what_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    store = str(tmp_path / "store")
    assert main(["runs", "prune", "--store", store]) == 2
    assert "no runs are recorded" in capsys.readouterr().err
    with open_instance(store) as instance:
        _page(instance)
    assert main(["runs", "prune", "--store", store, "--dry-run"]) == 0
    assert capsys.readouterr().out.startswith("0 runs that ended before")
    assert main(["runs", "prune", "--store", store, "--json"]) == 0
    assert_told("runs prune", json.loads(capsys.readouterr().out))
    monkeypatch.setenv(KEEP_RUNS_DAYS.name, "none")
    assert main(["runs", "prune", "--store", store]) == 2
    assert KEEP_RUNS_DAYS.name in capsys.readouterr().err


def test_the_weekly_run_prunes_the_instance_it_runs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("image_assets.run_history.job.days_to_keep", lambda: 0)
    with dg.DagsterInstance.ephemeral() as instance:
        _page(instance)
        job = prune_definitions().resolve_job_def(JOB_NAME)
        assert job.execute_in_process(instance=instance).success
        assert [run.job_name for run in instance.get_runs()] == [JOB_NAME]


def test_days_to_keep_that_are_none_stop_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEEP_RUNS_DAYS.name, "0")
    with pytest.raises(ValueError, match="expected a number of days"):
        prune_definitions()
