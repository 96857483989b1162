"""What must hold of features: one vector per image, of the right width, finite, different, of one extractor."""

from itertools import chain

import polars as pl

from image_assets.asset_checks.check import Outcome, Subject, check
from image_assets.asset_checks.raw_images import label_outcome
from image_assets.schema import IMAGE_FEATURES, RAW_IMAGES


@check("Every loaded image has one feature row, and there is no row without an image.")
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
        sample=faulty.sort("image_id", "fault"),
        advice="Materialise image_features of this partition again.",
    )


@check(
    "Every vector has the extractor's width and only finite values, and is not the same value throughout; "
    "not all pictures have the same one.",
)
def vectors_are_sound(subject: Subject) -> Outcome:
    """Width, finiteness, and variation within each vector and between the images."""
    rows = _traits_of_vectors(subject)
    width = subject.extractor.width
    other_width = pl.col("width") != width
    faulty = rows.filter(other_width | ~pl.col("finite") | pl.col("constant"))
    all_alike = rows.height > 1 and rows["hash"].n_unique() == 1 and _pictures(subject) > 1
    return Outcome(
        passed=faulty.is_empty() and not all_alike,
        figures={
            "rows": rows.height,
            "width": width,
            "other width": rows.filter(other_width).height,
            "not finite": rows.filter(~pl.col("finite")).height,
            "constant": rows.filter("constant").height,
            "all vectors alike": str(all_alike),
        },
        sample=faulty.drop("hash").sort("image_id"),
        advice="Look at the images named here; if they are fine, the extractor or its settings are not.",
    )


def _traits_of_vectors(subject: Subject) -> pl.DataFrame:
    """image_id, width, finite, constant and hash of every vector; the vectors themselves pass by and are let go of."""
    vector = pl.col("features")
    finite = vector.list.eval(pl.element().is_finite().fill_null(False)).list.all()
    traits = {
        "width": vector.list.len(),
        "finite": finite,
        # NaN is passed over by both and would look constant: the row is reported as not finite already.
        "constant": (vector.list.min() == vector.list.max()).fill_null(False) & finite,
        "hash": vector.hash(),
    }
    files = subject.table(IMAGE_FEATURES).snapshot().of(subject.checked_partition)
    batches = subject.batches(IMAGE_FEATURES, ["image_id", "features"], files)
    return pl.concat([rows.select("image_id", **traits) for rows in chain([IMAGE_FEATURES.no_rows()], batches)])


def _pictures(subject: Subject) -> int:
    # The same picture under several ids, saved again with other metadata, rightly has the same vector.
    return subject.rows(RAW_IMAGES).select(pl.col("thumbnail").n_unique()).collect().item()


@check("All rows were made by the dataset's extractor, with its present weights and settings.")
def one_extractor(subject: Subject) -> Outcome:
    """One digest in the partition: that of the dataset's extractor."""
    digests = subject.rows(IMAGE_FEATURES).group_by("extractor").agg(pl.len().alias("rows")).sort("extractor").collect()
    other = digests.filter(pl.col("extractor").ne_missing(subject.extractor.digest))
    return Outcome(
        passed=other.is_empty(),
        figures={"extractor": subject.extractor.digest, "rows of another": int(other["rows"].sum())},
        sample=digests,
        advice="Features of different extractors cannot be compared: materialise image_features here again.",
    )


@check("Every feature row carries the label that the dataset file gives its category.")
def label_is_category(subject: Subject) -> Outcome:
    """The label agrees with the category."""
    return label_outcome(subject, subject.rows(IMAGE_FEATURES))
