"""A table of generated features: days of three categories, in a real Delta table, for what is measured at scale."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa

from image_assets.features.pipeline import feature_batch
from image_assets.schema import IMAGE_FEATURES, Partition
from image_assets.store.store import Store

DATASET = "generated"
CATEGORIES = {"plant": 0, "animal": 1, "human": 2}
FIRST_DAY = dt.date(2026, 1, 1)
DIGEST = "9" * 64
_BATCH = 5_000
# Directions that all features share, as those of a network do: they are far from independent.
_SHARED = 24


def write_history(store: Store, days: range, per_day: int, width: int, done: Callable[[int], None]) -> None:
    """Write days of `per_day` images, a third of each category, one commit per partition.

    Args:
        store: Where the table lies.
        days: Which days, counted from the first: each gives the same rows again.
        per_day: Images of a day.
        width: Features of an image.
        done: Told how many images are there.
    """
    table = store.table(DATASET, IMAGE_FEATURES)
    written = 0
    for day in days:
        for category, label in CATEGORIES.items():
            partition = Partition(FIRST_DAY + dt.timedelta(days=day), category)
            rows = per_day // len(CATEGORIES)
            table.replace(partition, [table.write_file(partition, "generated", _batches(day, label, rows, width))])
            written += rows
            done(written)


def _batches(day: int, label: int, rows: int, width: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows, _BATCH):
        count = min(_BATCH, rows - start)
        features = _features(label, count, width, seed=(day, label, start))
        ids = [hashlib.sha256(f"{day} {label} {start + row}".encode()).hexdigest() for row in range(count)]
        yield feature_batch(pa.array(ids), pa.array(np.full(count, label, np.int16)), features, DIGEST)


def _features(label: int, rows: int, width: int, seed: tuple[int, ...]) -> np.ndarray:
    """float32 [rows, width], not negative; about one image in twenty is nearer to another class."""
    fixed = np.random.default_rng(0)
    centres = fixed.normal(size=(len(CATEGORIES), _SHARED)) * 0.8
    mixing = fixed.normal(size=(_SHARED, width)).astype(np.float32) / np.sqrt(_SHARED)
    random = np.random.default_rng(seed)
    hidden = (random.normal(size=(rows, _SHARED)) + centres[label]).astype(np.float32)
    own = random.standard_normal((rows, width), np.float32)
    return np.maximum(hidden @ mixing + 0.5 * own + 0.3, 0)
