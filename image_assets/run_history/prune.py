"""Old runs are taken out of Dagster's records; what they left behind stays known.

Dagster's own deletion of a run takes its materialisations along, so that partitions which lie in the store look as if
they were never made. Here the latest materialisation of every asset and partition stays, and so does the latest
evaluation of every check, whatever their age: pages, conditions of automation and `status` say the same as before.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from sqlalchemy import ColumnElement, Connection, and_, func, or_, select
from sqlalchemy.exc import OperationalError

from image_assets.orchestration.dagster_internals import (
    FINISHED_STATUSES,
    PARTITION_NAME_TAG,
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    RunTagsTable,
    SqlEventLogStorage,
    SqlEventLogStorageTable,
    SqliteEventLogStorage,
    SqlRunStorage,
)

# Of these, what an asset and partition had last is looked up at any age.
_LASTING = ("ASSET_MATERIALIZATION", "ASSET_OBSERVATION", "FRESHNESS_STATE_CHANGE")
_BATCH = 500


class PruneError(RuntimeError):
    """The records of this instance cannot be pruned: the message says why."""


@dataclass(frozen=True)
class Pruned:
    """What was removed, or would be.

    Attributes:
        runs: Runs that ended before the moment asked for.
        kept: Older runs that stay: not ended, or the last of their job and partition and not gone well.
        events: Entries of their logs; 0 where nothing was removed.
    """

    runs: int
    kept: int
    events: int = 0


def prune_runs(instance: dg.DagsterInstance, before: dt.datetime, *, dry_run: bool = False) -> Pruned:
    """Remove runs that ended before a moment, with their logs and the ticks of schedules and sensors until then.

    A run that did not go well stays while no later run of its job and partition did: somebody may still look for why.
    Interrupted, it can be called again and goes on.

    Args:
        instance: Whose records.
        before: With a time zone.
        dry_run: Only count the runs.

    Raises:
        PruneError: the records are not in a database that Dagster's own classes of SQL storage open.
    """
    log, runs = instance.event_log_storage, instance.run_storage
    if not isinstance(log, SqlEventLogStorage) or not isinstance(runs, SqlRunStorage):
        raise PruneError(f"runs are recorded by {type(log).__name__}, which cannot be pruned from here")
    gone, kept = _sorted_out(instance, before)
    if dry_run:
        return Pruned(len(gone), len(kept))
    with log.index_connection() as connection:
        events = _prune_index(connection, before, kept)
    for run in gone:
        if isinstance(log, SqliteEventLogStorage):
            _remove_database(Path(log.path_for_shard(run)))
        instance.compute_log_manager.delete_logs(prefix=[run])
    for batch in _batches(gone):
        with runs.connect() as connection:
            connection.execute(RunTagsTable.delete().where(RunTagsTable.c.run_id.in_(batch)))
        for run in batch:
            runs.delete_run(run)
    _prune_ticks(instance, before)
    with log.index_connection() as connection:
        give_back(connection)
    with runs.connect() as connection:
        give_back(connection)
    return Pruned(len(gone), len(kept), events)


def _sorted_out(instance: dg.DagsterInstance, before: dt.datetime) -> tuple[list[str], list[str]]:
    """The ids of the runs to remove, and of older ones to keep."""
    last: set[tuple[str, str | None]] = set()
    gone, kept = [], []
    moment = before.timestamp()
    for record in instance.get_run_records():  # the latest first
        run = record.dagster_run
        what = run.job_name, run.tags.get(PARTITION_NAME_TAG)
        is_last, went_well = what not in last, run.status is dg.DagsterRunStatus.SUCCESS
        last.add(what)
        if record.create_timestamp.timestamp() >= moment:
            continue
        ended = run.status in FINISHED_STATUSES and (record.end_time or record.update_timestamp.timestamp()) < moment
        (gone if ended and (went_well or not is_last) else kept).append(run.run_id)
    return gone, kept


def _prune_index(connection: Connection, before: dt.datetime, kept: list[str]) -> int:
    events, checks = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
    # Dagster keeps times in UTC, without their zone.
    moment = before.astimezone(dt.UTC).replace(tzinfo=None)
    newest = (
        select(func.max(events.id))
        .where(events.dagster_event_type.in_(_LASTING))
        .group_by(events.dagster_event_type, events.asset_key, events.partition)
    )
    old = and_(events.timestamp < moment, _not_of(events.run_id, kept), events.id.not_in(newest))
    connection.execute(
        AssetEventTagsTable.delete().where(AssetEventTagsTable.c.event_id.in_(select(events.id).where(old)))
    )
    removed = connection.execute(SqlEventLogStorageTable.delete().where(old)).rowcount
    last_evaluated = select(func.max(checks.id)).group_by(checks.asset_key, checks.check_name, checks.partition)
    connection.execute(
        AssetCheckExecutionsTable.delete().where(
            checks.evaluation_event_timestamp < moment, _not_of(checks.run_id, kept), checks.id.not_in(last_evaluated)
        )
    )
    return removed


def _not_of(column: ColumnElement[str], runs: list[str]) -> ColumnElement[bool]:
    # In batches, since databases limit how many values a statement has. Entries of no run at all are as old as any.
    return or_(column.is_(None), and_(True, *(column.not_in(batch) for batch in _batches(runs))))


def _batches(runs: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(runs), _BATCH):
        yield runs[start : start + _BATCH]


def _remove_database(path: Path) -> None:
    for name in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal"))):
        name.unlink(missing_ok=True)


def _prune_ticks(instance: dg.DagsterInstance, before: dt.datetime) -> None:
    storage = instance.schedule_storage
    if storage is None:
        return
    for state in storage.all_instigator_state():
        storage.purge_ticks(state.instigator_origin_id, state.selector_id, before=before.timestamp())


def give_back(connection: Connection) -> None:
    """Give freed pages back to the file system; PostgreSQL does so by itself."""
    database = connection.connection.dbapi_connection
    if connection.dialect.name == "sqlite" and database is not None:
        # Past SQLAlchemy, which has a transaction open, as SQLite itself has not yet. Where somebody else reads or
        # writes for long, the pages are used again by what comes next instead.
        with suppress(OperationalError, sqlite3.OperationalError):
            cursor = database.cursor()
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
