"""Feature rows as arrays, for the stages that look at the whole dataset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from image_assets.schema import Partition


class MixedExtractors(ValueError):
    """Features of several extractors, or of another than the dataset's: they cannot be compared with each other."""


class UnusableFeaturesError(ValueError):
    """Feature vectors that cannot be taken: of another shape, of unknown labels, or not finite."""


@dataclass(frozen=True)
class FeatureTable:
    """All features of a dataset, in the order of the image ids.

    Attributes:
        image_ids: [N].
        labels: int16 [N].
        features: float32 [N, D].
    """

    image_ids: pl.Series
    labels: np.ndarray
    features: np.ndarray


def feature_table(rows: pl.LazyFrame, extractor_digest: str) -> FeatureTable:
    """Collect rows of `image_features`.

    Raises:
        MixedExtractors: naming the partitions that are to be extracted again.
    """
    refuse_foreign(rows, extractor_digest)
    table = rows.select("image_id", "label", "features").sort("image_id").collect()
    return FeatureTable(table["image_id"], table["label"].to_numpy(), feature_matrix(table))


def refuse_foreign(rows: pl.LazyFrame, extractor_digest: str) -> None:
    """See that all features come from one extractor. Raises `MixedExtractors` as `feature_table`."""
    foreign = rows.filter(pl.col("extractor") != extractor_digest).select("date", "category").unique().collect()
    if not foreign.is_empty():
        names = ", ".join(str(partition) for partition in sorted(Partition(*key) for key in foreign.iter_rows()))
        raise MixedExtractors(
            f"features of another extractor than the dataset's in: {names}; materialise image_features of these again"
        )


def feature_matrix(rows: pl.DataFrame) -> np.ndarray:
    """The `features` column as float32 [N, D]. Raises `ValueError` where the vectors differ in width."""
    if rows.is_empty():
        return np.empty((0, 0), np.float32)
    widths = rows["features"].list.len().unique().to_list()
    if len(widths) != 1:
        raise ValueError(f"feature vectors of different widths: {sorted(widths)}; extract the features again")
    return rows["features"].explode().to_numpy().reshape(rows.height, widths[0])


def refuse_not_finite(features: np.ndarray) -> None:
    """Raise `UnusableFeaturesError` for rows with NaN or infinity."""
    finite = np.isfinite(features).all(axis=1)
    if not finite.all():
        raise UnusableFeaturesError(
            f"{int(np.sum(~finite))} of {len(features)} feature vectors hold NaN or infinity, "
            f"the first in row {int(np.argmin(finite))}; extract them again"
        )


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    """Every row at length 1, so that products of rows are cosines; rows of zeros stay as they are."""
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.where(lengths > 0, lengths, 1)
