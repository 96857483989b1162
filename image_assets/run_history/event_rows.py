"""The rows of events, of the checks and assets that they concern, written by SQL that is put together once.

SQLAlchemy takes many times as long to put a statement together as SQLite to execute it, and of a check Dagster turns
every event into JSON twice.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from typing import Any

from dagster import DagsterEvent, DagsterEventType, EventLogEntry
from sqlalchemy import Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection

from image_assets.orchestration.dagster_internals import (
    ASSET_CHECK_EVENTS,
    AssetCheckExecutionRecordStatus,
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    AssetKeyTable,
    SqlEventLogStorageTable,
)
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


def write_event(connection: Connection, row: Mapping[str, Any]) -> int:
    """Write the row of an event, given by the names of its columns, within a transaction; its number in the log."""
    return connection.exec_driver_sql(_INSERT_EVENT, _bound(row)).lastrowid


def write_asset(
    connection: Connection, key: str, latest: Mapping[str, Any], tags: Mapping[str, str], number: int, at: dt.datetime
) -> None:
    """Write what is looked up of an asset.

    Args:
        connection: Of the event log, within a transaction.
        key: The asset's.
        latest: Columns of its row that an event changes.
        tags: Of the event, as far as they are looked up.
        number: Of the event in the log.
        at: When it happened, in UTC.
    """
    for name, value in tags.items():
        tag = {"event_id": number, "asset_key": key, "key": name, "value": value, "event_timestamp": at}
        connection.exec_driver_sql(_INSERT_TAG, _bound(tag))
    if latest:
        columns = tuple(latest)
        connection.exec_driver_sql(_upsert_asset(columns), _bound({"asset_key": key, **latest}))


def write_check(connection: Connection, event: EventLogEntry, row: Mapping[str, Any], number: int) -> None:
    """Write what an event says of a check, where it is about one.

    Args:
        connection: Of the event log, within a transaction.
        event: The event.
        row: Its row in the log.
        number: Its number there.
    """
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


@cache
def _upsert_asset(columns: tuple[str, ...]) -> str:
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns)
    return f"{_insert(AssetKeyTable, ('asset_key', *columns))} ON CONFLICT (asset_key) DO UPDATE SET {changed}"


_INSERT_EVENT = _insert(SqlEventLogStorageTable, _EVENT)
_INSERT_TAG = _insert(AssetEventTagsTable, ("event_id", "asset_key", "key", "value", "event_timestamp"))
_INSERT_CHECK = _insert(AssetCheckExecutionsTable, (*_CHECK, *_FOUND))
_UPDATE_CHECK = (
    f"UPDATE {AssetCheckExecutionsTable.name} SET {', '.join(f'{name} = :{name}' for name in _FOUND)} "
    f"WHERE {' AND '.join(f'{name} IS :{name}' for name in _CHECK)}"
)


def _bound(values: Mapping[str, object]) -> dict[str, object]:
    """Values as SQLAlchemy would hand them to SQLite."""
    return {name: _value(value) for name, value in values.items()}


def _value(value: object) -> object:
    match value:
        case str():
            return compressed(value)
        case dt.datetime():
            return value.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    return value
