"""Image ids, and features of classes that lie apart, for the tests of the classifier."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from image_assets.classifier.training.selection import TrainingRows

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


def of_sources(sources: int, seed: int, shift: float = 8.0) -> TrainingRows:
    """Three categories of 30 images from each source, whose features are shifted by the source and its category."""
    random = np.random.default_rng(seed)
    labels = np.tile(np.repeat(np.arange(3), 30), sources).astype(np.int16)
    source = np.repeat(np.arange(sources), 90)
    centres = np.random.default_rng(0).normal(size=(3, 60))
    features = centres[labels] + shift * random.normal(size=(sources, 3, 60))[source, labels] / 2
    features += random.normal(size=features.shape) / 2
    names = pl.Series([f"image{i}" for i in range(len(labels))])
    return TrainingRows(features.astype(np.float32), labels, names, pl.Series([f"source{one}" for one in source]))
