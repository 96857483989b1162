"""What runs by itself: the daily job at 07:00, and what follows once a day is complete."""

import datetime as dt
from collections.abc import Iterator, Sequence

import dagster as dg

from image_assets.dataset import DatasetSpec
from image_assets.health.days import HOUR
from image_assets.orchestration.alert_sensors import alert_sensors
from image_assets.orchestration.daily_schedule import daily_schedule
from image_assets.orchestration.lost_retries import begin_again_sensor
from image_assets.orchestration.partitions import partitioned
from image_assets.schema import LABEL_CONFLICTS
from image_assets.shards.manifest import FEATURE_SHARDS
from image_assets.shards.republish import PUBLISH_AGAIN

DECIDES = {"image_assets/decides": ""}
"""The tag of the last assets of a partition that those of the whole dataset are made of, which all depend on them."""


def daily_job_name(dataset: DatasetSpec) -> str:
    """The job that loads one day of one category and makes its features and shards."""
    return f"{dataset.name}_daily"


def publish_job_name(dataset: DatasetSpec) -> str:
    """The job that publishes the shards of one day of one category anew."""
    return f"{dataset.name}_publish"


def refresh_job_name(dataset: DatasetSpec) -> str:
    """The job that brings the assets over the whole dataset up to date."""
    return f"{dataset.name}_refresh"


def once_a_day_is_complete(dataset: DatasetSpec, deciding: dg.AssetSelection | None = None) -> dg.AutomationCondition:
    """True once all categories of the latest day are there, all blocking checks passed, and something is new.

    Of the latest day, every partition must be there with its blocking checks passed. Days of the past may be missing
    or unchecked, but a check that failed, could not be evaluated or is still to come holds back wherever it is: what
    is made of the whole dataset would be made of that partition too.

    Args:
        dataset: Whose days they are.
        deciding: The assets that are waited for, all of which the asset depends on and which have blocking checks: if
            not told, those that are tagged so.
    """
    condition = dg.AutomationCondition
    # All of them look at the same assets, and so are asked for at the same moment, in one run.
    ((tag, value),) = DECIDES.items()
    upstream = deciding or dg.AssetSelection.groups(dataset.name) & dg.AssetSelection.tag(tag, value)
    # "Any partition is not ready", and not "all are": mapped to one asset without partitions, a condition that
    # holds for some partitions is true, so that `all_deps_blocking_checks_passed` needs but one that passed.
    # What is not there has not passed either.
    not_passed = condition.any_checks_match(~condition.check_passed(), blocking_only=True)
    not_sound = condition.any_checks_match(
        condition.check_failed() | condition.execution_failed() | condition.in_progress(), blocking_only=True
    )
    not_ready = condition.any_deps_match((condition.in_latest_time_window() & not_passed) | not_sound).allow(upstream)
    # Since it was last asked for, and not since it was last made, as in `eager`: what arrives while a refresh is
    # running would then be forgotten.
    updated = condition.any_deps_match(condition.newly_updated()).allow(upstream)
    something_new = updated.since(condition.newly_requested())
    return (
        something_new.with_label("something is new")
        & ~not_ready.with_label("a partition is not ready")
        & ~condition.any_deps_match(condition.in_progress()).allow(upstream)
        & ~condition.in_progress()
    ).with_label("the latest day is complete and the blocking checks passed")


def once_a_day_is_over(dataset: DatasetSpec) -> dg.AutomationCondition:
    """True once the latest day is complete, and in any case every day by the time that data is due.

    Reports are wanted most on days that did not come through.
    """
    due = dg.AutomationCondition.cron_tick_passed(f"0 {HOUR + dataset.freshness_hours} * * *", dataset.time_zone)
    return (once_a_day_is_complete(dataset) | due.with_label("data is due by now")).with_label(
        "the latest day is complete, or its data is due"
    )


def due_every_day(dataset: DatasetSpec) -> dg.FreshnessPolicy:
    """Fresh is what was materialised since midnight, from `freshness_hours` after 07:00 on.

    Dagster looks at an asset's latest materialisation, of whatever partition: what one late category leaves out is the
    matter of the check `no_day_missing`.
    """
    hour = HOUR + dataset.freshness_hours
    return dg.FreshnessPolicy.cron(
        deadline_cron=f"0 {hour} * * *", lower_bound_delta=dt.timedelta(hours=hour), timezone=dataset.time_zone
    )


def _publish_again(dataset: DatasetSpec) -> dg.SensorDefinition:
    """Publishes what label_conflicts found to be out of date."""

    @dg.asset_sensor(
        asset_key=dg.AssetKey([dataset.name, LABEL_CONFLICTS.name]),
        name=f"{dataset.name}_publish_again",
        job_name=publish_job_name(dataset),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Publishes shards anew without the images whose category has come into doubt.",
    )
    def publish_again(context: dg.SensorEvaluationContext, event: dg.EventLogEntry) -> Iterator[dg.RunRequest]:
        del context
        materialisation = event.asset_materialization
        found = materialisation.metadata.get(PUBLISH_AGAIN) if materialisation else None
        for key in found.value if isinstance(found, dg.JsonMetadataValue) else ():  # pyright: ignore
            yield dg.RunRequest(run_key=f"{event.run_id}|{key}", partition_key=str(key))

    return publish_again


def automation_of(dataset: DatasetSpec, assets: Sequence[dg.AssetsDefinition]) -> dg.Definitions:
    """The jobs, the schedule and the sensors of a dataset, of which `assets` are all."""
    of_a_day = dg.AssetSelection.assets(*partitioned(assets))
    daily = dg.define_asset_job(
        daily_job_name(dataset),
        selection=of_a_day,
        description="Loads one day of one category, makes its features and publishes its shards.",
    )
    refresh = dg.define_asset_job(
        refresh_job_name(dataset),
        selection=dg.AssetSelection.groups(dataset.name) - of_a_day,
        description="Brings the classifier, the map, the suspects and the reports up to date.",
    )
    publish = dg.define_asset_job(
        publish_job_name(dataset),
        # With what is said of shards that are out of date: it would otherwise be said until the next refresh.
        selection=dg.AssetSelection.assets([dataset.name, FEATURE_SHARDS])
        | dg.AssetSelection.checks_for_assets(dg.AssetKey([dataset.name, LABEL_CONFLICTS.name])),
        description="Publishes the shards of one day and category anew.",
    )
    sensor = dg.AutomationConditionSensorDefinition(
        f"{dataset.name}_when_complete",
        target=dg.AssetSelection.groups(dataset.name),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Refreshes the classifier and the map once the latest day is complete and checked.",
    )
    return dg.Definitions(
        jobs=[daily, refresh, publish],
        schedules=[daily_schedule(dataset, daily_job_name(dataset))],
        sensors=[
            sensor,
            _publish_again(dataset),
            begin_again_sensor(dataset, [daily, publish], refresh),
            *alert_sensors(dataset),
        ],
        # For every run, also those of the sensor, of backfills and of the UI's own job: the stages share out their
        # work over the cores themselves, and a process per step would only start slowly.
        executor=dg.in_process_executor,
    )
