"""The rows that nearly all events are, written by SQL that is put together once.

What belongs here: events that concern no asset, and checks that are planned or evaluated. SQLAlchemy takes many times
as long to put a statement together as SQLite to execute it, and of a check Dagster turns every event into JSON twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from dagster import DagsterEvent, DagsterEventType, EventLogEntry
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from sqlalchemy import Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection

from image_assets.run_history.compact_text import compressed

_EVENT = ("run_id", "event", "dagster_event_type", "timestamp", "step_key", "asset_key", "partition")
_CHECK = ("asset_key", "check_name", "partition", "run_id")
_FOUND = (
    "execution_status",
    "evaluation_event",
    "evaluation_event_timestamp",
    "evaluation_event_storage_id",
    "materialization_event_storage_id",
)


def concerns_asset(event: EventLogEntry) -> bool:
    """Whether more is to be kept of an event than rows of this module: what is looked up of its asset."""
    return event.dagster_event_type in ASSET_EVENTS and event.get_dagster_event().asset_key is not None


def write_rows(connection: Connection, event: EventLogEntry, row: Mapping[str, Any]) -> None:
    """Write an event that does not concern an asset, and what it says of a check.

    Args:
        connection: Of the event log, within a transaction.
        event: The event.
        row: Its row in the log, by the names of the columns.
    """
    number = connection.exec_driver_sql(_INSERT_EVENT, _bound(row)).lastrowid
    if event.dagster_event_type not in ASSET_CHECK_EVENTS:
        return
    common = {
        "run_id": event.run_id,
        "evaluation_event": row["event"],
        "evaluation_event_timestamp": row["timestamp"],
        "evaluation_event_storage_id": number,
    }
    if event.dagster_event_type is DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
        _write_planned(connection, event.get_dagster_event(), common)
    else:
        _write_evaluation(connection, event.get_dagster_event(), common)


def _write_planned(connection: Connection, event: DagsterEvent, common: Mapping[str, Any]) -> None:
    planned = event.asset_check_planned_data
    subset = planned.partitions_subset
    for partition in [None] if subset is None else subset.get_partition_keys():
        values = {
            **common,
            "asset_key": planned.asset_key.to_string(),
            "check_name": planned.check_name,
            "partition": partition,
            "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
            "materialization_event_storage_id": None,
        }
        connection.exec_driver_sql(_INSERT_CHECK, _bound(values))


def _write_evaluation(connection: Connection, event: DagsterEvent, common: Mapping[str, Any]) -> None:
    evaluation, statuses = event.asset_check_evaluation_data, AssetCheckExecutionRecordStatus
    target = evaluation.target_materialization_data
    values = _bound(
        {
            **common,
            "asset_key": evaluation.asset_key.to_string(),
            "check_name": evaluation.check_name,
            "partition": evaluation.partition,
            "execution_status": (statuses.SUCCEEDED if evaluation.passed else statuses.FAILED).value,
            "materialization_event_storage_id": target.storage_id if target else None,
        }
    )
    # What was evaluated outside of a run was planned by none.
    if not common["run_id"] or not connection.exec_driver_sql(_UPDATE_CHECK, values).rowcount:
        connection.exec_driver_sql(_INSERT_CHECK, values)


def _insert(table: Table, columns: tuple[str, ...]) -> str:
    return str(table.insert().compile(dialect=sqlite.dialect(paramstyle="named"), column_keys=list(columns)))


_INSERT_EVENT = _insert(SqlEventLogStorageTable, _EVENT)
_INSERT_CHECK = _insert(AssetCheckExecutionsTable, (*_CHECK, *_FOUND))
_UPDATE_CHECK = (
    f"UPDATE {AssetCheckExecutionsTable.name} SET {', '.join(f'{name} = :{name}' for name in _FOUND)} "
    f"WHERE {' AND '.join(f'{name} IS :{name}' for name in _CHECK)}"
)


def _bound(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as SQLAlchemy would hand them to SQLite."""
    return {name: _value(value) for name, value in values.items()}


def _value(value: Any) -> Any:
    match value:
        case str():
            return compressed(value)
        case dt.datetime():
            return value.isoformat(sep=" ", timespec="microseconds")
    return value
