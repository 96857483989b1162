"""What runs by itself: the daily job at 07:00, and what follows once a day is complete."""

import dagster as dg

from image_assets.dataset import DatasetSpec
from image_assets.partitions import partitions_of

PARTITIONED = ("arrivals", "raw_images", "duplicates", "quarantine", "image_features", "feature_shards")
"""The assets of a day and category, in the order of the flow."""
REFRESHED = ("classifier", "embedding")
"""The assets over the whole dataset."""

_HOUR = 7
# A disk or bucket that is away for a moment is back within minutes; what is wrong with the data fails again at once.
_RETRIES = dg.RetryPolicy(max_retries=3, delay=5, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)

# The stages share out their work over the cores themselves; a process per step would only start slowly.
_EXECUTOR = dg.in_process_executor


def daily_job_name(dataset: DatasetSpec) -> str:
    """The job that loads one day of one category and makes its features and shards."""
    return f"{dataset.name}_daily"


def refresh_job_name(dataset: DatasetSpec) -> str:
    """The job that brings the assets over the whole dataset up to date."""
    return f"{dataset.name}_refresh"


def once_a_day_is_complete() -> dg.AutomationCondition:
    """True once all categories of the latest day are there and their blocking checks have passed.

    Days of the past that are missing do not hold it back, and it does not fire for each category by itself.
    """
    condition = dg.AutomationCondition
    latest_missing = condition.any_deps_match(condition.missing() & condition.in_latest_time_window())
    return (
        condition.eager().replace("any_deps_missing", latest_missing) & condition.all_deps_blocking_checks_passed()
    ).with_label("the latest day is complete and its blocking checks passed")


def automation_of(dataset: DatasetSpec) -> dg.Definitions:
    """The jobs, the schedule and the sensor of a dataset."""

    def keys(assets: tuple[str, ...]) -> dg.AssetSelection:
        return dg.AssetSelection.assets(*(dg.AssetKey([dataset.name, asset]) for asset in assets))

    daily = dg.define_asset_job(
        daily_job_name(dataset),
        selection=keys(PARTITIONED),
        description="Loads one day of one category, makes its features and publishes its shards.",
        partitions_def=partitions_of(dataset),
        executor_def=_EXECUTOR,
        op_retry_policy=_RETRIES,
    )
    refresh = dg.define_asset_job(
        refresh_job_name(dataset),
        selection=keys(REFRESHED),
        description="Brings the classifier and the map up to date.",
        executor_def=_EXECUTOR,
        op_retry_policy=_RETRIES,
    )
    schedule = dg.build_schedule_from_partitioned_job(
        daily,
        name=f"{dataset.name}_at_seven",
        description="Every day at 07:00 in the dataset's time zone: yesterday, one run per category.",
        hour_of_day=_HOUR,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    sensor = dg.AutomationConditionSensorDefinition(
        f"{dataset.name}_when_complete",
        target=dg.AssetSelection.groups(dataset.name),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Refreshes the classifier and the map once the latest day is complete and checked.",
    )
    return dg.Definitions(jobs=[daily, refresh], schedules=[schedule], sensors=[sensor])
