"""Which failed runs nobody begins again though Dagster was to, and what is asked for in their place."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from image_assets.orchestration.automation import daily_job_name, publish_job_name, refresh_job_name
from image_assets.orchestration.lost_retries import begin_again_sensor, lost_runs
from image_assets.orchestration.partitions import partition_key
from image_assets.schema import Partition
from tests.dagster_internals import BulkActionStatus, PartitionBackfill
from tests.platform import FIRST, Platform, small_dataset

DATASET = small_dataset()
DAILY, PUBLISH, REFRESH = daily_job_name(DATASET), publish_job_name(DATASET), refresh_job_name(DATASET)
KEY = str(partition_key(Partition(FIRST, "plant")))
OF_A_DAY = {"dagster/partition": KEY}
# What Dagster writes where a run's process died, and where it then could not begin the run again.
DIED = {"dagster/failure_reason": "RUN_EXCEPTION"}
LOST = DIED | {"dagster/will_retry": "false"}
MOST = 2


class Records:
    """An instance, and runs that are written into it as Dagster does."""

    def __init__(self, instance: dg.DagsterInstance, folder: Path) -> None:
        self.instance = instance
        self._definitions = Platform(DATASET, folder).definitions()

    def run(
        self,
        tags: dict[str, str],
        job: str = DAILY,
        status: dg.DagsterRunStatus = dg.DagsterRunStatus.FAILURE,
        after: dg.DagsterRun | None = None,
        assets: frozenset[dg.AssetKey] | None = None,
    ) -> dg.DagsterRun:
        definition = self._definitions.resolve_job_def(job)
        again = {"dagster/parent_run_id": after.run_id, "dagster/root_run_id": after.run_id} if after else {}
        return self.instance.create_run_for_job(
            definition.get_subset(asset_selection=assets) if assets else definition,
            tags=tags | again,
            status=status,
            asset_selection=assets,
            parent_run_id=after.run_id if after else None,
            root_run_id=after.run_id if after else None,
        )

    def backfill(self, status: BulkActionStatus) -> str:
        self.instance.add_backfill(
            PartitionBackfill(status.value, status, from_failure=False, tags={}, backfill_timestamp=0.0)
        )
        return status.value

    def lost(self) -> list[str]:
        return [run.run_id for run in lost_runs(self.instance, dt.datetime.now(dt.UTC))]

    def tick(self) -> list[dg.RunRequest]:
        """What the sensor asks for, where every failed run is settled."""
        jobs = [dg.define_asset_job(name) for name in (DAILY, PUBLISH, REFRESH)]
        sensor = begin_again_sensor(DATASET, jobs[:2], jobs[2], settled=dt.timedelta())
        with dg.build_sensor_context(instance=self.instance, definitions=self._definitions) as context:
            told = sensor.evaluate_tick(context)
        assert (told.skip_message == "no run is lost") == (not told.run_requests)
        return list(told.run_requests or ())


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with dg.instance_for_test({"run_retries": {"enabled": True, "max_retries": MOST}}) as instance:
        # As in deploy/dagster.yaml: what a step says is wrong is not tried again.
        yield Records(instance, tmp_path)


def test_a_run_that_was_given_up_as_the_code_server_was_away_is_asked_for_anew(records: Records) -> None:
    run = records.run(OF_A_DAY | LOST)
    (request,) = records.tick()
    assert (request.run_key, request.job_name, request.partition_key) == (run.run_id, DAILY, KEY)
    assert request.asset_selection is None


def test_a_run_that_just_failed_is_still_dagsters_own_and_one_of_long_ago_nobodys(records: Records) -> None:
    run = records.run(OF_A_DAY | LOST)
    now = dt.datetime.now(dt.UTC)
    lost = {
        minutes: [one.run_id for one in lost_runs(records.instance, now + dt.timedelta(minutes=minutes))]
        for minutes in (-1, 1, 60 * 25)
    }
    assert lost == {-1: [], 1: [run.run_id], 60 * 25: []}


@pytest.mark.parametrize(
    "tags",
    [
        pytest.param(DIED | {"dagster/will_retry": "true"}, id="Dagster is about to"),
        pytest.param(LOST | {"dagster/auto_retry_run_id": "a-later-run"}, id="Dagster did"),
        pytest.param(LOST | {"dagster/max_retries": "0"}, id="nobody wants it"),
        pytest.param(
            {
                "dagster/failure_reason": "STEP_FAILURE",
                "dagster/will_retry": "false",
                "dagster/retry_on_asset_or_op_failure": "false",
            },
            id="a step said what is wrong",
        ),
    ],
)
def test_what_dagster_begins_again_or_is_not_to_is_left_alone(records: Records, tags: dict[str, str]) -> None:
    records.run(OF_A_DAY | tags)
    assert records.lost() == []
    assert records.tick() == []


def test_a_run_that_was_tried_as_often_as_it_may_be_has_failed_for_good(records: Records) -> None:
    first = records.run(OF_A_DAY | DIED | {"dagster/will_retry": "true", "dagster/auto_retry_run_id": "second"})
    second = records.run(OF_A_DAY | LOST, after=first)
    assert records.lost() == [second.run_id]
    for _ in range(MOST - 1):
        records.run(OF_A_DAY | LOST, after=first)
    assert records.lost() == []


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.STARTED])
def test_where_the_partition_has_a_newer_run_the_older_is_not_lost(
    records: Records, status: dg.DagsterRunStatus
) -> None:
    run = records.run(OF_A_DAY | LOST)
    records.run({"dagster/partition": KEY.replace("plant", "animal")}, status=status)
    records.run(OF_A_DAY, job=PUBLISH, status=status)
    assert records.lost() == [run.run_id]
    records.run(OF_A_DAY, status=status)
    assert records.lost() == []


def test_a_lost_run_of_a_backfill_goes_on_with_it_unless_it_is_over_or_cancelled(records: Records) -> None:
    asked = {}
    over, cancelled = (
        (BulkActionStatus.COMPLETED_FAILED, BulkActionStatus.FAILED),
        (BulkActionStatus.CANCELING, BulkActionStatus.CANCELED),
    )
    for number, status in enumerate([BulkActionStatus.REQUESTED, *over, *cancelled]):
        day = partition_key(Partition(FIRST + dt.timedelta(days=number), "plant"))
        tags = {"dagster/partition": str(day), "dagster/backfill": records.backfill(status)}
        run = records.run(tags | LOST)
        asked[status] = next((one.tags for one in records.tick() if one.run_key == run.run_id), None)
    assert [status for status, tags in asked.items() if tags is None] == list(cancelled)
    with_backfill = [status for status, tags in asked.items() if tags and "dagster/backfill" in tags]
    assert with_backfill == [BulkActionStatus.REQUESTED]


def test_a_run_that_waited_for_a_backfill_which_has_ended_is_lost_too(records: Records) -> None:
    tags = OF_A_DAY | DIED | {"dagster/will_retry": "true"}
    run = records.run(tags | {"dagster/backfill": records.backfill(BulkActionStatus.COMPLETED_FAILED)})
    assert records.lost() == [run.run_id]


def test_chosen_assets_are_made_again_and_no_others(records: Records) -> None:
    map_alone = frozenset({dg.AssetKey([DATASET.name, "embedding"])})
    records.run(LOST, job=REFRESH, assets=map_alone)
    (request,) = records.tick()
    assert (request.job_name, request.partition_key) == (REFRESH, None)
    assert request.asset_selection == list(map_alone)
    # A newer run of other assets does not stand for it; one of all of them does.
    records.run({}, job=REFRESH, assets=frozenset({dg.AssetKey([DATASET.name, "classifier"])}))
    assert len(records.tick()) == 1
    records.run({}, job=REFRESH, status=dg.DagsterRunStatus.SUCCESS)
    assert records.tick() == []


def test_a_lost_run_of_a_partition_that_is_no_more_does_not_keep_the_others(records: Records) -> None:
    run = records.run(OF_A_DAY | LOST)
    for key in ("a-former-category|" + str(FIRST), "not a partition at all"):
        records.run({"dagster/partition": key} | LOST)
    assert [request.run_key for request in records.tick()] == [run.run_id]


def test_where_nothing_is_tried_again_nothing_is_lost(tmp_path: Path) -> None:
    with dg.instance_for_test({"run_retries": {"enabled": False}}) as instance:
        records = Records(instance, tmp_path)
        records.run(OF_A_DAY | LOST)
        assert records.tick() == []
