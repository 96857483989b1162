"""The statistics of labels and boxes, by Polars in streams: what is held is the counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy.cluster.hierarchy import linkage
from scipy.sparse import csr_array
from scipy.spatial.distance import squareform

from image_assets.exploration.scales import BOX_SHARE

DENDROGRAM_LABELS = 48
"""How many of the most frequent labels the dendrogram shows."""
_MOST_PER_IMAGE = 40


@dataclass(frozen=True)
class Annotations:
    """The labels and boxes of a dataset, whatever annotations they come from, lazily; either may have no rows.

    Attributes:
        labels: image_id, label (its name for people), positive (whether it is in the image, or somebody made sure that
            it is not), subset (such as train or validation). A row may occur again: it counts once.
        boxes: image_id, label, xmin, xmax, ymin, ymax: shares of the image's width and height, 0 … 1,
            xmin < xmax, ymin < ymax.
    """

    labels: pl.LazyFrame
    boxes: pl.LazyFrame


@dataclass(frozen=True)
class CoOccurrence:
    """Which labels are seen together.

    Attributes:
        labels: Names, the most frequent first.
        images: int64 `[L, L]`: images that have both labels; in the diagonal, the label.
        tree: float64 `[L - 1, 4]`, a linkage as scipy has it; None for fewer than two labels.
    """

    labels: list[str]
    images: np.ndarray
    tree: np.ndarray | None


@dataclass(frozen=True)
class LabelStatistics:
    """What is known of the labels and boxes of a dataset.

    Attributes:
        frequency: label, positive, negative (images); the most frequent first.
        per_image: labels (that are in the image, 0 … 40 and more), images; ascending.
        per_subset: subset, positive, negative (labels of images), images; by name.
        together: Co-occurrence of the most frequent labels.
        box_shares: label, level of `scales.BOX_SHARE`, n; by label and level.
        boxes: How many boxes there are.
    """

    frequency: pl.DataFrame
    per_image: pl.DataFrame
    per_subset: pl.DataFrame
    together: CoOccurrence
    box_shares: pl.DataFrame
    boxes: int


def label_statistics(annotations: Annotations) -> LabelStatistics:
    """Count the labels and boxes of a dataset."""
    frequency = label_frequency(annotations.labels)
    shares = box_shares(annotations.boxes)
    return LabelStatistics(
        frequency,
        labels_per_image(annotations.labels),
        subset_counts(annotations.labels),
        co_occurrence(annotations.labels, frequency["label"].head(DENDROGRAM_LABELS).to_list()),
        shares,
        int(shares["n"].sum()),
    )


def label_frequency(labels: pl.LazyFrame) -> pl.DataFrame:
    """Images in which a label is, and in which it was looked for and is not: columns label, positive, negative."""
    rows = _distinct(labels).group_by("label").agg(_positive(), _negative())
    return _collected(rows).sort(["positive", "label"], descending=[True, False])


def labels_per_image(labels: pl.LazyFrame) -> pl.DataFrame:
    """How many images have how many labels: columns labels, images.

    Labels that are not in the image do not count; an image that has no others has 0. 40 stands for 40 and more.
    """
    images = _distinct(labels).group_by("image_id").agg(pl.col("positive").sum().cast(pl.Int64).alias("labels"))
    counted = images.group_by(pl.col("labels").clip(upper_bound=_MOST_PER_IMAGE)).agg(
        pl.len().cast(pl.Int64).alias("images")
    )
    return _collected(counted).sort("labels")


def subset_counts(labels: pl.LazyFrame) -> pl.DataFrame:
    """Labels that are and are not in images, per subset: columns subset, positive, negative, images."""
    rows = (
        _distinct(labels)
        .group_by("subset")
        .agg(_positive(), _negative(), pl.col("image_id").n_unique().cast(pl.Int64).alias("images"))
    )
    return _collected(rows).sort("subset")


def co_occurrence(labels: pl.LazyFrame, names: list[str]) -> CoOccurrence:
    """Which of some labels are seen together. Labels that are *not* in an image are no sign of company: left out.

    The distance of two labels is Jaccard's, 1 - |A ∩ B| / |A ∪ B| with the sets of images that have them: 0 where they
    are always together, 1 where never. The tree joins the groups whose labels are nearest on average (UPGMA).
    """
    wanted = _distinct(labels).filter(pl.col("positive") & pl.col("label").is_in(names)).select("image_id", "label")
    rows = _collected(wanted.unique())
    places = rows["label"].replace_strict(names, range(len(names)), return_dtype=pl.Int32).to_numpy()
    _, images = np.unique(rows["image_id"].to_numpy(), return_inverse=True)
    # int64: a boolean product would only tell whether there is any.
    matrix = csr_array(
        (np.ones(rows.height, np.int64), (images, places)), shape=(images.max(initial=0) + 1, len(names))
    )
    both = (matrix.T @ matrix).toarray()
    return CoOccurrence(names, both, linkage(squareform(jaccard(both)), "average") if len(names) > 1 else None)


def jaccard(both: np.ndarray) -> np.ndarray:
    """Jaccard's distances, float64 `[L, L]`, from the images that have two labels, int64 `[L, L]`."""
    single = np.diag(both)
    either = single[:, None] + single[None, :] - both
    distances = 1 - both / np.maximum(either, 1)
    np.fill_diagonal(distances, 0)
    return distances


def box_shares(boxes: pl.LazyFrame) -> pl.DataFrame:
    """How large the boxes of a label are: columns label, level (of `scales.BOX_SHARE`), n.

    The share is (xmax - xmin) × (ymax - ymin). Boxes without an area are on the lowest level.
    """
    share = (pl.col("xmax") - pl.col("xmin")) * (pl.col("ymax") - pl.col("ymin"))
    scaled = (share.clip(1e-9, 1).log10() - BOX_SHARE.low) * (BOX_SHARE.levels / (BOX_SHARE.high - BOX_SHARE.low))
    level = scaled.floor().clip(0, BOX_SHARE.levels - 1).cast(pl.Int16).alias("level")
    rows = boxes.filter(share.is_finite()).group_by("label", level).agg(pl.len().cast(pl.Int64).alias("n"))
    return _collected(rows).sort("label", "level")


def _distinct(labels: pl.LazyFrame) -> pl.LazyFrame:
    """Each label of an image once; where it was both confirmed and denied, it is there."""
    return labels.group_by("subset", "image_id", "label").agg(pl.col("positive").any())


def _positive() -> pl.Expr:
    return pl.col("positive").sum().cast(pl.Int64)


def _negative() -> pl.Expr:
    return (~pl.col("positive")).sum().cast(pl.Int64).alias("negative")


def _collected(rows: pl.LazyFrame) -> pl.DataFrame:
    return rows.collect(engine="streaming")
