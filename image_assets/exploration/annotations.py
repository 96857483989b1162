"""Tables of annotations, brought into the frames that label statistics are computed from."""

from __future__ import annotations

import polars as pl

from image_assets.dataset import DatasetSpec
from image_assets.exploration.label_statistics import Annotations
from image_assets.schema import IMAGE_BOXES, IMAGE_LABELS
from image_assets.settings.annotated import AnnotatedSection
from image_assets.store.store import Store

# Of `train-annotations-human-imagelabels-boxable.csv` people say train.
_SUBSET = pl.col("annotation_file").str.replace(r"-annotations.*$|\.[a-z.]+$", "")


def annotations_of(dataset: DatasetSpec, store: Store) -> Annotations | None:
    """The labels and boxes that a dataset has beside its categories; None where its source has none.

    Labels that are neither there nor not there (a confidence between) are left out, as are boxes without an area.
    """
    if not isinstance(dataset.source, AnnotatedSection):
        return None
    labels = store.table(dataset.name, IMAGE_LABELS).scan(None).filter(pl.col("positive").is_not_null())
    boxes = store.table(dataset.name, IMAGE_BOXES).scan(None)
    # To Polars, NaN is larger than any number.
    sides = pl.col("xmin", "xmax", "ymin", "ymax")
    sound = pl.all_horizontal(sides.is_finite()) & (pl.col("xmin") < pl.col("xmax")) & (pl.col("ymin") < pl.col("ymax"))
    return Annotations(
        labels.select("image_id", "positive", label="label_name", subset=_SUBSET),
        boxes.filter(sound).select("image_id", sides, label="label_name"),
    )
