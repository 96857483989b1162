"""Dagster's daemon in tests: a real one, started, watched and stopped; and its automation tick by tick, without one."""

from __future__ import annotations

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import dagster as dg
import matplotlib

from image_assets.orchestration.automation import daily_job_name, refresh_job_name
from image_assets.orchestration.partitions import partition_key
from image_assets.schema import Partition
from tests.asset_names import DECIDING, PARTITIONED, REPORTS, refreshed_assets
from tests.dagster_internals import (
    AssetDaemonCursor,
    BulkActionStatus,
    InMemoryJob,
    InstigatorState,
    InstigatorStatus,
    InstigatorTick,
    InstigatorType,
    PartitionBackfill,
    RemoteRepositoryOrigin,
    ScheduleInstigatorData,
    SensorInstigatorData,
    WorkspaceFileTarget,
    asset_daemon_cursor_from_instigator_serialized_cursor,
    execute_run_iterator,
)
from tests.pictures import land_pictures
from tests.platform import Platform

T = TypeVar("T")

ONE_DAY = dt.timedelta(days=1)
ROOT = Path(__file__).parents[1]
WORKSPACE = ROOT / "workspace.yaml"
SILENT = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}

_CONFIG = """\
telemetry: {enabled: false}
nux: {enabled: false}
concurrency: {runs: {max_concurrent_runs: 2}}
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config: {dequeue_interval_seconds: 1}
event_log_storage: {module: image_assets.run_history, class: RunHistory}
"""


def zone_at_noon() -> str:
    """A time zone in which it is between twelve and one o'clock: seven has passed today, and midnight is far."""
    east = 12 - dt.datetime.now(dt.UTC).hour
    return f"Etc/GMT{-east:+d}"  # these zones count westwards


