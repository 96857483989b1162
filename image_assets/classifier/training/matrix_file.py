"""A matrix of float32 in a temporary file: rows are written to their places, and read in batches.

Read with plain reads into a buffer and not through a memory map: what the system caches of the file is then no part of
this process's memory, however many rows there are.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from image_assets.store.models.signed_root import signed_root

BATCH = 4_096
"""Rows of a batch: 8 MB at 512 columns."""


class NoRoomError(OSError):
    """The temporary folder cannot hold the features; the message says how much is needed, and where."""


@dataclass(frozen=True)
class MatrixFile:
    """float32 [rows, width] in a file that is there as long as `temporary_matrix` lasts.

    Attributes:
        rooted: Whether what is read is the signed root of what was written.
    """

    path: Path
    descriptor: int
    rows: int
    width: int
    rooted: bool = False

    def as_rooted(self, rooted: bool) -> MatrixFile:
        """The same file, read with the root taken or without."""
        return replace(self, rooted=rooted)

    @property
    def row_bytes(self) -> int:
        """Size of a row."""
        return 4 * self.width

    def write(self, places: np.ndarray, rows: np.ndarray) -> None:
        """Put rows, float32 [n, width], to their places, int [n]. Neighbours are written together."""
        order = np.argsort(places, kind="stable")
        places, rows = places[order], np.ascontiguousarray(rows[order], dtype=np.float32)
        ends = np.flatnonzero(np.diff(places, append=places[-1:] + 2) != 1) + 1
        start = 0
        for end in ends.tolist():
            _write_all(self.descriptor, rows[start:end], int(places[start]) * self.row_bytes)
            start = end

    def read(self, start: int, stop: int) -> np.ndarray:
        """The rows from `start` to `stop`, float32 [stop - start, width], a copy that the caller may change."""
        batch = np.empty((stop - start, self.width), np.float32)
        view = batch.reshape(-1).view(np.uint8).data
        done = 0
        while done < len(view):
            read = os.preadv(self.descriptor, [view[done:]], start * self.row_bytes + done)
            if not read:
                raise OSError(f"{self.path} ended before row {stop}: it was cut short while it was read")
            done += read
        return signed_root(batch) if self.rooted else batch

    def spans(self, size: int = BATCH) -> list[tuple[int, int]]:
        """Where batches of `size` rows begin and end."""
        return [(start, min(start + size, self.rows)) for start in range(0, self.rows, size)]

    def take(self, places: np.ndarray) -> np.ndarray:
        """Some rows in memory: float32 [n, width], for places that ascend."""
        chosen = np.empty((len(places), self.width), np.float32)
        for start, stop in self.spans():
            first, last = np.searchsorted(places, [start, stop])
            if first < last:
                chosen[first:last] = self.read(start, stop)[places[first:last] - start]
        return chosen

    def whole(self) -> np.ndarray:
        """All rows in memory: for few of them."""
        return self.read(0, self.rows)


@contextmanager
def temporary_matrix(rows: int, width: int) -> Iterator[MatrixFile]:
    """A matrix file in the system's folder for temporary files (`TMPDIR`), removed afterwards.

    Raises:
        NoRoomError: there is no room for it.
    """
    with tempfile.TemporaryDirectory(prefix="image-assets-") as folder:
        path = Path(folder) / "features.f32"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            _reserve(descriptor, 4 * rows * width, folder)
            yield MatrixFile(path, descriptor, rows, width)
        finally:
            os.close(descriptor)


def _reserve(descriptor: int, size: int, folder: str) -> None:
    if not size:
        return
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise
        raise NoRoomError(
            error.errno,
            f"no room for {size / 1e9:,.1f} GB of features in {Path(folder).parent}; "
            "free some, or name another folder in TMPDIR",
        ) from error


def _write_all(descriptor: int, rows: np.ndarray, offset: int) -> None:
    view = rows.reshape(-1).view(np.uint8).data
    done = 0
    while done < len(view):
        done += os.pwrite(descriptor, view[done:], offset + done)
