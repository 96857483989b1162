"""Features in clusters, for the tests of the map."""

from __future__ import annotations

import numpy as np


def clusters(count: int, width: int = 80, kinds: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """float32 [count, width] features around so many centres, and the centre of each."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(kinds, width))
    kind = rng.integers(0, kinds, count)
    return (centres[kind] + 0.5 * rng.normal(size=(count, width))).astype(np.float32), kind
