"""Which images there are to learn from, and where they lie: everything but their features, small enough for memory."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import polars as pl

from image_assets.classifier.training.images import lookalike_names, set_aside, undisputed, with_source_sets
from image_assets.features.table import refuse_foreign
from image_assets.schema import Partition
from image_assets.settings.classifier import Classifier
from image_assets.store.models.model_store import ids_digest

_COLUMNS = ("image_id", "label", "date", "category")


@dataclass(frozen=True)
class RowIndex:
    """Images that may be learnt from, or some of them.

    Attributes:
        rows: image_id, label (int16), date, category, source_set, group (whom it looks like, else itself),
            held_out, and where people put images under other categories moved, of every image, sorted by image_id.
    """

    rows: pl.DataFrame

    @property
    def image_ids(self) -> pl.Series:
        """N ids, sorted."""
        return self.rows["image_id"]

    @property
    def labels(self) -> np.ndarray:
        """int16 [N]."""
        return self.rows["label"].to_numpy()

    @property
    def groups(self) -> pl.Series:
        """N names of what must stay together."""
        return self.rows["group"]

    @property
    def source_sets(self) -> pl.Series:
        """N names of the source sets that the images came from."""
        return self.rows["source_set"]

    @property
    def held_out(self) -> np.ndarray:
        """bool [N], true where an image is kept for the evaluation."""
        return self.rows["held_out"].to_numpy()

    def __len__(self) -> int:
        return self.rows.height

    def training(self) -> RowIndex:
        """Only the images to train on."""
        return RowIndex(self.rows.filter(~pl.col("held_out")))

    def evaluation(self, most: int) -> RowIndex:
        """Held-out images, see `newest`."""
        return RowIndex(self.rows.filter("held_out")).newest(most)

    def newest(self, most: int) -> RowIndex:
        """All images, or of more than `most` those of the newest whole partitions of every category.

        Each category has an equal part of `most` to fill, so that one that arrives seldom is not crowded out; its last
        partition may go beyond. Old partitions are then not read at all.
        """
        if self.rows.height <= most:
            return self
        part = most / self.rows["category"].n_unique()
        sizes = self.rows.group_by("date", "category").len().sort("date", "category", descending=[True, False])
        before = pl.col("len").cum_sum().over("category") - pl.col("len")
        return RowIndex(
            self.rows.join(sizes.filter(before < part), on=["date", "category"], how="semi").sort("image_id")
        )

    def of(self, partitions: Collection[Partition]) -> RowIndex:
        """Only the images of these partitions."""
        if not partitions:
            return RowIndex(self.rows.clear())
        wanted = pl.DataFrame(
            {"date": [one.date for one in partitions], "category": [one.category for one in partitions]}
        )
        return RowIndex(self.rows.join(wanted, on=["date", "category"], how="semi").sort("image_id"))

    def take(self, places: np.ndarray) -> RowIndex:
        """The rows at these places, which ascend."""
        return RowIndex(self.rows[places])

    def partitions(self) -> list[Partition]:
        """The partitions that the images lie in, sorted."""
        return sorted(Partition(*key) for key in self.rows.select("date", "category").unique().iter_rows())

    def digests(self) -> dict[Partition, str]:
        """Of every partition, which images of it these are: see `ids_digest`."""
        rows = self.rows.select("date", "category", image_id=_with_label(self.rows))
        parts = rows.partition_by("date", "category", as_dict=True)
        return {Partition(*key): ids_digest(part["image_id"]) for key, part in sorted(parts.items())}

    def latest_day(self) -> dt.date:
        """The latest day of arrival. Raises `ValueError` where there are no images."""
        latest = self.rows["date"].max()
        if not isinstance(latest, dt.date):
            raise ValueError("there are no images, hence no latest day")
        return latest


def _with_label(rows: pl.DataFrame) -> pl.Expr:
    """Ids; with the label of an image that was given another than its category's, which the id alone does not tell."""
    if "moved" not in rows.columns:
        return pl.col("image_id")
    return pl.when("moved").then(pl.concat_str("image_id", "label", separator=" ")).otherwise("image_id")


def row_index(
    image_features: pl.LazyFrame,
    label_conflicts: pl.LazyFrame,
    duplicate_groups: pl.LazyFrame,
    extractor_digest: str,
    spec: Classifier,
    raw_images: pl.LazyFrame | None = None,
) -> RowIndex:
    """Every image that may be learnt from, without its features.

    Args:
        image_features: The table of that name, as people want it (`Decisions.applied`); only small columns are read.
        label_conflicts: The table of that name, as far as it is `in_doubt`: what is disputed is left out.
        duplicate_groups: The table of that name: lookalikes fall on one side.
        extractor_digest: The dataset's extractor.
        spec: How images are held out.
        raw_images: The table of that name: it says where each came from; None: all from one source.

    Raises:
        MixedExtractors: see `refuse_foreign`.
        ValueError: an id is no SHA-256.
    """
    rows = undisputed(image_features, label_conflicts)
    refuse_foreign(rows, extractor_digest)
    there = [name for name in (*_COLUMNS, "moved") if name in rows.collect_schema().names()]
    frame = rows.select(there).sort("image_id").collect()
    frame = with_source_sets(frame, raw_images, spec)
    groups = lookalike_names(frame["image_id"], duplicate_groups)
    aside = set_aside(frame["image_id"], frame.lazy(), duplicate_groups, spec)
    return RowIndex(frame.with_columns(group=groups, held_out=pl.Series(aside, dtype=pl.Boolean)))
