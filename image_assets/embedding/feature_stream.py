"""The features of a dataset as they stream by: never more of them in memory than a batch and what was asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from image_assets.features.table import UnusableFeaturesError, feature_matrix, refuse_foreign

_BATCH_ROWS = 8_192


@dataclass(frozen=True)
class Batch:
    """Some images.

    Attributes:
        rows: Which, int64 [N]: places in the order of the ids.
        features: Theirs, float32 [N, D].
    """

    rows: np.ndarray
    features: np.ndarray


class Features:
    """Ids and labels of a dataset's images in the order of the ids, and their features a batch at a time.

    Args:
        table: Rows of `image_features`.
        extractor: Digest that they have to be of.

    Raises:
        MixedExtractors: naming the partitions that are to be extracted again.
    """

    def __init__(self, table: pl.LazyFrame, extractor: str) -> None:
        refuse_foreign(table, extractor)
        known = table.select("image_id", "label").sort("image_id").collect()
        self.ids = as_bytes(known["image_id"])
        self.labels = known["label"].to_numpy()
        self._table = table.select("image_id", "features")
        self._width: int | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def batches(self) -> Iterator[Batch]:
        """All features once, in whatever order they lie.

        Raises:
            UnusableFeaturesError: vectors of several widths, NaN or infinity, naming an image.
        """
        for frame in self._table.collect_batches(chunk_size=_BATCH_ROWS, maintain_order=False):
            if frame.is_empty():
                continue
            features = self._checked(frame)
            yield Batch(np.searchsorted(self.ids, as_bytes(frame["image_id"])), features)

    def of(self, rows: np.ndarray) -> np.ndarray:
        """The features of some images, float32 [N, D], in their order. Raises as `batches`."""
        wanted = Gathered(rows)
        for batch in self.batches():
            wanted.look_at(batch)
        return wanted.features

    def _checked(self, frame: pl.DataFrame) -> np.ndarray:
        features = feature_matrix(frame)
        width = self._width = self._width or features.shape[1]
        if features.shape[1] != width:
            widths = sorted({features.shape[1], width})
            raise UnusableFeaturesError(f"feature vectors of different widths: {widths}; extract the features again")
        finite = np.isfinite(features).all(axis=1)
        if not finite.all():
            first = frame["image_id"][int(np.argmin(finite))]
            raise UnusableFeaturesError(
                f"{int(np.sum(~finite))} feature vectors hold NaN or infinity, one of them that of image "
                f"{first[:12]}; extract them again"
            )
        return features


class Gathered:
    """The features of some images, picked out of the stream.

    Args:
        rows: Which, int64 [N].
    """

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows
        self._order = np.argsort(rows, kind="stable")
        self._sorted = rows[self._order]
        self.features = np.empty((len(rows), 0), dtype=np.float32)

    def look_at(self, batch: Batch) -> None:
        """Pick out those of a batch."""
        if not self.features.shape[1]:
            self.features = np.empty((len(self.rows), batch.features.shape[1]), dtype=np.float32)
        at = np.searchsorted(self._sorted, batch.rows)
        found = at < len(self.rows)
        found[found] = self._sorted[at[found]] == batch.rows[found]
        self.features[self._order[at[found]]] = batch.features[found]


def as_bytes(ids: pl.Series) -> np.ndarray:
    """Ids as bytes [N], which sort and compare as they do."""
    return np.array(ids.to_list(), dtype=np.bytes_) if len(ids) else np.empty(0, dtype="S1")


def digests(features: np.ndarray) -> np.ndarray:
    """A digest of every row, float32 [N, D]: int64 [N]."""
    return _numbers(hashlib.blake2b(row, digest_size=8).digest() for row in np.ascontiguousarray(features))


def seals(of_features: np.ndarray, places: np.ndarray) -> np.ndarray:
    """What binds places, float32 [N, d], to the digests of the features that they belong to, int64 [N]: int64 [N]."""
    both = zip(np.ascontiguousarray(of_features), np.ascontiguousarray(places), strict=True)
    return _numbers(hashlib.blake2b(place, digest_size=8, key=digest.tobytes()).digest() for digest, place in both)


def _numbers(found: Iterable[bytes]) -> np.ndarray:
    return np.frombuffer(b"".join(found), dtype="<i8")
