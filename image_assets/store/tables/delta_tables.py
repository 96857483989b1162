"""Delta tables that are replaced partition by partition, each replacement one atomic commit.

What belongs here: reading a table lazily, writing its files, committing them. What does not: what the rows mean.

A table's files are written by us under names derived from what they are made of, and become visible only when a
commit lists them; a file that no commit lists yet is the finished work of a run that did not get to its commit.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction
from obstore.store import ObjectStore

from image_assets.errors import CanPass
from image_assets.schema import Partition, TableSchema
from image_assets.settings.tables import CHECKPOINT_COMMITS
from image_assets.store.objects import remove
from image_assets.store.retrying import until_landed
from image_assets.store.tables.arrow_columns import no_rows
from image_assets.store.tables.delta_log import OpenTable, Snapshot, borrowed, is_empty_commit
from image_assets.store.tables.delta_place import delta_url, is_plain
from image_assets.store.tables.log_damage import damage_in_log
from image_assets.store.tables.parquet_files import ParquetFiles, WrittenFile
from image_assets.store.tables.versions import (
    configuration_of,
    file_mark,
    give_checkpoints,
    give_number,
    is_old,
    old_table,
    refuse_newer,
)

_ATTEMPTS = 50
# Of a table that grows by a few rows at a time: so many files are read in no time, and thousands are not.
_JOINED_FILES = 64
# One transaction name for all partitions makes any two commits of a table conflict, so that what was
# looked up in the other partitions still holds when the commit lands.
WHOLE_TABLE = "whole-table"


class CommitConflict(CanPass, RuntimeError):
    """Another run has replaced the same partition in the meantime; its result stands."""


class _Lost(CommitConflict):
    """Another commit came first."""


@dataclass(frozen=True)
class CommitReport:
    """What a commit did: the table's version, and whether there was anything to change."""

    version: int
    changed: bool
    rows: int


