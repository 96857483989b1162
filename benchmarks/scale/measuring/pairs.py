"""What it takes to compare a pair of hashes."""

from __future__ import annotations

import numpy as np

from benchmarks.scale.measuring.spent import Spent, core_seconds, now
from image_assets.lookalikes.hash_search import pairs_within
from image_assets.settings.quality import NearDuplicates
from image_assets.workers import cores

_NEW, _KNOWN = 2_000, 400_000


def pair_cost() -> dict[str, Spent]:
    """Core seconds of a pair, of generated hashes."""
    random = np.random.default_rng(0)
    new, known = (random.integers(0, 2**63, count, np.uint64) for count in (_NEW, _KNOWN))
    distance = NearDuplicates().distance
    began = now()
    pairs_within(new, [known], distance)
    return {"near_pair": core_seconds(now() - began, cores()) / (_NEW * _KNOWN)}
