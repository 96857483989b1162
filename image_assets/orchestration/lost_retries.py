"""Runs that Dagster was to begin again and could not: a sensor finds them and asks for them anew.

Dagster's daemon begins a failed run again (`run_retries` in `dagster.yaml`) with the help of the code server, and
tries that once. Where the code server is away at that moment, or the backfill of the run ended before, it gives the run
up for good, and its partition stays missing. A sensor lives in the code server: it is there once that is there again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence

import dagster as dg

from image_assets.dataset import DatasetSpec
from image_assets.orchestration.dagster_internals import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    BACKFILL_ID_TAG,
    BULK_ACTION_TERMINAL_STATUSES,
    PARTITION_NAME_TAG,
    RUN_FAILURE_REASON_TAG,
    BulkActionStatus,
    RunFailureReason,
    UnresolvedAssetJobDefinition,
    auto_reexecution_should_retry_run,
)
from image_assets.orchestration.partitions import partition_key, partitions_of
from image_assets.orchestration.run_events import Retry, retry_of
from image_assets.schema import partition_of

_SECONDS = 30
_SETTLED = dt.timedelta(minutes=1)  # Dagster looks every five seconds for runs to begin again
_OF_INTEREST = dt.timedelta(days=1)
_RANGE = (ASSET_PARTITION_RANGE_START_TAG, ASSET_PARTITION_RANGE_END_TAG)
_CANCELLED = (BulkActionStatus.CANCELING, BulkActionStatus.CANCELED)


def begin_again_sensor(
    dataset: DatasetSpec,
    of_a_day: Sequence[UnresolvedAssetJobDefinition],
    of_the_whole: UnresolvedAssetJobDefinition,
    settled: dt.timedelta = _SETTLED,
) -> dg.SensorDefinition:
    """Begins runs of a dataset again that are lost.

    Args:
        of_a_day: The jobs of partitions; by the first, chosen assets of a partition are made again.
        of_the_whole: The job of the other assets, for chosen ones of them.
        settled: Runs that failed since are still Dagster's own.
    """
    names = {job.name for job in (*of_a_day, of_the_whole)}

    @dg.sensor(
        name=f"{dataset.name}_begin_again",
        jobs=[*of_a_day, of_the_whole],
        minimum_interval_seconds=_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Begins runs again that Dagster was to begin again and could not, as the code server was away.",
    )
    def begin_again(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        found = False
        for run in lost_runs(context.instance, dt.datetime.now(dt.UTC) - settled):
            other = of_a_day[0].name if _partitions(run) else of_the_whole.name
            job = run.job_name if run.job_name in names else other
            chosen = [key for key in run.asset_selection or () if key.path[0] == dataset.name]
            if (run.job_name not in names and not chosen) or not _has_partition(dataset, run):
                continue
            found = True
            context.log.warning(f"run {run.run_id} failed, and Dagster could not begin it again: {job} does")
            yield _request(context.instance, run, job, chosen)
        if not found:
            yield dg.SkipReason("no run is lost")

    return begin_again


def lost_runs(instance: dg.DagsterInstance, before: dt.datetime) -> list[dg.DagsterRun]:
    """Runs that failed within the day before, that Dagster's own rule says to begin again, and that nothing has.

    A run of whose job and partition there is a newer one is not lost; nor is one of a backfill that somebody cancelled.
    """
    if not instance.run_retries_enabled:
        return []
    failed = instance.get_run_records(
        dg.RunsFilter(
            statuses=[dg.DagsterRunStatus.FAILURE], updated_after=before - _OF_INTEREST, updated_before=before
        )
    )
    return [record.dagster_run for record in failed if _is_lost(instance, record)]


def _is_lost(instance: dg.DagsterInstance, record: dg.RunRecord) -> bool:
    run = record.dagster_run
    reason = run.tags.get(RUN_FAILURE_REASON_TAG)
    if retry_of(instance, run) is not Retry.NONE:
        return False
    if not auto_reexecution_should_retry_run(instance, run, RunFailureReason(reason) if reason else None):
        return False
    backfill = instance.get_backfill(run.tags[BACKFILL_ID_TAG]) if BACKFILL_ID_TAG in run.tags else None
    if backfill is not None and backfill.status in _CANCELLED:
        return False
    newer = instance.get_runs(
        dg.RunsFilter(job_name=run.job_name, tags=_partitions(run), created_after=record.create_timestamp)
    )
    return not any(one.run_id != run.run_id and _makes_as_much(one, run) for one in newer)


def _partitions(run: dg.DagsterRun) -> dict[str, str]:
    """The tags that say of which partition or range of them a run is; none where it is of the whole dataset."""
    return {tag: run.tags[tag] for tag in (PARTITION_NAME_TAG, *_RANGE) if tag in run.tags}


def _has_partition(dataset: DatasetSpec, run: dg.DagsterRun) -> bool:
    """Whether the run's partition still is one: a category may have gone from the dataset file since."""
    key = run.tags.get(PARTITION_NAME_TAG)
    try:
        return key is None or partitions_of(dataset).has_partition_key(partition_key(partition_of(key)))
    except ValueError:
        return False


def _makes_as_much(one: dg.DagsterRun, run: dg.DagsterRun) -> bool:
    if one.asset_selection is None:
        return True
    return run.asset_selection is not None and run.asset_selection <= one.asset_selection


def _request(instance: dg.DagsterInstance, run: dg.DagsterRun, job: str, chosen: list[dg.AssetKey]) -> dg.RunRequest:
    carried = {tag: value for tag, value in _partitions(run).items() if tag in _RANGE}
    if (backfill_id := run.tags.get(BACKFILL_ID_TAG)) is not None:
        backfill = instance.get_backfill(backfill_id)
        if backfill is not None and backfill.status not in BULK_ACTION_TERMINAL_STATUSES:
            carried[BACKFILL_ID_TAG] = backfill_id
    return dg.RunRequest(
        run_key=run.run_id,
        job_name=job,
        partition_key=run.tags.get(PARTITION_NAME_TAG),
        tags=carried,
        asset_selection=chosen or None,
    )
