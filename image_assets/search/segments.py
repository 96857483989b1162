"""Files of the index: the images of some files of a table as bytes and as features, in one file that never changes.

    magic · length and CRC-32 of the head · head (JSON) · ids · low · step · error · sums · codes · features

Everything lies at a multiple of 64 bytes. The head says how much there is, and the CRC-32 of what comes before the
features, which is looked at when the file is opened; every row of features has its own among the sums, which is looked
at when the row is read. A file that is not as it was written is therefore noticed before it is believed.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from zlib import crc32

import numpy as np

from image_assets.search.codes import Codes, coded
from image_assets.search.likeness import directions
from image_assets.whole_files import written_whole

SUFFIX = ".near"
_MAGIC = b"image-assets near 1\n".ljust(32)
_PREFIX = len(_MAGIC) + 16
_ALIGNED = 64
_READ_BYTES = 4_194_304


class DamagedSegment(RuntimeError):
    """A file of the index that is missing, or not as it was written.

    Attributes:
        path: Which.
    """

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path


class Part(NamedTuple):
    """Consecutive rows of one category."""

    category: str
    start: int
    end: int


class Batch(NamedTuple):
    """Images with their features: ids [n], and float32 [n, D]."""

    image_ids: Sequence[str]
    features: np.ndarray


@dataclass(frozen=True)
class Head:
    """What a file says of itself.

    Attributes:
        rows: How many images it has.
        width: Numbers of each.
        id_bytes: Length of the longest id, in UTF-8.
        parts: Which rows are of which category.
        sum_of_ids: CRC-32 of ids, low, step, error and sums.
        sum_of_codes: CRC-32 of the codes.
    """

    rows: int
    width: int
    id_bytes: int
    parts: tuple[Part, ...]
    sum_of_ids: int = 0
    sum_of_codes: int = 0

    @cached_property
    def layout(self) -> dict[str, tuple[int, np.dtype, tuple[int, ...]]]:
        """Where what lies: name → offset, type and shape. `end` is where the file ends."""
        kinds = {
            "ids": (np.dtype(f"S{self.id_bytes}"), (self.rows,)),
            **dict.fromkeys(("low", "step", "error"), (np.dtype(np.float32), (self.rows,))),
            "sums": (np.dtype(np.uint32), (self.rows,)),
            "codes": (np.dtype(np.uint8), (self.rows, self.width)),
            "features": (np.dtype(np.float32), (self.rows, self.width)),
        }
        at, found = _aligned(_PREFIX + len(self.as_bytes())), {}
        for name, (kind, shape) in kinds.items():
            found[name] = (at, kind, shape)
            at = _aligned(at + kind.itemsize * int(np.prod(shape)))
        return {**found, "end": (at, np.dtype(np.uint8), ())}

    def as_bytes(self) -> bytes:
        """JSON of a length that does not depend on the sums."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        said |= {"sum_of_ids": f"{self.sum_of_ids:08x}", "sum_of_codes": f"{self.sum_of_codes:08x}"}
        return json.dumps(said, sort_keys=True).encode()


def write_segment(path: Path, head: Head, batches: Iterable[Batch], rooted: bool) -> None:
    """Write a file; it appears whole or not at all.

    Args:
        path: Where.
        head: What is to come; its sums are not looked at.
        batches: As many images as it says, in its order.
        rooted: See `directions`.

    Raises:
        OSError: the disk refuses it.
    """
    layout = head.layout
    with written_whole(path) as stream:
        small, of_codes = _write_rows(stream, layout, batches, rooted)
        stream.seek(layout["ids"][0])
        content = b"".join(_padded(small[name]) for name in ("ids", "low", "step", "error", "sums"))
        stream.write(content)
        said = Head(head.rows, head.width, head.id_bytes, head.parts, crc32(content), of_codes).as_bytes()
        stream.seek(0)
        stream.write(_MAGIC + len(said).to_bytes(8, "little") + crc32(said).to_bytes(8, "little") + said)
        stream.truncate(layout["end"][0])
        stream.flush()
        os.fsync(stream.fileno())