def environment(home: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """An environment in which Dagster keeps to `home`, which is also the user's home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "IMAGE_ASSETS"))}
    # A new home has no list of fonts, and matplotlib would take seconds to make one.
    fonts = {"MPLCONFIGDIR": matplotlib.get_cachedir()}
    return {**kept, **fonts, "HOME": str(home), "DAGSTER_HOME": str(home), **variables}


class Daemon:
    """`dagster-daemon run` on the project's workspace, with the code server and the runs that it starts itself.

    A context manager: the process group of the daemon, and no other process, is ended with it.

    Args:
        home: `DAGSTER_HOME`; its configuration is written.
        variables: What the definitions read from the environment.
        workspace: What it loads.
        more_config: Lines for the instance's configuration.
    """

    def __init__(
        self, home: Path, variables: Mapping[str, str], workspace: Path = WORKSPACE, more_config: str = ""
    ) -> None:
        home.mkdir(exist_ok=True)
        (home / "dagster.yaml").write_text(_CONFIG + more_config)
        self._workspace = workspace
        self._log = home / "daemon.log"
        self._environment = environment(home, variables)
        self.instance = dg.DagsterInstance.from_config(str(home))

    def __enter__(self) -> Daemon:
        program = Path(sys.executable).with_name("dagster-daemon")
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                [program, "run", "-w", self._workspace],
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        group = self._process.pid
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
        self._process.wait()
        self.instance.dispose()

    def kill(self) -> None:
        """End everything at once, as when the machine loses power."""
        os.killpg(self._process.pid, signal.SIGKILL)

    def was_down_since(self, moment: dt.datetime, schedule: dg.ScheduleDefinition) -> None:
        """Have the schedule look as if the daemon had been up until just before `moment`, and not since."""
        (location,) = WorkspaceFileTarget([str(WORKSPACE)]).create_origins()
        origin = RemoteRepositoryOrigin(location, "__repository__").get_instigator_origin(schedule.name)
        data = ScheduleInstigatorData(schedule.cron_schedule, start_timestamp=moment.timestamp() - 1)
        state = InstigatorState(origin, InstigatorType.SCHEDULE, InstigatorStatus.DECLARED_IN_CODE, data)
        self.instance.add_instigator_state(state)

    def wait_for(self, what: str, look: Callable[[], T | None], seconds: float = 240) -> T:
        """What `look` finds, as soon as it finds something; fails with the end of the log where it never does."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if (found := look()) is not None:
                return found
            if self._process.poll() is not None:
                break
            time.sleep(0.2)
        runs = "\n".join(f"{run.job_name} {run.tags.get('dagster/partition')} {run.status}" for run in self.runs())
        log = "\n".join(self._log.read_text().splitlines()[-40:])
        raise AssertionError(f"no {what} within {seconds} s\nruns:\n{runs}\nend of the daemon's log:\n{log}")

    def runs(self) -> list[dg.DagsterRun]:
        """All runs, oldest first."""
        return list(reversed(self.instance.get_runs()))

    def finished_runs(self, number: int) -> list[dg.DagsterRun] | None:
        """All runs once there are `number` and every one has ended."""
        runs = self.runs()
        return runs if len(runs) >= number and all(run.is_finished for run in runs) else None

    def ticks(self, kind: InstigatorType) -> list[InstigatorTick]:
        """The finished ticks of the one schedule or of the automation sensor, oldest first."""
        ticks = [
            tick
            for state in self._states(kind)
            for tick in self.instance.get_ticks(state.instigator_origin_id, state.selector_id)
        ]
        return sorted((tick for tick in ticks if tick.end_timestamp), key=lambda tick: tick.timestamp)

    def _states(self, kind: InstigatorType) -> list[InstigatorState]:
        states = self.instance.all_instigator_state(instigator_type=kind)
        return [state for state in states if kind is InstigatorType.SCHEDULE or state.name.endswith("_when_complete")]

    def next_tick_requests(self, definitions: dg.Definitions) -> int:
        """How many assets the automation sensor's next tick would request, from what its last one has kept."""
        (state,) = self._states(InstigatorType.SENSOR)
        assert isinstance(state.instigator_data, SensorInstigatorData)
        cursor = asset_daemon_cursor_from_instigator_serialized_cursor(
            state.instigator_data.cursor, definitions.resolve_asset_graph()
        )
        return dg.evaluate_automation_conditions(definitions, self.instance, cursor=cursor).total_requested


class Ticks:
    """Real runs over a small landing zone, and the automation condition evaluated between and within them.

    Args:
        platform: A dataset that lives in `zone_at_noon()`.
        instance: Where the runs are recorded.
        shift: What the ticks' clock says less the real one.
    """

    def __init__(self, platform: Platform, instance: dg.DagsterInstance, shift: dt.timedelta) -> None:
        self.platform = platform
        self.shift = shift
        self.latest = (dt.datetime.now(platform.dataset.zone) + shift).date() - ONE_DAY
        self.earlier = self.latest - ONE_DAY
        self._instance = instance
        self._definitions = platform.definitions()
        self._cursor: AssetDaemonCursor | None = None
        assert self.requested() == []

    def land(self, category: str, pictures: range) -> None:
        """Have pictures arrive on the latest day."""
        kind = self.platform.dataset.label_of(category)
        land_pictures(self.platform.landing, str(self.latest), category, kind, pictures)

    def requested(self) -> list[str]:
        """The assets that a tick now asks for."""
        now = dt.datetime.now(dt.UTC) + self.shift
        result = dg.evaluate_automation_conditions(
            self._definitions, self._instance, evaluation_time=now, cursor=self._cursor
        )
        self._cursor = result.cursor
        refreshed = refreshed_assets(self.platform.dataset)
        requested = [name for name in refreshed if result.get_num_requested(self._key(name))]
        reports = sum(result.get_num_requested(self._key(name)) for name in REPORTS)
        assert result.total_requested == len(requested) + reports
        return requested

    def load(self, category: str, day: dt.date | None = None, *, tick_within: bool = False) -> list[list[str]]:
        """Run the daily job for a category and day, the latest if not told.

        Returns:
            What the ticks within the run asked for, if there are to be any: one at its start and end each, and one
            after each of the deciding assets was made and after every evaluation of one of their checks.
        """
        daily = self._job(daily_job_name(self.platform.dataset))
        return [
            self.requested()
            for event in self._run(daily, Partition(day or self.latest, category))
            if tick_within and _is_telling(event)
        ]

    def refresh(self, meanwhile: Callable[[], None]) -> None:
        """Run the refresh; `meanwhile` is called after the first of its steps."""
        refresh = self._run(self._job(refresh_job_name(self.platform.dataset)), None)
        next(event for event in refresh if event.is_step_success)
        meanwhile()
        list(refresh)

    @contextmanager
    def backfill(self, *partitions: Partition) -> Iterator[None]:
        """A backfill of these partitions is under way; what it has run so far is up to the test."""
        backfill = PartitionBackfill.from_asset_partitions(
            backfill_id="late",
            asset_graph=self._definitions.resolve_asset_graph(),
            partition_names=[str(partition_key(partition)) for partition in partitions],
            asset_selection=[self._key(name) for name in PARTITIONED],
            backfill_timestamp=time.time(),
            tags={},
            dynamic_partitions_store=self._instance,
            all_partitions=False,
            title=None,
            description=None,
            run_config=None,
        )
        self._instance.add_backfill(backfill)
        yield
        self._instance.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED_SUCCESS))

    def make_features(self, category: str) -> None:
        """Make the latest day's features again by themselves, without checks."""
        job = self._definitions.resolve_implicit_global_asset_job_def().get_subset(
            asset_selection={self._key("image_features")}, asset_check_selection=set()
        )
        list(self._run(job, Partition(self.latest, category)))

    def check_features(self, category: str) -> bool:
        """Run the checks of the latest day's features by themselves; whether the blocking ones passed."""
        assets = self._definitions.resolve_asset_graph()
        checks = {key for key in assets.asset_check_keys if key.asset_key == self._key("image_features")}
        job = self._definitions.resolve_implicit_global_asset_job_def().get_subset(asset_check_selection=checks)
        *_, last = self._run(job, Partition(self.latest, category))
        return last.event_type is dg.DagsterEventType.RUN_SUCCESS

    def _key(self, asset: str) -> dg.AssetKey:
        return dg.AssetKey([self.platform.dataset.name, asset])

    def _job(self, name: str) -> dg.JobDefinition:
        return self._definitions.resolve_job_def(name)

    def _run(self, job: dg.JobDefinition, partition: Partition | None) -> Iterator[dg.DagsterEvent]:
        daily = self._job(daily_job_name(self.platform.dataset))
        tags = daily.get_tags_for_partition_key(partition_key(partition), None) if partition else {}
        run = self._instance.create_run_for_job(job, tags=tags, run_config=SILENT)
        yield from execute_run_iterator(InMemoryJob(job), run, self._instance)


def _is_telling(event: dg.DagsterEvent) -> bool:
    if event.event_type in (dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        return any(asset in str(event.step_key) for asset in DECIDING)
    return event.event_type in (
        dg.DagsterEventType.RUN_START,
        dg.DagsterEventType.RUN_SUCCESS,
        dg.DagsterEventType.RUN_FAILURE,
    )
