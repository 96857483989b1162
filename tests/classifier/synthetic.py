"""Image ids, and features of classes that lie apart, for the tests of the classifier."""

from __future__ import annotations

import hashlib

import numpy as np

CLASSES = {"plant": 0, "animal": 1, "human": 2}


def image_ids(count: int) -> list[str]:
    return [hashlib.sha256(str(i).encode()).hexdigest() for i in range(count)]


def clusters(count: int, width: int = 64, separation: float = 0.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """float32 [count, width] features around three centres, int16 [count] labels."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(3, width)) * separation
    labels = rng.integers(0, 3, count)
    features = np.maximum(centres[labels] + rng.normal(size=(count, width)), 0)
    return features.astype(np.float32), labels.astype(np.int16)
