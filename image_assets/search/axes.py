"""The few axes along which directions differ most, and what a cosine can be when only the places on them are known.

Axes P [A, D] are orthonormal rows. On them a direction u has the places P u, beside them the length √(|u|² − |P u|²).
Of two directions |q·u − (P q)·(P u)| is at most the product of their lengths beside the axes (Cauchy and Schwarz), so
that most images are ruled out by a fifth of their numbers where the axes were well chosen, and none wrongly where not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import scipy.linalg

from image_assets.whole_files import write_whole

AXES_SUFFIX = ".axes"
_MAGIC = b"image-assets axes 1\n".ljust(32)
_SHARE = 5
_MULTIPLE = 32
_NARROW = 256
# Axes are as orthonormal as rounding leaves them, and then shortened by more than that: nothing gets longer by them.
_SKEW, _SHORTER = 1e-11, 1 - 1e-8
# More than the sums of squares of directions are rounded by.
_ROUNDED = 1e-12


@dataclass(frozen=True, eq=False)
class Axes:
    """Axes of an index.

    Attributes:
        rows: float64 [A, D], orthonormal, and shorter by a hundred millionth.
        centre: float64 [A], the mean of the places on them of those that they were fitted to.
    """

    rows: np.ndarray
    centre: np.ndarray

    @cached_property
    def digest(self) -> str:
        """Hexadecimal; of what they are."""
        return hashlib.sha256(self._content).hexdigest()[:32]

    def places(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where directions, float64 [N, D], lie: places, float64 [N, A], and lengths beside the axes, float64 [N]."""
        places = directions @ self.rows.T
        beside = np.add.reduce(directions * directions, axis=1) - np.add.reduce(places * places, axis=1)
        return places, np.sqrt(np.maximum(beside, 0) + _ROUNDED)

    def save(self, path: Path) -> None:
        """Write a file, whole or not at all. Raises `OSError` where the disk refuses it."""
        write_whole(path, _MAGIC + self.digest.encode() + self._content)

    @cached_property
    def _content(self) -> bytes:
        sizes = np.array(self.rows.shape, "<u4").tobytes()
        return sizes + self.rows.astype("<f8").tobytes() + self.centre.astype("<f8").tobytes()


def fitted(directions: np.ndarray, count: int) -> Axes:
    """So many axes of directions, float64 [N, D]: those of the largest sums of squares, turned to have as much each.

    Places of one size lose least in bytes.
    """
    width = directions.shape[1]
    squares = directions.T @ directions
    _, found = scipy.linalg.eigh(squares, subset_by_index=(width - count, width - 1))
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(count, count)))
    # once more: a product of orthonormal matrices is a little less so
    rows, _ = np.linalg.qr(found @ turn)
    rows = np.ascontiguousarray(rows.T) * _SHORTER
    return Axes(rows, (directions @ rows.T).mean(axis=0))


def axes_of(width: int) -> int:
    """How many axes directions of a width have; 0: so few numbers that all are read as fast."""
    return 0 if width < _NARROW else width // _SHARE // _MULTIPLE * _MULTIPLE


def load_axes(path: Path) -> Axes | None:
    """Those of a file; None where there is none, or none that is as it was written and orthonormal.

    Raises:
        OSError: the disk refuses it.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    start = len(_MAGIC) + 32
    told, content = content[:start], content[start:]
    if told != _MAGIC + hashlib.sha256(content).hexdigest()[:32].encode():
        return None
    count, width = np.frombuffer(content, "<u4", 2).tolist()
    numbers = np.frombuffer(content, "<f8", offset=8)
    axes = Axes(numbers[: count * width].reshape(count, width), numbers[count * width :])
    skew = np.abs(axes.rows @ axes.rows.T - np.eye(count) * _SHORTER**2)
    return axes if skew.max(initial=0) < _SKEW else None
