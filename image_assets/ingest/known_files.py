"""What the files of a partition were found to be when it was last loaded, so that they need not be read to be known.

It is a convenience: whoever removes it has all files read once more. A file counts as known where its size and version
are those of then, and nothing could have changed it since without changing these; `run --verify` reads all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from image_assets.images.header import check_bytes
from image_assets.images.reasons import Rejected
from image_assets.ingest.fingerprint import Fingerprint
from image_assets.ingest.source import SourceFile
from image_assets.schema import Partition
from image_assets.settings.stages import Limits
from image_assets.store.objects import remove
from image_assets.store.store import Store
from image_assets.store.tables.arrow_columns import batch_of_rows
from image_assets.store.tables.damage import DamagedFile
from image_assets.store.tables.parquet_files import ParquetFiles

KNOWN_FILES = "known_files"
"""The folder of a dataset that holds them."""
VERIFY_TAG = "image_assets/verify"
"""The tag of a run that reads every file again: `true`."""
_SCHEMA = pa.schema(
    [("source", pa.string()), ("bytes", pa.int64()), ("version", pa.string()), ("image_id", pa.string())]
)
_ROWS = 10_000
# Written a few at a time: as dictionaries they take ten times the memory.
_WRITTEN_ROWS = 1_000


@dataclass(frozen=True)
class Told:
    """Listed files, in their order: those whose bytes are known, and those that are to be read."""

    known: list[Fingerprint]
    unknown: list[SourceFile]


class KnownFiles:
    """What files of a dataset's partitions were found to be.

    Args:
        store: Where it is kept.
        dataset: Whose files they are.
    """

    def __init__(self, store: Store, dataset: str) -> None:
        self._objects = store.objects(dataset, KNOWN_FILES)
        self._files = ParquetFiles(store.location(dataset, KNOWN_FILES), _SCHEMA, self._objects, store.options)

    def tell(
        self, files: Sequence[SourceFile], partition: Partition, limits: Limits, besides: Collection[str] = ()
    ) -> Told:
        """Tell the files whose bytes are known from those that are to be read.

        Args:
            files: What is listed of the partition.
            partition: Which.
            limits: A file of more bytes than these is read, and refused.
            besides: Sources that are read in any case.
        """
        ids = self._ids(partition)
        told = Told([], [])
        for file in files:
            found = ids.get((file.source, file.bytes, file.version)) if file.settled else None
            if found is None or file.source in besides or not _allowed(file, limits):
                told.unknown.append(file)
            else:
                told.known.append(Fingerprint(file, found))
        return told

    def keep(self, partition: Partition, prints: Iterable[Fingerprint]) -> None:
        """Keep what the files of a partition are, in the place of what was kept of it; only of those that settled."""
        settled = [one for one in prints if one.file.settled]
        if settled:
            starts = range(0, len(settled), _WRITTEN_ROWS)
            self._files.write(_path(partition), (_batch(settled[start : start + _WRITTEN_ROWS]) for start in starts))
        else:
            self.forget(partition)

    def forget(self, partition: Partition) -> None:
        """Have all files of a partition read when it is loaded again."""
        remove(self._objects, _path(partition))

    def _ids(self, partition: Partition) -> dict[tuple[str, int, str], str]:
        if self._files.find(_path(partition)) is None:
            return {}
        try:
            frames = self._files.frames(_path(partition), _SCHEMA.names, _ROWS)
            return {(source, size, version): one for rows in frames for source, size, version, one in rows.iter_rows()}
        except DamagedFile:
            return {}


def _batch(prints: Sequence[Fingerprint]) -> pa.RecordBatch:
    rows = [(one.file.source, one.file.bytes, one.file.version, one.image_id) for one in prints]
    return batch_of_rows([dict(zip(_SCHEMA.names, row, strict=True)) for row in rows], _SCHEMA)


def _path(partition: Partition) -> str:
    return f"{partition.date.isoformat()}/{partition.category}.parquet"


def _allowed(file: SourceFile, limits: Limits) -> bool:
    try:
        check_bytes(file.bytes, limits)
    except Rejected:
        return False
    return True
