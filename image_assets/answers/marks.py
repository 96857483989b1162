"""What did people say of images, and what would it change?"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.schema import REVIEWS
from image_assets.store.store import Store


@dataclass(frozen=True)
class Batch:
    """What somebody said at once.

    Attributes:
        batch: Its name.
        reviewer: Who said it.
        at: When.
        images: Of how many images.
        under: Category → how many of them belong there.
        nowhere: How many of them belong nowhere.
        taken_back: When, and by whom; None where it stands.
    """

    batch: str
    reviewer: str
    at: dt.datetime
    images: int
    under: Mapping[str, int]
    nowhere: int
    taken_back: tuple[dt.datetime, str] | None

    def as_json(self) -> dict[str, Any]:
        """Its entry in `/v1/marks`."""
        back = self.taken_back
        taken_back = None if back is None else {"at": back[0].isoformat(), "reviewer": back[1]}
        return {**vars(self), "at": self.at.isoformat(), "under": dict(self.under), "taken_back": taken_back}


def batches_of(dataset: DatasetSpec, store: Store, most: int | None = None) -> tuple[Batch, ...]:
    """What people said, the latest first; at most so many batches of it, or all."""
    reviews = store.table(dataset.name, REVIEWS).scan().collect()
    begun = reviews.group_by("batch").agg(pl.col("decided_at").min())
    latest = begun.sort("decided_at", "batch", descending=True).head(begun.height if most is None else most)
    rows = reviews.join(latest.select("batch"), on="batch", how="semi").sort("decided_at", "image_id")
    parts = rows.partition_by("batch", as_dict=True)
    return tuple(_batch(parts[(name,)]) for name in latest["batch"])


def batch_named(dataset: DatasetSpec, store: Store, name: str) -> Batch:
    """One batch, which is there."""
    return _batch(store.table(dataset.name, REVIEWS).scan().filter(batch=name).collect())


def _batch(rows: pl.DataFrame) -> Batch:
    said, back = rows.filter(~pl.col("withdrawn")), rows.filter("withdrawn")
    first = said.row(0, named=True)
    under = said.filter("belongs").group_by("category").len().sort("category")
    images = said["image_id"].n_unique()
    return Batch(
        first["batch"],
        first["reviewer"],
        first["decided_at"],
        images,
        dict(under.iter_rows()),
        images - said.filter("belongs")["image_id"].n_unique(),
        None if back.is_empty() else (back["decided_at"][0], back["reviewer"][0]),
    )


@dataclass(frozen=True)
class Meanwhile:
    """What somebody said of images since they were shown.

    Attributes:
        reviewer: Who said it.
        images: Of how many of them.
    """

    reviewer: str
    images: int


def said_since(
    dataset: DatasetSpec, store: Store, image_ids: pl.Series, since: dt.datetime, besides: str = ""
) -> tuple[Meanwhile, ...]:
    """What people have said of images since a moment and not taken back, by who said it.

    Args:
        dataset: The dataset.
        store: Where its tables are.
        image_ids: The images.
        since: The moment, with a time zone.
        besides: A batch that is none of these.
    """
    reviews = store.table(dataset.name, REVIEWS).scan().filter(pl.col("decided_at") > since).collect()
    back = reviews.filter("withdrawn").select("batch")
    said = reviews.filter(pl.col("batch") != besides, pl.col("image_id").is_in(image_ids.unique().implode()))
    counted = said.join(back, on="batch", how="anti").group_by("reviewer").agg(pl.col("image_id").n_unique())
    return tuple(Meanwhile(*row) for row in counted.sort("reviewer").iter_rows())
