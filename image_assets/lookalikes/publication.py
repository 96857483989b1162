"""Under which category each image is published: what conflicts and what people said come to, of the whole dataset."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from image_assets.lookalikes.label_conflicts import OPEN, held_back
from image_assets.marks.decisions import Decisions
from image_assets.schema import Partition

_WHERE = ["image_id", "date", "category"]


@dataclass(frozen=True)
class Publication:
    """The images that are not published where they lie. All others are.

    Attributes:
        left_out: image_id, date and category of each of them.
        moved: image_id, date, category and settled of those of them that are published under another category.
    """

    left_out: pl.DataFrame
    moved: pl.DataFrame

    def left_out_of(self, partition: Partition) -> set[str]:
        """Ids of the partition's images that are not published with it."""
        return set(self.left_out.filter(date=partition.date, category=partition.category)["image_id"])

    def moved_into(self, partition: Partition) -> set[str]:
        """Ids of the images of other categories that are published with the partition."""
        return set(self.moved.filter(date=partition.date, settled=partition.category)["image_id"])

    def changed(self) -> set[Partition]:
        """The partitions that are not published as they were delivered."""
        out = self.left_out.select("date", "category").unique().iter_rows()
        into = self.moved.select("date", "settled").unique().iter_rows()
        return {Partition(*one) for one in (*out, *into)}


def publication(decisions: Decisions, conflicts: pl.DataFrame, there: pl.DataFrame) -> Publication:
    """What is published where, as `EvidenceReader` says it of one partition.

    Args:
        decisions: What people decided.
        conflicts: The table `label_conflicts` as it is to be; or its rows of some images.
        there: image_id, date and category of these images, or of all that people decided something of.
    """
    refused = there.join(decisions.rows, on=["image_id", "category"])
    open_ones = conflicts.filter(pl.col("loaded") & (pl.col("state") == OPEN)).select("image_id")
    moved = refused.drop_nulls("settled").join(open_ones, on="image_id", how="anti")
    left_out = pl.concat([held_back(conflicts).select(_WHERE), refused.select(_WHERE)]).unique().sort(_WHERE)
    return Publication(left_out, moved.select(*_WHERE, "settled").sort(_WHERE))
