"""What must hold of the labels of ImageNet: every picture has them once, sound, by one classifier."""

import polars as pl

from image_assets.asset_checks.check import Outcome, Subject, check
from image_assets.schema import IMAGE_CHIPS, IMAGENET_PREDICTIONS, RAW_IMAGES
from image_assets.settings.annotated import AnnotatedSection

_AGAIN = "Materialise imagenet_predictions of this partition again."


@check("Every image, or every chip of a dataset with boxes, is labelled exactly once, and nothing else is.")
def every_picture_labelled_once(subject: Subject) -> Outcome:
    """Ids of `imagenet_predictions` against those of `image_chips` or `raw_images`."""
    source = subject.dataset.source
    chips = isinstance(source, AnnotatedSection) and source.with_boxes
    schema, key = (IMAGE_CHIPS, ("image_id", "chip_id")) if chips else (RAW_IMAGES, ("image_id",))
    pictures = subject.rows(schema).select(*key).collect()
    rows = subject.rows(IMAGENET_PREDICTIONS).select("image_id", "chip_id").collect()
    times = rows.group_by(key).agg(
        pl.len().alias("labelled"), (pl.col("chip_id").is_not_null() == pl.lit(chips)).all().alias("as_a_whole")
    )
    found = pictures.with_columns(there=True).join(times, on=key, how="full", coalesce=True)
    wrong = found.filter(
        pl.col("there").is_null() | pl.col("labelled").ne_missing(1) | pl.col("as_a_whole").ne_missing(True)
    )
    return Outcome(
        passed=wrong.is_empty(),
        figures={"pictures": pictures.height, "rows": rows.height, "wrong": wrong.height},
        sample=wrong.sort(key),
        advice=_AGAIN,
    )


@check("Scores are in [0, 1] and fall from label to label; the first one is the label of the row.")
def labels_are_sound(subject: Subject) -> Outcome:
    """Every row by itself, and one number of labels and one classifier for all of them."""
    rows = subject.rows(IMAGENET_PREDICTIONS).drop("date", "category").collect()
    scores, classes, labels = (pl.col(f"top_{name}") for name in ("scores", "classes", "labels"))
    ordered = scores.list.sort(descending=True) == scores
    first = (
        (scores.list.first() == pl.col("score"))
        & (classes.list.first() == pl.col("imagenet_class"))
        & (labels.list.first() == pl.col("imagenet_label"))
    )
    same_length = (scores.list.len() == classes.list.len()) & (scores.list.len() == labels.list.len())
    in_range = (scores.list.min() >= 0) & (scores.list.max() <= 1 + 1e-6) & scores.list.sum().is_between(0, 1 + 1e-4)
    apart = classes.list.n_unique() == classes.list.len()
    wrong = rows.filter(~(ordered & first & same_length & in_range & apart).fill_null(False))
    classifiers = rows["classifier"].n_unique()
    lengths = rows["top_scores"].list.len().n_unique()
    return Outcome(
        passed=wrong.is_empty() and classifiers <= 1 and lengths <= 1,
        figures={"rows": rows.height, "wrong": wrong.height, "classifiers": classifiers, "numbers of labels": lengths},
        sample=wrong.drop("top_labels").sort("image_id"),
        advice=_AGAIN,
    )
