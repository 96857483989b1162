"""Segments of an index: which of some files hold a number, as one Parquet file that is written once and never changed.

A row is a number (ascending over the whole file) and the place of a file in the list that stands in the metadata. The
statistics of its row groups say which of them may hold a number. The pages have checksums, and the file is named by the
SHA-256 of its metadata: what is not as it was written is noticed before it is believed.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
import obstore
import pyarrow as pa
import pyarrow.parquet as pq
from obstore.store import ObjectStore

from image_assets.store.ranges import RangedStream
from image_assets.store.tables.arrow_columns import of_numbers
from image_assets.store.trouble import in_one_line, trouble_of

SUFFIX = ".parquet"
Rows = tuple[np.ndarray, np.ndarray]
"""Numbers, uint64 [N], and the places of their files, uint32 [N]."""

_SCHEMA = pa.schema([pa.field("number", pa.uint64(), nullable=False), pa.field("place", pa.uint32(), nullable=False)])
_GROUP_ROWS = 8_192
_READ_GROUPS = 32
_TAIL_BYTES = 65_536
# A Parquet file ends with its metadata, the length of that (4 bytes) and a mark (4 bytes).
_LENGTH_AND_MARK = 8


class DamagedSegment(RuntimeError):
    """A segment that is not as it was written.

    Attributes:
        path: Its path in the index.
    """

    def __init__(self, path: str, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path


class SegmentRemoved(LookupError):
    """A segment that was there a moment ago: another run has merged it with others."""


@dataclass(frozen=True)
class Segment:
    """An open segment: its metadata is in memory, its rows are not.

    Attributes:
        path: Its path in the index.
        files: The files that it covers, also those without a row.
        rows: Number of rows.
        first: The first number of every row group, uint64 [groups].
        last: The last one.
    """

    path: str
    files: list[str]
    rows: int
    first: np.ndarray
    last: np.ndarray
    parquet: pq.ParquetFile

    def places_of(self, numbers: np.ndarray) -> np.ndarray:
        """Places in `files` of those that hold any of the numbers.

        Args:
            numbers: uint64 [N], ascending.

        Raises:
            DamagedSegment: a row group is not as it was written.
            SegmentRemoved: it is not there any more.
        """
        found = [np.empty(0, np.uint32)]
        begin, end = np.searchsorted(numbers, self.first, "left"), np.searchsorted(numbers, self.last, "right")
        for held, places in self._read(np.flatnonzero(end > begin)):
            wanted = numbers[np.searchsorted(numbers, held[0]) : np.searchsorted(numbers, held[-1], "right")]
            begin, end = np.searchsorted(held, wanted, "left"), np.searchsorted(held, wanted, "right")
            found += [places[begin[hit] : end[hit]] for hit in np.flatnonzero(end > begin)]
        return np.unique(np.concatenate(found))

    def between(self, low: int, high: int) -> Rows:
        """The rows with low ≤ number ≤ high. Raises as `places_of`."""
        bounds = np.array([low, high], np.uint64)
        groups = np.flatnonzero((self.first <= bounds[1]) & (self.last >= bounds[0]))
        parts = [(np.empty(0, np.uint64), np.empty(0, np.uint32)), *self._read(groups)]
        numbers, places = (np.concatenate(part) for part in zip(*parts, strict=True))
        inside = slice(np.searchsorted(numbers, bounds[0], "left"), np.searchsorted(numbers, bounds[1], "right"))
        return numbers[inside], places[inside]

    def numbers(self) -> Iterator[np.ndarray]:
        """All numbers, ascending, piece by piece. Raises as `places_of`."""
        for numbers, _ in self._read(np.arange(len(self.first))):
            yield numbers

    def _read(self, groups: np.ndarray) -> Iterator[Rows]:
        """The rows of some row groups, piece by piece."""
        for start in range(0, len(groups), _READ_GROUPS):
            some = groups[start : start + _READ_GROUPS].tolist()
            try:
                table = self.parquet.read_row_groups(some, use_threads=False)
            except FileNotFoundError as error:
                raise SegmentRemoved(self.path) from error
            except (pa.ArrowInvalid, OSError) as error:
                if trouble_of(error) is not None:
                    raise
                raise DamagedSegment(self.path, in_one_line(str(error))) from error
            yield table["number"].to_numpy(), table["place"].to_numpy()


def open_segment(objects: ObjectStore, path: str, size: int) -> Segment:
    """Read the metadata of the segment of `size` bytes at `path`. Raises as `Segment.places_of`."""
    stream = RangedStream(size, lambda start, end: bytes(obstore.get_range(objects, path, start=start, end=end)))
    try:
        footer = _footer(stream, size)
    except FileNotFoundError as error:
        raise SegmentRemoved(path) from error
    if path != _name(footer):
        raise DamagedSegment(path, "its metadata have another digest than its name says")
    metadata = pq.read_metadata(pa.BufferReader(footer))
    # Buffered ahead, row groups that follow each other come in one request.
    file = pq.ParquetFile(stream, metadata=metadata, page_checksum_verification=True, pre_buffer=True)
    ranges = [metadata.row_group(group).column(0).statistics for group in range(metadata.num_row_groups)]
    first, last = (np.array([getattr(one, end) for one in ranges], np.uint64) for end in ("min", "max"))
    return Segment(path, json.loads(metadata.metadata[b"files"]), metadata.num_rows, first, last, file)


def write_segment(objects: ObjectStore, files: Sequence[str], rows: Iterable[Rows]) -> str:
    """Write a segment, streamed through a temporary file; it appears whole or not at all.

    Args:
        objects: The index.
        files: The files that it covers.
        rows: Its rows in pieces of any size, the numbers ascending from the first piece to the last.

    Returns:
        Its path: the same for the same files and pieces.
    """
    with tempfile.TemporaryFile(prefix="image-assets-") as local:
        with pq.ParquetWriter(
            local,
            _SCHEMA,
            compression="NONE",  # numbers are hashes
            use_dictionary=False,
            write_statistics=True,
            write_page_checksum=True,
            store_schema=False,
        ) as writer:
            writer.add_key_value_metadata({"files": json.dumps(list(files))})
            for numbers, places in rows:
                if len(numbers):
                    writer.write_table(pa.table([of_numbers(numbers), of_numbers(places)], schema=_SCHEMA), _GROUP_ROWS)
        path = _name(_footer(local, local.tell()))
        local.seek(0)
        obstore.put(objects, path, local)
    return path


def _footer(file: IO[bytes] | RangedStream, size: int) -> bytes:
    """The end of a Parquet file, from its metadata on; of a file that is cut off, what is in their place."""
    file.seek(max(size - _TAIL_BYTES, 0))
    tail = file.read()
    length = int.from_bytes(tail[-_LENGTH_AND_MARK:][:4], "little") + _LENGTH_AND_MARK
    if len(tail) < length <= size:
        file.seek(size - length)
        tail = file.read()
    return tail[-length:]


def _name(footer: bytes) -> str:
    return hashlib.sha256(footer).hexdigest()[:32] + SUFFIX
