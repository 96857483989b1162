"""Parquet files on an object store: written whole or not at all, read by row group.

The settings are those of the tables: one set of them, so that the same rows always give the same bytes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import obstore
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake.fs import DeltaStorageHandler
from obstore.store import ObjectStore
from pyarrow.fs import FileSystem, LocalFileSystem, PyFileSystem, SubTreeFileSystem

from image_assets.store.objects import sizes_below
from image_assets.store.tables.damage import DamagedFile
from image_assets.store.trouble import in_one_line, trouble_of

# Images are compressed already; a second time costs time and saves nothing.
_COMPRESSED_ALREADY = ("content", "thumbnail")
# A group is held in memory while it is written or read: counted in bytes, so that images of any size keep it flat.
_GROUP_BYTES = 16_000_000
_READ_ROWS = 256
# A file is put in parts of 5 MB: a dozen at once, the default, would be held in memory beside the row group.
_PARTS_AT_ONCE = 3
# To ask for one file after the other takes longer than to list all of a table, from about here on.
_FEW = 16


@dataclass(frozen=True)
class WrittenFile:
    """A finished file: its path below the table, rows and size in bytes."""

    path: str
    rows: int
    bytes: int


class ParquetFiles:
    """The Parquet files below one root of an object store, all of one schema."""

    def __init__(self, url: str, schema: pa.Schema, objects: ObjectStore, options: dict[str, str]) -> None:
        self._schema = schema
        self._objects = objects
        self._url, self._options = url, options

    def find(self, path: str) -> WrittenFile | None:
        """The file at `path` with its row count, None where there is none that can be opened and has these columns."""
        try:
            size = obstore.head(self._objects, path)["size"]
            with self._open(path) as file:
                # With other columns it is the work of an earlier version.
                return WrittenFile(path, file.metadata.num_rows, size) if self._has_columns(file) else None
        except FileNotFoundError:
            return None
        except (pa.ArrowInvalid, OSError) as error:
            if trouble_of(error) is not None:
                raise
            # It lost its end, or has another: it is as good as none, and whoever looked for it writes it anew.
            return None

    def write(self, path: str, batches: Iterable[pa.RecordBatch]) -> WrittenFile:
        """Write batches to `path`, streamed through a temporary file; nothing appears unless all were written."""
        rows = 0
        with tempfile.TemporaryFile(prefix="image-assets-") as local:
            with pq.ParquetWriter(local, self._schema, **self._settings()) as writer:
                for group in _groups(batches):
                    writer.write_table(group, row_group_size=group.num_rows)
                    rows += group.num_rows
            size = local.tell()
            local.seek(0)
            obstore.put(self._objects, path, local, max_concurrency=_PARTS_AT_ONCE)
        return WrittenFile(path, rows, size)

    def read(
        self, path: str, columns: list[str], rows: int = _READ_ROWS, begin_in: range | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The columns asked for, in batches of at most `rows` rows, none of which reaches beyond its row group.

        Args:
            path: Of the file.
            columns: Their names.
            rows: Of a batch, at most.
            begin_in: Rows of the file; batches that begin in others are left out. Ranges that follow each other give
                together the batches of the whole.

        Raises:
            DamagedFile: the file is not as it was written.
        """
        opened = False
        try:
            with self._open(path) as file:
                opened = True
                yield from _batches(file, columns, rows, begin_in)
        except FileNotFoundError as error:
            raise DamagedFile.of(self._url, path, "is missing") from error
        except (pa.ArrowInvalid, OSError) as error:
            if trouble_of(error) is not None:
                raise
            # What can be opened is found to be finished by the next run.
            wrong = f"is damaged ({in_one_line(str(error))})"
            raise DamagedFile.of(self._url, path, wrong, must_go=opened) from error

    def frames(self, path: str, columns: Sequence[str], rows: int = _READ_ROWS) -> Iterator[pl.DataFrame]:
        """As `read`, for Polars."""
        for batch in self.read(path, list(columns), rows):
            yield pl.DataFrame(pl.from_arrow(batch))

    def scan(self, paths: Sequence[str], path_column: str | None = None) -> pl.LazyFrame:
        """The rows of files, lazily.

        Args:
            paths: Of the files, below the table.
            path_column: Name of a column more, which has the whole path or URL of each row's file; None: without.
        """
        return pl.scan_parquet(
            [f"{self._url}/{path}" for path in paths],
            glob=False,
            hive_partitioning=False,
            storage_options=self._options or None,
            include_file_paths=path_column,
        )

    def see_whole(self, files: Sequence[WrittenFile]) -> None:
        """See that files are there in their full length: what reads several at once does not say which is not.

        Raises:
            DamagedFile: one is not.
        """
        sizes = self._sizes(files)
        for file in files:
            if wrong := wrong_size(file.bytes, sizes.get(file.path)):
                raise DamagedFile.of(self._url, file.path, wrong)

    def __getstate__(self) -> dict:
        # Opened when it is first needed, on every machine anew.
        return {name: value for name, value in self.__dict__.items() if name != "_filesystem"}

    def _open(self, path: str) -> pq.ParquetFile:
        # Buffering ahead would keep all that was read of a file in memory until its end.
        source = self._filesystem.open_input_file(path)
        return pq.ParquetFile(source, page_checksum_verification=True, pre_buffer=False)

    def _has_columns(self, file: pq.ParquetFile) -> bool:
        return file.schema_arrow.names == self._schema.names

    def _sizes(self, files: Sequence[WrittenFile]) -> dict[str, int]:
        if len(files) > _FEW:
            return sizes_below(self._objects)
        found = {}
        for file in files:
            with suppress(FileNotFoundError):
                found[file.path] = int(obstore.head(self._objects, file.path)["size"])
        return found

    @cached_property
    def _filesystem(self) -> FileSystem:
        if self._url.startswith("/"):
            return SubTreeFileSystem(self._url, LocalFileSystem())
        return PyFileSystem(DeltaStorageHandler(self._url, self._options))

    def _settings(self) -> dict:
        names = self._schema.names
        repeated = [name for name in ("label", "format", "reason", "extractor", "original_category") if name in names]
        return {
            # `list.element` is how Parquet names what a list column holds.
            "compression": {name: "NONE" if name in _COMPRESSED_ALREADY else "ZSTD" for name in _leaves(self._schema)},
            "use_dictionary": repeated,
            "write_statistics": False,
            "write_page_checksum": True,
            # Readers then see plain lists, which every Delta reader knows.
            "store_schema": False,
        }


