"""Whether everybody did the work: one row for each photo, and features that differ by no more than decoders do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

# Daft squashes where the others pad, so its pictures are others; noise would have a cosine of about the same for all.
_LEAST_COSINE = 0.8


class Disagreement(RuntimeError):
    """A contestant's output is not what was asked for."""


def check(name: str, output: Path, reference: Path, images: int) -> float:
    """Compare an output with the engine's.

    Returns:
        The mean cosine of the features to the engine's.

    Raises:
        Disagreement: rows are missing or double, or features are not finite or have little to do with the engine's.
    """
    found = pl.read_parquet(output).unique("image_id")
    if found.height != images:
        raise Disagreement(f"{name} wrote {found.height:,} different rows for {images:,} photos")
    both = found.join(pl.read_parquet(reference), on="image_id", how="inner", suffix="_reference")
    if both.height != images:
        raise Disagreement(f"{name} has rows of {both.height:,} of the engine's {images:,} photos")
    a, b = (np.asarray(both[column].to_numpy()) for column in ("features", "features_reference"))
    cosine = float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).mean())
    if not cosine >= _LEAST_COSINE:  # also where it is no number
        raise Disagreement(f"{name}: the mean cosine of its features to the engine's is {cosine:.3f}")
    return cosine
