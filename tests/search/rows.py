"""A table of features that tests fill as they like, and the search over it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from image_assets.dataset import parse_dataset
from image_assets.features.extractor import shared_extractor
from image_assets.schema import IMAGE_FEATURES, Partition
from image_assets.search.search import ImageSearch
from image_assets.store.store import Store

DATASET = parse_dataset(
    {
        "name": "drawn",
        "categories": {"plant": 0, "animal": 1},
        "start_day": dt.date(2026, 11, 3),
        "extractor": {"kind": "colour_statistics"},
    },
    "drawn.yaml",
)
DIGEST = shared_extractor(DATASET.extractor).digest
PLANTS, ANIMALS = (Partition(dt.date(2026, 11, 3), name) for name in ("plant", "animal"))
NEXT = Partition(dt.date(2026, 11, 4), "plant")


def put(store: Store, partition: Partition, ids: Sequence[str], features: np.ndarray, extractor: str = DIGEST) -> None:
    """Have a partition consist of these images, in two files."""
    rows = pl.DataFrame(
        {
            "image_id": list(ids),
            "label": np.zeros(len(ids), np.int16),
            "features": features.astype(np.float32).tolist(),
            "extractor": [extractor] * len(ids),
        },
        schema_overrides={"features": pl.List(pl.Float32)},
    )
    table = store.table(DATASET.name, IMAGE_FEATURES)
    half = len(ids) // 2
    parts = [part for part in (rows[:half], rows[half:]) if part.height]
    table.replace(partition, [table.write_frame(partition, part) for part in parts])


def search_of(store: Store, folder: Path) -> ImageSearch:
    return ImageSearch(DATASET, store, folder)