def _batches(file: pq.ParquetFile, columns: list[str], rows: int, begin_in: range | None) -> Iterator[pa.RecordBatch]:
    start = 0
    for number in range(file.metadata.num_row_groups):
        end = start + file.metadata.row_group(number).num_rows
        if begin_in is None or (start < begin_in.stop and end > begin_in.start):
            at = start
            # A group at a time: a batch that reached into the next would hold as many images of any size.
            for batch in file.iter_batches(batch_size=rows, row_groups=[number], columns=columns):
                if begin_in is None or at in begin_in:
                    yield batch
                elif at >= begin_in.stop:
                    break
                at += batch.num_rows
        start = end


def wrong_size(written: int, found: int | None) -> str:
    """What is wrong with the size of a file, to come after its name; empty where nothing is.

    Args:
        written: Bytes that were written.
        found: Bytes that are there; None where there is no file.
    """
    if found is None:
        return "is missing"
    return "" if found == written else f"is damaged: {found:,} of {written:,} bytes are there"


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Batches put together to row groups: each ends with the batch that fills it."""
    waiting: list[pa.RecordBatch] = []
    held = 0
    for batch in batches:
        if batch.num_rows:
            waiting.append(batch)
            held += batch.nbytes
        if held >= _GROUP_BYTES:
            yield pa.Table.from_batches(waiting)
            waiting, held = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def _leaves(schema: pa.Schema) -> list[str]:
    return [f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name for field in schema]