def _write_rows(stream: BinaryIO, layout: dict, batches: Iterable[Batch], rooted: bool) -> tuple[dict, int]:
    small = {name: np.zeros(layout[name][2], layout[name][1]) for name in ("ids", "low", "step", "error", "sums")}
    at, of_codes, width = 0, 0, layout["codes"][2][1]
    for image_ids, features in batches:
        some = slice(at, at + len(image_ids))
        found: Codes = coded(directions(features, rooted))
        small["ids"][some] = [one.encode() for one in image_ids]
        small["low"][some], small["step"][some], small["error"][some] = found.low, found.step, found.error
        small["sums"][some] = [crc32(row.tobytes()) for row in features]
        of_codes = crc32(found.codes.tobytes(), of_codes)
        for name, rows in (("codes", found.codes), ("features", features)):
            stream.seek(layout[name][0] + at * width * rows.itemsize)
            stream.write(np.ascontiguousarray(rows).data)
        at = some.stop
    if at != layout["ids"][2][0]:
        raise ValueError(f"{at:,} images came where {layout['ids'][2][0]:,} were told of")
    return small, of_codes


@dataclass(frozen=True, eq=False)
class Segment:
    """An open file: its codes are mapped, ids and features are read when they are asked for.

    Attributes:
        path: Of the file.
        head: What it has.
        low: See `Codes`; so are the next two.
        codes: uint8 [N, D].
    """

    path: Path
    head: Head
    low: np.ndarray
    step: np.ndarray
    error: np.ndarray
    codes: np.ndarray

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
        layout, length = self.head.layout, 4 * self.head.width
        found = np.empty((len(rows), self.head.width), np.float32)
        with self._opened() as stream:
            for place, row in enumerate(rows.tolist()):
                content = _at(stream, layout["features"][0] + row * length, length)
                told = int.from_bytes(_at(stream, layout["sums"][0] + row * 4, 4), "little")
                if len(content) != length or crc32(content) != told:
                    raise DamagedSegment(self.path, f"row {row} is not as it was written")
                found[place] = np.frombuffer(content, np.float32)
        return found

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
            before, codes, after = (layout[name][0] for name in ("ids", "codes", "features"))
            small = _at(stream, before, codes - before)
            if crc32(small) != head.sum_of_ids or _sum_of(stream, codes, head.rows * head.width) != head.sum_of_codes:
                raise DamagedSegment(path, "it is not as it was written")
            mapped = mmap.mmap(stream.fileno(), after, prot=mmap.PROT_READ)
    except OSError as error:
        raise DamagedSegment(path, str(error.strerror)) from error

    def of(name: str) -> np.ndarray:
        at, kind, shape = layout[name]
        return np.frombuffer(small, kind, shape[0], at - before).copy()

    at, kind, shape = layout["codes"]
    found = np.frombuffer(mapped, kind, int(np.prod(shape)), at).reshape(shape)
    return Segment(path, head, of("low"), of("step"), of("error"), found)


def _read_head(stream: BinaryIO, path: Path) -> Head:
    prefix = _at(stream, 0, _PREFIX)
    if not prefix.startswith(_MAGIC) or len(prefix) < _PREFIX:
        raise DamagedSegment(path, "it is no file of the index")
    length, told = (int.from_bytes(prefix[at : at + 8], "little") for at in (len(_MAGIC), len(_MAGIC) + 8))
    content = _at(stream, _PREFIX, min(length, _READ_BYTES * 16))
    if crc32(content) != told:
        raise DamagedSegment(path, "its head is not as it was written")
    said: dict[str, Any] = json.loads(content)
    sums = {name: int(said[name], 16) for name in ("sum_of_ids", "sum_of_codes")}
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
    return content.ljust(_aligned(len(content)), b"\0")


def _aligned(length: int) -> int:
    return -(-length // _ALIGNED) * _ALIGNED
