"""Which images a classifier may learn from, and on which side of the split each falls."""

from __future__ import annotations

import numpy as np
import polars as pl

from image_assets.classifier.split import held_out
from image_assets.quality.label_conflicts import held_back


def undisputed(image_features: pl.LazyFrame, label_conflicts: pl.LazyFrame) -> pl.LazyFrame:
    """The features of the images whose category nothing contradicts, or for which the contradiction was settled.

    Args:
        image_features: Rows with `image_id`.
        label_conflicts: The table of that name.
    """
    disputed = held_back(label_conflicts.collect()).select("image_id").unique()
    return image_features.join(disputed.lazy(), on="image_id", how="anti")


def lookalike_names(image_ids: pl.Series, duplicate_groups: pl.LazyFrame) -> pl.Series:
    """What must not be torn apart: for every image the first member of its group of lookalikes, else the image itself.

    Args:
        image_ids: N ids.
        duplicate_groups: The table of that name.
    """
    ids = image_ids.to_frame("image_id").lazy()
    groups = duplicate_groups.select("image_id", "group_id")
    joined = ids.join(groups, on="image_id", how="left", maintain_order="left")
    return joined.select(pl.coalesce("group_id", "image_id").alias("group")).collect()["group"]


def held_out_with_lookalikes(image_ids: pl.Series, duplicate_groups: pl.LazyFrame, share: float) -> np.ndarray:
    """As `held_out`, but images that look alike fall on the same side: that of their group's first member.

    Args:
        image_ids: N ids.
        duplicate_groups: The table of that name.
        share: Expected share of the images held out, in [0, 1].

    Returns:
        bool [N], true where the image is held out.
    """
    return held_out(lookalike_names(image_ids, duplicate_groups), share)
