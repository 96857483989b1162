"""A file of prepared pictures, all of one shape, and an index beside it that says which picture lies where.

The file only grows: a picture is there once the index names it, and the index is replaced in one moment. Whatever a
killed process left behind the last picture of the index is written over. Read with plain reads and not through a memory
map: what the system caches of the file is then no part of this process's memory, however many pictures there are.
"""

from __future__ import annotations

import os
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import polars as pl

from image_assets.alone import locked
from image_assets.networks.errors import DamagedPixelsError
from image_assets.whole_files import written_whole

_INDEX = pl.Schema({"image_id": pl.String(), "place": pl.Int64(), "crc": pl.UInt32()})
# So many pictures in the file for each that is wanted, and it is made anew of those.
_MOST_UNUSED = 2
Decoded = Callable[[pl.DataFrame], Iterable[tuple[list[str], np.ndarray]]]
"""Of rows that are missing, ids and uint8 [n, H, W, C], some at a time, in any order."""


@dataclass(frozen=True)
class PixelFile:
    """Where pictures lie, and their shape: height, width, channels."""

    path: Path
    shape: tuple[int, int, int]

    @property
    def row_bytes(self) -> int:
        """Size of a picture in bytes."""
        return prod(self.shape)

    @property
    def index_path(self) -> Path:
        """Of the index."""
        return self.path.with_suffix(".parquet")

    def index(self) -> pl.DataFrame:
        """image_id, place and crc of what is there; nothing where the two files do not belong together."""
        try:
            index = pl.read_parquet(self.index_path)
            there = self.path.stat().st_size
        except (OSError, pl.exceptions.PolarsError):
            return pl.DataFrame(schema=_INDEX)
        if index.schema != _INDEX or index.height * self.row_bytes > there:
            return pl.DataFrame(schema=_INDEX)
        return index


class PixelRows:
    """Pictures of a file, in an order of their own. Reading is safe from several threads at once.

    Attributes:
        places: int64 [N], where each lies in the file; negative: nowhere.
    """

    def __init__(self, file: PixelFile, places: np.ndarray, checksums: np.ndarray, descriptor: int) -> None:
        self._file, self.places, self._checksums = file, places, checksums
        self._descriptor = descriptor
        self.shape = (len(places), *file.shape)
        self.dtype = np.dtype(np.uint8)

    @classmethod
    def opened(cls, file: PixelFile, places: np.ndarray, checksums: np.ndarray) -> PixelRows:
        """Pictures of a file, which stays open as long as they, or others that were taken of them, are there."""
        descriptor = os.open(file.path, os.O_RDONLY)
        rows = cls(file, places, checksums, descriptor)
        rows._owner = _Owner()
        weakref.finalize(rows._owner, os.close, descriptor)
        return rows

    _owner: _Owner

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, chosen: slice | np.ndarray) -> PixelRows:
        """Some of them, of a slice, of bool [N] or of int [n]; nothing is read yet."""
        some = PixelRows(self._file, self.places[chosen], self._checksums[chosen], self._descriptor)
        some._owner = self._owner
        return some

    def read(self) -> np.ndarray:
        """All of them: uint8 [N, H, W, C]. Ask only of few.

        Raises:
            DamagedPixelsError: a picture is not as it was written.
        """
        pictures = np.empty(self.shape, np.uint8)
        for row, place in enumerate(self.places.tolist()):
            view = pictures[row].reshape(-1).data
            read = os.preadv(self._descriptor, [view], place * self._file.row_bytes)
            if read != self._file.row_bytes or zlib.crc32(view) != self._checksums[row]:
                raise DamagedPixelsError(
                    f"{self._file.path} is damaged at its picture {place}; remove the file, and it is made anew"
                )
        return pictures

    def batches(self, size: int) -> Iterator[np.ndarray]:
        """All of them in order, uint8 [at most size, H, W, C] each."""
        for start in range(0, len(self), size):
            yield self[start : start + size].read()


class _Owner:
    """Something to be forgotten, and with it the open file."""


def filled(file: PixelFile, images: pl.DataFrame, decoded: Decoded) -> PixelRows:
    """Put those of the images into a file that it does not hold yet.

    Args:
        file: Where.
        images: N rows with `image_id` and what `decoded` asks for.
        decoded: Makes the missing ones.

    Returns:
        The N pictures, with place -1 for one that `decoded` did not make either.
    """
    with locked(file.path.with_suffix(".lock"), mode=0o600):
        index = file.index()
        if index.height > _MOST_UNUSED * images.height:
            index = index.clear()
            # Who reads the file keeps the old one.
            file.path.unlink(missing_ok=True)
        missing = images.join(index, on="image_id", how="anti", maintain_order="left")
        if missing.height or not file.path.exists():
            index = _appended(file, index, decoded(missing) if missing.height else ())
        joined = images.select("image_id").join(index, on="image_id", how="left", maintain_order="left")
        places, checksums = joined["place"].fill_null(-1), joined["crc"].fill_null(0)
        return PixelRows.opened(file, places.to_numpy(), checksums.to_numpy())


def _appended(file: PixelFile, index: pl.DataFrame, parts: Iterable[tuple[list[str], np.ndarray]]) -> pl.DataFrame:
    ids: list[str] = []
    checksums: list[int] = []
    known = set(index["image_id"])
    with open(os.open(file.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "r+b") as stream:
        stream.seek(index.height * file.row_bytes)
        for names, pictures in parts:
            for name, picture in zip(names, pictures, strict=True):
                if name in known:
                    continue
                known.add(name)
                stream.write(np.ascontiguousarray(picture).data)
                ids.append(name)
                checksums.append(zlib.crc32(np.ascontiguousarray(picture).data))
        stream.flush()
        os.fsync(stream.fileno())
    new = pl.DataFrame(
        {"image_id": ids, "place": range(index.height, index.height + len(ids)), "crc": checksums}, schema=_INDEX
    )
    joined = pl.concat([index, new])
    with written_whole(file.index_path) as stream:
        joined.write_parquet(stream)
    return joined
