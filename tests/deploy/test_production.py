"""`deploy/dagster.yaml` at work: PostgreSQL, a bucket, separate processes, and kills in the middle of a backfill.

`make production` does it with 30 days of three categories; the tests with a few.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import yaml
from polars.testing import assert_frame_equal

from image_assets.environment import DATASETS, LANDING, PARTITIONS_PER_RUN, STORE
from image_assets.orchestration.automation import daily_job_name
from image_assets.orchestration.partitions import partition_key
from image_assets.schema import ARRIVALS, IMAGE_FEATURES, RAW_IMAGES, Partition
from image_assets.shards.manifest import FEATURE_SHARDS, read_manifest, shards_prefix
from image_assets.store.store import Store
from tests.daemon import ONE_DAY, environment, zone_at_noon
from tests.dagster_internals import BulkActionStatus, dagster_instance_config_schema, process_config
from tests.deploy.production import Production
from tests.pictures import land_pictures
from tests.platform import Platform, small_dataset
from tests.postgres_server import PostgresServer
from tests.s3_server import S3Server
from tests.test_docs import ROOT

DAYS = int(os.environ.get("PRODUCTION_DAYS", "2"))
CONFIG, WORKSPACE = ROOT / "deploy" / "dagster.yaml", ROOT / "deploy" / "workspace.yaml"
PICTURES = 4  # of a day and category
RUNTIME = 150  # seconds that a run may take, which is ten times of what one takes alone
_AT_WORK = (BulkActionStatus.REQUESTED, BulkActionStatus.FAILING)

_LAUNCH = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""


def problems(settings: dict[str, Any]) -> list[str]:
    """What Dagster says is wrong with an instance's settings."""
    return [str(one.message) for one in process_config(dagster_instance_config_schema(), settings).errors or []]


def test_the_settings_are_ones_that_dagster_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNS_DATABASE", "RUN_LOGS_BUCKET", "RUN_LOGS_FOLDER"):
        monkeypatch.setenv(name, "postgresql+psycopg2://somebody:secret@127.0.0.1/runs")
    settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    assert problems(settings) == []
    settings["run_monitoring"]["max_runtime"] = 10
    assert 'unexpected config entry "max_runtime"' in problems(settings)[0]


class Deployed:
    """A dataset with pictures of `DAYS` days, and the deployment that its days are run by."""

    def __init__(self, root: Path, database: str, server: S3Server) -> None:
        # No schedule has anything to do meanwhile, and the last day that there may be is never complete.
        zone = zone_at_noon()
        first = dt.datetime.now(ZoneInfo(zone)).date() - (DAYS + 3) * ONE_DAY
        self.dataset = small_dataset(extractor={"kind": "colour_statistics"}, start_day=first, time_zone=zone)
        self.days = [first + number * ONE_DAY for number in range(DAYS)]
        self.partitions = [Partition(day, category) for day in self.days for category in self.dataset.categories]
        self.platform = Platform(self.dataset, root)
        for number, one in enumerate(self.partitions):
            seeds = range(PICTURES * number, PICTURES * (number + 1))
            kind = self.dataset.label_of(one.category)
            land_pictures(self.platform.landing, str(one.date), one.category, kind, seeds)
        (root / "drawn.yaml").write_text(yaml.safe_dump(self.dataset.model_dump(mode="json")))
        self.store = Store(f"s3://{server.bucket()}/store", server.storage_options)
        self.home = root / "home"
        self.home.mkdir()
        settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
        # All as it is, but for the patience with runs that were killed together with the code server.
        settings["run_monitoring"] |= {"start_timeout_seconds": 90, "max_runtime_seconds": RUNTIME}
        (self.home / "dagster.yaml").write_text(yaml.safe_dump(settings))
        self.variables = {
            DATASETS.name: str(root / "drawn.yaml"),
            LANDING.name: str(self.platform.landing),
            STORE.name: self.store.url,
            PARTITIONS_PER_RUN.name: "1",
            "RUNS_DATABASE": database,
            "RUN_LOGS_BUCKET": server.bucket(),
            "RUN_LOGS_FOLDER": str(root / "printed"),
            "AWS_ENDPOINT_URL": server.endpoint,
            "AWS_ACCESS_KEY_ID": server.access_key,
            "AWS_SECRET_ACCESS_KEY": server.secret_key,
            "AWS_REGION": server.region,
            "AWS_ALLOW_HTTP": "true",
        }
        self.production = Production(self.home, WORKSPACE, environment(self.home, self.variables))

    def launch(self) -> str:
        """Ask for all partitions at once, as somebody does in the UI; the backfill's id."""
        selector = {
            "partitionSetName": f"{daily_job_name(self.dataset)}_partition_set",
            "repositorySelector": {"repositoryLocationName": "image_assets", "repositoryName": "__repository__"},
        }
        keys = [str(partition_key(one)) for one in self.partitions]
        told = self.production.ask(_LAUNCH, params={"selector": selector, "partitionNames": keys})
        launched = told["launchPartitionBackfill"]
        assert "backfillId" in launched, launched
        return launched["backfillId"]

    def wait_until_all_ended(self, instance: dg.DagsterInstance, backfill: str) -> None:
        """Wait for the backfill, and for the runs that are begun again."""

        def ended() -> bool | None:
            told = instance.get_backfill(backfill)
            runs = instance.get_runs()
            well = {run.tags["dagster/partition"] for run in runs if run.status is dg.DagsterRunStatus.SUCCESS}
            return (
                told is not None
                and told.status not in _AT_WORK
                and all(run.is_finished for run in runs)
                and len(well) == len(self.partitions)
            ) or None

        self.production.wait_for("end of the backfill", ended, 60 + 60 * len(self.partitions))

    def check_every_partition_is_there_once(self, instance: dg.DagsterInstance, given_up: str = "") -> None:
        """One run of each partition went well, its last asset was made once, and tables are those of a clean run.

        A run that was given up and went on after all may end well too: it finds that what it would write is there.
        """
        keys = {str(partition_key(one)) for one in self.partitions}
        well = [run for run in instance.get_runs() if run.is_success and run.run_id != given_up]
        assert Counter(run.tags["dagster/partition"] for run in well) == dict.fromkeys(keys, 1)
        last = dg.AssetKey([self.dataset.name, FEATURE_SHARDS])
        made = instance.fetch_materializations(last, limit=10 * len(keys)).records
        made = [record for record in made if record.run_id != given_up]
        assert Counter(record.partition_key for record in made) == dict.fromkeys(keys, 1)
        clean = Platform(self.dataset, self.platform.root)
        for day in self.days:
            assert clean.load(day).ok
        for schema in (ARRIVALS, RAW_IMAGES, IMAGE_FEATURES):
            found = self.store.table(self.dataset.name, schema).scan(None).collect()
            order = ["date", "category", found.columns[0]]
            assert found.height == PICTURES * len(keys)
            assert_frame_equal(found.sort(order), clean.rows(schema).sort(order))
        for partition in self.partitions:
            prefix = shards_prefix(self.dataset, partition)
            assert read_manifest(self.store.objects(), prefix) == read_manifest(clean.store.objects(), prefix)


