"""What the tests take from the inside of Dagster besides what the platform does: all of it, and nothing elsewhere."""

from importlib.metadata import version

try:
    # what automation has seen, tick by tick
    # whether settings are those that something takes
    from dagster._config import process_config
    from dagster._core.definitions.asset_daemon_cursor import AssetDaemonCursor

    # whether an asset is stale
    from dagster._core.definitions.freshness import FreshnessState

    # who decides that
    from dagster._core.definitions.freshness_evaluator import CronFreshnessPolicyEvaluator

    # a job without a code location
    from dagster._core.definitions.job_base import InMemoryJob

    # what a sensor gave
    from dagster._core.definitions.sensor_definition import SensorExecutionData

    # a run in this process
    from dagster._core.execution.api import execute_run_iterator

    # backfills as the instance keeps them
    from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill

    # what dagster.yaml may say
    from dagster._core.instance.config import dagster_instance_config_schema

    # what the evaluator of freshness asks
    from dagster._core.loader import LoadingContextForTest

    # where a sensor is from, as the instance keeps it
    from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin

    # what sensors and schedules did
    from dagster._core.scheduler.instigation import (
        InstigatorState,
        InstigatorStatus,
        InstigatorTick,
        InstigatorType,
        ScheduleInstigatorData,
        SensorInstigatorData,
        TickData,
        TickStatus,
    )

    # another time of day
    from dagster._core.test_utils import freeze_time

    # where a code location is from
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    # a workspace file, as the daemon loads it
    from dagster._core.workspace.load_target import WorkspaceFileTarget

    # the daemon's own reading of its cursor
    from dagster._daemon.asset_daemon import asset_daemon_cursor_from_instigator_serialized_cursor
except ImportError as error:
    raise ImportError(
        f"dagster {version('dagster')} keeps elsewhere what the tests take from its inside ({error}): say in "
        f"{__file__} where it is now, or stay with the version of requirements.lock"
    ) from error

__all__ = [
    "AssetDaemonCursor",
    "BulkActionStatus",
    "CronFreshnessPolicyEvaluator",
    "FreshnessState",
    "InMemoryJob",
    "InProcessCodeLocationOrigin",
    "InstigatorState",
    "InstigatorStatus",
    "InstigatorTick",
    "InstigatorType",
    "LoadableTargetOrigin",
    "LoadingContextForTest",
    "PartitionBackfill",
    "RemoteInstigatorOrigin",
    "RemoteRepositoryOrigin",
    "ScheduleInstigatorData",
    "SensorExecutionData",
    "SensorInstigatorData",
    "TickData",
    "TickStatus",
    "WorkspaceFileTarget",
    "asset_daemon_cursor_from_instigator_serialized_cursor",
    "dagster_instance_config_schema",
    "execute_run_iterator",
    "freeze_time",
    "process_config",
]
