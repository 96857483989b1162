"""Features in clusters, and tables of them, for the tests of the map."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from image_assets.embedding.feature_stream import Features

EXTRACTOR = "generated"


def clusters(count: int, width: int = 80, kinds: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """float32 [count, width] features around so many centres, and the centre of each."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(kinds, width))
    kind = rng.integers(0, kinds, count)
    return (centres[kind] + 0.5 * rng.normal(size=(count, width))).astype(np.float32), kind


def feature_rows(features: np.ndarray, labels: np.ndarray, first: int = 0) -> pl.DataFrame:
    """Rows as of `image_features`: the n-th has the id of the number first + n, whatever else is in the table."""
    ids = [hashlib.sha256(str(first + n).encode()).hexdigest() for n in range(len(features))]
    columns = {"image_id": ids, "label": labels.astype(np.int16), "features": features.tolist()}
    types = {"image_id": pl.String, "features": pl.List(pl.Float32)}
    return pl.DataFrame(columns, schema_overrides=types).with_columns(
        extractor=pl.lit(EXTRACTOR),
        date=pl.lit(None, pl.Date),
        category=pl.lit("some"),
    )


def streamed(rows: pl.DataFrame) -> Features:
    """Rows as the map's stages have them."""
    return Features(rows.lazy(), EXTRACTOR)
