"""A table as an earlier version wrote it, and its replacement by one of today's in a single commit.

Until that commit the table is what it was, and files that are written for it are the unseen work of a command that has
not come to its end: they are found again by their names.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import pyarrow as pa
from deltalake import CommitProperties, Transaction
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import CommitFailedError
from deltalake.transaction import AddAction

from image_assets.schema import Partition
from image_assets.store.tables.delta_log import OpenTable, Snapshot
from image_assets.store.tables.delta_tables import WHOLE_TABLE, CommitConflict, PartitionedTable, add_action
from image_assets.store.tables.parquet_files import WrittenFile
from image_assets.store.tables.versions import columns_of, file_mark, give_number, is_old, number_of, version_of

_READ_ROWS = 32  # at a time; those of images are large
_MIGRATED = "migrated-"  # how the names of files begin that were made of others


class OlderTable:
    """A table of any earlier version, at the commit that was the last when it was opened.

    Args:
        table: The table as it is declared today.

    Raises:
        TableNotFoundError: there is none yet.
        NewerTable: it is of a later version.
        DamagedLog: its log cannot be read.
    """

    def __init__(self, table: PartitionedTable) -> None:
        self.table = table
        self._open = OpenTable(table.open_any())
        self.version = version_of(self._open.delta, table.schema)
        self.columns = columns_of(self._open.delta)
        self.is_old = is_old(self._open.delta, table.schema)
        self.has_number = number_of(self._open.delta) is not None

    @cached_property
    def snapshot(self) -> Snapshot:
        """The files that it consists of."""
        return self._open.snapshot()

    def by_partition(self) -> dict[Partition | None, list[WrittenFile]]:
        """The files of every partition; of a table without partitions, all under None."""
        if not self.table.schema.partitioned:
            files = self.snapshot.written_files()
            return {None: files} if files else {}
        return {one: self.snapshot.of(one).written_files() for one in self.snapshot.partitions()}

    def rows(self, file: WrittenFile) -> Iterator[pa.RecordBatch]:
        """The rows of one of its files, with the columns that they have there."""
        within = [name for name in self.columns if name not in self.table.schema.partition_by]
        return self.table.files.read(file.path, within, _READ_ROWS)

    def new_name(self, file: WrittenFile) -> str:
        """The name of the file of today's version that is made of one of its files."""
        schema = self.table.schema
        made_of = {"file": file.path, "from": self.version, "columns": self.columns, "to": schema.arrow.names}
        digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
        return f"{_MIGRATED}{digest[:32]}"

    def finished(self, partition: Partition | None, file: WrittenFile) -> WrittenFile | None:
        """The file of today's version that a command before this one has made of one of its files."""
        found = self.table.find_file(partition, self.new_name(file))
        return found if found is not None and found.rows == file.rows else None

    def forget(self) -> None:
        """Remove all files that were made of its files and are in no commit."""
        for partition, files in self.by_partition().items():
            for file in files:
                self.table.remove_file(partition, self.new_name(file))

    @property
    def is_carried(self) -> bool:
        """Whether its rows are of today's version already, and only its number is still to be written."""
        names = [str(path).rsplit("/", 1)[-1] for path in self.snapshot.files["path"]]
        whole = set(self.columns) == set(self.table.schema.arrow.names)
        mark = f"{file_mark(self.table.schema)}{_MIGRATED}"
        return whole and bool(names) and all(name.startswith(mark) for name in names)

    def replace(self, files: Mapping[Partition | None, Sequence[WrittenFile]]) -> None:
        """Make the table consist of other files, of today's columns and version, provided that it is what it was.

        Raises:
            CommitConflict: somebody has changed it since it was opened; it stays as it is.
        """
        delta, schema = self._open.delta, self.table.schema
        modified = int(time.time() * 1000)
        actions: list[AddAction] = [
            add_action(file, partition, modified) for partition, those in files.items() for file in those if file.rows
        ]
        try:
            delta.create_write_transaction(
                actions,  # pyright: ignore[reportArgumentType]  # a list is invariant
                mode="overwrite",
                schema=DeltaSchema.from_arrow(schema.arrow),
                partition_by=schema.partition_by,
                # Of no retry, so that it lands on the very commit that was looked at, or not at all.
                commit_properties=CommitProperties(
                    custom_metadata={"migrated": f"{self.version} to {schema.version}"},
                    max_commit_retries=0,
                    app_transactions=[Transaction(WHOLE_TABLE, self._open.next_transaction(WHOLE_TABLE))],
                ),
            )
        except CommitFailedError as error:
            raise CommitConflict(
                f"{self.table.url} was changed meanwhile and stays as it is; stop what runs, and migrate again"
            ) from error
        self._open.update()
        self.number()

    def number(self) -> None:
        """Note that the table is of today's version."""
        give_number(self._open.delta, self.table.schema)
