"""Dagster's event log in one SQLite file, written through connections that stay open.

Dagster's own storage keeps a database per run, mirrors every event of an asset or check in another one, and opens a
connection, with a new engine, for each event: with small partitions that is most of the time of a day and nearly all
of the disk. This one is Dagster's `ConsolidatedSqliteEventLogStorage` with `compact_text` beneath it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from dagster import DagsterEventType, DagsterInstance, EventLogEntry
from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.engine import Connection
from sqlalchemy.event import listen
from watchdog.events import FileSystemEvent, PatternMatchingEventHandler
from watchdog.observers import Observer

from image_assets.alone import alone
from image_assets.orchestration.dagster_internals import (
    ASSET_EVENTS,
    SQLITE_BUSY_TIMEOUT_SECONDS,
    ConfigurableClassData,
    ConsolidatedSqliteEventLogStorage,
)
from image_assets.run_history.compact_text import DIALECT
from image_assets.run_history.event_rows import write_asset, write_check, write_event

_FOLDER = "history"


class RunHistory(ConsolidatedSqliteEventLogStorage):
    """The event log of an instance, in `history/event_log.db` of its home.

    Several processes may use it at once: one writes at a time, others wait up to half a minute.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        # Where it lies is known once the instance is; see `register_instance`.
        self._given_data = inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Nothing is to be configured."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """As Dagster makes what `dagster.yaml` names."""
        del config_value
        return cls(inst_data)

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """What `dagster.yaml` says of it."""
        return self._given_data

    def register_instance(self, instance: DagsterInstance) -> None:
        """Open the log of the instance's home; it is made where it is not there."""
        folder = Path(instance.root_directory) / _FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        with alone(folder):
            super().__init__(str(folder), self._given_data)
        super().register_instance(instance)

    @cached_property
    def _engine(self) -> Engine:
        url = self._conn_string.replace("sqlite:", f"{DIALECT}:", 1)
        engine = create_engine(url, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
        listen(engine, "connect", _flush_less)
        return engine

    @cached_property
    def _open(self) -> threading.local:
        return threading.local()

    @contextmanager
    def _connect(self) -> Iterator[Connection]:
        outer: Connection | None = getattr(self._open, "connection", None)
        if outer is not None:
            yield outer
            return
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def has_table(self, table_name: str) -> bool:
        """Whether the log has a table; none is ever dropped, so that one that was found is not looked for again."""
        if table_name not in self._tables and inspect(self._engine).has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    @cached_property
    def _tables(self) -> set[str]:
        return set()

    def store_event(self, event: EventLogEntry) -> None:
        """Keep an event, and what is looked up of assets and checks, in one transaction.

        What an output has as metadata, plots among them, its materialisation has too: it is kept once.
        """
        self.store_event_batch([event])

    def store_event_batch(self, events: Sequence[EventLogEntry]) -> None:
        """Keep events as `store_event`, all in one transaction."""
        with self._connect() as connection:
            self._open.connection = connection
            try:
                for event in events:
                    self._store(connection, _without_doubles(event))
            finally:
                self._open.connection = None

    def _store(self, connection: Connection, event: EventLogEntry) -> None:
        row = self._event_to_row(event)
        number = write_event(connection, row)
        write_check(connection, event, row, number)
        if event.dagster_event_type in ASSET_EVENTS and row["asset_key"]:
            latest = self._get_asset_entry_values(event, number, has_asset_key_index_cols=True)
            write_asset(
                connection, row["asset_key"], latest, self._tags_for_asset_event(event), number, row["timestamp"]
            )

    def watch(self, run_id: str, cursor: str | None, callback: Callable[[EventLogEntry, str], None]) -> None:
        """Call back on every event of a run from now on, as the UI does."""
        if not self._obs:
            # What is written goes into the file beside the log first.
            handler = _Watchdog(self, [self.get_db_path(), self.get_db_path() + "-wal"])
            self._obs = Observer()
            self._obs.start()
            self._obs.schedule(handler, self._base_dir)
        self._watchers[run_id][callback] = cursor

    def dispose(self) -> None:
        """Close what is open."""
        super().dispose()
        if "_engine" in self.__dict__:
            self._engine.dispose()


def _without_doubles(event: EventLogEntry) -> EventLogEntry:
    if event.dagster_event_type is not DagsterEventType.STEP_OUTPUT or event.dagster_event is None:
        return event
    output = event.get_dagster_event().step_output_data
    return event._replace(dagster_event=event.dagster_event._replace(event_specific_data=output._replace(metadata={})))


class _Watchdog(PatternMatchingEventHandler):
    def __init__(self, log: RunHistory, patterns: list[str]) -> None:
        super().__init__(patterns=patterns)
        self._log = log

    def on_modified(self, event: FileSystemEvent) -> None:
        """Look for new events."""
        del event
        self._log.on_modified()


def _flush_less(connection: sqlite3.Connection, _: object) -> None:
    # With a write-ahead log, NORMAL loses at most the last moments when the power fails, and damages nothing.
    connection.execute("PRAGMA synchronous=NORMAL")
