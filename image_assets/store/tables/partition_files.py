"""A partition of a table as its files, for stages that work file by file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from image_assets.schema import Partition
from image_assets.store.tables.delta_tables import PartitionedTable
from image_assets.store.tables.parquet_files import WrittenFile


@dataclass(frozen=True)
class PartitionFiles:
    """A table, and the files of a partition of it."""

    table: PartitionedTable
    files: Sequence[WrittenFile]

    def of(self, partition: Partition) -> PartitionFiles:
        """Those of one partition, of a run that has several."""
        folder = self.table.folder(partition)
        return PartitionFiles(self.table, [file for file in self.files if file.path.startswith(folder)])
