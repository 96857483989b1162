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
        events: Entries of their logs.
        bytes: What these entries and the printed output of the runs take, on a disk and in the database.
    """

    runs: int
    kept: int
    events: int
    bytes: int


def prune_runs(instance: dg.DagsterInstance, before: dt.datetime, *, dry_run: bool = False) -> Pruned:
    """Remove runs that ended before a moment, with their logs and the ticks of schedules and sensors until then.

    A run that did not go well stays while no later run of its job and partition did: somebody may still look for why.
    Interrupted, it can be called again and goes on.

    Args:
        instance: Whose records.
        before: With a time zone.
        dry_run: Only count.

    Raises:
        PruneError: the records are not in a database that Dagster's own classes of SQL storage open.
    """
    log, runs = instance.event_log_storage, instance.run_storage
    if not isinstance(log, SqlEventLogStorage) or not isinstance(runs, SqlRunStorage):
        raise PruneError(f"runs are recorded by {type(log).__name__}, which cannot be pruned from here")
    gone, kept = _sorted_out(instance, before)
    with log.index_connection() as connection:
        events, size = _counted(connection, before, kept)
    found = Pruned(len(gone), len(kept), events, size + sum(_on_disk(instance, run) for run in gone))
    if dry_run:
        return found
    with log.index_connection() as connection:
        _prune_index(connection, before, kept)
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
    return found


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


def _old_events(before: dt.datetime, kept: list[str]) -> ColumnElement[bool]:
    """Those of the runs to remove, but for what stays known of assets."""
    events = SqlEventLogStorageTable.c
    newest = (
        select(func.max(events.id))
        .where(events.dagster_event_type.in_(_LASTING))
        .group_by(events.dagster_event_type, events.asset_key, events.partition)
    )
    return and_(events.timestamp < _moment(before), _not_of(events.run_id, kept), events.id.not_in(newest))


def _moment(before: dt.datetime) -> dt.datetime:
    """As Dagster keeps times: in UTC, without their zone."""
    return before.astimezone(dt.UTC).replace(tzinfo=None)


def _counted(connection: Connection, before: dt.datetime, kept: list[str]) -> tuple[int, int]:
    """How many events would be removed, and what they take in the database, bytes."""
    of_text = func.coalesce(func.sum(func.length(SqlEventLogStorageTable.c.event)), 0)
    events, size = connection.execute(select(func.count(), of_text).where(_old_events(before, kept))).one()
    return int(events), int(size)


def _on_disk(instance: dg.DagsterInstance, run: str) -> int:
    """What a run has on this machine for itself: a database of its events, where it has one, and what it printed."""
    log = instance.event_log_storage
    files = [*_database_files(Path(log.path_for_shard(run)))] if isinstance(log, SqliteEventLogStorage) else []
    files += (Path(instance.storage_directory()) / run).rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def _prune_index(connection: Connection, before: dt.datetime, kept: list[str]) -> None:
    events, checks = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
    moment, old = _moment(before), _old_events(before, kept)
    connection.execute(
        AssetEventTagsTable.delete().where(AssetEventTagsTable.c.event_id.in_(select(events.id).where(old)))
    )
    connection.execute(SqlEventLogStorageTable.delete().where(old))
    last_evaluated = select(func.max(checks.id)).group_by(checks.asset_key, checks.check_name, checks.partition)
    connection.execute(
        AssetCheckExecutionsTable.delete().where(
            checks.evaluation_event_timestamp < moment, _not_of(checks.run_id, kept), checks.id.not_in(last_evaluated)
        )
    )


def _not_of(column: ColumnElement[str], runs: list[str]) -> ColumnElement[bool]:
    # In batches, since databases limit how many values a statement has. Entries of no run at all are as old as any.
    return or_(column.is_(None), and_(True, *(column.not_in(batch) for batch in _batches(runs))))


def _batches(runs: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(runs), _BATCH):
        yield runs[start : start + _BATCH]


def _database_files(path: Path) -> Iterator[Path]:
    yield from (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm", "-journal")))


def _remove_database(path: Path) -> None:
    for name in _database_files(path):
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
