"""A direction that is looked for, seen from the axes of an index: what cosines can be at most by places alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from image_assets.search.axes import Axes
from image_assets.search.codes import CODES, Query
from image_assets.search.products import products

# Of √A: more than single precision can be wrong by. What is added up, of bytes and of low, is at most 2.9 √A each, and
# is rounded to a part in 2²⁴ some ten times.
_ROUNDED = 2**-18


@dataclass(frozen=True, eq=False)
class Outlook:
    """A direction by its places on axes.

    Attributes:
        query: Of its places.
        constant: Its product with the centre, and what rounding may change.
        beside: The length beside the axes, at least.
    """

    query: Query
    constant: float
    beside: float

    @classmethod
    def of(cls, axes: Axes, direction: np.ndarray) -> Outlook:
        """A direction, float64 [D], on axes."""
        (places,), (beside,) = axes.places(direction[None])
        rounded = _ROUNDED * np.sqrt(len(places))
        return cls(Query.of(places), float(places @ axes.centre + rounded), float(beside))

    @cached_property
    def _factors(self) -> np.ndarray:
        query = self.query
        length = np.sqrt(query.direction @ query.direction)
        return np.array([query.direction.sum(), CODES * query.left, length, self.beside], np.float32)

    def most(self, places: np.ndarray, bounds: np.ndarray) -> np.ndarray:
        """What no cosine of N rows is above, float32 [N].

        Args:
            places: uint8 [N, A], see `placed`.
            bounds: float32 [4, N], see there.
        """
        found = products(places, self.query.weights).astype(np.float32) @ self.query.steps.astype(np.float32)
        found *= bounds[1]
        found += self._factors @ bounds
        found += np.float32(self.constant)
        return found
