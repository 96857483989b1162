"""A deployment of a small dataset with all that `deploy/` says, and what is asked of it: its runs, and their end."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import yaml
from polars.testing import assert_frame_equal

from image_assets.environment import DATASETS, LANDING, PARTITIONS_PER_RUN, STORE
from image_assets.orchestration.automation import daily_job_name
from image_assets.orchestration.partitions import partition_key
from image_assets.schema import ARRIVALS, IMAGE_FEATURES, RAW_IMAGES, Partition
from image_assets.shards.manifest import FEATURE_SHARDS, read_manifest, shards_prefix
from image_assets.store.store import Store
from tests.daemon import ONE_DAY, environment, zone_at_noon
from tests.dagster_internals import BulkActionStatus
from tests.deploy.production import Production
from tests.pictures import clouds, land_pictures
from tests.platform import Platform, small_dataset
from tests.s3_server import S3Server
from tests.test_docs import ROOT

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


class Deployed:
    """A dataset with pictures of some days, and the deployment that its days are run by.

    Args:
        root: Where landing zone, home and logs are.
        database: Where Dagster keeps its records.
        server: Where the store and what runs print are kept.
        days: How many have landed.
        begin_again: Whether runs whose process died are begun again.
    """

    def __init__(self, root: Path, database: str, server: S3Server, days: int, *, begin_again: bool = True) -> None:
        # No schedule has anything to do meanwhile, and the last day that there may be is never complete.
        zone = zone_at_noon()
        first = dt.datetime.now(ZoneInfo(zone)).date() - (days + 3) * ONE_DAY
        self.dataset = small_dataset(extractor={"kind": "colour_statistics"}, start_day=first, time_zone=zone)
        self.days = [first + number * ONE_DAY for number in range(days)]
        self.partitions = [Partition(day, category) for day in self.days for category in self.dataset.categories]
        self.platform = Platform(self.dataset, root)
        for number, one in enumerate(self.partitions):
            seeds = range(PICTURES * number, PICTURES * (number + 1))
            kind = self.dataset.label_of(one.category)
            # No two alike: which of these are held back goes by what is there when a partition is published, and
            # days come in another order where runs are begun again, until the next refresh has them published anew.
            land_pictures(self.platform.landing, str(one.date), one.category, kind, seeds, clouds)
        (root / "drawn.yaml").write_text(yaml.safe_dump(self.dataset.model_dump(mode="json")))
        self.store = Store(f"s3://{server.bucket()}/store", server.storage_options)
        self.home = root / "home"
        self.home.mkdir()
        settings = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
        # All as it is, but for the patience with runs that were killed together with the code server.
        settings["run_monitoring"] |= {"start_timeout_seconds": 90, "max_runtime_seconds": RUNTIME}
        settings["run_retries"]["enabled"] = begin_again
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

        try:
            self.production.wait_for("end of the backfill", ended, 60 + 60 * len(self.partitions))
        except AssertionError as error:
            raise AssertionError(f"{error}\n{_said_of_runs(instance, backfill)}") from None

    def ended_well(self, instance: dg.DagsterInstance, given_up: str = "") -> Counter[str]:
        """How many runs of each partition ended well, but for one."""
        well = [run for run in instance.get_runs() if run.is_success and run.run_id != given_up]
        return Counter(run.tags["dagster/partition"] for run in well)

    def check_every_partition_is_there_once(self, instance: dg.DagsterInstance, given_up: str = "") -> None:
        """One run of each partition went well, its last asset was made once, and tables are those of a clean run.

        A run that was given up and went on after all may end well too: it finds that what it would write is there. What
        it had made before counts, as the run that is begun in its place goes on from there.
        """
        keys = {str(partition_key(one)) for one in self.partitions}
        assert self.ended_well(instance, given_up) == dict.fromkeys(keys, 1)
        last = dg.AssetKey([self.dataset.name, FEATURE_SHARDS])
        made = instance.fetch_materializations(last, limit=10 * len(keys)).records
        if given_up:
            until = instance.all_logs(given_up, of_type=dg.DagsterEventType.RUN_FAILURE)[0].timestamp
            made = [record for record in made if record.run_id != given_up or record.timestamp < until]
        assert Counter(record.partition_key for record in made) == dict.fromkeys(keys, 1), _said_of_makers(
            instance, made
        )
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


def _said_of_runs(instance: dg.DagsterInstance, backfill: str) -> str:
    """The state of a backfill and of all runs, each with the last thing that is said of it."""
    told = instance.get_backfill(backfill)
    lines = [f"backfill: {told.status.value if told else 'unknown'}"]
    for run in instance.get_runs():
        tags = {key: value for key, value in run.tags.items() if "retry" in key or key == "dagster/failure_reason"}
        said = instance.all_logs(run.run_id)
        last = said[-1].user_message if said else ""
        lines.append(f"{run.run_id[:8]} {run.tags.get('dagster/partition')} {run.status.value} {tags}: {last}")
    return "\n".join(lines)


def _said_of_makers(instance: dg.DagsterInstance, made: Sequence[dg.EventLogRecord]) -> str:
    """Of partitions that were made more than once, by which runs and when, and all that is said of these."""
    times = Counter(record.partition_key for record in made)
    lines = []
    for record in (one for one in made if times[one.partition_key] > 1):
        lines.append(f"{record.partition_key} was made at {record.timestamp:.1f} by run {record.run_id}, which says:")
        said = instance.all_logs(record.run_id)
        lines += [f"  {one.timestamp:.1f} {one.user_message[:300]}" for one in said if one.is_dagster_event]
    return "\n".join(lines)


@dataclass(frozen=True)
class Worker:
    """The process of a run that has begun its work and not ended it."""

    run_id: str
    partition: str
    pid: int


def at_work(
    production: Production,
    instance: dg.DagsterInstance,
    not_these: Collection[str] = (),
    having_made: dg.AssetKey | None = None,
) -> Worker:
    """Some worker, of another partition than those; where an asset is named, one that has made it."""

    def look() -> Worker | None:
        for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
            partition = run.tags["dagster/partition"]
            if having_made is not None and having_made not in _made_by(instance, run.run_id):
                continue
            events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
            pids = [
                found for one in events if (found := re.search(r"Started process for run \(pid: (\d+)\)", one.message))
            ]
            if pids and partition not in not_these and is_there(pid := int(pids[0][1])):
                return Worker(run.run_id, partition, pid)
        return None

    return production.wait_for("run that works", look)


def _made_by(instance: dg.DagsterInstance, run_id: str) -> set[dg.AssetKey | None]:
    made = instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
    return {one.get_dagster_event().asset_key for one in made}


def wait_until_failed(production: Production, instance: dg.DagsterInstance, worker: Worker) -> None:
    def failed() -> bool | None:
        run = instance.get_run_by_id(worker.run_id)
        return (run is not None and run.status is dg.DagsterRunStatus.FAILURE) or None

    production.wait_for(f"failure of the run of {worker.partition}", failed)


def is_there(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
