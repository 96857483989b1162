"""The weekly run that prunes Dagster's records, for schedules of a deployment that runs for years."""

import datetime as dt

import dagster as dg

from image_assets.environment import KEEP_RUNS_DAYS
from image_assets.run_history.prune import prune_runs

JOB_NAME = "prune_runs"


def days_to_keep() -> int:
    """What the environment says, or 90. Raises `ValueError` where it says something else than days."""
    said = KEEP_RUNS_DAYS.value
    if not said.isdecimal() or int(said) < 1:
        raise ValueError(f"{KEEP_RUNS_DAYS.name}={said}: expected a number of days, 1 or more")
    return int(said)


def prune_definitions() -> dg.Definitions:
    """A job that prunes the instance it runs in, and its schedule: every Sunday at 05:00 UTC.

    Raises:
        ValueError: `IMAGE_ASSETS_KEEP_RUNS_DAYS` is no number of days.
    """
    keep = days_to_keep()

    @dg.op(description=f"Removes the records of runs that ended more than {keep} days ago.")
    def prune_old_runs(context: dg.OpExecutionContext) -> None:
        pruned = prune_runs(context.instance, dt.datetime.now(dt.UTC) - dt.timedelta(days=keep))
        context.log.info("%s", pruned)

    @dg.job(name=JOB_NAME, description="Keeps Dagster's records small; partitions and checks stay known.")
    def job() -> None:
        prune_old_runs()

    schedule = dg.ScheduleDefinition(
        name="prune_runs_weekly",
        job=job,
        cron_schedule="0 5 * * 0",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Every Sunday: runs that ended more than {keep} days ago leave Dagster's records.",
    )
    return dg.Definitions(jobs=[job], schedules=[schedule])
