"""What counts of what people said: of all marks those that stand, and where each image belongs by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.schema import REVIEWS
from image_assets.store.store import Store

_DECIDED = pl.Schema({"image_id": pl.String, "category": pl.String, "settled": pl.String})


@dataclass(frozen=True)
class Decisions:
    """The images that do not belong where they were delivered.

    Attributes:
        rows: image_id, category and settled: not under this category, but under the one that is settled; null: nowhere.
        categories: Category → label, of the dataset.
    """

    rows: pl.DataFrame
    categories: Mapping[str, int]

    def applied(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Rows of images as people want them: without those that belong nowhere, and under the label that is settled.

        The category stays that of the partition where the row lies.

        Args:
            rows: With `image_id`, `category`, and `label` or not.

        Returns:
            The same columns and `moved`, whether the label is another than that of the category; where nobody said
            anything, just the rows.
        """
        if self.rows.is_empty():
            return rows
        said = self.rows.with_columns(excluded=pl.col("settled").is_null()).lazy()
        joined = rows.join(said, on=["image_id", "category"], how="left")
        moved = pl.col("settled").is_not_null()
        kept = joined.filter(~pl.col("excluded").fill_null(False)).with_columns(moved=moved)
        if "label" in rows.collect_schema().names():
            label = pl.col("settled").replace_strict(dict(self.categories), default=None, return_dtype=pl.Int16)
            kept = kept.with_columns(label=pl.when(moved).then(label).otherwise("label"))
        return kept.drop("settled", "excluded")


def standing(reviews: pl.DataFrame) -> pl.DataFrame:
    """Of every image and category the last mark that was not taken back.

    Args:
        reviews: The table of that name.

    Returns:
        Rows of it, in the order in which they were decided.
    """
    if reviews.is_empty():
        return reviews
    last = reviews.sort("decided_at").group_by("batch").agg(pl.col("withdrawn").last())
    made = reviews.filter(~pl.col("withdrawn")).join(last.filter("withdrawn"), on="batch", how="anti")
    return made.sort("decided_at").unique(["image_id", "category"], keep="last", maintain_order=True)


def decided(reviews: pl.DataFrame, categories: Mapping[str, int]) -> Decisions:
    """Where images belong by the marks that stand.

    An image that belongs under no category that people were asked about belongs nowhere, and so does one that belongs
    under several others, or under one that the dataset does not have.

    Args:
        reviews: The table of that name.
        categories: Category → label, of the dataset.
    """
    marks = standing(reviews)
    if marks.is_empty():
        return Decisions(pl.DataFrame(schema=_DECIDED), categories)
    accepted = marks.filter("belongs").group_by("image_id").agg("category")
    one = accepted.filter(pl.col("category").list.len() == 1).select(
        "image_id", settled=pl.col("category").list.first()
    )
    known = one.filter(pl.col("settled").is_in(list(categories)))
    # Of a category that was retired nothing is published or trained on, wherever somebody put it.
    in_use = pl.col("category").is_in(list(categories))
    refused = marks.filter(~pl.col("belongs") & in_use).select("image_id", "category")
    rows = refused.join(known, on="image_id", how="left").sort("image_id", "category")
    return Decisions(rows.select(_DECIDED.keys()).cast(_DECIDED), categories)


def decisions_of(dataset: DatasetSpec, store: Store) -> Decisions:
    """What people decided up to now."""
    return decided(store.table(dataset.name, REVIEWS).scan().collect(), dataset.categories)
