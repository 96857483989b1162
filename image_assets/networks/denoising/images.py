"""Which images a denoising network learns from, and which judge it: the sides are those of the classifier."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from image_assets.categories.record import in_use
from image_assets.classifier.training.images import lookalike_names, set_aside, undisputed, with_source_sets
from image_assets.dataset import DatasetSpec
from image_assets.lookalikes.label_conflicts import in_doubt
from image_assets.marks.decisions import decisions_of
from image_assets.networks.errors import UnfitDataError
from image_assets.store.store import Store

_FEWEST = 2
"""On each side; with fewer there is nothing to learn, to choose the best pass by, or to judge by."""


@dataclass(frozen=True)
class Sides:
    """Rows `image_id`, `date`, `category`, `label`, no image in two of them, lookalikes in the same.

    Attributes:
        learnt: Trained on.
        validated: Say which pass was the best.
        judged: Held out.
    """

    learnt: pl.DataFrame
    validated: pl.DataFrame
    judged: pl.DataFrame


@dataclass(frozen=True)
class Tables:
    """The tables of a dataset by which images are chosen, as they are named."""

    image_features: pl.LazyFrame
    duplicate_groups: pl.LazyFrame
    label_conflicts: pl.LazyFrame
    raw_images: pl.LazyFrame


def sides_of(dataset: DatasetSpec, store: Store, tables: Tables, validation: float, most_judged: int) -> Sides:
    """Put the images on their sides.

    Args:
        dataset: Its split is the classifier's.
        store: Where people's decisions on images are.
        tables: Of the dataset.
        validation: Share of the training images that are not learnt from.
        most_judged: Of more images held out, those with the first ids.

    Raises:
        UnfitDataError: there are too few images.
    """
    decisions = decisions_of(dataset, store)
    features = decisions.applied(in_use(tables.image_features, dataset))
    named = features.select("image_id", "label", "date", "category")
    images = undisputed(named, in_doubt(tables.label_conflicts, decisions)).collect().sort("image_id")
    images = with_source_sets(images, tables.raw_images, dataset.classifier)
    if images.is_empty():
        raise UnfitDataError(f"{dataset.name}: there is no image to learn from yet")
    aside = pl.Series(set_aside(images["image_id"], images.lazy(), tables.duplicate_groups, dataset.classifier))
    groups = lookalike_names(images["image_id"], tables.duplicate_groups)
    # By the middle digits: the last ones say what is held out, and the first what judges.
    validates = groups.str.slice(24, 8).str.to_integer(base=16) / 16**8 < validation
    sides = Sides(
        images.filter(~aside & ~validates), images.filter(~aside & validates), images.filter(aside).head(most_judged)
    )
    for rows, what in ((sides.learnt, "learn from"), (sides.validated, "validate by"), (sides.judged, "judge by")):
        if rows.height < _FEWEST:
            raise UnfitDataError(
                f"{dataset.name}: {images.height:,} images leave {rows.height} to {what}; a denoising network needs "
                f"{_FEWEST} at least"
            )
    return sides
