"""The table `embedding` as arrays: where every image is, how it came there, and what its row is known by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from image_assets.embedding.feature_stream import as_bytes, seals
from image_assets.schema import EMBEDDING

FITTED, PLACED, ADDED = "fitted", "placed", "added"  # what the table's column `how` says
_AXES = ("x", "y", "z")


@dataclass(frozen=True)
class MapTable:
    """A map of N images in d dimensions, in the order of the ids.

    Attributes:
        ids: bytes [N], ascending and distinct.
        places: float32 [N, d]; NaN where there is none.
        how: str [N]: `fitted`, `placed`, `added`, or nothing where there is no place.
        seals: What binds a row's place to its features, int64 [N].
        fit: SHA-256 of the kept fit that the places belong to; empty where they belong to none.
    """

    ids: np.ndarray
    places: np.ndarray
    how: np.ndarray
    seals: np.ndarray
    fit: str

    @classmethod
    def empty(cls, ids: np.ndarray, dimensions: int, fit: str) -> MapTable:
        """A map on which images, bytes [N], have no place yet."""
        places = np.full((len(ids), dimensions), np.nan, dtype=np.float32)
        return cls(ids, places, np.zeros(len(ids), dtype="U6"), np.zeros(len(ids), dtype=np.int64), fit)

    @classmethod
    def of(cls, rows: pl.DataFrame, dimensions: int) -> MapTable:
        """The map that rows of `embedding` are.

        Rows of another fit than most have lost their map, and are as good as absent; so are those of no finite place,
        as all are where the map had fewer dimensions.
        """
        named = rows["fit"].drop_nulls().mode().sort()
        fit = str(named[0]) if len(named) else ""
        axes = list(_AXES[:dimensions])
        whole = pl.all_horizontal(pl.col(axes).is_finite().fill_null(False)) & (pl.col("fit").fill_null("") == fit)
        rows = rows.filter(whole).unique("image_id", keep="first", maintain_order=True).sort("image_id")
        return cls(
            as_bytes(rows["image_id"]),
            rows.select(axes).to_numpy().astype(np.float32).reshape(len(rows), dimensions),
            rows["how"].fill_null("").to_numpy().astype("U6"),
            rows["seal"].fill_null(0).to_numpy(),
            fit,
        )

    def places_of(self, ids: np.ndarray) -> np.ndarray:
        """Where images, bytes [n], are: float32 [n, d]; NaN where they are not on the map."""
        at = positions(ids, self.ids)
        found = np.full((len(ids), self.places.shape[1]), np.nan, dtype=np.float32)
        found[at >= 0] = self.places[at[at >= 0]]
        return found

    def put(self, rows: np.ndarray, places: np.ndarray, how: np.ndarray | str) -> None:
        """Give images, int64 [n], their places, float [n, d]."""
        self.places[rows] = places
        self.how[rows] = how

    def seal(self, rows: np.ndarray, digests: np.ndarray) -> None:
        """Bind the places of images, int64 [n], to the digests of their features, int64 [n]."""
        self.seals[rows] = seals(digests, self.places[rows])

    def holds(self, rows: np.ndarray, digests: np.ndarray) -> np.ndarray:
        """Whether rows, int64 [n] or -1 for none, have the place that belongs to such features: bool [n]."""
        there = rows >= 0
        there[there] = self.seals[rows[there]] == seals(digests[there], self.places[rows[there]])
        return there

    def rows(self, labels: np.ndarray) -> pl.DataFrame:
        """The rows of `embedding`, of images that have labels, int16 [N]."""
        axes = {name: self.places[:, axis] for axis, name in enumerate(_AXES[: self.places.shape[1]])}
        columns = {
            "image_id": pl.Series([one.decode() for one in self.ids.tolist()], dtype=pl.String),
            "label": pl.Series(labels, dtype=pl.Int16),
            **axes,
            "how": pl.Series(self.how.tolist(), dtype=pl.String),
            "fit": [self.fit] * len(self.ids),
            "seal": self.seals,
        }
        none = [pl.lit(None, pl.Float32).alias(name) for name in _AXES if name not in axes]
        return pl.DataFrame(columns).with_columns(none).select(EMBEDDING.file_schema.names)


def finite(places: np.ndarray) -> np.ndarray:
    """Which places, float [n, d], there are: bool [n]."""
    return np.logical_and.reduce(np.isfinite(places), axis=1)


def positions(wanted: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Where each of the ids, bytes [N], is among others that ascend: int64 [N]; -1 where it is not."""
    if not len(ids):
        return np.full(len(wanted), -1)
    at = np.searchsorted(ids, wanted)
    at[at == len(ids)] = 0
    return np.where(ids[at] == wanted, at, -1)