class PartitionedTable:
    """One table of one dataset.

    Args:
        url: Where the table lies: a local folder or `s3://bucket/path`.
        schema: Its columns.
        objects: The object store rooted at `url`.
        options: Options of the object store, as object_store names them.
        before_commit: Called before every commit; raises where the store cannot keep two of them apart.
        checkpoint_commits: From one checkpoint of its log to the next; None: as it is, and of a new one 25.
    """

    def __init__(
        self,
        url: str,
        schema: TableSchema,
        objects: ObjectStore,
        options: dict[str, str],
        before_commit: Callable[[], None],
        checkpoint_commits: int | None = None,
    ) -> None:
        self.url = url
        self.schema = schema
        self.files = ParquetFiles(url, schema.file_schema, objects, options)
        self._objects = objects
        self._options = options
        self._before_commit = before_commit
        self._checkpoint_commits = checkpoint_commits

    def snapshot(self) -> Snapshot:
        """The table as it is now; without files where there is no table yet.

        Raises:
            DamagedLog: its log cannot be read.
        """
        try:
            with self._borrowed(self._open) as table:
                return table.snapshot()
        except TableNotFoundError:
            return Snapshot()

    def made_at(self) -> dt.datetime:
        """When the table was made, UTC; one that was gone and is there again, when it was made anew.

        Raises:
            TableNotFoundError: there is none.
            DamagedLog: its log cannot be read.
        """
        with self._borrowed(self._open) as table:
            return dt.datetime.fromtimestamp((table.delta.metadata().created_time or 0) / 1000, dt.UTC)

    def scan(self, partitions: Collection[Partition] | None = None) -> pl.LazyFrame:
        """The table's rows, lazily; only those of `partitions` where given. No rows where there is no table yet.

        Raises:
            DamagedFile: a file of these is missing or cut.
            DamagedLog: what files there are cannot be read.
        """
        if partitions is not None:
            return self.scan_files(*(self.snapshot().of(partition) for partition in partitions))
        if not is_plain(self.url):
            return self.scan_files(self.snapshot())
        try:
            # A scan may be collected much later: its table is not one that others use meanwhile.
            table = self._open()
        except TableNotFoundError:
            return _empty(self.schema)
        if is_old(table, self.schema):
            raise old_table(table, self.schema, self.url)
        files = OpenTable(table).snapshot().written_files()
        self.files.see_whole(files)
        return pl.scan_delta(table) if files else _empty(self.schema)

    def scan_files(self, *snapshots: Snapshot) -> pl.LazyFrame:
        """The rows of the files of snapshots of this table, lazily.

        Only these files are looked at, whatever else the table holds.

        Raises:
            DamagedFile: one of them is missing or cut.
        """
        self.files.see_whole([file for one in snapshots for file in one.written_files()])
        groups = [group for one in snapshots for group in one.files.partition_by("date", "category")]
        return pl.concat([self._scan_partition(group) for group in groups] or [_empty(self.schema)])

    def partition_files(self, partition: Partition | None) -> list[WrittenFile]:
        """The files that the partition consists of, by name; those of the whole table for None."""
        snapshot = self.snapshot()
        return (snapshot if partition is None else snapshot.of(partition)).written_files()

    def partitions(self) -> list[Partition]:
        """The partitions that hold rows."""
        return self.snapshot().partitions()

    def folder(self, partition: Partition | None) -> str:
        """Where a partition's files lie, below the table."""
        return "" if partition is None else f"date={partition.date.isoformat()}/category={partition.category}/"

    def find_file(self, partition: Partition | None, name: str) -> WrittenFile | None:
        """The finished file of that name, committed or not; None where there is none."""
        return self.files.find(self._path(partition, name))

    def name_of(self, file: WrittenFile) -> str:
        """The name that a file of the table was written under."""
        return file.path.rsplit("/", 1)[-1].removeprefix(file_mark(self.schema)).removesuffix(".parquet")

    def write_file(self, partition: Partition | None, name: str, batches: Iterable[pa.RecordBatch]) -> WrittenFile:
        """Write a file from batches, streamed; it appears whole or not at all, and is not part of the table yet."""
        return self.files.write(self._path(partition, name), batches)

    def remove_file(self, partition: Partition | None, name: str) -> None:
        """Remove a file of that name which is not part of the table; nothing where there is none."""
        remove(self._objects, self._path(partition, name))

    def write_frame(self, partition: Partition | None, frame: pl.DataFrame) -> WrittenFile:
        """Write a small frame as a file named by its content, so that the same rows give the same file."""
        table = frame.to_arrow().select(self.schema.file_schema.names).cast(self.schema.file_schema)
        return self.write_file(partition, _content_name(table), table.to_batches())

    def write_rows(self, partition: Partition | None, rows: Iterable[Sequence[object]]) -> WrittenFile:
        """As `write_frame`, of rows with a value for every column of a file, in their order."""
        schema = self.schema.no_rows().schema
        return self.write_frame(partition, pl.DataFrame(list(rows), schema=schema, orient="row"))

    def replace(self, partition: Partition | None, files: Sequence[WrittenFile]) -> CommitReport:
        """Make the partition (None: the table) consist of just these files, in one commit.

        Raises:
            CommitConflict: another run has replaced the partition since this call began.
        """
        return self._commit(partition, lambda _: files, exclusive=False)

    def append(self, rows: pl.DataFrame) -> CommitReport:
        """Add rows to a table without partitions, in one commit. Raises as `replace`, and nothing is added then.

        What was added a little at a time becomes one file now and then, in the same commit.
        """
        file = self.write_frame(None, rows)

        def joined(there: Snapshot) -> Sequence[WrittenFile]:
            if there.files.height < _JOINED_FILES:
                return [*there.written_files(), file]
            known = self.scan_files(there).collect()
            return [self.write_frame(None, pl.concat([known, rows.select(known.columns)]))]

        return self._commit(None, joined, exclusive=False)

    def replace_exclusively(
        self, partition: Partition, choose: Callable[[Snapshot], Sequence[WrittenFile]]
    ) -> CommitReport:
        """Like `replace`, with files that were chosen by looking at the rest of the table.

        `choose` is given the table as it is, and is asked again whenever any other commit came in between: what it
        saw is what the commit lands on.
        """
        return self._commit(partition, choose, exclusive=True)

    def _path(self, partition: Partition | None, name: str) -> str:
        return f"{self.folder(partition)}{file_mark(self.schema)}{name}.parquet"

    def _commit(
        self,
        partition: Partition | None,
        choose: Callable[[Snapshot], Sequence[WrittenFile]],
        *,
        exclusive: bool,
    ) -> CommitReport:
        own = "table" if partition is None else f"{partition.date.isoformat()}|{partition.category}"
        began_at: int | None = None
        self._before_commit()

        def attempt() -> CommitReport:
            nonlocal began_at
            with self._borrowed(self._open_or_create) as table:
                self._give_checkpoints(table.delta)
                there = table.snapshot()
                files = [file for file in choose(there) if file.rows]
                rows = sum(file.rows for file in files)
                before = there if partition is None else there.of(partition)
                same = set(before.files["path"]) == {file.path for file in files}
                if same and not is_old(table.delta, self.schema):
                    return CommitReport(there.version, changed=False, rows=rows)
                names = {own: table.next_transaction(own)}
                began_at = names[own] if began_at is None else began_at
                if names[own] != began_at:
                    raise CommitConflict(
                        f"{self.schema.name}, {partition or 'whole table'}: another run replaced it meanwhile and its "
                        "result stands; run again to load what has arrived since"
                    )
                if exclusive:
                    names[WHOLE_TABLE] = table.next_transaction(WHOLE_TABLE)
                if self._write_commit(table.delta, partition, files, names):
                    table.update()
                    return CommitReport(table.delta.version(), changed=True, rows=rows)
            # Said when the table is given back: it stays open for the next attempt.
            raise _Lost(f"{self.schema.name}, {partition}: no commit in {_ATTEMPTS} attempts; try again later")

        return until_landed(attempt, _Lost, tries=_ATTEMPTS, longest_wait_seconds=0.2)

    def _give_checkpoints(self, table: DeltaTable) -> None:
        """Have the table go by the setting. That may be a commit: what is chosen is chosen of the table after it."""
        if self._checkpoint_commits is None:
            return
        try:
            give_checkpoints(table, self._checkpoint_commits)
        except CommitFailedError as error:
            raise _Lost(f"{self.schema.name}: no commit in {_ATTEMPTS} attempts; try again later") from error

    def _write_commit(
        self, table: DeltaTable, partition: Partition | None, files: Sequence[WrittenFile], names: dict[str, int]
    ) -> bool:
        """Commit; False where another commit came first."""
        filters = [(column, "=", str(value)) for column, value in partition_values(partition).items()]
        modified, old = int(time.time() * 1000), is_old(table, self.schema)
        # One that was found finished, and not written just now, may have been moved away as unlisted meanwhile.
        for file in files:
            self.files.see_whole([file])
        try:
            table.create_write_transaction(
                [add_action(file, partition, modified) for file in files],
                mode="overwrite",
                schema=DeltaSchema.from_arrow(self.schema.arrow) if old else table.schema(),
                partition_by=self.schema.partition_by,
                partition_filters=filters or None,
                commit_properties=CommitProperties(
                    app_transactions=[Transaction(app_id=name, version=number) for name, number in names.items()]
                ),
            )
        except CommitFailedError:
            return False
        if old:
            table.update_incremental()
            give_number(table, self.schema)
        return True

    def _borrowed(self, open_table: Callable[[], DeltaTable]) -> AbstractContextManager[OpenTable]:
        return borrowed(self.url, self._objects, open_table)

    def open_any(self) -> DeltaTable:
        """The table open, of whatever earlier version it is.

        Raises:
            TableNotFoundError: there is none.
            DamagedLog: its log cannot be read.
            NewerTable: it is of a later version.
        """
        try:
            table = DeltaTable(delta_url(self.url), storage_options=self._options)
        except TableNotFoundError:
            raise
        except DeltaError as error:
            damage = damage_in_log(self.url, self._objects)
            if damage is None:
                raise
            raise damage from error
        if is_empty_commit(table.version(), self._objects) and (damage := damage_in_log(self.url, self._objects)):
            raise damage  # the library takes a commit that was cut to nothing for one that changes nothing
        refuse_newer(table, self.schema, self.url)
        return table

    def _open(self) -> DeltaTable:
        table = self.open_any()
        if is_old(table, self.schema) and not self.schema.made_anew:
            raise old_table(table, self.schema, self.url)
        return table

    def _open_or_create(self) -> DeltaTable:
        try:
            return self._open()
        except TableNotFoundError:
            pass
        try:
            return DeltaTable.create(
                delta_url(self.url, new=True),
                schema=self.schema.arrow,
                partition_by=self.schema.partition_by,
                mode="ignore",
                description=self.schema.meaning,
                configuration=configuration_of(self.schema, self._checkpoint_commits or CHECKPOINT_COMMITS),
                raise_if_key_not_exists=False,
                storage_options=self._options,
            )
        except DeltaError:
            # Somebody else created it at the same moment: then it is there now.
            return self._open()

    def _scan_partition(self, files: pl.DataFrame) -> pl.LazyFrame:
        rows = self.files.scan(files["path"].to_list())
        return rows.with_columns(pl.lit(files[name][0]).alias(name) for name in self.schema.partition_by)


def add_action(file: WrittenFile, partition: Partition | None, modified: int) -> AddAction:
    """What a commit says of a file that comes with it.

    Args:
        file: Which.
        partition: Whose it is.
        modified: When it was made, milliseconds since 1970.
    """
    rows = json.dumps({"numRecords": file.rows})
    return AddAction(file.path, file.bytes, partition_values(partition), modified, True, rows)


def partition_values(partition: Partition | None) -> dict[str, str | None]:
    """The values of the columns that a table is partitioned by."""
    return {} if partition is None else {"date": partition.date.isoformat(), "category": partition.category}


@cache
def _empty(schema: TableSchema) -> pl.LazyFrame:
    return no_rows(schema.arrow).lazy()


def _content_name(table: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()[:32]
