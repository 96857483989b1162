"""Delta tables that are replaced partition by partition, each replacement one atomic commit.

What belongs here: reading a table lazily, writing its files, committing them. What does not: what the rows mean.

A table's files are written by us under names derived from what they are made of, and become visible only when a
commit lists them; a file that no commit lists yet is the finished work of a run that did not get to its commit.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction
from obstore.store import ObjectStore

from image_assets.schema import Partition, TableSchema
from io_managers.parquet_files import ParquetFiles, WrittenFile

_ATTEMPTS = 50
# One transaction name for all partitions makes any two commits of a table conflict, so that what was
# looked up in the other partitions still holds when the commit lands.
_WHOLE_TABLE = "whole-table"


class CommitConflict(RuntimeError):
    """Another run has replaced the same partition in the meantime; its result stands."""


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
    """

    def __init__(self, url: str, schema: TableSchema, objects: ObjectStore, options: dict[str, str]) -> None:
        self.url = url
        self.schema = schema
        self.files = ParquetFiles(url, schema.file_schema, objects, options)
        self._options = options

    def exists(self) -> bool:
        """Whether the table has been created."""
        return DeltaTable.is_deltatable(self.url, self._options)

    def scan(self, partitions: Collection[Partition] | None = None) -> pl.LazyFrame:
        """The table's rows, lazily; only those of `partitions` where given. No rows where there is no table yet."""
        frame = self._scan(self._open()) if self.exists() else _empty(self.schema)
        return frame if partitions is None else frame.filter(_any_of(partitions))

    def partition_files(self, partition: Partition | None) -> list[WrittenFile]:
        """The files that the partition consists of, by name; those of the whole table for None."""
        return _committed(self._open(), partition) if self.exists() else []

    def partitions(self) -> list[Partition]:
        """The partitions that hold rows."""
        if not self.exists():
            return []
        return sorted({_partition_of(action) for action in _actions(self._open())})

    def folder(self, partition: Partition | None) -> str:
        """Where a partition's files lie, below the table."""
        return "" if partition is None else f"date={partition.date.isoformat()}/category={partition.category}/"

    def find_file(self, partition: Partition | None, name: str) -> WrittenFile | None:
        """The finished file of that name, committed or not; None where there is none."""
        return self.files.find(self.folder(partition) + name + ".parquet")

    def write_file(self, partition: Partition | None, name: str, batches: Iterable[pa.RecordBatch]) -> WrittenFile:
        """Write a file from batches, streamed; it appears whole or not at all, and is not part of the table yet."""
        return self.files.write(self.folder(partition) + name + ".parquet", batches)

    def write_frame(self, partition: Partition | None, frame: pl.DataFrame) -> WrittenFile:
        """Write a small frame as a file named by its content, so that the same rows give the same file."""
        table = frame.to_arrow().select(self.schema.file_schema.names).cast(self.schema.file_schema)
        return self.write_file(partition, _content_name(table), table.to_batches())

    def replace(self, partition: Partition | None, files: Sequence[WrittenFile]) -> CommitReport:
        """Make the partition (None: the table) consist of just these files, in one commit.

        Raises:
            CommitConflict: another run has replaced the partition since this call began.
        """
        return self._commit(partition, lambda _: files, exclusive=False)

    def replace_exclusively(
        self, partition: Partition, choose: Callable[[pl.LazyFrame], Sequence[WrittenFile]]
    ) -> CommitReport:
        """Like `replace`, with files that were chosen by looking at the rest of the table.

        `choose` is given the table as it is, and is asked again whenever any other commit came in between: what it
        saw is what the commit lands on.
        """
        return self._commit(partition, choose, exclusive=True)

    def _commit(
        self,
        partition: Partition | None,
        choose: Callable[[pl.LazyFrame], Sequence[WrittenFile]],
        *,
        exclusive: bool,
    ) -> CommitReport:
        own = "table" if partition is None else f"{partition.date.isoformat()}|{partition.category}"
        began_at: int | None = None
        for attempt in range(_ATTEMPTS):
            table = self._open()
            version = table.transaction_version(own) or 0
            began_at = version if began_at is None else began_at
            files = [file for file in choose(self._scan(table)) if file.rows]
            rows = sum(file.rows for file in files)
            if {f.path for f in _committed(table, partition)} == {f.path for f in files}:
                return CommitReport(table.version(), changed=False, rows=rows)
            if version != began_at:
                raise CommitConflict(
                    f"{self.schema.name}, {partition or 'whole table'}: another run replaced it meanwhile and its "
                    "result stands; run again to load what has arrived since"
                )
            names = {own: version + 1}
            if exclusive:
                names[_WHOLE_TABLE] = (table.transaction_version(_WHOLE_TABLE) or 0) + 1
            try:
                self._write_commit(table, partition, files, names)
            except CommitFailedError:
                # Lost against another commit. Wait a little, at random, so that many writers do not march in step.
                time.sleep(random.uniform(0, 0.02 * min(attempt + 1, 10)))
                continue
            return CommitReport(self._open().version(), changed=True, rows=rows)
        raise CommitConflict(f"{self.schema.name}, {partition}: no commit in {_ATTEMPTS} attempts; try again later")

    def _write_commit(
        self, table: DeltaTable, partition: Partition | None, files: Sequence[WrittenFile], names: dict[str, int]
    ) -> None:
        values: dict[str, str | None] = {}
        filters = None
        if partition is not None:
            values = {"date": partition.date.isoformat(), "category": partition.category}
            filters = [(column, "=", str(value)) for column, value in values.items()]
        modified = int(time.time() * 1000)
        table.create_write_transaction(
            [AddAction(f.path, f.bytes, values, modified, True, json.dumps({"numRecords": f.rows})) for f in files],
            mode="overwrite",
            schema=table.schema(),
            partition_by=self.schema.partition_by,
            partition_filters=filters,
            commit_properties=CommitProperties(
                app_transactions=[Transaction(app_id=name, version=number) for name, number in names.items()]
            ),
        )

    def _open(self) -> DeltaTable:
        try:
            return DeltaTable(self.url, storage_options=self._options)
        except TableNotFoundError:
            pass
        try:
            return DeltaTable.create(
                self.url,
                schema=self.schema.arrow,
                partition_by=self.schema.partition_by,
                mode="ignore",
                description=self.schema.meaning,
                storage_options=self._options,
            )
        except DeltaError:
            # Somebody else created it at the same moment: then it is there now.
            return DeltaTable(self.url, storage_options=self._options)

    def _scan(self, table: DeltaTable) -> pl.LazyFrame:
        if not table.file_uris():
            return _empty(self.schema)
        return pl.scan_delta(table)


def _empty(schema: TableSchema) -> pl.LazyFrame:
    frame = pl.from_arrow(schema.arrow.empty_table())
    assert isinstance(frame, pl.DataFrame)
    return frame.lazy()


def _any_of(partitions: Collection[Partition]) -> pl.Expr:
    days: dict[str, list] = {}
    for partition in partitions:
        days.setdefault(partition.category, []).append(partition.date)
    wanted = [(pl.col("category") == category) & pl.col("date").is_in(dates) for category, dates in days.items()]
    return pl.any_horizontal(wanted) if wanted else pl.lit(value=False)


def _actions(table: DeltaTable) -> list[dict]:
    return pa.table(table.get_add_actions(flatten=True)).to_pylist()


def _partition_of(action: dict) -> Partition:
    return Partition(action["partition.date"], action["partition.category"])


def _committed(table: DeltaTable, partition: Partition | None) -> list[WrittenFile]:
    files = [
        WrittenFile(action["path"], action["num_records"], action["size_bytes"])
        for action in _actions(table)
        if partition is None or _partition_of(action) == partition
    ]
    return sorted(files, key=lambda file: file.path)


def _content_name(table: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()[:32]
