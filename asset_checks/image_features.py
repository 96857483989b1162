"""What must hold of features: one vector per image, of the right width, finite, different, of one extractor."""

import polars as pl

from asset_checks.check import Outcome, Subject, check
from asset_checks.raw_images import label_outcome
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES


@check("Every loaded image has one feature row, and there is no row without an image.", blocking=True)
def one_row_per_image(subject: Subject) -> Outcome:
    """Ids of features = ids of images, each once."""
    images = subject.rows(RAW_IMAGES).select("image_id").collect()
    features = subject.rows(IMAGE_FEATURES).select("image_id").collect()
    missing = images.join(features, on="image_id", how="anti").with_columns(fault=pl.lit("no features"))
    unknown = features.join(images, on="image_id", how="anti").with_columns(fault=pl.lit("no image"))
    twice = features.filter(pl.col("image_id").is_duplicated()).unique().with_columns(fault=pl.lit("twice"))
    faulty = pl.concat([missing, unknown, twice])
    return Outcome(
        passed=faulty.is_empty(),
        figures={
            "images": images.height,
            "rows": features.height,
            "missing": missing.height,
            "without image": unknown.height,
            "twice": twice.height,
        },
        sample=faulty.sort("image_id"),
        advice="Materialise image_features of this partition again.",
    )


@check(
    "Every vector has the extractor's width and only finite values, and is not the same value throughout.",
    blocking=True,
)
def vectors_are_sound(subject: Subject) -> Outcome:
    """Width, finiteness, and variation within each vector and between the images."""
    vector = pl.col("features")
    rows = (
        subject.rows(IMAGE_FEATURES)
        .select(
            "image_id",
            width=vector.list.len(),
            finite=vector.list.eval(pl.element().is_finite()).list.all(),
            constant=vector.list.min() == vector.list.max(),
            checksum=vector.hash(),
        )
        .collect()
    )
    usual = rows["width"].mode().min() if rows.height else 0
    faulty = rows.filter((pl.col("width") != usual) | ~pl.col("finite") | pl.col("constant"))
    # Different images give different vectors; all alike means that the model does not see its input.
    all_alike = rows.height > 2 and rows["checksum"].n_unique() == 1
    return Outcome(
        passed=faulty.is_empty() and not all_alike,
        figures={
            "rows": rows.height,
            "width": str(usual),
            "other width": rows.filter(pl.col("width") != usual).height,
            "not finite": rows.filter(~pl.col("finite")).height,
            "constant": rows.filter("constant").height,
            "all vectors alike": str(all_alike),
        },
        sample=faulty.drop("checksum"),
        advice="Look at the images named here; if they are fine, the extractor or its settings are not.",
    )


@check("All rows were made by one extractor: the digest is the same throughout.", blocking=True)
def one_extractor(subject: Subject) -> Outcome:
    """One digest in the partition."""
    digests = subject.rows(IMAGE_FEATURES).group_by("extractor").agg(pl.len().alias("rows")).sort("extractor").collect()
    return Outcome(
        passed=digests.height <= 1,
        figures={"extractors": digests.height},
        sample=digests,
        advice="Features of different extractors cannot be compared: materialise image_features here again.",
    )


@check("Every feature row carries the label that the dataset file gives its category.", blocking=True)
def label_is_category(subject: Subject) -> Outcome:
    """The label agrees with the category."""
    return label_outcome(subject, subject.rows(IMAGE_FEATURES))


CHECKS = (one_row_per_image, vectors_are_sound, one_extractor, label_is_category)
