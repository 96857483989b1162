"""Which images a classifier may learn from, and on which side of the split each falls."""

from __future__ import annotations

import numpy as np
import polars as pl

from image_assets.classifier.training.source_sets import source_set
from image_assets.classifier.training.split import held_out, last_days, sources_held_out
from image_assets.lookalikes.label_conflicts import held_back
from image_assets.settings.classifier import Classifier

BY_IMAGE = "by image"
"""How `said_of_split` begins of a split by image."""


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


def with_source_sets(images: pl.DataFrame, raw_images: pl.LazyFrame | None, spec: Classifier) -> pl.DataFrame:
    """Images with the name of the source set that each came from, see `source_set`, as `source_set`.

    Args:
        images: N rows with `image_id` and whatever else.
        raw_images: The table of that name, of which only the provenance is read; None: all are of one set.
        spec: Its `split` may name the sets.
    """
    if raw_images is None:
        return images.with_columns(source_set=pl.lit(""))
    named = raw_images.select("image_id", source_set(spec.split.source))
    joined = images.lazy().join(named, on="image_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("source_set").fill_null("")).collect()


def set_aside(
    image_ids: pl.Series, image_features: pl.LazyFrame, duplicate_groups: pl.LazyFrame, spec: Classifier
) -> np.ndarray:
    """Which images a dataset's classifier is evaluated on, as its `split` says: the one place where that is decided.

    By image, an image never changes sides. By time, it does once: what is held out because it is recent is trained on
    when newer days have come, and never held out again. So a model of then has seen nothing of what is held out now,
    and a model of now is not to be compared with it on days that it was trained on. By source, what was trained on is
    never held out; see `sources_held_out`.

    Args:
        image_ids: N ids, all of `image_features`.
        image_features: Rows with `image_id` and `date`; by source with `source_set`, too.
        duplicate_groups: The table of that name. A group is on the side of its earliest member.
        spec: Share and split.

    Returns:
        bool [N], true where the image is held out.
    """
    if spec.split.by == "image":
        return held_out_with_lookalikes(image_ids, duplicate_groups, spec.held_out)
    if spec.split.by == "source":
        return _sources_aside(image_ids, image_features, duplicate_groups, spec.held_out)
    days = (
        image_ids.to_frame("image_id")
        .lazy()
        .join(image_features.select("image_id", "date"), on="image_id", how="left", maintain_order="left")
    )
    groups = duplicate_groups.select("image_id", first=pl.col("date").min().over("group_id"))
    dated = days.join(groups, on="image_id", how="left", maintain_order="left").collect()
    # Nulls are left out: an image that is in no group has only its own day.
    earliest = dated.select(pl.min_horizontal("date", "first")).to_series()
    return last_days(dated["date"], earliest, spec.split.last_days)


def _sources_aside(
    image_ids: pl.Series, images: pl.LazyFrame, duplicate_groups: pl.LazyFrame, share: float
) -> np.ndarray:
    rows = images.select("image_id", "date", "category", "source_set").collect()
    aside = sources_held_out(rows["source_set"], rows["category"], rows["date"], share)
    sides = rows.select("image_id", aside=pl.Series(aside))
    named = pl.DataFrame({"image_id": image_ids, "group": lookalike_names(image_ids, duplicate_groups)})
    # Lookalikes go with the first of their group; where that one may not be learnt from, all are held out if one is.
    own, first = sides, sides.rename({"image_id": "group", "aside": "first"})
    joined = named.join(own, on="image_id", how="left", maintain_order="left")
    return (
        joined.join(first, on="group", how="left", maintain_order="left")
        .select(pl.coalesce("first", pl.col("aside").any().over("group")))
        .to_series()
        .to_numpy()
    )


def said_of_split(spec: Classifier) -> str:
    """How images are held out, in words, for the manifest of a model."""
    if spec.split.by == "image":
        return f"{BY_IMAGE}: {spec.held_out:g} of the ids, lookalikes together; an image never changes sides"
    if spec.split.by == "source":
        named = f", named by {spec.split.source!r}" if spec.split.source else ""
        return (
            f"by source: {spec.held_out:g} of the source sets{named}, lookalikes on the side of their earliest "
            "member; the set that a category began with is trained on"
        )
    return (
        f"by time: the last days with data held out ({spec.split.last_days}), lookalikes on the side of their earliest "
        "member; an image held out because it is recent is trained on later"
    )
