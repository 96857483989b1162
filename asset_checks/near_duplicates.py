"""What must hold of pairs of images that look alike."""

import polars as pl

from image_assets.asset_checks.check import Outcome, Subject, check
from image_assets.lookalikes.near_duplicates import alike
from image_assets.schema import NEAR_DUPLICATES, RAW_IMAGES

# Of two numbers that are none, polars takes the one for the larger, and so for a cosine that is large enough.
_MEASURED = pl.col("cosine").is_between(-1.001, 1.001) & pl.col("distance").is_between(0, 64)


@check(
    "Every pair is of two images, the first of this partition, and as alike as the dataset file asks for.",
    key="near_duplicates.distance, near_duplicates.cosine",
)
def pairs_are_alike(subject: Subject) -> Outcome:
    """Ids, distances and cosines of the pairs."""
    spec = subject.dataset.near_duplicates
    pairs = subject.rows(NEAR_DUPLICATES).collect()
    images = subject.rows(RAW_IMAGES).select("image_id").collect()
    faulty = pl.concat(
        [
            pairs.join(images, on="image_id", how="anti").with_columns(fault=pl.lit("not an image of this partition")),
            pairs.filter(pl.col("image_id") == pl.col("other_id")).with_columns(fault=pl.lit("one image")),
            pairs.filter(~(alike(spec) & _MEASURED)).with_columns(fault=pl.lit("not alike")),
        ]
    )
    return Outcome(
        passed=faulty.is_empty(),
        figures={"pairs": pairs.height, "faulty": faulty.height, "distance": spec.distance, "cosine": spec.cosine},
        sample=faulty.select("image_id", "other_id", "distance", "cosine", "fault"),
        advice="Materialise near_duplicates of this partition again.",
    )
