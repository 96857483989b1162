"""What the platform takes from the inside of Dagster: all of it, so that a release that moves it breaks one module.

Nothing that `dagster` itself exports belongs here; no other module imports from `dagster._…` or `dagster_shared`. What
the tests take besides is in `tests/dagster_internals.py`.
"""

from importlib.metadata import version

try:
    # which materialisation a check looked at
    from dagster._core.definitions.asset_checks.asset_check_evaluation import (
        AssetCheckEvaluationTargetMaterializationData,
    )

    # a job of assets before its assets are known, as `define_asset_job` gives it
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

    # which events are of assets, for the event log; why a run failed, for alerts
    from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS, JobFailureData, RunFailureReason

    # whether the backfill of a run has ended, and how
    from dagster._core.execution.backfill import BULK_ACTION_TERMINAL_STATUSES, BulkActionStatus

    # whether Dagster tries a run again by itself
    from dagster._core.execution.retries import auto_reexecution_should_retry_run

    # how an evaluation ended, as the event log keeps it
    from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

    # which runs may be pruned
    from dagster._core.storage.dagster_run import FINISHED_STATUSES

    # what the compressed event log derives from, and what is pruned
    from dagster._core.storage.event_log import (
        ConsolidatedSqliteEventLogStorage,
        SqlEventLogStorage,
        SqliteEventLogStorage,
    )

    # the tables of the event log
    from dagster._core.storage.event_log.schema import (
        AssetCheckExecutionsTable,
        AssetEventTagsTable,
        AssetKeyTable,
        SqlEventLogStorageTable,
    )

    # the tags of the runs that are pruned
    from dagster._core.storage.runs.schema import RunTagsTable

    # where they are
    from dagster._core.storage.runs.sql_run_storage import SqlRunStorage

    # how long SQLite waits for another process
    from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS

    # tags that Dagster gives runs
    from dagster._core.storage.tags import (
        ASSET_PARTITION_RANGE_END_TAG,
        ASSET_PARTITION_RANGE_START_TAG,
        AUTO_RETRY_RUN_ID_TAG,
        BACKFILL_ID_TAG,
        PARTITION_NAME_TAG,
        RUN_FAILURE_REASON_TAG,
        WILL_RETRY_TAG,
    )

    # what a storage is told of how it was configured
    from dagster._serdes import ConfigurableClassData

    # what a wrong dagster.yaml raises
    from dagster_shared.check import CheckError

    # what an event says of an error
    from dagster_shared.error import SerializableErrorInfo
except ImportError as error:
    raise ImportError(
        f"dagster {version('dagster')} keeps elsewhere what the platform takes from its inside ({error}): say in "
        f"{__file__} where it is now, or stay with the version of requirements.lock"
    ) from error
