"""What lies where in a file of the index, and what the file says of itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

MAGIC = b"image-assets near 2\n".ljust(32)
PREFIX = len(MAGIC) + 16
"""Bytes before the head: the magic, and the length and the CRC-32 of the head."""
_ALIGNED = 64


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


SUMS = ("sum_of_small", "sum_of_places", "sum_of_codes")
SMALL = ("ids", "low", "step", "error", "sums", "bounds")
"""What a file has before its places, in its order."""


@dataclass(frozen=True)
class Head:
    """What a file says of itself.

    Attributes:
        rows: How many images it has.
        width: Numbers of each.
        id_bytes: Length of the longest id, in UTF-8.
        parts: Which rows are of which category.
        axes: Digest of the axes that places are on; empty where there are none.
        places: How many axes.
        sum_of_small: CRC-32 of what lies before the places.
        sum_of_places: CRC-32 of the places.
        sum_of_codes: CRC-32 of the codes.
    """

    rows: int
    width: int
    id_bytes: int
    parts: tuple[Part, ...]
    axes: str = ""
    places: int = 0
    sum_of_small: int = 0
    sum_of_places: int = 0
    sum_of_codes: int = 0

    @cached_property
    def layout(self) -> dict[str, tuple[int, np.dtype, tuple[int, ...]]]:
        """Where what lies: name → offset, type and shape. `end` is where the file ends."""
        kinds = {
            "ids": (np.dtype(f"S{self.id_bytes}"), (self.rows,)),
            **dict.fromkeys(("low", "step", "error"), (np.dtype(np.float32), (self.rows,))),
            "sums": (np.dtype(np.uint32), (self.rows,)),
            "bounds": (np.dtype(np.float32), (4 if self.places else 0, self.rows)),
            "places": (np.dtype(np.uint8), (self.rows, self.places)),
            "codes": (np.dtype(np.uint8), (self.rows, self.width)),
            "features": (np.dtype(np.float32), (self.rows, self.width)),
        }
        at, found = aligned(PREFIX + len(self.as_bytes())), {}
        for name, (kind, shape) in kinds.items():
            found[name] = (at, kind, shape)
            at = aligned(at + kind.itemsize * int(np.prod(shape)))
        return {**found, "end": (at, np.dtype(np.uint8), ())}

    def as_bytes(self) -> bytes:
        """JSON of a length that does not depend on the sums."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        said |= {name: f"{said[name]:08x}" for name in SUMS}
        return json.dumps(said, sort_keys=True).encode()


def aligned(length: int) -> int:
    """The next multiple of 64 bytes."""
    return -(-length // _ALIGNED) * _ALIGNED
