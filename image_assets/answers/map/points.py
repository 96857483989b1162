"""The points of the map with what is known of their images; kept in memory until one of the tables changes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from image_assets.answers.latest import Latest
from image_assets.answers.map.columns import MapColumn, columns_of, region_column
from image_assets.answers.map.geometry import Depth, Plane, depth_of
from image_assets.answers.map.names import Named, named_categories
from image_assets.answers.map.regions import MapRegions, regions_of_map
from image_assets.answers.neighbours import UnknownImage
from image_assets.dataset import DatasetSpec
from image_assets.images.issues import ISSUES
from image_assets.schema import EMBEDDING, IMAGENET_PREDICTIONS, METRIC_COLUMNS, PREDICTIONS, RAW_IMAGES, TableSchema
from image_assets.store.store import Store

_METRICS = tuple(column.name for column in METRIC_COLUMNS if column.name != "perceptual_hash")


@dataclass(frozen=True, eq=False)
class MapPlaces:
    """Where the points are, and the number of each one's category: what a first look needs.

    Attributes:
        version: Another one where the map is another.
        plane: The points.
        labels: Numbers of the categories, int16 [N].
    """

    version: str
    plane: Plane
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class MapPoints:
    """The points of images that are loaded, in the order of their ids.

    Attributes:
        version: Another one where a point or what is said of it is another.
        rows: image_id, date and category of each.
        plane: Where they are.
        columns: What they are coloured and filtered by.
        regions: Which crowds they lie in.
        depth: Their third coordinate, of a map in space; None: it is a plane.
    """

    version: str
    rows: pl.DataFrame
    plane: Plane
    columns: Mapping[str, MapColumn]
    regions: MapRegions
    depth: Depth | None = None

    @property
    def number(self) -> int:
        """How many points there are."""
        return self.rows.height

    @cached_property
    def named(self) -> list[Named]:
        """Where the names of categories are written."""
        return named_categories(self.columns["category"], self.plane.points)

    def point_of(self, image_id: str) -> int:
        """The number of an image's point. Raises `UnknownImage` where it is not on the map."""
        found = (self.rows["image_id"] == image_id).arg_true()
        if found.is_empty():
            raise UnknownImage(f"{image_id}: no such image is on the map; a new one comes there with the next run")
        return int(found[0])


_PLACES: Latest[MapPlaces] = Latest()
_POINTS: Latest[MapPoints] = Latest()


def places_of(dataset: DatasetSpec, store: Store) -> MapPlaces:
    """Where the points of the map are; none where there is no map yet."""
    version = _version(dataset, store, EMBEDDING)

    def read() -> MapPlaces:
        rows = _finite(store.table(dataset.name, EMBEDDING).scan()).select("label", "x", "y").collect()
        return MapPlaces(version, _plane(rows), rows["label"].to_numpy())

    return _PLACES.get((store.url, dataset.name), version, read)


def points_version(dataset: DatasetSpec, store: Store) -> str:
    """The version that `points_of` has now."""
    return _version(dataset, store, EMBEDDING, RAW_IMAGES, PREDICTIONS, IMAGENET_PREDICTIONS)


def points_of(dataset: DatasetSpec, store: Store) -> MapPoints:
    """The points of the map; none where there is no map yet.

    Raises:
        DamagedFile: a file of a table is missing or cut.
    """
    version = points_version(dataset, store)

    def read() -> MapPoints:
        places = _finite(store.table(dataset.name, EMBEDDING).scan()).select("image_id", "x", "y", "z")
        images = store.table(dataset.name, RAW_IMAGES).scan()
        flags = [issue.found(dataset.quality).over("date", "category").alias(issue.name) for issue in ISSUES]
        facts = images.select("image_id", "date", "category", "width", "height", *_METRICS).select(
            "image_id", "date", "category", *flags
        )
        predicted = store.table(dataset.name, PREDICTIONS).scan()
        said = predicted.select("image_id", "predicted_category", "unknown")
        joined = places.join(facts, on="image_id", how="inner", maintain_order="left")
        rows = joined.join(said, on="image_id", how="left", maintain_order="left").collect()
        if not rows["image_id"].is_sorted():
            # Ids are digests: in their order, which a page draws in, the first points are a fair sample of all.
            rows = rows.sort("image_id")
        ids = rows.select("image_id", "date", "category")
        plane, first = _plane(rows), places_of(dataset, store).plane
        if np.array_equal(plane.points, first.points):
            plane = first  # whose positions are known already
        regions = regions_of_map(dataset, store, ids, plane.points)
        names = {one.number: one.name for one in regions.named}
        columns = {**columns_of(rows, list(dataset.categories)), "region": region_column(regions.of_points, names)}
        third = rows["z"].cast(pl.Float32).fill_null(float("nan")).to_numpy()
        return MapPoints(version, ids, plane, columns, regions, depth_of(third, plane))

    return _POINTS.get((store.url, dataset.name), version, read)


def points_at_hand(dataset: DatasetSpec, store: Store) -> MapPoints | None:
    """The points where they are in memory; None where they would have to be read."""
    return _POINTS.kept((store.url, dataset.name), points_version(dataset, store))


def _finite(places: pl.LazyFrame) -> pl.LazyFrame:
    return places.filter(pl.col("x").is_finite() & pl.col("y").is_finite())


def _plane(rows: pl.DataFrame) -> Plane:
    return Plane(rows.select(pl.col("x", "y").cast(pl.Float32)).to_numpy())


def _version(dataset: DatasetSpec, store: Store, *schemas: TableSchema) -> str:
    """A digest of what the points come from: the names of files, which say what is in them, and thresholds."""
    digest = hashlib.sha256(repr((dataset.quality, tuple(dataset.categories.items()))).encode())
    for schema in schemas:
        paths = store.table(dataset.name, schema).snapshot().files["path"]
        digest.update("\n".join([schema.name, *paths, ""]).encode())
    return digest.hexdigest()[:16]
