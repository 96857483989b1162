"""The regions of the map: which crowd each image lies in, and what it is called."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.embedding.kept_regions import FOLDER, NOWHERE, Regions, kept_regions
from image_assets.embedding.region_names import NamedRegion, first_labels, named_regions
from image_assets.schema import EMBEDDING, IMAGENET_PREDICTIONS
from image_assets.store.store import Store


@dataclass(frozen=True, eq=False)
class MapRegions:
    """The regions of the map that is shown.

    Attributes:
        of_points: The region of each point, int16 [N]; -1 in none.
        named: The regions, the largest first.
        kept: What is kept of them; None where nothing is.
    """

    of_points: np.ndarray
    named: tuple[NamedRegion, ...]
    kept: Regions | None = None

    @property
    def nowhere(self) -> float:
        """Share of the points that lie in none."""
        return float((self.of_points == NOWHERE).mean()) if len(self.of_points) else 1.0

    def name_of(self, point: int) -> str | None:
        """What the region of a point is called; None where it lies in none."""
        return self._name(int(self.of_points[point]))

    def name_at(self, place: np.ndarray) -> str | None:
        """What the region is called that a place of the map, float32 [1, d], lies in; None where it lies in none."""
        return None if self.kept is None else self._name(int(self.kept.of(place)[0]))

    def _name(self, number: int) -> str | None:
        return next((one.name for one in self.named if one.number == number), None)


def regions_of_map(dataset: DatasetSpec, store: Store, rows: pl.DataFrame, places: np.ndarray) -> MapRegions:
    """The regions that points lie in; none where none are kept.

    Args:
        dataset: Whose map.
        store: Where it is.
        rows: image_id and category of each point.
        places: Of the points, float32 [N, 2].
    """
    table = store.table(dataset.name, EMBEDDING).scan()
    fit = fit_shown(table)
    kept = kept_regions(store.objects(dataset.name, FOLDER), fit) if fit else None
    if kept is None or rows.is_empty():
        return MapRegions(np.full(rows.height, NOWHERE, np.int16), ())
    axes = ["x", "y", "z"][: kept.places.shape[1]]
    of_points = kept.of(places if len(axes) == 2 else _in_space(table, rows, axes))
    labels = first_labels(store.table(dataset.name, IMAGENET_PREDICTIONS).scan(), rows["image_id"])
    return MapRegions(of_points, tuple(named_regions(of_points, places, rows["category"], labels)), kept)


def fit_shown(table: pl.LazyFrame) -> str | None:
    """The SHA-256 of the fit that the rows of a map belong to; None where none is kept of it."""
    fits = table.select(pl.col("fit").drop_nulls()).collect()["fit"].mode().sort()
    return str(fits[0]) if len(fits) else None


def _in_space(table: pl.LazyFrame, rows: pl.DataFrame, axes: list[str]) -> np.ndarray:
    places = table.select("image_id", *(pl.col(axis).cast(pl.Float32) for axis in axes)).collect()
    ids = rows.select("image_id")
    return ids.join(places, on="image_id", how="left", maintain_order="left").select(axes).to_numpy()
