"""The run at 07:00: yesterday, and what landed before and was never run because nothing ran at its own hour."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import dagster as dg
from obstore.exceptions import BaseError as ObjectStoreError

from image_assets.dataset import DatasetSpec
from image_assets.health.days import HOUR, never_run
from image_assets.ingest.source import SourceError
from image_assets.orchestration.dagster_internals import PARTITION_NAME_TAG
from image_assets.orchestration.partitions import partition_key
from image_assets.resources.landing import LandingResource
from image_assets.resources.store import StoreResource
from image_assets.schema import Partition

_WAITING = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
)
MISSED_DAYS = 10
"""So many missed days are made up for in one tick, the oldest first; the next ones follow with the next tick."""


def daily_schedule(dataset: DatasetSpec, job_name: str) -> dg.ScheduleDefinition:
    """The schedule of a dataset's daily job."""

    @dg.schedule(
        name=f"{dataset.name}_at_seven",
        job_name=job_name,
        cron_schedule=f"0 {HOUR} * * *",
        execution_timezone=dataset.time_zone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Every day at 07:00 in the dataset's time zone: yesterday, one run per category, and days before "
        "that landed and were never run.",
    )
    def at_seven(
        context: dg.ScheduleEvaluationContext, landing: LandingResource, store: StoreResource
    ) -> Iterator[dg.RunRequest]:
        yesterday = context.scheduled_execution_time.astimezone(dataset.zone).date() - dt.timedelta(days=1)
        if yesterday < dataset.start_day:
            return
        for partition in _missed(context, dataset, job_name, landing, store, yesterday - dt.timedelta(days=1)):
            yield _request(partition)
        for category in dataset.categories:
            yield _request(Partition(yesterday, category))

    return at_seven


def _request(partition: Partition) -> dg.RunRequest:
    key = partition_key(partition)
    return dg.RunRequest(run_key=key, partition_key=key)


def _missed(
    context: dg.ScheduleEvaluationContext,
    dataset: DatasetSpec,
    job_name: str,
    landing: LandingResource,
    store: StoreResource,
    until: dt.date,
) -> list[Partition]:
    """What landed and was never run, of some days at a time; what waits to be run is not asked for again."""
    try:
        found = never_run(dataset, store.open(), landing.source(dataset), until)
    except (SourceError, ObjectStoreError, OSError) as error:
        context.log.warning(f"whether days before were missed is not known: {error}")
        return []
    waiting = [one for one in found if not _waits(context.instance, job_name, one)]
    days = sorted({one.date for one in waiting})
    if days:
        later = f"; {len(days) - MISSED_DAYS} more follow with the next tick" if len(days) > MISSED_DAYS else ""
        named = ", ".join(map(str, days[:MISSED_DAYS]))
        context.log.info(f"{dataset.name}: these days landed and were never run, and are run now: {named}{later}")
    return [one for one in waiting if one.date in days[:MISSED_DAYS]]


def _waits(instance: dg.DagsterInstance, job_name: str, partition: Partition) -> bool:
    tags = {PARTITION_NAME_TAG: str(partition_key(partition))}
    return instance.get_runs_count(dg.RunsFilter(job_name=job_name, tags=tags, statuses=_WAITING)) > 0
