"""Directions in a byte a number, and what is known for certain of a cosine when only the bytes are read.

A row u is kept as low + step × code, with codes 0 … 255 between its least and its largest number, and with the length
of what is left, error = ‖u − (low + step × code)‖. For a direction q, |q·u − q·(low + step × code)| ≤ ‖q‖ × error
(Cauchy and Schwarz), so that the exact cosine lies within known bounds of what whole numbers give.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

CODES = 255
# 255 × 63 × 2 fits 16 bits with a sign: processors without instructions for this add two products at that width.
_WEIGHTS = 63
LEVELS = 3
"""Columns of whole numbers that a query is written in: what is left is a few millionths of its largest number."""
_ROUNDED = 1e-6
"""More than what single precision and the rounding of a cosine to it may change."""


class Codes(NamedTuple):
    """Rows in bytes.

    Attributes:
        codes: uint8 [N, D].
        low: float32 [N], what code 0 stands for.
        step: float32 [N], between codes.
        error: float32 [N], at least the length of what the codes leave out.
    """

    codes: np.ndarray
    low: np.ndarray
    step: np.ndarray
    error: np.ndarray


def coded(rows: np.ndarray) -> Codes:
    """Directions, float64 [N, D], in bytes."""
    low = rows.min(axis=1).astype(np.float32)
    step = ((rows.max(axis=1) - low) / CODES).astype(np.float32)
    far, near = low.astype(np.float64)[:, None], step.astype(np.float64)[:, None]
    codes = np.clip(np.rint((rows - far) / np.where(near > 0, near, 1)), 0, CODES)
    left = rows - (far + near * codes)
    error = np.sqrt(np.add.reduce(left * left, axis=1)).astype(np.float32)
    return Codes(codes.astype(np.uint8), low, step, np.nextafter(error, np.float32(np.inf)))


@dataclass(frozen=True, eq=False)
class Query:
    """A direction in whole numbers.

    Attributes:
        direction: float64 [D], of length 1, or zeros.
        weights: int8 [D, LEVELS]; weights @ steps is the direction but for what is left.
        steps: float64 [LEVELS].
        left: The sum of what is left, each number without its sign.
    """

    direction: np.ndarray
    weights: np.ndarray
    steps: np.ndarray
    left: float

    @classmethod
    def of(cls, direction: np.ndarray) -> Query:
        """A direction, float64 [D], written in levels: each what the one before leaves."""
        left = direction.copy()
        weights, steps = np.zeros((len(direction), LEVELS), np.int8), np.zeros(LEVELS)
        for level in range(LEVELS):
            steps[level] = np.abs(left).max(initial=0) / _WEIGHTS
            if steps[level] > 0:
                weights[:, level] = np.rint(left / steps[level])
            left = left - steps[level] * weights[:, level]
        return cls(direction, weights, steps, float(np.abs(left).sum()))

    def bounds(self, products: np.ndarray, low: np.ndarray, step: np.ndarray, error: np.ndarray) -> Bounds:
        """Between what the cosines of N rows lie.

        Args:
            products: int32 [N, LEVELS], codes @ weights.
            low: See `Codes`; so are the next two.
            step: [N].
            error: [N].
        """
        near = step.astype(np.float64)
        middle = low * self.direction.sum() + near * (products @ self.steps)
        slack = error * np.sqrt(self.direction @ self.direction) + near * (CODES * self.left) + _ROUNDED
        return Bounds(middle - slack, middle + slack)


class Bounds(NamedTuple):
    """float64 [N] each: no cosine is below `least` or above `most`."""

    least: np.ndarray
    most: np.ndarray