@pytest.fixture
def deployed(
    tmp_path: Path, postgres_server: PostgresServer, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> Deployed:
    """A deployment that is not up yet; this process too reads its settings."""
    made = Deployed(tmp_path, postgres_server.new_database(), s3_server)
    for name, value in made.variables.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.mark.long
@pytest.mark.skipif(DAYS < 30, reason="only beside the other, of as many days: make production")
def test_a_backfill_comes_through_undisturbed(deployed: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    begun = time.monotonic()
    with deployed.production, dg.DagsterInstance.from_config(str(deployed.home)) as instance:
        deployed.wait_until_all_ended(instance, deployed.launch())
        took = time.monotonic() - begun
        assert len(instance.get_runs()) == len(deployed.partitions)
        deployed.check_every_partition_is_there_once(instance)
    with capsys.disabled():
        sys.stdout.write(f"undisturbed: {len(deployed.partitions)} partitions in {took:.0f} s\n")


@pytest.mark.long
def test_a_backfill_comes_through_though_daemon_code_server_and_workers_are_killed(
    deployed: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    production, begun = deployed.production, time.monotonic()
    with production, dg.DagsterInstance.from_config(str(deployed.home)) as instance:
        backfill = deployed.launch()
        # A run's process alone: the code server sees it end.
        alone = _at_work(production, instance)
        os.kill(alone.pid, signal.SIGKILL)
        _wait_until_failed(production, instance, alone)
        # The daemon, which hands out runs: it goes on where it was.
        _at_work(production, instance, not_these=[alone])
        production.daemon.kill()
        production.daemon.start()
        # A run's process together with the code server: nobody is left to see it.
        together = _at_work(production, instance, not_these=[alone])
        production.code_server.kill()
        os.kill(together.pid, signal.SIGKILL)
        production.restart_code_server()
        # A run that hangs, whose code server is gone: it has failed for everybody, and goes on after all.
        hanging = _at_work(production, instance, not_these=[alone, together])
        os.kill(hanging.pid, signal.SIGSTOP)
        production.code_server.kill()
        production.restart_code_server()
        for worker in (together, hanging):
            _wait_until_failed(production, instance, worker)
        deployed.wait_until_all_ended(instance, backfill)
        took = time.monotonic() - begun
        os.kill(hanging.pid, signal.SIGCONT)
        production.wait_for("end of the run that hung", lambda: None if _is_there(hanging.pid) else True)
        again = Counter(run.tags["dagster/partition"] for run in instance.get_runs())
        # Runs that were being started when the code server was killed are begun again too.
        assert min(again[worker.partition] for worker in (alone, together, hanging)) >= 2
        deployed.check_every_partition_is_there_once(instance, given_up=hanging.run_id)
    with capsys.disabled():
        sys.stdout.write(f"with kills: {len(deployed.partitions)} partitions in {took:.0f} s\n")


@dataclass(frozen=True)
class Worker:
    """The process of a run that has begun its work and not ended it."""

    run_id: str
    partition: str
    pid: int


def _at_work(production: Production, instance: dg.DagsterInstance, not_these: Sequence[Worker] = ()) -> Worker:
    """Some worker, of another partition than those."""
    known = {one.partition for one in not_these}

    def look() -> Worker | None:
        for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
            partition = run.tags["dagster/partition"]
            events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
            pids = [
                found for one in events if (found := re.search(r"Started process for run \(pid: (\d+)\)", one.message))
            ]
            if pids and partition not in known and _is_there(pid := int(pids[0][1])):
                return Worker(run.run_id, partition, pid)
        return None

    return production.wait_for("run that works", look)


def _wait_until_failed(production: Production, instance: dg.DagsterInstance, worker: Worker) -> None:
    def failed() -> bool | None:
        run = instance.get_run_by_id(worker.run_id)
        return (run is not None and run.status is dg.DagsterRunStatus.FAILURE) or None

    production.wait_for(f"failure of the run of {worker.partition}", failed)


def _is_there(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
