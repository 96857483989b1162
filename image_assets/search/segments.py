"""Files of the index: the images of some files of a table as bytes and as features, in one file that never changes.

    magic · length and CRC-32 of the head · head (JSON) ·
    ids · low · step · error · sums · bounds · places · codes · features

Everything lies at a multiple of 64 bytes. The head says how much there is, and the CRC-32 of what comes before the
features, which is looked at when the file is opened; every row of features has its own among the sums, which is looked
at when the row is read. A file that is not as it was written is therefore noticed before it is believed.

Places are those on axes, in bytes; bounds are their low, step and error and the length beside the axes. Where there are
no axes, both are empty.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO
from zlib import crc32

import numpy as np

from image_assets.search.axes import Axes
from image_assets.search.codes import coded
from image_assets.search.layout import MAGIC, PREFIX, SMALL, SUMS, Batch, DamagedSegment, Head, Part, aligned
from image_assets.search.likeness import directions
from image_assets.whole_files import written_whole

SUFFIX = ".near"
_READ_BYTES = 4_194_304


def write_segment(path: Path, head: Head, batches: Iterable[Batch], rooted: bool, axes: Axes | None = None) -> None:
    """Write a file; it appears whole or not at all.

    Args:
        path: Where.
        head: What is to come; its sums are not looked at.
        batches: As many images as it says, in its order.
        rooted: See `directions`.
        axes: Those that the head names.

    Raises:
        OSError: the disk refuses it.
    """
    layout = head.layout
    with written_whole(path) as stream:
        small, sums = _write_rows(stream, head, batches, rooted, axes)
        stream.seek(layout["ids"][0])
        content = b"".join(_padded(small[name]) for name in SMALL)
        stream.write(content)
        said = replace(head, sum_of_small=crc32(content), **sums).as_bytes()
        stream.seek(0)
        stream.write(MAGIC + len(said).to_bytes(8, "little") + crc32(said).to_bytes(8, "little") + said)
        stream.truncate(layout["end"][0])
        stream.flush()
        os.fsync(stream.fileno())


def _write_rows(
    stream: BinaryIO, head: Head, batches: Iterable[Batch], rooted: bool, axes: Axes | None
) -> tuple[dict[str, np.ndarray], dict[str, int]]:
    layout = head.layout
    small = {name: np.zeros(layout[name][2], layout[name][1]) for name in SMALL}
    at, sums = 0, {"sum_of_places": 0, "sum_of_codes": 0}
    for image_ids, features in batches:
        some = slice(at, at + len(image_ids))
        rows = directions(features, rooted)
        whole, places = coded(rows), np.empty((len(rows), 0), np.uint8)
        small["ids"][some] = [one.encode() for one in image_ids]
        small["low"][some], small["step"][some], small["error"][some] = whole.low, whole.step, whole.error
        small["sums"][some] = [crc32(row.tobytes()) for row in features]
        if axes is not None:
            places, small["bounds"][:, some] = placed(rows, axes)
        for name, found in (("places", places), ("codes", whole.codes), ("features", features)):
            if f"sum_of_{name}" in sums:
                sums[f"sum_of_{name}"] = crc32(found.tobytes(), sums[f"sum_of_{name}"])
            stream.seek(layout[name][0] + at * found.shape[1] * found.itemsize)
            stream.write(np.ascontiguousarray(found).data)
        at = some.stop
    if at != head.rows:
        raise ValueError(f"{at:,} images came where {head.rows:,} were told of")
    return small, sums


def placed(rows: np.ndarray, axes: Axes) -> tuple[np.ndarray, np.ndarray]:
    """Directions, float64 [N, D], by their places: uint8 [N, A], and what bounds their cosines, float32 [4, N]."""
    places, beside = axes.places(rows)
    found = coded(places - axes.centre)
    most = np.nextafter(beside.astype(np.float32), np.float32(np.inf))
    return found.codes, np.stack([found.low, found.step, found.error, most])


@dataclass(frozen=True, eq=False)
class Segment:
    """An open file: its codes are mapped, ids and features are read when they are asked for.

    Attributes:
        path: Of the file.
        head: What it has.
        low: See `Codes`; so are the next two.
        codes: uint8 [N, D].
        bounds: See `placed`; so is the next.
        places: uint8 [N, A].
        sums: CRC-32 of the features of each.
    """

    path: Path
    head: Head
    low: np.ndarray
    step: np.ndarray
    error: np.ndarray
    codes: np.ndarray
    bounds: np.ndarray
    places: np.ndarray
    sums: np.ndarray

    def image_ids(self, rows: np.ndarray | None = None) -> list[str]:
        """Of rows, int [n], or of all. Raises `DamagedSegment` where the file is gone."""
        at, kind, shape = self.head.layout["ids"]
        with self._opened() as stream:
            if rows is None:
                stream.seek(at)
                found = np.frombuffer(stream.read(kind.itemsize * shape[0]), kind)
            else:
                found = np.array([_at(stream, at + row * kind.itemsize, kind.itemsize) for row in rows.tolist()], kind)
        return [one.decode() for one in found.tolist()]

    def features(self, rows: np.ndarray) -> np.ndarray:
        """float32 [n, D] of rows, int [n]. Raises `DamagedSegment` where they are not as they were written."""
        start, length = self.head.layout["features"][0], 4 * self.head.width
        found = np.empty((len(rows), self.head.width), np.float32)
        with self._opened() as stream:
            for place, row in enumerate(rows.tolist()):
                content = _at(stream, start + row * length, length)
                if len(content) != length or crc32(content) != self.sums[row]:
                    raise DamagedSegment(self.path, f"row {row} is not as it was written")
                found[place] = np.frombuffer(content, np.float32)
        return found

    def read_codes(self, rows: np.ndarray, into: np.ndarray) -> None:
        """Codes of rows, int [n], into uint8 [n, D]; read, since a mapped row brings what lies around it into memory.

        Raises `DamagedSegment` where the file is gone.
        """
        start, width = self.head.layout["codes"][0], self.head.width
        with self._opened() as stream:
            for place, row in enumerate(rows.tolist()):
                if os.preadv(stream.fileno(), [into[place]], start + row * width) != width:
                    raise DamagedSegment(self.path, "it is shorter than it was")

    def row_of(self, image_id: str) -> int | None:
        """The row of an image; None where it is not among them. Raises as `image_ids`."""
        ids = self.image_ids()
        return ids.index(image_id) if image_id in ids else None

    def _opened(self) -> BinaryIO:
        try:
            return open(self.path, "rb", buffering=0)
        except OSError as error:
            raise DamagedSegment(self.path, str(error.strerror)) from error


def open_segment(path: Path) -> Segment:
    """Open a file and see that it is as it was written, but for its features.

    Raises:
        DamagedSegment: it is not, or there is none.
    """
    try:
        with open(path, "rb", buffering=0) as stream:
            head = _read_head(stream, path)
            layout = head.layout
            if os.fstat(stream.fileno()).st_size != layout["end"][0]:
                raise DamagedSegment(path, "it is not of the length that it says")
            before, places, codes, after = (layout[name][0] for name in ("ids", "places", "codes", "features"))
            small = _at(stream, before, places - before)
            found = (
                crc32(small),
                _sum_of(stream, places, head.rows * head.places),
                _sum_of(stream, codes, head.rows * head.width),
            )
            if found != (head.sum_of_small, head.sum_of_places, head.sum_of_codes):
                raise DamagedSegment(path, "it is not as it was written")
            mapped = mmap.mmap(stream.fileno(), after, prot=mmap.PROT_READ)
    except OSError as error:
        raise DamagedSegment(path, str(error.strerror)) from error

    def of(name: str, content: bytes | mmap.mmap = small, start: int = before) -> np.ndarray:
        at, kind, shape = layout[name]
        return np.frombuffer(content, kind, int(np.prod(shape)), at - start).reshape(shape)

    kept = {name: of(name).copy() for name in SMALL if name != "ids"}
    return Segment(path, head, codes=of("codes", mapped, 0), places=of("places", mapped, 0), **kept)


def _read_head(stream: BinaryIO, path: Path) -> Head:
    prefix = _at(stream, 0, PREFIX)
    if not prefix.startswith(MAGIC) or len(prefix) < PREFIX:
        raise DamagedSegment(path, "it is no file of the index")
    length, told = (int.from_bytes(prefix[at : at + 8], "little") for at in (len(MAGIC), len(MAGIC) + 8))
    content = _at(stream, PREFIX, min(length, _READ_BYTES * 16))
    if crc32(content) != told:
        raise DamagedSegment(path, "its head is not as it was written")
    said: dict[str, Any] = json.loads(content)
    sums = {name: int(said[name], 16) for name in SUMS}
    return Head(**{**said, **sums, "parts": tuple(Part(*one) for one in said["parts"])})


def _sum_of(stream: BinaryIO, at: int, length: int) -> int:
    return _crc(
        _at(stream, start, min(_READ_BYTES, at + length - start)) for start in range(at, at + length, _READ_BYTES)
    )


def _crc(pieces: Iterator[bytes]) -> int:
    found = 0
    for one in pieces:
        found = crc32(one, found)
    return found


def _at(stream: BinaryIO, at: int, length: int) -> bytes:
    """Bytes from a place on; fewer at the end of the file."""
    parts, got = [], 0
    while got < length and (some := os.pread(stream.fileno(), length - got, at + got)):
        parts.append(some)
        got += len(some)
    return b"".join(parts)


def _padded(rows: np.ndarray) -> bytes:
    content = rows.tobytes()
    return content.ljust(aligned(len(content)), b"\0")
