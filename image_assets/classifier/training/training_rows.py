"""From the table of features to a matrix on disk, batch by batch: the table is never in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import polars as pl
import pyarrow as pa

from image_assets.classifier.training.matrix_file import MatrixFile, temporary_matrix
from image_assets.classifier.training.row_index import RowIndex
from image_assets.features.table import UnusableFeaturesError, feature_matrix
from image_assets.workers import Progress, no_progress

_BATCH = 8_192
_DIGITS = 64


@contextmanager
def streamed_rows(
    image_features: pl.LazyFrame, index: RowIndex, width: int, progress: Progress = no_progress
) -> Iterator[MatrixFile]:
    """The features of the images of an index, in its order, in a file that is removed afterwards.

    Only the partitions of the index are read. Rows are put to their places as they come, so the file does not depend
    on the order in which the table gives them.

    Args:
        image_features: The table of that name.
        index: Which images; sorted by id, as `feature_table` is.
        width: Of a feature vector.
        progress: Told the images that are there, and of how many.

    Raises:
        UnusableFeaturesError: vectors of another width or with NaN or infinity, or an image of the index that the
            table does not hold exactly once.
        NoRoomError: see `temporary_matrix`.
    """
    with temporary_matrix(len(index), width) as matrix:
        if len(index):
            _fill(matrix, image_features, index, progress)
        yield matrix


def _fill(matrix: MatrixFile, image_features: pl.LazyFrame, index: RowIndex, progress: Progress) -> None:
    known = _as_bytes(index.image_ids)
    times = np.zeros(len(known), np.uint8)
    done = 0
    for batch in _batches(image_features, index):
        found = _as_bytes(batch["image_id"])
        places = np.minimum(np.searchsorted(known, found), len(known) - 1)
        wanted = known[places] == found
        if not wanted.any():
            continue
        rows = batch.filter(pl.Series(wanted))
        features = feature_matrix(rows)
        _check(features, rows["image_id"], matrix.width)
        matrix.write(places[wanted], features)
        np.add.at(times, places[wanted], 1)
        done += len(features)
        progress(done, len(known))
    odd = np.flatnonzero(times != 1)
    if len(odd):
        raise UnusableFeaturesError(
            f"{len(odd)} of {len(known)} images are not exactly once in image_features, the first is "
            f"{index.image_ids[int(odd[0])]} ({times[odd[0]]} times); materialise image_features of its partition again"
        )


def _batches(image_features: pl.LazyFrame, index: RowIndex) -> Iterator[pl.DataFrame]:
    """Ids and vectors of the index's partitions, some thousand rows at a time, in whatever order they come."""
    partitions = index.partitions()
    # One condition per category, with its days: each partition in a term of its own makes a query of thousands.
    terms = [
        (pl.col("category") == category)
        & pl.col("date").is_in([one.date for one in partitions if one.category == category])
        for category in sorted({one.category for one in partitions})
    ]
    rows = image_features.filter(pl.any_horizontal(terms)).select("image_id", "features")
    for batch in rows.collect_batches(chunk_size=_BATCH, maintain_order=False):
        yield from batch.iter_slices(_BATCH)


def _as_bytes(image_ids: pl.Series) -> np.ndarray:
    """Ids as `S64` [N]: they sort as the strings do, and are compared without Python objects."""
    if image_ids.is_empty():
        return np.empty(0, f"S{_DIGITS}")
    if not (image_ids.str.len_bytes() == _DIGITS).all():
        raise UnusableFeaturesError(f"image ids are not all of {_DIGITS} digits")
    array = image_ids.to_arrow().cast(pa.binary()).cast(pa.binary(_DIGITS))
    return np.frombuffer(array.buffers()[1], dtype=f"S{_DIGITS}", count=len(array), offset=array.offset * _DIGITS)


def _check(features: np.ndarray, image_ids: pl.Series, width: int) -> None:
    if features.shape[1] != width:
        raise UnusableFeaturesError(
            f"image {image_ids[0]} has {features.shape[1]} features, expected {width}; extract the features again"
        )
    finite = np.isfinite(features).all(axis=1)
    if not finite.all():
        raise UnusableFeaturesError(
            f"{int(np.sum(~finite))} feature vectors hold NaN or infinity, the first of image "
            f"{image_ids[int(np.argmin(finite))]}; extract them again"
        )
