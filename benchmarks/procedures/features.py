"""Image files in memory to the rows that classifiers are compared on, by the platform's own extractors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from image_assets.classifier.training.selection import TrainingRows
from image_assets.features.extractor import Extractor
from image_assets.features.pipeline import extract_rows
from image_assets.features.table import feature_matrix

_BATCH = 256


def rows_of(contents: Sequence[bytes], labels: Sequence[int], extractor: Extractor) -> TrainingRows:
    """Features of image files; each is its own group, named by its SHA-256."""
    ids = [hashlib.sha256(content).hexdigest() for content in contents]

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(ids), _BATCH):
            part = slice(start, start + _BATCH)
            columns = {
                "image_id": pa.array(ids[part]),
                "label": pa.array(labels[part], pa.int16()),
                "content": pa.array(contents[part], pa.binary()),
            }
            yield pa.RecordBatch.from_pydict(columns)

    made = pl.concat([pl.DataFrame(rows) for rows in extract_rows(batches(), extractor)])
    return TrainingRows(feature_matrix(made), np.array(labels, np.int16), pl.Series("group", ids))
