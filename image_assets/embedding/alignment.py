"""One map turned, mirrored, shifted and scaled onto another, and how far its points moved all the same."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import orthogonal_procrustes


@dataclass(frozen=True)
class Alignment:
    """A map's way onto another: `places * scale @ turn + shift`.

    Attributes:
        turn: float64 [d, d], orthogonal; may mirror.
        scale: Factor.
        shift: float64 [d].
    """

    turn: np.ndarray
    scale: float
    shift: np.ndarray

    def apply(self, places: np.ndarray) -> np.ndarray:
        """Places, float64 [N, d], on the other map."""
        return places * self.scale @ self.turn + self.shift


@dataclass(frozen=True)
class Displacement:
    """How far points are from where they were, as shares of the width of the map that they were on.

    Attributes:
        median: Half of them moved no further,
        p95: and 95 of 100 no further than this.
    """

    median: float
    p95: float


def aligned(places: np.ndarray, onto: np.ndarray) -> Alignment:
    """The alignment under which places come nearest to where the same points were: orthogonal Procrustes.

    The scale is the ratio of the two maps' spreads. That of least squares would be smaller the less the maps agree, and
    a map that is unlike yesterday's would shrink.

    Args:
        places: float [N, d].
        onto: float [N, d], of the same points in the same order.

    References:
        Schönemann, "A generalized solution of the orthogonal Procrustes problem", Psychometrika 31, 1966.
    """
    centre, target = places.mean(axis=0), onto.mean(axis=0)
    turn, _ = orthogonal_procrustes(places - centre, onto - target)
    spread = np.linalg.norm(places - centre)
    scale = float(np.linalg.norm(onto - target) / spread) if spread > 0 else 1.0
    scale = scale if scale > 0 else 1.0
    return Alignment(turn, scale, target - centre * scale @ turn)


def displacement(before: np.ndarray, after: np.ndarray) -> Displacement:
    """How far the same points, float [N, d] on both maps, moved; nothing where there are none."""
    if not len(before):
        return Displacement(0.0, 0.0)
    width = float((before.max(axis=0) - before.min(axis=0)).max()) or 1.0
    moved = np.linalg.norm(after.astype(np.float64) - before.astype(np.float64), axis=1) / width
    median, p95 = np.quantile(moved, (0.5, 0.95))
    return Displacement(float(median), float(p95))
