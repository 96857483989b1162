"""Segments of an index: which of some files hold a number, as one object that is written once and never changed.

Layout, all little endian: chunks of at most 8,192 rows, each the rows' numbers (uint64, ascending over the whole
segment) and then their files (uint32, places in the footer's list); the footer (JSON); its length in bytes (uint64).
The footer has the CRC-32 of every chunk, and the object is named by the footer's SHA-256: what is not as it was written
is noticed before it is believed.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO

import numpy as np
import obstore
from obstore.store import ObjectStore

SUFFIX = ".keys"
Rows = tuple[np.ndarray, np.ndarray]
"""Numbers, uint64 [N], and the places of their files, uint32 [N]."""

_CHUNK = 8_192
_ROW_BYTES = 12
_READ_CHUNKS = 32
_TAIL_BYTES = 65_536
_LENGTH_BYTES = 8


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
    """An open segment: its footer is in memory, its rows are not.

    Attributes:
        path: Its path in the index.
        files: The files that it covers, also those without a row.
        rows: Number of rows.
        first: The first number of every chunk, uint64 [chunks].
        checksums: CRC-32 of every chunk.
    """

    objects: ObjectStore
    path: str
    files: list[str]
    rows: int
    first: np.ndarray
    checksums: list[int]

    def places_of(self, numbers: np.ndarray) -> np.ndarray:
        """Places in `files` of those that hold any of the numbers.

        Args:
            numbers: uint64 [N], ascending.

        Raises:
            DamagedSegment: a chunk is not as it was written.
            SegmentRemoved: it is not there any more.
        """
        found = [np.empty(0, np.uint32)]
        for held, places in self._chunks(self._chunks_of(numbers, numbers)):
            wanted = numbers[np.searchsorted(numbers, held[0]) : np.searchsorted(numbers, held[-1], "right")]
            begin, end = np.searchsorted(held, wanted, "left"), np.searchsorted(held, wanted, "right")
            hits = np.flatnonzero(end > begin)
            found += [np.unique(places[begin[hit] : end[hit]]) for hit in hits]
        return np.unique(np.concatenate(found))

    def between(self, low: int, high: int) -> Rows:
        """The rows with low ≤ number ≤ high. Raises as `places_of`."""
        bounds = np.array([[low], [high]], np.uint64)
        chunks = [(np.empty(0, np.uint64), np.empty(0, np.uint32)), *self._chunks(self._chunks_of(*bounds))]
        numbers, places = (np.concatenate(part) for part in zip(*chunks, strict=True))
        inside = slice(*np.searchsorted(numbers, bounds[0], "left"), *np.searchsorted(numbers, bounds[1], "right"))
        return numbers[inside], places[inside]

    def numbers(self) -> Iterator[np.ndarray]:
        """All numbers, ascending, chunk by chunk. Raises as `places_of`."""
        for numbers, _ in self._chunks(np.arange(len(self.first))):
            yield numbers

    def _chunks_of(self, lows: np.ndarray, highs: np.ndarray) -> np.ndarray:
        """The chunks that may have numbers of any range `lows[i]` … `highs[i]`, ascending."""
        # A number can begin in the chunk before the first one that begins with it.
        begin = np.maximum(np.searchsorted(self.first, lows, "left") - 1, 0)
        end = np.searchsorted(self.first, highs, "right")
        steps = np.zeros(len(self.first) + 1, np.int64)
        np.add.at(steps, begin, 1)
        np.add.at(steps, np.maximum(end, begin), -1)
        return np.flatnonzero(np.cumsum(steps)[:-1])

    def _chunks(self, wanted: np.ndarray) -> Iterator[Rows]:
        for run in np.split(wanted, np.flatnonzero(np.diff(wanted) != 1) + 1):
            for some in np.split(run, range(_READ_CHUNKS, len(run), _READ_CHUNKS)):
                if len(some):
                    yield from self._read(int(some[0]), len(some))

    def _read(self, start: int, count: int) -> Iterator[Rows]:
        """So many chunks that follow each other, in one request."""
        size = _CHUNK * _ROW_BYTES
        length = min((start + count) * _CHUNK, self.rows) * _ROW_BYTES - start * size
        content = _read(self.objects, self.path, start * size, length)
        for number in range(count):
            chunk = content[number * size : (number + 1) * size]
            if zlib.crc32(chunk) != self.checksums[start + number]:
                raise DamagedSegment(self.path, f"chunk {start + number} has another checksum")
            rows = len(chunk) // _ROW_BYTES
            yield np.frombuffer(chunk, "<u8", rows), np.frombuffer(chunk, "<u4", rows, rows * 8)


def _read(objects: ObjectStore, path: str, start: int, length: int) -> memoryview:
    try:
        return memoryview(obstore.get_range(objects, path, start=start, length=length))
    except FileNotFoundError as error:
        raise SegmentRemoved(path) from error


def open_segment(objects: ObjectStore, path: str, size: int) -> Segment:
    """Read the footer of the segment of `size` bytes at `path`. Raises as `Segment.places_of`."""
    if size < _LENGTH_BYTES:
        raise DamagedSegment(path, "it is cut off")
    some = min(size, _TAIL_BYTES)
    tail = bytes(_read(objects, path, size - some, some))
    length = int.from_bytes(tail[-_LENGTH_BYTES:], "little")
    if length > size - _LENGTH_BYTES:
        raise DamagedSegment(path, "it is cut off")
    if length + _LENGTH_BYTES > len(tail):
        tail = bytes(_read(objects, path, size - length - _LENGTH_BYTES, length + _LENGTH_BYTES))
    footer = tail[-_LENGTH_BYTES - length : -_LENGTH_BYTES]
    if path != _name(footer):
        raise DamagedSegment(path, "the footer has another digest than its name says")
    content = json.loads(footer)
    first = np.array(content["first"], np.uint64)
    return Segment(objects, path, content["files"], content["rows"], first, content["crc32"])


def write_segment(objects: ObjectStore, files: Sequence[str], rows: Iterable[Rows]) -> str:
    """Write a segment, streamed through a temporary file; it appears whole or not at all.

    Args:
        objects: The index.
        files: The files that it covers.
        rows: Its rows in pieces of any size, the numbers ascending from the first piece to the last.

    Returns:
        Its path, which follows from its content.
    """
    footer = {"files": list(files), "rows": 0, "first": [], "crc32": []}
    with tempfile.TemporaryFile(prefix="image-assets-") as local:
        for numbers, places in _rechunked(rows):
            chunk = numbers.astype("<u8").tobytes() + places.astype("<u4").tobytes()
            local.write(chunk)
            footer["rows"] += len(numbers)
            footer["first"].append(int(numbers[0]))
            footer["crc32"].append(zlib.crc32(chunk))
        text = json.dumps(footer, separators=(",", ":")).encode()
        path = _name(text)
        local.write(text + len(text).to_bytes(_LENGTH_BYTES, "little"))
        _put(objects, path, local)
    return path


def _put(objects: ObjectStore, path: str, local: IO[bytes]) -> None:
    local.seek(0)
    obstore.put(objects, path, local)


def _rechunked(rows: Iterable[Rows]) -> Iterator[Rows]:
    numbers, places = np.empty(0, np.uint64), np.empty(0, np.uint32)
    for more_numbers, more_places in rows:
        numbers, places = np.concatenate([numbers, more_numbers]), np.concatenate([places, more_places])
        whole = len(numbers) // _CHUNK * _CHUNK
        for start in range(0, whole, _CHUNK):
            yield numbers[start : start + _CHUNK], places[start : start + _CHUNK]
        numbers, places = numbers[whole:], places[whole:]
    if len(numbers):
        yield numbers, places


def _name(footer: bytes) -> str:
    return hashlib.sha256(footer).hexdigest()[:32] + SUFFIX
